"""What every service shares: the attribute or method meant, the selection within it, invoke-id, results."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from protocols.dlms import axdr
from protocols.dlms.enums import DataAccessResult
from protocols.errors import LocalError
from protocols.obis import Obis
from protocols.reader import Reader


@dataclass(frozen=True, slots=True)
class InvokeId:
    """Invoke-id-and-priority: `number` 0..15 pairs an answer with its request."""

    number: int
    confirmed: bool = True
    high_priority: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 15:
            raise LocalError(f"an invoke-id is 0 to 15, not {self.number}")

    def to_byte(self) -> int:
        """The octet on the wire."""
        return self.number | (0x40 if self.confirmed else 0) | (0x80 if self.high_priority else 0)

    @classmethod
    @lru_cache(maxsize=256)
    def from_byte(cls, octet: int) -> Self:
        """Bits 4 and 5 are reserved and not looked at."""
        return cls(octet & 0x0F, bool(octet & 0x40), bool(octet & 0x80))


@dataclass(frozen=True, slots=True)
class LongInvokeId:
    """Long-invoke-id-and-priority of notifications: a number of 24 bits and what the sender says of it."""

    number: int
    confirmed: bool = False
    high_priority: bool = False
    self_descriptive: bool = False
    break_on_error: bool = False

    def to_bytes(self) -> bytes:
        """Four bytes; `LocalError` for a number of more than 24 bits."""
        if not 0 <= self.number < 1 << 24:
            raise LocalError(f"a long invoke-id is 0 to {(1 << 24) - 1}, not {self.number}")
        flags = (self.self_descriptive << 28 | self.break_on_error << 29 | self.confirmed << 30) | (
            self.high_priority << 31
        )
        return (self.number | flags).to_bytes(4, "big")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The next four bytes; bits 24 to 27 are reserved and not looked at."""
        word = reader.number(4)
        return cls(
            word & 0xFFFFFF,
            confirmed=bool(word >> 30 & 1),
            high_priority=bool(word >> 31),
            self_descriptive=bool(word >> 28 & 1),
            break_on_error=bool(word >> 29 & 1),
        )


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute (or, for ACTION, one method) of one object: class, logical name, number."""

    class_id: int
    obis: Obis
    number: int

    def __hash__(self) -> int:
        name = self.obis  # groups C to E tell nearly all objects of a meter apart
        return name.c << 24 | name.d << 16 | name.e << 8 | self.number & 0xFF

    def to_bytes(self) -> bytes:
        """Nine bytes."""
        try:
            head = self.class_id.to_bytes(2, "big") + self.obis.to_bytes()
            return head + self.number.to_bytes(1, "big", signed=True)
        except OverflowError as wrong:
            raise LocalError(f"{self} does not fit its bytes") from wrong

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The next nine bytes."""
        class_id = reader.number(2)
        name = Obis.from_bytes(reader.take(6))
        return cls(class_id, name, reader.number(1, signed=True))

    def __str__(self) -> str:
        return f"{self.obis} attribute {self.number} (class {self.class_id})"


@dataclass(frozen=True, slots=True)
class Access:
    """Selective access: the selector and its parameters as they travel; `written`, where it is known already,
    is what they are in bytes."""

    selector: int
    parameters: axdr.Data
    written: bytes | None = field(default=None, compare=False, repr=False)


def write_access(access: Access | None) -> bytes:
    """A presence byte and what it announces."""
    if access is None:
        return b"\x00"
    parameters = axdr.encode(access.parameters) if access.written is None else access.written
    return bytes((1, access.selector)) + parameters


def read_access(reader: Reader) -> Access | None:
    """The counterpart of `write_access`."""
    if not reader.flag("access-selection"):
        return None
    return Access(reader.u8(), axdr.read(reader))


def service_head(raw: bytes, tag: int, choice: int, name: str) -> tuple[Reader, InvokeId]:
    """The three bytes every GET, SET and ACTION begins with, and a reader behind them."""
    if len(raw) > 3 and raw[0] == tag and raw[1] == choice:
        return Reader(raw, 3), InvokeId.from_byte(raw[2])
    reader = Reader(raw)
    reader.expect(tag, name)
    reader.expect(choice, name)
    return reader, InvokeId.from_byte(reader.u8())


def access_result(reader: Reader) -> DataAccessResult:
    """The next byte as a data-access-result; one that no list names is a refusal like the others."""
    number = reader.u8()
    try:
        return DataAccessResult(number)
    except ValueError:
        return DataAccessResult.unlisted(number)


def write_result(result: bytes | DataAccessResult) -> bytes:
    """Get-data-result: a value, or why there is none."""
    return bytes((1, result)) if isinstance(result, DataAccessResult) else b"\x00" + result
