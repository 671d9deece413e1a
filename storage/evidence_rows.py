"""Readouts as rows of binary COPY; what no column can hold is a `Rejected`, with the bytes it came from."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

import numpy as np

from model.period import Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from storage import block_rows, copying
from storage.copying import Ints
from storage.errors import StorageError

Incoming = tuple[int, str, datetime, Readout]
"""Meter, modem (empty: a file brought it), when it was received, and what was read."""
Brought = tuple[int, datetime, UUID, ProfileBlock]
"""Meter, when it was received, the poll, and a block of it."""
NOBODY: Final = 0
"""The meter of what can be put down to none: of such a readout only what was rejected is kept."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=2)
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=31)
_LONGEST_US: Final = 31 * 86_400 * 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)
_SMALL, _LARGE = 2**15, 2**63


@dataclass(slots=True)
class Batch:
    """Encoded rows by table, and the modems that were in touch. `crossed`: blocks of one meter, channel and
    code may say something of the same stamps, or do not come in their order."""

    polls: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    rejected: list[bytes] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)
    registers: list[bytes] = field(default_factory=list)
    instants: list[bytes] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    contacts: dict[str, datetime] = field(default_factory=dict)
    crossed: bool = False
    _begin: int = 2**63 - 1
    _end: int = -(2**63)
    _ends: dict[tuple[bytes, int, str], int] = field(default_factory=dict)
    _stamps: dict[
        tuple[datetime, int], tuple[tuple[datetime, ...], list[tuple[slice, block_rows.Stamps]]]
    ] = field(default_factory=dict)

    def stamps(self, stamps: tuple[datetime, ...]) -> list[tuple[slice, block_rows.Stamps]]:
        """The parts that stamps are stored in. Meters that are asked for the same days have the same stamps,
        and comparing is much quicker than converting."""
        key = (stamps[0], len(stamps))
        known, parts = self._stamps.get(key, ((), []))
        if known != stamps:
            seconds = np.fromiter(map(datetime.timestamp, stamps), np.float64, len(stamps))
            # a double holds the microseconds of this century exactly
            micros = np.rint(seconds * 1e6).astype(np.int64) - copying.EPOCH_S * 1_000_000
            parts = [(part, block_rows.Stamps(micros[part])) for part in _parts(micros)]
            self._stamps[key] = (stamps, parts)
        return parts

    def add_block(self, row: bytes, key: tuple[bytes, int, str], stamps: block_rows.Stamps) -> None:
        self.blocks.append(row)
        self.crossed |= self._ends.get(key, stamps.begin - 1) >= stamps.begin
        self._ends[key] = max(self._ends.get(key, stamps.end), stamps.end)
        self._begin, self._end = min(self._begin, stamps.begin), max(self._end, stamps.end)

    @property
    def span(self) -> Period:
        """From the first stamp of the blocks to the last one; there is a block."""
        return Period(*(EARLIEST + at * _MICROSECOND for at in (self._begin, self._end)))


def encode(readouts: Sequence[Incoming]) -> Batch:
    """The rows of the readouts. Raises StorageError for a poll whose id is no UUID: whoever made it is at
    fault."""
    batch = Batch()
    for meter_id, modem, received_at, readout in readouts:
        _Encoder(batch, meter_id, modem, received_at, readout).run()
    return batch


def encode_blocks(brought: Iterable[Brought]) -> Batch:
    """The rows of profile blocks alone. Raises StorageError for one that has no room in the store."""
    batch = Batch()
    for meter_id, received_at, poll, block in brought:
        numbers = _numbers(block)
        if isinstance(numbers, str):
            raise StorageError(f"Meter {meter_id}: {numbers}.")
        meter, received = copying.int4(meter_id), copying.instant(received_at)
        _add_block(batch, block_rows.Origin(meter, received, copying.blob(poll.bytes)), block, *numbers)
    return batch


