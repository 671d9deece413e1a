"""The fleet on a terminal: made for 80 columns and 24 lines, better with more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ami.console import counted
from ami.fleet import Fleet, Node
from ami.report import share
from model.period import LOCAL
from storage.completeness import Completeness
from storage.contact_reports import Silent

HEAD_LINES = 13  # what stands above and below the nodes
STATES = {"ready": "green", "not ready": "yellow", "silent": "red", "stopped": "dim"}
WORST = {"silent": 0, "not ready": 1, "ready": 2, "stopped": 3}


def view(fleet: Fleet, width: int = 80, height: int = 24) -> RenderableType:
    """The whole screen."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True, min_width=12)
    facts.add_column(overflow="ellipsis", no_wrap=True)
    for name, said in _facts(fleet, width - 16):
        facts.add_row(name, said)
    return Group(_title(fleet, width), facts, "", *_nodes(fleet.nodes, max(1, height - HEAD_LINES)))


def _title(fleet: Fleet, width: int) -> Text:
    left, right = "Điện kế", f"{fleet.at.astimezone(LOCAL):%d/%m/%Y %H:%M:%S}"
    return Text(f"{left}{right:>{max(len(right) + 1, width - len(left))}}", style="bold", no_wrap=True)


def _facts(fleet: Fleet, width: int) -> Iterable[tuple[str, RenderableType]]:
    yield "Database", _database(fleet)
    yield "Half-hours", _came(fleet)
    yield "Reads/minute", _reads(fleet)
    rows = [node.spool_rows for node in fleet.nodes if node.spool_rows is not None]
    yield "Spool", _spool(fleet.nodes) if rows else "–"
    jobs = max(fleet.jobs.items(), key=lambda job: job[1], default=None)
    oldest = "none waits" if jobs is None else f"{span(jobs[1])} ({escape(jobs[0])})"
    yield "Oldest job", _warn(oldest, jobs is not None and jobs[1] > 300)
    yield "Sessions", _counts(fleet.sessions or {}, zero=True) or "–"
    sent = "–" if fleet.rejected is None else _counts(fleet.rejected) or "none"
    yield "Sent away", sent + (f"; {fleet.fenced:,} readouts fenced" if fleet.fenced else "")
    yield "Silent", _warn(_silent(fleet.silent, width), bool(fleet.silent))


def _database(fleet: Fleet) -> RenderableType:
    if fleet.database_ms is None:
        return Text(f"AWAY: {fleet.away}", style="bold red")
    size = "" if fleet.database_bytes is None else f", {fleet.database_bytes / 2**20:,.0f} MiB"
    return f"answers in {fleet.database_ms:.0f} ms{size}"


def _reads(fleet: Fleet) -> str:
    """Of a minute that is over long since nothing is said but when that was."""
    if fleet.reads is None:
        since = fleet.heard_at
        return "–" if since is None else f"– (nobody tells since {since.astimezone(LOCAL):%d/%m %H:%M:%S})"
    return f"{sum(fleet.reads.values()):,}" + (f": {_counts(fleet.reads)}" if fleet.reads else "")


def _came(fleet: Fleet) -> RenderableType:
    if fleet.too_long:
        return "not counted: it takes too long (ami report completeness)"
    if fleet.today is None or fleet.yesterday is None or fleet.counted_at is None:
        return "–"
    days = f"today {_share(fleet.today)}, yesterday {_share(fleet.yesterday)}"
    missing = fleet.today.due - fleet.today.came
    return f"{days}; {missing:,} missing at {fleet.counted_at.astimezone(LOCAL):%H:%M}"


def _share(one: Completeness) -> str:
    return share(one.share)


def _spool(nodes: Iterable[Node]) -> RenderableType:
    told = [node for node in nodes if node.spool_rows is not None]
    rows = sum(node.spool_rows or 0 for node in told)
    full = max((node.spool_full or 0.0 for node in told), default=0.0)
    oldest = max((node.spool_oldest_s or 0.0 for node in told), default=0.0)
    aside = sum(node.spool_aside or 0 for node in told)
    said = f"{rows:,} readout{'s' * (rows != 1)} wait{'s' * (rows == 1)}" + (
        f", the oldest for {span(oldest)}" if rows else ""
    )
    said += f", {full * 100:.0f} % full" + (f", {aside:,} aside" if aside else "")
    return _warn(said, full >= 0.5 or oldest > 60 or aside > 0)


def _silent(silent: tuple[Silent, ...], width: int) -> str:
    if not silent:
        return "no modem for over 24 h"
    meters = sum(len(modem.serials) for modem in silent)
    said = f"{counted(len(silent), 'modem')}, {counted(meters, 'meter')}, over 24 h: "
    names = [f"{modem.modem} ({_since(modem.last_contact)})" for modem in silent[:5]]
    while len(names) > 1 and len(said) + len(", ".join(names)) + 2 > width:
        names.pop()
    return said + ", ".join(names) + (" …" if len(names) < len(silent) else "")


def _since(at: datetime | None) -> str:
    return "never heard" if at is None else f"{at.astimezone(LOCAL):%d/%m %H:%M}"


def _nodes(nodes: tuple[Node, ...], lines: int) -> Iterable[RenderableType]:
    if not nodes:
        yield "No head-end has worked here lately: `ami collect` starts one."
        return
    grid = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("Node", no_wrap=True, overflow="ellipsis", max_width=16)
    grid.add_column("State", no_wrap=True)
    for title in ("Shards", "Dials", "Dialled in", "Spool", "Oldest", "Reads/min", "Lag p99"):
        grid.add_column(title, justify="right", no_wrap=True)
    ordered = sorted(nodes, key=lambda node: (WORST[node.state], node.name))
    shown = ordered if len(ordered) <= lines else ordered[: lines - 1]
    for node in shown:
        state = f"silent {span(node.silent_s)}" if node.state == "silent" and node.silent_s else node.state
        grid.add_row(
            escape(node.name),
            Text(state, style=STATES[node.state]),
            f"{node.shards:,}",
            f"{node.calls:,}",
            f"{node.sessions:,}",
            _known(node.spool_rows, "{:,}"),
            span(node.spool_oldest_s) if node.spool_rows else "–",
            _known(node.reads, "{:,}"),
            _known(None if node.loop_lag_p99_s is None else node.loop_lag_p99_s * 1000, "{:.0f} ms"),
        )
    yield grid
    if len(shown) < len(ordered):
        yield f"and {len(ordered) - len(shown):,} more"
    for sentence in list(troubles(shown))[:2]:
        yield Text(sentence, style="yellow", no_wrap=True, overflow="ellipsis")


def troubles(nodes: Iterable[Node]) -> Iterable[str]:
    """What head-ends at work cannot do, and why; a sentence each."""
    for node in nodes:
        if node.why:
            yield f"{node.name} does not poll: {node.why}"
    for node in nodes:
        if node.broker_away:
            yield f"{node.name} hears no gateways: {node.broker_away}"


def _known(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _counts(counts: Mapping[str, int], *, zero: bool = False) -> str:
    named = (f"{count:,} {escape(name.replace('_', ' '))}" for name, count in counts.items() if count or zero)
    return ", ".join(named)


def _warn(said: RenderableType, is_bad: bool) -> RenderableType:
    return Text(str(said), style="yellow") if is_bad else said


def span(seconds: float | None) -> str:
    """A time as short as it can be told: 12 s, 4 min, 3 h, 2 days."""
    if seconds is None:
        return "–"
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
