"""`ami demo`: the whole product on a small simulated cooperative, from an empty directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import emit, err, progress, say, table
from ami.demo_customer import ordinary_customer, own_limit
from ami.demo_world import SILENCE, World, lawful, open_world
from ami.failure import Contradiction
from ami.instants import INSTANT, last_full_month
from ami.settings import Settings, load
from ami.supervise import Child, Ports, family, watch
from analytics.tariffs import last_vat_day
from model.grid import Register
from model.jsonform import from_json
from model.period import LOCAL, local_day
from model.viewer import UserRole
from operations import accounts, demo_report, importing, jobs
from storage.pool import open_pool

# Simulated meters answer and call at once; those that do not need not be waited for as long as real ones.
HURRY = {"AMI_ANSWER_S": "2", "AMI_DIAL_IN_WAIT_S": "6"}
WAKES_AFTER_S = 180.0
SIGN_INS = (("kythuat", UserRole.ENGINEER), ("hoadon", UserRole.BILLING), ("khach", UserRole.CUSTOMER))
ROLE_WORDS = {
    UserRole.ENGINEER: "engineer",
    UserRole.BILLING: "billing office",
    UserRole.CUSTOMER: "customer",
}


def sign_in_lines(passwords: Mapping[str, str]) -> list[str]:
    """Who may sign in, with which password, as what."""
    return [f"{login:10} {passwords[login]:14} {ROLE_WORDS[role]}" for login, role in SIGN_INS]


@dataclass(slots=True)
class Timer:
    """Seconds each step took."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="Do everything once, then end; non-zero when a bill contradicts the meters."
)
@click.option("--json", "as_json", is_flag=True, help="With --once: one JSON document on stdout.")
@click.option("--as-of", type=INSTANT, help="The demo's now, like 2026-10-20T09:00+07:00; default: now.")
@click.option("--seed", type=int, help="Which cooperative; default: drawn on the first run and remembered.")
@click.option(
    "--customers", type=click.IntRange(20, 2000), help="How many customers; default: 60, and then remembered."
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV meter,timestamp,kwh (plain or .gz): the meters replay real consumption instead.",
)
def command(
    once: bool,
    as_json: bool,
    as_of: datetime | None,
    seed: int | None,
    customers: int | None,
    replay: Path | None,
) -> None:
    """A small cooperative, live: simulated meters speak real protocols to the head-end, and what they said is
    stored, validated, closed, billed and watched. Ctrl-C ends everything it started.
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once: without it the demo goes on until it is stopped")
    settings = load()
    wanted = as_of or clocks.wall()
    now = lawful(wanted, last_vat_day())
    if now != wanted:
        unknown = f"No VAT rate is known for {wanted.astimezone(LOCAL):%d/%m/%Y}"
        say(f"{unknown}: the demo stands at the last lawful day, {now:%d/%m/%Y}.")
        as_of = now
    with home.only_one(settings, "demo"):
        world = open_world(settings.home, seed=seed, customers=customers, now=now, replay=replay)
        run(settings, world, once=once, as_json=as_json, as_of=as_of)


def run(settings: Settings, world: World, *, once: bool, as_json: bool, as_of: datetime | None) -> None:
    """Bring the demo up; stay when `once` is false."""
    timer = Timer()
    # A run that ends by itself stands still in time: run twice, it says the same.
    as_of = (as_of or clocks.wall()) if once else as_of
    began = time.monotonic()
    with home.database(settings, make=True) as dsn, Ports() as ports, family(settings.home / "log") as start:
        timer.seconds["database"] = round(time.monotonic() - began, 2)
        demo = Demo(settings, dsn, world, start, ports, timer, as_of, once)
        demo.fill()
        if once:
            demo.report(as_json)
        else:
            demo.live()


@dataclass(slots=True)
class Demo:
    settings: Settings
    dsn: str
    world: World
    start: Callable[..., Child]
    ports: Ports
    timer: Timer
    as_of: datetime | None
    once: bool
    listen_port: int = 0
    simulator: Child | None = None
    replayed: dict[str, Any] | None = None

    def now(self) -> datetime:
        return clocks.clock(self.as_of)()

    def fill(self) -> None:
        """From meters to alerts, once."""
        with self.timer.step("simulators"):
            register = self.start_simulator()
        # Only now: a file that cannot be replayed must not be what this home shows.
        self.world.save(self.settings.home)
        with open_pool(self.dsn) as pool:
            key = home.key_file(self.settings, self.dsn)
            importing.import_register(pool, register, key.wrap)
        if self.world.filled and not self.once:
            self.sign_ins(register)
            self.ask_simulator(do="clock", at=None if self.as_of is None else self.as_of.isoformat())
            return  # the head-end and the workers see to what is missing
        with self.timer.step("collect"):
            self.collect()
        clock = clocks.clock(self.as_of)
        with self.timer.step("validate"), progress("Validating days", "meter-days") as step:
            jobs.run_now(self.dsn, "validate", clock=clock, progress=step)
        period = last_full_month(clock())
        say("Closing and billing the last full month, looking for what is abnormal …")
        with self.timer.step("close"):
            jobs.run_now(self.dsn, "close", clock=clock, period=period)
        with self.timer.step("bill"):
            jobs.run_now(self.dsn, "bill", clock=clock, period=period, invoice_date=local_day(clock()))
        with self.timer.step("watch"):
            jobs.run_now(self.dsn, "watch", clock=clock)
        with self.timer.step("inspect"):
            knob = self.settings.alerts_per_1000
            jobs.run_now(self.dsn, "inspect", clock=clock, per_1000=knob, anyway=True)
        self.sign_ins(register)
        with self.timer.step("warnings"):
            jobs.run_now(self.dsn, "warnings", clock=clock)

    def start_simulator(self) -> Register:
        self.listen_port = self.ports.take(self.settings.listen_host, self.settings.listen_port)
        arguments = [
            "simulate", "fleet", "--json",
            "--seed", str(self.world.seed),
            "--epoch", self.world.epoch.isoformat(),
            "--customers", str(self.world.customers),
            "--dial-in-to", f"127.0.0.1:{self.listen_port}",
        ]  # fmt: skip
        if self.as_of is not None:
            arguments += ["--as-of", self.as_of.isoformat()]
            if not self.once:
                arguments.append("--ticking")
        if self.world.replay:
            arguments += ["--replay", self.world.replay]
        say("Starting the simulated meters …")
        self.simulator = self.start("simulator", *arguments)
        ready = self.simulator.line()
        self.replayed = ready.get("replay")
        for remark in (self.replayed or {}).get("remarks", []):
            say(remark)
        return from_json(Register, ready["register"])

    def sign_ins(self, register: Register) -> None:
        """Make the sign-ins the demo prints; passwords are drawn once a home."""
        world = self.world
        with open_pool(self.dsn) as pool:
            with pool.connection() as conn:
                customer = ordinary_customer(conn, register, last_full_month(self.now()))
                own_limit(conn, customer, self.now())
            for login, role in SIGN_INS:
                world = world.with_password(login)
                accounts.ensure_user(
                    pool, login, role, world.passwords[login],
                    customer=customer if role is UserRole.CUSTOMER else "", now=self.now(),
                )  # fmt: skip
        self.world = world.save(self.settings.home)

    def collect(self) -> None:
        """Read the past from the meters' own buffers; first as things stood before one modem fell silent."""
        if not self.world.filled and not self.world.replay:
            before = self.world.epoch - SILENCE
            self.ask_simulator(do="clock", at=before.isoformat())
            self.collect_once(before, "Reading the meters' past")
        if self.as_of is None:
            self.ask_simulator(do="clock", at=None)
        else:
            self.ask_simulator(do="clock", at=self.as_of.isoformat())
        self.collect_once(
            self.as_of, "Reading the last days" if not self.world.replay else "Reading the meters' past"
        )
        self.world = replace(self.world, filled=True).save(self.settings.home)

    def ask_simulator(self, **question: Any) -> dict[str, Any]:
        if self.simulator is None:
            raise RuntimeError("the simulator is asked before it was started")
        return self.simulator.ask(**question)

    def collect_once(self, at: datetime | None, title: str) -> None:
        arguments = ["collect", "--once", "--progress-lines", "--listen-port", str(self.listen_port)]
        if at is not None:
            arguments += ["--as-of", at.isoformat()]
        child = self.start("head-end", *arguments, **HURRY)
        with progress(title, "questions") as step:
            for line in child.lines():
                step(line["done"], line["total"], line["text"])
        child.running().wait()

    def report(self, as_json: bool) -> None:
        period = last_full_month(self.now())
        truth = self.ask_simulator(
            do="truth", **{"from": period.start.isoformat(), "to": period.end.isoformat()}
        )["truth"]
        with open_pool(self.dsn) as pool:
            found = demo_report.make(pool, period, truth, self.now())
        document = {**found.document, "seconds": self.timer.seconds}
        if self.replayed is not None:
            document["replay"] = self.replayed
        if as_json:
            emit(document)
        else:
            rows = [(key, value) for key, value in document.items() if isinstance(value, int)]
            table("Demo", ("What", "How many"), [(k, f"{v:,}") for k, v in rows], right=("How many",))
            table("Held", ("Meter", "Reason"), [(h["meter"], h["reason"]) for h in document["held"]])
            table("Alerts", ("Meter", "Kind"), [(a["meter"], a["kind"]) for a in document["alerts"]])
            visits = [(one["meter"], one["since"]) for one in document["inspections"]]
            table("Inspections", ("Meter", "Since"), visits)
        if found.contradictions:
            raise Contradiction(found.contradictions[0])

    def live(self) -> None:
        port = self.ports.take(self.settings.web_host, self.settings.web_port)
        ticking = ["--as-of", self.as_of.isoformat(), "--ticking"] if self.as_of is not None else []
        with self.timer.step("pages"):
            collect = self.start(
                "head-end", "collect", "--listen-port", str(self.listen_port), *ticking, keep_alive=True
            )
            worker = self.start("worker", "worker", *ticking, keep_alive=True)
            web = self.start("web", "serve", "--port", str(port), "--ready-line", *ticking, keep_alive=True)
            address = web.line()["address"]
        err.print()
        say(f"  {address}")
        for line in sign_in_lines(self.world.passwords):
            say(f"    {line}")
        took = sum(self.timer.seconds.values())
        say(f"\nUp in {took:.0f} s. The meters keep running; Ctrl-C ends everything this started.")
        children = [child for child in (self.simulator, collect, worker, web) if child is not None]
        try:
            watch(children, later=None if self.world.replay else (WAKES_AFTER_S, self.wake))
        except KeyboardInterrupt:
            say("\nStopping …")

    def wake(self) -> None:
        """The silent modem answers again, and the head-end reads what it missed."""
        if "error" not in self.ask_simulator(do="silence", modems="planted", on=False):
            say("The modem that was silent is back: what its silence cost is being read from the meter.")
