"""A Modbus meter's own logger as a documented window: select the first record, read, decode.

The records bear rising sequence numbers. `oldest` and `newest` say which the meter still has (newest below
oldest when there are none); writing a number to `select` (function 16) moves the `window` there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError, LocalError
from protocols.modbus.registers import MAX_REGISTERS, Block, Register, RegisterType, WordOrder
from protocols.obis import Obis

LOAD_PROFILE: Final = Obis(1, 0, 99, 1, 0)
"""Load profile with recording period 1 (IEC 62056-6-1)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a record: `offset` in registers from the record's beginning."""

    name: str
    offset: int
    type: RegisterType


@dataclass(frozen=True, slots=True)
class Logger:
    """Where the logger lies: addresses of the three u32 pointers, the window, and the layout of a record.

    `obis` is the code it is asked for by. The field called "stamp" counts seconds of the meter's local time
    since `epoch` (naive, local by the meter's document); the one called "status" is 0 for a good record.
    """

    oldest: int
    newest: int
    select: int
    window: int
    window_records: int
    record_words: int
    interval_seconds: int
    epoch: datetime
    fields: tuple[Field, ...]
    order: WordOrder = WordOrder.BIG
    function: int = 3
    obis: Obis = LOAD_PROFILE

    def __post_init__(self) -> None:
        if not 0 < self.window_records * self.record_words <= MAX_REGISTERS:
            raise LocalError(f"a window of {self.window_records} records does not fit one answer")
        if any(field.offset + field.type.words > self.record_words for field in self.fields):
            raise LocalError("a field of the logger lies outside its record")

    def pointer(self, address: int) -> Register:
        """One of the three pointers as a register."""
        return Register(address, RegisterType.U32, self.function, self.order)

    def block(self, records: int) -> Block:
        """The read of the first `records` of the window."""
        if not 0 < records <= self.window_records:
            raise LocalError(f"the window holds {self.window_records} records, not {records}")
        return Block(self.function, self.window, records * self.record_words)

    def sequence(self, at: datetime, newest: int, newest_stamp: datetime) -> int:
        """The number of the record that ends at or just after `at`, if the meter logged without a break."""
        behind = (newest_stamp - at) // timedelta(seconds=self.interval_seconds)
        return max(0, newest - behind)

    def decode(self, words: Sequence[int], zone: tzinfo) -> "LoggerRows":
        """The records of a window read; raises `DecodeError` when it is no whole number, or more, of them."""
        if (
            not words
            or len(words) % self.record_words
            or len(words) > self.window_records * self.record_words
        ):
            raise DecodeError(f"{len(words)} registers are no whole records of {self.record_words}")
        columns: dict[str, list[int]] = {field.name: [] for field in self.fields}
        for start in range(0, len(words), self.record_words):
            for field in self.fields:
                at = start + field.offset
                register = Register(self.window, field.type, self.function, self.order)
                columns[field.name].append(register.decode(words[at : at + field.type.words]))
        stamps = [self._instant(seconds, zone) for seconds in columns.pop("stamp")]
        arrays = {name: np.array(values, np.int64) for name, values in columns.items()}
        return LoggerRows(np.array(stamps, np.int64), arrays)

    def encode(self, stamps: Sequence[int], columns: dict[str, Sequence[int]], zone: tzinfo) -> list[int]:
        """The words of records whose `stamps` are seconds since 1970 UTC; the counterpart of `decode`."""
        words: list[int] = []
        for row, stamp in enumerate(stamps):
            record = [0] * self.record_words
            local = datetime.fromtimestamp(stamp, zone).replace(tzinfo=None)
            for field in self.fields:
                whole = int((local - self.epoch).total_seconds())
                value = whole if field.name == "stamp" else columns[field.name][row]
                register = Register(self.window, field.type, self.function, self.order)
                record[field.offset : field.offset + field.type.words] = register.encode(value)
            words += record
        return words

    def _instant(self, seconds: int, zone: tzinfo) -> int:
        try:
            local = self.epoch + timedelta(seconds=seconds)
            return int(local.replace(tzinfo=zone).astimezone(UTC).timestamp())
        except (OverflowError, ValueError) as wrong:
            raise DecodeError(f"a record stamped {seconds} s after {self.epoch} is out of time") from wrong


@dataclass(frozen=True, slots=True, eq=False)
class LoggerRows:
    """`stamps` in seconds since 1970 UTC, as the meter model's convention says; raw integers by field."""

    stamps: NDArray[np.int64]
    columns: dict[str, NDArray[np.int64]]
