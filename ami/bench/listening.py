"""The measured side of `ami bench listen`: the head-end as `ami collect` runs it, while modems dial in.

A program of its own (`python -m ami.bench.listening`): a plan (JSON) in its first argument; JSON lines on
stdout: {"opened": PORT} once modems may call, then the figures. The installation is that of $AMI_HOME.
Without a plan it is an idle loop.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from ami import clocks, event_loop, home
from ami.bench.head_end import NEVER_S
from ami.collect import head_end_settings
from ami.settings import load
from collector import headend
from collector.watch.metrics import SESSION_COUNT
from model.clock import Clock
from storage.completeness import Completeness, total
from storage.pool import connect

LOOK_S: Final = 0.01  # the loop's lateness is looked at so often
IDLE_S: Final = 10.0
PATIENCE_S: Final = 1800.0
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def rss_bytes() -> int:
    """What this process holds in memory now."""
    with open("/proc/self/statm", encoding="ascii") as words:
        return int(words.read().split()[1]) * PAGE


@dataclass(slots=True)
class Lateness:
    """How late the event loop comes to what is due; a phase at a time."""

    seconds: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Until cancelled. A sleep that ends early, by a loop's coarser clock, is not late."""
        while True:
            due = time.perf_counter() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.seconds.append(max(0.0, time.perf_counter() - due))

    def taken(self) -> dict[str, float]:
        """Milliseconds: median, p99 and worst since this was last asked."""
        found, self.seconds = sorted(self.seconds), []
        at = {"p50": found[len(found) // 2], "p99": found[len(found) * 99 // 100], "worst": found[-1]}
        return {name: round(value * 1000, 2) for name, value in at.items()}


class Beside:
    """An idle loop in a process of its own, on the same core: what the machine alone does to a loop."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def taken(self) -> dict[str, float]:
        """Its lateness since this was last asked; asked for the first time, it begins."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ami.bench.listening",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        return dict(json.loads(await process.stdout.readline()))

    async def end(self) -> None:
        """Let it go."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()


async def idle() -> None:
    """What `Beside` runs: a line on stdin is answered by the lateness since the one before."""
    late, lines = Lateness(), asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    watching = asyncio.create_task(late.watch())
    while await lines.readline():
        await asyncio.sleep(2 * LOOK_S)
        print(json.dumps(late.taken()), flush=True)
    watching.cancel()


def stored(dsn: str, first: datetime, now: datetime) -> Completeness:
    """Half-hours of the period that are due, and those that are in the database."""
    with connect(dsn) as conn:
        return total(conn, first.date(), first.date(), now=now)


def connected() -> int:
    """Modems that are connected now."""
    return int(SESSION_COUNT.labels("dialled_in")._value.get())


async def settled(dsn: str, modems: int, first: datetime, clock: Clock) -> tuple[float, float]:
    """Seconds until all modems were connected, and until all that is due was in the database."""
    begun = time.monotonic()
    all_here = 0.0
    while time.monotonic() - begun < PATIENCE_S:
        await asyncio.sleep(0.5 if not all_here else 3.0)
        if not all_here and connected() >= modems:
            all_here = time.monotonic() - begun
        if all_here:
            found = await asyncio.to_thread(stored, dsn, first, clock())
            if found.came >= found.due:
                return all_here, time.monotonic() - begun
    raise SystemExit(
        f"{connected()} of {modems} modems are connected, and not all was read in {PATIENCE_S} s"
    )


async def measure(plan: dict[str, Any], dsn: str) -> dict[str, Any]:
    """See the module."""
    clock = clocks.clock(datetime.fromisoformat(plan["at"]))
    first, modems = datetime.fromisoformat(plan["first"]), int(plan["modems"])
    settings = replace(
        head_end_settings(load(), dsn, listen_port=plan["port"]),
        live_every_s=NEVER_S,
        reload_every_s=NEVER_S,
        dial_in_wait_s=PATIENCE_S,  # who has not come yet is on his way
        registered_per_address=modems * 2,
    )
    late, beside = Lateness(), Beside()
    watching = asyncio.create_task(late.watch())
    await beside.taken()
    await asyncio.sleep(min(IDLE_S, plan["seconds"]))
    lag = {"idle": late.taken()}
    empty = rss_bytes()
    opened = asyncio.get_running_loop().create_future()
    run = asyncio.create_task(
        headend.run(settings, clock=clock, once=False, opened=lambda port: opened.set_result(port))
    )
    await asyncio.wait([run, opened], return_when=asyncio.FIRST_COMPLETED)
    if run.done():
        run.result()
    await asyncio.sleep(1.0)
    known = rss_bytes()
    late.taken()
    await beside.taken()
    print(json.dumps({"opened": opened.result()}), flush=True)
    here_s, read_s = await settled(dsn, modems, first, clock)
    lag |= {"arriving and read": late.taken(), "idle beside that": await beside.taken()}
    cpu, begun = time.process_time(), time.monotonic()
    held = []
    fewest = modems
    while time.monotonic() - begun < plan["seconds"]:
        held.append(rss_bytes())
        fewest = min(fewest, connected())
        await asyncio.sleep(1.0)
    lag |= {"heartbeats": late.taken(), "idle beside them": await beside.taken()}
    await beside.end()
    share = (time.process_time() - cpu) / (time.monotonic() - begun)
    found = await asyncio.to_thread(stored, dsn, first, clock())
    for task in (run, watching):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    tail = max(1, len(held) // 5)
    grown = sum(held[-tail:]) / tail - sum(held[:tail]) / tail
    return {
        "connected": modems, "fewest": fewest, "connected_s": round(here_s, 1), "read_s": round(read_s, 1),
        "intervals": {"due": found.due, "stored": found.came},
        "memory": {
            "empty_mb": round(empty / 2**20, 1), "known_mb": round(known / 2**20, 1),
            "connected_mb": round(held[-1] / 2**20, 1),
            "per_modem_kb": round((held[-1] - empty) / 1024 / modems, 1),
            "of_it_connection_kb": round((held[-1] - known) / 1024 / modems, 1),
            "grown_kb_per_modem": round(grown / 1024 / modems, 2),
        },
        "lag_ms": lag,
        "heartbeat_cpu_share": round(share, 3),
    }  # fmt: skip


def main(plan: dict[str, Any]) -> None:
    """Measure, and say what was found."""
    if plan["core"] is not None:
        os.sched_setaffinity(0, {plan["core"]})
    with home.database(load()) as dsn:
        print(json.dumps(event_loop.run(measure(plan, dsn))), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(json.loads(sys.argv[1]))
    else:
        event_loop.run(idle())
