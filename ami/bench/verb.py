"""The verb: rounds, medians, the document."""

from __future__ import annotations

import importlib
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click

from ami.bench.engine import Figures, Foreign, Prepare, measure, median
from ami.console import emit, progress, table
from ami.failure import Contradiction, Failure
from ami.options import JSON
from ami.verbs import Verbs

BENCHES = {
    "billing": "Bills of six tiers: compiled kernel, polars, duckdb, numpy, pandas, plain Python.",
    "profiles": "Pmax, load factor, typical days, coincident peak: compiled kernel, polars, duckdb, numpy.",
    "ingest": "What meters said into TimescaleDB, once and again: blocks, conversations, a row per interval.",
    "protocols": "A day of a load profile from the wire and back, a frame's check: foreign codecs.",
    "vee": "Months of half-hours checked and completed: compiled kernel, numpy, pandas.",
    "store": "Half-hours into TimescaleDB and back: day vectors, a row per interval.",
}


ALL = "all"
HELP = """Measure beside peers, in interleaved rounds, each run in a process of its own.

With --json a bench prints {"bench": NAME, "machine", "results": [...], "ratios"}, and "held" where a figure
is promised; `all` prints {"benches": [...]}, one such document for each but `collect`, which takes its time.
"""


def _bench(name: str, about: str) -> click.Command:
    """The command that runs one bench, or `all`."""

    @click.command(name, help=about)
    @click.option("--size", type=click.IntRange(1), help="How much work; each bench has its own unit.")
    @click.option(
        "--rounds",
        type=click.IntRange(1, 99),
        default=3,
        show_default=True,
        help="Rounds to take medians of.",
    )
    @click.option("--engine", hidden=True, help="Run this engine once and print its figures.")
    @JSON
    def measured(size: int | None, rounds: int, engine: str | None, as_json: bool) -> None:
        if engine is not None:
            bench = importlib.import_module(f"ami.bench.{name}")
            figures = measure(bench.ENGINES[engine], size or bench.SIZE)
            print(json.dumps([getattr(figures, field) for field in Figures.__slots__]))
            return
        documents = [run(each, size, rounds) for each in (BENCHES if name == ALL else [name])]
        for document in documents:
            if not as_json:
                show(document)
        if as_json:
            emit(documents[0] if name != ALL else {"benches": documents})

    return measured


billing, profiles, ingest, protocols, vee, store = (_bench(name, about) for name, about in BENCHES.items())
every = _bench(ALL, "Every one of them but `collect`.")
command = Verbs(
    name="bench",
    help=HELP,
    no_args_is_help=False,  # without a name it says in one sentence what is missing
    verbs={
        **{name: (f"bench.verb:{name}", about) for name, about in BENCHES.items()},
        ALL: ("bench.verb:every", "Every one of them but `collect`."),
        "collect": ("bench.collect:command", "Whole sessions with simulated meters: dlms-cosem, gurux-dlms."),
        "ondemand": ("bench.ondemand:command", "How long a reading takes while the whole fleet is busy."),
        "run": (
            "bench.run:command",
            "A month's bills for a million customers, beside a bare COPY of the same.",
        ),
        "detect": (
            "bench.detect:command",
            "Abnormal days of real households: the learned score, scikit-learn, a rule.",
        ),
        "estimate": (
            "bench.estimate:command",
            "Gaps hidden in real households: the estimate, a line, three like days.",
        ),
        "forecast": (
            "bench.forecast:command",
            "Months of real households foretold: beside the pace so far and the month before.",
        ),
        "grid": (
            "bench.grid:command",
            "A simulated grid with thieves and honest changes: cases within a budget, night by night.",
        ),
        "listen": ("bench.listen:command", "Modems that dial in and stay: memory, lag, half-hours read."),
    },
)


