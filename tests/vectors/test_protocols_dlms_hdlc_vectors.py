"""Published HDLC frames, read and written again byte for byte, and recorded conversations relived.

Facts (hex and meaning) from:
[P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_hdlc/;
[A] toreamun/amshan at 3571bed4 (MIT), tests/: pushes of Aidon, Kaifa and Kamstrup meters;
[C] meterkit/cosemlib at 11690629 (BSD), tests/test_hdlc.cpp and hdlc/hdlc.c;
[S] circutor-library/gosem on GitLab (MIT), pkg/hdlc/hdlc_test.go and frame_test.go;
[E] epri-dev/DLMS-COSEM at cfbb67ff (BSD), test/UnitTest-HDLC-Packet.cpp: an example of the Green Book;
[X] traffic recorded on serial lines and put on GitHub without a licence (milanbella/gocosem at 02b8a72f,
doc/electronica/; tohasan/hdlc-translator at 201f2dd4, hdlcflow-m203.txt): read here, counted nowhere.
No published RNR, REJ or FRMR was found: they are held by the standard's tables, in the unit tests.
"""

import pytest

from protocols.dlms import axdr
from protocols.dlms.framing import Heard, Parted
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.fcs import fcs, intact
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.numbering import Numbering
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.hdlc.stream import Deframer

METER = HdlcAddress(1, 17)
LONG_METER = HdlcAddress(1, 17, octets=4)
PUBLIC, MANAGEMENT = HdlcAddress(16), HdlcAddress(1)
MANAGEMENT_METER = HdlcAddress(1)
"""The management logical device, in one byte."""
AARE = "e6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400001e1d04c80007"

