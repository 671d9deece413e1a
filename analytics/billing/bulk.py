"""Households by the million: tabulated cut-offs, then one pass.

Bills that share tiers, households and proration share a row of the table; integer division and exact
fractions are spent on rows, not on bills.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from analytics.billing.quotas import quotas
from analytics.errors import BillingError
from analytics.tariffs.prices import TierPrices

Int64 = npt.NDArray[np.int64]
OPEN = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class TierKey:
    """What decides a row: prices, households, and N of T2 days where prorated (None: full widths)."""

    tiers: TierPrices
    households: Fraction = Fraction(1)
    days: int | None = None
    month_days: int = 30


@dataclass(frozen=True, slots=True, eq=False)
class TierTable:
    """k keys, t tiers: upper ends `cuts` (k, t − 1); amount = `offset` + kWh × `price`, both (k, t)."""

    cuts: Int64
    offset: Int64
    price: Int64


def tabulate(keys: Sequence[TierKey]) -> TierTable:
    """The table of `keys`, in their order."""
    tiers = max(len(key.tiers.prices) for key in keys)
    cuts = np.full((len(keys), tiers - 1), OPEN, np.int64)
    price = np.zeros((len(keys), tiers), np.int64)
    offset = np.zeros_like(price)
    for row, key in enumerate(keys):
        lower = below = 0
        sizes = quotas(key.tiers.widths, key.households, key.days, key.month_days)
        for tier, rate in enumerate(key.tiers.prices):
            price[row, tier] = rate
            offset[row, tier] = below - lower * rate
            if tier < len(sizes):
                lower += sizes[tier]
                below += sizes[tier] * rate
                cuts[row, tier] = lower
    return TierTable(cuts, offset, price)


def rate_households(
    kwh: Iterable[int] | Int64, row: npt.ArrayLike, table: TierTable, vat_basis_points: npt.ArrayLike
) -> tuple[Int64, Int64]:
    """(subtotal, VAT) in đồng of n tier runs.

    `kwh` whole and not negative, `row` into `table`, `vat_basis_points` per bill (800 = 8 %) or one for all.
    Raises `BillingError` for negative kWh or a row that is not there.
    """
    from analytics.billing.kernel import tier_amounts

    used = np.ascontiguousarray(kwh, np.int64)
    rows = np.ascontiguousarray(row, np.int32)
    vat_rate = np.broadcast_to(np.asarray(vat_basis_points, np.int64), used.shape).copy()
    if used.size and int(used.min()) < 0:
        raise BillingError(
            "negative", f"bill {int(used.argmin())} of the batch has {int(used.min())} kWh: below zero"
        )
    if rows.shape != used.shape or (
        rows.size and not 0 <= int(rows.min()) <= int(rows.max()) < len(table.cuts)
    ):
        raise BillingError("bad_request", "a bill of the batch points at no row of the tier table")
    subtotal, vat = np.empty_like(used), np.empty_like(used)
    tier_amounts(used, rows, table.cuts, table.offset, table.price, vat_rate, subtotal, vat)
    return subtotal, vat
