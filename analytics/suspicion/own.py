"""What a meter's own energy says of each day since which it may count less: densities of the fall of a thief
and of honest life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

FRACTIONS: Final = np.array([0.08, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85])  # counted of what is used
LAST: Final = 56  # days before, that say what is usual
FEWEST: Final = 14  # of them, to say anything
IN_STEP: Final = 3.0  # days go together: so many count as one
LEAST_ERROR: Final = 0.12  # of a logarithm of use: seasons
AMONG: Final = 8  # meters, whose common change is taken for weather
FELL, ROSE, TURNED = (
    0.08,
    0.04,
    0.06,
)  # shares of honest meters in such times: away, saving; appliances; hours
DEEPEST: Final = 4.0  # of a logarithm
FREEDOM: Final = 4.0  # degrees, of Student's t


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """(m, s) by the day since which, NaN where the meter is too little known: logarithms of change, since by
    before, of the whole day (`change`) and of night and rest (`night`, `rest`), less what all meters have in
    common; their errors; Wh a day `before` and `after`."""

    change: Float
    night: Float
    rest: Float
    error: Float
    turn_error: Float
    before: Float
    after: Float
    night_before: Float
    night_after: Float


def own(used: Float, night: npt.NDArray[np.bool_], since: npt.NDArray[np.int64]) -> Own:
    """`used` (m, d, g) Wh, NaN where unknown or told to be absent; `since` (s) days of it."""
    known = ~np.isnan(used)
    sums = _running(np.where(known, used, 0.0))
    seen = _running(known.astype(np.float64))
    first = np.maximum(since - LAST, 0)
    was, n_was = sums[:, since] - sums[:, first], seen[:, since] - seen[:, first]
    is_now, n_now = sums[:, -1:] - sums[:, since], seen[:, -1:] - seen[:, since]
    both = (n_was > 0) & (n_now > 0)  # the same slots on both sides
    was = np.where(both, was / np.maximum(n_was, 1), 0.0)
    is_now = np.where(both, is_now / np.maximum(n_now, 1), 0.0)
    days_was, days_now = n_was.mean(axis=2), n_now.mean(axis=2)
    enough = (days_was >= FEWEST) & (days_now >= 1.5) & (both.mean(axis=2) > 0.8)
    before, after = (np.where(enough, one.sum(axis=2), np.nan) for one in (was, is_now))
    nights = [np.where(enough, one[:, :, night].sum(axis=2), np.nan) for one in (was, is_now)]
    floor = 0.02 * before + 100.0
    day = _common_off(np.log((after + floor) / (before + floor)))
    by_night = _common_off(np.log((nights[1] + floor / 2) / (nights[0] + floor / 2)))
    rests = before - nights[0], after - nights[1]
    by_day = _common_off(np.log((rests[1] + floor) / (rests[0] + floor)))
    by_chance = IN_STEP * (1 / np.maximum(days_was, 1) + 1 / np.maximum(days_now, 1))
    scatter, turning = _scatter(used, night)
    error = np.sqrt(LEAST_ERROR**2 + scatter[:, None] * by_chance)
    turn_error = np.sqrt(LEAST_ERROR**2 + turning[:, None] * by_chance)
    return Own(day, by_night, by_day, error, turn_error, before, after, nights[0], nights[1])


def thieves(seen: Own) -> tuple[Float, Float, Float]:
    """Log-likelihood ratios against an honest meter of one that counts a fraction ((m, s, fractions)),
    nothing or a part by night ((m, s)), nothing or a part by hours ((m, s)). 0 where nothing is known."""
    turned = seen.night - seen.rest
    honest = _honest(seen.change, seen.error)
    steady = np.log(
        (1 - TURNED) * _student(turned, seen.turn_error) + TURNED / (2 * DEEPEST) * (np.abs(turned) < DEEPEST)
    )
    away = (seen.change[:, :, None] - np.log(FRACTIONS)) / seen.error[:, :, None]
    scaled = np.log(_student_of(away) / seen.error[:, :, None]) - honest[:, :, None]
    nights = np.log(_even(turned, -DEEPEST, -0.25)) - steady + _honest(seen.rest, seen.error) - honest
    hours = np.log(_even(seen.change, -DEEPEST, -0.15)) - honest
    return tuple(np.nan_to_num(one, nan=0.0, posinf=30.0, neginf=-30.0) for one in (scaled, nights, hours))  # type: ignore[return-value]


def _honest(change: Float, error: Float) -> Float:
    fell = FELL * _even(change, -DEEPEST, 0.0, floor=0.0)
    rose = ROSE * _even(change, 0.0, 2.0, floor=0.0)
    return np.asarray(np.log((1 - FELL - ROSE) * _student(change, error) + fell + rose))


def _even(values: Float, low: float, high: float, floor: float = 1e-6) -> Float:
    """The density of a span."""
    return np.where((values >= low) & (values <= high), 1 / (high - low), floor)


def _student(values: Float, error: Float) -> Float:
    return np.asarray(_student_of(values / error) / error)


def _student_of(z: Float) -> Float:
    """Density of t with `FREEDOM` degrees (4: 3/8)."""
    return np.asarray(0.375 * (1 + z**2 / FREEDOM) ** (-(FREEDOM + 1) / 2))


def _common_off(change: Float) -> Float:
    """Less the median of the meters, where there are enough to call it weather."""
    told = (~np.isnan(change)).sum(axis=0)
    many = told >= AMONG
    middle = np.zeros(change.shape[1])
    if many.any():
        middle[many] = np.nanmedian(change[:, many], axis=0)
    return change - middle


def _scatter(used: Float, night: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """(m) variances of a day's logarithm, and of the night's against the rest's, robust."""
    whole = ~np.isnan(used).any(axis=2)
    day = np.where(whole, np.nan_to_num(used).sum(axis=2), np.nan)
    nights = np.where(whole, np.nan_to_num(used[:, :, night]).sum(axis=2), np.nan)
    floor = 0.02 * _middle(day) + 100.0
    total = np.log(day + floor[:, None])
    turned = np.log((nights + floor[:, None] / 2) / (day - nights + floor[:, None]))
    found = []
    for one in (total, turned):
        # From one day to the next, so that a lasting change is no scatter.
        steps = np.diff(one, axis=1)
        found.append(np.clip((1.4826 * _middle(np.abs(steps))) ** 2 / 2, 0.01, 1.0))
    return found[0], found[1]


def _middle(values: Float) -> Float:
    """(m) medians of what is known, 0 where nothing is."""
    out = np.zeros(len(values))
    some = ~np.isnan(values).all(axis=1)
    if some.any():
        out[some] = np.nanmedian(values[some], axis=1)
    return out


def _running(values: Float) -> Float:
    return np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