# name: frame, destination, source, kind, P/F, N(S), N(R), segmented, contents
FRAMES = {
    "SNRM to one address of two bytes [P]": (
        "7ea00802232193bd647e", METER, PUBLIC, Kind.SNRM, 1, 0, 0, 0, ""),
    "SNRM to an address of four bytes [C]": (
        "7ea00a00020023219318717e", LONG_METER, PUBLIC, Kind.SNRM, 1, 0, 0, 0, ""),
    "SNRM of client 120 [C hdlc.c]": (
        "7ea00a00020023f193232e7e", LONG_METER, HdlcAddress(120), Kind.SNRM, 1, 0, 0, 0, ""),
    "SNRM with parameters [C]": (
        "7ea0210002002303939a74818012050180060180070400000001080400000007655e7e",
        LONG_METER, MANAGEMENT, Kind.SNRM, 1, 0, 0, 0, "818012050180060180070400000001080400000007"),
    "SNRM to one address of one byte [S]": (
        "7ea007039393d1087e", MANAGEMENT_METER, HdlcAddress(73), Kind.SNRM, 1, 0, 0, 0, ""),
    "SNRM to meter 16 [S]": (
        "7ea00802219393dbd87e", HdlcAddress(1, 16), HdlcAddress(73), Kind.SNRM, 1, 0, 0, 0, ""),
    "SNRM to meter 16, four bytes [S]": (
        "7ea00a000200210593f3807e", HdlcAddress(1, 16, octets=4), HdlcAddress(2), Kind.SNRM, 1, 0, 0, 0, ""),
    "UA, 154 bytes [P]": (
        "7ea01f21022373e6c781801205019a06019a070400000001080400000001cca27e",
        PUBLIC, METER, Kind.UA, 1, 0, 0, 0, "81801205019a06019a070400000001080400000001"),
    "UA, 128 bytes said in two [C]": (
        "7ea023210002002373f6c58180140502008006020080070400000001080400000001ce6a7e",
        PUBLIC, LONG_METER, Kind.UA, 1, 0, 0, 0, "8180140502008006020080070400000001080400000001"),
    "UA, 248 and 240 bytes [S]": (
        "7ea01f93022173bcac8180120501f80601f00704000000010804000000013d9b7e",
        HdlcAddress(73), HdlcAddress(1, 16), Kind.UA, 1, 0, 0, 0,
        "8180120501f80601f0070400000001080400000001"),
    "UA that negotiates nothing [S]": (
        "7ea0089302217320287e", HdlcAddress(73), HdlcAddress(1, 16), Kind.UA, 1, 0, 0, 0, ""),
    "UA from an address of one byte [S]": (
        "7ea007930373fb7f7e", HdlcAddress(73), MANAGEMENT_METER, Kind.UA, 1, 0, 0, 0, ""),
    "UA from an address of four bytes [S]": (
        "7ea00a05000200217330417e", HdlcAddress(2), HdlcAddress(1, 16, octets=4), Kind.UA, 1, 0, 0, 0, ""),
    "I with an AARQ [P]": (
        "7ea02c02232110af9fe6e600601da109060760857405080101be10040e01000000065f1f0400001e1dffffc5e47e",
        METER, PUBLIC, Kind.I, 1, 0, 0, 0,
        "e6e600601da109060760857405080101be10040e01000000065f1f0400001e1dffff"),
    "I with an AARE [P]": (
        "7ea0382102233034e7" + AARE + "b86a7e", PUBLIC, METER, Kind.I, 1, 0, 1, 0, AARE),
    "I to a client of number 3 [C]": (
        "7ea03a070002002530d388e6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f04"
        "0000181d0200000780f57e",
        HdlcAddress(3), HdlcAddress(1, 18, octets=4), Kind.I, 1, 0, 1, 0,
        "e6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000181d02000007"),
    "I segment, N(S) 3, N(R) 4 [P]": (
        "7ea87e210396a4090f01160002020f02160002020f03160002020f04160002020f05160002020f06160002041200171100"
        "09060000160000ff0202010902030f0116010002030f0216010002030f0316010002030f0416010002030f051601000203"
        "0f0616010002030f0716010002030f0816010002030f09160100016ff37e",
        PUBLIC, MANAGEMENT, Kind.I, 1, 3, 4, 1,
        "0f01160002020f02160002020f03160002020f04160002020f05160002020f0616000204120017110009060000160000ff"
        "0202010902030f0116010002030f0216010002030f0316010002030f0416010002030f0516010002030f0616010002030f"
        "0716010002030f0816010002030f0916010001"),
    "I without contents [A test_hdlc]": (
        "7ea00801020110378d7e", HdlcAddress(0), HdlcAddress(1, 0), Kind.I, 1, 0, 0, 0, ""),
    "I with two bytes [A test_hdlc]": (
        "7ea00c0102011027a00201e7de7e", HdlcAddress(0), HdlcAddress(1, 0), Kind.I, 1, 0, 0, 0, "0201"),
    "I with a flag in it, a Kaifa push [A test_hdlc]": (
        "7ea027010201105a87e6e7000f40000000090c07e4020f06011922ff8000000201060000157eea5e7e",
        HdlcAddress(0), HdlcAddress(1, 0), Kind.I, 1, 0, 0, 0,
        "e6e7000f40000000090c07e4020f06011922ff8000000201060000157e"),
    "RR, N(R) 5 [C]": (
        "7ea00a0002002507b132d27e", HdlcAddress(1, 18, octets=4), HdlcAddress(3), Kind.RR, 1, 0, 5, 0, ""),
    "RR, N(R) 2 [X]": (
        "7ea00a0002a0ad03514f3a7e", HdlcAddress(1, 10326), MANAGEMENT, Kind.RR, 1, 0, 2, 0, ""),
    "RR, N(R) 7 [X]": (
        "7ea00a0002a0ad03f1459f7e", HdlcAddress(1, 10326), MANAGEMENT, Kind.RR, 1, 0, 7, 0, ""),
    "DISC to an address of one byte [S]": (
        "7ea007039353ddce7e", MANAGEMENT_METER, HdlcAddress(73), Kind.DISC, 1, 0, 0, 0, ""),
    "DISC to an address of two bytes [S]": (
        "7ea00802219353d71e7e", HdlcAddress(1, 16), HdlcAddress(73), Kind.DISC, 1, 0, 0, 0, ""),
    "DISC to an address of four bytes [S]": (
        "7ea00a000200210553ff467e", HdlcAddress(1, 16, octets=4), HdlcAddress(2), Kind.DISC, 1, 0, 0, 0, ""),
    "DM, there was no link [X]": (
        "7ea00a03000294b31f55307e", MANAGEMENT, HdlcAddress(1, 9561), Kind.DM, 1, 0, 0, 0, ""),
    "UI of the Green Book [E]": (
        "7ea013ceffcd1361d5e6e6001d64001400002c667e", HdlcAddress(0x67, 0x7F), HdlcAddress(0x66),
        Kind.UI, 1, 0, 0, 0, "e6e6001d6400140000"),
    "UI of one byte [S]": (
        "7ea00b02210313425880c4427e", HdlcAddress(1, 16), MANAGEMENT, Kind.UI, 1, 0, 0, 0, "80"),
    "UI, an Aidon push [A test_hdlc]": (
        "7ea02a410883130413e6e7000f40000000000101020309060100010700ff060000067d02020f00161b1c057e",
        HdlcAddress(32), HdlcAddress(4, 65), Kind.UI, 1, 0, 0, 0,
        "e6e7000f40000000000101020309060100010700ff060000067d02020f00161b"),
}  # fmt: skip

