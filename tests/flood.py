"""Attackers of the listener for modems, in a process of their own: `python -m tests.flood '{"port": …}'`.

Each address keeps so many connections open, of every kind in turn, and calls again when it is hung up on.
What happened is one JSON document at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from collections import Counter
from typing import Any

AGAIN_S = 0.25
OVERSIZED = b"\x00\x01\x00\x01\x00\x01\xff\xff"  # a wrapper frame that announces 65,535 bytes

KINDS = ("silent", "dribble", "oversized", "endless", "stranger", "nonsense", "twin", "twin_frame", "knock")


class Flood:
    """`twins` are names of good modems that attackers give as their own."""

    def __init__(self, port: int, addresses: int, each: int, seconds: float, twins: list[str]) -> None:
        self.port, self.addresses, self.each, self.seconds, self.twins = port, addresses, each, seconds, twins
        self.counts: Counter[str] = Counter()

    async def run(self) -> dict[str, int]:
        """Attack for so many seconds."""
        tasks = [
            asyncio.create_task(self.attack(f"127.0.0.{2 + address}", KINDS[number % len(KINDS)], number))
            for address in range(self.addresses)
            for number in range(self.each)
        ]
        await asyncio.sleep(self.seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return dict(self.counts)

    async def attack(self, address: str, kind: str, number: int) -> None:
        while True:
            self.counts["calls"] += 1
            self.counts[kind] += 1
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, local_addr=(address, 0)
                )
            except OSError:
                self.counts["reset at once"] += 1
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                await self.misbehave(kind, number, reader, writer)
            except OSError:
                self.counts["reset"] += 1
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            await asyncio.sleep(AGAIN_S)

    async def misbehave(
        self, kind: str, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        twin = self.twins[number % len(self.twins)].encode()
        match kind:
            case "dribble":
                for byte in b"IMEI:" + b"1" * 200:
                    writer.write(bytes((byte,)))
                    await writer.drain()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.3):
                            if not await reader.read(1):
                                return
            case "oversized":
                writer.write(OVERSIZED * 1000)
            case "endless":
                writer.write(b"IMEI:" + b"1" * 100_000)
            case "stranger":
                writer.write(b"IMEI:STRANGER%d\r\n" % number)
            case "nonsense":
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
            case "twin":
                writer.write(b"IMEI:" + twin + b"\r\n")
            case "twin_frame":
                writer.write(b"IMEI:" + twin + b"\r\n" + OVERSIZED + b"\0" * 30_000)
            case "knock":
                return
        await reader.read()


def main(words: dict[str, Any]) -> None:
    """Attack as told."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(asyncio.run(Flood(**words).run())))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
