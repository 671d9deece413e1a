"""Modems: registrations and heartbeats by rule, and frames that come through whole."""

import pytest

from protocols.dlms.wrapper import Frame
from protocols.errors import LocalError, RemoteError
from protocols.modem.dialects import load, names, parse_dialects
from protocols.modem.stream import Heartbeat, ModemStream, Payload, Registered, frame_size

IMEI = "861234567890123"
FRAME = Frame(
    1, 16, b"IMEI:861234567890123\r\nHB:861234567890123\r\n#8612#$HEART$\x55\xaa\x02\x0d"
).to_bytes()
MBAP = bytes.fromhex("00010000000501030212345678")[:11]
DIALECTS = [name for name in names() if name != "transparent"]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_whatever_the_chunks_the_frames_are_whole(name: str, step: int) -> None:
    dialect = load(name)
    assert dialect.registration is not None
    assert dialect.heartbeat is not None
    hello, beat = dialect.registration.write(IMEI), dialect.heartbeat.write(IMEI)
    said = hello + FRAME + beat + MBAP + (hello if dialect.every_packet else b"") + FRAME + beat + beat
    stream = ModemStream(name)
    events = [event for at in range(0, len(said), step) for event in stream.feed(said[at : at + step])]
    heartbeat = Heartbeat(dialect.heartbeat.answer(IMEI))
    again = [Registered(IMEI)] if dialect.every_packet else []
    expected = [Registered(IMEI), Payload(FRAME), heartbeat, Payload(MBAP), *again, Payload(FRAME)]
    assert events == [*expected, heartbeat, heartbeat]
    assert stream.device_id == IMEI


def test_the_wire_of_each_dialect() -> None:
    text, binary = load("text-once"), load("hex-once")
    assert text.registration is not None
    assert text.registration.write(IMEI) == b"IMEI:861234567890123\r\n"
    assert text.heartbeat is not None
    assert text.heartbeat.answer(IMEI) == b"OK:861234567890123\r\n"
    assert binary.registration is not None
    assert binary.registration.write(IMEI).hex() == "55aa0108612345678901230d"
    assert binary.heartbeat is not None
    assert binary.heartbeat.answer(IMEI) == bytes.fromhex("55aa820d")


def test_a_transparent_modem_passes_everything_on() -> None:
    stream = ModemStream("transparent")
    assert stream.feed(b"") == []
    assert stream.feed(b"\x01\x03") == [Payload(b"\x01\x03")]


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n", b"IMEI:../../etc\r\n", b"IMEI:" + b"8" * 400, b"\xff\xff\xff\xff", FRAME],
)
def test_strangers_are_refused(garbage: bytes) -> None:
    with pytest.raises(RemoteError) as refused:
        ModemStream("text-once").feed(garbage)
    assert refused.value.raw


def test_garbage_after_a_frame_comes_out_as_an_error_later() -> None:
    stream = ModemStream("text-once")
    events = stream.feed(f"IMEI:{IMEI}\r\n".encode() + FRAME + b"garbage")
    assert events == [Registered(IMEI), Payload(FRAME)]
    with pytest.raises(RemoteError, match="does not say this"):
        stream.feed(b"")


def test_a_modem_keeps_its_name() -> None:
    stream = ModemStream("text-every-packet")
    stream.feed(b"#861111#")
    stream.feed(b"#861111#")
    with pytest.raises(RemoteError, match="now calls itself 862222"):
        stream.feed(b"#862222#")


def test_a_slow_registration_is_bounded() -> None:
    stream = ModemStream("text-once")
    for octet in b"IMEI:" + b"9" * 250:
        assert stream.feed(bytes((octet,))) == []
    with pytest.raises(RemoteError):
        stream.feed(b"9" * 10)


def test_frames_are_told_apart() -> None:
    assert frame_size(FRAME) == len(FRAME)
    assert frame_size(MBAP) == len(MBAP)
    assert frame_size(bytes.fromhex("7ea00a000200230302")) == 12
    assert frame_size(b"\x00") == -1
    assert frame_size(b"HB:1") == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[x]\ncolour = 1", "'colour' means nothing here"),
        ('[x.registration]\nprefix="hex:0001"\nbody="text"\nsuffix="#"', "not begin with 00 or 7E"),
        ('[x.registration]\nprefix="A"\nbody="text"', "needs a length or a suffix"),
        ('[x.heartbeat]\nprefix="A"\nbody="morse"', "morse"),
        ('[x.heartbeat]\nprefix="hex:0g"\nbody="none"', "x.heartbeat"),
        ("[x", "no TOML"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(LocalError, match=why):
        parse_dialects(text)


def test_an_unknown_dialect_is_told_with_those_there_are() -> None:
    with pytest.raises(LocalError, match="text-once"):
        load("morse")
    token = load("hex-once").registration
    assert token is not None
    with pytest.raises(LocalError, match="no name"):
        token.write("not digits")
