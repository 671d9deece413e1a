"""Modbus RTU behind a transparent modem: the units of one RS-485 line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from protocols.modbus.server import RtuServer, Unit
from simulators.answering import Answerer

FRAME_GAP_S: Final = 0.05
"""A modem hands on in one piece what came in one: a pause as long as this lies between two frames."""


def rtu_line(units: Mapping[int, Unit]) -> Callable[[], Answerer]:
    """What `Answering` opens: each call is heard from the beginning of a frame, and again after a pause."""

    def open_call() -> Answerer:
        server, loop = RtuServer(units), asyncio.get_running_loop()
        heard_at = loop.time()

        def answer(chunk: bytes) -> bytes:
            nonlocal heard_at
            now = loop.time()
            if now - heard_at > FRAME_GAP_S:
                server.on_silence()
            heard_at = now
            return server.feed(chunk)

        return answer

    return open_call
