"""`ami status`: how the whole stands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import rich_click as click
from rich.console import RenderableType
from rich.live import Live

from ami import clocks, home
from ami.console import emit, facts, out, table, when
from ami.failure import NoLink
from ami.fleet import Lookout, Node, head_ends
from ami.fleet_view import span, troubles, view
from ami.office import OFFICE
from ami.options import AS_OF, JSON
from ami.settings import Settings, load
from model.period import LOCAL, local_day
from operations import wording
from operations.opening import unopened
from storage import bill_holds
from storage.errors import Unreachable
from storage.overview import overview
from storage.pool import open_pool
from storage.register import points_without_meter


@click.command("status")
@AS_OF
@click.option("--live", is_flag=True, help="The head-ends at work, again and again until Ctrl-C.")
@click.option(
    "--every", type=click.FloatRange(0.5, 60), default=2.0, show_default=True, help="With --live: seconds."
)
@JSON
def command(as_of: datetime | None, live: bool, every: float, as_json: bool) -> None:
    """What is read, what is silent, what is held, what is abnormal; changes nothing.

    With --live the fleet: head-ends and what they hold, reads a minute, what waits in their spools and in
    the queue, who is silent. Where nobody looks on (a pipe, --json) it is shown once. A private database
    that does not run is not started for --live: nothing is at work then (exit 4).

    \b
    ami status
    ami status --live
    ami status --live --json
    """
    settings = load()
    if live:
        _watch(settings, as_of, every, as_json)
        return
    now = clocks.clock(as_of)()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = overview(conn, OFFICE, now)
        held = bill_holds.holds(conn, OFFICE)
        bare = points_without_meter(conn, now)
        closed = unopened(conn)
        nodes = head_ends(conn)
    assert found is not None  # staff see the overview
    if as_json:
        emit(
            {
                "overview": found, "held": held, "points_without_meter": bare, "meters_unopened": closed,
                "nodes": nodes,
            }
        )  # fmt: skip
        return
    click.echo(f"As of {now.astimezone(LOCAL):%d/%m/%Y %H:%M}")
    rows = [
        ("Head-ends", _head_ends(nodes)),
        ("Meters", f"{found.meters:,}"),
        ("Read in the last 24 h", f"{found.meters_read_24h:,}"),
        ("Polls that succeeded (24 h)", _share(found.read_rate_24h)),
        ("Half-hours of yesterday validated", _share(found.complete_yesterday)),
        ("Silent modems", f"{len(found.silent_modems):,}"),
        ("Points without a meter", f"{len(bare):,}"),
        ("Meters without password or keys", f"{len(closed.password) + len(closed.keys):,}"),
        ("Bills held", f"{len(held):,}"),
        ("Open alerts", f"{sum(found.open_alerts.values()):,}"),
    ]
    facts(rows)
    for sentence in troubles(nodes):
        click.echo(f"{sentence}.")
    if found.silent_modems:
        silent = [(m.modem, when(m.last_contact), ", ".join(m.serials)) for m in found.silent_modems]
        table("Silent modems", ("Modem", "Last contact", "Meters"), silent)
    if bare:
        more = f" and {len(bare) - 10:,} more" if len(bare) > 10 else ""
        click.echo(f"No meter hangs at {', '.join(bare[:10])}{more}: `ami meter add` hangs one.")
    for sentence in closed.sentences():
        click.echo(sentence)
    if held:
        why = [
            (
                f"{local_day(h.hold.period.start):%m/%Y}",
                h.hold.named,
                wording.hold(h.hold.kind, h.hold.named, h.hold.reason, settings.language),
            )
            for h in held
        ]
        table("Held bills", ("Month", "Meter", "Why"), why)


def _watch(settings: Settings, as_of: datetime | None, every: float, as_json: bool) -> None:
    """The fleet as it stands; on a terminal until Ctrl-C."""
    home.require(settings)
    if home.at_rest(settings):
        raise NoLink(
            f"The database in {settings.home} does not run and no head-end is at work there: "
            "start them with `ami db start` and `ami collect`, or look at what is stored with `ami status`."
        )
    clock = clocks.clock(as_of, ticking=True)
    where = f"{settings.metrics_host}:{settings.metrics_port}" if settings.metrics_port else ""
    with _address(settings) as dsn:
        lookout = Lookout(dsn, clock, where)
        try:
            fleet = lookout.look()
            if as_json:
                emit(fleet)
            elif not out.is_terminal:
                out.print(view(fleet, out.width))
            else:
                _refresh(lookout, every)
        finally:
            lookout.close()


@contextmanager
def _address(settings: Settings) -> Iterator[str]:
    """The database's; one that is away just now is worth looking at too."""
    with ExitStack() as stack:
        try:
            dsn = stack.enter_context(home.database(settings))
        except Unreachable:
            if settings.database_url is None:
                raise
            dsn = settings.database_url
        yield dsn


def _refresh(lookout: Lookout, every: float) -> None:
    def frame() -> RenderableType:
        return view(lookout.look(), out.width, out.height)

    try:
        with Live(frame(), console=out, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(every)
                live.update(frame(), refresh=True)
    except KeyboardInterrupt:
        return


def _head_ends(nodes: tuple[Node, ...]) -> str:
    """Like `2 ready, 1 not ready`; those that have stopped are no news."""
    states = Counter(node.state for node in nodes if node.state != "stopped")
    said = ", ".join(f"{count} {state}" for state, count in states.items())
    silent = min((node.silent_s for node in nodes if node.state == "silent"), default=None)
    return (said or "none at work") + (f" (for {span(silent)})" if silent is not None else "")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
