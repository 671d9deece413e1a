"""Optical heads and current loops that give back what is said to a meter: told from its answer, and left out.

A line echoes when the first message comes back whole, before anything else. A meter cannot have said it: it
never begins as a client does.
"""

from __future__ import annotations

_SEVEN_BITS = bytes(byte & 0x7F for byte in range(256))
"""An echo may have lost the parity bits, or bear others."""


class Echo:
    """Of one conversation."""

    def __init__(self) -> None:
        self._echoes: bool | None = None
        self._due = bytearray()
        self._kept = bytearray()

    def said(self, raw: bytes) -> None:
        """`raw` is on its way to the meter."""
        if self._echoes is not False:
            self._due += raw.translate(_SEVEN_BITS)

    def strip(self, chunk: bytes) -> bytes:
        """What of these bytes is the meter's; what may still become an echo is kept back."""
        if not self._due:
            return chunk
        self._kept += chunk
        begun = self._kept[: len(self._due)].translate(_SEVEN_BITS)
        if not self._due.startswith(begun):
            self._echoes = self._echoes or False
            return self._settled(0)
        if len(begun) < len(self._due):
            return b""
        self._echoes = True
        return self._settled(len(self._due))

    def _settled(self, echoed: int) -> bytes:
        """What remains behind so many bytes of echo."""
        rest = bytes(self._kept[echoed:])
        self._kept.clear()
        self._due.clear()
        return rest
