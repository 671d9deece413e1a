"""Household bills of six tiers and VAT under two dated tables: the compiled kernel beside its peers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from ami.bench.engine import Figures, Outcome, Prepare, Run
from analytics.billing.bulk import TierKey, TierTable, rate_households, tabulate
from analytics.tariffs import in_force

SIZE = 1_000_000
UNIT = "bills/s"
VAT_BASIS_POINTS = 800

Ints = npt.NDArray[np.int64]


def _table() -> TierTable:
    """The tables in force on a day of 2024 and on one of 2025."""
    return tabulate([TierKey(in_force(day).household) for day in (date(2024, 6, 1), date(2025, 6, 1))])


def _bills(size: int) -> tuple[Ints, npt.NDArray[np.int32]]:
    random = np.random.default_rng(20250510)
    kwh = np.minimum(random.gamma(1.8, 110.0, size), 5000).astype(np.int64)
    return kwh, random.integers(0, 2, size, dtype=np.int32)


def _outcome(subtotal: Ints, vat: Ints) -> Outcome:
    return Outcome(len(subtotal), f"{int(subtotal.sum())}+{int(vat.sum())}")


def kernel(size: int) -> Run:
    """numba, tabulated cut-offs."""
    (kwh, row), table = _bills(size), _table()
    return lambda: _outcome(*rate_households(kwh, row, table, VAT_BASIS_POINTS))


def with_numpy(size: int) -> Run:
    """numpy: a row of tier widths per bill, clipped and summed."""
    (kwh, row), table = _bills(size), _table()

    def run() -> Outcome:
        cuts = np.concatenate([np.zeros((2, 1), np.int64), table.cuts], axis=1)[row]
        upper = np.concatenate([table.cuts, np.full((2, 1), np.iinfo(np.int64).max)], axis=1)[row]
        used = np.clip(kwh[:, None], cuts, upper) - cuts
        subtotal = (used * table.price[row]).sum(axis=1)
        return _outcome(subtotal, (subtotal * VAT_BASIS_POINTS + 5000) // 10000)

    return run


def with_pandas(size: int) -> Run:
    """pandas: a column per tier."""
    import pandas as pd

    (kwh, row), table = _bills(size), _table()
    frame = pd.DataFrame({"kwh": kwh, "row": row})

    def run() -> Outcome:
        subtotal = pd.Series(0, index=frame.index, dtype="int64")
        for number in range(2):
            of_table = frame.loc[frame["row"] == number, "kwh"]
            lower = 0
            amount = pd.Series(0, index=of_table.index, dtype="int64")
            for tier, price in enumerate(table.price[number]):
                upper = int(table.cuts[number, tier]) if tier < table.cuts.shape[1] else None
                amount += (of_table.clip(lower, upper) - lower) * int(price)
                lower = upper if upper is not None else lower
            subtotal.loc[amount.index] = amount
        vat = (subtotal * VAT_BASIS_POINTS + 5000) // 10000
        return _outcome(subtotal.to_numpy().astype(np.int64), vat.to_numpy().astype(np.int64))

    return run


def plain_python(size: int) -> Run:
    """A loop over whole numbers."""
    (kwh, row), table = _bills(size), _table()
    used, rows = kwh.tolist(), row.tolist()
    cuts, prices = table.cuts.tolist(), table.price.tolist()

    def run() -> Outcome:
        total = taxes = 0
        for amount, number in zip(used, rows, strict=True):
            subtotal = lower = 0
            for upper, price in zip(cuts[number], prices[number], strict=False):
                if amount <= upper:
                    break
                subtotal += (upper - lower) * price
                lower = upper
            else:
                price = prices[number][-1]
            subtotal += (amount - lower) * price
            total += subtotal
            taxes += (subtotal * VAT_BASIS_POINTS + 5000) // 10000
        return Outcome(len(used), f"{total}+{taxes}")

    return run


ENGINES: dict[str, Prepare] = {
    "kernel": kernel,
    "numpy": with_numpy,
    "pandas": with_pandas,
    "python": plain_python,
}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times the kernel is faster than each peer (CPU time)."""
    own = medians["kernel"].cpu_seconds
    return {
        f"kernel vs {name}": figures.cpu_seconds / own
        for name, figures in medians.items()
        if name != "kernel"
    }
