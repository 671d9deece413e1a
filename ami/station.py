"""`ami station`: what stations carry and lose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, facts, say, table, when
from ami.instants import days_asked
from ami.options import DAYS, JSON
from ami.settings import load
from ami.station_document import document, rows
from analytics.losses import Balance
from analytics.profiles.rated import USUAL_COS_PHI, RatedLoad
from model.period import Period
from operations.station_sides import Source
from operations.stations import (
    FEWEST_DAYS,
    LONGEST,
    WORTH_PERCENT,
    SideBalance,
    StationLoad,
    StationRow,
    StationSheet,
    station,
    stations,
)
from storage.pool import open_pool

SUSPECTS: Final = 5
NO_KVA: Final = "not known: say it by `ami import stations`"
WHY_NONE: Final = {
    Source.NO_HEAD: "no head meter hangs there",
    Source.UNCLEAR_HEADS: "head meters hang there, but not one of all of it nor one of each feeder",
    Source.SILENT_HEAD: "the head meter gave nothing in these days",
}
NOBODY: Final = {
    "no_balance": "Nobody can be suspected: there is no balance.",
    "few_days": f"Nobody is suspected on fewer than {FEWEST_DAYS} days that are known.",
    "little_lost": f"Nobody is suspected: less than {WORTH_PERCENT:g} % is unexplained.",
}


@click.command("station")
@click.argument("code", required=False)
@DAYS
@click.option("--half-hours", is_flag=True, help="With --json: load and balance by half-hour, too.")
@click.option("--by-day", is_flag=True, help="The balance of every day, too; in JSON it always stands.")
@JSON
def command(
    code: str | None,
    month: Period | None,
    first: date | None,
    end: date | None,
    half_hours: bool,
    by_day: bool,
    as_json: bool,
) -> None:
    """Load of stations against their transformers' kVA, and what they lose: of all, the hottest first, or of
    CODE with its balance, feeders, suspects and largest customers.

    A balance goes by half-hours in which head meter and all customers are known. Without a head meter the
    load is the customers' sum and technical loss. Suspects are whose use the unexplained loss follows: a
    reason to look, no proof.

    \b
    ami station --month 2026-10
    ami station T01 --from 2026-10-01 --to 2026-11-01 --json
    """
    if half_hours and not (code and as_json):
        raise click.UsageError("--half-hours goes with a station's code and --json")
    if by_day and not code:
        raise click.UsageError("--by-day goes with a station's code")
    first, end = days_asked(month, first, end, clocks.wall(), LONGEST)
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if code is None:
            found = stations(conn, first, end)
            if as_json:
                emit({"from": first, "to": end, "stations": rows(found)})
            else:
                show_all(found)
            return
        sheet = station(conn, code, first, end)
    if as_json:
        emit(document(sheet, intervals=half_hours))
    else:
        show(sheet, by_day=by_day)


def show_all(found: list[StationRow]) -> None:
    """A line a station."""
    if not found:
        say("No station is registered: `ami import stations` brings them in.")
        return
    lines = []
    for row in found:
        one, side = row.load, row.balance
        rated = one.rated
        hot = f"{rated.above[1].hours:,.1f} h" if rated.above else "–"
        lost = side.total.loss_percent if side.total else None
        unexplained = side.unexplained_percent
        lines.append(
            (
                one.station.code, one.station.name,
                "–" if one.transformer is None else f"{one.transformer.kva:,f}",
                kilo(rated.pmax_w, "kW"), when(rated.pmax_at) if rated.pmax_at else "–",
                percent(rated.smax_share), hot, _plain_percent(lost), _plain_percent(unexplained),
                "–" if side.total is None else f"{side.total.covered:.1%}",
                "head" if one.source in (Source.HEAD, Source.FEEDERS) else "customers' sum",
            )
        )  # fmt: skip
    columns = ("Station", "Name", "kVA", "Pmax", "From", "Of kVA", "Above 100 %", "Loss", "Unexplained",
               "Covered", "Told by")  # fmt: skip
    table("", columns, lines, right=(*columns[2:4], *columns[5:10]))


def show(found: StationSheet, *, by_day: bool = False) -> None:
    """One station's sheet."""
    one, side = found.load, found.balance
    rated, fed = one.rated, one.transformer
    last = one.first + timedelta(found.days - 1)
    facts(
        [
            ("Station", f"{one.station.code}, {one.station.name}"),
            ("Days", f"{one.first:%d/%m/%Y} to {last:%d/%m/%Y}"),
            ("Transformer", NO_KVA if fed is None else f"{fed.kva:,f} kVA since {fed.valid_from:%d/%m/%Y}"),
            ("Load", _source(one)),
            ("Pmax", f"{kilo(rated.pmax_w, 'kW')}, {when(rated.pmax_at)}" if rated.pmax_at else "not known"),
            ("Highest apparent power", _apparent(one)),
        ]
    )
    show_levels(rated)
    _show_balance(side)
    if by_day and side.by_day:
        columns = ("Day", "Delivered", "Sold", "Lost", "Covered")
        table("", columns, [(f"{day:%d/%m/%Y}", *_short(one)) for day, one in side.by_day], right=columns[1:])
    _show_feeders(found.feeders)
    if any(one.stands_out for one in found.suspects):
        _show_suspects(found)
    elif found.suspects:
        say("Nobody stands out as the one whose use the loss follows.")
    elif side.total is not None:
        say(NOBODY[found.why_no_suspects])
    _show_largest(found)


