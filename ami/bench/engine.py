"""What an engine is, and how one run of it is measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ami.bench.memory import forget_peak, peak_rss_mb, rss_mb


@dataclass(frozen=True, slots=True)
class Outcome:
    """`count` units were worked off; `checksum` says that engines came to the same, or makes what says so
    once the time has been taken."""

    count: int
    checksum: str | Callable[[], str]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A peer under another licence: a program of its own, told the size, that prints `Figures` as JSON."""

    program: tuple[str, ...]
    stdin: Callable[[], str]
    install: str  # the command that makes what is missing


REPOSITORY: Final = Path(__file__).resolve().parents[2]
PEERS_PYTHON: Final = REPOSITORY / ".venv-peers" / "bin" / "python"
MAKE_PEERS: Final = "make peers"


def abroad(script: str, *arguments: str, given: Callable[[], str]) -> Foreign:
    """A script of tests/peers, run where foreign implementations are installed."""
    program = str(PEERS_PYTHON), str(REPOSITORY / "tests" / "peers" / script), *arguments
    return Foreign(program, given, MAKE_PEERS)


Run = Callable[[], Outcome]
Prepare = Callable[[int], Run]  # size → what is measured; preparing is not


@dataclass(frozen=True, slots=True)
class Figures:
    """One measured run. `taken_mb`: what it took at its most beyond what was held when it began, NaN where
    nobody looked."""

    seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    count: int
    checksum: str
    taken_mb: float = math.nan


def measure(prepare: Prepare, size: int) -> Figures:
    """Prepare, run once to warm up, and measure the second run."""
    run = prepare(size)
    run()
    held = rss_mb()
    forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = run()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    peak = peak_rss_mb()
    checksum = outcome.checksum if isinstance(outcome.checksum, str) else outcome.checksum()
    return Figures(seconds, cpu_seconds, peak, outcome.count, checksum, max(0.0, peak - held))


def median(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure over rounds of one engine."""
    return Figures(
        statistics.median(f.seconds for f in rounds),
        statistics.median(f.cpu_seconds for f in rounds),
        statistics.median(f.peak_rss_mb for f in rounds),
        rounds[0].count,
        rounds[0].checksum,
        statistics.median(f.taken_mb for f in rounds),
    )


def by_input(figures: Figures, unit_bytes: float) -> float:
    """Input and what the run took besides, by the input, of `unit_bytes` for each of the units."""
    input_mb = figures.count * unit_bytes / 2**20
    return (input_mb + figures.taken_mb) / input_mb