class _Encoder:
    """The rows of one readout."""

    def __init__(self, batch: Batch, meter_id: int, modem: str, at: datetime, readout: Readout) -> None:
        self._batch, self._readout, self._received_at = batch, readout, at
        self._modem_code = modem
        try:
            poll = UUID(readout.poll)
        except ValueError:
            raise StorageError(
                f"Meter {readout.serial}: a poll is named by a UUID, not {readout.poll!r}."
            ) from None
        self._meter = copying.NULL if meter_id == NOBODY else copying.int4(meter_id)
        self._modem = copying.text(modem) if modem else copying.NULL
        self._received, self._poll = copying.instant(at), copying.blob(poll.bytes)

    def run(self) -> None:
        readout = self._readout
        if self._meter == copying.NULL:
            for rejected in readout.rejected:
                self._rejected(rejected)
            return
        if self._modem_code:  # what a file brought was no conversation
            self._conversation()
        for answer in readout.answers:
            self._answer(answer)
        for rejected in readout.rejected:
            self._rejected(rejected)

    def _conversation(self) -> None:
        readout, batch = self._readout, self._batch
        batch.polls.append(
            copying.row(
                self._poll,
                self._meter,
                self._modem,
                copying.instant(readout.started),
                copying.instant(readout.ended),
                copying.text(readout.outcome),
                copying.text(readout.detail),
                copying.float8(readout.clock_offset_s),
                copying.float4(readout.rtt_s),
            )
        )
        if readout.outcome in ("ok", "partial"):
            known = batch.contacts.get(self._modem_code, readout.ended)
            batch.contacts[self._modem_code] = max(known, readout.ended)

    def _answer(self, answer: Answer) -> None:
        self._batch.answers.append(
            copying.row(
                self._meter,
                self._poll,
                copying.text(answer.item),
                *_asked(answer),
                copying.boolean(answer.complete),
                self._received,
                copying.blob(hashlib.sha256(answer.raw).digest()),
                copying.blob(answer.raw),
            )
        )
        for block in answer.blocks:
            numbers = _numbers(block)
            misfit = numbers if isinstance(numbers, str) else ""
            if self._fits(answer, misfit, block.stamps[-1:], block.stamps[:1]):
                origin = block_rows.Origin(self._meter, self._received, self._poll)
                _add_block(self._batch, origin, block, *numbers)
        for register in answer.registers:
            if self._fits(answer, _register_misfit(register), (register.at,)):
                self._register(register)
        for instant in answer.instants:
            if self._fits(answer, "", (instant.at,)):
                self._instant(instant)
        for event in answer.events:
            self._event(event)

    def _fits(self, answer: Answer, misfit: str, *stamps: tuple[datetime, ...]) -> bool:
        """Whether it can be stored; if not, the answer is kept among the rejected, with the reason."""
        for (at,) in filter(None, stamps):
            if not EARLIEST <= at <= self._received_at + _AHEAD:
                misfit = misfit or f"stamped {at.isoformat()}, which cannot be"
        if misfit:
            self._rejected(Rejected(answer.item, misfit, answer.raw, answer.asked))
        return not misfit

    def _rejected(self, rejected: Rejected) -> None:
        self._batch.rejected.append(
            copying.row(
                self._meter,
                self._modem,
                self._poll,
                copying.text(rejected.item),
                *_asked(rejected),
                self._received,
                copying.text(rejected.reason),
                copying.blob(rejected.raw),
                copying.blob(hashlib.sha256(rejected.raw).digest()),
            )
        )

    def _register(self, read: RegisterRead) -> None:
        self._batch.registers.append(
            copying.row(
                self._meter,
                copying.int2(read.channel),
                copying.int2(read.rate),
                copying.instant(read.at),
                copying.int8(read.raw),
                copying.int2(read.scaler),
                copying.int2(read.unit),
                copying.int8(read.status),
                copying.text(read.source),
                self._received,
                self._poll,
            )
        )

    def _instant(self, read: InstantRead) -> None:
        self._batch.instants.append(
            copying.row(
                self._meter,
                copying.instant(read.at),
                copying.float4s(read.voltage_v),
                copying.float4s(read.current_a),
                *(
                    copying.float4(value)
                    for value in (read.power_w, read.reactive_var, read.cos_phi, read.frequency_hz)
                ),
                self._received,
                self._poll,
            )
        )

    def _event(self, event: MeterEvent) -> None:
        self._batch.events.append(
            copying.row(
                self._meter,
                copying.instant(event.at),
                copying.text(event.code),
                copying.text(event.detail),
                self._received,
            )
        )


def _ints(values: tuple[int, ...]) -> Ints:
    """int64[n], twice as quickly as numpy takes them; OverflowError for what exceeds 64 bits."""
    return np.frombuffer(array("q", values), np.int64)


@lru_cache(maxsize=64)
def _none(count: int) -> tuple[int, ...]:
    return (0,) * count


def _add_block(
    batch: Batch, origin: block_rows.Origin, block: ProfileBlock, raw: Ints, status: Ints | None
) -> None:
    if not block.stamps:
        return
    interval = block.interval // _MICROSECOND
    meaning = block_rows.Meaning(block.kind.value, block.obis, interval, block.scaler, block.unit)
    key = (origin.meter, int(block.channel), block.obis)
    for part, stamps in batch.stamps(block.stamps):
        flags = None if status is None else status[part]
        row = block_rows.encode(origin, block.channel, meaning, stamps, raw[part], flags)
        batch.add_block(row, key, stamps)


def _asked(asked: Answer | Rejected) -> tuple[bytes, bytes]:
    period = asked.asked
    if period is None:
        return copying.NULL, copying.NULL
    return copying.instant(period.start), copying.instant(period.end)


def _parts(stamps: Ints) -> Iterator[slice]:
    """The whole, or its months when it is longer than a stored block may be."""
    if stamps[-1] - stamps[0] <= _LONGEST_US:
        yield slice(None)
        return
    months = (stamps // 1_000_000 + copying.EPOCH_S).astype("datetime64[s]").astype("datetime64[M]")
    edges = [0, *(np.flatnonzero(np.diff(months)) + 1).tolist(), len(stamps)]
    for start, end in itertools.pairwise(edges):
        yield slice(start, end)


def _numbers(block: ProfileBlock) -> tuple[Ints, Ints | None] | str:
    """Values and statuses of a block (None: all are 0), or why it has no room in the store."""
    what = "value"
    try:
        raw = _ints(block.raw)
        what = "status"
        status = None if block.status == _none(len(block.status)) else _ints(block.status)
    except OverflowError:
        return f"profile {block.obis}: a {what} exceeds 64 bits"
    if not _SHORTEST <= block.interval <= _LONGEST:
        return f"profile {block.obis}: an interval of {block.interval.total_seconds():g} s cannot be"
    return _scale_misfit(f"profile {block.obis}", block.scaler) or (raw, status)


def _register_misfit(read: RegisterRead) -> str:
    where = f"register {read.channel.name.lower()} {read.rate.code}"
    if not (-_LARGE <= read.raw < _LARGE and -_LARGE <= read.status < _LARGE):
        return f"{where}: the value exceeds 64 bits"
    return _scale_misfit(where, read.scaler)


def _scale_misfit(where: str, scaler: int) -> str:
    return "" if -_SMALL <= scaler < _SMALL else f"{where}: a scaler of {scaler} cannot be"
