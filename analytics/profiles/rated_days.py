"""Day by day, how near a load came to what its transformer is made for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from analytics.profiles.rated import LEVELS, RatedLoad
from model.period import midnight

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RatedDay:
    """Of the measured intervals of a day; None where none is known. `pmax_w`: highest active power; `smax_va`
    the highest apparent one, `at` its beginning, `share` of the rated power, `rated_va` (None: nobody said
    it); `usual_cos_phi`: reactive energy was not measured then. `hours_above`: by level of `LEVELS`, empty
    without a rated power."""

    day: date
    pmax_w: float | None = None
    smax_va: float | None = None
    at: datetime | None = None
    rated_va: float | None = None
    share: float | None = None
    usual_cos_phi: bool = False
    hours_above: tuple[float, ...] = ()


def by_day(
    load: RatedLoad, w: Float, var: Float, measured: npt.NDArray[np.bool_], rated_va: Float, first: date
) -> tuple[RatedDay, ...]:
    """What `against` told of these (d, slots) `w`, `var`, `measured` and (d) `rated_va`, by day."""
    told = measured & ~np.isnan(w)
    va, active = np.where(told, load.va, -np.inf), np.where(told, w, -np.inf)
    step = timedelta(hours=24 / max(1, w.shape[1]))
    found = []
    for number in range(len(w)):
        day = first + timedelta(number)
        if not told[number].any():
            found.append(RatedDay(day))
            continue
        slot, rated = int(va[number].argmax()), float(rated_va[number])
        smax, known = float(va[number, slot]), rated > 0
        found.append(
            RatedDay(
                day,
                pmax_w=float(active[number].max()),
                smax_va=smax,
                at=midnight(day) + slot * step,
                rated_va=rated if known else None,
                share=smax / rated if known else None,
                usual_cos_phi=bool(np.isnan(var[number, slot])),
                hours_above=tuple(
                    float((va[number] > level * rated).sum()) * step.total_seconds() / 3600
                    for level in LEVELS
                )
                if known
                else (),
            )
        )
    return tuple(found)
