"""Modbus with the MBAP header (Modbus messaging on TCP/IP 1.0b, 3.1.3) over a stream, question by question.

Nothing is believed that does not fit: transaction, protocol, length, unit, function and byte count are all
checked, for an answer that came too late looks right otherwise. Whatever goes wrong ends the conversation.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from collector.errors import AnswerTimeout
from collector.wire import ByteStream
from protocols.errors import RemoteError, ServiceRefused, spoken
from protocols.modbus.registers import Block

_HEADER: Final = struct.Struct(">HHHB")
WRITE_MULTIPLE: Final = 16


class ExceptionCode(IntEnum):
    """Why a meter declines (Modbus application protocol 1.1b3, chapter 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11


class ModbusLine:
    """Raises `AnswerTimeout`, `LinkDown`, `RemoteError`; `ServiceRefused`, a meter's no, ends nothing."""

    def __init__(self, stream: ByteStream, unit: int, answer_s: float) -> None:
        self._stream, self._unit, self._seconds = stream, unit, answer_s
        self._transaction = 0
        self.heard = bytearray()

    async def read(self, block: Block) -> tuple[list[int], bytes]:
        """The words of one block of registers, and the bytes they came in."""
        request = struct.pack(">BHH", block.function, block.address, block.count)
        answer = await self._ask(request, f"registers {block.address} to {block.address + block.count - 1}")
        if len(answer) != 2 + 2 * block.count or answer[1] != 2 * block.count:
            raise RemoteError(
                f"{len(answer) - 2} bytes of registers came, {2 * block.count} were due", answer
            )
        return list(struct.unpack(f">{block.count}H", answer[2:])), answer

    async def write(self, address: int, words: Sequence[int]) -> None:
        """Write registers (function 16)."""
        head = struct.pack(">BHHB", WRITE_MULTIPLE, address, len(words), 2 * len(words))
        answer = await self._ask(head + struct.pack(f">{len(words)}H", *words), f"writing register {address}")
        if answer != head[:5]:
            raise RemoteError(f"writing register {address} was not confirmed as asked", answer)

    async def _ask(self, request: bytes, what: str) -> bytes:
        self._transaction = (self._transaction + 1) & 0xFFFF
        self.heard.clear()
        self._stream.write(_HEADER.pack(self._transaction, 0, len(request) + 1, self._unit) + request)
        try:
            async with asyncio.timeout(self._seconds):
                while not (answer := self._complete(request[0])):
                    self.heard += await self._stream.read()
        except TimeoutError:
            raise AnswerTimeout(
                f"no answer about {what} within {self._seconds:g} s", bytes(self.heard)
            ) from None
        if answer[0] & 0x80:
            codes = {code.value: spoken(code) for code in ExceptionCode}
            why = codes.get(answer[1], f"exception {answer[1]}")
            raise ServiceRefused(f"the meter refused {what}: {why}", answer)
        return answer

    def _complete(self, function: int) -> bytes:
        """The answer once it is whole, nothing before."""
        if len(self.heard) < _HEADER.size:
            return b""
        raw = bytes(self.heard)
        transaction, protocol, length, unit = _HEADER.unpack_from(raw)
        if (transaction, protocol, unit) != (self._transaction, 0, self._unit) or not 3 <= length <= 254:
            raise RemoteError(
                f"an answer to transaction {transaction} of unit {unit} ({length} bytes) came, "
                f"{self._transaction} of {self._unit} was asked",
                raw,
            )
        if len(raw) < 6 + length:
            return b""
        if len(raw) > 6 + length:
            raise RemoteError("more bytes came than one answer has", raw)
        answer = raw[_HEADER.size :]
        if answer[0] & 0x7F != function or (answer[0] & 0x80 and len(answer) != 2):
            raise RemoteError(f"function {answer[0]} answered, {function} was asked", raw)
        return answer
