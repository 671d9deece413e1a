"""A receiver of pushes on a real port, with a real spool, and simulated meters that push."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from collector.push.judge import Judge, Keys, NoKeys
from collector.push.receiver import PushReceiver
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool, Spooled
from model.clock import frozen
from model.period import LOCAL
from protocols import meter_models
from simulators.air import Air
from simulators.dlms_meter import DlmsMeter
from simulators.fleet import build
from simulators.options import District, Options
from simulators.service import Service
from storage.pushers import Pusher

NOW = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
MODEL = meter_models.load("dk-1p")
HOURLY, ALARM = MODEL.pushes.lists


def meters(count: int = 2) -> dict[str, DlmsMeter]:
    """Simulated meters of model dk-1p by serial."""
    options = Options(seed=3, epoch=NOW, as_of=NOW, district=District(count, count, 0.0))
    world = build(options)
    service = Service(world, options, frozen(NOW), Air(world.silent, frozen(NOW)))
    return {serial: DlmsMeter(each, lambda: None) for serial, each in service.instruments.items()}


@dataclass
class Receiving:
    """What the tests look at."""

    receiver: PushReceiver
    spool: Spool
    looked_up: list[list[str]]

    @property
    def at(self) -> tuple[str, int]:
        return "127.0.0.1", self.receiver.port

    async def kept(self, count: int) -> list[Spooled]:
        """The records in the spool, once there are so many."""
        async with asyncio.timeout(10):
            while self.spool.rows < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return await self.spool.oldest()

    async def judged(self, count: int) -> None:
        """Return once so many messages have been judged."""
        async with asyncio.timeout(10):
            while self.receiver.counts.total() < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def receiving(
    port: int, folder: Path, known: Collection[str], keys: Keys | None = None, limit: int = 1 << 20
) -> AsyncIterator[Receiving]:
    """Until the block ends; `known` serials are in the register, as meters of model dk-1p."""
    asked: list[list[str]] = []
    register = {
        serial: Pusher(number, serial, "dk-1p", "MD-1") for number, serial in enumerate(sorted(known), 1)
    }

    async def look_up(names: Collection[str]) -> dict[str, Pusher]:
        asked.append(sorted(names))
        return {name: register[name] for name in names if name in register}

    spool = Spool(folder / "spool.sqlite", limit)
    settings = HeadEndSettings("", folder, lambda raw: raw, push_port=port)
    receiver = PushReceiver(settings, Judge(look_up, keys or NoKeys()), spool, frozen(NOW))
    await receiver.open()
    serving = asyncio.create_task(receiver.serve())
    try:
        yield Receiving(receiver, spool, asked)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await receiver.close()
        spool.close()
