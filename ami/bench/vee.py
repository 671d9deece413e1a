"""Validation and estimation of months of half-hours: the compiled kernel beside numpy and pandas.

Each day is checked (highest against third-highest slot, sum against the register); what is missing is filled
by windows of like days, so that each day adds up to what the register counted. The same method in every
engine; to the Wh equal in every day's sum, in single slots to a last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from ami.bench.engine import Figures, Outcome, Prepare, Run, by_input
from ami.bench.vee_numpy import fill_gap
from analytics.vee.batch import complete
from analytics.vee.rules.limits import of_class
from model.quality import Quality

SIZE = 30_000  # meter-days
UNIT = "intervals/s"
WANTED: Final = 10.0  # times numpy
MEMORY: Final = "memory of the kernel by its input"
MOST_MEMORY: Final = 2.0  # times the input
DAYS, SLOTS = 30, 48
SLOT_BYTES: Final = 5 + 8 / SLOTS  # energy, quality, and the register's part of a day
FIRST = date(2026, 9, 1)
GAPS = (2, 6, 24)  # slots; every meter has one
Energy = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint8]
Days = npt.NDArray[np.int64]


def month(size: int) -> tuple[Energy, Marks, Days]:
    """Energies (m, 30, 48) in Wh with a gap each, their qualities, what the register counted a day."""
    random = np.random.default_rng(2026)
    meters = max(1, size // DAYS)
    curve = 200 + 150 * np.sin((np.arange(SLOTS) - 14) / SLOTS * 2 * np.pi)
    energy = (curve * random.gamma(2.0, 0.5, (meters, DAYS, SLOTS))).astype(np.int32)
    energy[random.random(meters) < 0.3, 10, 20] = 9000  # spikes
    day_wh = energy.sum(axis=2, dtype=np.int64)
    day_wh[random.random(day_wh.shape) < 0.01] += 700  # registers that disagree
    quality = np.full(energy.shape, Quality.ACTUAL, np.uint8)
    wh, grade = energy.reshape(meters, -1), quality.reshape(meters, -1)
    for meter, (start, length) in enumerate(
        zip(random.integers(1, DAYS * SLOTS - 30, meters), random.choice(GAPS, meters), strict=True)
    ):
        wh[meter, start : start + length] = 0
        grade[meter, start : start + length] = Quality.MISSING
    return energy, quality, day_wh


def _outcome(energy: Energy, quality: Marks, spikes: int, mismatches: int) -> Outcome:
    """Sums are whole Wh; where in the month the energy lies, to four digits."""

    def said() -> str:
        place = float(energy.sum(axis=(0, 1), dtype=np.int64) @ np.arange(SLOTS)) / max(int(energy.sum()), 1)
        filled = int((quality == Quality.LIKE_DAY).sum()), int((quality == Quality.LINEAR).sum())
        whole = int(energy.sum(dtype=np.int64))
        return f"{whole} Wh/{filled}/{spikes} spikes/{mismatches} sums/{place:.3f}"

    return Outcome(energy.size, said)


def kernel(size: int) -> Run:
    """numba, a meter at a time."""
    energy, quality, day_wh = month(size)

    def run() -> Outcome:
        found = complete(energy, quality, day_wh, FIRST)
        return _outcome(found.energy, found.quality, int(found.spike.sum()), int(found.mismatch.sum()))

    return run


def _fill(energy: Energy, quality: Marks, day_wh: Days) -> None:
    """Every gap of every meter in place, by numpy."""
    wh, grade = energy.reshape(len(energy), -1), quality.reshape(len(quality), -1)
    for meter in np.flatnonzero((grade == Quality.MISSING).any(axis=1)).tolist():
        fill_gap(wh[meter], grade[meter], day_wh[meter], FIRST)


def with_numpy(size: int) -> Run:
    """numpy: sorts and sums along axes, windows gathered and weighed as matrices."""
    energy, quality, day_wh = month(size)
    limit = of_class("household")["spike"]

    def run() -> Outcome:
        known = quality != Quality.MISSING
        measured = np.where(known, energy, -1)
        top = np.partition(measured, SLOTS - 3, axis=2)[:, :, SLOTS - 3 :]
        highest, third = top.max(axis=2), top.min(axis=2)
        spikes = (third >= 0) & (highest >= limit["floor_wh"]) & (highest > limit["share"] * third)
        off = np.abs(np.where(known, energy, 0).sum(axis=2, dtype=np.int64) - day_wh)
        mismatches = known.all(axis=2) & (off > 2 + day_wh // 500)
        filled, grade = energy.copy(), quality.copy()
        _fill(filled, grade, day_wh)
        return _outcome(filled, grade, int(spikes.sum()), int(mismatches.sum()))

    return run


def with_pandas(size: int) -> Run:
    """pandas: checks by group, gaps by numpy (pandas has no way of its own that keeps a sum)."""
    import pandas as pd

    energy, quality, day_wh = month(size)
    limit = of_class("household")["spike"]
    meters = len(energy)
    frame = pd.DataFrame(
        {
            "day": np.repeat(np.arange(meters * DAYS, dtype=np.int32), SLOTS),
            "wh": energy.ravel(),
            "known": (quality != Quality.MISSING).ravel(),
        }
    )

    def run() -> Outcome:
        known = frame[frame["known"]]
        by_day = known.groupby("day")["wh"]
        tops = known.sort_values(["day", "wh"], ascending=[True, False]).groupby("day")["wh"]
        highest, third = tops.nth(0).to_numpy(), tops.nth(2).to_numpy()
        whole = by_day.count().to_numpy() >= 3
        spikes = (highest[whole] >= limit["floor_wh"]) & (highest[whole] > limit["share"] * third)
        sums, counts = by_day.sum(), by_day.count()
        counted = pd.Series(day_wh.ravel()).loc[sums.index]
        off = (sums - counted).abs()
        mismatches = (counts == SLOTS) & (off > 2 + counted // 500)
        filled, grade = energy.copy(), quality.copy()
        _fill(filled, grade, day_wh)
        return _outcome(filled, grade, int(spikes.sum()), int(mismatches.sum()))

    return run


ENGINES: dict[str, Prepare] = {"kernel": kernel, "numpy": with_numpy, "pandas": with_pandas}
Ratios = Callable[[Mapping[str, Figures]], dict[str, float]]


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times the kernel is faster than each peer (CPU time); its peak memory by the input's size."""
    own = medians["kernel"]
    others = {name: each for name, each in medians.items() if name != "kernel"}
    return {
        **{f"kernel vs {name}": each.cpu_seconds / own.cpu_seconds for name, each in others.items()},
        MEMORY: by_input(own, SLOT_BYTES),
    }


def held(medians: Mapping[str, Figures]) -> dict[str, bool]:
    """What is promised of the ratios."""
    found = ratios(medians)
    return {
        f"{WANTED:g} x numpy": found["kernel vs numpy"] >= WANTED,
        f"memory at most {MOST_MEMORY:g} x the input": found[MEMORY] <= MOST_MEMORY,
    }