KAMSTRUP = (
    "7ea0e22b2113239ae6e7000f000000000c07e6011801123a32ff80000002190a0e4b616d73747275705f56303030310906"
    "0101000005ff0a103537303635363733323635393034303709060101600101ff0a1236383431313338424e323435313031"
    "30393009060101010700ff060000033a09060101020700ff060000000009060101030700ff060000006809060101040700"
    "ff06000000b0090601011f0700ff06000000ed09060101330700ff060000005909060101470700ff060000004b09060101"
    "200700ff1200e809060101340700ff1200e909060101480700ff1200ec84467e"
)
"""UI, a Kamstrup push [A test_kamstrup]."""

AIDON = (
    "7ea2434108831385ebe6e7000f4000000000011b020209060000010000ff090c07e30c1001073b28ff8000ff0203090601"
    "00010700ff060000046202020f00161b020309060100020700ff060000000002020f00161b020309060100030700ff0600"
    "0005e302020f00161d020309060100040700ff060000000002020f00161d0203090601001f0700ff10000002020fff1621"
    "020309060100330700ff10004b02020fff1621020309060100470700ff10000002020fff1621020309060100200700ff12"
    "090302020fff1623020309060100340700ff1209c302020fff1623020309060100480700ff12090402020fff1623020309"
    "060100150700ff060000000002020f00161b020309060100160700ff060000000002020f00161b020309060100170700ff"
    "060000000002020f00161d020309060100180700ff060000000002020f00161d020309060100290700ff06000004620202"
    "0f00161b0203090601002a0700ff060000000002020f00161b0203090601002b0700ff06000005e202020f00161d020309"
    "0601002c0700ff060000000002020f00161d0203090601003d0700ff060000000002020f00161b0203090601003e0700ff"
    "060000000002020f00161b0203090601003f0700ff060000000002020f00161d020309060100400700ff06000000000202"
    "0f00161d020309060100010800ff060099598602020f00161e020309060100020800ff060000000802020f00161e020309"
    "060100030800ff060064ed4b02020f001620020309060100040800ff060000000502020f001620be407e"
)
"""UI of 581 bytes, an Aidon push [P]."""

