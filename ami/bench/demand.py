"""Pmax with its time, total, load factor and mean profile: the compiled kernel beside its peers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from ami.bench.engine import Figures, Outcome, Prepare, Run
from analytics.profiles import figures
from model.quality import Quality

SIZE = 60_000  # meter-days
UNIT = "intervals/s"
DAYS, SLOTS = 30, 48
FIRST = date(2026, 1, 1)

Energy = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


def _month(size: int) -> tuple[Energy, Marks, npt.NDArray[np.bool_]]:
    """Energies (m, 30, 48) in Wh, qualities (a few not actual), and which days are weekends."""
    random = np.random.default_rng(1948)
    shape = (max(1, size // DAYS), DAYS, SLOTS)
    energy = random.gamma(2.0, 150.0, shape).astype(np.int32)
    quality = random.choice(
        np.array(
            [Quality.ACTUAL, Quality.MISSING, Quality.LINEAR, Quality.LIKE_DAY, Quality.SUSPECT], np.uint8
        ),
        shape,
        p=[0.94, 0.02, 0.02, 0.01, 0.01],
    )
    weekend = np.array([(FIRST + timedelta(day)).weekday() >= 5 for day in range(DAYS)])
    return energy, quality, weekend


def _outcome(
    count: int, peak_w: Numbers, slot: Numbers, total: Numbers, factor: Numbers, typical: Numbers
) -> Outcome:
    """Exact where the figures are whole, to five places where they are quotients."""
    exact = f"{int(np.sum(peak_w))}/{int(np.sum(slot))}/{int(np.sum(total))}"
    return Outcome(count, f"{exact}/{float(np.sum(factor)):.5f}/{float(np.sum(typical)):.3f}")


def kernel(size: int) -> Run:
    """numba, one pass."""
    energy, quality, _ = _month(size)

    def run() -> Outcome:
        found = figures(energy, quality, FIRST)
        return _outcome(
            energy.size, found.pmax_w, found.pmax_slot, found.total_wh, found.load_factor, found.typical_w
        )

    return run


def with_numpy(size: int) -> Run:
    """numpy: masks and sums along axes."""
    energy, quality, weekend = _month(size)

    def run() -> Outcome:
        known = quality != Quality.MISSING
        measured = known & ~((quality >= Quality.LINEAR) & (quality <= Quality.UNSCALED))
        flat = np.where(measured, energy, -1).reshape(len(energy), -1)
        slot = flat.argmax(axis=1)
        peak = np.take_along_axis(flat, slot[:, None], axis=1)[:, 0].astype(np.int64) * 2
        wh = np.where(known, energy, 0).astype(np.int64)
        total = wh.sum(axis=(1, 2))
        factor = total / known.sum(axis=(1, 2)) * 2 / peak
        typical = np.stack(
            [wh[:, of].sum(axis=1) / known[:, of].sum(axis=1) * 2 for of in (~weekend, weekend)], axis=1
        )
        return _outcome(energy.size, peak, slot, total, factor, typical)

    return run


def with_pandas(size: int) -> Run:
    """pandas: a row an interval, grouped."""
    import pandas as pd

    energy, quality, weekend = _month(size)
    meters = len(energy)
    frame = pd.DataFrame(
        {
            "meter": np.repeat(np.arange(meters, dtype=np.int32), DAYS * SLOTS),
            "slot": np.tile(np.arange(DAYS * SLOTS, dtype=np.int32), meters),
            "of_day": np.tile(np.arange(SLOTS, dtype=np.int8), meters * DAYS),
            "weekend": np.tile(np.repeat(weekend, SLOTS), meters),
            "wh": energy.ravel(),
            "quality": quality.ravel(),
        }
    )

    def run() -> Outcome:
        known = frame[frame["quality"] != Quality.MISSING]
        measured = known[~known["quality"].between(Quality.LINEAR, Quality.UNSCALED)]
        best = measured.loc[measured.groupby("meter")["wh"].idxmax()]
        peak = best["wh"].to_numpy().astype(np.int64) * 2
        by_meter = known.groupby("meter")["wh"]
        total = by_meter.sum().to_numpy().astype(np.int64)
        factor = by_meter.mean().to_numpy() * 2 / peak
        typical = known.groupby(["meter", "weekend", "of_day"])["wh"].mean().to_numpy() * 2
        return _outcome(energy.size, peak, best["slot"].to_numpy().astype(np.int64), total, factor, typical)

    return run


ENGINES: dict[str, Prepare] = {"kernel": kernel, "numpy": with_numpy, "pandas": with_pandas}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times the kernel is faster than each peer (CPU time)."""
    own = medians["kernel"].cpu_seconds
    return {f"kernel vs {name}": each.cpu_seconds / own for name, each in medians.items() if name != "kernel"}
