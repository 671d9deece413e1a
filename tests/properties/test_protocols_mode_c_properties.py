"""Mode C and AT modems: what is written is read again, in any chunks; arbitrary bytes do no harm."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError, RemoteError
from protocols.iec62056_21.characters import Parity, with_parity, without_parity
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.codes import code_of, text_of
from protocols.iec62056_21.data_sets import DataSet, read_lines, read_out_lines, write_lines, write_out_lines
from protocols.iec62056_21.events import Event, Send
from protocols.iec62056_21.framer import Framer
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.messages import Command, Data, OptionSelect, SignOn
from protocols.iec62056_21.profile import Column, ProfileRange, StampAt, read_profile, write_profile
from protocols.iec62056_21.server import Denied, Lines, MeterSettings, ModeCServer
from protocols.iec62056_21.stamps import read_clock, read_stamp, write_clock, write_stamp
from protocols.modem.at import AtDialogue, Carried, Connected, Lost
from protocols.modem.dialects import load, names
from protocols.modem.stream import Heartbeat, ModemStream, Payload, Registered
from protocols.obis import Obis

ZONES = st.sampled_from([ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin"), UTC])
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="()!/*")
words = st.text(printable, max_size=12)
values = st.builds(lambda text, unit: f"{text}*{unit}" if unit else text, words, words)
addresses = st.text(printable.filter(str.strip), min_size=1, max_size=12)
data_sets = st.builds(DataSet, addresses, st.lists(values, min_size=1, max_size=4).map(tuple))
lines = st.lists(st.lists(data_sets, min_size=1, max_size=3), max_size=8)
instants = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
HARMLESS = bytes(octet if octet > 4 else 0x20 for octet in bytes(range(128)) * 2)
codes = st.builds(Obis, *[st.integers(0, 255)] * 6)


@given(lines)
def test_data_lines_come_back(written: list[list[DataSet]]) -> None:
    flat = tuple(each for line in written for each in line)
    assert read_lines(write_lines(written)) == flat
    assert read_out_lines(write_out_lines(written)) == flat


@given(
    st.text("ABCxyz", min_size=3, max_size=3),
    st.sampled_from("0123456789ABCGX"),
    st.text(printable.filter(lambda c: c != "\\"), max_size=16),
    st.lists(st.sampled_from("2@W"), max_size=2),
)
def test_identifications_come_back(maker: str, baud: str, name: str, escapes: list[str]) -> None:
    found = Identification(maker, baud, name, tuple(escapes))
    assert Identification.from_bytes(found.to_bytes()) == found


@given(st.text("0123456789abcXYZ ", max_size=32), st.sampled_from("?23"), st.sampled_from("0123456"))
def test_requests_and_choices_come_back(address: str, letter: str, baud: str) -> None:
    assert SignOn.from_bytes(SignOn(address, letter).to_bytes()) == SignOn(address, letter)
    assert OptionSelect.from_bytes(OptionSelect(baud, "1").to_bytes()) == OptionSelect(baud, "1")


@given(st.sampled_from(["R1", "R6", "W5", "P1", "E2", "B0"]), st.none() | words)
def test_commands_come_back(name: str, data: str | None) -> None:
    framer = Framer()
    framer.feed(Command(name, data).to_bytes())
    assert framer.next() == Command(name, data)


@given(st.binary(max_size=60).map(lambda raw: raw.translate(bytes(range(128)) * 2)), st.sampled_from(Parity))
def test_parity_comes_off_as_it_was_put_on(raw: bytes, parity: Parity) -> None:
    stripped, damaged = without_parity(with_parity(raw, parity), parity)
    assert (stripped, any(damaged)) == (raw, False)


@given(codes)
def test_codes_come_back(code: Obis) -> None:
    assert code_of(text_of(code)) == code


@given(instants, ZONES, st.booleans())
def test_stamps_come_back(at: datetime, zone: ZoneInfo, seconds: bool) -> None:
    cut = at if seconds else at.replace(second=0)
    assert read_stamp(write_stamp(cut, zone, seconds=seconds), zone).timestamp() == cut.timestamp()
    local = read_clock(*write_clock(at, zone), zone)
    assert local.replace(tzinfo=None) == at.astimezone(zone).replace(tzinfo=None)
    wanted = ProfileRange(cut.replace(second=0), None, 7)
    found = ProfileRange.from_text(wanted.to_text(zone), zone)
    assert found.first is not None
    assert found.first.timestamp() == cut.replace(second=0).timestamp()


@given(
    instants,
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 10**9)), max_size=30),
    st.sampled_from([5, 15, 30, 60]),
    st.sampled_from(StampAt),
    ZONES,
)
def test_profiles_come_back(
    first: datetime, rows: list[tuple[int, int, int]], minutes: int, stamp_at: StampAt, zone: ZoneInfo
) -> None:
    """Rows with gaps before them (in intervals), a status and a value."""
    stamps, at = [], first
    for gap, _, _ in rows:
        at += timedelta(minutes=minutes * (1 + gap))
        stamps.append(at)
    status = [flags for _, flags, _ in rows]
    texts = [f"{value / 1000:.3f}" for _, _, value in rows]
    column = Column("1.5.0", "kW")
    written = write_lines(write_profile("P.01", stamps, status, minutes, [(column, texts)], zone, stamp_at))
    found = read_profile(read_lines(written), "P.01", zone, stamp_at)
    assert found.stamps.tolist() == [at.timestamp() for at in stamps]
    assert found.status.tolist() == status
    if rows:
        assert found.columns == (column,)
        assert found.values[0].tolist() == [value for _, _, value in rows]


class Book:
    """Two values and a profile."""

    def read_out(self, letter: str) -> Lines:
        return [[DataSet("1.8.0", ("1.5*kWh",))], [DataSet("0.0.0", ("1",))]]

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        head = DataSet("P.01", ("0261120003000", "00", "30", "1", "1.5", "kW"))
        return [[head], *[[DataSet("", (f"{at}.0",))] for at in range(9)]]

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        return Denied("ERROR04")


def server() -> ModeCServer:
    return ModeCServer({"1": (MeterSettings(Identification("DKE", "5", "T"), {"1": "p"}), Book())})


def asked() -> ModeCClient:
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(b"/DKE5T\r\n")
    client.program()
    client.receive(Command("P0", "()").to_bytes())
    client.read("P.01", command="R6")
    return client


def cut(raw: bytes, data: st.DataObject) -> list[bytes]:
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    return [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]


@given(st.data())
def test_any_chunking_of_an_answer_gives_the_same_events(data: st.DataObject) -> None:
    rows = write_lines(Book().read("P.01", ("",)))  # type: ignore[arg-type]
    bad = Data(rows[:40]).to_bytes()
    said = bad[:-1] + b"\x00" + Data(rows[:40], last=False).to_bytes() + b"\x15" + Data(rows[40:]).to_bytes()
    whole, pieces = asked(), asked()
    expected = whole.receive(said)
    got: list[Event] = []
    for chunk in cut(said, data):
        got += pieces.receive(chunk)
    assert got == expected


@given(st.data())
def test_any_chunking_of_requests_gives_the_same_answers(data: st.DataObject) -> None:
    said = b"".join(
        (
            b"\x00\x00/?1!\r\n\x06051\r\n",
            Command("P1", "(p)").to_bytes(),
            Command("R6", "P.01(;;4)").to_bytes(),
            b"\x06\x15\x06",
            Command("R5", "1.8.0()").to_bytes()[:-1] + b"?",
            Command("B0").to_bytes(),
        )
    )
    expected = server().receive(said)
    pieces = server()
    assert [step for chunk in cut(said, data) for step in pieces.receive(chunk)] == expected
    assert sum(isinstance(step, Send) for step in expected) == 8


@given(st.binary(max_size=200), st.sampled_from(Parity))
def test_a_client_under_arbitrary_answers(raw: bytes, parity: Parity) -> None:
    for framed in (raw, Data(raw.translate(HARMLESS)).to_bytes()):
        client = ModeCClient(ClientSettings(parity=parity))
        client.sign_on()
        try:
            client.receive(with_parity(b"/DKE5T\r\n", parity))
            client.read_out()
            client.receive(framed)
        except RemoteError as wrong:
            assert wrong.reason  # noqa: PT017


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"/?!\r\n", b"\x06051\r\n", b"\x06"]), max_size=8))
def test_a_meter_under_arbitrary_requests(chunks: list[bytes]) -> None:
    meter = server()
    for chunk in chunks:
        meter.receive(chunk)
    meter.silence()
    assert meter.receive(b"/?!\r\n")[-1] == Send(b"/DKE5T\r\n")


def online() -> AtDialogue:
    modem = AtDialogue()
    modem.dial("0912")
    modem.receive(b"OK\r\nOK\r\n")
    return modem


@given(
    st.lists(st.sampled_from([b"\r\n", b"NO CARRIER", b"NO ", b"x", b"\x02", b"\r", b"\n"]), max_size=12),
    st.data(),
)
def test_any_chunking_of_a_call_gives_the_same_bytes(parts: list[bytes], data: st.DataObject) -> None:
    said = b"\r\nCONNECT 9600\r\n" + b"".join(parts)
    found = []
    for chunks in ([said], cut(said, data)):
        modem = online()
        events = [event for chunk in chunks for event in modem.receive(chunk)]
        if modem.online:
            events += modem.expired()
        carried = b"".join(event.raw for event in events if isinstance(event, Carried))
        found.append((carried, [event for event in events if isinstance(event, Connected | Lost)]))
    assert found[0] == found[1]


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_a_dialogue_under_arbitrary_words(chunks: list[bytes]) -> None:
    modem = online()
    for chunk in chunks:
        try:
            modem.receive(chunk)
            modem.next_timeout()
        except ProtocolError as wrong:
            assert wrong.reason  # noqa: PT017
            return


@given(
    st.sampled_from([name for name in names() if load(name).registration]),
    st.lists(st.binary(max_size=20) | st.none(), max_size=8),
    st.data(),
)
def test_a_modem_s_words_come_out_of_any_payload(
    name: str, parts: list[bytes | None], data: st.DataObject
) -> None:
    """None stands for a heartbeat; a payload that holds one by chance is not drawn."""
    dialect = load(name)
    assert dialect.registration is not None
    assert dialect.heartbeat is not None
    hello, beat = dialect.registration.write("861234567890123"), dialect.heartbeat.write("861234567890123")
    payload = b"".join(part for part in parts if part is not None)
    said = b"".join(beat if part is None else part for part in parts)
    stream = ModemStream(dialect)
    assert stream.feed(hello) == [Registered("861234567890123")]
    stream.carries(framed=False)
    events = [event for chunk in cut(said, data) for event in stream.feed(chunk)] + stream.release()
    beats = sum(isinstance(event, Heartbeat) for event in events)
    got = b"".join(event.raw for event in events if isinstance(event, Payload))
    if said.count(beat) == parts.count(None) and hello not in said:
        assert (got, beats) == (payload, parts.count(None))