def show_levels(rated: RatedLoad) -> None:
    """Hours above the levels, where there is a rated power."""
    if not rated.above:
        return
    columns = ("Above", "Hours", "Share", "Longest", "From")
    lines = [
        (
            f"{level.level:.0%}",
            f"{level.hours:,.1f}",
            f"{level.share:.2%}",
            f"{level.longest_hours:,.1f} h",
            when(level.since) if level.since else "–",
        )
        for level in rated.above
    ]
    table("Load against the transformer", columns, lines, right=columns[:4])


def _show_feeders(feeders: Sequence[SideBalance]) -> None:
    lines = [(f.feeder, f"{f.customers:,}", *_short(f.total)) for f in feeders if f.total is not None]
    if lines:
        columns = ("Feeder", "Customers", "Delivered", "Sold", "Lost", "Covered")
        table("Feeders (what their lines lose is a part of it)", columns, lines, right=columns[1:])


def _show_suspects(found: StationSheet) -> None:
    lines = [
        (
            one.serial,
            one.name or one.customer,
            f"{one.score:.1f}",
            kilo(one.loss_wh, "kWh"),
            "nights" if one.at_night else "use",
        )
        for one in found.suspects[:SUSPECTS]
        if one.stands_out
    ]
    columns = ("Meter", "Customer", "Score", "Loss in step", "Told by")
    table("Whose use the loss follows", columns, lines, right=("Score", "Loss in step"))


def _show_largest(found: StationSheet) -> None:
    lines = [
        (
            one.serial,
            one.name or one.customer,
            kilo(one.wh if one.known else None, "kWh"),
            percent(one.share if one.known else None),
            kilo(one.pmax_w, "kW"),
            f"{one.known:.1%}",
        )
        for one in found.largest
    ]
    if lines:
        columns = ("Meter", "Customer", "Energy", "Share", "Pmax", "Known")
        table("Largest customers", columns, lines, right=columns[2:])


def _show_balance(side: SideBalance) -> None:
    if side.total is None:
        say(f"No balance: {WHY_NONE.get(side.source, 'no customer hangs there')}.")
        return
    total = side.total
    if not total.intervals:
        say("No balance: there is no half-hour in which the head meter and all customers are known.")
    else:
        technical = (
            kilo(total.technical_wh, "kWh") if side.technical_days else "not known, a part of the next"
        )
        facts(
            [
                ("Delivered", kilo(total.delivered_wh, "kWh")),
                ("Sold", f"{kilo(total.sold_wh, 'kWh')}, {counted(side.customers, 'customer')}"),
                ("Technical loss", technical),
                (
                    "Unexplained",
                    f"{'at most ' * side.at_most}{kilo(total.unexplained_wh, 'kWh')}, "
                    f"{_plain_percent(side.unexplained_percent)}",
                ),
                ("Covered", f"{total.covered:.1%} of what the head is known to have delivered"),
            ]
        )
    if side.apart:
        unbilled = [serial for serial, wh in side.apart if wh is None]
        lost = f"; the use of {', '.join(unbilled)} is a part of what is unexplained" if unbilled else ""
        known = ", ".join(f"{serial} ({kilo(wh, 'kWh')})" for serial, wh in side.apart if wh is not None)
        billed = f" Billed and counted as sold: {known}." if known else ""
        say(f"No half-hours of {counted(len(side.apart), 'customer')} are known{lost}.{billed}")
    if side.lacking:
        worst = ", ".join(f"{serial} ({hours:,.1f} h)" for serial, hours in side.lacking[:3])
        say(f"Most is missing of {worst}.")
    if len(side.by_month) > 1:
        columns = ("Month", "Delivered", "Sold", "Lost", "Covered")
        table("", columns, [(f"{m:%m/%Y}", *_short(one)) for m, one in side.by_month], right=columns[1:])


def _short(one: Balance) -> tuple[str, str, str, str]:
    if not one.intervals:
        return "–", "–", "–", f"{0:.1%}"
    return (
        kilo(one.delivered_wh, "kWh"), kilo(one.sold_wh, "kWh"), _plain_percent(one.loss_percent),
        f"{one.covered:.1%}",
    )  # fmt: skip


def _source(one: StationLoad) -> str:
    if one.source in (Source.HEAD, Source.FEEDERS):
        noun = counted(len(one.heads), "head meter")
        return f"{noun} {', '.join(one.heads)}, {one.rated.known:.1%} known"
    silent = f", of {one.silent} of them nothing came" if one.silent else ""
    silent += " (the mean of the others stands for them)" if one.at_mean else ""
    return (
        f"{WHY_NONE[one.source]}: sum of {counted(one.customers, 'customer')}{silent}, with technical loss "
        f"where it is known; {one.rated.known:.1%} known"
    )


def _apparent(one: StationLoad) -> str:
    rated = one.rated
    if rated.smax_at is None:
        return "not known"
    how = (
        "reactive energy measured"
        if rated.reactive_known == 1
        else f"cos φ {USUAL_COS_PHI} where not measured"
    )
    share = f", {percent(rated.smax_share)} of the kVA" if rated.smax_share is not None else ""
    return f"{kilo(rated.smax_va, 'kVA')}, {when(rated.smax_at)}{share} ({how})"


def kilo(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value / 1000:,.1f} {unit}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _plain_percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"
