"""The records of a Modbus meter's own logger: find the first one asked for, read window after window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from collector.exchange.mbap import ModbusLine
from collector.exchange.notebook import Notebook
from collector.exchange.profiles import until
from collector.exchange.rows import Accepted, Ints, Meaning, Rows, accept
from collector.plan import Span, floor_to
from model.period import LOCAL
from model.readout import Answer
from protocols.errors import DecodeError, ServiceRefused
from protocols.meter_models.model import MeterModel
from protocols.modbus.logger import Logger

SLACK = 2  # windows more than the asked period can fill, for records lost to power cuts


class LoggerReader:
    """One meter's logger in one conversation; its pointers are read once."""

    def __init__(self, line: ModbusLine, model: MeterModel, logger: Logger) -> None:
        self._line, self._model, self._logger = line, model, logger
        self._oldest = self._newest = 0
        self._newest_stamp: datetime | None = None

    async def open(self, notes: Notebook) -> bytes:
        """Read which records there are, and the newest one's stamp."""
        log = self._logger
        self._oldest, first = await self._number(log.oldest)
        self._newest, last = await self._number(log.newest)
        if self._newest < self._oldest:
            return first + last
        await self._line.write(log.select, log.pointer(log.select).encode(self._newest))
        words, raw = await self._line.read(log.block(1))
        self._newest_stamp = datetime.fromtimestamp(int(log.decode(words, LOCAL).stamps[0]), UTC)
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
            stamps, columns, raw = await self._records(first, span.asked.end)
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

    async def _records(self, first: datetime, last: datetime) -> tuple[Ints, dict[str, Ints], bytes]:
        """Records stamped `first` to `last`, both included, with the bytes of every window."""
        log = self._logger
        names = [field.name for field in log.fields if field.name != "stamp"]
        kept: list[tuple[Ints, dict[str, Ints]]] = []
        raws: list[bytes] = []
        if self._newest_stamp is not None and first <= self._newest_stamp:
            number = max(self._oldest, log.sequence(first, self._newest, self._newest_stamp))
            windows = (
                (last - first) // timedelta(seconds=log.interval_seconds) // log.window_records + 1 + SLACK
            )
            for _ in range(windows):
                count = min(log.window_records, self._newest - number + 1)
                if count <= 0:
                    break
                await self._line.write(log.select, log.pointer(log.select).encode(number))
                words, raw = await self._line.read(log.block(count))
                raws.append(raw)
                rows = log.decode(words, LOCAL)
                inside = (rows.stamps >= first.timestamp()) & (rows.stamps <= last.timestamp())
                kept.append((rows.stamps[inside], {name: rows.columns[name][inside] for name in names}))
                if rows.stamps[-1] >= last.timestamp():
                    break
                number += count
            else:
                raise DecodeError(
                    "the logger's records do not come to the end of what was asked", b"".join(raws)
                )
        if not kept:
            return np.zeros(0, np.int64), {name: np.zeros(0, np.int64) for name in names}, b"".join(raws)
        stamps = np.concatenate([part for part, _ in kept])
        columns = {name: np.concatenate([part[name] for _, part in kept]) for name in names}
        return stamps, columns, b"".join(raws)


async def read_logger(
    line: ModbusLine,
    model: MeterModel,
    logger: Logger,
    spans: tuple[Span, ...],
    meter_now: datetime,
    notes: Notebook,
) -> None:
    """The spans one by one, as far as the meter's own clock has come."""
    if not spans:
        return
    interval = timedelta(seconds=logger.interval_seconds)
    reader = LoggerReader(line, model, logger)
    notes.asking = (spans[0].item, spans[0].asked)
    try:
        await reader.open(notes)
    except (DecodeError, ServiceRefused) as error:
        notes.reject(error.reason, error.raw)
        return
    for whole in spans:
        now = notes.clock()
        span = until(whole, floor_to(min(now, meter_now), interval))
        if span is not None:
            await reader.read(span, notes, now, meter_now)
