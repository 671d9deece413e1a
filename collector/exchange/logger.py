"""The records of a Modbus meter's own logger: find the first one asked for, read window after window.

The window is one for all who talk to the meter, whatever line they come by: another program may move it
between our question and the answer. Rows are believed that follow on what came before them without a break
while `select` still says what we wrote; others are asked again, and believed when they come twice the same.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from collector.exchange.course import Course
from collector.exchange.modbus_line import ModbusLine
from collector.exchange.notebook import Notebook
from collector.exchange.profiles import until
from collector.exchange.rows import Accepted, Ints, Meaning, Rows, Stamps, accept
from collector.polling.grid import floor_to
from collector.polling.plan import Span
from model.period import LOCAL
from model.readout import Answer
from protocols.errors import DecodeError, ServiceRefused
from protocols.meter_models.model import MeterModel
from protocols.modbus.logger import Logger, LoggerRows
from protocols.modbus.registers import Block

SLACK = 2  # windows more than the asked period can fill, for records lost to power cuts
TRIES: Final = 6  # that a window is asked for, when it is moved or rows are odd
PAUSE_S = 0.2  # two programs that got in each other's way do not go on in step
_MOVED: Final = (
    "another program moved the meter's window while it was read: let one program at a time read this logger, "
    "and read it again"
)


class LoggerReader:
    """One meter's logger in one conversation; its pointers are read once."""

    def __init__(self, line: ModbusLine, model: MeterModel, logger: Logger) -> None:
        self._line, self._model, self._logger = line, model, logger
        self._oldest = self._newest = 0
        self._newest_stamp: datetime | None = None
        self._interval = timedelta(seconds=logger.interval_seconds)
        self._heard: list[bytes] = []  # in answer to one question of ours, for who has to judge it

    async def open(self, meter_now: datetime | None = None) -> None:
        """Read which records there are, and the newest one's stamp: that of the last interval to end before
        `meter_now`, else it is asked for again."""
        log = self._logger
        self._heard.clear()
        self._oldest = await self._number(log.oldest)
        self._newest = await self._number(log.newest)
        if self._newest >= self._oldest:
            due = None if meter_now is None else floor_to(meter_now, self._interval)
            rows, _ = await self._window(self._newest, 1, due)
            self._newest_stamp = datetime.fromtimestamp(int(rows.stamps[0]), UTC)

    async def _number(self, address: int) -> int:
        pointer = self._logger.pointer(address)
        words, raw = await self._line.read(Block(pointer.function, address, pointer.type.words))
        self._heard.append(raw)
        return pointer.decode(words)

    async def read(self, span: Span, notes: Notebook, now: datetime, meter_now: datetime) -> None:
        """One span: every record that ends in it, or a note why they cannot be had."""
        interval = self._interval
        first = span.asked.start if span.opening else span.asked.start + interval
        notes.asking = (span.item, span.asked)
        try:
            stamps, columns, raw = await self.records(first, span.asked.end)
        except (DecodeError, ServiceRefused) as error:
            notes.reject(error.reason, error.raw)
            return
        status = columns.pop("status", np.zeros(len(stamps), np.int64))
        present = np.ones(len(stamps), np.bool_)
        meant = [
            (
                Meaning(column.channel, column.kind, name, column.place.scaler, column.place.unit),
                columns[name],
                present,
            )
            for name, column in self._model.logger_columns
        ]
        match accept(Rows(Stamps(stamps), status, meant), span, interval, now, meter_now):
            case str(reason):
                notes.reject(reason, raw)
            case Accepted(blocks, answered, events):
                asked = span.asked if answered is None else answered
                notes.take(Answer(span.item, raw, asked, answered is not None, blocks, events=events))

    async def records(self, first: datetime, last: datetime) -> tuple[Ints, dict[str, Ints], bytes]:
        """Records stamped `first` to `last`, both included, with the bytes of every window."""
        log = self._logger
        names = [field.name for field in log.fields if field.name != "stamp"]
        kept: list[tuple[Ints, dict[str, Ints]]] = []
        raws: list[bytes] = []
        self._heard.clear()
        if self._newest_stamp is not None and first <= self._newest_stamp:
            number = max(self._oldest, log.sequence(first, self._newest, self._newest_stamp))
            end = min(last, self._newest_stamp)
            due = self._due(number)
            for _ in range((end - first) // self._interval // log.window_records + 1 + SLACK):
                count = min(log.window_records, self._newest - number + 1)
                if count <= 0:
                    break
                rows, raw = await self._window(number, count, due)
                raws.append(raw)
                inside = (rows.stamps >= first.timestamp()) & (rows.stamps <= last.timestamp())
                kept.append((rows.stamps[inside], {name: rows.columns[name][inside] for name in names}))
                if rows.stamps[-1] >= last.timestamp():
                    break
                number += count
                due = datetime.fromtimestamp(int(rows.stamps[-1]), UTC) + self._interval
            else:
                raise DecodeError(
                    "the logger's records do not come to the end of what was asked", b"".join(self._heard)
                )
        return *_joined(names, kept), b"".join(raws)

    async def entries(self, first: int, last: int) -> tuple[Ints, dict[str, Ints], bytes]:
        """Records `first` to `last`, counted from 1 at the oldest, with the bytes of every window."""
        log = self._logger
        kept: list[tuple[Ints, dict[str, Ints]]] = []
        raws: list[bytes] = []
        self._heard.clear()
        number, end = self._oldest + first - 1, min(self._oldest + last - 1, self._newest)
        due = self._due(number)
        while number <= end:
            rows, raw = await self._window(number, min(log.window_records, end - number + 1), due)
            if kept and rows.stamps[0] <= kept[-1][0][-1]:
                raise DecodeError("the logger's records do not follow one another", b"".join(self._heard))
            kept.append((rows.stamps, rows.columns))
            raws.append(raw)
            number += len(rows.stamps)
            due = datetime.fromtimestamp(int(rows.stamps[-1]), UTC) + self._interval
        return *_joined([field.name for field in log.fields if field.name != "stamp"], kept), b"".join(raws)

    def _due(self, number: int) -> datetime | None:
        """The stamp of this record, if the meter has logged without a break since."""
        stamp = self._newest_stamp
        return None if stamp is None else stamp - (self._newest - number) * self._interval

    async def _window(self, number: int, count: int, due: datetime | None) -> tuple[LoggerRows, bytes]:
        """So many records from this one on; the first of them is due to bear a certain stamp.

        Rows that break off or begin elsewhere are those of a power cut, or of a window that was moved and
        moved back: the meter must say them twice. `DecodeError` when the window does not stay, or a row has
        no stamp.
        """
        before = b""
        for tries in range(TRIES):
            if tries:
                await asyncio.sleep(random.uniform(0.0, PAUSE_S * tries))
            rows, raw, stays = await self._look(number, count)
            if not stays:
                before = b""
            elif self._follow(rows, due) or raw == before:
                if self._blank in rows.stamps:
                    raise DecodeError("a record of the meter's logger has no stamp", b"".join(self._heard))
                return rows, raw
            else:
                before = raw
        raise DecodeError(_MOVED, b"".join(self._heard))

    async def _look(self, number: int, count: int) -> tuple[LoggerRows, bytes, bool]:
        """What stands in the window after it was moved to a record, and whether it still stood there then."""
        log = self._logger
        await self._line.write(log.select, log.pointer(log.select).encode(number))
        words, raw = await self._line.read(log.block(count), bulk=True)
        self._heard.append(raw)
        return log.decode(words, LOCAL), raw, await self._number(log.select) == number

    def _follow(self, rows: LoggerRows, due: datetime | None) -> bool:
        """Whether these are the rows due, without a break."""
        step = self._logger.interval_seconds
        return (
            due is not None
            and int(rows.stamps[0]) == int(due.timestamp())
            and bool((np.diff(rows.stamps) == step).all())
        )

    @property
    def _blank(self) -> int:
        """The stamp of a record that has none."""
        return int(self._logger.epoch.replace(tzinfo=LOCAL).timestamp())


def _joined(names: list[str], parts: list[tuple[Ints, dict[str, Ints]]]) -> tuple[Ints, dict[str, Ints]]:
    none = np.zeros(0, np.int64)
    stamps = np.concatenate([none, *(stamps for stamps, _ in parts)])
    return stamps, {name: np.concatenate([none, *(columns[name] for _, columns in parts)]) for name in names}


async def read_logger(
    line: ModbusLine,
    model: MeterModel,
    logger: Logger,
    spans: tuple[Span, ...],
    meter_now: datetime,
    notes: Notebook,
    course: Course,
) -> None:
    """The spans one by one, as far as the meter's own clock has come and until somebody more urgent waits."""
    if not spans or course.give_way(spans[0].urgency):
        return
    interval = timedelta(seconds=logger.interval_seconds)
    reader = LoggerReader(line, model, logger)
    notes.asking = (spans[0].item, spans[0].asked)
    try:
        await reader.open(meter_now)
    except (DecodeError, ServiceRefused) as error:
        notes.reject(error.reason, error.raw)
        return
    for number, whole in enumerate(spans):
        if number and course.give_way(whole.urgency):
            return
        now = notes.clock()
        span = until(whole, floor_to(min(now, meter_now), interval))
        if span is not None:
            await reader.read(span, notes, now, meter_now)
