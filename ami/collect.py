"""`ami collect`: the head-end."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

import rich_click as click

from ami import clocks, event_loop, home, logs
from ami.console import Step, counted, emit, progress, say, table
from ami.failure import Exit, InputFailure, end
from ami.options import AS_OF
from ami.settings import NODE_NAME, Settings, load, ports_differ
from collector import headend
from collector.keys.fleet_keys import OurSide
from collector.polling.clock_limits import ClockLimits
from collector.settings import CollectReport, HeadEndSettings, Progress, unseen
from model.clock import Clock
from storage import fleet
from storage.errors import Unreachable
from storage.pool import connect


@click.command("collect")
@click.option(
    "--once",
    is_flag=True,
    help="Read all that is missing, then end; exit 3 when a meter was not wholly read.",
)
@click.option("--meter", "meters", multiple=True, help="Only this serial; may be given again.")
@click.option(
    "--listen-port", type=click.IntRange(1, 65535), help="Where modems dial in; default: [collector]."
)
@click.option(
    "--node", metavar="NAME", help="This head-end's name among those at the database; default: host's."
)
@AS_OF
@click.option("--ticking", is_flag=True, help="Run on from --as-of.")
@click.option("--progress-lines", is_flag=True, hidden=True, help="Progress as JSON lines on stdout.")
@click.option("--json", "as_json", is_flag=True, help="With --once: one JSON document on stdout.")
def command(
    once: bool,
    meters: tuple[str, ...],
    listen_port: int | None,
    node: str | None,
    as_of: datetime | None,
    ticking: bool,
    progress_lines: bool,
    as_json: bool,
) -> None:
    """Ask every meter for what is missing and keep what it says; without --once, until Ctrl-C.

    What a meter said is on disk (the spool) before it is acknowledged, and leaves it once it is in the
    database. What a meter still has in its own buffers is read back as far as it hangs there.

    Several may work at one database, each under a name of its own: they share the modems among themselves,
    and what one that fails had is with the others within 20 seconds.

    \b
    ami collect --once
    ami collect --once --meter 20260001 --json
    ami collect
    ami collect --node north
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once: without it the head-end never ends")
    settings = load()
    if node is not None:
        if not NODE_NAME.fullmatch(node):
            raise click.BadParameter("up to 40 letters, digits, dots, - and _", param_hint="--node")
        settings = replace(settings, node=node)
    if listen_port is not None:
        settings = replace(settings, listen_port=listen_port)
        ports_differ(settings)
    logs.to_stderr(settings.log_format)
    clock = clocks.clock(as_of, ticking=ticking)
    home.require(settings)
    if not once:
        _wait_for_database(settings)
    another = "" if once else ", or give this one a name of its own (--node)"
    with (
        home.only_one(settings, "collect", f"collect-{settings.node_name}", another),
        home.database(settings) as dsn,
    ):
        _all_known(dsn, meters)
        head_end = head_end_settings(settings, dsn, meters=meters)
        if progress_lines:
            _finish(_run(head_end, clock, once, _line), once, as_json=False)
            return
        if once:
            with progress("Reading meters", "questions") as step:
                report = _run(head_end, clock, once, step)
        else:
            report = _run(head_end, clock, once, unseen, lambda port: _at_work(port, head_end))
    if report is not None:
        show(report, as_json)
        if not report.whole:
            end(Exit.PARTLY)


def _wait_for_database(settings: Settings) -> None:
    """A server of its own may start later than we do: it is waited for. Raises Unreachable after a while."""
    if settings.database_url is None:
        return
    deadline, said = time.monotonic() + settings.store_patience_s, False
    while True:
        try:
            connect(settings.database_url).close()
            return
        except Unreachable as away:
            if time.monotonic() > deadline:
                raise
            if not said:
                say(f"{away} It is waited for.")
            said = True
            time.sleep(1.0)


def _all_known(dsn: str, serials: tuple[str, ...]) -> None:
    if not serials:
        return
    with connect(dsn) as conn:
        known = fleet.meter_ids(conn, serials)
    for serial in serials:
        if serial not in known:
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")


