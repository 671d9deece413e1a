"""A simulated mode C meter says what its instrument knows, alone and behind a modem that dials in."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from collector.exchange import read_meter
from collector.links.kinds import DialOut
from collector.links.wire import ByteStream
from collector.polling.plan import Span, Wanted
from collector.single import mode_c as single_mode_c
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.routes import ModeCAddress, TcpRoute
from model.clock import frozen
from model.grid import Modem, ModemLink
from model.period import HALF_HOUR, LOCAL, Period
from protocols import meter_models
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.profile import StampAt
from protocols.iec62056_21.server import Denied
from protocols.meter_models.mode_c import ModeCSettings
from protocols.meter_models.model import Place
from protocols.modem import dialects
from simulators import ports, village
from simulators.answering import Answerer, Answering
from simulators.halfhours import seconds_of
from simulators.hung import Fleet
from simulators.instrument import Instrument
from simulators.mode_c_meter import ModeCMeter, mode_c_line
from simulators.modems import Voice
from storage.fleet import LineMeter

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
MODELS = ("dk-a1700", "dk-1p", "dk-1p-5", "dk-3p", "dk-3p-ct", "dk-head")
PROFILE = "1.0.99.1.0.255"


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return village.build(7, EPOCH, 60, can_dial_in=False)


def instrument(fleet: Fleet, name: str, drift_s: int = 0) -> Instrument:
    hung = next(hung for hung in fleet.meters.values() if hung.until is None and hung.multiplier == 1)
    return Instrument(replace(hung, model=name, drift_s=drift_s), meter_models.load(name), frozen(EPOCH))


@contextlib.asynccontextmanager
async def hanging(
    open_call: Callable[[], Answerer], dialect: str = "transparent"
) -> AsyncIterator[tuple[ByteStream, int]]:
    """A line to a meter."""
    served, sock = Answering(open_call), ports.one("127.0.0.1", 0)
    port = sock.getsockname()[1]
    await served.start(sock)
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, dialect, "127.0.0.1", port), 5)
    try:
        async with link.lease() as stream:
            yield stream, port
    finally:
        link.close()
        await served.stop()


async def single(meter: Instrument, asked: Asked, password: str | None = None) -> Found:
    line = mode_c_line({meter.hung.serial: (ModeCMeter(meter, lambda: None), password or "")})
    async with hanging(line) as (stream, port):
        address = ModeCAddress(TcpRoute("127.0.0.1", port), timeout_s=2, password=password)
        return await single_mode_c.read(stream, address, asked)


def edis(place: Place) -> str:
    return str(place.named)


@pytest.mark.parametrize("password", [None, "00000000"])
@pytest.mark.parametrize("name", MODELS)
async def test_registers_are_the_instrument_s_whichever_way_they_are_read(
    fleet: Fleet, name: str, password: str | None
) -> None:
    meter = instrument(fleet, name)
    model, second = meter.model, meter.second()
    items = tuple(edis(item.place) for item in model.registers)
    found = await single(meter, Asked(items, clock=True), password)
    assert found.clock == EPOCH.isoformat()
    assert found.refused == []
    for item, row in zip(model.registers, found.registers, strict=True):
        raw = meter.raw(item.key, item.place, second)
        shown = row["raw"] * 10 ** (row["scaler"] - item.place.scaler)
        assert shown == pytest.approx(raw, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if meter_models.load(name).profile is not None])
async def test_rows_of_the_profile_are_the_instrument_s(fleet: Fleet, name: str) -> None:
    meter = instrument(fleet, name)
    profile = meter.model.profile
    assert profile is not None
    last = EPOCH.replace(minute=0)
    asked = Asked(profile=ProfileAsked(PROFILE, last - timedelta(hours=6), last))
    found = await single(meter, asked)
    assert found.profile is not None
    entries = meter.entries(with_start=False)
    rows = found.profile["rows"]
    assert [seconds_of(datetime.fromisoformat(row[0])) for row in rows] == entries.stamps[-13:].tolist()
    columns = found.profile["columns"][2:]
    for at, (column, shown) in enumerate(zip(profile.columns, columns, strict=True), 2):
        raw = meter.column(column, entries, profile.interval_seconds)[-13:].tolist()
        factor = 10.0 ** (shown["scaler"] - column.place.scaler)
        assert [row[at] * factor for row in rows] == pytest.approx(raw)


@pytest.mark.parametrize("password", ["", "secret"])
@pytest.mark.parametrize("drift_s", [0, 30])
async def test_the_head_end_reads_its_meters(fleet: Fleet, password: str, drift_s: int) -> None:
    meter, told = instrument(fleet, "dk-a1700", drift_s), []
    asked = Period(EPOCH.replace(minute=0) - timedelta(days=1), EPOCH.replace(minute=0))
    hung = meter.hung
    line_meter = LineMeter(1, hung.serial, "dk-a1700", 1, None, password or None, None, None)
    line = mode_c_line({hung.serial: (ModeCMeter(meter, lambda: told.append(1)), password)})
    async with hanging(line) as (stream, _):
        wanted = Wanted((Span(PROFILE, asked),), registers=True, instants=True)
        readout = await read_meter(stream, line_meter, wanted, clock=frozen(EPOCH), answer_s=2)
    assert readout.rejected == ()
    assert (str(readout.outcome), readout.clock_offset_s) == ("ok", drift_s)
    assert told
    answers = {answer.item: answer for answer in readout.answers}
    registers = {(read.channel, read.rate): read.raw for read in answers["registers"].registers}
    second = meter.second()
    assert registers == {
        (item.key.channel, item.key.rate): meter.raw(item.key, item.place, second)
        for item in meter.model.registers
    }
    entries = meter.entries(with_start=False)
    assert meter.model.profile is not None
    for block, column in zip(answers[PROFILE].blocks, meter.model.profile.columns, strict=True):
        assert block.raw == tuple(meter.column(column, entries, 1800)[-48:].tolist())
        assert block.stamps == tuple(asked.start + at * HALF_HOUR for at in range(48))


def test_what_a_meter_does_not_have_or_do(fleet: Fleet) -> None:
    told: list[int] = []
    book = ModeCMeter(instrument(fleet, "dk-a1700"), lambda: told.append(1))
    for address, arguments in (("8.8.8", ("",)), ("nothing", ("",)), ("P.01", ("tomorrow;;",))):
        assert isinstance(book.read(address, arguments), Denied)
    assert isinstance(book.write("0.9.1", ("100000",)), Denied)
    assert told == []
    shown = {line[0].address for line in book.read_out("?")}
    assert {"F.F", "0.0.0", "0.9.1", "0.9.2", "1.8.0", "32.7.0"} <= shown
    assert not any(address.startswith("P.") for address in shown)


@pytest.mark.parametrize(
    ("argument", "rows"),
    [
        (";", None), ("02610200700;02610200800", 3), ("02610200700;", 5), (";02210200700", 0),
        ("02610200701;02610200729", 0),
    ],
)  # fmt: skip
def test_the_rows_a_range_chooses(fleet: Fleet, argument: str, rows: int | None) -> None:
    meter = instrument(fleet, "dk-a1700")
    lines = ModeCMeter(meter, lambda: None).read("P.01", (argument,))
    assert not isinstance(lines, Denied)
    if rows is None:
        rows = min(len(meter.entries(with_start=False).stamps), 4320)
    given = [line for line in lines if line[0].address != "P.01"]
    assert len(given) == rows
    if not rows:
        assert lines == [[DataSet("P.01", ("",))]]


def test_a_meter_that_stamps_the_beginning(fleet: Fleet) -> None:
    meter = instrument(fleet, "dk-a1700")
    settings = replace(meter.model.mode_c_settings or ModeCSettings(), stamp_at=StampAt.BEGIN)
    began = Instrument(meter.hung, replace(meter.model, mode_c_settings=settings), frozen(EPOCH))
    lines = ModeCMeter(began, lambda: None).read("P.01", ("02610200700;02610200800",))
    assert not isinstance(lines, Denied)
    assert lines[0][0].values[0] == "0261020070000"
    entries = meter.entries(with_start=False)
    inside = (entries.stamps > seconds_of(EPOCH.replace(hour=7, minute=0))) & (
        entries.stamps <= seconds_of(EPOCH.replace(hour=8, minute=30))
    )
    assert len(lines) - 1 == int(inside.sum()) == 3


def test_a_modem_of_unframed_meters_hears_everything_but_the_replies() -> None:
    voice = Voice(dialects.load("text-once"), "861234567890123", framed=False)
    token = voice.dialect.heartbeat
    assert token is not None
    reply = token.answer("861234567890123")
    assert reply
    assert voice.hear(b"/?12345!\r\n" + reply) == [b"/?12345!\r\n"]
    silent = Voice(dialects.load("transparent"), "", framed=False)
    assert silent.hear(b"/?!\r\n") == [b"/?!\r\n"]
