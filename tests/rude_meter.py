"""A meter on a real socket, in wrapper frames, whose every answer a test decides: the rude ones too."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable, Mapping

AARE = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000121d04000007")
RLRE = bytes.fromhex("6303800100")
EXCEPTION = bytes.fromhex("d80202")
UNDEFINED = b"\x01\x04"

Answer = bytes | None | str
"""After the invoke id of a get-response-normal; None: silence; "hang up"; "raw:HEX": this very message."""
Values = Mapping[tuple[int, str, int], Answer]


def u32(value: int) -> bytes:
    return b"\x00\x06" + struct.pack(">I", value)


def f32(value: float) -> bytes:
    return b"\x00\x17" + struct.pack(">f", value)


def scale(scaler: int, unit: int) -> bytes:
    return bytes((0, 2, 2, 15, scaler & 255, 22, unit))


class RudeMeter:
    """Answers by class, name and attribute; `farewell` to RLRQ. Counts its `calls`, knows their clients."""

    def __init__(self, values: Values, farewell: Answer = "raw:6303800100") -> None:
        self.values, self.farewell = values, farewell
        self.clients: list[int] = []
        self.lines: list[asyncio.Task[None]] = []
        self.asked: list[tuple[int, str, int]] = []
        self.admits: Callable[[int], bool] = lambda client: True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.lines.append(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                _, client, meter, length = struct.unpack(">HHHH", await reader.readexactly(8))
                answer = self._answer(client, await reader.readexactly(length))
                if answer == "hang up":
                    break
                if answer:
                    raw = bytes.fromhex(str(answer).removeprefix("raw:"))
                    writer.write(struct.pack(">HHHH", 1, meter, client, len(raw)) + raw)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def _answer(self, client: int, message: bytes) -> str | None:
        if message[0] == 0x60:
            self.clients.append(client)
            return f"raw:{AARE.hex()}" if self.admits(client) else "hang up"
        if message[0] == 0x62:
            return self.farewell if isinstance(self.farewell, str) else None
        class_id = int.from_bytes(message[3:5], "big")
        place = class_id, ".".join(map(str, message[5:10])), message[11]
        self.asked.append(place)
        value = self.values.get(place, UNDEFINED)
        if isinstance(value, bytes):
            return f"raw:{(bytes((0xC4, 1, message[2])) + value).hex()}"
        return value


@contextlib.asynccontextmanager
async def serving(meter: RudeMeter, port: int) -> AsyncIterator[str]:
    """The meter's URL while it listens."""
    server = await asyncio.start_server(meter.serve, "127.0.0.1", port)
    try:
        yield f"dlms+wrapper://127.0.0.1:{port}?client=16&timeout=2"
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*meter.lines)
