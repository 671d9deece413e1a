"""`ami bench listen`: modems that dial in and stay in one head-end process: memory, lag, what was read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import rich_click as click

from ami.bench.collect_fleet import AT, DAY, Fleet, hung_since, run_ami, words_of
from ami.bench.verb import machine
from ami.console import emit, progress, table
from ami.failure import Failure
from ami.options import JSON
from model.jsonform import to_json
from simulators.air import Air
from simulators.fleet import build
from simulators.options import District, Options
from simulators.service import Service

SEED: Final = 1
LIMIT_KB: Final = 60.0
GROWTH_KB: Final = 1.0


@click.command("listen")
@click.option(
    "--modems",
    type=click.IntRange(1, 100_000),
    default=10_000,
    show_default=True,
    help="So many dial in, and stay.",
)
@click.option("--meters", type=click.IntRange(1), help="Behind them; default: one behind each.")
@click.option(
    "--heartbeat", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds between two."
)
@click.option(
    "--seconds",
    type=click.IntRange(5),
    default=60,
    show_default=True,
    help="Of heartbeats alone, at the end.",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 32767),
    default=24_059,
    show_default=True,
    help="Where they dial in, on this machine.",
)
@JSON
def command(
    modems: int, meters: int | None, heartbeat: float, seconds: int, port: int, as_json: bool
) -> None:
    """Measure one head-end process into which simulated modems dial, and stay.

    The head-end is the one of `ami collect`, with database and spool, on one core; the modems are on another.
    Memory is what the process holds more than before it knew of any meter, for each modem: its connection,
    what is known of its meters, and whatever reading them left behind. The loop's lag is measured idle in the
    same process before, while all modems come and a day of half-hours is read of every meter, and while there
    is nothing but heartbeats; each time beside an idle loop in another process on the same core.

    With --json: {"bench": "listen", "modems", "meters", "heartbeat_s", "machine", "connected_s", "read_s",
    "intervals": {"due", "stored"}, "memory": {…, "per_modem_kb", "grown_kb_per_modem"}, "lag_ms": {phase:
    {"p50", "p99", "worst"}}, "heartbeat_cpu_share", "held"}.
    """
    document = measure(modems, meters or modems, heartbeat, seconds, port)
    if as_json:
        emit(document)
    else:
        show(document)


def measure(modems: int, meters: int, heartbeat: float, seconds: int, port: int) -> dict[str, Any]:
    """The document of `ami bench listen`."""
    allowed = sorted(os.sched_getaffinity(0))
    ours, theirs = allowed[-1], allowed[0]
    with ExitStack() as stack, progress("Bench listen", "steps") as step:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-bench-")))
        fleet = Fleet(folder / "home", ())
        home = fleet.environment()
        fleet.home.mkdir()
        step(0, 4, f"{meters:,} meters behind {modems:,} modems are registered")
        register = folder / "register.json"
        register.write_text(json.dumps(_register(modems, meters)), encoding="utf-8")
        run_ami("db", "start", home=home)
        stack.callback(run_ami, "db", "stop", "--mode", "immediate", home=home)
        run_ami("import", "register", str(register), home=home)
        step(1, 4, "the head-end starts")
        plan = {
            "core": ours, "at": AT.isoformat(), "first": DAY.isoformat(), "modems": modems, "port": port,
            "seconds": seconds,
        }  # fmt: skip
        head_end = stack.enter_context(
            _process([sys.executable, "-m", "ami.bench.listening", json.dumps(plan)], home)
        )
        _said(head_end)
        step(2, 4, "modems dial in and are read")
        os.sched_setaffinity(0, {theirs})
        stack.callback(os.sched_setaffinity, 0, set(allowed))
        simulated = stack.enter_context(
            _process(
                words_of(
                    "simulate", "fleet", "--seed", str(SEED),
                    "--meters", str(meters), "--modems", str(modems),
                    "--dial-in", "1", "--dial-in-to", f"127.0.0.1:{port}", "--heartbeat", str(heartbeat),
                    "--epoch", AT.isoformat(), "--as-of", AT.isoformat(), "--json",
                ),
                home,
            )
        )  # fmt: skip
        _said(simulated)
        found = _said(head_end)
        step(4, 4, "done")
    memory = found["memory"]
    whole = found["intervals"]["stored"] == found["intervals"]["due"] == meters * 48
    return {
        "bench": "listen", "modems": modems, "meters": meters, "heartbeat_s": heartbeat,
        "machine": {**machine(), "measured_on": ours, "modems_on": theirs},
        **found,
        "held": {
            "all_connected": found["fewest"] >= modems,
            "all_intervals": whole,
            "memory": memory["per_modem_kb"] <= LIMIT_KB,
            "flat": memory["grown_kb_per_modem"] <= GROWTH_KB,
        },
    }  # fmt: skip


def _register(modems: int, meters: int) -> dict[str, Any]:
    """What the simulated modems will be, hung at the beginning of the day that is read."""
    options = Options(
        seed=SEED, epoch=AT, as_of=AT, dial_in_to=("127.0.0.1", 1), district=District(meters, modems, 1.0)
    )
    world = build(options)
    service = Service(world, options, lambda: AT, Air(world.silent, lambda: AT))
    return hung_since(to_json(service.register()), DAY)


class _process:
    """A program with pipes, ended with the block."""

    def __init__(self, words: list[str], home: dict[str, str]) -> None:
        self._words, self._home = words, home

    def __enter__(self) -> subprocess.Popen[str]:
        self._child = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._home
        )
        return self._child

    def __exit__(self, *_: object) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._child.wait(60)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _said(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise Failure("Bench listen: a program ended early: see what it said above.")
    return dict(json.loads(line))


def show(document: dict[str, Any]) -> None:
    """The document as a table."""
    numbers = ("p50", "p99", "Worst")
    rows = [
        (phase, *(f"{lag[each]:.2f}" for each in ("p50", "p99", "worst")))
        for phase, lag in document["lag_ms"].items()
    ]
    table("listen · the loop comes late by ms", ("Phase", *numbers), rows, right=numbers)
    memory, intervals = document["memory"], document["intervals"]
    click.echo(
        f"{document['modems']:,} modems connected after {document['connected_s']:.0f} s, "
        f"{intervals['stored']:,} of {intervals['due']:,} half-hours stored "
        f"after {document['read_s']:.0f} s; "
        f"{memory['per_modem_kb']} kB for each modem, {memory['grown_kb_per_modem']} kB more in the end."
    )
