"""gurux-dlms and pydlms-client, which share no line with us, read our simulated meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocols import meter_models
from simulators.single_meter import DLMS_MODEL, Port, SingleOptions
from simulators.single_service import SingleMeter
from tests.foreign_peers import Peers, our_meter
from tests.overheard import overhearing

pytestmark = pytest.mark.xdist_group("foreign-dlms-clients")  # one worker, one meter of each kind
AS_OF = datetime.fromisoformat("2026-10-20T09:00:00+07:00")
DAY = datetime.fromisoformat("2026-10-19T00:00:00+07:00")
HALF_HOUR = timedelta(minutes=30)
REGISTERS = ("1.0.1.8.0.255", "1.0.1.8.1.255", "1.0.3.8.0.255", "1.0.32.7.0.255", "1.0.31.7.0.255")
PROFILE = "1.0.99.1.0.255"
COLUMNS = [
    [8, "0.0.1.0.0.255", 2],
    [1, "0.0.96.10.1.255", 2],
    [3, "1.0.1.8.0.255", 2],
    [3, "1.0.3.8.0.255", 2],
]
TITLE = {"gurux_client.py": "4755580000000001", "pydlms_client.py": "5059440000000002"}


@pytest.fixture(scope="module", params=[200, 1024], ids="pdu{}".format)
def max_pdu(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module", params=["none", "lls", "gmac"])
def served(
    request: pytest.FixtureRequest, max_pdu: int, free_ports: Callable[[], int], peers: Peers
) -> Iterator[dict[str, Any]]:
    """Our meter, over the wrapper and in HDLC."""
    arguments = ("--wrapper", free_ports(), "--hdlc", free_ports(), "--auth", request.param)
    with our_meter(*map(str, arguments), "--max-pdu", str(max_pdu), "--as-of", AS_OF.isoformat()) as ready:
        yield ready


@pytest.fixture(scope="module")
def truth() -> SingleMeter:
    """The same meter as the simulator knows it, before any protocol."""
    return SingleMeter(SingleOptions({Port.WRAPPER: 0}, as_of=AS_OF), lambda: AS_OF)


def plan(served: dict[str, Any], framing: str, script: str) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": served["ports"]["wrapper" if framing == "udp" else framing],
        "framing": framing,
        "client": served["clients"][served["auth"]],
        "server": served["server"],
        "auth": served["auth"],
        "max_pdu": served["max_pdu"],
        "password": served["password"],
        "encryption_key": served["keys"]["encryption"],
        "authentication_key": served["keys"]["authentication"],
        "system_title": TITLE[script],
        "counter": {"wrapper": 1, "hdlc": 1_000_000, "udp": 2_000_000}[framing],
        "registers": REGISTERS,
        "profile": PROFILE,
        "first": (DAY + HALF_HOUR).isoformat(),
        "last": (DAY + 48 * HALF_HOUR).isoformat(),
        "entries": [1917, 4],
        "attributes": True,
    }


@pytest.mark.parametrize(
    ("script", "framing"),
    [
        *((script, framing) for script in TITLE for framing in ("wrapper", "hdlc")),
        ("gurux_client.py", "udp"),
    ],
)
def test_a_foreign_client_reads_all_of_our_meter(
    peers: Peers, served: dict[str, Any], truth: SingleMeter, free_port: int, script: str, framing: str
) -> None:
    asked = plan(served, framing, script)
    if framing == "udp":
        found = peers.run(script, asked)
    else:
        with overhearing(free_port, asked["port"]) as heard:
            found = peers.run(script, {**asked, "port": free_port})
        _in_blocks(heard.messages(framing), served["max_pdu"])
    assert datetime.fromisoformat(found["clock"]) == AS_OF
    assert found["clock"].endswith("+07:00")
    assert found["registers"] == _registers(truth)
    assert found["columns"] == COLUMNS
    assert (found["in_use"], found["period"]) == (1920, 1800)
    rows = _rows(truth)
    day = [row for row in rows if DAY < row[0] <= DAY + 48 * HALF_HOUR]
    assert len(day) == 48
    assert _timed(found["by_range"]) == day
    assert _timed(found["by_entry"]) == rows[1916:]
    objects = {(class_id, name) for class_id, name in found["objects"]}
    assert {(8, "0.0.1.0.0.255"), (15, "0.0.40.0.0.255"), (7, PROFILE), (3, "1.0.1.8.0.255")} <= objects
    assert (1, "0.0.42.0.0.255") in objects


def _in_blocks(messages: list[bytes], max_pdu: int) -> None:
    """A day of half-hours is far longer: it came in blocks, of the length that the client had asked for."""
    lengths = [len(message) for message in messages]
    assert max(lengths) <= max_pdu
    assert sum(length > max_pdu * 3 // 4 for length in lengths) >= (4 if max_pdu == 200 else 1)


WAYS = {
    "dedicated-key": {"use_dedicated_key": True},
    "general-glo": {"protection": "general-glo"},
    "general-ded": {"protection": "general-glo", "use_dedicated_key": True},
    "general-blocks": {"propose_gbt": True},
    "general-blocks-by-four": {"propose_gbt": True, "gbt_window": 4, "protection": "general-glo"},
    "release-proven": {"require_verified_release": True},
}


@pytest.fixture(scope="module")
def secured(free_ports: Callable[[], int], peers: Peers) -> Iterator[dict[str, Any]]:
    """Our meter with keys, and messages that need blocks."""
    arguments = ("--wrapper", free_ports(), "--hdlc", free_ports(), "--auth", "gmac", "--max-pdu", 300)
    with our_meter(*map(str, arguments), "--as-of", AS_OF.isoformat()) as ready:
        yield ready


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("way", list(WAYS))
def test_other_ways_to_protect_and_to_cut_messages(
    peers: Peers, secured: dict[str, Any], truth: SingleMeter, way: str, framing: str
) -> None:
    asked = plan(secured, framing, "pydlms_client.py")
    # Each starts above what the meter has heard, which the public client is told.
    found = peers.run("pydlms_client.py", {**asked, "settings": WAYS[way], "counter": 0, "discover": True})
    assert len(found["by_range"]) == 48
    assert _timed(found["by_entry"]) == _rows(truth)[1916:]
    assert found["registers"] == _registers(truth)


WHOLE = [
    [15, "0.0.40.0.0.255"],
    [8, "0.0.1.0.0.255"],
    [64, "0.0.43.0.0.255"],
    [17, "0.0.41.0.0.255"],
    [7, "1.0.98.1.0.255"],
    [3, "1.0.1.8.0.255"],
    [1, "0.0.42.0.0.255"],
]


def test_every_attribute_of_ours_is_one_of_theirs(peers: Peers, secured: dict[str, Any]) -> None:
    asked = plan(secured, "wrapper", "pydlms_client.py")
    found = peers.run("pydlms_client.py", {**asked, "counter": 0, "discover": True, "whole": WHOLE})
    assert {name for _, name in WHOLE} == set(found["whole"])
    for name, read in found["whole"].items():
        assert read["errors"] == {}, name
    assert len(found["whole"]["0.0.1.0.0.255"]["attributes"]) == 9
    assert len(found["whole"]["1.0.98.1.0.255"]["attributes"]) == 8


def _registers(truth: SingleMeter) -> dict[str, dict[str, int]]:
    """What the meter's registers and quantities are now, by logical name."""
    gauge = truth.instrument(DLMS_MODEL)
    model = meter_models.load(DLMS_MODEL)
    found = {
        str(item.place.dlms.obis): (gauge.raw(item.key, item.place, gauge.second()), item.place)
        for item in model.registers
    }
    felt = gauge.quantities()
    for item in model.instants:
        found[str(item.place.dlms.obis)] = round(felt[item.quantity] * 10.0**-item.place.scaler), item.place
    return {
        name: {"raw": raw, "scaler": place.scaler, "unit": int(place.unit)}
        for name, (raw, place) in found.items()
        if name in REGISTERS
    }


def _rows(truth: SingleMeter) -> list[list[Any]]:
    """The load profile: end of the half-hour, status, both indices then."""
    gauge = truth.instrument(DLMS_MODEL)
    profile = meter_models.load(DLMS_MODEL).profile
    assert profile is not None
    entries = gauge.entries(with_start=True)
    columns = [gauge.column(column, entries, 1800).tolist() for column in profile.columns]
    stamps = [datetime.fromtimestamp(at, AS_OF.tzinfo) for at in entries.stamps.tolist()]
    return [[at, 0, *values] for at, *values in zip(stamps, *columns, strict=True)]


def _timed(rows: list[list[Any]]) -> list[list[Any]]:
    return [[datetime.fromisoformat(row[0]), *row[1:]] for row in rows]
