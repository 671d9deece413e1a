"""`ami report`: how well the head-end does, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

import rich_click as click
from psycopg import Connection
from psycopg.rows import TupleRow

from ami import clocks, home
from ami.console import counted, emit, say, table, when
from ami.instants import DAY, INSTANT
from ami.options import AS_OF, JSON
from ami.settings import load
from model.period import LOCAL, Period, local_day
from storage import completeness, contact_reports, lacking, node_reports
from storage.completeness import By, Completeness, Within
from storage.lacking import Lacking
from storage.pool import open_pool

LINES = 20
SPANS = 3  # of what a meter lacks so many are shown
METER = "meter"
MOMENT = timedelta(microseconds=1)
PATIENCE_S = 600.0  # a month of a large fleet is worth a wait
SINCE_DAY = click.option("--day", type=DAY, help="The last day it is about; default: today so far.")
DAYS = click.option("--days", type=click.IntRange(1, 400), help="So many days, up to that one.")
ALL = click.option("--all", "whole", is_flag=True, help=f"All of it, not the worst {LINES} alone.")


@click.group("report")
def command() -> None:
    """How complete reading is, who is silent, why reads fail, clocks, how long conversations take.

    \b
    ami report completeness
    ami report completeness --by station --day 2026-11-20
    ami report completeness --by meter --station T01 --days 7
    ami report failures --days 7
    """


@command.command("completeness")
@click.option(
    "--by",
    type=click.Choice([*(by.value for by in By), METER]),
    default="day",
    show_default=True,
    help="A row for each; meter: those that lack half-hours, and which ones, the worst first.",
)
@click.option("--station", help="Only meters below this station's code.")
@click.option("--book", help="Only meters of this reading book's code.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    help=f"With --by meter: at most so many; default: {LINES}, with --json all.",
)
@SINCE_DAY
@DAYS
@click.option(
    "--received-by", type=INSTANT, help="Only what had come by then counts: 2026-11-21T06:00+07:00."
)
@AS_OF
@JSON
def complete(
    by: str,
    station: str | None,
    book: str | None,
    limit: int | None,
    day: date | None,
    days: int | None,
    received_by: datetime | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Half-hours that came, of those that were due; a week of days, or one day by anything else.

    \b
    ami report completeness --by meter --limit 50
    ami report completeness --by meter --book S01 --day 2026-11-20 --json
    """
    if limit is not None and by != METER:
        raise click.UsageError("--limit goes with --by meter: of the others all rows are shown")
    now = clocks.clock(as_of)()
    last = day or local_day(now)
    first = last - timedelta(days=(days or (7 if by == "day" else 1)) - 1)
    within = Within(station, book)
    with _asking() as conn:
        whole = completeness.total(conn, first, last, now, received_by, within)
        if by == METER:
            most = limit if as_json else limit or LINES
            lacks, count = lacking.lacking(conn, first, last, now, received_by, within, most)
        else:
            found = completeness.completeness(conn, first, last, now, By(by), received_by, within)
    if by == METER and as_json:
        emit({
            "from": first, "to": last, "by": by, "received_by": received_by, "meters_lacking": count,
            "rows": [{**_fields(one), "missing": one.missing} for one in lacks], "total": _row(whole),
        })  # fmt: skip
    elif by == METER and whole.due:
        _show_lacking(lacks, count, whole)
    elif as_json:
        emit({
            "from": first, "to": last, "by": by, "received_by": received_by,
            "rows": [_row(one) for one in found], "total": _row(whole),
        })  # fmt: skip
    elif not whole.due:
        there = "there" if station or book else "anywhere"
        say(f"Nothing was due: no meter hung {there} in that time.")
    else:
        rows = [_cells(one, by_day=by == "day") for one in found]
        if len(found) > 1:
            rows.append(("all", *_cells(whole)[1:]))
        columns = ("Meters", "Due", "Came", "Missing", "Share", "Heard of")
        table("", (by.capitalize(), *columns), rows, right=columns)
        say("“Heard of” leaves out meters that gave nothing at all on their day.")


