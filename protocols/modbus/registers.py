"""Numbers in 16-bit Modbus registers: decode, encode, and how to read many of them in few requests."""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from protocols.errors import DecodeError, LocalError

MAX_REGISTERS: Final = 125
"""Modbus application protocol 1.1b3, 6.3 and 6.4: at most 125 registers an answer."""


class RegisterType(StrEnum):
    """How a number lies in its registers."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U48 = "u48"
    I48 = "i48"
    U64 = "u64"
    I64 = "i64"
    FLOAT32 = "float32"

    @property
    def words(self) -> int:
        """Registers it takes."""
        return int(self.value[-2:]) // 16

    @property
    def signed(self) -> bool:
        """A whole number that may be negative."""
        return self.value[0] == "i"

    @property
    def digits(self) -> int:
        """Decimal digits that a floating number carries for sure, 0 for a whole one."""
        return 7 if self is RegisterType.FLOAT32 else 0


class WordOrder(StrEnum):
    """Which register of a long number comes first; bytes within a register are always big-endian."""

    BIG = "big"
    LITTLE = "little"


@dataclass(frozen=True, slots=True)
class Register:
    """One number of a register map: `function` 3 (holding) or 4 (input), zero-based `address`.

    `highest_is_none`: the highest number of its type says that the meter has none.
    """

    address: int
    type: RegisterType
    function: int = 3
    order: WordOrder = WordOrder.BIG
    highest_is_none: bool = False

    def __post_init__(self) -> None:
        if self.function not in (3, 4) or not 0 <= self.address <= 0x10000 - self.type.words:
            raise LocalError(f"register {self.address} by function {self.function} cannot be read")

    def decode(self, words: Sequence[int], scaler: int = 0) -> int:
        """The raw integer of the register: value = raw × 10^scaler.

        A float is rounded to the nearest such integer. Not-a-number, infinity and the highest number, which
        meters send for what they do not measure, raise `DecodeError`, as does a wrong number of words.
        """
        raw = _octets(words, self.type, self.order)
        if digits := self.type.digits:
            number: float = struct.unpack(">f", raw)[0]
            if not math.isfinite(number):
                raise DecodeError(f"register {self.address} holds no number", raw)
            # The tail behind the digits that it carries for sure is noise of its binary form.
            return int(Decimal(f"{number:.{digits}g}").scaleb(-scaler).to_integral_value())
        whole = int.from_bytes(raw, "big", signed=self.type.signed)
        if self.highest_is_none and whole == (1 << 16 * self.type.words - self.type.signed) - 1:
            raise DecodeError(f"the meter has no number for register {self.address}", raw)
        return whole

    def encode(self, raw: int, scaler: int = 0) -> tuple[int, ...]:
        """The words of a raw integer; `LocalError` when it does not fit."""
        try:
            if self.type.digits:
                octets = struct.pack(">f", float(Decimal(raw).scaleb(scaler)))
            else:
                octets = raw.to_bytes(self.type.words * 2, "big", signed=self.type.signed)
        except (OverflowError, struct.error) as wrong:
            raise LocalError(f"{raw} does not fit {self.type} at register {self.address}") from wrong
        words = struct.unpack(f">{self.type.words}H", octets)
        return words if self.order is WordOrder.BIG else words[::-1]


def _octets(words: Sequence[int], kind: RegisterType, order: WordOrder) -> bytes:
    if len(words) != kind.words or any(not 0 <= word <= 0xFFFF for word in words):
        raise DecodeError(f"{kind} is {kind.words} registers of 16 bits, not {list(words)!r:.100}")
    in_order = words if order is WordOrder.BIG else words[::-1]
    return struct.pack(f">{len(words)}H", *in_order)


@dataclass(frozen=True, slots=True)
class Block:
    """One read request: `count` registers from `address` by `function`."""

    function: int
    address: int
    count: int

    def cut(self, words: Sequence[int], register: Register) -> Sequence[int]:
        """The words of one register out of this block's answer; an answer of another length is refused."""
        if len(words) != self.count:
            raise DecodeError(f"{len(words)} registers came, {self.count} were asked from {self.address}")
        at = register.address - self.address
        if register.function != self.function or not 0 <= at <= self.count - register.type.words:
            raise LocalError(f"register {register.address} is not in the block from {self.address}")
        return words[at : at + register.type.words]

    def holds(self, register: Register) -> bool:
        """Whether the register lies wholly in this block."""
        at = register.address - self.address
        return register.function == self.function and 0 <= at <= self.count - register.type.words


def read_plan(
    registers: Iterable[Register], *, max_gap: int = 0, max_count: int = MAX_REGISTERS
) -> tuple[Block, ...]:
    """The fewest contiguous reads that cover `registers`, reading over holes of at most `max_gap` registers.

    Many meters answer a read that touches an undefined register with an exception: 0 is the safe gap.
    """
    blocks: list[Block] = []
    for register in sorted(set(registers), key=lambda one: (one.function, one.address)):
        end = register.address + register.type.words
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.function == register.function
            and register.address - (last.address + last.count) <= max_gap
            and end - last.address <= max_count
        ):
            blocks[-1] = Block(last.function, last.address, max(last.count, end - last.address))
        else:
            blocks.append(Block(register.function, register.address, register.type.words))
    return tuple(blocks)


def pick(register: Register, answers: Mapping[Block, Sequence[int]], scaler: int = 0) -> int:
    """The raw integer of a register out of the answers to a read plan; `LocalError` when none covers it."""
    for block, words in answers.items():
        if block.holds(register):
            return register.decode(block.cut(words, register), scaler)
    raise LocalError(f"no block read holds register {register.address}")
