"""A relay between a client and a meter that keeps what the meter said, cut into its messages."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from protocols.dlms.hdlc.frame import Kind
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.wrapper import Unwrapper


@dataclass
class Overheard:
    """What came from the meter on each connection."""

    calls: list[bytearray] = field(default_factory=list)

    def messages(self, framing: str) -> list[bytes]:
        """The APDUs, as they were on the line (ciphered ones still are)."""
        return [message for call in self.calls for message in _messages(bytes(call), framing)]


def _messages(raw: bytes, framing: str) -> list[bytes]:
    if framing == "wrapper":
        return [frame.payload for frame in Unwrapper().feed(raw)]
    found, part = [], b""
    for frame in Deframer().feed(raw):
        if frame.kind is Kind.I:
            part += frame.info
            if not frame.segmented:
                found.append(part[3:])  # LLC: E6 E7 00
                part = b""
    return found


@contextlib.contextmanager
def overhearing(port: int, target: int) -> Iterator[Overheard]:
    """Pass calls to `port` on to `target` as long as the block lasts."""
    heard = Overheard()
    server = socket.create_server(("127.0.0.1", port))
    threads: list[threading.Thread] = []
    ends: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                if kept is not None:
                    kept += chunk
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", target))
                ends.extend((near, far))
                kept = bytearray()
                heard.calls.append(kept)
                for way in ((near, far, None), (far, near, kept)):
                    threads.append(threading.Thread(target=pump, args=way, daemon=True))
                    threads[-1].start()

    door = threading.Thread(target=accept, daemon=True)
    door.start()
    try:
        yield heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        door.join(5)
        for thread in threads:
            thread.join(5)
        for end in ends:
            end.close()
