"""Long values are decoded beside the event loop, one at a time: others are spoken to meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
AT_ONCE: Final = 1 << 16
"""Bytes up to which any value costs less than 50 ms; beyond, a meter may make us think for seconds."""
_BESIDE: Final = ThreadPoolExecutor(1, "decoding")


async def decoded(decode: Callable[[bytes], T], raw: bytes) -> T:
    """What `decode` makes of `raw`, or what it raises."""
    if len(raw) <= AT_ONCE:
        return decode(raw)
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, decode, raw)
