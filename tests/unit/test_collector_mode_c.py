"""Conversations with mode C meters on real sockets: what is read, and what each failure becomes."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from collector.errors import AnswerTimeout
from collector.exchange import read_meter
from collector.exchange.mode_c_line import ModeCLine
from collector.links.kinds import DialOut
from collector.links.wire import ByteStream
from collector.polling.plan import Span, Wanted
from collector.single import mode_c as single_mode_c
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.routes import ModeCAddress, TcpRoute
from model.clock import frozen
from model.grid import Modem, ModemLink
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Readout
from model.series import Channel, ProfileKind, Unit
from protocols import meter_models
from protocols.errors import NotAdmitted, RemoteError
from protocols.iec62056_21.client import ClientSettings
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.events import Send
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.messages import Data
from protocols.iec62056_21.server import Denied, Lines, MeterSettings, ModeCServer
from protocols.meter_models.reading import read_model
from simulators import ports
from simulators.answering import Answerer, Answering
from storage.fleet import LineMeter

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
MODEL = meter_models.load("dk-a1700")
ITEM = "1.0.99.1.0.255"
ASKED = Period(NOW - timedelta(hours=3), NOW)
ALL = Wanted((Span(ITEM, ASKED),), registers=True, instants=True)
ONE = [DataSet("", ("1", "1"))]
HEAD = ("0261120073000", "00", "30", "2", "1.29.0", "kWh", "3.29.0", "kvarh")
WH = (100, 110, 120, 130, 140, 150)


class Book:
    """A meter that says what a test wants."""

    def __init__(self, **values: str) -> None:
        self.values = {
            "0.0.0": "00012345", "0.9.2": "261120", "0.9.1": "100000", "1.8.0": "000123.456*kWh",
            "1.8.1": "000100.000*kWh", "1.8.2": "000020.000*kWh", "1.8.3": "000003.456*kWh",
            "3.8.0": "000010.000*kvarh", "32.7.0": "230.1*V", "31.7.0": "1.234*A", "16.7.0": "0.284*kW",
            **{name.replace("_", ".").lstrip("."): value for name, value in values.items()},
        }  # fmt: skip
        self.profile: Lines | Denied = [
            [DataSet("P.01", HEAD)], *[[DataSet("", (f"{wh / 1000:.3f}", "0.010"))] for wh in WH]
        ]  # fmt: skip
        self.asked: list[tuple[str, ...]] = []

    def read_out(self, letter: str) -> Lines:
        return [[DataSet(address, (value,))] for address, value in self.values.items()]

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        self.asked.append((address, *arguments))
        if address == "P.01":
            return self.profile
        if address not in self.values:
            return Denied("ERROR00")
        return [[DataSet(address, (self.values[address],))]]

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        return Denied("ERROR04")


@contextlib.asynccontextmanager
async def talking(
    converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    """A port where every call is answered by `converse`, ended with the block."""
    calls: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(writer)
        with contextlib.suppress(ConnectionError):
            await converse(reader, writer)
        writer.close()

    sock = ports.one("127.0.0.1", 0)
    server = await asyncio.start_server(handle, sock=sock)
    try:
        yield sock.getsockname()[1]
    finally:
        server.close()
        for writer in calls:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in calls), return_exceptions=True)


@contextlib.asynccontextmanager
async def serving(answer: Callable[[], Answerer]) -> AsyncIterator[int]:
    """A port behind which every call gets an answerer of its own."""
    served, sock = Answering(answer), ports.one("127.0.0.1", 0)
    port = sock.getsockname()[1]
    await served.start(sock)
    try:
        yield port
    finally:
        await served.stop()


def meter(book: Book, password: str = "secret", baud: str = "5") -> Callable[[], Answerer]:
    def open_call() -> Answerer:
        settings = MeterSettings(Identification("DKE", baud, "TEST"), {"1": password} if password else {})
        server = ModeCServer({"12345": (settings, book)})
        return lambda chunk: b"".join(s.raw for s in server.receive(chunk) if isinstance(s, Send))

    return open_call


@contextlib.asynccontextmanager
async def line(port: int, dialect: str = "transparent") -> AsyncIterator[ByteStream]:
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, dialect, "127.0.0.1", port), 5)
    try:
        async with link.lease() as stream:
            yield stream
    finally:
        link.close()
        await asyncio.sleep(0)


async def read(
    book: Book, wanted: Wanted = ALL, *, password: str | None = "secret", model: str = "dk-a1700"
) -> Readout:
    line_meter = LineMeter(1, "12345", model, 1, None, password, None, None)
    async with serving(meter(book)) as port, line(port) as stream:
        return await read_meter(stream, line_meter, wanted, clock=frozen(NOW), answer_s=2)


async def test_a_whole_conversation() -> None:
    book = Book()
    readout = await read(book)
    assert readout.outcome == "partial"  # quantities this meter does not have
    assert readout.clock_offset_s == 0
    answers = {answer.item: answer for answer in readout.answers}
    assert {read.raw for read in answers["registers"].registers} == {123456, 100000, 20000, 3456, 10000}
    assert answers["registers"].raw.startswith(b"1.8.0(000123.456*kWh)1.8.1(")
    (instant,) = answers["instants"].instants
    assert (instant.voltage_v[0], instant.current_a[0], instant.power_w) == (230.1, 1.234, 284)
    active, reactive = answers[ITEM].blocks
    assert (active.channel, active.kind, active.unit) == (
        Channel.ACTIVE_IMPORT, ProfileKind.INTERVAL_ENERGY, Unit.WATT_HOUR,
    )  # fmt: skip
    assert active.raw == WH
    assert active.stamps == tuple(ASKED.start + at * HALF_HOUR for at in range(6))
    assert reactive.raw == (10,) * 6
    assert answers[ITEM].complete
    assert ("P.01", "02611200730;02611201000;48") in book.asked
    assert all("secret" not in str(one) for one in readout.rejected)


@pytest.mark.parametrize(
    ("values", "outcome", "why"),
    [
        ({"_0_0_0": "54321"}, "wrong_meter", "meter 54321 answers where 12345 should"),
        ({"_0_9_1": "noon"}, "partial", "the clock shows no time"),
        ({"_0_9_1": "080000"}, "partial", "its profile is not read until the clock has been set"),
        ({"_1_8_0": "1*kvarh"}, "partial", "not measured in watt_hour"),
        ({"_1_8_0": "1.2345*kWh"}, "partial", "more places than its model says"),
        ({"_1_8_0": "----*kWh"}, "partial", "is no number"),
    ],
)
async def test_values_that_make_no_sense(values: dict[str, str], outcome: str, why: str) -> None:
    wanted = ALL if "_1_8_0" not in values else Wanted(registers=True)
    readout = await read(Book(**values), wanted)
    assert readout.outcome == outcome
    assert why in readout.detail + "".join(one.reason for one in readout.rejected)
    if outcome == "wrong_meter":
        assert not any(answer.registers for answer in readout.answers)


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        (Denied("ERROR11"), "the meter refused P.01: ERROR11"),
        ([[DataSet("P.01", ())]], "no data set|a profile's header"),
        ([[DataSet("P.01", (*HEAD[:2], "15", *HEAD[3:]))], ONE], "every 900 s"),
        ([[DataSet("P.01", (*HEAD[:4], "2.29.0", *HEAD[5:]))], ONE], "has no column"),
        (
            [[DataSet("P.01", (*HEAD[:5], "kvarh", *HEAD[6:]))], [DataSet("", ("1", "1"))]],
            "measured in 'kvarh'",
        ),
        ([[DataSet("P.01", HEAD)], [DataSet("", ("1.2345", "1"))]], "more places"),
        ([[DataSet("P.01", HEAD)], [DataSet("", ("999999999999999999", "1"))]], "more digits"),
        ([[DataSet("P.01", ("0261120073100", *HEAD[1:]))], ONE], "ends no interval"),
    ],
)
async def test_profiles_that_make_no_sense_are_kept_with_their_reason(
    profile: Lines | Denied, why: str
) -> None:
    book = Book()
    book.profile = profile
    readout = await read(book, Wanted((Span(ITEM, ASKED),)))
    assert readout.outcome == "partial"
    (rejected,) = readout.rejected
    assert re.search(why, rejected.reason)
    assert rejected.raw or isinstance(profile, Denied)


async def test_places_that_a_model_does_not_have_are_zeros_or_an_error() -> None:
    book = Book()
    rows = [[DataSet("", (f"{wh / 1000:.3f}00", "0"))] for wh in WH]
    book.profile = [[DataSet("P.01", HEAD)], *rows]
    (answer,) = (a for a in (await read(book, Wanted((Span(ITEM, ASKED),)))).answers if a.item == ITEM)
    assert answer.blocks[0].raw == WH


async def test_rows_beyond_the_range_are_left_out_and_no_rows_are_an_answer() -> None:
    book = Book()
    early = ("0261120063000", *HEAD[1:])
    rows = [[DataSet("", (f"0.{at:03d}", "0"))] for at in range(12)]
    book.profile = [[DataSet("P.01", early)], *rows]
    (answer,) = (a for a in (await read(book, Wanted((Span(ITEM, ASKED),)))).answers if a.item == ITEM)
    assert answer.blocks[0].raw == (2, 3, 4, 5, 6, 7)
    book.profile = [[DataSet("P.01", ("",))]]
    (answer,) = (a for a in (await read(book, Wanted((Span(ITEM, ASKED),)))).answers if a.item == ITEM)
    assert answer.blocks == ()
    late = Wanted((Span(ITEM, Period(NOW, NOW + timedelta(hours=1))),))
    assert [a.item for a in (await read(book, late)).answers] == ["serial", "clock"]


async def test_a_wrong_password_is_not_tried_again() -> None:
    readout = await read(Book(), password="wrong")
    assert readout.outcome == "refused"
    assert "refused the password" in readout.detail
    readout = await read(Book(), password=None)  # programming mode opens, and gives nothing
    assert {one.reason for one in readout.rejected} >= {"the meter refused 0.0.0: ERROR04"}


async def test_a_meter_that_falls_silent_poisons_the_line() -> None:
    settings = ClientSettings(answer_seconds=0.05)
    async with serving(lambda: lambda _: b"/DKE5TE") as port, line(port) as stream:
        with pytest.raises(AnswerTimeout, match=r"who is there within 0.05 s") as silent:
            await ModeCLine(stream, settings).read_out()
        assert silent.value.heard == b"/DKE5TE"
    line_meter = LineMeter(1, "12345", "dk-a1700", 1, None, None, None, None)
    async with serving(lambda: lambda _: b"") as port, line(port) as stream:
        readout = await read_meter(stream, line_meter, ALL, clock=frozen(NOW), answer_s=0.05)
        assert readout.outcome == "timeout"
        assert stream.poisoned  # type: ignore[attr-defined]


async def test_a_meter_that_never_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.exchange.mode_c_line.WHOLE", 2)
    settings = ClientSettings(answer_seconds=0.1)
    block = Data(b"(1)\r\n", last=False).to_bytes()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"/DKE5T\r\n")
        while await reader.read(100):
            await asyncio.sleep(0.03)
            writer.write(block)

    async with talking(drip) as port, line(port) as stream:
        with pytest.raises(AnswerTimeout, match="its read-out"):
            await ModeCLine(stream, settings).read_out()


async def test_an_event_out_of_place_is_the_meter_s_fault() -> None:
    async def answer(said: Sequence[bytes]) -> None:
        parts = iter(said)
        async with serving(lambda: lambda _: next(parts, b"")) as port, line(port) as stream:
            await ModeCLine(stream, ClientSettings(answer_seconds=1)).program()

    with pytest.raises(RemoteError, match="Line was not expected"):
        await answer([b"/DKE5T\r\n", b"/DKE5T\r\n"])
    with pytest.raises(NotAdmitted, match="mode A, which has no programming mode"):
        await answer([b"/DKEXT\r\n"])


async def test_mode_b_changes_its_speed_by_itself_and_a_line_of_fixed_speed_does_not_mind() -> None:
    out = Data(b"1.8.0(1*kWh)\r\n!\r\n").to_bytes()
    async with serving(lambda: lambda _: b"/DKEEOLD\r\n" + out) as port, line(port) as stream:
        talk = ModeCLine(stream, ClientSettings(answer_seconds=1))
        assert (await talk.read_out()).sets == (DataSet("1.8.0", ("1*kWh",)),)
        assert talk.identification == Identification("DKE", "E", "OLD")


LISTED = """
name = "listed"
title = "t"
maker = "m"
source = "s"
protocol = "iec62056-21"
phases = 1
values = "primary"
[mode_c]
device_address = "number"
access = "readout"
stamp = "begin"
[[register]]
channel = "active_import"
obis = "1.0.1.8.0"
scaler = 1
unit = "Wh"
[[register]]
channel = "active_export"
obis = "1.0.2.8.0"
unit = "Wh"
[profile]
obis = "1.0.99.1.0"
interval_seconds = 1800
entries = 100
[[profile.column]]
channel = "active_import"
kind = "mean_power"
obis = "1.0.1.5.0"
scaler = -1
unit = "W"
"""


async def test_values_of_the_read_out_and_stamps_at_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.exchange.model_of", lambda name: read_model(name, LISTED))
    book = Book(_1_8_0="000123.45*kWh")
    head = ("0261120070000", "00", "30", "1", "1.5", "kW")
    book.profile = [[DataSet("P.01", head)], *[[DataSet("", (f"{at}.5",))] for at in range(6)]]
    line_meter = LineMeter(1, "12345", "listed", 12345, None, "secret", None, None)
    async with serving(meter(book)) as port, line(port) as stream:
        readout = await read_meter(stream, line_meter, ALL, clock=frozen(NOW), answer_s=2)
    answers = {answer.item: answer for answer in readout.answers}
    (total,) = answers["registers"].registers
    assert (total.raw, total.scaler) == (12345, 1)
    assert [one.reason for one in readout.rejected] == ["2.8.0 is not in the meter's read-out"]
    (block,) = answers[ITEM].blocks
    assert (block.raw[:2], block.scaler) == ((5000, 15000), -1)
    assert block.stamps[0] == ASKED.start
    assert book.asked == [("P.01", "02611200700;02611200930")]


async def test_an_empty_answer_and_a_meter_without_a_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty(Book):
        def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
            return [] if address == "1.8.0" else super().read(address, arguments)

    text = LISTED.replace('"readout"', '"commands"\nserial = ""')
    monkeypatch.setattr("collector.exchange.model_of", lambda name: read_model(name, text))
    line_meter = LineMeter(1, "12345", "listed", 12345, None, "secret", None, None)
    async with serving(meter(Empty())) as port, line(port) as stream:
        readout = await read_meter(stream, line_meter, Wanted(registers=True), clock=frozen(NOW), answer_s=2)
    assert [answer.item for answer in readout.answers] == ["clock"]
    assert "an empty answer about 1.8.0" in [one.reason for one in readout.rejected]
    async with serving(meter(Book(_0_0_0="()"))) as port, line(port) as stream:
        readout = await read_meter(stream, line_meter, Wanted(registers=True), clock=frozen(NOW), answer_s=2)
    assert readout.outcome == "partial"


async def single(book: Book, asked: Asked, locked: str = "", **more: Any) -> Found:
    """`locked` is the password that opens the meter, `more` what the address says."""
    async with serving(meter(book, locked)) as port, line(port) as stream:
        address = ModeCAddress(TcpRoute("127.0.0.1", port), timeout_s=2, **more)
        return await single_mode_c.read(stream, address, asked)


ITEMS = ("1.0.1.8.0", "1-0:1.8.1", "32.7.0", "0.0.0", "9.9.9")


@pytest.mark.parametrize("password", [None, "secret"])
async def test_the_same_values_whether_listed_or_asked_for(password: str | None) -> None:
    asked = Asked(ITEMS, clock=True, objects=True)
    found = await single(Book(), asked, "secret", password=password)
    assert found.clock == "2026-11-20T10:00:00+07:00"
    assert [(r["raw"], r["scaler"], r["unit"], r["value"]) for r in found.registers] == [
        (123456, 0, "Wh", "123456"), (100000, 0, "Wh", "100000"), (2301, -1, "V", "230.1"),
        ("00012345", 0, "", "00012345"),
    ]  # fmt: skip
    (refused,) = found.refused
    assert refused["item"] == "9.9.9"
    assert found.objects is not None
    assert "1.0.1.8.0.255" in [one["item"] for one in found.objects]


async def test_a_profile_by_time_and_by_entries() -> None:
    wanted = ProfileAsked("1.0.99.1.0", ASKED.start, ASKED.end)
    found = await single(Book(), Asked(profile=wanted))
    assert found.profile is not None
    assert [column["item"] for column in found.profile["columns"]] == [
        "0.0.1.0.0.255", "status", "1.0.1.29.0.255", "1.0.3.29.0.255",
    ]  # fmt: skip
    assert found.profile["columns"][2] == {"item": "1.0.1.29.0.255", "scaler": 0, "unit": "Wh"}
    assert found.profile["rows"][0] == ["2026-11-20T07:30:00+07:00", 0, 100, 10]
    found = await single(Book(), Asked(profile=ProfileAsked("P.01", entries=(2, 3))), model="dk-a1700")
    assert found.profile is not None
    assert [row[2] for row in found.profile["rows"]] == [110, 120]


async def test_what_a_single_meter_refuses() -> None:
    book = Book(_0_9_2="no date", _16_7_0="1*bar", _13_7_0="x.y")
    book.profile = Denied("ERROR11")
    asked = Asked(("16.7.0", "13.7.0"), clock=True, profile=ProfileAsked("P.01", NOW, NOW))
    found = await single(book, asked)
    assert [(r["raw"], r["unit"]) for r in found.registers] == [("1", "bar"), ("x.y", "")]
    assert [one["item"] for one in found.refused] == ["clock", "P.01"]
    del book.values["0.9.1"]
    assert (await single(book, Asked(clock=True))).refused[0]["reason"] == "it is not in the meter's read-out"
    found = await single(book, Asked(("1.8.0", "a\x03"), clock=True), program=True)
    assert [one["item"] for one in found.refused] == ["clock", "a\x03"]


async def test_a_read_out_that_cannot_be_had() -> None:
    class Closed(Book):
        def read_out(self, letter: str) -> Lines:
            return [[DataSet("", ("ERROR04",))]]

    asked = Asked(("1.8.0",), clock=True, objects=True)
    found = await single(Closed(), asked)
    assert [one["item"] for one in found.refused] == ["objects", "1.8.0", "clock"]
    found = await single(Closed(), asked, program=True)
    assert [one["item"] for one in found.refused] == ["objects"]
    assert [r["value"] for r in found.registers] == [str(Decimal("123456"))]


async def test_everything_a_meter_lists_where_nothing_is_asked_for() -> None:
    class Closed(Book):
        def read_out(self, letter: str) -> Lines:
            return [[DataSet("", ("ERROR04",))]]

    book = Book()
    found = await single(book, Asked())
    assert found.refused == []
    assert found.objects is None
    assert {"1.0.1.8.0.255", "1.0.32.7.0.255"} <= {row["item"] for row in found.registers}
    assert len(found.registers) == len(book.values)
    assert [one["item"] for one in (await single(Closed(), Asked())).refused] == ["read-out"]


async def test_a_registering_modem_s_heartbeats_in_the_midst_of_an_answer() -> None:
    book = Book()
    hello, beat = b"IMEI:861234567890123\r\n", b"HB:861234567890123\r\n"
    heard: list[bytes] = []

    async def modem(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hear = meter(book, "")()
        writer.write(hello)
        while chunk := await reader.read(65536):
            heard.append(chunk)
            answer = hear(chunk.replace(b"OK:861234567890123\r\n", b""))
            for piece in (answer[:9], beat[:4], beat[4:], answer[9:]) if answer else ():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)

    async with talking(modem) as port, line(port, "text-once") as stream:
        await asyncio.sleep(0.05)  # the modem says its name first
        found = await single_mode_c.read(
            stream, ModeCAddress(TcpRoute("127.0.0.1", port), timeout_s=2), Asked(("1.8.0",), clock=True)
        )
    assert found.refused == []
    assert found.registers[0]["raw"] == 123456
    assert any(b"OK:861234567890123\r\n" in chunk for chunk in heard)
