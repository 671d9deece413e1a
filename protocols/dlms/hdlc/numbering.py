"""The numbered frames of one side of a link: segments to be sent, segments that came (IEC 62056-46, 6.4.4).

Turns alternate. What was not acknowledged when the turn comes back is sent again, from the oldest on; what
comes with another number than the one due is no part of the message.
"""

from collections import deque
from enum import Enum, auto

from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters


class Order(Enum):
    """How an I frame that came stands to the one that was due."""

    DUE = auto()
    REPEATED = auto()
    ASTRAY = auto()


class Numbering:
    """State variables V(S), V(R) of one side, its queue of segments and the message being put together."""

    __slots__ = ("_kept", "_oldest", "_queue", "agreed", "expected", "sent", "waiting")

    def __init__(self, agreed: LinkParameters) -> None:
        self.agreed = agreed
        self.expected = 0
        self.sent = 0
        """Segments sent at least once and not acknowledged yet: the first of the queue."""
        self.waiting = 0
        """Bytes of the queue."""
        self._oldest = 0
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._kept = bytearray()

    def put(self, message: bytes) -> None:
        """Cut a message into segments and queue them."""
        step = self.agreed.max_info_transmit
        for at in range(0, len(message), step):
            self._queue.append((message[at : at + step], at + step < len(message)))
        self.waiting += len(message)

    def frames(self, destination: HdlcAddress, source: HdlcAddress) -> bytes:
        """The I frames of one turn, as many as the window allows; the last gives the turn away."""
        window = min(self.agreed.window_transmit, len(self._queue))
        self.sent = window
        out = bytearray()
        for i in range(window):
            info, more = self._queue[i]
            number = (self._oldest + i) % 8
            octet = control(Kind.I, final=i == window - 1, send=number, receive=self.expected)
            out += HdlcFrame(destination, source, octet, info, more).to_bytes()
        return bytes(out)

    def acknowledge(self, number: int) -> int | None:
        """How many segments this N(R) acknowledges; None when it speaks of frames never sent."""
        count = (number - self._oldest) % 8
        if count > self.sent:
            return None
        for _ in range(count):
            self.waiting -= len(self._queue.popleft()[0])
        self.sent -= count
        self._oldest = number
        return count

    def order(self, frame: HdlcFrame) -> Order:
        """How this I frame stands to the one due."""
        if frame.send == self.expected:
            return Order.DUE
        return Order.REPEATED if frame.send == (self.expected - 1) % 8 else Order.ASTRAY

    def take(self, frame: HdlcFrame) -> bytes:
        """Add the frame that was due; the message when it is complete, else nothing."""
        self.expected = (self.expected + 1) % 8
        self._kept += frame.info
        if frame.segmented:
            return b""
        message = bytes(self._kept)
        self._kept.clear()
        return message

    @property
    def next_send(self) -> int:
        """V(S)."""
        return (self._oldest + self.sent) % 8

    @property
    def kept(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._kept)

    @property
    def pending(self) -> bool:
        """Something is to be sent, for the first time or again."""
        return bool(self._queue)
