"""Notifications, whole and in general blocks: published messages and what real meters push.

[P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_xdlms, test_udp_message; [A] toreamun/amshan at 3571bed4
(MIT), tests: pushes of Aidon, Kaifa and Kamstrup; [C] Circutor/gosem at 07c0d0d0 (MIT), pkg/dlms;
[X] Landis+Gyr E450 as users of Swiss and Austrian customer interfaces print them in many places, none with a
licence: read here, counted nowhere. Ciphered ones are in test_protocols_dlms_captured_vectors.py.
"""

from datetime import UTC, datetime

import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    Attribute,
    DataNotification,
    EventNotification,
    GeneralBlock,
    LongInvokeId,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.events import Event, Notified
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.objects.pushing import PushObject
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import DecodeError
from protocols.obis import Obis, obis

PUSHES = {
    "without a stamp [P test_data_notification]": (
        "0f000001db000922125a8591360000000049000000110000000a5a8513d014800000000d0000000a0100",
        LongInvokeId(0x1DB),
        None,
    ),
    "Kamstrup list 1 [A test_kamstrup]": (
        "0f000000000c07e6011801123a32ff80000002190a0e4b616d73747275705f563030303109060101000005ff0a103537303635"
        "363733373235393034303709060101600101ff0a1236383431313338424e32343531303130393009060101010700ff06000003"
        "3a09060101020700ff060000000009060101030700ff060000006809060101040700ff06000000b0090601011f0700ff060000"
        "00ed09060101330700ff060000005909060101470700ff060000004b09060101200700ff1200e809060101340700ff1200e909"
        "060101480700ff1200ec",
        LongInvokeId(0),
        datetime(2022, 1, 24, 18, 58, 50, tzinfo=UTC),
    ),
    "Aidon list 1 [A test_aidon]": (
        "0f40000000000101020309060100010700ff060000011802020f00161b",
        LongInvokeId(0, confirmed=True),
        None,
    ),
    "true, with a stamp [C]": (
        "0f0063d76a0c07e7011f021222170000000003ff",
        LongInvokeId(6543210),
        datetime(2023, 1, 31, 18, 34, 23, tzinfo=UTC),
    ),
    "true, without [C]": ("0f0063d76a0003ff", LongInvokeId(6543210), None),
}


@pytest.mark.parametrize("name", PUSHES)
def test_pushes(name: str) -> None:
    text, invoke, moment = PUSHES[name]
    raw = bytes.fromhex(text)
    push = apdu.decode(raw)
    assert isinstance(push, DataNotification)
    assert push.long_invoke == invoke
    assert (None if push.stamp is None else push.stamp.to_datetime(UTC)) == moment
    assert push.to_bytes() == raw
    assert axdr.decode(axdr.encode(push.value())) == push.value()


def test_the_values_of_a_kamstrup_push() -> None:
    """[A test_kamstrup] 826 W, L1 2.37 A at 232 V."""
    push = DataNotification.from_bytes(bytes.fromhex(PUSHES["Kamstrup list 1 [A test_kamstrup]"][0]))
    items = push.value().value
    assert items[0] == Data(Tag.VISIBLE_STRING, "Kamstrup_V0001")
    read = {str(Obis.from_bytes(items[at].value)): items[at + 1].value for at in range(1, 25, 2)}
    assert (read["1.1.1.7.0.255"], read["1.1.31.7.0.255"], read["1.1.32.7.0.255"]) == (826, 237, 232)


def test_a_kaifa_push_puts_a_tag_before_its_stamp() -> None:
    """[A test_kaifa] list 1, 5852 W."""
    push = DataNotification.from_bytes(bytes.fromhex("0f40000000090c07e3020401173416ff800000020106000016dc"))
    assert push.stamp is not None
    assert push.stamp.to_datetime(UTC) == datetime(2019, 2, 4, 23, 52, 22, tzinfo=UTC)
    assert push.value().value[0].value == 5852


def test_wrapper_of_a_push() -> None:
    """[P test_udp_message] 70 bytes from port 1 to port 1."""
    body = bytes.fromhex("db082f19229199164103") + bytes(60)
    (frame,) = Unwrapper().feed(bytes.fromhex("0001000100010046") + body)
    assert (frame.source, frame.destination, frame.payload) == (1, 1, body)
    assert frame.to_bytes()[:8].hex() == "0001000100010046"


