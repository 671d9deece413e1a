"""Plain bills by the ten thousand: registers to kWh to lines in arrays, grouped by what decides their prices.

Plain is one meter, multiplier and supply all the period, both indices read, no roll-over, whole Wh. Within it
the price may change once: by the registers' indices of that instant, where the meter told each, else, of a
household, by days (TT 60/2025/TT-BCT, 12.8). What is not plain goes the way of objects (`counting.count`),
which says the same of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analytics.billing.quotas import month_length, quotas
from analytics.errors import AnalyticsError
from analytics.tariffs.country import Country, plan_in
from analytics.tariffs.kinds import Plan, Pricing
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
    """How kWh become lines under one decision: tiers by their upper ends, or a price a register. `labels`,
    `prices` by line."""

    labels: tuple[str, ...]
    prices: Int64
    upper: Int64 | None  # kWh at which tiers end, None: a line a register


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """n bills. `row` is where each point's first register stands in the columns; `registers` how many it has.

    Lines are matrices (n, lines) of a group, by decision; a line of 0 kWh is none. Uses are (n, registers),
    or (n, 2 registers) where the registers were read when the price changed: all before it, then all after.
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
    """What holds for all bills of a run: the decision, or the two before and from the day of `change` on, and
    the VAT rate in hundredths of a per cent."""

    country: Country
    tariffs: tuple[Tariff, ...]
    start: date
    change: date | None
    end: date
    vat_percent: Decimal
    vat_basis_points: int

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.decision for one in self.tariffs))

    @property
    def days(self) -> tuple[int, ...]:
        """Of the part under each decision."""
        cuts = [self.start, *([self.change] if self.change else []), self.end]
        return tuple((later - earlier).days for earlier, later in pairwise(cuts))


def law(period: Period, invoice_date: date) -> Law | None:
    """None where prices change twice within the period, or anything about them is not known: no bill is
    plain."""
    first, end = local_day(period.start), local_day(period.end)
    try:
        here, _ = plan_in("vn-household")
        changes = [day for day in here.effective_dates() if first < day < end]
        if len(changes) > 1:
            return None
        tariffs = tuple(here.in_force(day) for day in (first, *changes))
        here.in_force(date.fromordinal(end.toordinal() - 1))
        percent = here.vat(invoice_date).percent
    except AnalyticsError:
        return None
    points, change = percent * 100, changes[0] if changes else None
    if points != int(points):
        return None
    return Law(here, tariffs, first, change, end, percent, int(points))


def rate(columns: Columns, of: Law) -> tuple[list[Plain], list[str]]:
    """The plain bills of a portion by group, and the points that are none."""
    groups: dict[_Kind, list[int]] = defaultdict(list)
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
            # Read at the change is who was read by every register (`pairing`).
            told = of.change is not None and None not in columns.middle[start:end]
            kind = _Kind(plan, columns.households[start], columns.voltage_kv[start], bool(one_rate), told)
            groups[kind].append(start)
        else:
            odd[columns.point[start]] = None
        start = end
    found = []
    for kind, starts in groups.items():
        prices = prices_of(of, kind)
        if prices is None:
            odd.update(dict.fromkeys(columns.point[row] for row in starts))
        else:
            found.append(_bills(columns, np.array(starts, np.int64), kind, prices, of))
    return found, list(odd)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What decides the prices of a group; `told`: its registers were read when the price changed."""

    plan: str
    households: Decimal
    voltage_kv: Decimal
    one_rate: bool
    told: bool

    @property
    def registers(self) -> tuple[str, ...]:
        return RATES[:1] if self.one_rate else RATES[1:]


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


def prices_of(of: Law, kind: _Kind) -> list[Prices] | None:
    """The lines a group may have under each decision; None where a rule of its own is wanted for it."""
    plan = of.country.plans.get(kind.plan)
    if plan is None or plan.future or plan.demand or plan.standing:
        return None
    if kind.households <= 0 or kind.voltage_kv < 0:
        return None
    by_days = of.change is not None and not kind.told
    if by_days and not (plan.household and plan.pricing is Pricing.TIERS):
        return None  # who is no household is read on that day
    try:
        found = [
            _priced(of, tariff, plan, kind, days) for tariff, days in zip(of.tariffs, of.days, strict=True)
        ]
    except AnalyticsError:
        return None
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _priced(of: Law, tariff: Tariff, plan: Plan, kind: _Kind, days: int) -> Prices | None:
    if plan.table in tariff.demand or plan.table in tariff.standing:
        return None
    registers = kind.registers
    match plan.pricing:
        case Pricing.TIERS:
            tiers = tariff.tiers_of(plan.table)
            part = days if of.change else None
            widths = quotas(tiers.widths, Fraction(kind.households), part, month_length(of.start))
            upper = np.cumsum([*widths, OPEN // 2], dtype=np.int64)
            labels = tuple(f"bậc {n}" for n in range(1, len(tiers.prices) + 1))
            return Prices(labels, np.array(tiers.prices, np.int64), upper)
        case Pricing.FLAT:
            flat = tariff.flat_at(plan.table, kind.voltage_kv)
            return Prices(registers, np.full(len(registers), flat.price, np.int64), None)
        case Pricing.THREE_RATE:
            three = tariff.three_rate_at(plan.table, kind.voltage_kv)
            each = (three.normal,) if kind.one_rate else (three.normal, three.peak, three.offpeak)
            return Prices(registers, np.array(each, np.int64), None)
    return None


def _bills(columns: Columns, starts: Int64, kind: _Kind, prices: Sequence[Prices], of: Law) -> Plain:
    registers = len(kind.registers)
    rows = starts[:, None] + np.arange(registers)
    flat = rows.reshape(-1).tolist()

    def column(values: Sequence[object]) -> Int64:
        return np.array([int(values[row]) for row in flat], np.int64).reshape(rows.shape)  # type: ignore[call-overload]

    unit = 10 ** column(columns.scaler) * column(columns.multiplier)
    indices = [
        column(columns.opening),
        *([column(columns.middle)] if kind.told else []),
        column(columns.closing),
    ]
    wh = np.hstack([(later - earlier) * unit for earlier, later in pairwise(indices)])
    left = np.zeros_like(wh)
    left[:, :registers] = column(columns.carried_wh)
    # half-up of what was used and what the last bill left over; that is never paid back as a negative use
    use_kwh = np.maximum(0, (wh + left + 500) // 1000)
    parts = np.split(use_kwh, len(indices) - 1, axis=1)
    if of.change is not None and not kind.told:  # half_up(S / T1 x days before)
        used, length = use_kwh.sum(axis=1, keepdims=True), sum(of.days)
        before = (2 * used * of.days[0] + length) // (2 * length)
        parts = [before, used - before]
    line_kwh = np.hstack([_lines(part, each) for part, each in zip(parts, prices, strict=True)])
    price = np.concatenate([each.prices for each in prices])
    subtotal = (line_kwh * price).sum(axis=1)
    vat = (subtotal * of.vat_basis_points + 5000) // 10000
    labels = tuple(label for each in prices for label in each.labels)
    return Plain(starts, registers, kind.plan, labels, price, line_kwh, wh, use_kwh, subtotal, vat)


def _lines(kwh: Int64, prices: Prices) -> Int64:
    """(n, registers) kWh as lines (n, lines)."""
    if prices.upper is None:
        return kwh
    lower = np.concatenate([[0], prices.upper[:-1]])
    return np.asarray(np.clip(kwh.sum(axis=1)[:, None], lower, prices.upper) - lower, np.int64)
