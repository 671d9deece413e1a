"""`ami bench ondemand`: how long somebody waits for a reading while the whole fleet is being back-filled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import rich_click as click

from ami.bench.collect_fleet import hung_since, run_ami, words_of
from ami.bench.verb import machine
from ami.console import Step, emit, progress, table
from ami.failure import Failure
from ami.options import JSON
from ami.settings import load
from model.viewer import UserRole, Viewer
from operations import accounts, orders
from operations.orders import Rules
from simulators.fault_proxy import FaultProxy
from simulators.faulty_line import Trouble
from storage import back_fill
from storage import orders as stored
from storage.embedded import Embedded
from storage.orders import Order, OrderKind, OrderState
from storage.pool import Pool, open_pool

WHO: Final = Viewer("lan", UserRole.BILLING)
LOOK_S: Final = 0.02
PATIENCE_S: Final = 120.0
MARGIN_S: Final = 2.0


@click.command("ondemand")
@click.option("--meters", type=click.IntRange(1, 20_000), default=400, show_default=True, help="In all.")
@click.option("--modems", type=click.IntRange(1, 5_000), default=200, show_default=True, help="Half dial in.")
@click.option("--reads", type=click.IntRange(1), default=100, show_default=True, help="On demand, in all.")
@click.option("--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="People who ask.")
@click.option("--rtt", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Of the links, s.")
@click.option("--days", type=click.IntRange(2, 365), default=60, show_default=True, help="Of back-fill.")
@click.option(
    "--port", type=click.IntRange(1024, 32_766), default=24_159, show_default=True, help="To listen on."
)
@click.option("--database", hidden=True, help="A server to use in the place of a private one.")
@JSON
def command(
    meters: int,
    modems: int,
    reads: int,
    at_once: int,
    rtt: float,
    days: int,
    port: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Measure on-demand reads by a live head-end whose every modem is far away and busy.

    A whole fleet has `--days` days to be read back, through proxies that make every byte half a round trip
    late each way, when people begin to ask for readings of meters drawn at random: registers and present
    values. Measured is from the order to its answer in the database, by somebody who looks at it. The fleet
    must still be back-filled when the last one is answered.

    With --json: {"bench": "ondemand", "meters", "modems", "rtt_s", "machine", "reads": {"asked", "done"},
    "seconds": {link: {"p50", "p95", "worst"}}, "bound_s", "back_fill": {"half_hours_meanwhile", "left"},
    "held": {"p95", "all_read", "under_load"}}.
    """
    document = measure(meters, modems, reads, at_once, rtt, days, port, database)
    if as_json:
        emit(document)
    else:
        show(document)


def measure(
    meters: int, modems: int, reads: int, at_once: int, rtt: float, days: int, port: int, database: str | None
) -> dict[str, Any]:
    """The document of `ami bench ondemand`."""
    with ExitStack() as stack, progress("Bench ondemand", "reads") as step:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ami-bench-")))
        home = _home(folder / "home", database, port)
        far = stack.enter_context(_Far(rtt))
        calls_to = far.to(("127.0.0.1", port))
        step(0, reads, f"{meters:,} meters behind {modems:,} modems")
        register = stack.enter_context(_fleet(folder, home, meters, modems, calls_to))
        register = hung_since(register, datetime.now(UTC) - timedelta(days=days))
        for modem in register["modems"]:
            if modem["link"] == "dial_out":
                modem["port"] = far.to((modem["host"], modem["port"]))
        (folder / "register.json").write_text(json.dumps(register), encoding="utf-8")
        if database is None:
            run_ami("db", "start", home=home)
            stack.callback(run_ami, "db", "stop", "--mode", "immediate", home=home)
        run_ami("import", "register", str(folder / "register.json"), home=home)
        dsn = database or Embedded(load(home).home).dsn()
        pool = stack.enter_context(open_pool(dsn, at_once + 2))
        accounts.ensure_user(pool, WHO.login, WHO.role, secrets.token_urlsafe(12), now=datetime.now(UTC))
        stack.enter_context(_head_end(home, folder))
        links = {modem["code"]: modem["link"] for modem in register["modems"]}
        places = [(meter["serial"], links[meter["modem"]]) for meter in register["meters"]]
        _until(lambda: _held(pool) >= len(links) and _stored(pool) > 0, "the head-end holds all lines")
        before = _stored(pool)
        took = _ask(pool, dsn, places, reads, at_once, step, reads)
        after, due = _stored(pool), meters * days * 48
    return _document(took, meters, modems, rtt, before, after, due)


def _document(
    took: list[tuple[str, float, Order]],
    meters: int,
    modems: int,
    rtt: float,
    before: int,
    after: int,
    due: int,
) -> dict[str, Any]:
    kinds = sorted({link for link, _, _ in took})
    seconds = {kind: _quantiles([wait for link, wait, _ in took if link == kind]) for kind in kinds}
    seconds["all"] = _quantiles([wait for _, wait, _ in took])
    done = sum(order.state is OrderState.DONE for _, _, order in took)
    bound = 3 * rtt + MARGIN_S
    failed = sorted(
        {str(order.result.get("said")) for *_, order in took if order.state is not OrderState.DONE}
    )
    return {
        "bench": "ondemand", "meters": meters, "modems": modems, "rtt_s": rtt,
        "machine": machine(),
        "reads": {"asked": len(took), "done": done, "failed": failed[:5]},
        "seconds": seconds,
        "bound_s": bound,
        "back_fill": {"half_hours_meanwhile": after - before, "left": max(0, due - after)},
        "held": {
            "p95": seconds["all"]["p95"] < bound,
            "all_read": done == len(took),
            "under_load": before < after < due,
        },
    }  # fmt: skip


