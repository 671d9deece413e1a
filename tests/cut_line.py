"""A line to a database that is cut at a chosen moment: when a statement that holds certain words is sent."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

from psycopg.conninfo import conninfo_to_dict

from simulators.fault_proxy import FaultProxy
from simulators.faulty_line import Trouble


class CutLine:
    """The fault proxy in a thread. What holds `words` is not passed on, nor is anything after it."""

    def __init__(self, dsn: str, port: int, words: bytes) -> None:
        there = conninfo_to_dict(dsn)
        self.url = f"postgresql://{there['user']}:{there['password']}@127.0.0.1:{port}/{there['dbname']}"
        self.is_cut = threading.Event()
        self._proxy = FaultProxy(
            (str(there["host"]), int(str(there["port"]))),
            up=Trouble(cut_on=words),
            port=port,
            on_cut=self._cut,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._ready, self._over = threading.Event(), asyncio.Event()

    def __enter__(self) -> CutLine:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        async with self._proxy.serving():
            self._ready.set()
            await self._over.wait()

    def _cut(self) -> None:
        """Nobody is let through any more, and whoever was is hung up on."""
        self.is_cut.set()
        self._proxy.cut()
