"""HDLC frames, addresses, parameters and the way frames are found in a stream."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.fcs import fcs, intact
from protocols.dlms.hdlc.frame import MAX_LENGTH, HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.rejection import Rejection
from protocols.dlms.hdlc.stream import Deframer
from protocols.errors import DecodeError, LocalError, RemoteError

METER, CLIENT = HdlcAddress(1, 17), HdlcAddress(16)
SNRM = HdlcFrame(METER, CLIENT, control(Kind.SNRM))
LONG = HdlcFrame(CLIENT, METER, control(Kind.I), bytes(range(256)) * 7)

small, large = st.integers(0, 0x7F), st.integers(0, 0x3FFF)
addresses = st.one_of(
    st.builds(HdlcAddress, small),
    st.builds(HdlcAddress, small, small),
    st.builds(lambda upper, lower: HdlcAddress(upper, lower, 4), large, large),
)
frames = st.builds(
    HdlcFrame, addresses, addresses, st.integers(0, 0xFF), st.binary(max_size=300), st.booleans()
)


def bitwise(octets: bytes) -> bytes:
    """FCS-16 as the standard spells it out, bit by bit."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_check_sequence_is_the_standards(octets: bytes) -> None:
    assert fcs(octets) == bitwise(octets)
    assert intact(octets + fcs(octets))


@settings(deadline=None)
@given(frames)
def test_a_frame_is_read_as_it_was_written(frame: HdlcFrame) -> None:
    assert HdlcFrame.from_bytes(frame.to_bytes()) == frame


@settings(deadline=None)
@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 60), max_size=40), st.randoms())
def test_any_chunking_gives_the_same_frames(
    sent: list[HdlcFrame], sizes: list[int], chance: st.DataObject
) -> None:
    noise = [b"", b"\x7e", b"\x00\x7e\xa0", b"\x7e\xa8\x21\x02\x02"]
    stream = b"".join(chance.choice(noise) + frame.to_bytes() for frame in sent)  # type: ignore[attr-defined]
    whole, pieces = Deframer(), Deframer()
    found = whole.feed(stream)
    cut: list[HdlcFrame] = []
    for size in sizes:
        cut += pieces.feed(stream[:size])
        stream = stream[size:]
    cut += pieces.feed(stream)
    assert cut == found
    assert [frame.torn for frame in cut] == [frame.torn for frame in found]
    assert pieces.pending == whole.pending


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"\x7e", b"\xa0", b"\x07\x03\x21", SNRM.to_bytes(), b"\x02"]), max_size=60))
def test_nothing_found_is_not_there(pieces: list[bytes]) -> None:
    for frame in Deframer().feed(b"".join(pieces)):
        assert frame == SNRM


def test_one_flag_may_stand_between_two_frames() -> None:
    raw = SNRM.to_bytes()[:-1] + LONG.to_bytes()
    assert Deframer().feed(raw) == [SNRM, LONG]


@pytest.mark.parametrize("at", [1, 5, 8, 9, 500, -3, -1])
def test_a_broken_frame_is_dropped_and_the_next_one_found(at: int) -> None:
    raw = bytearray(LONG.to_bytes())
    raw[at] ^= 0x10
    found = Deframer().feed(SNRM.to_bytes() + bytes(raw) + SNRM.to_bytes() + b"\x7e\x7e" + SNRM.to_bytes())
    assert found == [SNRM, SNRM, SNRM]
    assert [frame.torn for frame in found] == [False, True, False]


def test_a_frame_inside_a_damaged_one_is_none() -> None:
    raw = bytearray(HdlcFrame(CLIENT, METER, 0x10, bytes(20) + SNRM.to_bytes() + bytes(20)).to_bytes())
    raw[15] ^= 1
    assert Deframer().feed(bytes(raw)) == []


def test_a_frame_without_contents_has_one_check() -> None:
    body = SNRM.to_bytes()[1:-1]
    doubled = bytes((0xA0, len(body) + 2)) + body[2:-2]
    doubled += fcs(doubled)
    doubled += fcs(doubled)
    assert Deframer().feed(b"\x7e" + doubled + b"\x7e") == []


def test_a_byte_lost_costs_one_frame() -> None:
    raw = LONG.to_bytes()
    deframer = Deframer()
    assert deframer.feed(raw[:700] + raw[701:]) == []
    assert deframer.feed(SNRM.to_bytes() + SNRM.to_bytes()) == [SNRM, SNRM]


def test_a_frame_that_stopped_coming_is_forgotten() -> None:
    deframer = Deframer()
    assert deframer.feed(LONG.to_bytes()[:400]) == []
    assert len(deframer.pending) == 400
    deframer.reset()
    (frame,) = deframer.feed(SNRM.to_bytes())
    assert (frame, frame.torn) == (SNRM, True)


@pytest.mark.parametrize("noise", [b"\x00", b"\x7e\xa0\x08", SNRM.to_bytes()[:-1] + b"\x00", b"\x7e"])
def test_noise_without_end_is_refused(noise: bytes) -> None:
    deframer = Deframer(max_noise=2000)
    with pytest.raises(RemoteError, match="more than 2000 bytes came without a frame") as wrong:
        for _ in range(2100):
            deframer.feed(noise)
    assert 0 < len(wrong.value.raw) <= 64
    assert deframer.feed(SNRM.to_bytes()) == [SNRM]


