"""`ami report` and `ami status --live` as a person runs them, over a fleet that was read."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from rich.console import Console

from ami.fleet import Fleet, Node
from ami.fleet_view import span, troubles, view
from ami.main import cli
from ami.report import share
from model.clock import parse_instant
from storage.completeness import Completeness
from storage.contact_reports import Silent
from storage.secrets import WrappingKey
from tests.collector_fleet import AS_OF, Cooperative, cooperative
from tests.integration.conftest import Ami

AT = ("--as-of", AS_OF.isoformat())


@pytest.fixture
def village(ami: Ami, database: str, free_port: int) -> Iterator[Cooperative]:
    ami.home.mkdir(exist_ok=True)
    WrappingKey.load_or_create(ami.home / "wrapping.key")
    shutil.copy(ami.home / "wrapping.key", ami.home / "key")
    ami.environment["AMI_LISTEN_PORT"] = str(free_port)
    with cooperative(database, ami.home, free_port) as found:
        yield found


def said(ami: Ami, *arguments: str, code: int = 0) -> str:
    """What a command prints, in this process: a report each would be a second of starting."""
    done = CliRunner().invoke(cli, arguments, env=ami.environ())
    assert done.exit_code == code, done.output
    return done.stdout


def told(ami: Ami, *arguments: str) -> Any:
    return json.loads(said(ami, *arguments, "--json", *AT))


@pytest.mark.long
def test_reports_of_a_fleet_with_dead_modems(ami: Ami, village: Cooperative) -> None:
    dead = sorted(village.order(do="silence", modems="planted", on=True)["silence"])
    meters = village.register.meters
    mute = {m.serial for m in meters if m.modem in dead}
    ami("collect", "--once", *AT, code=3)
    with psycopg.connect(village.dsn) as conn:
        query = "SELECT serial FROM installation JOIN meter ON id = meter_id WHERE until IS NULL"
        hung = {serial for (serial,) in conn.execute(query)}

    day = ("--day", "2026-11-19", "--days", "1")
    complete = told(ami, "report", "completeness", *day, "--by", "station")
    timed = {m.serial for m in meters if m.model == "dk-mb"}  # it keeps no records: no yesterday
    assert complete["total"]["due_of_silent_meters"] == 48 * len(hung & (mute | timed))
    assert complete["total"]["share_heard"] > 0.95
    assert sum(row["due"] for row in complete["rows"]) == complete["total"]["due"]
    late = told(ami, "report", "completeness", *day, "--received-by", "2026-11-19T00:00:00+07:00")["total"]
    assert (late["came"], late["due"]) == (0, complete["total"]["due"])

    by_meter = told(ami, "report", "completeness", *day, "--by", "meter")
    lacking = {row["serial"]: row for row in by_meter["rows"]}
    assert by_meter["total"] == complete["total"]
    assert by_meter["meters_lacking"] == len(lacking) >= len(hung & (mute | timed))
    assert (
        sum(row["missing"] for row in lacking.values())
        == complete["total"]["due"] - complete["total"]["came"]
    )
    midnight = {"start": "2026-11-19T00:00:00+07:00", "end": "2026-11-20T00:00:00+07:00"}
    for serial in hung & (mute | timed):
        (whole_day,) = lacking[serial]["periods"]
        assert {end: parse_instant(at) for end, at in whole_day.items()} == {
            end: parse_instant(at) for end, at in midnight.items()
        }
    assert [row["missing"] for row in by_meter["rows"]][:1] == [48], "the worst come first"
    station = complete["rows"][0]["of"]
    there = told(ami, "report", "completeness", *day, "--by", "meter", "--station", station, "--limit", "2")
    assert len(there["rows"]) <= 2
    assert {row["station"] for row in there["rows"]} <= {station}
    assert there["total"] == {**complete["rows"][0], "of": ""}
    page = said(ami, "report", "completeness", *day, "--by", "meter", "--limit", "1", *AT)
    assert "nothing came" in page
    said(ami, "report", "completeness", "--limit", "1", code=2)

    silent = told(ami, "report", "silent")["silent"]
    assert [one["modem"] for one in silent] == dead
    assert {serial for one in silent for serial in one["serials"]} == mute & hung
    failed = told(ami, "report", "failures")
    assert {one["serial"] for one in failed["unread"]} == mute & hung
    assert {one["outcome"] for one in failed["outcomes"]} >= {"ok", "no_link"}
    drift = told(ami, "report", "drift")
    assert drift["clocks"][0]["offset_s"] != 0
    assert drift["meters"] == len(drift["clocks"])
    links = told(ami, "report", "links")
    assert {one["modem"] for one in links["modems"]} == {m.modem for m in meters}

    for verb in ("completeness", "silent", "failures", "drift", "links"):
        assert said(ami, "report", verb, *AT).strip(), verb
    assert re.search(r"19/11/2026 .* %", said(ami, "report", "completeness", *AT))
    said(ami, "report", "completeness", "--day", "2026-13-01", code=2)

    fleet = told(ami, "status", "--live")
    assert fleet["nodes"] == []
    assert [one["modem"] for one in fleet["silent"]] == dead
    assert fleet["yesterday"]["due"] == complete["total"]["due"]
    assert dead[0] in said(ami, "status", "--live", *AT)


def some_fleet(**changes: Any) -> Fleet:
    names = [f"head-end-of-the-{i:02}-province-with-a-long-name" for i in range(30)]
    nodes = tuple(
        Node(name, "ready", "", 1.0, 4, 812, 240, 12_345, 0.62, 4000.0, 3, 620, 0.0031, "h:1")
        for name in names
    )
    given: dict[str, Any] = {
        "at": parse_instant("2026-11-20T10:00:00+07:00"),
        "nodes": (*nodes, Node("z", "silent", "", 44.0, 1, 1, 1, None, None, None, None, None, None, "")),
        "database_ms": 3.2,
        "database_bytes": 5 << 30,
        "today": Completeness("", 9, 10_000, 9_999, 0),
        "yesterday": Completeness("", 9, 10_000, 10_000, 0),
        "counted_at": parse_instant("2026-11-20T10:00:00+07:00"),
        "reads": {"ok": 12_000, "timeout": 300, "no_link": 4_000, "partial": 12, "garbage": 4, "refused": 1},
        "sessions": {"at_the_door": 12, "dialled_in": 4_800, "talking": 350},
        "rejected": {"unknown_modem": 100_000, "address_cap": 12, "first_byte": 3, "registration_time": 17},
        "fenced": 2,
        "jobs": {"shards": 12.0, "default": 4000.0},
        "silent": tuple(
            Silent(f"MODEM-{i:04}", "dial_in", None, ("1",), ("T",), None, None) for i in range(90)
        ),
    }
    return Fleet(**{**given, **changes})


@pytest.mark.parametrize(("width", "height"), [(80, 24), (132, 50), (60, 16)])
def test_a_large_fleet_fits_the_screen(width: int, height: int) -> None:
    for fleet in (
        some_fleet(),
        some_fleet(database_ms=None, away="connection refused " * 20),
        some_fleet(nodes=()),
    ):
        console = Console(width=width, height=height, file=io.StringIO())
        with console.capture() as captured:
            console.print(view(fleet, width, height))
        lines = captured.get().splitlines()
        assert len(lines) <= height
        assert all(len(line) <= width for line in lines)
        text = "\n".join(lines)
        assert "Half-hours" in text
        if fleet.nodes:
            assert "z " in text, "who is silent comes first"
            assert "more" in text or height > 40
        if fleet.database_ms is None:
            assert "AWAY: connection refused" in text


def test_what_nobody_tells_any_more_is_not_shown_as_if_it_were_now() -> None:
    def screen(**changes: Any) -> str:
        console = Console(width=100, height=30, file=io.StringIO())
        with console.capture() as captured:
            console.print(view(some_fleet(**changes), 100, 30))
        return captured.get()

    told = {"heard_at": parse_instant("2026-11-20T09:58:07+07:00")}
    assert re.search(r"Reads/minute +16,317: 12,000 ok", screen(**told))
    stale = screen(**told, reads=None, sessions=None, rejected=None, database_ms=None, away="refused")
    assert re.search(r"Reads/minute +– \(nobody tells since 20/11 09:58:07\)", stale)
    assert re.search(r"Sessions +–", stale)
    assert re.search(r"Sent away +–", stale)
    assert re.search(r"Reads/minute +–\s*$", screen(reads=None), re.M)


def test_what_a_head_end_cannot_do_is_a_sentence_each() -> None:
    well = Node("a", "ready", "", 1.0, 4, 8, 2, 1, 0.1, 4.0, 3, 620, 0.0031, "h:1", "")
    full = replace(well, name="b", state="not ready", why="the disk is full: make room")
    deaf = replace(full, name="c", why="", broker_away="the MQTT broker h:1883 is away")
    assert list(troubles((well, deaf, full))) == [
        "b does not poll: the disk is full: make room",
        "c hears no gateways: the MQTT broker h:1883 is away",
    ]


def test_what_is_not_whole_never_looks_whole() -> None:
    assert share(0.99999) == "99.99 %"
    assert share(1.0) == "100 %"
    assert share(None) == "–"
    assert [span(s) for s in (0.4, 119, 121, 7300, 90_000, 260_000)] == [
        "0 s",
        "119 s",
        "2 min",
        "2 h",
        "25 h",
        "3 days",
    ]
