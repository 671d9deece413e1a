"""Households by the million: tabulated cut-offs, then one pass.

Bills that share tiers, households and proration share a row of the table; integer division and exact
fractions are spent on rows, not on bills. The tier of usual amounts of kWh stands in the table as well: it is
looked up instead of searched, as long as the table stays small enough for the processor's cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from analytics.billing.quotas import quotas
from analytics.errors import BillingError
from analytics.tariffs.prices import TierPrices

Int64 = npt.NDArray[np.int64]
OPEN = np.iinfo(np.int64).max
NEAR_KWH, NEAR_ROWS = 1024, 512  # kWh and rows up to which the tier is looked up
MOST_KWH = 10**10  # of one bill: its đồng and their VAT fit 64 bits


@dataclass(frozen=True, slots=True)
class TierKey:
    """What decides a row: prices, households, and N of T2 days where prorated (None: full widths)."""

    tiers: TierPrices
    households: Fraction = Fraction(1)
    days: int | None = None
    month_days: int = 30


@dataclass(frozen=True, slots=True, eq=False)
class TierTable:
    """k keys, t tiers: upper ends `cuts` (k, t − 1); đồng = amount[…, 0] + kWh × amount[…, 1], (k, t, 2);
    `near` (k, w): the tier that each kWh below w ends in, w = 0 where the table is too large for it."""

    cuts: Int64
    amount: Int64
    near: npt.NDArray[np.uint8]


def tabulate(keys: Sequence[TierKey]) -> TierTable:
    """The table of `keys`, in their order."""
    tiers = max(len(key.tiers.prices) for key in keys)
    cuts = np.full((len(keys), tiers - 1), OPEN, np.int64)
    amount = np.zeros((len(keys), tiers, 2), np.int64)
    for row, key in enumerate(keys):
        lower = below = 0
        sizes = quotas(key.tiers.widths, key.households, key.days, key.month_days)
        for tier, rate in enumerate(key.tiers.prices):
            amount[row, tier] = below - lower * rate, rate
            if tier < len(sizes):
                lower += sizes[tier]
                below += sizes[tier] * rate
                cuts[row, tier] = lower
    return TierTable(cuts, amount, _near(cuts))


def _near(cuts: Int64) -> npt.NDArray[np.uint8]:
    """The tier of every kWh below `NEAR_KWH`, by row."""
    short = NEAR_KWH if len(cuts) <= NEAR_ROWS else 0
    near = np.zeros((len(cuts), short), np.uint8)
    for tier in range(cuts.shape[1]):
        near += np.arange(short) > cuts[:, tier, None]
    return near


def rate_households(
    kwh: Iterable[int] | Int64,
    row: npt.ArrayLike,
    table: TierTable,
    vat_basis_points: npt.ArrayLike,
    *,
    threads: int = 1,
    out: tuple[Int64, Int64] | None = None,
) -> tuple[Int64, Int64]:
    """(subtotal, VAT) in đồng of n tier runs.

    `kwh` whole and not negative, `row` into `table`, `vat_basis_points` per bill (800 = 8 %) or one for all.
    `out`: what the last batch of n was returned in and is no longer needed.
    Raises `BillingError` for negative kWh, more than `MOST_KWH` or a row that is not there.
    """
    used = np.ascontiguousarray(kwh, np.int64)
    rows = np.ascontiguousarray(row, np.int32)
    vat_rate = np.ascontiguousarray(np.atleast_1d(vat_basis_points), np.int64)
    if rows.shape != used.shape or (vat_rate.size != 1 and vat_rate.shape != used.shape):
        raise BillingError("bad_request", "the batch has not as many kWh as rows and rates of VAT")
    if vat_rate.size and not 0 <= int(vat_rate.min()) <= int(vat_rate.max()) <= 10_000:
        raise BillingError("bad_request", "a rate of VAT of the batch is not between 0 and 100 %")
    subtotal, vat = (np.empty_like(used), np.empty_like(used)) if out is None else out
    edges = np.linspace(0, len(used), max(1, threads) + 1).astype(int).tolist()
    parts = [slice(start, end) for start, end in itertools.pairwise(edges)]

    def rated(part: slice) -> int:
        from analytics.billing.kernel import tier_amounts

        rates = vat_rate if vat_rate.size == 1 else vat_rate[part]
        given = used[part], rows[part], table.cuts, table.amount, table.near, rates
        bad = tier_amounts(*given, MOST_KWH, subtotal[part], vat[part])
        return bad if bad < 0 else part.start + bad

    if len(parts) == 1:
        bad = [rated(parts[0])]
    else:
        with ThreadPoolExecutor(len(parts) - 1) as pool:
            others = pool.map(rated, parts[1:])
            bad = [rated(parts[0]), *others]
    for number in bad:
        if number >= 0:
            raise _unfit(number, int(used[number]))
    return subtotal, vat


def _unfit(number: int, kwh: int) -> BillingError:
    if kwh < 0:
        return BillingError("negative", f"bill {number} of the batch has {kwh} kWh: below zero")
    if kwh > MOST_KWH:
        return BillingError(
            "bad_request", f"bill {number} of the batch has {kwh} kWh: no meter counts so far"
        )
    return BillingError("bad_request", "a bill of the batch points at no row of the tier table")
