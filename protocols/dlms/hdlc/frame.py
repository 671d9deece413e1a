"""Frames of HDLC, format type 3 (IEC 62056-46, 6.4): format, addresses, control, check, contents, check."""

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from protocols.dlms.hdlc.address import HdlcAddress, read_address
from protocols.dlms.hdlc.fcs import fcs, intact
from protocols.errors import DecodeError, LocalError

FLAG: Final = 0x7E
MAX_LENGTH: Final = 0x7FF
MAX_HEADER: Final = 14
_FORMAT: Final = 0xA000
_SEGMENTED: Final = 0x0800
_FINAL: Final = 0x10

_MORE = b"[" + b"".join(re.escape(bytes((octet,))) for octet in range(0, 256, 2)) + b"]"
_LAST = _MORE.replace(b"[", b"[^", 1)
_ADDRESS = b"(%b{3}%b|%b?%b)" % (_MORE, _LAST, _MORE, _LAST)
HEADER: Final = re.compile(rb"\x7e[\xa0-\xaf]." + _ADDRESS + _ADDRESS + b"...", re.DOTALL)
"""Flag, format, destination, source, control and check."""
HEADER_BEGUN: Final = re.compile(
    rb"\x7e(?:[\xa0-\xaf](?:.(?:%b{0,3}\Z|%b(?:%b{0,3}\Z|%b.{0,2}\Z))|\Z)|\Z)"
    % (_MORE, _ADDRESS, _MORE, _ADDRESS),
    re.DOTALL,
)
"""What may yet become one."""


class Kind(IntEnum):
    """What a frame is, as its control byte without numbers and without the poll/final bit."""

    I = 0x00  # noqa: E741 - the standard's name
    RR = 0x01
    RNR = 0x05
    REJ = 0x09
    SNRM = 0x83
    DISC = 0x43
    UA = 0x63
    DM = 0x0F
    FRMR = 0x87
    UI = 0x03


_SUPERVISORY: Final = {Kind.RR, Kind.RNR, Kind.REJ}
_KINDS: Final = {int(kind): kind for kind in Kind}


def control(kind: Kind, *, final: bool = True, send: int = 0, receive: int = 0) -> int:
    """The control byte; `send` is N(S), `receive` N(R), both modulo 8.

    >>> f"{control(Kind.SNRM):02X} {control(Kind.I, send=3, receive=4):02X}"
    '93 96'
    """
    octet = kind | (_FINAL if final else 0)
    if kind is Kind.I:
        return octet | send << 1 | receive << 5
    return octet | receive << 5 if kind in _SUPERVISORY else octet


@dataclass(frozen=True, slots=True)
class HdlcFrame:
    """One frame between two addresses; `segmented` says that more of the same message follows."""

    destination: HdlcAddress
    source: HdlcAddress
    control: int
    info: bytes = b""
    segmented: bool = False
    torn: bool = field(default=False, compare=False)
    """Something between the frame before and this one was damaged; known of frames out of a stream."""

    @property
    def kind(self) -> Kind | None:
        """What it is; None for a control byte the standard does not use."""
        octet = self.control & ~_FINAL
        if octet & 1 == 0:
            return Kind.I
        if octet & 2 == 0:
            octet &= 0x0F
        return _KINDS.get(octet)

    @property
    def final(self) -> bool:
        """The poll/final bit: the other side has the turn."""
        return bool(self.control & _FINAL)

    @property
    def send(self) -> int:
        """N(S) of an I frame."""
        return self.control >> 1 & 7

    @property
    def receive(self) -> int:
        """N(R) of an I, RR, RNR or REJ frame."""
        return self.control >> 5

    def to_bytes(self) -> bytes:
        """The frame between its flags; `LocalError` when it is longer than a frame can be."""
        head = self.destination.to_bytes() + self.source.to_bytes() + bytes((self.control,))
        length = 2 + len(head) + 2 + (len(self.info) + 2 if self.info else 0)
        if length > MAX_LENGTH:
            raise LocalError(f"an HDLC frame has at most {MAX_LENGTH} bytes, not {length}")
        layout = _FORMAT | (_SEGMENTED if self.segmented else 0) | length
        body = layout.to_bytes(2, "big") + head
        body += fcs(body)
        if self.info:
            body += self.info
            body += fcs(body)
        return b"\x7e" + body + b"\x7e"

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The one frame these bytes are, flags included; raises `DecodeError`."""
        header = HEADER.match(raw)
        if header is None:
            raise DecodeError("these bytes begin no HDLC frame", raw)
        end = frame_end(raw, header)
        if end != len(raw) - 1 or raw[end] != FLAG:
            raise DecodeError("an HDLC frame does not end where its format says", raw)
        if not intact(raw[1 : header.end()]) or not intact(raw[1:end]):
            raise DecodeError("the check sequence of an HDLC frame is wrong", raw)
        return cls.cut(raw, header, end)

    @classmethod
    def cut(cls, raw: bytes | bytearray, header: re.Match[bytes], end: int, *, torn: bool = False) -> Self:
        """The frame of this header and closing flag; length and checks were looked at before."""
        info = header.end()
        return cls(
            read_address(bytes(header[1])),
            read_address(bytes(header[2])),
            raw[info - 3],
            bytes(raw[info : end - 2]) if end > info else b"",
            bool(raw[header.start() + 1] & _SEGMENTED >> 8),
            torn,
        )


def frame_end(raw: bytes | bytearray, header: re.Match[bytes]) -> int | None:
    """The place of the closing flag as the format field has it; None when no frame is as short as that."""
    at = header.start()
    end = at + 1 + ((raw[at + 1] & 0x07) << 8 | raw[at + 2])
    # Without contents the header's check is the frame's; with them there is at least a byte, and two checks.
    return end if end == header.end() or end >= header.end() + 3 else None
