"""`ami load`: what meters drew, alone and together."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rich_click as click

from ami import clocks, home
from ami.console import emit, facts, table, when
from ami.instants import DAY, MONTH, last_full_month
from ami.options import JSON
from ami.settings import load
from analytics.profiles.group import BANDS, DURATION
from analytics.profiles.typical import Typical
from model.period import LOCAL, Period, local_day, midnight
from operations.customer_classes import CLASS_OF_PLAN
from operations.loads import Loads, Whose, loads
from storage.matrix import SLOTS
from storage.pool import open_pool

INTERVALS: Final = {"30": 1, "60": 2, "day": SLOTS}  # half-hours in one
LONGEST: Final = 366
SHOWN: Final = 10


@click.command("load")
@click.argument("serials", nargs=-1)
@click.option("--station", default="", help="All customers below this station's code.")
@click.option("--feeder", default="", help="All customers at this feeder's code.")
@click.option("--book", default="", help="All customers of this reading book's code.")
@click.option(
    "--class",
    "customer_class",
    default="",
    type=click.Choice(["", *dict.fromkeys(CLASS_OF_PLAN.values())]),
    help="All customers of this kind.",
)
@click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one.")
@click.option("--from", "first", type=DAY, help="First local day, instead of a month.")
@click.option("--to", "end", type=DAY, help="Local day to end before; default: today.")
@click.option(
    "--interval", type=click.Choice(list(INTERVALS)), default="30", show_default=True, help="Of the profile."
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
    customer_class: str,
    month: Period | None,
    first: date | None,
    end: date | None,
    interval: str,
    top: int,
    as_json: bool,
) -> None:
    """Pmax and its instant, load factor, coincidence, typical days: of meters SERIALS, or of many together.

    A gap stays a gap: an interval that one meter in twenty is missing in is not told; a Pmax is measured,
    never estimated. Power is the mean over a half-hour, on the primary side.

    \b
    ami load 20260001 --month 2026-10
    ami load --station T01 --from 2026-01-01 --json
    ami load --class household --interval day
    """
    if sum(map(bool, (serials, station, feeder, book, customer_class))) != 1:
        raise click.UsageError("name meters, or one of --station, --feeder, --book and --class")
    if month and (first or end):
        raise click.UsageError("choose a month, or days by --from and --to")
    now = clocks.wall()
    if first or end:
        end = end or local_day(now)
        first = first or end - timedelta(days=30)
    else:
        chosen = month or last_full_month(now)
        first, end = local_day(chosen.start), local_day(chosen.end)
    if not 0 < (end - first).days <= LONGEST:
        raise click.UsageError(f"from {first} until {end} are no 1 to {LONGEST} days: choose others")
    whose = Whose(serials, station, feeder, book, customer_class)
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = loads(conn, whose, first, end)
    if as_json:
        emit(document(found, interval, top))
    else:
        show(found, top)


def document(found: Loads, interval: str, top: int) -> dict[str, Any]:
    """The answer as a program reads it: powers in W, energies in Wh, shares from 0 to 1; null where nothing
    can be told."""
    one, halves = found.load, INTERVALS[interval]
    return {
        "of": str(found.whose),
        "from": found.first.isoformat(),
        "to": (found.first + timedelta(found.days)).isoformat(),
        "meters": len(found.serials),
        "known": round(one.known, 5),
        "wh": one.wh,
        "pmax": None if one.pmax_at is None else {"w": _figure(one.pmax_w), "at": _at(one.pmax_at)},
        "sum_of_pmax_w": _figure(one.sum_of_pmax_w),
        "coincidence_factor": _figure(one.coincidence, 4),
        "diversity_factor": _figure(one.diversity, 4),
        "load_factor": _figure(one.load_factor, 4),
        "use_hours": _figure(one.use_hours),
        "profile": _profile(found, halves),
        "typical": {
            kind.name.lower(): {
                f"p{round(100 * share)}_w": [_figure(w) for w in one.bands[kind, band]]
                for band, share in enumerate(BANDS)
            }
            for kind in Typical
        },
        "duration": [
            {"share": share, "w": _figure(w)}
            for share, w in zip(DURATION, one.duration.tolist(), strict=True)
        ],
        "top": [
            {
                "meter": found.serials[m],
                "pmax_w": _figure(one.each.pmax_w[m]),
                "at": _at(_instant(found, int(one.each.pmax_slot[m]))),
                "sliding_hour_w": _figure(one.each.sliding_w[m]),
                "load_factor": _figure(one.each.load_factor[m], 4),
                "wh": int(one.each.total_wh[m]),
                "estimated": int(one.each.estimated[m]),
            }
            for m in _highest(found, top)
        ],
        "unfit_days": found.unfit,
    }


def show(found: Loads, top: int) -> None:
    """The same for people."""
    one = found.load
    last = found.first + timedelta(found.days - 1)
    facts(
        [
            ("Load of", f"{found.whose}, {len(found.serials)} meters"),
            ("Days", f"{found.first:%d/%m/%Y} to {last:%d/%m/%Y}, {one.known:.1%} of the half-hours known"),
            ("Energy", _kilo(one.wh, "kWh")),
            (
                "Pmax together",
                f"{_kilo(one.pmax_w, 'kW')}, {when(one.pmax_at)}" if one.pmax_at else "not known",
            ),
            ("Pmax each, added up", _kilo(one.sum_of_pmax_w, "kW")),
            ("Coincidence, diversity", f"{_plain(one.coincidence)}, {_plain(one.diversity)}"),
            ("Load factor", _plain(one.load_factor)),
            ("Hours at Pmax (Tmax)", _plain(one.use_hours, 0)),
        ]
    )
    rows = [
        (
            found.serials[m],
            _kilo(one.each.pmax_w[m], "kW"),
            when(_instant(found, int(one.each.pmax_slot[m]))),
            _plain(one.each.load_factor[m]),
            _kilo(int(one.each.total_wh[m]), "kWh"),
        )
        for m in _highest(found, top)
    ]
    if rows:
        right = ("Pmax", "Load factor", "Energy")
        table("Highest", ("Meter", "Pmax", "From", "Load factor", "Energy"), rows, right=right)


def _highest(found: Loads, top: int) -> list[int]:
    """Meters by their Pmax, the highest first; without those that nothing was measured of."""
    pmax = found.load.each.pmax_w
    order = np.argsort(-np.nan_to_num(pmax, nan=-1.0), kind="stable").tolist()
    return [m for m in order if not np.isnan(pmax[m])][:top]


def _profile(found: Loads, halves: int) -> list[dict[str, Any]]:
    """Mean power of all together by interval; an interval with a gap is a gap."""
    mean_w: npt.NDArray[np.float64] = found.load.mean_w.reshape(-1, halves).mean(axis=1)
    begun = midnight(found.first)
    return [
        {"at": _at(begun + timedelta(minutes=30 * halves * number)), "w": _figure(w)}
        for number, w in enumerate(mean_w.tolist())
    ]


def _instant(found: Loads, slot: int) -> datetime:
    return midnight(found.first) + timedelta(minutes=30 * slot)


def _at(at: datetime) -> str:
    return at.astimezone(LOCAL).isoformat()


def _figure(value: float | None, digits: int = 1) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), digits)


def _plain(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:,.{digits}f}"


def _kilo(value: float | None, unit: str) -> str:
    return "not known" if value is None or np.isnan(value) else f"{value / 1000:,.2f} {unit}"
