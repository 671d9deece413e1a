"""`ami load`: what meters drew, alone and together."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import rich_click as click

from ami import clocks, home, load_ahead, load_savings, load_shapes
from ami.console import counted, emit, facts, table, when
from ami.instants import DAY, days_asked
from ami.load_document import document, highest, instant
from ami.options import DAYS, JSON
from ami.settings import load
from analytics.profiles.curve import INTERVALS, Interval
from model.period import Period, local_day
from model.series import Channel
from operations.customer_classes import CLASS_OF_PLAN
from operations.loads import Loads, Piece, Whose, limits, loads
from storage.pool import open_pool

LONGEST: Final = 1100  # days: three years
CHANNELS: Final = {"import": Channel.ACTIVE_IMPORT, "export": Channel.ACTIVE_EXPORT}
SHOWN: Final = 10


@click.command("load")
@click.argument("serials", nargs=-1)
@click.option("--station", default="", help="All customers below this station's code.")
@click.option("--feeder", default="", help="All customers at this feeder's code.")
@click.option("--book", default="", help="All customers of this reading book's code.")
@click.option(
    "--class",
    "customer_class",
    type=click.Choice([*dict.fromkeys(CLASS_OF_PLAN.values())]),
    help="All customers of this kind.",
)
@DAYS
@click.option(
    "--interval",
    type=click.Choice(INTERVALS),
    default="30",
    show_default=True,
    help="Of the profile, in minutes.",
)
@click.option("--ahead", is_flag=True, help="The load of a day to come, with limits.")
@click.option("--day", type=DAY, help="Which one; default: tomorrow.")
@click.option(
    "--temperature",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of time,celsius, past and to come.",
)
@click.option("--shapes", is_flag=True, help="Who uses power alike: meters by the shape of their day.")
@click.option(
    "--savings", is_flag=True, help="Of one meter: what moving its peak use to off-peak hours saves."
)
@click.option("--by", type=click.Choice(["month", "year"]), help="The same for each month or year, too.")
@click.option(
    "--channel",
    type=click.Choice(list(CHANNELS)),
    default="import",
    show_default=True,
    help="What was drawn, or what was fed back.",
)
@click.option(
    "--top",
    type=click.IntRange(0, 1_000_000),
    default=SHOWN,
    show_default=True,
    help="Meters with the highest Pmax.",
)
@JSON
def command(
    serials: tuple[str, ...],
    station: str,
    feeder: str,
    book: str,
    customer_class: str | None,
    month: Period | None,
    first: date | None,
    end: date | None,
    interval: Interval,
    shapes: bool,
    ahead: bool,
    day: date | None,
    temperature: Path | None,
    savings: bool,
    by: Piece | None,
    channel: str,
    top: int,
    as_json: bool,
) -> None:
    """Pmax and its instant, load factor, coincidence, typical days: of meters SERIALS, or of many together.

    A gap stays a gap: an interval that one meter in twenty is missing in is not told; a Pmax is measured,
    never estimated. Power is the mean over a half-hour, on the primary side. A meter whose own intervals are
    longer than what is asked for is left out, and named.

    \b
    ami load 20260001 --month 2026-10
    ami load --station T01 --from 2026-01-01 --by month --json
    ami load --class household --interval day
    ami load 20260001 --month 2026-10 --savings
    ami load --station T01 --shapes
    ami load --station T01 --ahead --temperature weather.csv
    """
    if sum(map(bool, (serials, station, feeder, book, customer_class))) != 1:
        raise click.UsageError("name meters, or one of --station, --feeder, --book and --class")
    if sum((shapes, savings, ahead)) > 1:
        raise click.UsageError("choose one of --shapes, --savings and --ahead")
    if ahead and (month or first or end):
        raise click.UsageError("--ahead goes by the days before --day: leave out --month, --from and --to")
    if (day or temperature) and not ahead:
        raise click.UsageError("--day and --temperature belong to --ahead: add it")
    now = clocks.wall()
    first, end = days_asked(month, first, end, now, LONGEST)
    whose = Whose(serials, station, feeder, book, customer_class or "")
    if ahead:
        with home.database(load()) as dsn, open_pool(dsn) as pool:
            tomorrow = local_day(now) + timedelta(1)
            load_ahead.answer(pool, whose, day or tomorrow, temperature, as_json=as_json)
        return
    if shapes:
        with home.database(load()) as dsn, open_pool(dsn) as pool:
            load_shapes.answer(pool, whose, first, end, top, as_json=as_json)
        return
    if savings:
        if len(serials) != 1 or Period.of_days(first, end) != Period.of_month(first.year, first.month):
            raise click.UsageError("--savings is of one meter and one --month: name them")
        with home.database(load()) as dsn, open_pool(dsn) as pool:
            load_savings.answer(pool, serials[0], Period.of_days(first, end), as_json=as_json)
        return
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = loads(conn, whose, first, end, interval=interval, by=by, channel=CHANNELS[channel], now=now)
    if as_json:
        emit(document(found, top))
    else:
        show(found, top)


def show(found: Loads, top: int) -> None:
    """The same for people."""
    one = found.load
    last = found.first + timedelta(found.days - 1)
    facts(
        [
            ("Load of", f"{found.whose}, {counted(len(found.serials), 'meter')}"),
            ("Days", f"{found.first:%d/%m/%Y} to {last:%d/%m/%Y}, {one.known:.1%} of the half-hours known"),
            ("Energy", _kilo(one.wh, "kWh") if one.known else "not known"),
            (
                "Pmax together",
                f"{_kilo(one.pmax_w, 'kW')}, {when(one.pmax_at)}" if one.pmax_at else "not known",
            ),
            (
                "Highest hour together",
                f"{_kilo(one.sliding_w, 'kW')}, {when(one.sliding_at)}" if one.sliding_at else "not known",
            ),
            ("Pmax each, added up", _kilo(one.sum_of_pmax_w if one.known else None, "kW")),
            ("Coincidence, diversity", f"{_plain(one.coincidence)}, {_plain(one.diversity)}"),
            ("Load factor", _plain(one.load_factor)),
            *(
                [("Utilisation", f"{found.utilisation:.3f} of {found.contract_kw} kW agreed on")]
                if found.utilisation is not None
                else []
            ),
            ("Hours at Pmax (Tmax)", _plain(one.use_hours, 0)),
        ]
    )
    rows = [
        (
            found.serials[m],
            _kilo(one.each.pmax_w[m], "kW"),
            when(instant(found, int(one.each.pmax_slot[m]))),
            _plain(one.each.load_factor[m]),
            _kilo(int(one.each.total_wh[m]), "kWh"),
        )
        for m in highest(found, top)
    ]
    if rows:
        right = ("Pmax", "Load factor", "Energy")
        table("Highest", ("Meter", "Pmax", "From", "Load factor", "Energy"), rows, right=right)
    if found.pieces:
        _show_pieces(found)
    for said in limits(found, "en"):
        click.echo(said)


def _show_pieces(found: Loads) -> None:
    rows = [
        (
            f"{first:%d/%m/%Y} – {end - timedelta(1):%d/%m/%Y}",
            _kilo(load.pmax_w, "kW"),
            when(load.pmax_at) if load.pmax_at else "–",
            _kilo(load.sliding_w, "kW"),
            when(load.sliding_at) if load.sliding_at else "–",
            _plain(load.load_factor),
            _kilo(load.wh, "kWh") if load.known else "not known",
            f"{load.known:.1%}",
        )
        for first, end, load in found.pieces
    ]
    heads = ("Days", "Pmax", "From", "Highest hour", "From", "Load factor", "Energy", "Known")
    table("Together", heads, rows, right=("Pmax", "Highest hour", "Load factor", "Energy", "Known"))


def _plain(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:,.{digits}f}"


def _kilo(value: float | None, unit: str) -> str:
    return "not known" if value is None or np.isnan(value) else f"{value / 1000:,.2f} {unit}"
