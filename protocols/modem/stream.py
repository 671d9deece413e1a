"""The bytes of one modem told apart: what it says itself, and the frames of the meters behind it.

A heartbeat is looked for only where a frame may begin, never inside one, so a frame whose payload holds the
very bytes of a heartbeat comes through untouched.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from protocols.errors import RemoteError
from protocols.modem.dialects import MAX_TOKEN, Dialect, Fit, Token, load

_UNDECIDED: Final = -1


@dataclass(frozen=True, slots=True)
class Registered:
    """The modem gave its name; dialects that do so before every packet repeat it."""

    device_id: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The modem shows that it lives; `reply` must go back unless None."""

    reply: bytes | None


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes of the meters: whole frames, or whatever came where the modem is transparent."""

    raw: bytes


ModemEvent: TypeAlias = Registered | Heartbeat | Payload


class ModemStream:
    """One connection of one modem; keeps at most one unfinished frame or token."""

    def __init__(self, dialect: Dialect | str) -> None:
        self.dialect = load(dialect) if isinstance(dialect, str) else dialect
        self.device_id: str | None = None
        self._kept = bytearray()

    def feed(self, chunk: bytes) -> list[ModemEvent]:
        """What these bytes complete.

        Bytes that are neither a frame nor anything this modem says, a frame before the modem has given its
        name, and a second name raise `RemoteError`; events before them are handed out first, the error then
        comes with the next call.
        """
        if self.dialect.transparent:
            return [Payload(bytes(chunk))] if chunk else []
        self._kept += chunk
        events: list[ModemEvent] = []
        while self._kept:
            try:
                event = self._next()
            except RemoteError:
                if events:
                    break
                raise
            if event is None:
                break
            events.append(event)
        return events

    def _next(self) -> ModemEvent | None:
        head = bytes(self._kept[:MAX_TOKEN])
        size = frame_size(head)
        if size > 0:
            return self._frame(size)
        waiting = size == _UNDECIDED
        for token in (self.dialect.registration, self.dialect.heartbeat):
            fit, length, name = token.match(head) if token is not None else (Fit.NO, 0, "")
            if fit is Fit.WHOLE and token is not None:
                del self._kept[:length]
                return self._said(token, name, head[:length])
            waiting = waiting or fit is Fit.PARTIAL
        if waiting:
            return None
        raise RemoteError(f"a modem of dialect {self.dialect.name} does not say this", head[:256])

    def _said(self, token: Token, name: str, raw: bytes) -> ModemEvent:
        if token is not self.dialect.registration:
            return Heartbeat(token.answer(name or self.device_id or ""))
        if self.device_id not in (None, name):
            raise RemoteError(f"modem {self.device_id} now calls itself {name}", raw)
        self.device_id = name
        return Registered(name)

    def _frame(self, size: int) -> ModemEvent | None:
        if self.device_id is None and self.dialect.registration is not None:
            raise RemoteError("a meter's frame came before the modem gave its name", bytes(self._kept[:64]))
        if len(self._kept) < size:
            return None
        raw = bytes(self._kept[:size])
        del self._kept[:size]
        return Payload(raw)


def frame_size(head: bytes) -> int:
    """Bytes of the frame that begins here: 0 when none does, -1 when more bytes are needed to tell.

    DLMS wrapper (00 01, a source port that is not 0, length in bytes 6 and 7), Modbus TCP (bytes 2 and 3 are
    0, length in 4 and 5), HDLC (7E, format type 3, length in 11 bits between the two flags).
    """
    wrapped, hdlc = head[:2] == b"\x00\x01", head[:1] == b"\x7e"
    if hdlc and len(head) >= 3 and head[1] & 0xF0 == 0xA0:
        return ((head[1] & 0x07) << 8 | head[2]) + 2
    if len(head) < 4:
        return _UNDECIDED if wrapped or hdlc or head[:1] == b"\x00" else 0
    if head[2:4] == b"\x00\x00":
        if len(head) < 6:
            return _UNDECIDED
        length = int.from_bytes(head[4:6], "big")
        return 6 + length if 2 <= length <= 254 else 0
    if not wrapped:
        return 0
    return 8 + int.from_bytes(head[6:8], "big") if len(head) >= 8 else _UNDECIDED
