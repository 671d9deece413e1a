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
WEEK: Final = 7  # days
FEWEST: Final = 5  # days, to say what a time of day is like
RECENT: Final = 28  # days whose scatter is asked, beside that of the days before
PARTS: Final = 6  # of a day, in which errors may go together
IN_STEP: Final = (1.0, 12.0)  # how many errors that go together weigh as one
UNKNOWN_IN_STEP: Final = 3.0  # before there is a week to tell it


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """`wh` (d, g) beyond what the days `before` tell, NaN where unknown; `spread` (d, g) its error;
    `in_step`: how many errors of a day count as one, and how many of a sixth of a day beside it; `over` (d,
    g) Wh that came out beyond what went in, 0 or less."""

    wh: Float
    spread: Float
    in_step: tuple[float, float]
    over: Float

    @property
    def plain(self) -> Float:
        """(d, g) `wh` where it can be told, NaN where panels that nobody counts hide it."""
        return np.where(self.over < 0, np.nan, self.wh)

    def weighed(self, wh: Float) -> Float:
        """`wh` (…, d, g) in errors that know nothing of each other: what a day has in common counts less,
        as its errors do, and what is left of a part of the day by as much as theirs; NaN where unknown."""
        known = ~np.isnan(self.wh)
        z = np.where(known, wh / self.spread, 0.0)
        day, part = in_common(z)
        by_day, by_part = self.in_step
        z = z - (1 - 1 / np.sqrt(by_day)) * day - (1 - 1 / np.sqrt(by_part)) * (part - day)
        return np.ascontiguousarray(np.where(known, z, np.nan))


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
    over = _too_much(rest, before)
    variance = np.maximum(plain**2, least) + unsure + (DOUBT * explained) ** 2 + over**2
    spread = np.sqrt(variance)
    return Lacking(
        np.ascontiguousarray(rest), np.ascontiguousarray(spread), _in_step(rest / spread, before), over
    )


def in_common(z: Float) -> tuple[Float, Float]:
    """(…, d, g) means of the day and of its part, in every slot of it; the day's, where a day has too few
    slots for parts."""
    slots = z.shape[-1]
    day = np.broadcast_to(z.mean(axis=-1, keepdims=True), z.shape)
    if slots % PARTS or slots < 2 * PARTS:
        return day, day
    part = z.reshape(*z.shape[:-1], PARTS, -1).mean(axis=-1)
    return day, np.repeat(part, slots // PARTS, axis=-1)


def fitting(lack: Lacking, wh: Float, loss: Float) -> float:
    """How many times `loss` (d, g) lies in `wh` that lack, robustly, within `FITS`."""
    x, wanted = lack.weighed(loss), lack.weighed(wh)
    there = ~np.isnan(wanted) & (x != 0)
    x, wanted = x[there], wanted[there]
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
        some = (~np.isnan(days)).sum(axis=0) >= FEWEST
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


def _too_much(rest: Float, before: int) -> Float:
    """(d, g) Wh that came out beyond what went in, hour by hour in the days about, or 0 where it does not
    stand out: panels that nobody counts hide what is lacking, and nothing there tells who it is."""
    found = np.zeros_like(rest)
    later = rest[before:]
    if len(later) < WEEK:
        return found
    around = np.pad(np.nan_to_num(later, nan=0.0), ((WEEK // 2, WEEK // 2), (0, 0)), mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(around, WEEK, axis=0), axis=-1)
    beside = (np.roll(middle, 1, axis=1) + middle + np.roll(middle, -1, axis=1)) / 3
    usual = np.full(rest.shape[1], np.inf)
    if (some := (~np.isnan(rest[:before])).sum(axis=0) >= FEWEST).any():
        usual[some] = 1.4826 * np.nanmedian(np.abs(rest[:before, some]), axis=0)
    found[before:] = np.where(beside < -usual, beside, 0.0)
    return found


def _smoothed(spread: Float) -> Float:
    """Each slot's with its neighbours', the day being a circle."""
    if len(spread) < 5:
        return spread
    square = spread**2
    return np.asarray(np.sqrt((np.roll(square, 1) + square + np.roll(square, -1)) / 3))


def _in_step(errors: Float, before: int) -> tuple[float, float]:
    """How much greater the scatter of a day's sum is than that of errors which know nothing of each other,
    and that of a part's sum beside its day's: of the days before, or of the last ones where it is greater."""
    parts = [_scatters(days) for days in (errors[:before], errors[before:][-RECENT:])]
    told = [one for one in parts if one is not None]
    if not told:
        return UNKNOWN_IN_STEP, 1.0
    by_day, by_part = (float(np.clip(max(both), *IN_STEP)) for both in zip(*told, strict=True))
    return by_day, by_part


def _scatters(errors: Float) -> tuple[float, float] | None:
    """Of these days, from one to the next, so that a lasting change is no scatter; None where they are too
    few."""
    known = ~np.isnan(errors)
    whole = np.where(known, np.clip(errors, -3, 3), 0.0)[known.mean(axis=1) > 0.8]
    if len(whole) < WEEK:
        return None
    day, part = in_common(whole)
    slots, parts = whole.shape[1], 1 if part is day else PARTS
    single = float(np.sum((whole - part) ** 2)) / len(whole) / max(slots - parts, 1)
    if single <= 0:
        return None
    by_day = slots * _variance(np.diff(day[:, 0])) / 2 / single
    return by_day, slots / max(parts - 1, 1) * _variance(np.diff(part - day, axis=0).ravel()) / 2 / single


def _variance(values: Float) -> float:
    """Robust."""
    return (1.4826 * float(np.median(np.abs(values - np.median(values))))) ** 2
