"""Many meters' days in one matrix: the same figures as numpy, the days' sums exact, no memory to speak of."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from ami.bench.vee import month
from ami.bench.vee_numpy import fill_gap
from analytics.errors import AnalyticsError
from analytics.vee.batch import complete
from model.quality import Quality

FIRST = date(2026, 9, 1)


def test_the_kernel_and_numpy_come_to_the_same() -> None:
    energy, quality, day_wh = month(40 * 30)
    found = complete(energy, quality, day_wh, FIRST)
    slow, grade = energy.copy(), quality.copy()
    for meter in range(len(energy)):
        fill_gap(slow[meter].reshape(-1), grade[meter].reshape(-1), day_wh[meter], FIRST)
    assert (found.quality == grade).all()
    assert np.abs(found.energy - slow).max() <= 5  # which of two equals comes first is free
    assert (found.energy != slow).mean() < 1e-3
    filled = (quality == Quality.MISSING).any(axis=2)
    assert (found.energy.sum(axis=2)[filled] == day_wh[filled]).all()
    kept = quality != Quality.MISSING
    assert (found.energy[kept] == energy[kept]).all()


def test_spikes_and_sums_are_told() -> None:
    energy, quality, day_wh = (
        np.full((1, 3, 48), 300, np.int32),
        np.ones((1, 3, 48), np.uint8),
        np.array([[14400] * 3]),
    )
    energy[0, 1, 20], day_wh[0, 1], day_wh[0, 2] = 9000, 14400 + 8700, 14400 + 100
    found = complete(energy, quality, day_wh, FIRST)
    assert found.spike.tolist() == [[False, True, False]]
    assert found.mismatch.tolist() == [[False, False, True]]
    assert complete(energy, quality, day_wh, FIRST, customer_class="production").spike.sum() == 0


def test_without_a_register_gaps_are_unscaled_and_without_days_they_stay() -> None:
    energy, quality = np.full((2, 5, 48), 300, np.int32), np.ones((2, 5, 48), np.uint8)
    quality[0, 2, 10:30] = Quality.MISSING
    energy[0, 2, 10:30] = 0
    quality[1], energy[1] = Quality.MISSING, 0
    found = complete(energy, quality, np.full((2, 5), -1), FIRST, in_place=True)
    assert found.energy is energy
    assert (quality[0, 2, 10:30] == Quality.UNSCALED).all()
    assert (energy[0] == 300).all()
    assert (quality[1] == Quality.MISSING).all()
    assert energy[1].sum() == 0


def test_shapes_that_do_not_fit_are_refused() -> None:
    energy, quality = np.zeros((1, 2, 48), np.int32), np.zeros((1, 2, 48), np.uint8)
    with pytest.raises(AnalyticsError, match="do not fit"):
        complete(energy, quality, np.zeros((1, 3), np.int64), FIRST)


MEASURED = """
import numpy as np
from datetime import date
from ami.bench.vee import month
from ami.bench.memory import peak_rss_mb
from analytics.vee.batch import complete
complete(*month(300), date(2026, 9, 1))
energy, quality, day_wh = month(90_000)
held = (energy.nbytes + quality.nbytes + day_wh.nbytes) / 2**20
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # the peak is counted from here
before = peak_rss_mb()
found = complete(energy, quality, day_wh, date(2026, 9, 1))
print(held, peak_rss_mb() - before)
"""


def test_memory_is_that_of_the_input_and_the_result() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    held, grown = map(float, done.stdout.split())
    assert held > 20
    assert grown <= held, f"{grown:.1f} MB beside an input of {held:.1f} MB"
