"""`ami outage`: when customers were without power, and how that is known."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table, when
from ami.instants import INSTANT
from ami.options import AS_OF, JSON
from ami.order_acting import acting, proved
from ami.settings import load
from operations import jobs
from operations import outages as rules
from storage import outages
from storage.outages import Outage
from storage.pool import open_pool


@click.group("outage")
def command() -> None:
    """The register of outages: told by meters, silent stations, and what staff enter.

    Meters tell when their power went and came back. A station is silent when nine of ten of its modems,
    three at least, fell silent within an hour while others were heard; that is no proof of an outage, and
    validation does not go by it.
    """


@command.command("list")
@click.option("--station", help="Only of this station and its meters.")
@click.option("--meter", "serial", help="Only of this meter and its station.")
@click.option("--open", "only_open", is_flag=True, help="Only those that last.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@JSON
def listed(station: str | None, serial: str | None, only_open: bool, limit: int, as_json: bool) -> None:
    """Outages, the latest first."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = outages.listed(conn, station=station, serial=serial, only_open=only_open, limit=limit)
    if as_json:
        emit({"outages": found})
        return
    if not found:
        say(_none(station, serial, only_open))
        return
    rows = [
        (
            one.id, one.station or one.serial, _side(one.began), _side(one.ended), one.source.value,
            one.told_by, _note(one),
        )
        for one in found
    ]  # fmt: skip
    table("", ("Outage", "Of", "Began", "Ended", "Source", "By", "Note"), rows)


def _none(station: str | None, serial: str | None, only_open: bool) -> str:
    """Which outages there are none of."""
    of = f" of station {station}" if station else ""
    of += f" of meter {serial} and its station" if serial else ""
    kind = "No outage that lasts" if only_open else "No outage"
    return (
        f"{kind}{of} is in the register: `ami outage find` looks for new ones, `ami outage add` enters one."
    )


def _note(one: Outage) -> str:
    if one.withdrawn_at is None:
        return one.note
    return f"taken back: {one.withdrawn_for}" if one.withdrawn_for else "taken back"


def _side(at: datetime | None) -> str:
    return "?" if at is None else when(at)


@command.command()
@AS_OF
@JSON
def find(as_of: datetime | None, as_json: bool) -> None:
    """Look at what meters told and at who fell silent; `ami worker` does the same by itself."""
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "outages", clock=clocks.clock(as_of))
    if as_json:
        emit(report)
        return
    say(
        f"Told by meters: {counted(report.told, 'new outage')}, {report.told_anew:,} with another end; "
        f"silent stations: {report.silent:,} new, {report.silences_ended:,} heard again."
    )


@command.command()
@click.option("--station", default="", help="Of this station.")
@click.option("--meter", "serial", default="", help="Of this meter alone.")
@click.option("--from", "began", type=INSTANT, required=True, help="When it began.")
@click.option("--to", "ended", type=INSTANT, help="When it ended; else it lasts.")
@click.option("--note", default="", help="What it was; it stays with the entry.")
@acting
@AS_OF
@JSON
def add(
    station: str,
    serial: str,
    began: datetime,
    ended: datetime | None,
    note: str,
    login: str,
    password_stdin: bool,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Enter an outage of a station or a meter.

    \b
    ami outage add --station T01 --from 2026-11-20T07:30 --to 2026-11-20T11:00 --note 'thay MBA' --as lan
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        now = clocks.clock(as_of)()
        found = rules.add(
            pool, viewer, station=station, serial=serial, began=began, ended=ended, note=note, now=now
        )
    _told(found, as_json)


@command.command()
@click.argument("number", type=int)
@click.option("--at", type=INSTANT, help="When it ended; default: now.")
@acting
@AS_OF
@JSON
def end(
    number: int, at: datetime | None, login: str, password_stdin: bool, as_of: datetime | None, as_json: bool
) -> None:
    """Outage NUMBER has ended."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        now = clocks.clock(as_of)()
        found = rules.end(pool, viewer, number, at or now, now)
    _told(found, as_json)


@command.command()
@click.argument("number", type=int)
@click.option("--note", required=True, help="Why it is none.")
@acting
@AS_OF
@JSON
def withdraw(
    number: int, note: str, login: str, password_stdin: bool, as_of: datetime | None, as_json: bool
) -> None:
    """Outage NUMBER was none; the entry stays, and no longer counts."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        found = rules.withdraw(pool, viewer, number, note, clocks.clock(as_of)())
    _told(found, as_json)


def _told(found: Outage, as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    of = f"station {found.station}" if found.station else f"meter {found.serial}"
    ended = f"until {when(found.ended)}" if found.ended else "and lasts"
    gone = ", taken back" if found.withdrawn_at else ""
    say(f"Outage {found.id} of {of}: since {_side(found.began)} {ended}{gone}.")
