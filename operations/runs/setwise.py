"""Plain bills by the ten thousand: registers to kWh to lines in arrays, grouped by what decides their prices.

Plain is one meter, multiplier and supply all the period, both indices read, no roll-over, no change of price;
whole Wh. What is not plain goes the way of objects (`counting.count`), which says the same of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from analytics.billing.quotas import quotas
from analytics.errors import AnalyticsError
from analytics.tariffs.country import Country, plan_in
from analytics.tariffs.kinds import Pricing
from analytics.tariffs.tariff import Tariff
from model.period import Period, local_day
from operations import models
from storage.determinants import Columns

Int64 = npt.NDArray[np.int64]
OPEN = np.iinfo(np.int64).max // 4
RATES = ("KT", "BT", "CD", "TD")
MOST_WH = 10**15  # of a register and a month; beyond it the way of objects


@dataclass(frozen=True, slots=True)
class Prices:
    """How kWh become lines: tiers by their upper ends, or a price a register. `labels`, `prices` by line."""

    labels: tuple[str, ...]
    prices: Int64
    upper: Int64 | None  # kWh at which tiers end, None: a line a register
    registers: int


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """n bills. `row` is where each point's first register stands in the columns; `registers` how many it has.

    Lines are matrices (n, lines) of a group; a line of 0 kWh is none.
    """

    row: Int64
    registers: int
    plan: str
    labels: tuple[str, ...]
    prices: Int64
    line_kwh: Int64
    use_wh: Int64
    use_kwh: Int64
    subtotal: Int64
    vat: Int64

    @property
    def kwh(self) -> Int64:
        return np.asarray(self.use_kwh.sum(axis=1), np.int64)

    @property
    def wh(self) -> Int64:
        return np.asarray(self.use_wh.sum(axis=1), np.int64)

    @property
    def total(self) -> Int64:
        return self.subtotal + self.vat


@dataclass(frozen=True, slots=True)
class Law:
    """What holds for all bills of a run: the decision and the VAT rate in hundredths of a per cent."""

    country: Country
    tariff: Tariff
    vat_percent: Decimal
    vat_basis_points: int


def law(period: Period, invoice_date: date) -> Law | None:
    """None where prices change within the period, or anything about them is not known: no bill is plain."""
    first, end = local_day(period.start), local_day(period.end)
    try:
        here, _ = plan_in("vn-household")
        if any(first < day < end for day in here.effective_dates()):
            return None
        tariff = here.in_force(first)
        here.in_force(date.fromordinal(end.toordinal() - 1))
        percent = here.vat(invoice_date).percent
    except AnalyticsError:
        return None
    points = percent * 100
    return Law(here, tariff, percent, int(points)) if points == int(points) else None


def rate(columns: Columns, of: Law) -> tuple[list[Plain], list[str]]:
    """The plain bills of a portion by group, and the points that are none."""
    groups: dict[tuple[str, Decimal, Decimal, bool], list[int]] = defaultdict(list)
    odd: dict[str, None] = {}
    rows = len(columns.point)
    start = 0
    while start < rows:
        end = start + 1
        while end < rows and columns.point[end] == columns.point[start]:
            end += 1
        if _is_plain(columns, start, end):
            plan, one_rate = columns.plan[start], columns.one_rate[start]
            assert plan is not None
            key = (plan, columns.households[start], columns.voltage_kv[start], bool(one_rate))
            groups[key].append(start)
        else:
            odd[columns.point[start]] = None
        start = end
    found = []
    for (plan, households, voltage, one_rate), starts in groups.items():
        prices = prices_of(of, plan, households, voltage, one_rate=one_rate)
        if prices is None:
            odd.update(dict.fromkeys(columns.point[row] for row in starts))
        else:
            found.append(_bills(columns, np.array(starts, np.int64), plan, prices, of.vat_basis_points))
    return found, list(odd)


def _is_plain(columns: Columns, start: int, end: int) -> bool:
    if any(columns.odd[start:end]) or columns.model[start] is None:
        return False
    kind = models.kind(columns.model[start] or "")
    multiplier: Decimal = columns.multiplier[start]
    if kind is None or (not kind.is_secondary and multiplier != 1) or multiplier != int(multiplier):
        return False
    digits = columns.digits[start] or kind.digits
    for row in range(start, end):
        opening, closing, scaler = columns.opening[row], columns.closing[row], columns.scaler[row]
        carried: Decimal = columns.carried_wh[row]
        if opening is None or closing is None or scaler is None or not 0 <= scaler <= 3 or opening < 0:
            return False
        unit = 10**scaler
        if digits is not None and closing * unit >= 10 ** (digits + 3):
            return False
        if carried != int(carried) or (closing - opening) * unit * int(multiplier) > MOST_WH:
            return False
    return True


def prices_of(
    of: Law, plan_name: str, households: Decimal, voltage: Decimal, *, one_rate: bool
) -> Prices | None:
    """The lines a group may have; None where a rule of its own is wanted for it."""
    registers = 1 if one_rate else 3
    names = RATES[:1] if one_rate else RATES[1:]
    try:
        plan = of.country.plans.get(plan_name)
        if plan is None or plan.future or plan.demand or plan.standing or households <= 0 or voltage < 0:
            return None
        if plan.table in of.tariff.demand or plan.table in of.tariff.standing:
            return None
        match plan.pricing:
            case Pricing.TIERS:
                tiers = of.tariff.tiers_of(plan.table)
                upper = np.cumsum([*quotas(tiers.widths, Fraction(households)), OPEN // 2], dtype=np.int64)
                labels = tuple(f"bậc {n}" for n in range(1, len(tiers.prices) + 1))
                return Prices(labels, np.array(tiers.prices, np.int64), upper, registers)
            case Pricing.FLAT:
                flat = of.tariff.flat_at(plan.table, voltage)
                return Prices(names, np.full(registers, flat.price, np.int64), None, registers)
            case Pricing.THREE_RATE:
                three = of.tariff.three_rate_at(plan.table, voltage)
                each = (three.normal,) if one_rate else (three.normal, three.peak, three.offpeak)
                return Prices(names, np.array(each, np.int64), None, registers)
    except AnalyticsError:
        return None
    return None


def _bills(columns: Columns, starts: Int64, plan: str, prices: Prices, basis_points: int) -> Plain:
    rows = starts[:, None] + np.arange(prices.registers)
    flat = rows.reshape(-1).tolist()

    def of(column: Sequence[object]) -> Int64:
        return np.array([int(column[row]) for row in flat], np.int64).reshape(rows.shape)  # type: ignore[call-overload]

    delta = of(columns.closing) - of(columns.opening)
    wh = delta * 10 ** of(columns.scaler) * of(columns.multiplier)
    # half-up of what was used and what the last bill left over; that is never paid back as a negative use
    use_kwh = np.maximum(0, (wh + of(columns.carried_wh) + 500) // 1000)
    if prices.upper is None:
        line_kwh = use_kwh
    else:
        used = use_kwh.sum(axis=1)[:, None]
        lower = np.concatenate([[0], prices.upper[:-1]])
        line_kwh = np.clip(used, lower, prices.upper) - lower
    subtotal = (line_kwh * prices.prices).sum(axis=1)
    vat = (subtotal * basis_points + 5000) // 10000
    return Plain(
        starts, prices.registers, plan, prices.labels, prices.prices, line_kwh, wh, use_kwh, subtotal, vat
    )
