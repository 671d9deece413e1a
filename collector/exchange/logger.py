"""The records of a Modbus meter's own logger: find the first one asked for, read window after window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from collector.exchange.course import Course
from collector.exchange.modbus_line import ModbusLine
from collector.exchange.notebook import Notebook
from collector.exchange.profiles import until
from collector.exchange.rows import Accepted, Ints, Meaning, Rows, accept
from collector.plan import Span, floor_to
from model.period import LOCAL
from model.readout import Answer
from protocols.errors import DecodeError, ServiceRefused
from protocols.meter_models.model import MeterModel
from protocols.modbus.logger import Logger, LoggerRows

SLACK = 2  # windows more than the asked period can fill, for records lost to power cuts


class LoggerReader:
    """One meter's logger in one conversation; its pointers are read once."""

    def __init__(self, line: ModbusLine, model: MeterModel, logger: Logger) -> None:
        self._line, self._model, self._logger = line, model, logger
        self._oldest = self._newest = 0
        self._newest_stamp: datetime | None = None

    async def open(self) -> bytes:
        """Read which records there are, and the newest one's stamp."""
        log = self._logger
        self._oldest, first = await self._number(log.oldest)
        self._newest, last = await self._number(log.newest)
        if self._newest < self._oldest:
            return first + last
        rows, raw = await self._window(self._newest, 1)
        self._newest_stamp = datetime.fromtimestamp(int(rows.stamps[0]), UTC)
        return first + last + raw

    async def _number(self, address: int) -> tuple[int, bytes]:
        pointer = self._logger.pointer(address)
        block = self._logger.block(1)
        words, raw = await self._line.read(type(block)(block.function, address, pointer.type.words))
        return pointer.decode(words), raw

    async def read(self, span: Span, notes: Notebook, now: datetime, meter_now: datetime) -> None:
        """One span: every record that ends in it, or a note why they cannot be had."""
        log = self._logger
        interval = timedelta(seconds=log.interval_seconds)
        first = span.asked.start if span.opening else span.asked.start + interval
        notes.asking = (span.item, span.asked)
        try:
            stamps, columns, raw = await self.records(first, span.asked.end)
        except DecodeError as error:
            notes.reject(error.reason, error.raw)
            return
        except ServiceRefused as error:
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
        match accept(Rows(stamps, status, meant), span, interval, now, meter_now):
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
        if self._newest_stamp is not None and first <= self._newest_stamp:
            number = max(self._oldest, log.sequence(first, self._newest, self._newest_stamp))
            end = min(last, self._newest_stamp)
            windows = (
                (end - first) // timedelta(seconds=log.interval_seconds) // log.window_records + 1 + SLACK
            )
            for _ in range(windows):
                count = min(log.window_records, self._newest - number + 1)
                if count <= 0:
                    break
                rows, raw = await self._window(number, count)
                raws.append(raw)
                inside = (rows.stamps >= first.timestamp()) & (rows.stamps <= last.timestamp())
                kept.append((rows.stamps[inside], {name: rows.columns[name][inside] for name in names}))
                if rows.stamps[-1] >= last.timestamp():
                    break
                number += count
            else:
                raise DecodeError(
                    "the logger's records do not come to the end of what was asked", b"".join(raws)
                )
        return *_joined(names, kept), b"".join(raws)

    async def entries(self, first: int, last: int) -> tuple[Ints, dict[str, Ints], bytes]:
        """Records `first` to `last`, counted from 1 at the oldest, with the bytes of every window."""
        log = self._logger
        kept: list[tuple[Ints, dict[str, Ints]]] = []
        raws: list[bytes] = []
        number, end = self._oldest + first - 1, min(self._oldest + last - 1, self._newest)
        while number <= end:
            rows, raw = await self._window(number, min(log.window_records, end - number + 1))
            if kept and rows.stamps[0] <= kept[-1][0][-1]:
                raise DecodeError("the logger's records do not follow one another", raw)
            kept.append((rows.stamps, rows.columns))
            raws.append(raw)
            number += len(rows.stamps)
        return *_joined([field.name for field in log.fields if field.name != "stamp"], kept), b"".join(raws)

    async def _window(self, number: int, count: int) -> tuple[LoggerRows, bytes]:
        log = self._logger
        await self._line.write(log.select, log.pointer(log.select).encode(number))
        words, raw = await self._line.read(log.block(count), bulk=True)
        return log.decode(words, LOCAL), raw


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
        await reader.open()
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