def _show_lacking(lacks: list[Lacking], count: int, whole: Completeness) -> None:
    if not lacks:
        say(f"No half-hour is missing: all {whole.due:,} of {counted(whole.meters, 'meter')} came.")
        return
    rows = [
        (one.serial, one.modem, one.station, one.book or "–", f"{one.missing:,}", share(one.came / one.due),
         _spans(one.periods) if one.came else "nothing came")
        for one in lacks
    ]  # fmt: skip
    right = ("Missing", "Share")
    table("", ("Meter", "Modem", "Station", "Book", *right, "Lacks"), rows, right=right)
    left = f" {count - len(lacks):,} more: --limit {count}, or --json." if count > len(lacks) else ""
    say(
        f"{whole.due - whole.came:,} of {whole.due:,} half-hours are missing, "
        f"of {counted(count, 'meter')} out of {whole.meters:,}.{left}"
    )


def _spans(periods: Sequence[Period]) -> str:
    """The longest of them (of equal ones the newest), as people write them."""
    longest = sorted(periods, key=lambda one: (one.duration, one.start), reverse=True)[:SPANS]
    more = f" and {len(periods) - SPANS} more" if len(periods) > SPANS else ""
    return ", ".join(map(_span, longest)) + more


def _span(period: Period) -> str:
    begin, end = period.start.astimezone(LOCAL), period.end.astimezone(LOCAL)
    if end - begin <= timedelta(days=1) and (end - timedelta(seconds=1)).date() == begin.date():
        return f"{begin:%d/%m %H:%M}–{'24:00' if end.date() != begin.date() else f'{end:%H:%M}'}"
    return f"{begin:%d/%m %H:%M}–{end:%d/%m %H:%M}"


def _fields(one: Lacking) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _row(one: Completeness) -> dict[str, Any]:
    return {
        "of": one.of,
        "meters": one.meters,
        "due": one.due,
        "came": one.came,
        "due_of_silent_meters": one.silent,
        "share": one.share,
        "share_heard": one.share_heard,
    }


def _cells(one: Completeness, *, by_day: bool = False) -> tuple[str, ...]:
    of = f"{date.fromisoformat(one.of):%d/%m/%Y}" if by_day else one.of or "–"
    counts = (one.meters, one.due, one.came, one.due - one.came)
    return (of, *(f"{count:,}" for count in counts), share(one.share), share(one.share_heard))


def share(value: float | None) -> str:
    """A share as people read it: what is not whole never looks whole."""
    if value is None:
        return "–"
    return "100 %" if value >= 1 else f"{int(value * 10000) / 100:.2f} %"


@command.command("silent")
@click.option("--hours", type=click.IntRange(1), default=24, show_default=True, help="Not heard of so long.")
@ALL
@AS_OF
@JSON
def silent(hours: int, whole: bool, as_of: datetime | None, as_json: bool) -> None:
    """Modems that were not heard of for a day, with what hangs behind them and how the last try ended."""
    now = clocks.clock(as_of)()
    with _asking() as conn:
        found = contact_reports.silent(conn, now, now - timedelta(hours=hours))
    if as_json:
        emit({"at": now, "hours": hours, "silent": found})
    elif not found:
        say(f"Every modem with meters was heard of within {counted(hours, 'hour')}.")
    else:
        rows = [
            (m.modem, when(m.last_contact), ", ".join(m.stations), f"{len(m.serials):,}", m.outcome or "–")
            for m in _worst(found, whole)
        ]
        meters = sum(len(modem.serials) for modem in found)
        table("", ("Modem", "Last contact", "Station", "Meters", "Last try"), rows, right=("Meters",))
        say(_left(found, rows, f"{counted(len(found), 'modem')} with {counted(meters, 'meter')} silent"))


@command.command("failures")
@SINCE_DAY
@DAYS
@ALL
@AS_OF
@JSON
def failures(day: date | None, days: int | None, whole: bool, as_of: datetime | None, as_json: bool) -> None:
    """How reads ended, why, and the meters that gave nothing at all."""
    now = clocks.clock(as_of)()
    with _asking() as conn:
        period = _period(now, day, days)
        ends = contact_reports.outcomes(conn, period)
        found = contact_reports.unread(conn, period, 100_000 if whole or as_json else 1000)
    if as_json:
        emit({"from": period.start, "to": period.end, "outcomes": ends, "unread": found})
        return
    if not ends:
        say("No meter was asked anything in that time.")
        return
    rows = [(e.outcome, f"{e.polls:,}", f"{e.meters:,}", f"{e.modems:,}", e.latest or "") for e in ends]
    table(
        "", ("Outcome", "Polls", "Meters", "Modems", "Said last"), rows, right=("Polls", "Meters", "Modems")
    )
    if found:
        bare = [
            (u.serial, u.modem, u.station, f"{u.tries:,}", u.outcome, when(u.last_ok))
            for u in _worst(found, whole)
        ]
        table("Gave nothing", ("Meter", "Modem", "Station", "Tries", "Outcome", "Last read"), bare,
              right=("Tries",))  # fmt: skip
        say(_left(found, bare, f"{counted(len(found), 'meter')} gave nothing"))


