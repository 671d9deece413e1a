"""What carries messages between a client and one meter over a stream of bytes."""

from typing import Protocol

from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import RemoteError


class Framing(Protocol):
    """What carries messages over a stream of bytes."""

    def wrap(self, payload: bytes) -> bytes:
        """The bytes to send for one message."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages completed by these bytes; raises `RemoteError`."""


class WrapperFraming:
    """Messages in wrapper frames between one client and one server port."""

    def __init__(self, client: int, server: int) -> None:
        self._client, self._server = client, server
        self._unwrapper = Unwrapper()

    def wrap(self, payload: bytes) -> bytes:
        """One frame."""
        return Frame(self._client, self._server, payload).to_bytes()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads of frames from our meter to us; any other address raises `RemoteError`."""
        payloads = []
        for frame in self._unwrapper.feed(chunk):
            if (frame.source, frame.destination) != (self._server, self._client):
                raise RemoteError(
                    f"a frame from {frame.source} to {frame.destination} came where {self._server} "
                    f"to {self._client} was expected",
                    frame.payload,
                )
            payloads.append(frame.payload)
        return payloads