BURST = (
    "7ea88c0300020023421cb9e6e700c401c10001010205020209060000600100ff0a08736e30303030303002050906010062"
    "8601ff1224d502020f001604020211001101090c07e10a19030d1813ff8000ff01010206020309060101020800ff060000"
    "000002020f03161e020309060101010800ff060000000002020f03161e020309060101050800ff060096cc7e7ea88c0300"
    "020023442adc00000002020f001620020309060101060800ff060000000002020f001620020309060101070800ff060000"
    "000002020f001620020309060101080800ff060000000002020f00162001010201020509060101010801ff060000000002"
    "020f00161e0000010102020906000062853dff0105020312000002020f00161b090c07e1eed87e7ea07a03000200235699"
    "0d0a19ff0d1813ff8000ff020312000002020f00161b090c07e10a19ff0d1503ff8000ff020312000002020f00161b090c"
    "07c80106ff161e00ff8000ff020312000002020f00161b090c07c80106ff160f00ff8000ff020312000002020f00161b09"
    "0c07c80106ff160000ff8000ff05b47e"
)
"""Three I frames of one window, one message of 366 bytes [C]."""

CONVERSATION = (
    "7ea0080221059356957e",
    "7ea01f05022173e9098180120501f80601f00704000000010804000000013d9b7e",
    (
        "7ea04502210510939ee6e6006036a1090607608574050801018a0207808b0760857405080201ac0a800830303030303030"
        "31be10040e01000000065f1f040000181f02003f537e"
    ),
    (
        "7ea038050221303b29e6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000"
        "101400f00007fe307e"
    ),
    "7ea01a022105321d83e6e600c001c100010100000200ff02004bbb7e",
    "7ea01805022152be09e6e700c401c10009055630343131f6b67e",
)
"""SNRM, UA, AARQ, AARE, GET and its answer, client 2 and meter 16 in turn [S TestHDLC_SendAndReceive]."""

SEGMENTS = (
    "7ea00a0002a0ad039351df7e",
    "7ea015030002a0ad734cdf818006050180060180756c7e",
    (
        "7ea03f0002a0ad03102b4fe6e600602ea1090607608574050801028a0207808b0760857405080201ac028000be10040e01"
        "000000065f1f04001c0320ffff0c327e"
    ),
    (
        "7ea03a030002a0ad30a4d5e6e7006129a109060760857405080102a203020100a305a103020100be10040e0800065f1f04"
        "001c0320007afa00bd4e7e"
    ),
    "7ea0140002a0ad03323a58e6e600050102fa08189e7e",
    (
        "7ea87c030002a0ad52c727e6e7000c01000182014f02041000001200031100090601000f0800ff02041000181200031100"
        "090601000f0801ff02041000301200031100090601000f0802ff02041000481200031100090601000f0803ff0204100060"
        "1200031100090601000f0804ff020410010012000311000906a8607e"
    ),
    "7ea00a0002a0ad03514f3a7e",
    (
        "7ea883030002a0ad5454cc0100010800ff0204100118120003110009060100010801ff0204100130120003110009060100"
        "010802ff0204100148120003110009060100010803ff0204100160120003110009060100010804ff020410020012000311"
        "0009060100020800ff0204100218120003110009060100020801ff020410023025ff7e"
    ),
    "7ea00a0002a0ad03714d1b7e",
    (
        "7ea87f030002a0ad568dc9120003110009060100020802ff0204100248120003110009060100020803ff02041002601200"
        "03110009060100020804ff0204100300120003110009060100030800ff0204100318120003110009060100030801ff0204"
        "100330120003110009060100030802ff020410034812000311000906c5d07e"
    ),
    "7ea00a0002a0ad039143fc7e",
)
"""SNRM, UA, AARQ, AARE, a question, the first segments of its answer, each asked for with RR [X]."""

