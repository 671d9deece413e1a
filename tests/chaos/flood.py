"""Fifty addresses that mean no good: silence, drips, noise, impossible lengths, names of others."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence

ADDRESSES = 50
EACH = 4  # connections that an address keeps up
PAUSE_S = 0.3


async def flood(
    ports: Sequence[int], names: Sequence[str], chance: random.Random, tally: Counter[str]
) -> None:
    """Until cancelled, from 127.2.0.1 to 127.2.0.50; `names` are those of modems that exist."""
    async with asyncio.TaskGroup() as group:
        for number in range(ADDRESSES * EACH):
            address = f"127.2.0.{number % ADDRESSES + 1}"
            group.create_task(_attack(address, ports, names, random.Random(chance.random()), tally))


async def _attack(
    address: str, ports: Sequence[int], names: Sequence[str], chance: random.Random, tally: Counter[str]
) -> None:
    while True:
        await asyncio.sleep(PAUSE_S * (0.5 + chance.random()))
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", chance.choice(ports), local_addr=(address, 0)
            )
            tally["connections"] += 1
            try:
                await _misbehave(reader, writer, names, chance)
            finally:
                writer.transport.abort()


async def _misbehave(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, names: Sequence[str], chance: random.Random
) -> None:
    match chance.randrange(5) if chance.random() < 0.95 else 5:
        case 0:  # says nothing
            await reader.read(1)
        case 1:  # a byte a second
            while not writer.is_closing():
                writer.write(b"I")
                await asyncio.sleep(1.0)
        case 2:  # noise without end
            for _ in range(50):
                if writer.is_closing():
                    break
                writer.write(chance.randbytes(4096))
                await writer.drain()
        case 3:  # a frame of 65,535 bytes announced
            writer.write(b"\x00\x01\x00\x01\x00\x10\xff\xff" + bytes(100))
            await reader.read(1)
        case 4:  # a stranger
            writer.write(f"IMEI:{chance.randrange(10**15):015d}\r\n".encode())
            await reader.read(1)
        case _:  # another's name
            writer.write(f"IMEI:{chance.choice(names)}\r\n".encode())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(8.0):
                    while await reader.read(4096):
                        writer.write(chance.randbytes(32))
