"""Bits and registers read and written (Modbus application protocol 1.1b3, 6.1 to 6.6, 6.11 and 6.12)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from protocols.modbus.codes import Function, agree, require
from protocols.modbus.registers import MAX_REGISTERS

MAX_BITS: Final = 2000
MAX_WRITTEN_BITS: Final = 1968
MAX_WRITTEN: Final = 123
ON, OFF = 0xFF00, 0x0000


@dataclass(frozen=True, slots=True)
class Bits:
    """To functions 1 and 2."""

    function: int
    values: tuple[bool, ...]

    def to_bytes(self) -> bytes:
        octets = packed_bits(self.values)
        return bytes((self.function, len(octets))) + octets


@dataclass(frozen=True, slots=True)
class ReadBits:
    """Functions 1 (coils) and 2 (discrete inputs)."""

    function: int
    address: int
    count: int

    def __post_init__(self) -> None:
        require(self.function in (1, 2), f"function {self.function} reads no bits")
        _span(self.address, self.count, MAX_BITS)

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, self.count)

    def octets(self, head: bytes) -> int:
        return _counted(head, (self.count + 7) // 8, "bits")

    def answer(self, pdu: bytes) -> Bits:
        return Bits(self.function, unpacked_bits(pdu[2:], self.count))

    def __str__(self) -> str:
        return f"bits {self.address} to {self.address + self.count - 1}"


@dataclass(frozen=True, slots=True)
class Words:
    """To functions 3 and 4."""

    function: int
    values: tuple[int, ...]

    def to_bytes(self) -> bytes:
        count = len(self.values)
        return struct.pack(f">BB{count}H", self.function, 2 * count, *self.values)


@dataclass(frozen=True, slots=True)
class ReadRegisters:
    """Functions 3 (holding registers) and 4 (input registers)."""

    function: int
    address: int
    count: int

    def __post_init__(self) -> None:
        require(self.function in (3, 4), f"function {self.function} reads no registers")
        _span(self.address, self.count, MAX_REGISTERS)

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, self.count)

    def octets(self, head: bytes) -> int:
        return _counted(head, 2 * self.count, "registers")

    def answer(self, pdu: bytes) -> Words:
        return Words(self.function, struct.unpack(f">{self.count}H", pdu[2:]))

    def __str__(self) -> str:
        return f"registers {self.address} to {self.address + self.count - 1}"


@dataclass(frozen=True, slots=True)
class WriteBit:
    """Function 5; the answer is the request again."""

    address: int
    on: bool

    def __post_init__(self) -> None:
        _span(self.address, 1, 1)

    @property
    def function(self) -> int:
        return Function.WRITE_SINGLE_COIL

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, ON if self.on else OFF)

    def octets(self, head: bytes) -> int:
        return 5

    def answer(self, pdu: bytes) -> "WriteBit":
        agree(pdu == self.to_bytes(), f"{self} was not confirmed as asked", pdu)
        return self

    def __str__(self) -> str:
        return f"writing bit {self.address}"


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """Function 6; the answer is the request again."""

    address: int
    value: int

    def __post_init__(self) -> None:
        _span(self.address, 1, 1)
        _fit((self.value,))

    @property
    def function(self) -> int:
        return Function.WRITE_SINGLE_REGISTER

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, self.value)

    def octets(self, head: bytes) -> int:
        return 5

    def answer(self, pdu: bytes) -> "WriteRegister":
        agree(pdu == self.to_bytes(), f"{self} was not confirmed as asked", pdu)
        return self

    def __str__(self) -> str:
        return f"writing register {self.address}"


@dataclass(frozen=True, slots=True)
class Written:
    """To functions 15 and 16."""

    function: int
    address: int
    count: int

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, self.count)


@dataclass(frozen=True, slots=True)
class WriteBits:
    """Function 15."""

    address: int
    values: tuple[bool, ...]

    def __post_init__(self) -> None:
        _span(self.address, len(self.values), MAX_WRITTEN_BITS)

    @property
    def function(self) -> int:
        return Function.WRITE_MULTIPLE_COILS

    def to_bytes(self) -> bytes:
        octets = packed_bits(self.values)
        return struct.pack(">BHHB", self.function, self.address, len(self.values), len(octets)) + octets

    def octets(self, head: bytes) -> int:
        return 5

    def answer(self, pdu: bytes) -> Written:
        return _written(self, pdu, Written(self.function, self.address, len(self.values)))

    def __str__(self) -> str:
        return f"writing {len(self.values)} bits from {self.address} on"


@dataclass(frozen=True, slots=True)
class WriteRegisters:
    """Function 16."""

    address: int
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        _span(self.address, len(self.values), MAX_WRITTEN)
        _fit(self.values)

    @property
    def function(self) -> int:
        return Function.WRITE_MULTIPLE_REGISTERS

    def to_bytes(self) -> bytes:
        count = len(self.values)
        return struct.pack(f">BHHB{count}H", self.function, self.address, count, 2 * count, *self.values)

    def octets(self, head: bytes) -> int:
        return 5

    def answer(self, pdu: bytes) -> Written:
        return _written(self, pdu, Written(self.function, self.address, len(self.values)))

    def __str__(self) -> str:
        return f"writing {len(self.values)} registers from {self.address} on"


def _span(address: int, count: int, most: int) -> None:
    require(1 <= count <= most, f"one request is about 1 to {most} of these, not {count}")
    require(0 <= address <= 0x10000 - count, f"{count} from address {address} on are not all there")


def _fit(values: Sequence[int]) -> None:
    require(all(0 <= value <= 0xFFFF for value in values), "a register holds 0 to 65535")


def _counted(head: bytes, due: int, what: str) -> int:
    if len(head) > 1:
        agree(head[1] == due, f"{head[1]} bytes of {what} came, {due} were due", head)
    return 2 + due


def _written(request: WriteBits | WriteRegisters, pdu: bytes, due: Written) -> Written:
    agree(pdu == due.to_bytes(), f"{request} was not confirmed as asked", pdu)
    return due


def packed_bits(values: Sequence[bool]) -> bytes:
    """Eight a byte, the first in the lowest bit, filled up with zeros."""
    octets = bytearray((len(values) + 7) // 8)
    for at, value in enumerate(values):
        octets[at // 8] |= value << at % 8
    return bytes(octets)


def unpacked_bits(octets: bytes, count: int) -> tuple[bool, ...]:
    """The first `count` of them."""
    return tuple(bool(octets[at // 8] >> at % 8 & 1) for at in range(count))
