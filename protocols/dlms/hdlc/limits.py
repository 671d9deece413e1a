"""How much a link puts up with before it is given up."""

from dataclasses import dataclass

from protocols.dlms.hdlc.stream import MAX_NOISE


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """Every number bounds something a peer could otherwise do for ever."""

    max_message: int = 1 << 20
    """Bytes of one message put together from its segments, and of messages waiting to be sent."""
    max_noise: int = MAX_NOISE
    """Bytes between two frames."""
    repeats: int = 3
    """Silences in a row, each answered by a repeat or an enquiry."""
    rounds: int = 20
    """Answers in a row that bring nothing new while something is due."""
    polls: int = 300
    """Times a busy meter is asked whether it is ready."""
    pause_s: float = 0.2
    """Between two of these."""
