"""Modems: registrations and heartbeats by rule, and frames that come through whole."""

import pytest

from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.wrapper import Frame
from protocols.errors import LocalError, RemoteError
from protocols.modem.dialects import load, names, parse_dialects
from protocols.modem.stream import MAX_NOISE, Heartbeat, ModemStream, Payload, Registered, frame_size

IMEI = "861234567890123"
FRAME = Frame(
    1, 16, b"IMEI:861234567890123\r\nHB:861234567890123\r\n#8612#$HEART$\x55\xaa\x02\x0d"
).to_bytes()
MBAP = bytes.fromhex("00010000000501030212345678")[:11]
SPEAKING = [name for name in names() if load(name).registration]
DIALECTS = [name for name in SPEAKING if not load(name).within_frames]
RTU = bytes.fromhex("010304007b0000cbfb")
MODE_C = b"\x02P.01(0261121003000)(00)(30)(1)(1.5)(kW)\r\n(0.5)\r\n#8612$HEAR\x03\x1b"


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


@pytest.mark.parametrize("name", SPEAKING)
@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("payload", [RTU, MODE_C], ids=["rtu", "mode-c"])
def test_a_modem_s_words_are_taken_out_of_the_midst_of_unframed_answers(
    name: str, step: int, payload: bytes
) -> None:
    dialect = load(name)
    assert dialect.registration is not None
    assert dialect.heartbeat is not None
    hello, beat = dialect.registration.write(IMEI), dialect.heartbeat.write(IMEI)
    stream = ModemStream(name)
    assert stream.feed(hello) == [Registered(IMEI)]
    stream.carries(framed=False)
    again = hello if dialect.every_packet else b""
    said = again + payload[:4] + beat + again + payload[4:] + beat
    events = [event for at in range(0, len(said), step) for event in stream.feed(said[at : at + step])]
    events += stream.release()
    assert b"".join(event.raw for event in events if isinstance(event, Payload)) == payload
    words = [event for event in events if not isinstance(event, Payload)]
    heartbeat = Heartbeat(dialect.heartbeat.answer(IMEI))
    names = [Registered(IMEI)] if dialect.every_packet else []
    assert words == [*names, heartbeat, *names, heartbeat]


def test_what_may_begin_a_heartbeat_is_held_a_moment() -> None:
    stream = ModemStream("text-every-packet")
    stream.feed(b"#861111#")
    stream.carries(framed=False)
    assert stream.feed(b"\x01\x03\x02\x00$HEA") == [Payload(b"\x01\x03\x02\x00")]
    assert stream.held
    assert stream.release() == [Payload(b"$HEA")]
    assert (stream.held, stream.release()) == (False, [])
    # The name of another modem is no word of this one.
    assert stream.feed(b"#862222#!") == [Payload(b"#862222#!")]
    stream.carries(framed=True)
    with pytest.raises(RemoteError, match="does not say this"):
        stream.feed(b"\x01\x03 a late answer")


def test_a_heartbeat_without_a_name_of_its_own_and_one_that_cannot_carry_it() -> None:
    text = (
        '[x.registration]\nprefix="I:"\nbody="text"\nsuffix="\\n"\n'
        '[x.heartbeat]\nprefix="hex:55"\nbody="hex"\nlength=2'
    )
    dialect = parse_dialects(text)["x"]
    stream = ModemStream(dialect)
    stream.feed(b"I:not hex\n")
    stream.carries(framed=False)
    assert stream.feed(b"abI:not hex\ncd") == [Payload(b"ab"), Registered("not hex"), Payload(b"cd")]
    silent = ModemStream(parse_dialects('[y.heartbeat]\nprefix="PING"\nbody="none"\nreply="PONG"')["y"])
    silent.carries(framed=False)
    assert silent.feed(b"\x15PING\x06P") == [Payload(b"\x15"), Heartbeat(b"PONG"), Payload(b"\x06")]
    assert silent.release() == [Payload(b"P")]


def test_a_modem_that_cuts_frames_has_its_name_taken_out_of_them() -> None:
    stream = ModemStream("text-every-packet-cut")
    whole = Frame(1, 16, bytes(range(64, 90))).to_bytes()
    said = b"#861111#" + whole[:20] + b"#861111#" + whole[20:] + b"$HEART$"
    events = stream.feed(said)
    assert b"".join(event.raw for event in events if isinstance(event, Payload)) == whole
    assert ModemStream("text-every-packet").feed(said)[1] != Payload(whole)


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


def hdlc(number: int) -> bytes:
    """A segment whose payload holds the words of modems."""
    info = b"\xe6\xe7\x00IMEI:861234567890123\r\n#8612#$HEART$\x55\xaa\x02\x0d" + bytes((number,))
    return HdlcFrame(HdlcAddress(16), HdlcAddress(1), control(Kind.I, send=number), info, True).to_bytes()


SPOKEN = {
    "each with its flags": hdlc(0) + hdlc(1) + hdlc(2),
    "one flag between them": hdlc(0) + hdlc(1)[1:] + hdlc(2)[1:],
    "flags in a pause": hdlc(0) + b"\x7e\x7e\x7e" + hdlc(1) + b"\x7e" + hdlc(2)[1:],
    "noise between": hdlc(0) + b"\xff\x00" + hdlc(1) + b"\xaa\x7e\x33" + hdlc(2),
    "a frame cut off": hdlc(0) + hdlc(1)[:9] + hdlc(1) + hdlc(2),
}


@pytest.mark.parametrize("name", SPEAKING)
@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize("spoken", SPOKEN.values(), ids=SPOKEN)
def test_all_that_hdlc_allows_comes_through(name: str, step: int, spoken: bytes) -> None:
    """What is between two frames belongs to the line; a heartbeat behind them is one all the same."""
    dialect = load(name)
    assert dialect.registration is not None
    assert dialect.heartbeat is not None
    stream = ModemStream(name)
    assert stream.feed(dialect.registration.write(IMEI)) == [Registered(IMEI)]
    beat = dialect.heartbeat.write(IMEI)
    said = spoken if dialect.within_frames else spoken + beat + hdlc(3)
    events = [event for at in range(0, len(said), step) for event in stream.feed(said[at : at + step])]
    events += stream.release()
    if dialect.within_frames:
        return  # such a modem's own words are looked for everywhere, its frames bear a check of their own
    assert b"".join(event.raw for event in events if isinstance(event, Payload)) == spoken + hdlc(3)
    words = [event for event in events if not isinstance(event, Payload)]
    assert words == [Heartbeat(dialect.heartbeat.answer(IMEI))]


@pytest.mark.parametrize("name", DIALECTS)
def test_noise_without_end_is_no_line(name: str) -> None:
    dialect = load(name)
    assert dialect.registration is not None
    stream = ModemStream(name)
    stream.feed(dialect.registration.write(IMEI) + hdlc(0))
    with pytest.raises(RemoteError, match="does not say this"):
        for _ in range(MAX_NOISE + 2):
            stream.feed(b"\xee" * 7)
