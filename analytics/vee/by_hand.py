"""Estimates that a person asks for by name, for some slots in a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.quality import Quality

Energies = npt.NDArray[np.int32]
LIKE_DAYS = 3
_USABLE = (Quality.ACTUAL, Quality.EDITED)


def line(energy: Energies, quality: npt.NDArray[np.uint8], first: int, slots: int) -> Energies | None:
    """int32[slots] on the line between what is known before and after; level where one side is unknown.

    `energy`, `quality` (n): slots in a row, of which `slots` from `first` are asked for. None where nothing
    else is known.
    """
    known = np.flatnonzero(np.isin(quality, _USABLE))
    before, after = known[known < first], known[known >= first + slots]
    at = [int(side) for side in (*before[-1:], *after[:1])]
    if not at:
        return None
    wanted = np.interp(np.arange(first, first + slots), at, energy[at].astype(np.float64))
    return np.asarray(np.floor(wanted + 0.5), np.int32)


def like_days(
    energy: Energies,
    quality: npt.NDArray[np.uint8],
    kinds: npt.NDArray[np.uint8],
    day: int,
    first: int,
    slots: int,
) -> Energies | None:
    """int32[slots]: mean of the three nearest days of the same kind that are wholly known there.

    `energy`, `quality` (days, slots of a day), `kinds` (days) as of `analytics.vee.day_kinds`; `day` is the
    row asked for. None where there is no such day.
    """
    part = slice(first, first + slots)
    whole = np.isin(quality[:, part], _USABLE).all(axis=1) & (kinds == kinds[day])
    whole[day] = False
    like = np.flatnonzero(whole)
    if not len(like):
        return None
    nearest = like[np.argsort(np.abs(like - day), kind="stable")[:LIKE_DAYS]]
    sums = energy[nearest, part].sum(axis=0, dtype=np.int64)
    n = len(nearest)
    return np.asarray((2 * sums + n) // (2 * n), np.int32)
