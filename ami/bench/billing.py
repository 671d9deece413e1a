"""Household bills of six tiers and VAT under two dated tables: the compiled kernel beside its peers.

Each bill is N of T2 days of a month (TT 60/2025/TT-BCT, 12.8), as it is where a price changes or a supply
begins or ends, so that its tiers have widths of their own. Every engine is given kWh, table, N, T2 and the
number of the bill's row in our table. Peers work the widths out bill by bill; `tabulated` ones are lent our
table. polars and duckdb live in .venv-peers (tests/peers/bill_tiers.py) and are told how many threads to use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache, partial
from typing import Final

import numpy as np
import numpy.typing as npt

from ami.bench.engine import Figures, Foreign, Outcome, Prepare, Run, abroad
from analytics.billing.bulk import TierKey, TierTable, rate_households, tabulate
from analytics.tariffs import in_force

SIZE = 1_000_000
UNIT = "bills/s"
VAT_BASIS_POINTS = 800
SEED: Final = 20250510
WANTED: Final = 4.0  # times polars, by CPU time, on as many threads
THREADS: Final = {1: "1 thread", 2: "2 threads"}
FOREIGN: Final = ("polars", "polars tabulated", "duckdb", "duckdb tabulated")

Ints = npt.NDArray[np.int64]
IN_FORCE = tuple(in_force(day).household for day in (date(2024, 6, 1), date(2025, 6, 1)))
MONTHS = range(28, 32)


@cache
def _table() -> tuple[TierTable, Ints]:
    """A row for N of T2 days under the tables of 2024 and of 2025; and the first row of table and T2."""
    keys: list[TierKey] = []
    first = np.zeros((2, len(MONTHS)), np.int64)
    for which, tiers in enumerate(IN_FORCE):
        for month_days in MONTHS:
            first[which, month_days - MONTHS[0]] = len(keys)
            keys += [TierKey(tiers, days=n + 1, month_days=month_days) for n in range(month_days)]
    return tabulate(keys), first


def bills(size: int) -> dict[str, Ints]:
    """kWh, table, days, days of the month, and `row`, of each bill."""
    random = np.random.default_rng(SEED)
    month = np.minimum(random.gamma(1.8, 110.0, size), 5000)
    which = random.integers(0, 2, size, dtype=np.int64)
    month_days = random.integers(MONTHS[0], MONTHS[-1] + 1, size, dtype=np.int64)
    days = random.integers(0, 2**31, size, dtype=np.int64) % month_days + 1
    row = _table()[1][which, month_days - MONTHS[0]] + days - 1
    kwh = (month * days / month_days).astype(np.int64)
    return {"kwh": kwh, "which": which, "month_days": month_days, "days": days, "row": row}


def _outcome(subtotal: Ints, vat: Ints) -> Outcome:
    return Outcome(len(subtotal), lambda: f"{int(subtotal.sum())}+{int(vat.sum())}")


def kernel(size: int, threads: int = 1) -> Run:
    """numba, tabulated cut-offs, into the arrays of the batch before."""
    given, (table, _) = bills(size), _table()
    kwh, row = given["kwh"], given["row"].astype(np.int32)
    out = np.empty_like(kwh), np.empty_like(kwh)
    return lambda: _outcome(*rate_households(kwh, row, table, VAT_BASIS_POINTS, threads=threads, out=out))


def with_numpy(size: int) -> Run:
    """numpy: the widths of each bill, and what of its kWh lies in each."""
    given = bills(size)
    prices = np.array([tiers.prices for tiers in IN_FORCE], np.int64)

    def run() -> Outcome:
        left, of = given["kwh"].copy(), given["month_days"]
        subtotal = np.zeros(size, np.int64)
        for tier, width in enumerate(IN_FORCE[0].widths):
            taken = np.minimum(left, (2 * width * given["days"] + of) // (2 * of))
            subtotal += taken * prices[given["which"], tier]
            left -= taken
        subtotal += left * prices[given["which"], -1]
        return _outcome(subtotal, (subtotal * VAT_BASIS_POINTS + 5000) // 10000)

    return run


def with_pandas(size: int) -> Run:
    """pandas: the same by columns of a frame."""
    import pandas as pd

    frame = pd.DataFrame(bills(size))

    def run() -> Outcome:
        left, of = frame["kwh"].copy(), frame["month_days"]
        subtotal = pd.Series(0, index=frame.index, dtype="int64")
        prices = [frame["which"].map(dict(enumerate(tier))) for tier in _prices_by_tier()]
        for tier, width in enumerate(IN_FORCE[0].widths):
            taken = left.clip(upper=(2 * width * frame["days"] + of) // (2 * of))
            subtotal += taken * prices[tier]
            left -= taken
        subtotal += left * prices[-1]
        vat = (subtotal * VAT_BASIS_POINTS + 5000) // 10000
        return _outcome(subtotal.to_numpy().astype(np.int64), vat.to_numpy().astype(np.int64))

    return run


def _prices_by_tier() -> list[tuple[int, ...]]:
    return list(zip(*[tiers.prices for tiers in IN_FORCE], strict=True))


def plain_python(size: int) -> Run:
    """A loop over whole numbers."""
    given = {name: column.tolist() for name, column in bills(size).items()}
    widths, prices = IN_FORCE[0].widths, [tiers.prices for tiers in IN_FORCE]

    def run() -> Outcome:
        total = taxes = 0
        columns = zip(given["kwh"], given["which"], given["days"], given["month_days"], strict=True)
        for left, which, days, of in columns:
            subtotal = 0
            for width, price in zip(widths, prices[which], strict=False):
                taken = min(left, (2 * width * days + of) // (2 * of))
                subtotal += taken * price
                left -= taken
            subtotal += left * prices[which][-1]
            total += subtotal
            taxes += (subtotal * VAT_BASIS_POINTS + 5000) // 10000
        return Outcome(size, f"{total}+{taxes}")

    return run


def _given() -> str:
    table, first = _table()
    return json.dumps(
        {
            "seed": SEED,
            "vat_basis_points": VAT_BASIS_POINTS,
            "widths": IN_FORCE[0].widths,
            "prices": [tiers.prices for tiers in IN_FORCE],
            "first_row": first.tolist(),
            "cuts": table.cuts.tolist(),
            "offset": table.amount[:, :, 0].tolist(),
            "price": table.amount[:, :, 1].tolist(),
        }
    )


ENGINES: dict[str, Prepare | Foreign] = {
    f"{THREADS[1]}/kernel": kernel,
    f"{THREADS[2]}/kernel": partial(kernel, threads=2),
    **{
        f"{said}/{engine}": abroad("bill_tiers.py", engine, str(n), given=_given)
        for n, said in THREADS.items()
        for engine in FOREIGN
    },
    f"{THREADS[1]}/numpy": with_numpy,
    f"{THREADS[1]}/pandas": with_pandas,
    f"{THREADS[1]}/python": plain_python,
}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times the kernel is faster than each peer on as many threads (CPU time of them all)."""
    return {
        f"{task}: kernel vs {engine}": figures.cpu_seconds / medians[f"{task}/kernel"].cpu_seconds
        for name, figures in medians.items()
        for task, _, engine in [name.partition("/")]
        if engine != "kernel"
    }


def held(medians: Mapping[str, Figures]) -> dict[str, bool]:
    """Whether the kernel is `WANTED` times as fast as polars, whichever of its two ways is the quicker."""
    found = ratios(medians)
    return {
        f"4 x polars, {task}": min(found[f"{task}: kernel vs {peer}"] for peer in FOREIGN[:2]) >= WANTED
        for task in THREADS.values()
    }
