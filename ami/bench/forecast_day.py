"""The day ahead of households added up, as those below a station are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ami.bench.detect_files import day_grid
from ami.bench.verb import promises
from ami.console import table
from analytics.profiles.day_ahead import course, trial
from analytics.profiles.group import mean_power

SHORTEST: Final = 60  # days of a household that is added up
ENOUGH: Final = 0.8  # of the households, for a half-hour to be known of all
INSIDE: Final = (0.7, 0.9)  # of the half-hours between limits of four in five
PEERS: Final = ("same as the day before", "same day of the week before")

Float = npt.NDArray[np.float64]


def grid_of(rows: Any) -> Float | None:
    """(d, 48) Wh of a household from its first Monday on, NaN where none; None where it is too short."""
    found = day_grid(rows)
    if isinstance(found, str):
        return None
    days, known = found
    number = days.astype(np.int64) - int(days[0].astype(np.int64))
    grid = np.full((int(number[-1]) + 1, known.shape[1]), np.nan)
    grid[number] = np.where(known >= 0, known, np.nan)
    weekday = (int(days[0].astype(np.int64)) + 3) % 7  # 1970-01-01 was a Thursday
    grid = grid[-weekday % 7 :]
    return grid if len(grid) >= SHORTEST else None


def day_ahead(grids: Sequence[Float]) -> dict[str, Any] | None:
    """Every day of the sum foretold from the days before; None where there is nothing to add up."""
    if not grids:
        return None
    many = min(len(grid) for grid in grids)
    together = np.stack([grid[:many] for grid in grids])
    known = ~np.isnan(together)
    wh, every = np.where(known, together, 0.0).sum(axis=0), np.full(known.shape[1:], len(grids))
    power = mean_power(wh, known.sum(axis=0), every, ENOUGH)
    found = trial(course(power, np.arange(many + 1) % 7), power)
    if found is None or found.miss is None or found.day_before is None or found.week_before is None:
        return None
    within = INSIDE[0] <= found.inside <= INSIDE[1]
    peers = dict(zip(PEERS, (found.day_before, found.week_before), strict=True))
    return {
        "households": len(grids),
        "days": found.days,
        "mape": round(found.miss, 4),
        "baselines": {name: round(miss, 4) for name, miss in peers.items()},
        "inside": round(found.inside, 4),
        "held": {
            **{f"day ahead: better than {name}": found.miss < miss for name, miss in peers.items()},
            f"{INSIDE[0]:.0%} to {INSIDE[1]:.0%} of the half-hours inside": within,
        },
    }


def show_day_ahead(document: dict[str, Any]) -> None:
    """The document as a table."""
    rows = [("forecast", f"{document['mape']:.1%}")]
    rows += [(name, f"{miss:.1%}") for name, miss in document["baselines"].items()]
    rows += [("inside", f"{document['inside']:.1%}")]
    title = f"day ahead · {document['households']} households, {document['days']} days"
    table(title, ("Engine", "Mean miss"), rows, right=("Mean miss",))
    promises(document)