@command.command("drift")
@SINCE_DAY
@DAYS
@ALL
@AS_OF
@JSON
def drift(day: date | None, days: int | None, whole: bool, as_of: datetime | None, as_json: bool) -> None:
    """How far meters' clocks are from ours, the worst first."""
    now = clocks.clock(as_of)()
    with _asking() as conn:
        period = _period(now, day, days)
        found = contact_reports.drift(conn, period)
    limits = (5, 30, 60, 300, 1800)
    spread = {f"over_{limit}_s": sum(abs(one.offset_s) > limit for one in found) for limit in limits}
    if as_json:
        emit({"from": period.start, "to": period.end, "meters": len(found), **spread, "clocks": found})
    elif not found:
        say("No meter told its time in that time.")
    else:
        rows = [
            (d.serial, d.modem, d.station, f"{d.offset_s:+z,.0f} s", when(d.at)) for d in _worst(found, whole)
        ]
        table("", ("Meter", "Modem", "Station", "Its clock is", "Asked"), rows, right=("Its clock is",))
        far = ", ".join(f"{spread[f'over_{limit}_s']:,} by over {limit} s" for limit in limits)
        say(_left(found, rows, f"{counted(len(found), 'clock')}: {far}"))


@command.command("links")
@SINCE_DAY
@DAYS
@ALL
@AS_OF
@JSON
def links(day: date | None, days: int | None, whole: bool, as_of: datetime | None, as_json: bool) -> None:
    """How many polls behind each modem read something, and how long they took; the slowest first.

    Round trips are those of the head-ends at work now: how long a short question waits for its answer.
    """
    now = clocks.clock(as_of)()
    with _asking() as conn:
        period = _period(now, day, days)
        found = contact_reports.links(conn, period)
        trips = {
            node.name: node.report["round_trips"]
            for node in node_reports.nodes(conn)
            if node.alive and node.report.get("round_trips")
        }
    if as_json:
        emit({"from": period.start, "to": period.end, "modems": found, "round_trips": trips})
    elif not found:
        say("No modem was tried in that time.")
    else:
        rows = [
            (m.modem, m.link, when(m.last_contact), f"{m.polls:,}", share(m.polls_ok / m.polls),
             _seconds(m.median_s), _seconds(m.p95_s))
            for m in _worst(found, whole)
        ]  # fmt: skip
        right = ("Polls", "Read something", "Median", "95 %")
        table("", ("Modem", "Link", "Last contact", *right), rows, right=right)
        say(_left(found, rows, counted(len(found), "modem")))
        for name, trip in trips.items():
            slowest = ", ".join(f"{modem} {seconds:.2f} s" for modem, seconds in trip["slowest"][:3])
            say(
                f"Round trips now, node {name}: half of {counted(trip['modems'], 'modem')} answer within "
                f"{trip['median_s']:.2f} s, 95 % within {trip['p95_s']:.2f} s; slowest {slowest}."
            )


@contextmanager
def _asking() -> Iterator[Connection[TupleRow]]:
    settings = load()
    home.require(settings)
    with (
        home.database(settings) as dsn,
        open_pool(dsn, 1, statement_timeout_s=PATIENCE_S) as pool,
        pool.connection() as conn,
    ):
        yield conn


def _period(now: datetime, day: date | None, days: int | None) -> Period:
    """Whole days, the last of them no further than `now`, which is in it."""
    last = day or local_day(now)
    period = Period.of_days(last - timedelta(days=(days or 1) - 1), last + timedelta(days=1))
    return Period(period.start, min(period.end, now + MOMENT)) if period.start <= now else period


def _worst(found: list[Any], whole: bool) -> list[Any]:
    return found if whole else found[:LINES]


def _left(found: list[Any], shown: list[Any], said: str) -> str:
    left = len(found) - len(shown)
    return f"{said}." + (f" {left:,} more: --all lists them." if left else "")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
