"""Messages in UI frames, unnumbered and unacknowledged: what nobody asked for (IEC 62056-46, 6.4.4.5)."""

from protocols.dlms.hdlc.frame import HdlcFrame


class NoticeReader:
    """Puts the segments of one notification together; with a damaged frame between them, all are dropped.

    UI frames carry no number, so a whole frame that is lost between two segments cannot be missed here: the
    message that is left does not decode.
    """

    def __init__(self, llc: bytes, max_message: int) -> None:
        self._llc, self._max = llc, max_message
        self._kept = bytearray()
        self._dropped = 0
        self._open = False

    def take(self, frame: HdlcFrame, dropped: int) -> bytes | None:
        """The message this frame completes; `dropped` counts the damaged frames on the line so far."""
        if self._open and dropped != self._dropped:
            self._kept.clear()
            self._open = False
        if not self._open and not frame.info.startswith(self._llc):
            return None  # the middle of something, or another protocol's
        self._dropped, self._open = dropped, frame.segmented
        self._kept += frame.info
        if frame.segmented and len(self._kept) <= self._max:
            return None
        whole, self._open = bytes(self._kept), False
        self._kept.clear()
        return None if frame.segmented else whole[len(self._llc) :]
