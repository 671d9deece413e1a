"""A conversation over HDLC: the link opens, carries long values in segments, loses frames, and closes."""

import random

import pytest

from protocols.dlms import axdr
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.client_states import State
from protocols.dlms.enums import DataAccessResult, Mechanism
from protocols.dlms.events import (
    Associated,
    Connected,
    Disconnected,
    Event,
    Failed,
    Got,
    Released,
    Send,
    WasSet,
)
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.security import MemoryCounters, SecuritySetup
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame
from protocols.errors import LocalError, RemoteError
from tests.dlms_line import ENERGY, TEXT, Desk, exchange

ADDRESS = HdlcAddress(1, 17)
LONG = axdr.octet_string(bytes(range(256)) * 20)


def line(desk: Desk, access: ClientAccess | None = None) -> ServerConnection:
    device = Device(desk, {16: access or ClientAccess()}, 1024)
    return ServerConnection({1: device}, HdlcServerFraming({ADDRESS: 1}))


def test_the_link_opens_carries_and_closes() -> None:
    desk = Desk()
    meter = line(desk)
    client = ClientConnection(ClientSettings(), HdlcFraming(16, ADDRESS))
    assert not client.connected
    assert client.next_timeout() is None
    with pytest.raises(LocalError, match="connect first"):
        client.associate()
    opening = client.connect()
    assert client.next_timeout() is not None
    assert exchange(client, meter, opening) == [Connected()]
    assert client.next_timeout() is None
    (opened,) = exchange(client, meter, client.associate())
    assert isinstance(opened, Associated)
    (got,) = exchange(client, meter, client.get(TEXT))
    assert isinstance(got, Got)
    assert len(got.raw()) == 5124
    assert exchange(client, meter, client.set(TEXT, LONG)) == [WasSet(TEXT, DataAccessResult.SUCCESS)]
    assert desk.values[TEXT] == LONG
    assert exchange(client, meter, client.release()) == [Released()]
    assert exchange(client, meter, client.disconnect()) == [Disconnected()]
    assert not client.connected


def test_a_link_opened_anew_has_no_association_left() -> None:
    meter = line(Desk())
    client = ClientConnection(ClientSettings(), HdlcFraming(16, ADDRESS))
    exchange(client, meter, client.connect())
    exchange(client, meter, client.associate())
    again = ClientConnection(ClientSettings(), HdlcFraming(16, ADDRESS))
    exchange(again, meter, again.connect())
    again.state = State.READY
    (failed,) = exchange(again, meter, again.get(ENERGY))
    assert isinstance(failed, Failed)
    meter.on_silence()
    exchange(again, meter, again.connect() if not again.connected else b"")


def test_the_wrapper_has_no_link_to_open() -> None:
    client = ClientConnection(ClientSettings())
    assert (client.connected, client.connect(), client.disconnect()) == (True, b"", b"")
    client.associate()
    with pytest.raises(RemoteError):
        client.on_silence()
    for dead in (client.connect, client.disconnect, client.on_silence, client.associate):
        with pytest.raises(LocalError, match="broken"):
            dead()


@pytest.mark.parametrize("seed", range(6))
def test_frames_that_get_lost_cost_nothing_but_time(seed: int) -> None:
    desk = Desk()
    keys = SecuritySetup(b"ELSMETER", bytes(16), bytes(16))
    access = ClientAccess(Mechanism.HLS_GMAC, security=keys, counters=MemoryCounters())
    meter = line(desk, access)
    chance = random.Random(seed)
    ours = SecuritySetup(b"HEAD-END", bytes(16), bytes(16))
    settings = ClientSettings(mechanism=Mechanism.HLS_GMAC, security=ours, counters=MemoryCounters())
    client = ClientConnection(settings, HdlcFraming(16, ADDRESS))

    def lossy(raw: bytes) -> bytes:
        """A bit of noise on the line: some chunks arrive changed."""
        if raw and chance.random() < 0.08:
            spoilt = bytearray(raw)
            spoilt[chance.randrange(len(raw))] ^= 0x10
            return bytes(spoilt)
        return raw

    def asked(raw: bytes) -> list[Event]:
        events: list[Event] = []
        for _ in range(300):
            came = lossy(meter.receive(lossy(raw)))
            heard = client.receive(came) if came else []
            events += [event for event in heard if not isinstance(event, Send)]
            raw = b"".join(event.raw for event in heard if isinstance(event, Send))
            if events and not raw:
                return events
            raw = raw or client.on_silence()
        raise AssertionError("never answered")

    assert Connected() in asked(client.connect())
    assert isinstance(asked(client.associate())[0], Associated)
    (got,) = asked(client.get(TEXT))
    assert isinstance(got, Got)
    assert axdr.decode(got.raw()).value == bytes(range(256)) * 20
    assert asked(client.set(TEXT, LONG)) == [WasSet(TEXT, DataAccessResult.SUCCESS)]
    assert desk.values[TEXT] == LONG


def test_so_many_messages_at_once_are_no_conversation() -> None:
    meter = ServerConnection({1: Device(Desk(), {16: ClientAccess()})})
    frame = Frame(16, 1, b"\xc0\x01").to_bytes()
    assert meter.receive(frame * 256).count(b"\xd8") == 256
    with pytest.raises(RemoteError, match="at once"):
        meter.receive(frame * 257)