EVENTS = {
    "with a time [C]": ("c2010c05dc0101010000000000000000010100000300ff0203ff", "05dc01010100000000000000"),
    "without [C]": ("c20000010100000300ff0203ff", None),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    """[C eventNotificationRequest_test] a boolean became true; the year 1500 is theirs."""
    text, stamp = EVENTS[name]
    event = apdu.decode(bytes.fromhex(text))
    told = None if stamp is None else CosemDateTime.from_bytes(bytes.fromhex(stamp))
    assert event == EventNotification(told, Attribute(1, obis("1.0.0.3.0"), 2), b"\x03\xff")
    assert isinstance(event, EventNotification)
    assert event.value() == Data(Tag.BOOLEAN, True)
    assert event.to_bytes().hex() == text


@pytest.mark.parametrize("text", ["", "c2", "c200", "c20101", "c20000010100000300"])
def test_events_cut_off(text: str) -> None:
    """[C] the same, truncated."""
    with pytest.raises(DecodeError):
        apdu.decode(bytes.fromhex(text))


E450 = (
    "e04000010000700f0003b5330c07e60b160210251eff800000020b010b020412002809060008190900ff0f0212000002041200"
    "2809060008190900ff0f01120000020412000109060000600100ff0f02120000020412000309060100010700ff0f0212000002"
    "0412000309060100020700ff0f02120000",
    "e040000200007a020412000309060101010800ff0f02120000020412000309060101020800ff0f021200000204120003090601"
    "01050800ff0f02120000020412000309060101060800ff0f02120000020412000309060101070800ff0f021200000204120003"
    "09060101080800ff0f0212000009060008190900ff090834343333",
    "e0c0000300002c37383131060000030906000000000601"
    + "7fbfeb0600437ade06002fcdae06000033bf060037702e0600f04158",
)
"""A push of ten values in three blocks; no window, everything streams, nobody acknowledges."""
E450_AUSTRIA = (
    "e04000010000700f0001d3760c07e5061c010f1b32ff800000020e010e020412002809060008190900ff0f0212000002041200"
    "2809060008190900ff0f01120000020412000109060000600100ff0f02120000020412000309060100010700ff0f0212000002"
    "0412000309060100020700ff0f02120000",
    "e040000200006c020412000309060101010800ff0f02120000020412000309060101020800ff0f021200000204120003090601"
    "01050800ff0f02120000020412000309060101060800ff0f02120000020412000309060101070800ff0f021200000204120003"
    "09060101080800ff0f02120000",
    "e0c00003000079020412000309060"
    + "1001f0700ff0f02120000020412000309060100330700ff0f021200000204120003090601"
    "00470700ff0f0212000009060008190900ff090835363535323737330600000047060000000006000343f20600000000060000"
    "209d06000000000600000000060001a022120024120011120010",
)


def pushed(blocks: tuple[str, ...]) -> list[Event]:
    client = ClientConnection(ClientSettings())
    events: list[Event] = []
    for block in blocks:
        events += client.receive(Frame(1, 16, bytes.fromhex(block)).to_bytes())
    return events


def test_a_push_in_three_blocks() -> None:
    """[X] serial 44337811, 777 W, 25149.419 kWh."""
    (event,) = pushed(E450)
    assert isinstance(event, Notified)
    push = event.notification
    assert isinstance(push, DataNotification)
    assert push.stamp is not None
    assert push.stamp.to_datetime(UTC) == datetime(2022, 11, 22, 16, 37, 30, tzinfo=UTC)
    listed, *values = push.value().value
    asked = [PushObject.from_data(item) for item in listed.value]
    # The first of the listed is the list itself.
    pairs = zip(asked[1:], values, strict=True)
    by_name = {(str(one.obis), one.attribute): data.value for one, data in pairs}
    assert by_name["0.0.96.1.0.255", 2] == b"44337811"
    assert by_name["1.0.1.7.0.255", 2] == 777
    assert by_name["1.1.1.8.0.255", 2] == 25149419
    assert [one.to_data() for one in asked] == list(listed.value)


def test_another_push_in_three_blocks_and_our_own_blocks_of_it() -> None:
    """[X] the first block is written again byte for byte from the message the blocks make."""
    (event,) = pushed(E450_AUSTRIA)
    assert isinstance(event, Notified)
    whole = event.notification.to_bytes()
    cuts = [bytes.fromhex(block)[7:] for block in E450_AUSTRIA]
    assert b"".join(cuts) == whole
    for number, (block, cut) in enumerate(zip(E450_AUSTRIA, cuts, strict=True), 1):
        # This meter leaves the streaming bit on in its last block.
        again = GeneralBlock(number == 3, True, 0, number, 0, cut)
        assert again.to_bytes().hex() == block
        assert apdu.decode(bytes.fromhex(block)) == again


E450_FRAMES = (
    f"7ea084ceff0313128be6e700{E450_AUSTRIA[0]}b21a7e",
    f"7ea07dceff0313d045{E450_AUSTRIA[1]}c1957e",
    f"7ea08aceff0313aaea{E450_AUSTRIA[2]}32167e",
)


def test_the_same_push_in_its_hdlc_frames() -> None:
    """[X] UI frames; the LLC stands before the first block only."""
    line = ClientConnection(ClientSettings(), HdlcFraming(103, HdlcAddress(1)))
    events: list[Event] = []
    for frame in E450_FRAMES:
        events += line.receive(bytes.fromhex(frame))
    assert events == pushed(E450_AUSTRIA)


def test_half_a_push_is_none() -> None:
    """Nothing is told until the last block has come, and then all of them must be there."""
    assert pushed(E450[:1]) == []
    assert pushed(E450[:2]) == []
    assert pushed((E450[0], E450[2])) == []
