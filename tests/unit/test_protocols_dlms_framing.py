"""The link layer under a conversation: the wrapper over TCP and UDP, and HDLC below both halves."""

import pytest

from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import Data
from protocols.dlms.client import ClientConnection
from protocols.dlms.client_settings import DEFAULT_CONFORMANCE, ClientSettings
from protocols.dlms.enums import Conformance, DataAccessResult
from protocols.dlms.events import Event, Got, Send
from protocols.dlms.framing import (
    Framing,
    Heard,
    ServerFraming,
    WrapperFraming,
    WrapperServerFraming,
)
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.errors import LocalError, RemoteError
from protocols.obis import Obis, obis

LONG = Attribute(1, obis("0.0.96.1.0"), 2)
ENERGY = objects.register(obis("1.0.1.8.0"))


class Plate:
    """A meter with a number of its own and one long text."""

    def __init__(self, number: int) -> None:
        self.number = number

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        if obis == ENERGY.obis:
            return axdr.double_long_unsigned(self.number)
        return axdr.octet_string(bytes(range(256)) * 20)


@pytest.mark.parametrize("datagrams", [False, True])
def test_the_wrapper_carries_messages_both_ways(datagrams: bool) -> None:
    client: Framing = WrapperFraming(16, 1, datagrams=datagrams)
    meters: ServerFraming = WrapperServerFraming(datagrams=datagrams)
    assert client.connected
    assert client.connect() == client.disconnect() == client.replies() == b""
    assert client.pause_s is None
    assert meters.feed(client.wrap(b"question")) == [Heard(16, 1, b"question")]
    assert meters.replies() == b""
    assert client.feed(meters.wrap(16, 1, b"answer")) == [b"answer"]
    assert client.feed(meters.notify(16, 1, b"note")) == [b"note"]
    assert meters.on_silence() == []
    with pytest.raises(RemoteError, match="did not answer in time"):
        client.on_silence()


def test_a_frame_of_another_port_is_refused() -> None:
    with pytest.raises(RemoteError, match="from 2 to 16 came where 1 to 16"):
        WrapperFraming(16, 1).feed(WrapperServerFraming().wrap(16, 2, b"x"))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "0 bytes holds no wrapper frame"),
        ("00010001001000", "7 bytes holds no wrapper frame"),
        ("0002000100100001aa", "begin no wrapper frame"),
        ("0001000100100000", "0 bytes of payload announces 0"),
        ("0001000100100002aa", "1 bytes of payload announces 2"),
        ("0001000100100001aabb", "2 bytes of payload announces 1"),
        ("0001000100100001aa0001000100100001aa", "10 bytes of payload announces 1"),
    ],
)
def test_a_datagram_is_one_frame_no_more_and_no_less(raw: str, why: str) -> None:
    for framing in (WrapperFraming(16, 1, datagrams=True), WrapperServerFraming(datagrams=True)):
        with pytest.raises(RemoteError, match=why) as wrong:
            framing.feed(bytes.fromhex(raw))
        assert wrong.value.raw.hex() == raw
        good = WrapperServerFraming().wrap(16, 1, b"x")
        assert len(framing.feed(good)) == 1


def exchange(client: ClientConnection, meter: ServerConnection, request: bytes) -> list[Event]:
    events: list[Event] = []
    while request:
        heard = client.receive(meter.receive(request))
        request = b"".join(event.raw for event in heard if isinstance(event, Send))
        events += [event for event in heard if not isinstance(event, Send)]
    return events


def bus() -> ServerConnection:
    """Two meters on one line, told apart by their lower address."""
    framing = HdlcServerFraming(
        {HdlcAddress(1, 17): 1, HdlcAddress(1, 18): 2, HdlcAddress(1): 1}, LinkParameters(2030, 2030, 7, 7)
    )
    devices = {key: Device(Plate(key * 1111), {16: ClientAccess()}, 700) for key in (1, 2)}
    return ServerConnection(devices, framing)


def linked(meters: ServerConnection, address: HdlcAddress, parameters: LinkParameters) -> ClientConnection:
    framing = HdlcFraming(16, address, parameters)
    framing.feed(meters.receive(framing.connect()))
    client = ClientConnection(ClientSettings(), framing)
    exchange(client, meters, client.associate())
    return client


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("length", [32, 128, 2030])
def test_a_conversation_over_hdlc(length: int, window: int) -> None:
    meters = bus()
    clients = [
        linked(meters, address, LinkParameters(length, length, window, window))
        for address in (HdlcAddress(1, 17, 4), HdlcAddress(1, 18))
    ]
    for number, client in enumerate(clients, 1):
        (got,) = exchange(client, meters, client.get(ENERGY))
        assert isinstance(got, Got)
        assert axdr.decode(got.raw()).value == number * 1111
        (got,) = exchange(client, meters, client.get(LONG))
        assert isinstance(got, Got)
        assert len(axdr.decode(got.raw()).value) == 5120


@pytest.mark.parametrize(("window", "turns"), [(1, 54), (7, 11)])
def test_general_blocks_stream_over_hdlc(window: int, turns: int) -> None:
    """A meter that may go on without being asked is given its turn for it."""
    conformance = DEFAULT_CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER
    devices = {1: Device(Plate(1), {16: ClientAccess()}, 200, conformance)}
    meters = ServerConnection(devices, HdlcServerFraming({HdlcAddress(1): 1}, LinkParameters(128, 128, 7, 7)))
    framing = HdlcFraming(16, HdlcAddress(1), LinkParameters(128, 128, window, window))
    framing.feed(meters.receive(framing.connect()))
    settings = ClientSettings(max_pdu=200, conformance=conformance, general_window=5)
    client = ClientConnection(settings, framing)
    exchange(client, meters, client.associate())
    request, events, taken = client.get(LONG), list[Event](), 0
    while request:
        taken += 1
        heard = client.receive(meters.receive(request))
        request = b"".join(event.raw for event in heard if isinstance(event, Send))
        events += [event for event in heard if not isinstance(event, Send)]
    (got,) = events
    assert isinstance(got, Got)
    assert len(axdr.decode(got.raw()).value) == 5120
    assert taken == turns


def test_closing_the_link_ends_the_association() -> None:
    meters = bus()
    linked(meters, HdlcAddress(1), LinkParameters())
    framing = HdlcFraming(16, HdlcAddress(1))
    framing.feed(meters.receive(framing.connect()))
    get = bytes.fromhex("c0018100030100010800ff0200")
    (refused,) = framing.feed(meters.receive(framing.wrap(get)))
    assert refused[0] == 0xD8
    framing.feed(meters.receive(framing.disconnect()))
    assert not framing.connected
    with pytest.raises(LocalError):
        framing.wrap(get)


def test_an_unnumbered_question_is_not_answered() -> None:
    meters = bus()
    get = bytes.fromhex("e6e600c0018100030100010800ff0200")
    raw = HdlcFrame(HdlcAddress(1, 17), HdlcAddress(16), control(Kind.UI), get).to_bytes()
    assert meters.receive(raw) == b""
