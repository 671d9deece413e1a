"""The MBAP header (Modbus messaging on TCP/IP 1.0b, 3.1.3) and the meter reader's half of it."""

import struct
from typing import Final

from protocols.errors import LocalError, RemoteError
from protocols.modbus.codes import MAX_PDU, require
from protocols.modbus.pdu import Request

_HEADER: Final = struct.Struct(">HHHB")
_SHORTEST, _LONGEST = 3, MAX_PDU + 1  # of the length in a header: unit, function and at least one byte


class MbapFraming:
    """The `Framing` of Modbus TCP. The number of the `first` question counts up, so that an answer to
    one of an earlier conversation is known for what it is."""

    numbered = True

    def __init__(self, unit: int, first: int = 1) -> None:
        require(0 <= unit <= 255, f"a unit behind a header is 0 to 255, not {unit}")
        self._unit = unit
        self._next = first & 0xFFFF
        self._transaction: int | None = None
        self._held = bytearray()
        self._over = False
        self.stray = b""

    def ask(self, request: Request[object]) -> bytes:
        """See `Framing`."""
        if self._transaction is not None or self._over:
            raise LocalError("nothing may be asked here before the last question is settled")
        self._transaction, self._next = self._next, (self._next + 1) & 0xFFFF
        pdu = request.to_bytes()
        return _HEADER.pack(self._transaction, 0, len(pdu) + 1, self._unit) + pdu

    def feed(self, chunk: bytes) -> bytes | None:
        """See `Framing`."""
        self._held += chunk
        raw = bytes(self._held[: _HEADER.size + MAX_PDU + 1])
        try:
            pdu = self._complete(raw)
        except RemoteError:
            self._over = True
            raise
        if pdu is None:
            return None
        self._transaction = None
        self.stray = raw[_HEADER.size + len(pdu) :]
        self._over = bool(self.stray)
        self._held.clear()
        return pdu

    def _complete(self, raw: bytes) -> bytes | None:
        if self._transaction is None or self._over:
            raise RemoteError("bytes came that nobody asked for", raw)
        if len(raw) < _HEADER.size:
            return None
        transaction, protocol, length, unit = _HEADER.unpack_from(raw)
        if protocol != 0 or not _SHORTEST <= length <= _LONGEST:
            reason = f"what came is no Modbus TCP (protocol {protocol}, length {length})"
            raise RemoteError(f"{reason}: check what this port speaks, modbus+rtu+tcp perhaps", raw)
        if transaction != self._transaction:
            other = f"an answer to another question came (transaction {transaction}, not {self._transaction})"
            raise RemoteError(f"{other}: see that nobody else asks on this connection, or wait longer", raw)
        if unit != self._unit:
            raise RemoteError(
                f"unit {unit} answered where unit {self._unit} was asked: correct the unit", raw
            )
        if len(raw) < 6 + length:
            return None
        return raw[_HEADER.size : 6 + length]
