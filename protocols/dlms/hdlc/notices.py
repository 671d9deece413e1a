"""Messages in UI frames, unnumbered and unacknowledged: what nobody asked for (IEC 62056-46, 6.4.4.5)."""

from typing import Final

from protocols.dlms.hdlc.frame import HdlcFrame

_GENERAL_BLOCK: Final = b"\xe0"


class NoticeReader:
    """Puts the segments of one notification together; with a damaged frame between them, all are dropped.

    UI frames carry no number, so a whole frame that is lost between two segments cannot be missed here: the
    message that is left does not decode.
    """

    def __init__(self, llc: bytes, max_message: int) -> None:
        self._llc, self._max = llc, max_message
        self._kept = bytearray()
        self._open = False

    def take(self, frame: HdlcFrame) -> bytes | None:
        """The message this frame completes."""
        if self._open and frame.torn:
            self._forget()
        if not self._open and not frame.info.startswith(self._llc):
            # Landis+Gyr's E450 puts the LLC before the first of its general blocks only.
            block = frame.info[:1] == _GENERAL_BLOCK and not frame.segmented
            return frame.info if block else None  # the middle of something, or another protocol's
        self._open = True
        self._kept += frame.info
        if frame.segmented:
            if len(self._kept) > self._max:
                self._forget()
            return None
        whole = bytes(self._kept)
        self._forget()
        return whole[len(self._llc) :] or None

    def _forget(self) -> None:
        self._kept.clear()
        self._open = False
