"""`ami read` reads the simulated meter of pydlms-client, which shares no line with us."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collector.single.address import parse
from collector.single.association import framing_of, settings_of
from collector.single.routes import DlmsAddress
from protocols.dlms import objects
from protocols.dlms.client import ClientConnection
from protocols.dlms.events import Associated, Connected, Got, Send
from protocols.dlms.security import MemoryCounters
from protocols.obis import Obis
from tests.foreign_peers import Peers, ami_read

pytestmark = pytest.mark.xdist_group("foreign-dlms-meter")  # one worker, one foreign meter
KEYS = {
    "encryption": "000102030405060708090A0B0C0D0E0F",
    "authentication": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
}
PASSWORD = "12345678abcdefgh"
CLIENTS = {"none": 16, "lls": 17, "gmac": 1}
BY_CHALLENGE = {"hls": 32, "hls-md5": 33, "hls-sha1": 34, "hls-sha256": 36}
UNITS = {27: "W", 30: "Wh", 33: "A", 35: "V"}
REGISTERS = ("1.0.1.8.0", "1.0.32.7.0", "1.0.31.7.0")
PROFILE = "1.0.99.1.0"
NOT_THERE = "1.0.9.9.9"


@pytest.fixture(scope="module", params=[200, 1024], ids="pdu{}".format)
def meter(
    request: pytest.FixtureRequest, peers: Peers, free_ports: Callable[[], int]
) -> Iterator[dict[str, Any]]:
    """The foreign meter with all three clients, over the wrapper and in HDLC, and what it says it holds."""
    plan = {
        "max_pdu": request.param,
        "auth": [*CLIENTS, *BY_CHALLENGE],
        "password": PASSWORD,
        "encryption_key": KEYS["encryption"],
        "authentication_key": KEYS["authentication"],
        "wrapper": free_ports(),
        "hdlc": free_ports(),
    }
    with peers.serving("pydlms_meter.py", plan) as held:
        yield {**held, "max_pdu": request.param}


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("auth", list(CLIENTS))
def test_we_read_all_of_a_foreign_meter(
    meter: dict[str, Any], tmp_path: Path, framing: str, auth: str
) -> None:
    url = (
        f"dlms+{framing}://127.0.0.1:{meter['ports'][framing]}?client={CLIENTS[auth]}&server=1&auth={auth}"
        f"&pdu={meter['max_pdu']}"
    )
    secrets = {
        "none": {},
        "lls": {"AMI_METER_PASSWORD": PASSWORD},
        "gmac": {
            "AMI_METER_ENCRYPTION_KEY": KEYS["encryption"],
            "AMI_METER_AUTHENTICATION_KEY": KEYS["authentication"],
        },
    }[auth]
    rows = [[datetime.fromisoformat(row[0]), *row[1:]] for row in meter["rows"]]
    span = ("--from", rows[4][0].isoformat(), "--to", rows[51][0].isoformat())
    found = ami_read(
        tmp_path,
        url,
        *REGISTERS,
        NOT_THERE,
        "--clock",
        "--objects",
        "--profile",
        PROFILE,
        *span,
        code=3,
        **secrets,
    )
    assert [one["item"] for one in found["refused"]] == [NOT_THERE]
    assert "object undefined" in found["refused"][0]["reason"]
    assert datetime.fromisoformat(found["clock"]) == datetime.fromisoformat(meter["clock"])
    held = {f"{name}.255": meter["registers"][f"{name}.255"] for name in REGISTERS}
    assert [(one["item"], one["raw"], one["scaler"], one["unit"]) for one in found["registers"]] == [
        (name, raw, scaler, UNITS[unit])
        for name, (raw, scaler, unit) in zip(REGISTERS, held.values(), strict=True)
    ]
    for one in found["registers"]:
        assert one["value"] == format(Decimal(one["raw"]).scaleb(one["scaler"]), "f")
    assert sorted([one["class"], one["item"]] for one in found["objects"]) == meter["objects"]
    assert [(one["item"], one["scaler"], one["unit"]) for one in found["profile"]["columns"]] == [
        ("0.0.1.0.0.255", None, None),
        ("1.0.1.8.0.255", 0, "Wh"),
    ]
    assert _timed(found["profile"]["rows"]) == rows[4:52]
    entries = ami_read(tmp_path, url, "--profile", PROFILE, "--entries", "2-60", **secrets)
    assert _timed(entries["profile"]["rows"]) == rows[1:60]


@pytest.mark.parametrize(
    ("auth", "framing"),
    [
        ("hls", "wrapper"),
        ("hls-md5", "hdlc"),
        ("hls-sha1", "wrapper"),
        ("hls-sha256", "hdlc"),
        ("gmac", "wrapper"),
    ],
)
def test_other_ways_to_prove_who_we_are(
    meter: dict[str, Any], tmp_path: Path, framing: str, auth: str
) -> None:
    """The other HLS mechanisms with a secret, and GMAC with a dedicated key for the association."""
    client = BY_CHALLENGE.get(auth, CLIENTS["gmac"])
    url = f"dlms+{framing}://127.0.0.1:{meter['ports'][framing]}?client={client}&auth={auth}"
    secrets = (
        {"AMI_METER_PASSWORD": PASSWORD}
        if auth in BY_CHALLENGE
        else {
            "AMI_METER_ENCRYPTION_KEY": KEYS["encryption"],
            "AMI_METER_AUTHENTICATION_KEY": KEYS["authentication"],
            "AMI_METER_DEDICATED_KEY": "0F" * 16,
        }
    )
    found = ami_read(tmp_path, url, "1.0.1.8.0", **secrets)
    assert found["registers"][0]["raw"] == meter["registers"]["1.0.1.8.0.255"][0]
    if auth in BY_CHALLENGE:
        wrong = ami_read(tmp_path, url, "1.0.1.8.0", code=3, AMI_METER_PASSWORD="guess-guess-gues")
        assert wrong["registers"] == []


def test_a_foreign_meter_shuts_out_a_wrong_password(meter: dict[str, Any], tmp_path: Path) -> None:
    url = f"dlms+wrapper://127.0.0.1:{meter['ports']['wrapper']}?client=17&auth=lls&password=guess"
    found = ami_read(tmp_path, url, "1.0.1.8.0", code=3)
    assert [one["item"] for one in found["refused"]] == ["1.0.1.8.0"]
    assert found["registers"] == []


def _timed(rows: list[list[Any]]) -> list[list[Any]]:
    return [[datetime.fromisoformat(row[0]), *row[1:]] for row in rows]


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_the_length_asked_for_is_the_length_of_the_blocks(meter: dict[str, Any], framing: str) -> None:
    """The meter cuts its answer by the `pdu=` of the address, which is less than it would say itself."""
    pdu, port = 150, meter["ports"][framing]
    address = parse(f"dlms+{framing}://127.0.0.1:{port}?client=16&server=1&auth=none&pdu={pdu}", {})
    assert isinstance(address, DlmsAddress)
    client = ClientConnection(settings_of(address, MemoryCounters()), framing_of(address))
    asked_on = 0

    with socket.create_connection(("127.0.0.1", port), 10) as line:

        def told(kind: type[Any], raw: bytes) -> Any:
            nonlocal asked_on
            line.sendall(raw)
            while True:
                for event in client.receive(line.recv(65536)):
                    if isinstance(event, kind):
                        return event
                    assert isinstance(event, Send)
                    line.sendall(event.raw)
                    asked_on += b"\xc0\x02" in event.raw  # get-request-next

        if opening := client.connect():
            told(Connected, opening)
        told(Associated, client.associate())
        asked_on = 0
        rows = told(Got, client.get(objects.buffer(Obis.parse(PROFILE)))).raw()
    assert len(rows) > 1024
    assert len(rows) / pdu - 1 <= asked_on < 2 * len(rows) / pdu
