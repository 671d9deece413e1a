"""The wrapper of DLMS over TCP and UDP (IEC 62056-4-7): version, source port, destination port, length."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import LocalError, RemoteError

_HEADER: Final = struct.Struct(">HHHH")
VERSION: Final = 1
MAX_PAYLOAD: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One wrapped message between two wrapper ports."""

    source: int
    destination: int
    payload: bytes

    @classmethod
    def from_datagram(cls, raw: bytes) -> Self:
        """The one frame a UDP datagram is; `RemoteError` for a part of one, or for more."""
        if len(raw) < _HEADER.size:
            raise RemoteError(f"a datagram of {len(raw)} bytes holds no wrapper frame", raw)
        version, source, destination, length = _HEADER.unpack_from(raw)
        if version != VERSION:
            raise RemoteError("these bytes begin no wrapper frame", raw[:64])
        if length == 0 or length != len(raw) - _HEADER.size:
            raise RemoteError(
                f"a datagram with {len(raw) - _HEADER.size} bytes of payload announces {length}", raw[:64]
            )
        return cls(source, destination, raw[_HEADER.size :])

    def to_bytes(self) -> bytes:
        """Header and payload; `LocalError` when it is empty or longer than a length can say."""
        if not 0 < len(self.payload) <= MAX_PAYLOAD:
            raise LocalError(f"a wrapper carries 1 to {MAX_PAYLOAD} bytes, not {len(self.payload)}")
        try:
            return _HEADER.pack(VERSION, self.source, self.destination, len(self.payload)) + self.payload
        except struct.error as wrong:
            raise LocalError(
                f"wrapper ports are 0 to 65535, not {self.source}, {self.destination}"
            ) from wrong


def datagrams(raw: bytes) -> list[bytes]:
    """Frames of ours that go out together, each as the datagram of its own that it is over UDP."""
    found, at = [], 0
    while at < len(raw):
        end = len(raw)
        if len(raw) - at >= _HEADER.size:
            end = at + _HEADER.size + _HEADER.unpack_from(raw, at)[3]
        found.append(raw[at:end])
        at = end
    return found


class Unwrapper:
    """Cuts a byte stream into frames; keeps at most one unfinished frame of `limit` payload bytes."""

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        self._limit = limit
        self._kept = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames completed by `chunk`; `RemoteError` for a header that is none.

        Whole frames before a bad header are handed out first; the error then comes with the next call.
        """
        if not self._kept and len(chunk) >= _HEADER.size:
            # The common case: an answer comes as a whole and alone.
            version, source, destination, length = _HEADER.unpack_from(chunk)
            if version == VERSION and 0 < length == len(chunk) - _HEADER.size <= self._limit:
                return [Frame(source, destination, bytes(chunk[_HEADER.size :]))]
        self._kept += chunk
        frames: list[Frame] = []
        at = 0
        while len(self._kept) - at >= 2:
            if self._kept[at] != 0 or self._kept[at + 1] != VERSION:
                if frames:
                    break
                raise RemoteError("these bytes begin no wrapper frame", bytes(self._kept[at : at + 64]))
            if len(self._kept) - at < _HEADER.size:
                break
            _, source, destination, length = _HEADER.unpack_from(self._kept, at)
            if not 0 < length <= self._limit:
                if frames:
                    break
                raise RemoteError(
                    f"a frame of {length} bytes, at most {self._limit} are taken",
                    bytes(self._kept[at : at + 64]),
                )
            end = at + _HEADER.size + length
            if len(self._kept) < end:
                break
            frames.append(Frame(source, destination, bytes(self._kept[at + _HEADER.size : end])))
            at = end
        del self._kept[:at]
        return frames

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._kept)
