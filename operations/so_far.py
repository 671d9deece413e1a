"""What a period has cost until now: the bill's own rules on the energy of the days so far. An
estimate, and called one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from analytics.billing import Request, rate
from analytics.billing.quotas import quotas, tier_run
from analytics.errors import AnalyticsError
from analytics.tariffs import NoVatRate, in_force, last_vat_day, vat_percent
from analytics.tariffs.plans import Pricing, plan
from model.grid import Supply
from model.money import Dong, half_up
from operations import supplied


@dataclass(frozen=True, slots=True)
class Tier:
    """`size` kWh (None: open) at `price` đồng/kWh, `used` of them."""

    number: int
    size: int | None
    used: int
    price: Dong


@dataclass(frozen=True, slots=True)
class SoFar:
    """`amount` with VAT of `vat_percent`; None where no rate is known for the day, and `amount` is then
    before VAT.

    `tiers` is empty for a plan without tiers; `current` is the index of the one being used, `left` the
    kWh until the next.
    """

    kwh: int
    amount: Dong
    vat_percent: Decimal | None
    households: Decimal
    tiers: tuple[Tier, ...] = ()
    current: int = 0
    left: int | None = None


def so_far(supply: Supply, first: date, today: date, wh: float) -> SoFar | None:
    """The period from `first` to the end of `today`, `wh` used. None for a plan whose price needs
    the registers by hour, for a plan or a day that no file has prices for, and for less than nothing.
    """
    try:
        return _told(supply, first, today, wh) if wh >= 0 else None
    except AnalyticsError:
        return None


def _told(supply: Supply, first: date, today: date, wh: float) -> SoFar | None:
    pricing = plan(supply.plan).pricing
    if pricing is Pricing.WHOLESALE or (pricing is Pricing.THREE_RATE and not supply.one_rate):
        return None
    kwh = half_up(Decimal(str(wh)) / 1000)
    try:
        percent: Decimal | None = vat_percent(today)
    except NoVatRate:
        percent = None
    request = Request(
        plan=supply.plan,
        start=first,
        end=today + timedelta(days=1),
        invoice_date=today if percent is not None else last_vat_day(),
        kwh={"KT": kwh},
        **supplied.shares(supply),
    )
    rated = rate(request)
    amount = rated.subtotal if percent is None else rated.total
    if pricing is not Pricing.TIERS:
        return SoFar(kwh, amount, percent, supply.households)
    if supply.undeclared:  # one price for all of it
        return SoFar(kwh, amount, percent, Decimal(1))
    households = supplied.households(supply)
    tiers, current, left = _tiers(today, kwh, households)
    return SoFar(kwh, amount, percent, households, tiers, current, left)


def _tiers(today: date, kwh: int, households: Decimal) -> tuple[tuple[Tier, ...], int, int | None]:
    """The tiers at today's prices, which is being used, and the kWh left in it."""
    prices = in_force(today).household
    sizes = quotas(prices.widths, Fraction(households))
    used = dict(tier_run(kwh, sizes))
    tiers = tuple(
        Tier(index + 1, sizes[index] if index < len(sizes) else None, used.get(index, 0), price)
        for index, price in enumerate(prices.prices)
    )
    current = max(used, default=0)
    size = tiers[current].size
    if size is not None and tiers[current].used == size:  # exactly full: the next kWh is the next tier's
        current += 1
        size = tiers[current].size
    return tiers, current, None if size is None else size - tiers[current].used
