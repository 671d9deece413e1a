"""A value that takes long to decode stops nobody else."""

from __future__ import annotations

import asyncio
import threading

import pytest

from collector.decoding import AT_ONCE, decoded
from protocols.dlms import axdr
from protocols.errors import DecodeError


async def test_a_long_value_is_decoded_beside_the_loop() -> None:
    places: list[str] = []

    def where(raw: bytes) -> int:
        places.append(threading.current_thread().name)
        return len(raw)

    assert await decoded(where, bytes(AT_ONCE)) == AT_ONCE
    assert await decoded(where, bytes(AT_ONCE + 1)) == AT_ONCE + 1
    assert places == ["MainThread", "decoding_0"]


async def test_the_loop_turns_while_a_megabyte_is_decoded() -> None:
    count = (1 << 20) // 4
    raw = b"\x01\x83" + count.to_bytes(3, "big") + b"\x02\x02\x00\x00" * count
    loop = asyncio.get_running_loop()
    turns, longest, before = 0, 0.0, loop.time()
    work = asyncio.create_task(decoded(axdr.decode, raw))
    while not work.done():
        await asyncio.sleep(0)
        now = loop.time()
        longest, before, turns = max(longest, now - before), now, turns + 1
    assert len((await work).value) == count
    assert turns > 3
    with pytest.raises(DecodeError):
        await decoded(axdr.decode, raw[:-1])
