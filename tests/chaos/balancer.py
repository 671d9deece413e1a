"""Before several head-ends, where modems have one address to call: each call goes to one that takes it.

Every call comes from an address of its own, as modems do; a proxy's one address would be one crowd to them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Sequence

_CHUNK = 65536


@contextlib.asynccontextmanager
async def balancing(port: int, targets: Sequence[int], chance: random.Random) -> AsyncIterator[None]:
    """Pass calls to `port` on to one of the ports, as long as the block lasts."""
    numbers = itertools.count()
    calls: set[asyncio.Task[None]] = set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # asyncio tells a cancelled handler's end aloud
                await pass_on(reader, writer)
        finally:
            calls.discard(task)
            writer.transport.abort()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await _reach(chance.sample(targets, len(targets)), next(numbers))
        if far is not None:
            await _between((reader, writer), far)

    server = await asyncio.start_server(call, "127.0.0.1", port, backlog=1024)
    try:
        yield
    finally:
        server.close()
        for task in tuple(calls):
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _reach(ports: Sequence[int], number: int) -> Ends | None:
    address = f"127.1.{number // 250 % 250}.{number % 250 + 1}"
    for port in ports:
        with contextlib.suppress(OSError):
            return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    return None


async def _between(near: Ends, far: Ends) -> None:
    """Bytes both ways; one end that is lost is lost for the other."""
    pumps = {
        asyncio.create_task(_pump(near[0], far[1])),
        asyncio.create_task(_pump(far[0], near[1])),
    }
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        far[1].transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
