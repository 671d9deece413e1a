"""What a station lacks beyond its technical loss, and how far that is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.losses import Technical

Float = npt.NDArray[np.float64]

ROUNDS: Final = 4  # of weighing outliers less
OUTLIER: Final = 2.0  # spreads
DOUBT: Final = 0.25  # of what is laid to somebody: nobody steals to a formula
LEAST_SPREAD: Final = 0.002  # of the load: no meter is better than that
FITS: Final = (0.75, 1.35)  # of a loss as it was supposed: between two of the fractions tried
RECENT: Final = 28  # days whose scatter is asked, beside that of the days before
MOST_IN_STEP: Final = 12.0  # errors of a day that go together weigh as one


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """`wh` (d, g) beyond what the days `before` tell, NaN where unknown; `spread` (d, g) its error;
    `in_step`: how many errors of a day count as one."""

    wh: Float
    spread: Float
    in_step: float


def lacking(
    head: Float, used: Float, unsure: Float, explained: Float, before: int, technical: Technical | None
) -> Lacking:
    """(d, g) Wh: `head`, `used` (by all customers, less what they fed back), `explained` (already laid to
    somebody); and `unsure`, the variance of `used`.

    What is lost (a constant, and parts that go with the load and with its square) is fitted robustly to the
    days `before`, and each time of day's own remainder as far as it stands out of the noise.
    """
    load = np.where(np.isnan(head), np.nan, np.maximum(head, 0.0))
    rest = head - used - explained
    if technical is not None:
        rest = rest - technical.wh(load)
    rest = rest - _fitted(rest, load, unsure, before)
    rest, plain = _by_slot(rest, unsure, before)
    middle = np.nanmean(load) if not np.isnan(load).all() else 1.0
    least = (LEAST_SPREAD * max(float(middle), 1.0)) ** 2
    # The noise of a load goes with the load.
    variance = np.maximum(plain**2, least) + unsure + (DOUBT * explained) ** 2
    spread = np.sqrt(variance)
    return Lacking(np.ascontiguousarray(rest), np.ascontiguousarray(spread), _in_step(rest / spread, before))


def fitting(wh: Float, spread: Float, loss: Float) -> float:
    """How many times `loss` (d, g) lies in `wh` that lack with that `spread`, robustly, within `FITS`."""
    there = ~np.isnan(wh) & (loss != 0)
    x, wanted = (part[there] / spread[there] for part in (loss, wh))
    times, huber = 1.0, np.ones_like(x)
    for _ in range(ROUNDS):
        square = float((huber * x * x).sum())
        if square <= 0:
            return 1.0
        times = float(np.clip((huber * x * wanted).sum() / square, *FITS))
        huber = np.asarray(
            np.minimum(1.0, OUTLIER / np.maximum(np.abs(wanted - times * x), 1e-12)), np.float64
        )
    return times


def _fitted(rest: Float, load: Float, unsure: Float, before: int) -> Float:
    """(d, g) least squares of the days `before` on 1, load and its square, robust."""
    known = ~np.isnan(rest)
    base = known.copy()
    base[before:] = False
    middle = float(load[base].mean()) if base.any() else 0.0
    if base.sum() < 12 or middle <= 0:
        return np.zeros_like(rest)
    columns = np.stack([np.ones_like(load), load / middle, (load / middle) ** 2], axis=-1)
    rows, wanted = columns[base], rest[base]
    unit = np.maximum(load[base], 0.05 * middle) * 0.005
    weight = 1 / np.sqrt(unit**2 + unsure[base])
    huber = np.ones_like(wanted)
    ridge = 1e-6 * np.eye(3)
    found: Float = np.zeros(3)
    for _ in range(ROUNDS):
        by = (weight**2 * huber)[:, None] * rows
        square = by.T @ rows
        scale = float(np.trace(square)) or 1.0
        found = np.asarray(np.linalg.solve(square + scale * ridge, by.T @ wanted), np.float64)
        missed = np.abs(wanted - rows @ found) * weight
        usual = 1.4826 * float(np.median(missed))
        if usual <= 0:
            break
        huber = np.asarray(np.minimum(1.0, OUTLIER * usual / np.maximum(missed, 1e-12)), np.float64)
    return np.asarray(np.nan_to_num(columns @ found, nan=0.0))


def _by_slot(rest: Float, unsure: Float, before: int) -> tuple[Float, Float]:
    """`rest` less each time of day's own median of the days before (drawn to 0 as far as it may be chance),
    and (g) its robust spread where little stands in: the greater of that of the days before and of the
    last ones."""
    own = np.zeros(rest.shape[1])
    spreads: list[Float] = []
    for days, doubt in ((rest[:before], unsure[:before]), (rest[-RECENT:], unsure[-RECENT:])):
        some = (~np.isnan(days)).sum(axis=0) >= 5
        middle, spread = np.zeros(rest.shape[1]), np.zeros(rest.shape[1])
        if some.any():
            middle[some] = np.nanmedian(days[:, some], axis=0)
            quiet = np.where(doubt <= np.median(doubt, axis=0), np.abs(days - middle), np.nan)[:, some]
            spread[some] = 1.4826 * np.nanmedian(np.where(np.isnan(quiet).all(axis=0), 0.0, quiet), axis=0)
        if not spreads:
            chance = 1.6 * float(np.median(spread[some] ** 2)) / max(before, 1) if some.any() else 0.0
            seen = float(np.mean(middle**2))
            own = middle * (max(0.0, 1 - chance / seen) if seen > 0 else 0.0)
        spreads.append(spread)
    return rest - own, _smoothed(np.maximum(*spreads))


def _smoothed(spread: Float) -> Float:
    """Each slot's with its neighbours', the day being a circle."""
    if len(spread) < 5:
        return spread
    square = spread**2
    return np.asarray(np.sqrt((np.roll(square, 1) + square + np.roll(square, -1)) / 3))


def _in_step(errors: Float, before: int) -> float:
    """How much greater the scatter of a day's sum is than that of errors which know nothing of each other."""
    base = np.clip(errors[:before], -3, 3)
    known = ~np.isnan(base)
    per_day = known.sum(axis=1)
    days = per_day >= 6
    if days.sum() < 7:
        return 3.0
    sums = np.where(known, base, 0.0).sum(axis=1)[days] / np.sqrt(per_day[days])
    scatter = (1.4826 * float(np.median(np.abs(sums - np.median(sums))))) ** 2
    single = float(np.mean(base[known] ** 2))
    return float(np.clip(scatter / max(single, 1e-9), 1.0, MOST_IN_STEP))
