"""`ami bench collect`: what a whole session with a meter costs, beside two foreign clients."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import rich_click as click

from ami.bench.collect_fleet import AT, DAY, Fleet, fleet
from ami.bench.engine import PEERS_PYTHON, REPOSITORY
from ami.bench.verb import machine
from ami.console import Step, emit, progress, table
from ami.failure import Contradiction, Failure
from ami.options import JSON

OURS: Final = "dienke"
PEERS: Final = ("dlms-cosem", "gurux-dlms", "dlms-cosem as it comes")
"""The third one is the first one with the lines of log that it writes unless it is told not to."""
GROWTH: Final = (200, 2_000, 10_000)
WARM_UP: Final = 50
SESSION: Final = "connect, AARQ with a password, clock, register, 48 rows of a profile, release"
COMMON: Final = {
    "client": 17,
    "clock": [8, "0.0.1.0.0", 2],
    "register": [3, "1.0.1.8.0", 2],
    "profile": [7, "1.0.99.1.0", 2],
    "columns": [[8, "0.0.1.0.0", 2], [1, "0.0.96.10.1", 2], [3, "1.0.1.29.0", 2]],
    "first": (DAY + timedelta(minutes=30)).isoformat(),
    "last": (DAY + timedelta(days=1)).isoformat(),
}
"""What the peers are told of meter model dk-1p; the head-end has it from its register."""


@click.command("collect")
@click.option("--meters", type=click.IntRange(2), default=2_000, show_default=True, help="Simulated meters.")
@click.option(
    "--sessions", type=click.IntRange(1), default=200, show_default=True, help="Of each peer in a round."
)
@click.option("--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="Take medians of.")
@click.option(
    "--peers/--no-peers", default=True, help="Measure dlms-cosem and gurux-dlms in the same rounds."
)
@click.option("--growth/--no-growth", default=True, help="Measure at 200, 2,000 and 10,000 meters, too.")
@JSON
def command(meters: int, sessions: int, rounds: int, peers: bool, growth: bool, as_json: bool) -> None:
    """Measure whole sessions of one head-end process with simulated meters, CPU time above all.

    A session is: connect, AARQ with a password, clock, register, the 48 rows of a day, release. Ours is the
    head-end as `ami collect --once` runs it, which also asks for serial and scalers and ends with the readout
    on the disk, in the spool; the ingest into the database is held up meanwhile. The peers read the same
    meters one after the other over a blocking socket, keep nothing, and have to come to the same values;
    dlms-cosem once without its log, once as it comes. One core belongs to the program that is measured,
    another one to the meters.

    With --json: {"bench": "collect", "meters", "session", "machine", "results": [{"engine", "meters",
    "sessions", "cpu_us", "wall_us", "rounds"}], "ratios": {peer: CPU of the peer / ours}, "growth":
    {"cpu_us": {meters: CPU}, "share"}}.
    """
    document = measure(meters, sessions, rounds, PEERS if peers else (), GROWTH if growth else ())
    if as_json:
        emit(document)
    else:
        show(document)


def measure(
    meters: int, sessions: int, rounds: int, peers: Sequence[str], growth: Sequence[int]
) -> dict[str, Any]:
    """The document of `ami bench collect`. Raises `Contradiction` when a peer read something else."""
    sizes = sorted({meters, *growth})
    work = [*((OURS, size) for size in sizes), *((peer, meters) for peer in peers)]
    found: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    with _cores() as (ours, theirs), ExitStack() as stack, progress("Bench collect", "runs") as step:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-bench-")))
        os.sched_setaffinity(0, {theirs})
        fleets = _fleets(stack, folder, sizes, step, rounds * len(work))
        for turn in range(rounds):
            said: dict[str, Any] = {}
            for number, (engine, size) in enumerate(work):
                step(turn * len(work) + number, rounds * len(work), f"{engine}, {size:,} meters")
                told = _engine(engine, fleets[size], ours, sessions, folder / f"run-{number}-{turn}")
                if size == meters:
                    _agree(said, told.pop("said"), engine)
                told.pop("said", None)
                found[engine, size].append(told)
        step(rounds * len(work), rounds * len(work), "done")
    results = [_result(engine, size, runs) for (engine, size), runs in found.items()]
    cost = {(each["engine"], each["meters"]): each["cpu_us"] for each in results}
    return {
        "bench": "collect",
        "meters": meters,
        "session": SESSION,
        "machine": {**machine(), "measured_on": ours, "meters_on": theirs},
        "results": results,
        "ratios": {peer: round(cost[peer, meters] / cost[OURS, meters], 2) for peer in peers},
        "growth": {
            "cpu_us": {str(size): cost[OURS, size] for size in growth},
            "share": round(max(cost[OURS, size] for size in growth) / cost[OURS, min(growth)] - 1, 3)
            if growth else None,
        },
    }  # fmt: skip


@contextmanager
def _cores() -> Iterator[tuple[int, int]]:
    """A core for what is measured and one for the rest; on a machine of one core both are that."""
    allowed = sorted(os.sched_getaffinity(0))
    try:
        yield allowed[-1], allowed[0]
    finally:
        os.sched_setaffinity(0, allowed)


def _fleets(stack: ExitStack, folder: Path, sizes: Sequence[int], step: Step, runs: int) -> dict[int, Fleet]:
    fleets = {}
    for number, size in enumerate(sizes):
        step(0, runs, f"{size:,} meters are made and read for the first time")
        fleets[size] = stack.enter_context(fleet(folder / str(size), size, number))
    return fleets


def _engine(engine: str, meters: Fleet, core: int, sessions: int, folder: Path) -> dict[str, Any]:
    """One run of one engine, in a process of its own."""
    if engine == OURS:
        folder.mkdir()
        warm_up = [meter.serial for meter in meters.meters[:WARM_UP]]
        plan = {"core": core, "at": AT.isoformat(), "folder": str(folder), "warm_up": warm_up}
        return _told(engine, [sys.executable, "-m", "ami.bench.head_end"], plan, meters)
    if not PEERS_PYTHON.exists():
        raise Failure(f"Bench collect: {engine} is not installed: run `make peers` first.")
    read = [asdict(meter) for meter in meters.meters[:sessions]]
    peer, _, as_it_comes = engine.partition(" ")
    plan = {**COMMON, "core": core, "warm_up": min(WARM_UP, sessions) // 5, "meters": read}
    plan["quiet"] = not as_it_comes
    program = [str(PEERS_PYTHON), str(REPOSITORY / "tests/peers/collect_sessions.py"), peer]
    return _told(engine, program, plan, meters)


def _told(engine: str, program: list[str], plan: dict[str, Any], meters: Fleet) -> dict[str, Any]:
    done = subprocess.run(
        program,
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=False,
        env=meters.environment(),
        cwd=REPOSITORY,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"Bench collect, {engine}: {last}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _agree(said: dict[str, Any], told: dict[str, Any], engine: str) -> None:
    """Whoever reads a meter has to come to the same clock, register and rows."""
    for serial, values in told.items():
        if said.setdefault(serial, values) != values:
            raise Contradiction(
                f"Bench collect: {engine} read {values} of meter {serial}, not {said[serial]}."
            )


def _result(engine: str, size: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    cpu = [run["cpu_seconds"] / run["sessions"] * 1e6 for run in runs]
    wall = [run["seconds"] / run["sessions"] * 1e6 for run in runs]
    return {
        "engine": engine,
        "meters": size,
        "sessions": runs[0]["sessions"],
        "cpu_us": round(statistics.median(cpu), 1),
        "wall_us": round(statistics.median(wall), 1),
        "rounds": [round(each, 1) for each in cpu],
    }


def show(document: dict[str, Any]) -> None:
    """The document as a table."""
    numbers = ("Meters", "Sessions", "CPU µs", "Wall µs")
    rows = [
        (r["engine"], f"{r['meters']:,}", f"{r['sessions']:,}", f"{r['cpu_us']:,.0f}", f"{r['wall_us']:,.0f}")
        for r in document["results"]
    ]
    table("collect · a session", ("Engine", *numbers), rows, right=numbers)
    for peer, ratio in document["ratios"].items():
        click.echo(f"{peer} needs {ratio} times the CPU of ours.")
    growth = document["growth"]
    if growth["share"] is not None:
        click.echo(f"From the smallest fleet to the largest a session costs {growth['share']:+.1%} CPU.")
