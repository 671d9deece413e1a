"""A logger's window that somebody else moves while it is read: the right rows, or a reason; never others."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta

import pytest

from collector.exchange import logger as exchange
from collector.exchange import read_meter
from collector.links.kinds import DialOut
from collector.polling.plan import Span, Wanted
from collector.single.address import parse
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.read import read
from model.grid import Modem, ModemLink
from model.period import LOCAL, Period
from model.readout import Readout
from model.series import ProfileKind
from protocols import meter_models
from protocols.modbus.pdu import Answer
from protocols.modbus.requests import ReadRegisters, Words, WriteRegisters
from protocols.modbus.server import AnyRequest, respond
from simulators import ports
from simulators.answering import Answering
from simulators.instrument import Instrument
from simulators.modbus_meter import ModbusMeter
from simulators.single_meter import Port, SingleOptions, hung, identity
from storage.fleet import LineMeter

NOW = datetime(2026, 11, 21, 9, 10, tzinfo=LOCAL)
MODEL = "dk-multi-mb"
LOG = meter_models.load(MODEL).modbus.logger
assert LOG is not None
SELECT, WINDOW = LOG.select, LOG.window
FIRST = datetime(2026, 11, 20, 0, 30, tzinfo=LOCAL)
LAST = datetime(2026, 11, 21, 0, 0, tzinfo=LOCAL)
HALF_HOUR = timedelta(minutes=30)
Meddling = Iterator[int | None]


def gauge() -> Instrument:
    options = SingleOptions({Port.MODBUS_TCP: 0}, seed=3, as_of=NOW)
    return Instrument(hung(options, identity(options), NOW), meter_models.load(MODEL), lambda: NOW)


def entries() -> list[int]:
    """Stamps of all records, in their order; the test's windows lie where they should."""
    kinds = {column.kind for _, column in meter_models.load(MODEL).logger_columns}
    return [int(stamp) for stamp in gauge().entries(with_start=kinds == {ProfileKind.INDEX}).stamps]


class Meddled:
    """A meter whose window another master moves to these records, one for each time the window is read."""

    def __init__(self, moves: Meddling, *, back: bool = False) -> None:
        self.meter = ModbusMeter(gauge(), lambda: None)
        self.moves, self.back = moves, back
        self.asked = 0
        self._ours: AnyRequest | None = None

    def serve(self, request: AnyRequest) -> Answer:
        if isinstance(request, WriteRegisters):
            self._ours = request
        if not (isinstance(request, ReadRegisters) and request.address == WINDOW):
            return self.meter.serve(request)
        self.asked += 1
        to = next(self.moves)
        if to is not None:
            self.meter.serve(WriteRegisters(SELECT, (to >> 16, to & 0xFFFF)))
        said = self.meter.serve(request)
        if self.back and self._ours is not None:
            self.meter.serve(self._ours)
        return said


@contextlib.asynccontextmanager
async def served(port: int, unit: Meddled) -> AsyncIterator[str]:
    def answer(asked: bytes) -> bytes:
        said = respond(unit, asked[7:])
        return asked[:4] + struct.pack(">HB", len(said) + 1, asked[6]) + said

    serving = Answering(lambda: answer)
    await serving.start(ports.one("127.0.0.1", port))
    try:
        yield f"modbus+tcp://127.0.0.1:{port}?unit=1&model={MODEL}&timeout=2"
    finally:
        await serving.stop()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PAUSE_S", 0.0)


def after(quiet: int, *moves: int) -> Callable[[], Meddling]:
    """Nobody for so many windows, then a move for each window, then nobody any more."""
    return lambda: iter([*[None] * quiet, *moves, *[None] * 200])


ONCE = {
    "the newest record": after(0, 5),
    "the newest record, to one of that day": after(0, 1890),
    "the first window": after(2, 5),
    "a window to come": after(2, 1890),
    "the one in the midst": after(3, 5),
    "past the last": after(3, 5000),
    "twice": after(3, 5, 0),
}


async def by_address(url: str, asked: ProfileAsked) -> Found:
    found = await read(parse(url, {}), Asked(profile=asked))
    await asyncio.sleep(0.01)
    return found


