"""The measured side of `ami bench collect`: the head-end as `ami collect` runs it, and what a session costs.

A program of its own (`python -m ami.bench.head_end`): a plan (JSON) on stdin, figures (JSON) on stdout. The
installation is that of $AMI_HOME. A session ends with the readout on the disk, in the spool; so that nothing
else is measured, the store is held by a lock meanwhile and the ingest stands before it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ami import clocks, event_loop, home
from ami.bench.memory import peak_rss_mb
from ami.collect import head_end_settings
from ami.settings import load
from collector import headend
from collector.polling.plan import CLOCK, REGISTERS
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool, Spooled
from model.clock import Clock
from model.readout import Readout
from storage.pool import connect

HOLD: Final = "LOCK TABLE poll IN EXCLUSIVE MODE"  # it can be read; whoever wants to write waits
NEVER_S: Final = 1e9
UNBOUNDED: Final = (
    1_000_000  # new connections a second: what a session costs is asked, not how many may begin
)


@dataclass(slots=True)
class Meter:
    """Time and CPU time (user and system, all threads) from when the first call goes out to the last byte on
    the disk."""

    began: tuple[float, float] = (0.0, 0.0)
    ended: tuple[float, float] = (0.0, 0.0)

    @property
    def seconds(self) -> float:
        return self.ended[0] - self.began[0]

    @property
    def cpu_seconds(self) -> float:
        return self.ended[1] - self.began[1]


def used() -> tuple[float, float]:
    """Wall and CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


async def sessions(settings: HeadEndSettings, clock: Clock) -> Meter:
    """Run the head-end until every question is answered and spooled."""
    meter, answered = Meter(), asyncio.Event()

    def progress(done: int, total: int, text: str) -> None:
        if done == total:
            meter.ended = used()
            answered.set()

    def opened(port: int | None) -> None:
        event_loop.settled()
        meter.began = used()

    run = asyncio.create_task(headend.run(settings, clock=clock, once=True, progress=progress, opened=opened))
    waiting = asyncio.create_task(answered.wait())
    await asyncio.wait([run, waiting], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.05)  # the last lines are hanging up
    run.cancel()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await run
    return meter


async def spooled(path: Path) -> list[Spooled]:
    """What lies in a spool."""
    spool = Spool(path)
    found: list[Spooled] = []
    try:
        while batch := await spool.oldest(after=found[-1].id if found else 0):
            found += batch
    finally:
        spool.close()
    return found


async def put(path: Path, record: Spooled) -> None:
    """One record into a new spool."""
    spool = Spool(path)
    try:
        await spool.append([record])
    finally:
        spool.close()


def said(readout: Readout) -> list[int]:
    """What a meter said, as the peers tell it: clock, register, rows, their stamps, their energies."""
    answers = {answer.item: answer for answer in readout.answers}
    assert CLOCK in answers
    now = readout.started + timedelta(seconds=readout.clock_offset_s or 0.0)
    (block,) = [block for answer in readout.answers for block in answer.blocks]
    ends = [int((stamp + block.interval).timestamp()) for stamp in block.stamps]
    (register,) = answers[REGISTERS].registers
    return [int(now.timestamp()), register.raw, len(ends), sum(ends), sum(block.raw)]


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Warm up with some meters, then read them all; see the module."""
    if plan["core"] is not None:
        os.sched_setaffinity(0, {plan["core"]})
    clock = clocks.clock(datetime.fromisoformat(plan["at"]).astimezone(UTC))  # as the real one has it
    folder = Path(plan["folder"])
    with home.database(load()) as dsn, connect(dsn) as holding:
        settings = replace(
            head_end_settings(load(), dsn), live_every_s=NEVER_S, calls_per_second=UNBOUNDED, listen_port=None
        )
        holding.execute(HOLD)
        warming = replace(settings, spool_path=folder / "warm", only=frozenset(plan["warm_up"]))
        event_loop.run(sessions(warming, clock))
        first, *_ = asyncio.run(spooled(folder / "warm"))
        measured = replace(settings, spool_path=folder / "measured")
        # One readout waits from the beginning: the ingest stands before the store before the first call.
        asyncio.run(put(measured.spool_path, first))
        meter = event_loop.run(sessions(measured, clock))
        found = asyncio.run(spooled(measured.spool_path))
        holding.rollback()
    bad = [record.readout for record in found if record.readout.outcome != "ok"]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(found)} sessions failed: {bad[0].outcome}: {bad[0].detail}")
    return {
        "sessions": len(found) - 1,
        "seconds": meter.seconds,
        "cpu_seconds": meter.cpu_seconds,
        "peak_rss_mb": peak_rss_mb(),
        "said": {record.readout.serial: said(record.readout) for record in found},
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
