"""What carries messages between clients and meters: the wrapper here, HDLC in `protocols.dlms.hdlc`.

A client's half turns, in this order:

    link.send(framing.connect())                    # until `connected`
    link.send(framing.wrap(request))
    for payload in framing.feed(link.read()): ...   # an answer to it may call wrap()
    link.send(framing.replies())                    # what the link itself owes; always after the messages
    link.send(framing.on_silence())                 # when nothing came for `pause_s` or the answer's time-out
    link.send(framing.disconnect())                 # until no longer `closing`
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias

from protocols.dlms.wrapper import MAX_PAYLOAD, Frame, Unwrapper
from protocols.errors import RemoteError


class Framing(Protocol):
    """One client's link to one meter. After a `RemoteError` it is over: open a new line."""

    @property
    def connected(self) -> bool:
        """Messages may be sent."""

    @property
    def closing(self) -> bool:
        """The link was told to close, and the other side has not said yes yet."""

    @property
    def pause_s(self) -> float | None:
        """Seconds after which `on_silence` is due although the answer's time-out has not passed.

        A number when the meter is there but busy or not ready; None when only the time-out counts.
        """

    def connect(self) -> bytes:
        """What opens the link; nothing where nothing does."""

    def wrap(self, payload: bytes) -> bytes:
        """What goes out now for one message; the rest of a long one comes by `replies`."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages completed by these bytes; raises `RemoteError`."""

    def replies(self, *, awaiting: bool = False) -> bytes:
        """What the link owes now: acknowledgements, next segments, repeats; mostly nothing.

        `awaiting`: another message has to come before the next question, so the meter is given its turn.
        """

    def on_silence(self) -> bytes:
        """Nothing came in time: what to repeat or enquire; raises `RemoteError` when given up."""

    def disconnect(self) -> bytes:
        """What closes the link; nothing where nothing does."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from `client` to the meter `server`; not to be answered when it is not `confirmed`."""

    client: int
    server: int
    payload: bytes
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Parted:
    """The link between `client` and `server` was closed or opened anew: no association on it is left."""

    client: int
    server: int


Arrival: TypeAlias = Heard | Parted


class ServerFraming(Protocol):
    """The meters' half of one line: several meters, told apart by `server`."""

    def feed(self, chunk: bytes) -> list[Arrival]:
        """What these bytes bring; raises `RemoteError` when they cannot be frames."""

    def wrap(self, client: int, server: int, payload: bytes) -> bytes:
        """What goes out now for one answer; the rest comes by `replies`."""

    def notify(self, client: int, server: int, payload: bytes) -> bytes:
        """What goes out now for a message nobody asked for."""

    def replies(self) -> bytes:
        """What the link owes now; ask after every `feed`, when its messages are answered."""

    def on_silence(self) -> list[Arrival]:
        """The line was quiet for its inactivity time-out: links are closed, halves of frames forgotten."""


@lru_cache(maxsize=256)
def _beginning(source: int, destination: int) -> bytes:
    """Version and ports of a frame; nothing where these are no ports."""
    ports = 0 <= source <= 0xFFFF and 0 <= destination <= 0xFFFF
    return (1 << 32 | source << 16 | destination).to_bytes(6, "big") if ports else b""


class WrapperFraming:
    """Messages in wrapper frames between one client and one server port, over TCP or in UDP datagrams.

    With `datagrams` every chunk is one datagram and holds exactly one frame (IEC 62056-4-7).
    """

    connected = True
    closing = False
    pause_s: float | None = None

    def __init__(self, client: int, server: int, *, datagrams: bool = False) -> None:
        self._client, self._server = client, server
        self._unwrapper = None if datagrams else Unwrapper()
        self._ours, self._theirs = _beginning(client, server), _beginning(server, client)
        self._amid = False  # a frame has begun to come

    def connect(self) -> bytes:
        """Nothing: the TCP connection is the link."""
        return b""

    def wrap(self, payload: bytes) -> bytes:
        """One frame."""
        octets = len(payload)
        if self._ours and 0 < octets <= MAX_PAYLOAD:
            return self._ours + octets.to_bytes(2, "big") + payload
        return Frame(self._client, self._server, payload).to_bytes()  # raises: what is wrong with it

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads of frames from our meter to us; any other address raises `RemoteError`."""
        octets = len(chunk) - 8
        if octets > 0 and chunk[6] << 8 | chunk[7] == octets and not self._amid and chunk[:6] == self._theirs:
            return [bytes(chunk[8:])]  # an answer comes as a whole and alone, as a rule
        self._amid = self._unwrapper is not None
        payloads = []
        for frame in _frames(self._unwrapper, chunk):
            if (frame.source, frame.destination) != (self._server, self._client):
                raise RemoteError(
                    f"a frame from {frame.source} to {frame.destination} came where {self._server} "
                    f"to {self._client} was expected",
                    frame.payload,
                )
            payloads.append(frame.payload)
        self._amid = self._unwrapper is not None and self._unwrapper.pending > 0
        return payloads

    def replies(self, *, awaiting: bool = False) -> bytes:
        """Nothing: TCP acknowledges."""
        return b""

    def on_silence(self) -> bytes:
        """Given up at once: TCP has repeated what it could, and a late answer must meet no new question."""
        raise RemoteError("the meter did not answer in time")

    def disconnect(self) -> bytes:
        """Nothing: closing the TCP connection does it."""
        return b""


class WrapperServerFraming:
    """The meters' half over the wrapper: `server` is the wrapper port."""

    def __init__(self, *, datagrams: bool = False) -> None:
        self._unwrapper = None if datagrams else Unwrapper()

    def feed(self, chunk: bytes) -> list[Arrival]:
        """The frames, whatever their ports."""
        return [
            Heard(frame.source, frame.destination, frame.payload) for frame in _frames(self._unwrapper, chunk)
        ]

    def wrap(self, client: int, server: int, payload: bytes) -> bytes:
        """One frame."""
        return Frame(server, client, payload).to_bytes()

    def notify(self, client: int, server: int, payload: bytes) -> bytes:
        """One frame: over TCP and UDP a meter may speak when it likes."""
        return self.wrap(client, server, payload)

    def replies(self) -> bytes:
        """Nothing: TCP acknowledges."""
        return b""

    def on_silence(self) -> list[Arrival]:
        """Nothing: an association lives as long as its connection."""
        return []


def _frames(unwrapper: Unwrapper | None, chunk: bytes) -> list[Frame]:
    return [Frame.from_datagram(chunk)] if unwrapper is None else unwrapper.feed(chunk)
