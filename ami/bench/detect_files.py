"""Households out of CSV files: whole days of 48 half-hours, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ami.failure import InputFailure
from analytics.abnormal import Household
from analytics.abnormal.household import FEWEST_DAYS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ("meter", "timestamp", "kwh")
LONG_ENOUGH: Final = 2 * FEWEST_DAYS  # whole days, half of them history
INTERVALS: Final = (5, 10, 15, 30, 60)  # minutes


def households(files: Sequence[Path]) -> tuple[list[Household], dict[str, str]]:
    """Those with enough whole days, in the order of the files, and why others are left out.

    A row is the energy of the interval that begins at `timestamp`, whose date and time are taken as they are
    written; the first of two rows of an instant counts. Finer intervals are added up, an hour is halved. A
    day of which a half-hour is missing, negative or no number is no whole day.
    """
    found: dict[str, Household] = {}
    left_out: dict[str, str] = {}
    for file in files:
        for name, rows in half_hours(file).groupby("meter", sort=False):
            if str(name) in found or str(name) in left_out:
                raise InputFailure(f"{file}: meter {name} stands in a file before it, too: give it once")
            made = _household(str(name), rows)
            if isinstance(made, str):
                left_out[str(name)] = made
            else:
                found[str(name)] = made
    return list(found.values()), left_out


def half_hours(file: Path) -> pd.DataFrame:
    """Rows of meter, day, minute of the day and Wh, as they are written, the first of an instant; raises
    `InputFailure` for what is no such file."""
    import pandas as pd

    try:
        frame = pd.read_csv(file, dtype={"meter": str, "timestamp": str}, usecols=list(COLUMNS))
        at = pd.to_datetime(frame["timestamp"].str.slice(0, 19).str.replace("T", " "), format="ISO8601")
    except (OSError, ValueError) as reason:
        told = str(reason).splitlines()[0]
        raise InputFailure(f"{file}: not a CSV file with {', '.join(COLUMNS)}: {told}") from reason
    midnight = at.dt.normalize()
    minute = ((at - midnight).dt.total_seconds() // 60).astype("int64")
    wh = pd.to_numeric(frame["kwh"], errors="coerce") * 1000
    made = pd.DataFrame({"meter": frame["meter"], "day": midnight, "minute": minute, "wh": wh})
    return made.drop_duplicates(["meter", "day", "minute"])


def interval_of(rows: pd.DataFrame) -> int:
    """Minutes from one time of day to the next, as they are most often; 0 for one time of day only."""
    steps = np.diff(np.unique(rows["minute"].to_numpy()))
    return int(np.bincount(steps).argmax()) if len(steps) else 0


def _household(name: str, rows: pd.DataFrame) -> Household | str:
    found = day_grid(rows)
    if isinstance(found, str):
        return found
    days, grid = found
    whole = (np.isfinite(grid) & (grid >= 0)).all(axis=1)
    if whole.sum() < LONG_ENOUGH:
        return f"{int(whole.sum())} whole days, {LONG_ENOUGH} are needed"
    weekday = (days[whole].astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return Household(name, np.round(grid[whole]), (weekday >= 5).astype(np.int64))


def day_grid(rows: pd.DataFrame) -> tuple[Any, Any] | str:
    """(d) days of a household in order, those that have any row, and (d, 48) Wh, NaN where there is none;
    why there is no grid."""
    interval = interval_of(rows)
    if interval not in INTERVALS:
        return f"an interval of {interval} minutes" if interval else "one time of day only"
    per_day = 1440 // interval
    slot = rows["minute"].to_numpy() // interval
    days, place = np.unique(rows["day"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    grid: Any = np.full((len(days), per_day), np.nan)
    grid[place, slot] = rows["wh"].to_numpy()
    if interval > 30:
        grid = np.repeat(grid / 2, 2, axis=1)
    elif interval < 30:
        grid = grid.reshape(len(days), 48, -1).sum(axis=2)
    return days, grid