def run(name: str, size: int | None, rounds: int) -> dict[str, Any]:
    """Measure every engine of one bench; raises `Contradiction` when engines disagree about the result."""
    bench = importlib.import_module(f"ami.bench.{name}")
    size = size or bench.SIZE
    found: dict[str, list[Figures]] = {engine: [] for engine in bench.ENGINES}
    around = getattr(bench, "surroundings", nothing_around)
    with around() as environment, progress(f"Bench {name}", "runs") as step:
        for turn in range(rounds):
            for number, engine in enumerate(bench.ENGINES):
                step(turn * len(found) + number, rounds * len(found), engine)
                found[engine].append(apart(name, engine, bench.ENGINES[engine], size, environment))
        step(rounds * len(found), rounds * len(found), "done")
    medians = {engine: median(figures) for engine, figures in found.items()}
    _agree(name, medians)
    return {
        "bench": name,
        "size": size,
        "machine": machine(),
        "results": [
            {
                "name": _task(name, engine),
                "engine": engine.rpartition("/")[2],
                "seconds": round(figures.seconds, 6),
                "cpu_seconds": round(figures.cpu_seconds, 6),
                "rate": round(figures.count / figures.seconds, 1),
                "unit": bench.UNIT,
                "peak_rss_mb": round(figures.peak_rss_mb, 1),
                "taken_mb": None if math.isnan(figures.taken_mb) else round(figures.taken_mb, 1),
                "checksum": figures.checksum,
            }
            for engine, figures in medians.items()
        ],
        "ratios": {key: round(value, 2) for key, value in bench.ratios(medians).items()},
        **({"held": bench.held(medians)} if hasattr(bench, "held") else {}),
    }


@contextmanager
def nothing_around() -> Iterator[dict[str, str]]:
    """What a bench needs around it unless it says otherwise: nothing."""
    yield {}


def _task(name: str, engine: str) -> str:
    """What an engine works at: a bench of several tasks calls its engines `task/engine`."""
    return engine.rpartition("/")[0] or name


def _agree(name: str, medians: dict[str, Figures]) -> None:
    found: dict[str, set[str]] = {}
    for engine, figures in medians.items():
        found.setdefault(_task(name, engine), set()).add(figures.checksum)
    for task, checksums in found.items():
        if len(checksums) > 1:
            raise Contradiction(f"Bench {task}: the engines came to different results: {sorted(checksums)}.")


def apart(
    name: str, engine: str, prepare: Prepare | Foreign, size: int, environment: dict[str, str]
) -> Figures:
    """One measured run in a process of its own."""
    arguments: Sequence[str]
    arguments = [sys.executable, "-m", "ami.main", "bench", name, "--engine", engine, "--size", str(size)]
    given = ""
    if isinstance(prepare, Foreign):
        if not Path(prepare.program[0]).exists():
            raise Failure(f"Bench {name}: {engine} is not installed: run `{prepare.install}` first.")
        arguments, given = (*prepare.program, str(size)), prepare.stdin()
    done = subprocess.run(
        arguments,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"Bench {name}, engine {engine}: {last.removeprefix('ami: ')}")
    return Figures(*json.loads(done.stdout.splitlines()[-1]))


def machine() -> dict[str, Any]:
    """What was measured on."""
    return {"cores": os.cpu_count(), "cpu": cpu_name(), "python": platform.python_version()}


def cpu_name() -> str:
    """What this machine calls its processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(
                (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown"
            )
    except OSError:
        return platform.machine()


def show(document: dict[str, Any]) -> None:
    """The document as a table."""
    rows = [
        (
            r["name"],
            r["engine"],
            f"{r['seconds']:.3f}",
            f"{r['cpu_seconds']:.3f}",
            f"{r['rate']:,.0f}",
            f"{r['peak_rss_mb']:.0f}",
        )
        for r in document["results"]
    ]
    title = f"{document['bench']} · {document['size']:,} · {document['results'][0]['unit']}"
    numbers = ("Seconds", "CPU s", "Rate", "Peak MB")
    table(title, ("Task", "Engine", *numbers), rows, right=numbers)
    click.echo("Ratios: " + ", ".join(f"{key} {value}" for key, value in document["ratios"].items()))
    promises(document)


def promises(document: Mapping[str, Any]) -> None:
    """Below the table: who was left out, and what is promised and held."""
    for name, reason in document.get("left_out", {}).items():
        click.echo(f"Left out: {name}, {reason}")
    for what, holds in document.get("held", {}).items():
        click.echo(f"{'Held' if holds else 'NOT held'}: {what}")
