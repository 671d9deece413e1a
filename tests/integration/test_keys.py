"""Meters with keys of their own: read under them and never with less, no nonce twice, no key to be seen."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.watch.metrics import REGISTRY
from protocols.dlms.apdu import Aare, InitiateResponse
from protocols.dlms.enums import AssociationResult, Conformance, Mechanism, UserDiagnostic
from tests.keyed_lines import Overheard
from tests.remote_orders import here, people, present_fleet, registered
from tests.simulated_fleet import Fleet

FAILURES = "ami_dlms_auth_failures_total"
KEYED = ("--meters", "1", "--modems", "1", "--dial-in", "0", "--keyed", "1")


@pytest.fixture
def fleet(ami: Any, tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Fleet]:
    """A meter with keys behind a modem in the running present, registered."""
    port = free_ports()
    ami.environment |= {"AMI_LISTEN_PORT": str(port), "AMI_ANSWER_S": "3", "AMI_METRICS_PORT": "0"}
    with present_fleet(ami, port, *KEYED) as running:
        registered(ami, running, tmp_path)
        people(ami)
        yield running


@pytest.fixture
def line(fleet: Fleet, database: str, free_port: int) -> Iterator[Overheard]:
    """The way to its modem, overheard."""
    modem = fleet.register["modems"][0]
    with Overheard(free_port, (modem["host"], modem["port"])) as heard:
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("UPDATE modem SET port = %s", [free_port])
        yield heard


def elsewhere(ami: Any, folder: Path) -> Any:
    """Another machine of the same installation: a home of its own with the same wrapping key."""
    folder.mkdir(mode=0o700)
    shutil.copy(ami.home / "wrapping.key", folder)
    return dataclasses.replace(ami, home=folder, environment={**ami.environment, "AMI_NODE": "node-b"})


@pytest.mark.parametrize(
    "kills",
    [(True, False), pytest.param((True, False, False, True, False, True), marks=pytest.mark.soak)],
    ids=["twice", "again and again"],
)
def test_meters_with_keys_are_read_by_whichever_head_end_holds_them(
    ami: Any, fleet: Fleet, line: Overheard, database: str, tmp_path: Path, kills: tuple[bool, ...]
) -> None:
    """Two homes in turn, then the first killed in the middle of it: every meter believes whoever comes.

    `kills`: whether what it said last still arrives.
    """
    other = elsewhere(ami, tmp_path / "b")
    first = ami.json("collect", "--once", "--json")
    assert first["failed"] == []
    assert first["values"] > 0
    for home in (other, ami):
        assert home.json("collect", "--once", "--json")["failed"] == []
    for arrives in kills:
        line.heard.clear()
        line.trap = None if arrives else _swallowed
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("TRUNCATE answered")  # so that there is a lot to say
        victim = ami.start("collect", "--once", stderr=subprocess.DEVNULL)
        assert line.heard.wait(30)
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
        line.trap = None
        assert (other if arrives else ami).json("collect", "--once", "--json")["failed"] == []
    assert ami.json("collect", "--once", "--json")["failed"] == []
    titles = {title for title, _ in line.nonces}
    assert len(titles) == 2, "each home has a title of its own"
    assert len(line.nonces) == len(set(line.nonces)), "a nonce came twice"
    assert len(line.nonces) > 50
    assert set(line.asked) == {(16, Mechanism.NONE), (1, Mechanism.HLS_GMAC)}


def _swallowed(chunk: bytes) -> bytes | None:
    """What is ciphered never arrives: of its number the meter knows nothing."""
    return None if b"\x30\x00\x00" in chunk else chunk


def test_a_meter_that_lets_in_with_less_is_not_read(
    ami: Any, fleet: Fleet, database: str, free_port: int
) -> None:
    """Somebody on the line answers as a meter would that wants no keys, or a password."""
    plain = Aare(
        AssociationResult.ACCEPTED, UserDiagnostic.NULL, InitiateResponse(Conformance.GET, 1024).to_bytes()
    )
    modem = fleet.register["modems"][0]
    with Overheard(free_port, (modem["host"], modem["port"])) as heard:
        heard.answers = lambda payload: plain.to_bytes() if payload[:1] == b"\x60" else None
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("UPDATE modem SET port = %s", [free_port])
        before = REGISTRY.get_sample_value(FAILURES) or 0.0
        done = json.loads(here(ami, "collect", "--once", "--json", code=3).stdout)
        failures = (REGISTRY.get_sample_value(FAILURES) or 0.0) - before
    assert done["values"] == 0
    assert [mechanism for client, mechanism in heard.asked if client == 1] != []
    assert {mechanism for client, mechanism in heard.asked if client == 1} == {Mechanism.HLS_GMAC}
    assert failures == [client for client, _ in heard.asked].count(1), "each of them is counted"
    assert "must not be believed" in done["failed"][0]["detail"]
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM register_read").fetchone() == (0,)


def test_a_meter_whose_keys_are_not_known_is_not_read(
    ami: Any, fleet: Fleet, line: Overheard, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("DELETE FROM meter_secret")
    done = ami.json("collect", "--once", "--json", code=3)
    assert "its model wants keys" in done["failed"][0]["detail"]
    assert line.asked == []

    serial = fleet.register["meters"][0]["serial"]
    keys = fleet.register["meters"][0]["keys"]
    file = ami.home / "keys.toml"
    wrong = {**keys, "authentication": "00" * 16}
    _written(file, serial, wrong)
    ami.environment["AMI_METER_KEYS"] = str(file)
    here(ami, "meter", "change", serial)
    done = ami.json("collect", "--once", "--json", code=3)
    assert "correct its keys" in done["failed"][0]["detail"]
    _written(file, serial, keys)
    assert "key changed" in here(ami, "meter", "change", serial).stderr
    assert ami.json("collect", "--once", "--json")["failed"] == []


def _written(file: Path, serial: str, keys: dict[str, str]) -> None:
    lines = [f"{name}_key = {key!r}" for name, key in keys.items()]
    file.write_text(f"[{serial}]\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_no_key_is_to_be_seen(ami: Any, fleet: Fleet, database: str) -> None:
    """Not in what is printed or logged, not in the database, not in any file but the wrapping key's."""
    keys = list(fleet.register["meters"][0]["keys"].values())
    assert len(keys) == 3
    seen = []
    for words in (("collect", "--once", "--json"), ("meter", "list", "--json"), ("export", "register"),
                  ("status", "--json")):  # fmt: skip
        done = ami(*words, code=None)
        seen.append(done.stdout + done.stderr)
    with psycopg.connect(database) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            seen += [
                str(row) for (row,) in conn.execute(f"SELECT to_jsonb(t)::text FROM {table} t").fetchall()
            ]
    found = "\n".join(seen).casefold()
    for path in ami.home.rglob("*"):
        if path.is_file() and path.name != "wrapping.key":
            found += path.read_bytes().hex() + path.read_bytes().decode("latin-1").casefold()
    for key in keys:
        assert key not in found
        assert json.dumps(key)[1:-1] not in found
