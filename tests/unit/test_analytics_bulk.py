"""A batch of tier runs: what it refuses, and that neither threads nor large tables change a đồng."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from analytics.billing.bulk import MOST_KWH, NEAR_ROWS, TierKey, rate_households, tabulate
from analytics.errors import BillingError
from analytics.tariffs import in_force

HOUSEHOLD = in_force(date(2025, 6, 1)).household
TABLE = tabulate([TierKey(HOUSEHOLD), TierKey(HOUSEHOLD, days=12, month_days=31)])


@pytest.mark.parametrize(
    ("kwh", "row", "vat", "said"),
    [
        ([5, -1], [0, 0], 800, "bill 1 of the batch has -1 kWh: below zero"),
        ([MOST_KWH + 1], [0], 800, "no meter counts so far"),
        ([5, 5, 5], [0, 1, 2], 800, "points at no row"),
        ([5, 5, 5], [0, -1, 1], 800, "points at no row"),
        ([5, 5], [0], 800, "not as many kWh as rows"),
        ([5, 5, 5], [0, 0, 0], [800, 800], "not as many kWh as rows"),
        ([5], [0], 10_001, "not between 0 and 100 %"),
        ([5], [0], -1, "not between 0 and 100 %"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_that_cannot_be_rated_is_refused(
    kwh: list[int], row: list[int], vat: int | list[int], said: str, threads: int
) -> None:
    with pytest.raises(BillingError, match=said):
        rate_households(kwh, row, TABLE, vat, threads=threads)


def test_a_table_too_large_to_be_looked_up_says_the_same() -> None:
    keys = [TierKey(HOUSEHOLD, days=1 + n % 31, month_days=31) for n in range(NEAR_ROWS + 1)]
    large = tabulate(keys)
    assert large.near.shape == (NEAR_ROWS + 1, 0)
    kwh = np.arange(2000, dtype=np.int64)
    row = (kwh % 31).astype(np.int32)
    subtotal, vat = rate_households(kwh, row, tabulate(keys[:31]), 800)
    again, vat_again = rate_households(kwh, row, large, 800)
    assert subtotal.tolist() == again.tolist()
    assert vat.tolist() == vat_again.tolist()


def test_the_largest_bill_fits() -> None:
    [subtotal], [vat] = rate_households([MOST_KWH], [0], TABLE, 10_000)
    assert subtotal == vat == MOST_KWH * HOUSEHOLD.prices[-1] + int(TABLE.amount[0, -1, 0])
