"""Frames out of a stream of bytes, whatever stands between them and however it is cut.

There is no byte stuffing in format type 3: a flag may stand inside a frame, so the length counts, and the
header's own check decides whether the length may be believed.
"""

import re
from typing import Final

from protocols.dlms.hdlc.fcs import intact
from protocols.dlms.hdlc.frame import FLAG, HEADER, HEADER_BEGUN, MAX_HEADER, HdlcFrame, frame_end
from protocols.errors import RemoteError

MAX_NOISE: Final = 16_384
MAX_AT_ONCE: Final = 1024
"""Frames without a word of ours between them: who has so many to say says nothing."""
_BEGIN: Final = re.compile(rb"\x7e(?:[\xa0-\xaf]|\Z)")
"""A flag and the first byte of a format field, or a flag with nothing after it yet."""


class Deframer:
    """Keeps at most one unfinished frame; more than `max_noise` bytes without a frame raise `RemoteError`.

    So do more than `MAX_AT_ONCE` frames since `spoken`. How the bytes are cut into chunks changes nothing.
    """

    def __init__(self, max_noise: int = MAX_NOISE) -> None:
        self._max_noise = max_noise
        self._kept = bytearray()
        self._noise = 0
        self._torn = False
        self._count = 0
        self._flooded = False

    def spoken(self) -> None:
        """We have said something: frames are counted anew."""
        self._count = 0

    def feed(self, chunk: bytes) -> list[HdlcFrame]:
        """The frames completed by `chunk`; damaged ones are dropped.

        Whole frames before too much noise, or before too many of them, are handed out first; the error then
        comes with the next call.
        """
        self._kept += chunk
        frames: list[HdlcFrame] = []
        kept, at = self._kept, 0
        while self._noise <= self._max_noise:
            begin = _BEGIN.search(kept, at)
            flag = len(kept) if begin is None else begin.start()
            self._noise += flag - at
            # Flags may fill a pause; anything else was once part of a frame.
            self._torn |= flag - at > kept.count(FLAG, at, flag)
            at = flag
            if begin is None or self._noise > self._max_noise:
                break
            found = self._frame(at)
            if found is None:
                break
            frame, end = found
            if frame is None:
                self._noise += end - at
                self._torn |= end > at + 1
            elif self._count == MAX_AT_ONCE:
                self._flooded = True
                break
            else:
                frames.append(frame)
                self._count += 1
                self._noise, self._torn = 0, False
            at = end
        if self._flooded and not frames:
            evidence = bytes(kept[at : at + 64])
            self.reset()
            raise RemoteError(f"more than {MAX_AT_ONCE} frames came at once", evidence)
        if self._noise > self._max_noise and not frames:
            evidence = bytes(kept[max(0, at - 64) : at] or kept[:64])
            self.reset()
            raise RemoteError(f"more than {self._max_noise} bytes came without a frame in them", evidence)
        del kept[:at]
        return frames

    def reset(self) -> None:
        """Forget a frame that was begun, and the noise."""
        self._torn |= len(self._kept) > 1
        self._kept.clear()
        self._noise = self._count = 0
        self._flooded = False

    @property
    def pending(self) -> bytes:
        """The beginning of a frame that is not complete."""
        return bytes(self._kept)

    def _frame(self, at: int) -> tuple[HdlcFrame | None, int] | None:
        """The frame at `at` and where to go on, its closing flag: the next frame may open with the same one.

        None: it is not all there yet. No frame: it is none, or a damaged one.
        """
        kept = self._kept
        header = HEADER.match(kept, at)
        if header is None:
            # Whether anything can still become of it: at the end of what has come, and only there.
            begun = len(kept) - at < MAX_HEADER and HEADER_BEGUN.match(kept, at)
            return None if begun else (None, at + 1)
        end = frame_end(kept, header)
        if end is None or not intact(bytes(kept[at + 1 : header.end()])):
            return None, at + 1
        if len(kept) <= end:
            return None
        if kept[end] != FLAG:
            return None, at + 1
        if end > header.end() and not intact(bytes(kept[at + 1 : end])):
            return None, end
        return HdlcFrame.cut(kept, header, end, torn=self._torn), end
