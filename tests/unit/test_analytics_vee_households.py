"""Gaps hidden in real households: what estimation is worth beside a line and the mean of three like days.

The constants of `analytics.vee.windows` were chosen on `CHOSEN_ON` with other seeds; the households here had
no part in it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from ami.bench.estimate import LENGTHS, Household, figures, gaps, held, households
from model.quality import Quality

REAL = Path(__file__).parents[3] / "shared" / "data"
FILES = ("london-households", "uk-household", "australia-households")
CHOSEN_ON = frozenset({"MAC000010", "MAC004391", "SGSC10006414", "SGSC10006704"})
SEEDS = range(1, 6)

pytestmark = pytest.mark.skipif(not REAL.exists(), reason="no real households beside the repository")


@cache
def unseen() -> list[Household]:
    found, left_out = households([REAL / f"{name}.csv.gz" for name in FILES])
    assert left_out == {}
    return [home for name, home in found.items() if name not in CHOSEN_ON]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("registers", ["edges", "none"])
def test_the_shape_is_better_and_sums_are_exact_or_no_worse(length: str, registers: str) -> None:
    """A tenth less slot error than the better of the two from three hours on, no more of it before."""
    found = {"length": length, "registers": registers}
    found |= figures(list(gaps(unseen(), LENGTHS[length], SEEDS)), registers)
    assert all(held([found]).values()), found


def test_midnight_registers_make_every_day_exact() -> None:
    found = figures(list(gaps(unseen(), LENGTHS["3 days"], SEEDS)), "midnights")
    assert all(held([{"length": "3 days", "registers": "midnights", **found}]).values()), found


@pytest.mark.parametrize("length", LENGTHS)
def test_every_slot_of_a_gap_bears_how_it_was_made(length: str) -> None:
    for gap in gaps(unseen(), LENGTHS[length], [1]):
        _, quality = gap.estimated("edges")
        assert not set(quality.tolist()) & {Quality.MISSING, Quality.UNSCALED, Quality.ACTUAL}
        _, quality = gap.estimated("none")
        assert set(quality.tolist()) == {Quality.UNSCALED}