def test_frames_before_the_noise_come_first() -> None:
    deframer = Deframer(max_noise=100)
    assert deframer.feed(SNRM.to_bytes() + bytes(200)) == [SNRM]
    with pytest.raises(RemoteError, match="more than 100"):
        deframer.feed(b"")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("7e", "begin no HDLC frame"),
        ("7ea00802232193bd64", "does not end where"),
        ("7ea00802232193bd6400", "does not end where"),
        ("7ea00902232193bd647e", "does not end where"),
        ("7eb00802232193bd647e", "begin no HDLC frame"),
        ("7ea00802232193bd657e", "check sequence"),
        ("7ea00c0102011027a00201e7df7e", "check sequence"),
        ("7ea00a0202212193bd647e7e", "begin no HDLC frame"),
    ],
)
def test_what_is_no_frame_is_refused(raw: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why) as wrong:
        HdlcFrame.from_bytes(bytes.fromhex(raw))
    assert wrong.value.raw.hex() == raw


def test_a_frame_has_a_longest_length() -> None:
    room = MAX_LENGTH - 10
    assert len(HdlcFrame(METER, CLIENT, 0x10, bytes(room)).to_bytes()) == MAX_LENGTH + 2
    with pytest.raises(LocalError, match="at most 2047 bytes, not 2048"):
        HdlcFrame(METER, CLIENT, 0x10, bytes(room + 1)).to_bytes()


def test_control_bytes_are_the_standards() -> None:
    table = {
        0x11: Kind.RR, 0x15: Kind.RNR, 0x19: Kind.REJ, 0x93: Kind.SNRM, 0x53: Kind.DISC, 0x73: Kind.UA,
        0x1F: Kind.DM, 0x97: Kind.FRMR, 0x13: Kind.UI, 0x10: Kind.I,
    }  # fmt: skip
    for octet, kind in table.items():
        assert HdlcFrame(METER, CLIENT, octet).kind is kind
        assert control(kind) == octet
        assert control(kind, final=False) == octet - 0x10
    assert HdlcFrame(METER, CLIENT, 0xF5).kind is Kind.RNR
    assert HdlcFrame(METER, CLIENT, 0x1D).kind is None
    assert HdlcFrame(METER, CLIENT, 0xEF).kind is None


@pytest.mark.parametrize(
    "numbers", [(128,), (-1,), (1, 0x4000), (1, 17, 1), (1, None, 2), (1, None, 4), (200, 1, 2), (1, 17, 3)]
)
def test_an_address_out_of_range_is_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(LocalError, match="an HDLC address is"):
        HdlcAddress(*numbers)


@pytest.mark.parametrize("raw", ["", "02", "020203", "0203ff", "03ff", "00020022", "0002002301"])
def test_bytes_that_are_no_address_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError, match="no HDLC address"):
        HdlcAddress.from_bytes(bytes.fromhex(raw))


def test_an_address_is_one_station_in_however_many_bytes() -> None:
    assert HdlcAddress(1, 17).same_station(HdlcAddress(1, 17, 4))
    assert not HdlcAddress(1, 17).same_station(HdlcAddress(1))
    assert (str(HdlcAddress(16)), str(HdlcAddress(1, 300))) == ("16", "1/300")


parameters = st.builds(
    LinkParameters, st.integers(8, 2030), st.integers(8, 2030), st.integers(1, 7), st.integers(1, 7)
)


@settings(deadline=None)
@given(parameters, parameters)
def test_what_one_sends_the_other_can_take(ours: LinkParameters, theirs: LinkParameters) -> None:
    assert LinkParameters.from_bytes(ours.to_bytes()) == ours
    agreed, mirrored = ours.agreed(theirs), theirs.agreed(ours)
    assert agreed.max_info_transmit == mirrored.max_info_receive
    assert agreed.window_receive == mirrored.window_transmit
    assert agreed.agreed(mirrored) == agreed


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", LinkParameters()),
        ("8180040502ffff", LinkParameters(2030)),
        ("81800607040000 00ff", LinkParameters(window_transmit=7)),
        ("8180030901ff", LinkParameters()),
        ("8181020102 8003 050120", LinkParameters(32)),
        ("818003050120f00401020304", LinkParameters(32)),
    ],
)
def test_parameters_beyond_what_we_know(raw: str, expected: LinkParameters) -> None:
    assert LinkParameters.from_bytes(bytes.fromhex(raw)) == expected


@pytest.mark.parametrize(
    "raw", ["80", "8180", "818004050101", "818003050100", "818003070100", "81800705050000000080"]
)
def test_parameters_that_are_none(raw: str) -> None:
    with pytest.raises(DecodeError):
        LinkParameters.from_bytes(bytes.fromhex(raw))


@pytest.mark.parametrize("numbers", [(7,), (128, 2031), (128, 128, 0), (128, 128, 1, 8)])
def test_parameters_we_may_not_ask_for(numbers: tuple[int, ...]) -> None:
    with pytest.raises(LocalError):
        LinkParameters(*numbers)


def test_a_rejection_says_why() -> None:
    rejection = Rejection(0x1D, 3, 5, unknown=True, bad_number=True)
    assert rejection.to_bytes().hex() == "1da609"
    assert Rejection.from_bytes(rejection.to_bytes()) == rejection
    assert (
        str(rejection)
        == "control byte 1D, its control byte is unknown and it acknowledges what was never sent"
    )
    assert str(Rejection.from_bytes(b"")) == "control byte 00, no reason was given"
    assert str(Rejection(0x11, with_info=True, too_long=True)).endswith(
        "not have contents and its contents are too long"
    )
