"""`ami bench forecast`: months of real households, foretold on four of their days; their sum, a day ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rich_click as click

from ami.bench.detect_files import half_hours
from ami.bench.forecast_day import day_ahead, grid_of, show_day_ahead
from ami.bench.verb import promises
from ami.console import emit, table
from ami.failure import InputFailure
from ami.options import JSON
from analytics.profiles.forecast import to_month_end
from model.period import add_months

ORIGINS: Final = (5, 10, 15, 20)  # days of the month that are over
JUDGED: Final = 10
WHOLE: Final = 0.95  # of a day's intervals; with less, the day is unknown
LEAST_WH: Final = 5000  # a month with less is no month of use: a miss has nothing to be a share of
MISSING_DAYS: Final = 1, 3  # at the most, of the month that is foretold and of the one before
INSIDE: Final = (0.7, 0.9)  # of the months between limits of four in five
OURS, PEERS = "forecast", ("pace so far", "same as last month")
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """A month of `wh`, foretold on day `origin`: by engine, and whether it lay between the limits."""

    origin: int
    wh: float
    by_engine: dict[str, float]
    inside: bool


@click.command("forecast")
@click.argument("files", nargs=-1, required=True, type=FILE)
@JSON
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Foretell every month of the households in CSV FILEs (meter,timestamp,kwh), plain or gzip.

    Each month is foretold from the days before, as on its fifth, tenth, fifteenth and twentieth day; peers
    are the pace so far and the month before. Nothing is learned from one household for another. All of them
    added up, Monday on Monday, are foretold a day ahead by half-hours, beside the day before and the same day
    of the week before.

    With --json: {"bench": "forecast", "households", "months", "mape": {day: …}, "baselines": {name: {day:
    …}}, "inside": {day: …}, "inside_pooled", "day_ahead": {"households", "days", "mape", "baselines",
    "inside", "held"}, "held", "left_out"}; `mape` is the mean miss as a share of the month, or of the
    half-hour a day ahead, `inside` the share of them between the limits of four in five.
    """
    found: list[Told] = []
    left_out: dict[str, str] = {}
    households = 0
    grids = []
    for file in files:
        for name, rows in half_hours(file).groupby("meter", sort=False):
            grids.append(grid_of(rows))
            first, days = daily(rows)
            told = list(months(first, days))
            if told:
                households, found = households + 1, found + told
            else:
                left_out[str(name)] = "no two months in a row are known"
    if not found:
        raise InputFailure(f"There is no month to foretell in {', '.join(map(str, files))}")
    document = figures(found) | {"households": households, "left_out": left_out}
    document["day_ahead"] = day_ahead([grid for grid in grids if grid is not None])
    if as_json:
        emit({"bench": "forecast", **document})
    else:
        show(document)


def daily(rows: Any) -> tuple[date, Float]:
    """The first day of a household's rows, and Wh by day from there, NaN where too much of it is missing."""
    by_day = rows.dropna(subset=["wh"]).groupby("day")["wh"].agg(["sum", "count"])
    usual = by_day["count"].mode().max()
    days = by_day["sum"].where(by_day["count"] >= WHOLE * usual).asfreq("D")
    return days.index[0].date(), days.to_numpy(np.float64)


def months(first: date, days: Float) -> Iterator[Told]:
    """Every whole month of Wh by day from `first` that the month before is known of, at each origin."""
    month = add_months(first, 1) if first.day == 1 else add_months(first, 2)
    while (end := add_months(month, 1)) <= first + timedelta(len(days)):
        begin, length = (month - first).days, (end - month).days
        true, before = (
            days[begin : begin + length],
            days[begin - (month - add_months(month, -1)).days : begin],
        )
        known = [
            int(np.isnan(part).sum()) <= most for part, most in zip((true, before), MISSING_DAYS, strict=True)
        ]
        month = end
        if not all(known) or np.nansum(true) < LEAST_WH:
            continue
        wh = float(np.nanmean(true)) * length
        for origin in ORIGINS:
            past, today = np.maximum(days[None, : begin + origin], 0.0), first + timedelta(begin + origin)
            found = to_month_end(past, today)
            told = (
                found.expected_wh[0],
                by_pace(past[0], first, first + timedelta(begin)),
                float(np.nanmean(before)) * length,
            )
            inside = bool(found.low_wh[0] <= wh <= found.high_wh[0])
            yield Told(origin, wh, dict(zip((OURS, *PEERS), map(float, told), strict=True)), inside)


def by_pace(days: Float, first: date, month: date) -> float:
    """The month at the mean of its known days, of Wh by day from `first`; NaN where none is known."""
    of_month = days[(month - first).days :]
    known = of_month[~np.isnan(of_month)]
    length = (add_months(month, 1) - month).days
    return float(known.sum() / len(known) * length) if len(known) else float("nan")


def figures(found: Sequence[Told]) -> dict[str, Any]:
    """Mean misses and shares inside by origin, and what is promised of them."""
    mape = {
        engine: {
            str(origin): round(float(np.mean(misses)), 4)
            for origin in ORIGINS
            if (
                misses := [
                    abs(one.by_engine[engine] - one.wh) / one.wh for one in found if one.origin == origin
                ]
            )
        }
        for engine in (OURS, *PEERS)
    }
    inside = {
        str(origin): round(float(np.mean([one.inside for one in found if one.origin == origin])), 3)
        for origin in ORIGINS
    }
    pooled = round(float(np.mean([one.inside for one in found])), 3)
    judged = str(JUDGED)
    return {
        "months": len(found) // len(ORIGINS),
        "mape": mape[OURS],
        "baselines": {engine: mape[engine] for engine in PEERS},
        "inside": inside,
        "inside_pooled": pooled,
        "held": {
            **{
                f"day {JUDGED}: better than {peer}": mape[OURS][judged] < mape[peer][judged] for peer in PEERS
            },
            f"{INSIDE[0]:.0%} to {INSIDE[1]:.0%} of the months inside": INSIDE[0] <= pooled <= INSIDE[1],
        },
    }


def show(document: dict[str, Any]) -> None:
    """The document as a table."""
    heads = tuple(f"Day {origin}" for origin in ORIGINS)
    rows = [
        (name, *(f"{each[str(origin)]:.1%}" for origin in ORIGINS))
        for name, each in {
            OURS: document["mape"],
            **document["baselines"],
            "inside": document["inside"],
        }.items()
    ]
    title = f"forecast · {document['households']} households, {document['months']} months"
    table(title, ("Engine", *heads), rows, right=heads)
    promises(document)
    if document["day_ahead"] is not None:
        show_day_ahead(document["day_ahead"])
