"""A TCP proxy for what networks do: delays, slices, narrow lines, cuts, black holes and changed bytes.

Its troubles are drawn from a seed, for each connection and direction by themselves, and can be changed while
it runs: by whoever holds it, by a script, or by orders of one JSON document each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from simulators.chance import stream
from simulators.errors import ControlError, SimulatorError
from simulators.faulty_line import PLAIN, Cut, Direction, Tally, Trouble

_CHUNK: Final = 65536
_WAITING: Final = 64  # chunks under way in one direction before the sender is made to wait


@dataclass(slots=True, eq=False)
class _Connection:
    """Two sockets and what lies between them."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    up: Direction
    down: Direction

    def abort(self) -> None:
        """Both ends see a reset, as when a radio link is lost."""
        for writer in (self.near, self.far):
            sock = writer.get_extra_info("socket")
            if sock is not None and not writer.transport.is_closing():
                with contextlib.suppress(OSError):  # whoever was there has gone by himself
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()


@dataclass(slots=True)
class FaultProxy:
    """Between whoever connects to `port` and `target`; `up` is towards the target, `down` back from it."""

    target: tuple[str, int]
    seed: int = 0
    up: Trouble = PLAIN
    down: Trouble = PLAIN
    host: str = "127.0.0.1"
    port: int = 0
    on_cut: Callable[[], None] | None = None
    connections: int = 0
    refused: int = 0  # the target did not take the call
    tallies: dict[str, Tally] = field(default_factory=lambda: {"up": Tally(), "down": Tally()})
    _open: set[_Connection] = field(default_factory=set)
    _calls: set[asyncio.Task[Any]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @contextlib.asynccontextmanager
    async def serving(self, port: int | None = None) -> AsyncIterator[Self]:
        """Pass bytes until the block ends; `SimulatorError` when the port is not to be had."""
        if port is not None:
            self.port = port
        await self.mend()
        try:
            yield self
        finally:
            self.cut()
            for call in tuple(self._calls):
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def mend(self) -> None:
        """Take calls (again)."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.start_server(self._call, self.host, self.port, backlog=1024)
        except OSError as error:
            raise SimulatorError(
                f"port {self.port} of {self.host} is taken or not to be had: choose another"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Hang up on everybody and take no call until mended."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Reset every connection; new ones are taken."""
        for connection in tuple(self._open):
            connection.abort()

    def set(self, *, up: Trouble | None = None, down: Trouble | None = None) -> None:
        """Other troubles from now on, for connections that stand too; what is under way still comes."""
        self.up = self.up if up is None else up
        self.down = self.down if down is None else down
        for connection in self._open:
            connection.up.trouble, connection.down.trouble = self.up, self.down

    async def obey(self, order: Any) -> dict[str, Any]:
        """Do an order and say so; `ControlError` for what is none.

        {"do":"set","up":{…},"down":{…}} changes words of `Trouble`; "cut", "mend", "hang_up" and "state".
        """
        match order:
            case {"do": "set", **rest} if rest and set(rest) <= {"up", "down", "after_s"}:
                given = {way: rest[way] for way in ("up", "down") if way in rest}
                if not all(isinstance(words, Mapping) for words in given.values()):
                    raise ControlError('"up" and "down" are JSON objects, like {"delay_s": 0.3}')
                changed = {way: getattr(self, way).changed(words) for way, words in given.items()}
                self.set(**changed)
            case {"do": "cut"}:
                self.cut()
            case {"do": "mend"}:
                await self.mend()
            case {"do": "hang_up"}:
                self.hang_up()
            case {"do": "state"}:
                pass
            case _:
                raise ControlError(
                    f"{json.dumps(order)[:80]} is no order: the proxy knows set (up, down), cut, mend, "
                    "hang_up, state"
                )
        return self.state()

    async def follow(self, script: Sequence[Mapping[str, Any]]) -> None:
        """Do orders one after the other, each `after_s` seconds after the one before it."""
        for order in script:
            await asyncio.sleep(float(order.get("after_s", 0.0)))
            await self.obey(order)

    def state(self) -> dict[str, Any]:
        """What has passed, and what stands."""
        return {
            "listening": self._server is not None,
            "open": len(self._open),
            "connections": self.connections,
            "refused": self.refused,
            **{way: asdict(tally) for way, tally in self.tallies.items()},
        }

    async def _call(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """One connection, from one end to the other."""
        self.connections += 1
        number = self.connections
        task = asyncio.current_task()
        if task is not None:
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        try:
            back, far = await asyncio.open_connection(*self.target)
        except OSError:
            self.refused += 1
            near.transport.abort()
            return
        up = Direction(self.up, stream(self.seed, number, "up"), self.tallies["up"])
        down = Direction(self.down, stream(self.seed, number, "down"), self.tallies["down"])
        connection = _Connection(near, far, up, down)
        self._open.add(connection)
        if self._server is None:  # cut while the target was being called
            connection.abort()
        try:
            await asyncio.gather(
                self._pump(connection, reader, far, up, self.tallies["up"]),
                self._pump(connection, back, near, down, self.tallies["down"]),
            )
        finally:
            self._open.discard(connection)
            for writer in (near, far):
                writer.close()

    async def _pump(
        self,
        connection: _Connection,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        direction: Direction,
        tally: Tally,
    ) -> None:
        """Everything of one direction, until its end or a cut."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)
        sending = asyncio.create_task(self._send(connection, under_way, sink, direction, tally))
        loop = asyncio.get_running_loop()
        try:
            with self._breaking(connection, tally):
                while chunk := await source.read(_CHUNK):
                    due, out = direction.take(chunk, loop.time())
                    if out:
                        await under_way.put((due, out))
            await under_way.put((0.0, b""))
            await sending
        finally:
            sending.cancel()

    async def _send(
        self,
        connection: _Connection,
        under_way: asyncio.Queue[tuple[float, bytes]],
        sink: asyncio.StreamWriter,
        direction: Direction,
        tally: Tally,
    ) -> None:
        """What is under way, when it is due; after a cut it is only cleared away."""
        loop = asyncio.get_running_loop()
        while True:
            due, chunk = await under_way.get()
            if not chunk:
                break
            with self._breaking(connection, tally):
                if (pause := due - loop.time()) > 0 and not sink.transport.is_closing():
                    await asyncio.sleep(pause)
                await direction.send(chunk, sink)
        if sink.can_write_eof():
            sink.write_eof()

    @contextlib.contextmanager
    def _breaking(self, connection: _Connection, tally: Tally) -> Iterator[None]:
        """An end that is lost is lost for the other one too."""
        try:
            yield
        except Cut:
            tally.cut += 1
            connection.abort()
            if self.on_cut is not None:
                self.on_cut()
        except OSError:
            connection.abort()