def day() -> list[str]:
    return [(FIRST + k * HALF_HOUR).isoformat() for k in range(48)]


@pytest.mark.parametrize("moves", ONCE.values(), ids=ONCE)
@pytest.mark.parametrize("back", [False, True], ids=["moved", "moved and set back"])
async def test_a_window_moved_once_is_asked_again(
    free_port: int, moves: Callable[[], Meddling], back: bool
) -> None:
    stamps = entries()
    number = stamps.index(int(FIRST.timestamp())) + 1
    for asked in (
        ProfileAsked("1.0.99.1.0", FIRST, LAST),
        ProfileAsked("1.0.99.1.0", entries=(number, number + 47)),
    ):
        meter = Meddled(moves(), back=back)
        async with served(free_port, meter) as url:
            found = await by_address(url, asked)
        assert found.refused == []
        assert found.profile is not None
        assert [row[0] for row in found.profile["rows"]] == day()


@pytest.mark.parametrize("to", [0, 5, 1890, 5000])
async def test_a_window_that_never_stays_is_refused_with_its_reason(free_port: int, to: int) -> None:
    for asked in (ProfileAsked("1.0.99.1.0", FIRST, LAST), ProfileAsked("1.0.99.1.0", entries=(1800, 1847))):
        for quiet in (0, 2):
            meter = Meddled(itertools.chain([None] * quiet, itertools.repeat(to)))
            async with served(free_port, meter) as url:
                found = await by_address(url, asked)
            assert found.profile is None
            (refused,) = found.refused
            assert "another program moved the meter's window" in refused["reason"]
            assert meter.asked <= quiet + exchange.TRIES


async def polled(port: int) -> Readout:
    serial = identity(SingleOptions({Port.MODBUS_TCP: 0}, seed=3, as_of=NOW)).serial
    meter = LineMeter(1, serial, MODEL, 1, None, None, NOW, None)
    wanted = Wanted(profile=(Span("1.0.99.1.0", Period(FIRST - HALF_HOUR, LAST)),))
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, "transparent", "127.0.0.1", port))
    async with link.lease() as stream:
        found = await read_meter(stream, meter, wanted, clock=lambda: NOW, answer_s=2.0)
    link.close()
    await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize("moves", ONCE.values(), ids=ONCE)
@pytest.mark.parametrize("back", [False, True], ids=["moved", "moved and set back"])
async def test_the_head_end_asks_again_too(free_port: int, moves: Callable[[], Meddling], back: bool) -> None:
    async with served(free_port, Meddled(moves(), back=back)):
        found = await polled(free_port)
    assert (found.outcome, found.rejected) == ("ok", ())
    (answer,) = [one for one in found.answers if one.blocks]
    assert answer.complete
    for block in answer.blocks:
        assert [at.astimezone(LOCAL).isoformat() for at in block.stamps] == day()


async def test_the_head_end_keeps_the_bytes_of_a_window_that_never_stays(free_port: int) -> None:
    async with served(free_port, Meddled(itertools.chain([None], itertools.repeat(5)))):
        found = await polled(free_port)
    assert found.outcome == "partial"
    assert not [block for answer in found.answers for block in answer.blocks]
    (rejected,) = found.rejected
    assert "another program moved the meter's window" in rejected.reason
    assert len(rejected.raw) > 100
    assert rejected.asked == Period(FIRST - HALF_HOUR, LAST)


class Empty(Meddled):
    """A meter of which a record is empty."""

    def serve(self, request: AnyRequest) -> Answer:
        said = super().serve(request)
        if isinstance(request, ReadRegisters) and request.address == WINDOW:
            return Words(request.function, (*said.values[:7], *[0] * (len(said.values) - 7)))  # type: ignore[attr-defined]
        return said


async def test_a_record_without_a_stamp_is_no_row(free_port: int) -> None:
    async with served(free_port, Empty(itertools.repeat(None))) as url:
        found = await by_address(url, ProfileAsked("1.0.99.1.0", entries=(1, 5)))
    assert found.profile is None
    assert "has no stamp" in found.refused[0]["reason"]