def _quantiles(waits: list[float]) -> dict[str, float]:
    ordered = sorted(waits)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": at(0.5), "p95": at(0.95), "worst": round(ordered[-1], 3)}


def _ask(
    pool: Pool, dsn: str, places: list[tuple[str, str]], reads: int, at_once: int, step: Step, total: int
) -> list[tuple[str, float, Order]]:
    """Link, seconds and how it ended of each reading."""
    chance = random.Random(7)
    rules = Rules(orders_a_minute=1_000_000)
    answered: list[tuple[str, float, Order]] = []

    def one(serial: str, link: str) -> None:
        began = time.monotonic()
        order = orders.place(pool, WHO, serial, OrderKind.READ, {}, now=datetime.now(UTC), rules=rules)
        orders.wake(pool, dsn, order)
        while order.state.open and time.monotonic() - began < PATIENCE_S:
            time.sleep(LOOK_S)
            with pool.connection() as conn:
                order = stored.find(conn, order.id)
        answered.append((link, time.monotonic() - began, order))
        step(len(answered), total, f"meter {serial}")

    with ThreadPoolExecutor(at_once) as people:
        for waiting in [people.submit(one, *chance.choice(places)) for _ in range(reads)]:
            waiting.result()
    return answered


def _held(pool: Pool) -> int:
    with pool.connection() as conn:
        return back_fill.lines_held(conn)


def _stored(pool: Pool) -> int:
    """Half-hours in the store: these meters have one channel."""
    with pool.connection() as conn:
        return back_fill.profile_values(conn)


def _until(holds: Any, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            raise Failure(f"Bench ondemand: {what} did not come true within {PATIENCE_S:g} s.")
        time.sleep(0.2)


def _home(folder: Path, database: str | None, port: int) -> dict[str, str]:
    folder.mkdir()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AMI_")}
    given = {"AMI_HOME": str(folder), "AMI_LISTEN_PORT": str(port), "AMI_METRICS_PORT": "0"}
    return ours | given | ({} if database is None else {"AMI_DATABASE_URL": database})


@contextmanager
def _fleet(
    folder: Path, home: dict[str, str], meters: int, modems: int, port: int
) -> Iterator[dict[str, Any]]:
    """Simulated meters in the present; half of their modems call `port`."""
    words = words_of(
        "simulate", "fleet", "--meters", str(meters), "--modems", str(modems), "--dial-in", "0.5",
        "--dial-in-to", f"127.0.0.1:{port}", "--json",
    )  # fmt: skip
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=home
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline() or "{}")
            if "register" not in ready:
                raise Failure("Bench ondemand: the simulated meters did not start: see what they said above.")
            yield ready["register"]
        finally:
            process.stdin.close()
            process.stdout.close()


@contextmanager
def _head_end(home: dict[str, str], folder: Path) -> Iterator[None]:
    with (
        (folder / "collect.log").open("w") as log,
        subprocess.Popen(words_of("collect", "--node", "bench"), env=home, stderr=log, stdout=log) as process,
    ):
        try:
            yield
        except Failure as failure:
            last = (folder / "collect.log").read_text(encoding="utf-8").strip().splitlines()[-3:]
            raise Failure(f"{failure} The head-end's last words: {' / '.join(last)}") from failure
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


class _Far:
    """Proxies that make everything late, in a thread of their own."""

    def __init__(self, rtt: float) -> None:
        self._trouble = Trouble(rtt / 2)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stack: list[Any] = []

    def __enter__(self) -> _Far:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for serving in reversed(self._stack):
            self._do(serving.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def to(self, target: tuple[str, int]) -> int:
        """A port through which `target` is far away."""
        proxy = FaultProxy(target, up=self._trouble, down=self._trouble)
        serving = proxy.serving()
        self._do(serving.__aenter__())
        self._stack.append(serving)
        return proxy.port

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def show(document: dict[str, Any]) -> None:
    """The document as a table."""
    numbers = ("p50", "p95", "Worst")
    rows = [
        (kind, *(f"{found[each]:.2f}" for each in ("p50", "p95", "worst")))
        for kind, found in document["seconds"].items()
    ]
    table(
        f"ondemand · seconds at a round trip of {document['rtt_s']:g} s",
        ("Link", *numbers),
        rows,
        right=numbers,
    )
    reads, back = document["reads"], document["back_fill"]
    click.echo(
        f"{reads['done']:,} of {reads['asked']:,} read; the bound is {document['bound_s']:g} s; meanwhile "
        f"{back['half_hours_meanwhile']:,} half-hours were read back, {back['left']:,} are left."
    )