def head_end_settings(
    settings: Settings, dsn: str, listen_port: int | None = None, meters: tuple[str, ...] = ()
) -> HeadEndSettings:
    """What the head-end of this installation is told. Raises WrappingKeyUnusable: it would read nothing."""
    key = home.key_file(settings, dsn)
    key.prove()
    settings.spool_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return HeadEndSettings(
        dsn=dsn,
        spool_path=settings.spool_path,
        unwrap=key.unwrap,
        wrap=key.wrap,
        prove=key.prove,
        ours=OurSide.of_home(settings.home / "fleet-keys"),
        node=settings.node_name,
        version=version("dienke"),
        listen_host=settings.listen_host,
        listen_port=listen_port or settings.listen_port,
        listen_tls_port=settings.listen_tls_port,
        listen_tls_certificate=settings.listen_tls_certificate,
        listen_tls_key=settings.listen_tls_key,
        heartbeat_s=settings.modem_heartbeat_s,
        unregistered_per_address=settings.unregistered_per_address,
        registered_per_address=settings.registered_per_address,
        connections_per_second_per_address=settings.connections_per_second_per_address,
        push_port=settings.push_port,
        concurrency=settings.concurrency,
        calls_per_second=settings.calls_per_second,
        cell_sessions=settings.cell_sessions,
        live_every_s=settings.live_every_s,
        read_every=timedelta(minutes=settings.read_every_min),
        answer_s=settings.answer_s,
        dial_in_wait_s=settings.dial_in_wait_s,
        spool_limit_bytes=settings.spool_mb * 2**20,
        store_patience_s=settings.store_patience_s,
        only=frozenset(meters) or None,
        clock_limits=ClockLimits(settings.clock_tolerance_s, settings.clock_limit_s),
        disconnections_per_hour=settings.disconnections_per_hour,
        broker=settings.broker,
        metrics_host=settings.metrics_host,
        metrics_port=settings.metrics_port or None,
    )


def _at_work(port: int | None, settings: HeadEndSettings) -> None:
    tls = "" if settings.listen_tls_port is None else f" (with TLS: {settings.listen_tls_port})"
    push = "" if settings.push_port is None else f", meters push to port {settings.push_port}"
    say(f"The head-end is at work; modems dial in to port {port}{tls}{push}. Ctrl-C ends it.")


def _run(
    settings: HeadEndSettings,
    clock: Clock,
    once: bool,
    step: Step | Progress,
    opened: Callable[[int | None], None] = lambda port: None,
) -> CollectReport | None:
    """Run until done (once) or until SIGINT/SIGTERM; None when it was ended by a signal."""

    def ready(port: int | None) -> None:
        event_loop.settled()
        opened(port)

    # What the queue meets when the database goes away, the node says itself, in a line.
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    async def until_stopped() -> CollectReport | None:
        work = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, work.cancel)  # type: ignore[union-attr]
        try:
            return await headend.run(settings, clock=clock, once=once, progress=step, opened=ready)
        except asyncio.CancelledError:
            return None

    return event_loop.run(until_stopped())


def _line(done: int, total: int, text: str) -> None:
    sys.stdout.write(json.dumps({"done": done, "total": total, "text": text}) + "\n")
    sys.stdout.flush()


def _finish(report: CollectReport | None, once: bool, *, as_json: bool) -> None:
    if once and report is not None:
        sys.stdout.write(json.dumps({"finished": True, "failed": len(report.failed)}) + "\n")
        sys.stdout.flush()


def show(report: CollectReport, as_json: bool) -> None:
    """What a run came to."""
    document: dict[str, Any] = {
        "meters": len(report.meters),
        "conversations": report.conversations,
        "answers": report.answers,
        "values": report.values,
        "rejected": report.rejected,
        "waiting": report.waiting,
        "set_aside": report.set_aside,
        "seconds": round(report.seconds, 2),
        "stopped": report.stopped,
        "failed": [
            {"meter": m.serial, "modem": m.modem, "outcome": m.outcome, "detail": m.detail}
            for m in report.failed
        ],
    }
    if report.set_aside:
        say(
            f"{counted(report.set_aside, 'readout')} refused by the database, kept in the spool (aside) "
            "with the reason: put right what it names."
        )
    if as_json:
        emit(document)
        return
    say(
        f"{counted(len(report.meters), 'meter')}, {counted(report.answers, 'answer')}, "
        f"{counted(report.values, 'profile value')}, "
        f"{report.rejected:,} rejected, in {report.seconds:.1f} s."
    )
    if report.stopped:
        say(f"Stopped early: {report.stopped}.")
    if report.failed:
        table("Not (wholly) read", ("Meter", "Modem", "Outcome", "Why"), [
            (m.serial, m.modem, m.outcome, m.detail) for m in report.failed
        ])  # fmt: skip
