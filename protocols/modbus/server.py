"""The meters' half: units that answer requests, and RTU frames cut out of what comes along a line."""

import struct
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

from protocols.modbus.codes import EXCEPTION, ExceptionCode, ModbusRefused
from protocols.modbus.identity import INTERFACE, Echo, ReadIdentification, ReportServer
from protocols.modbus.pdu import Answer
from protocols.modbus.registers import MAX_REGISTERS
from protocols.modbus.requests import (
    MAX_BITS,
    MAX_WRITTEN,
    MAX_WRITTEN_BITS,
    OFF,
    ON,
    ReadBits,
    ReadRegisters,
    WriteBit,
    WriteBits,
    WriteRegister,
    WriteRegisters,
    unpacked_bits,
)
from protocols.modbus.rtu import MAX_FRAME, intact, sealed

AnyRequest: TypeAlias = (
    ReadBits
    | ReadRegisters
    | WriteBit
    | WriteRegister
    | WriteBits
    | WriteRegisters
    | Echo
    | ReportServer
    | ReadIdentification
)
BROADCAST: Final = 0
MAX_AT_ONCE: Final = 256
"""Requests answered out of one chunk; a reader waits for each answer, so that there is mostly one."""
_MOST: Final = {
    1: MAX_BITS, 2: MAX_BITS, 3: MAX_REGISTERS, 4: MAX_REGISTERS, 15: MAX_WRITTEN_BITS, 16: MAX_WRITTEN,
}  # fmt: skip
_FIXED: Final = {1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 8: 5, 17: 1, 43: 4}
_HEAD: Final = 6  # of a request that brings many values: function, address, count, bytes that follow


class Unit(Protocol):
    """One device behind a line."""

    def serve(self, request: AnyRequest) -> Answer:
        """The answer, of the request's function; raises `ModbusRefused` to decline."""


def respond(unit: Unit, pdu: bytes) -> bytes:
    """A unit's answer to one message of at least one byte: an exception (chapter 7) where it declines."""
    try:
        request = read_request(pdu)
        return pdu if isinstance(request, Echo) else unit.serve(request).to_bytes()
    except ModbusRefused as declined:
        return bytes((pdu[0] | EXCEPTION, declined.code))


def request_octets(head: bytes) -> int | None:
    """The length of the request that begins with `head` (at least its function).

    More than `head` has while that cannot be said yet, None for a function that is not known here.
    """
    if head[0] in (15, 16):
        return _HEAD + head[_HEAD - 1] if len(head) >= _HEAD else _HEAD
    return _FIXED.get(head[0])


def read_request(pdu: bytes) -> AnyRequest:
    """The request in a message of at least one byte; `ModbusRefused` bears the code to be answered."""
    due = request_octets(pdu)
    if due is None:
        raise ModbusRefused(ExceptionCode.ILLEGAL_FUNCTION, f"function {pdu[0]}", pdu)
    _must(len(pdu) == due, ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
    match pdu[0]:
        case 1 | 2 as function:
            return ReadBits(function, *_placed(pdu))
        case 3 | 4 as function:
            return ReadRegisters(function, *_placed(pdu))
        case 5:
            address, value = struct.unpack(">HH", pdu[1:])
            _must(value in (ON, OFF), ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
            return WriteBit(address, value == ON)
        case 6:
            return WriteRegister(*struct.unpack(">HH", pdu[1:]))
        case 8:
            sub_function, data = struct.unpack(">HH", pdu[1:])
            _must(sub_function == 0, ExceptionCode.ILLEGAL_FUNCTION, pdu)
            return Echo(data)
        case 15:
            address, count = _placed(pdu)
            _must(pdu[5] == (count + 7) // 8, ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
            return WriteBits(address, unpacked_bits(pdu[_HEAD:], count))
        case 16:
            address, count = _placed(pdu)
            _must(pdu[5] == 2 * count, ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
            return WriteRegisters(address, struct.unpack(f">{count}H", pdu[_HEAD:]))
        case 17:
            return ReportServer()
    _must(pdu[1] == INTERFACE, ExceptionCode.ILLEGAL_FUNCTION, pdu)
    _must(1 <= pdu[2] <= 4, ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
    return ReadIdentification(pdu[2], pdu[3])


def _placed(pdu: bytes) -> tuple[int, int]:
    """Address and count of a request that has them; the count is looked at first (figures of chapter 6)."""
    address, count = struct.unpack(">HH", pdu[1:5])
    _must(1 <= count <= _MOST[pdu[0]], ExceptionCode.ILLEGAL_DATA_VALUE, pdu)
    _must(address + count <= 0x10000, ExceptionCode.ILLEGAL_DATA_ADDRESS, pdu)
    return address, count


def _must(holds: bool, code: ExceptionCode, pdu: bytes) -> None:
    if not holds:
        raise ModbusRefused(code, raw=pdu)


class RtuServer:
    """Several units on one line. What is not for them, or damaged, gets no answer, as on a bus."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self._held = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """The answers to the requests that these bytes complete; what comes after too many is forgotten."""
        said = b""
        heard = 0
        for start in range(0, len(chunk), MAX_FRAME):
            self._held += chunk[start : start + MAX_FRAME]
            while (frame := self._frame()) is not None:
                heard += 1
                if heard > MAX_AT_ONCE:
                    self._held.clear()
                    return said
                said += self._answer(frame)
        return said

    def on_silence(self) -> None:
        """The line was quiet for longer than within a frame: what began before is not one (2.5.1.1)."""
        self._held.clear()

    def _frame(self) -> bytes | None:
        """The next whole frame; damaged ones are dropped with all that came after them."""
        held = bytes(self._held)
        if len(held) < 4:
            return None
        octets = request_octets(held[1:])
        # A function nobody knows has no known length: it ends where what has come ends.
        due = len(held) if octets is None else 1 + octets + 2
        if due > MAX_FRAME:
            self._held.clear()
            return None
        if len(held) < due:
            return None
        if not intact(held[:due]):
            if octets is not None or due == MAX_FRAME:
                self._held.clear()
            return None
        del self._held[:due]
        return held[:due]

    def _answer(self, frame: bytes) -> bytes:
        address, pdu = frame[0], frame[1:-2]
        if address == BROADCAST:
            for unit in self._units.values():
                respond(unit, pdu)
            return b""
        if address not in self._units:
            return b""
        return sealed(bytes((address,)) + respond(self._units[address], pdu))