PARAMETERS = {
    "UA [P]": ("81801205019a06019a070400000001080400000001", LinkParameters(154, 154)),
    "SNRM, a window of 7 [C]": (
        "818012050180060180070400000001080400000007",
        LinkParameters(128, 128, 1, 7),
    ),
    "UA of a meter [S]": ("8180120501f80601f0070400000001080400000001", LinkParameters(248, 240)),
}
FOREIGN_PARAMETERS = {
    "lengths said in two bytes [C]": ("8180140502008006020080070400000001080400000001", LinkParameters()),
    "only the lengths [X]": ("818006050180060180", LinkParameters()),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frame(name: str) -> None:
    text, destination, source, kind, final, send, receive, segmented, info = FRAMES[name]
    raw = bytes.fromhex(text)
    octet = control(kind, final=bool(final), send=send, receive=receive)
    expected = HdlcFrame(destination, source, octet, bytes.fromhex(info), bool(segmented))
    frame = HdlcFrame.from_bytes(raw)
    assert frame == expected
    assert (frame.kind, frame.final) == (kind, bool(final))
    if kind is Kind.I:
        assert frame.send == send
    if kind in (Kind.I, Kind.RR):
        assert frame.receive == receive
    assert expected.to_bytes() == raw
    deframer = Deframer()
    assert [found for octet in raw for found in deframer.feed(bytes((octet,)))] == [expected]


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    text, parameters = PARAMETERS[name]
    assert LinkParameters.from_bytes(bytes.fromhex(text)) == parameters
    assert parameters.to_bytes().hex() == text


@pytest.mark.parametrize("name", FOREIGN_PARAMETERS)
def test_parameters_written_in_other_ways(name: str) -> None:
    text, parameters = FOREIGN_PARAMETERS[name]
    assert LinkParameters.from_bytes(bytes.fromhex(text)) == parameters


@pytest.mark.parametrize(
    ("text", "upper", "lower", "octets"),
    [
        ("03", 1, None, 1),  # [P]
        ("21", 16, None, 1),  # [P]
        ("95", 0b1001010, None, 1),  # [P]
        ("4b", 0b0100101, None, 1),  # [P]
        ("0223", 1, 17, 2),  # [P]
        ("00020023", 1, 17, 4),  # [C]
        ("00020021", 1, 16, 4),  # [S]
    ],
)
def test_address(text: str, upper: int, lower: int | None, octets: int) -> None:
    address = HdlcAddress(upper, lower, octets)
    assert address.to_bytes().hex() == text
    assert HdlcAddress.from_bytes(bytes.fromhex(text)) == address


def test_check_sequence() -> None:
    """The check value of CRC-16/X-25, and the client's and meter's two bytes of [P]."""
    assert fcs(b"123456789") == (0x906E).to_bytes(2, "little")
    assert fcs(bytes.fromhex("033f")).hex() == "5bec"
    assert intact(bytes.fromhex("033f5bec"))
    assert not intact(bytes.fromhex("033f5bed"))


@pytest.mark.parametrize(
    ("text", "client", "meter", "length"),
    [(KAMSTRUP, 21, HdlcAddress(16), 214), (AIDON, 32, HdlcAddress(4, 65), 566)],
)
def test_a_push_is_handed_out_without_a_link(text: str, client: int, meter: HdlcAddress, length: int) -> None:
    raw = bytes.fromhex(text)
    frame = HdlcFrame.from_bytes(raw)
    assert (frame.kind, frame.final) == (Kind.UI, True)
    (message,) = HdlcFraming(client, meter).feed(raw)
    assert message[0] == 0x0F
    assert len(message) == length
    line = HdlcServerFraming({meter: 3}, LinkParameters(2030))
    assert line.notify(client, 3, message) == raw


def test_a_burst_is_one_message() -> None:
    frames = Deframer().feed(bytes.fromhex(BURST))
    assert [(frame.send, frame.final, frame.segmented) for frame in frames] == [
        (1, False, True),
        (2, False, True),
        (3, True, False),
    ]
    numbering = Numbering(LinkParameters())
    numbering.expected = 1
    message = b"".join(numbering.take(frame) for frame in frames)
    assert message[:7].hex() == "e6e700c401c100"
    assert len(axdr.decode(message[7:]).value[0].value) == 5
    assert b"".join(frame.to_bytes() for frame in frames).hex() == BURST


def test_a_client_relives_a_session() -> None:
    snrm, ua, aarq, aare, get, got = [bytes.fromhex(text) for text in CONVERSATION]
    link = HdlcFraming(2, HdlcAddress(1, 16))
    assert link.connect() == snrm
    assert link.feed(ua) == []
    assert link.agreed == LinkParameters(128, 128)
    assert link.wrap(payload(aarq)) == aarq
    assert link.feed(aare) == [payload(aare)]
    assert link.wrap(payload(get)) == get
    assert link.feed(got) == [payload(got)]
    assert link.replies() == b""


def test_a_meter_relives_a_session() -> None:
    snrm, ua, aarq, aare, get, got = [bytes.fromhex(text) for text in CONVERSATION]
    line = HdlcServerFraming({HdlcAddress(1, 16): 7}, LinkParameters(248, 240))
    assert line.feed(snrm) == []
    welcome = HdlcFrame.from_bytes(line.replies())
    assert (welcome.kind, welcome.destination) == (Kind.UA, HdlcAddress(2))
    # This meter announces 248 bytes to a client that said nothing; ours keeps to the default it must assume.
    assert LinkParameters.from_bytes(welcome.info) == LinkParameters()
    assert LinkParameters.from_bytes(HdlcFrame.from_bytes(ua).info) == LinkParameters(248, 240)
    assert line.feed(aarq) == [Heard(2, 7, payload(aarq))]
    assert line.wrap(2, 7, payload(aare)) + line.replies() == aare
    assert line.feed(get) == [Heard(2, 7, payload(get))]
    assert line.wrap(2, 7, payload(got)) + line.replies() == got
    assert line.replies() == b""


@pytest.mark.parametrize(
    ("client", "meter", "asked", "left"),
    [
        (73, MANAGEMENT_METER, ("7ea007039393d1087e", "7ea007039353ddce7e"), "7ea007930373fb7f7e"),
        (2, HdlcAddress(1, 16, octets=4), ("7ea00a000200210593f3807e", "7ea00a000200210553ff467e"),
         "7ea00a05000200217330417e"),
    ],
)  # fmt: skip
def test_links_open_and_close(client: int, meter: HdlcAddress, asked: tuple[str, str], left: str) -> None:
    """[S TestHDLC_OneByte_Connect, TestHDLC_FourBytes_Connect] the meter answers both with the same UA."""
    link = HdlcFraming(client, meter)
    assert link.connect().hex() == asked[0]
    link.feed(bytes.fromhex(left))
    assert link.connected
    assert link.agreed == LinkParameters()
    assert link.disconnect().hex() == asked[1]
    link.feed(bytes.fromhex(left))
    assert not link.connected
    line = HdlcServerFraming({meter: 3}, LinkParameters())
    line.feed(bytes.fromhex(asked[0]))
    line.replies()
    assert line.feed(bytes.fromhex(asked[1])) == [Parted(client, 3)]
    assert line.replies().hex() == left


def test_a_client_asks_for_segments_as_recorded() -> None:
    snrm, ua, aarq, aare, question, *answer = [bytes.fromhex(text) for text in SEGMENTS]
    link = HdlcFraming(1, HdlcAddress(1, 10326))
    assert link.connect() == snrm
    link.feed(ua)
    assert link.wrap(payload(aarq)) == aarq
    assert link.feed(aare) == [payload(aare)]
    assert link.wrap(payload(question)) == question
    for segment, ready in zip(answer[::2], answer[1::2], strict=True):
        assert link.feed(segment) == []
        assert link.replies() == ready


def payload(raw: bytes) -> bytes:
    """The message of an I frame that holds it whole."""
    return HdlcFrame.from_bytes(raw).info[3:]
