"""The bytes of one modem told apart: what it says itself, and those of the meters behind it.

Where the meters' frames say how long they are (DLMS wrapper, HDLC, Modbus TCP), a heartbeat is looked for
where one may begin, never inside: a frame whose payload holds the very bytes of a heartbeat comes through
untouched. Where they do not (mode C, Modbus RTU), or where a modem cuts them into packets of its own, the
exact bytes of the modem's own registration and heartbeat are taken out wherever they stand; such frames bear
a check of their own, which tells should a payload ever hold these bytes.

HDLC frames may share the flag between them, and flags may fill a pause. Where a meter has spoken HDLC, other
bytes between its frames are noise of its line, handed on for whoever checks the frames; so much of it as a
line has and no more, and a heartbeat in the midst of it is one.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from protocols.dlms.hdlc.fcs import intact
from protocols.dlms.hdlc.frame import HEADER, HEADER_BEGUN, MAX_HEADER, frame_end
from protocols.errors import LocalError, RemoteError
from protocols.modem.dialects import MAX_TOKEN, Dialect, Fit, Token, load

HOLD_S: Final = 0.3
"""Bytes that may be the beginning of a heartbeat are held so long for the rest of it, then handed out."""
_UNDECIDED: Final = -1
_FLAG: Final = 0x7E
MAX_NOISE: Final = 512
"""Bytes of noise between HDLC frames beyond one for every sixteen of the frames: more of it is no line."""


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

    # How it stands before anything has come.
    device_id: str | None = None
    _framed = True
    _spelled = False
    _flagged = False  # the last frame ended with a flag, which may open the next one
    _noise = 0

    def __init__(self, dialect: Dialect | str) -> None:
        self.dialect = load(dialect) if isinstance(dialect, str) else dialect
        self._kept = bytearray()
        self._own: dict[bytes, Token] = {}

    def carries(self, *, framed: bool) -> None:
        """Whether the frames of the meters say how long they are; from here on, until it is said again."""
        self._framed = framed

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame or token."""
        return len(self._kept)

    @property
    def held(self) -> bool:
        """Whether bytes wait for the rest of a heartbeat: after `HOLD_S` of silence call `release`."""
        return bool(self._kept) and self._anywhere

    def release(self) -> list[ModemEvent]:
        """The bytes held, as the meter's: the rest of the heartbeat has not come."""
        if not self.held:
            return []
        raw = bytes(self._kept)
        self._kept.clear()
        return [Payload(raw)]

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
            if self._anywhere:
                return events + self._strip()
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

    @property
    def _anywhere(self) -> bool:
        """Whether the modem's own words are looked for in the midst of the meters': once it is known."""
        loose = not self._framed or self.dialect.within_frames
        return loose and (self.device_id is not None or self.dialect.registration is None)

    def _strip(self) -> list[ModemEvent]:
        """Take the modem's words out; what may be the beginning of one stays kept."""
        events: list[ModemEvent] = []
        kept, start = bytes(self._kept), 0
        own = self._words()
        for found in re.finditer(b"|".join(map(re.escape, own)), kept) if own else ():
            if found.start() > start:
                events.append(Payload(kept[start : found.start()]))
            start = found.end()
            events.append(self._said(own[found[0]], self.device_id or "", found[0]))
        end = len(kept) - _begun(kept[start:], tuple(own))
        if end > start:
            events.append(Payload(kept[start:end]))
        del self._kept[:end]
        return events

    def _words(self) -> dict[bytes, Token]:
        """What the modem says, byte for byte: as it was heard, and as its dialect writes it."""
        if not self._spelled:
            self._spelled = True
            for token in (self.dialect.registration, self.dialect.heartbeat):
                with suppress(LocalError):  # a heartbeat that cannot carry this name is never sent
                    if token is not None:
                        self._own[token.write(self.device_id or "")] = token
        return self._own

    def _next(self) -> ModemEvent | None:
        head = bytes(self._kept[:MAX_TOKEN])
        size = frame_size(head)
        if self._flagged and head[0] & 0xF0 == 0xA0:
            size = _hdlc_size(b"\x7e" + head)
            size -= size > 0  # the flag before it came with the frame before it
        elif self._flagged and head[0] == _FLAG and not (size > 0 and head[1] == _FLAG):
            size = _hdlc_size(head)
        if size > 0:
            return self._frame(size)
        waiting = size == _UNDECIDED
        for token in (self.dialect.registration, self.dialect.heartbeat):
            fit, length, name = token.match(head) if token is not None else (Fit.NO, 0, "")
            if fit is Fit.WHOLE and token is not None:
                del self._kept[:length]
                return self._heard(token, name, head[:length])
            waiting = waiting or fit is Fit.PARTIAL
        if waiting:
            return None
        if self._flagged and self._noise < MAX_NOISE:
            return self._passed_on()
        raise RemoteError(f"a modem of dialect {self.dialect.name} does not say this", head[:256])

    def _heard(self, token: Token, name: str, raw: bytes) -> ModemEvent:
        event = self._said(token, name, raw)
        if name in ("", self.device_id):
            self._own[raw] = token
        return event

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
        hdlc = self._kept[0] == _FLAG or (self._flagged and self._kept[0] & 0xF0 == 0xA0)
        if self._flagged and hdlc and self._kept[size - 1] != _FLAG and self._noise < MAX_NOISE:
            return self._passed_on()
        raw = bytes(self._kept[:size])
        del self._kept[:size]
        self._noise = max(0, self._noise - size // 16)
        self._flagged = hdlc
        return Payload(raw)

    def _passed_on(self) -> Payload:
        """One byte that begins nothing."""
        self._noise += 1
        raw = bytes(self._kept[:1])
        del self._kept[:1]
        return Payload(raw)


def _begun(raw: bytes, words: tuple[bytes, ...]) -> int:
    """How many bytes at the end may be the beginning of one of the words."""
    most = max((len(word) for word in words), default=0)
    tail = raw[len(raw) - min(len(raw), most - 1) :] if most else b""
    for at in range(len(tail)):
        if any(word.startswith(tail[at:]) for word in words):
            return len(tail) - at
    return 0


def _hdlc_size(head: bytes) -> int:
    """The same as `frame_size`, of HDLC alone, and believed only when the header's own check is right."""
    header = HEADER.match(head)
    if header is None:
        return _UNDECIDED if len(head) < MAX_HEADER and HEADER_BEGUN.match(head) else 0
    end = frame_end(head, header)
    return end + 1 if end is not None and intact(head[1 : header.end()]) else 0


def frame_size(head: bytes) -> int:
    """Bytes of the frame that begins here: 0 when none does, -1 when more bytes are needed to tell.

    DLMS wrapper (00 01, a source port that is not 0, length in bytes 6 and 7), Modbus TCP (bytes 2 and 3 are
    0, length in 4 and 5), HDLC (7E, format type 3, length in 11 bits between the two flags).
    """
    wrapped, hdlc = head[:2] == b"\x00\x01", head[:1] == b"\x7e"
    if hdlc and len(head) >= 2 and head[1] == _FLAG:
        return len(head) - len(head.lstrip(b"\x7e")) - 1  # they fill a pause; the last one may open a frame
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
