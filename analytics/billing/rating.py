"""A period of one customer to the đồng."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from analytics.billing.parts import Part, split
from analytics.billing.quotas import month_length, quotas, tier_run
from analytics.billing.rated import Rated, RatedLine, Reactive
from analytics.billing.registers import use_register
from analytics.billing.request import UNDECLARED, Request
from analytics.errors import BillingError
from analytics.tariffs import plans
from analytics.tariffs.plans import Plan, Pricing
from analytics.tariffs.reactive import cos_phi, reactive_table
from analytics.tariffs.tariff import Tariff, TierPrices
from analytics.tariffs.vat import vat_percent
from model.bill import RegisterUse
from model.money import Dong, half_up

HTX_OTHER_FACTOR = Fraction(
    11, 10
)  # TT 60/2025/TT-BCT, Art. 14: what a cooperative retails to others, with losses


def rate(request: Request, *, binding: bool = False) -> Rated:
    """Lines, subtotal, VAT at the invoice date's rate, total.

    Raises `BillingError` or `TariffError` (`NoVatRate`, `NoTariff` …): `kind` and one sentence. `binding`
    refuses a what-if: no invoice is made from a tariff that is not in force.
    """
    if binding and request.what_if:
        raise BillingError(
            "inactive_tariff", f"decision {request.what_if} is only a what-if: no bill is made from it"
        )
    plan = plans.plan(request.plan)
    uses, kwh, kvarh = _consumption(request)
    parts = split(request, plan, kwh)
    notes = _notes(request, parts)
    lines = tuple(line for part in parts for line in _lines(request, plan, part, notes))
    subtotal = sum(line.amount for line in lines)
    percent = vat_percent(request.invoice_date)
    vat = half_up(subtotal * percent / 100)
    total_kwh = sum(kwh.values())
    energy = [use for use, part in zip(uses, request.registers, strict=True) if part.register != "VC"]
    return Rated(
        lines=lines,
        kwh=total_kwh,
        wh=sum((use.wh for use in energy), Decimal(0)) if uses else Decimal(total_kwh * 1000),
        subtotal=subtotal,
        vat_percent=percent,
        vat=vat,
        total=subtotal + vat,
        decisions=tuple(dict.fromkeys(part.tariff.decision for part in parts)),
        uses=tuple(energy),
        reactive=_reactive(request, plan, total_kwh, kvarh, subtotal, percent),
        notes=tuple(dict.fromkeys(notes)),
    )


def _consumption(request: Request) -> tuple[tuple[RegisterUse, ...], dict[str, int], int | None]:
    """(uses in the order given, kWh by register in order of first appearance, kvarh)."""
    uses = tuple(use_register(part, request.multiplier) for part in request.registers)
    found: dict[str, int] = dict(request.kwh)
    kvarh = request.kvarh
    for part, use in zip(request.registers, uses, strict=True):
        if part.register == "VC":
            kvarh = (kvarh or 0) + use.kwh
        else:
            found[part.register] = found.get(part.register, 0) + use.kwh
    if "SG" in found:  # the sum register of a three-rate meter repeats BT + CD + TD
        total = found.pop("SG")
        if not found.keys() & {"BT", "CD", "TD"}:
            found["KT"] = found.get("KT", 0) + total
    return uses, found, kvarh


def _lines(request: Request, plan: Plan, part: Part, notes: list[str]) -> Iterator[RatedLine]:
    tariff, used = part.tariff, sum(part.kwh.values())
    match plan.pricing:
        case Pricing.TIERS if request.tenants == UNDECLARED:
            # A lease under 12 months, tenants undeclared: the price of the 101-200 tier for all.
            price = tariff.household.price_at(200)
            tier = tariff.household.prices.index(price) + 1
            yield from _line(tariff, f"bậc {tier}", used, price)
        case Pricing.TIERS:
            _unconfirmed(notes, tariff, plan.name, tariff.household.confidence)
            yield from _tiers(request, part, tariff.household, request.shares, used)
        case Pricing.PREPAID:
            flat = tariff.prepaid_price()
            _unconfirmed(notes, tariff, plan.name, flat.confidence)
            yield from _line(tariff, "KT", used, flat.price)
        case Pricing.FLAT:
            flat = tariff.flat_at(plan.table, request.voltage_kv)
            _unconfirmed(notes, tariff, plan.name, flat.confidence)
            for register, kwh in part.kwh.items():
                yield from _line(tariff, register, kwh, flat.price)
        case Pricing.THREE_RATE:
            three = tariff.three_rate_at(plan.table, request.voltage_kv)
            _unconfirmed(notes, tariff, plan.name, three.confidence)
            prices = {"CD": three.peak, "TD": three.offpeak} if not request.one_rate else {}
            for register, kwh in part.kwh.items():
                yield from _line(tariff, register, kwh, prices.get(register, three.normal))
        case Pricing.WHOLESALE:
            tiers, other_price = tariff.wholesale_of(plan.table)
            _unconfirmed(notes, tariff, plan.name, tiers.confidence)
            yield from _wholesale(request, part, tiers, other_price, used)


def _wholesale(
    request: Request, part: Part, tiers: TierPrices, other_price: Dong, bulk: int
) -> Iterator[RatedLine]:
    """A cooperative's bulk meter (TT 60/2025/TT-BCT, Art. 14): households with use share the tiers."""
    if request.households_with_use is None:
        raise BillingError("households", "a cooperative's bulk meter needs the number of households with use")
    other = half_up(request.retail_other_kwh * HTX_OTHER_FACTOR)
    if other > bulk:
        raise BillingError(
            "negative",
            f"1.1 × {request.retail_other_kwh} kWh of other retail is more than the bulk meter's {bulk} kWh",
        )
    yield from _tiers(request, part, tiers, Fraction(request.households_with_use), bulk - other)
    yield from _line(part.tariff, "khác", other, other_price)


def _tiers(
    request: Request, part: Part, tiers: TierPrices, households: Fraction, kwh: int
) -> Iterator[RatedLine]:
    sizes = quotas(tiers.widths, households, part.prorate_days, month_length(request.start))
    for tier, taken in tier_run(kwh, sizes):
        yield from _line(part.tariff, f"bậc {tier + 1}", taken, tiers.prices[tier])


def _line(tariff: Tariff, label: str, kwh: int, price: Dong) -> Iterator[RatedLine]:
    if kwh:
        yield RatedLine(label=label, kwh=kwh, price=price, amount=kwh * price, decision=tariff.decision)


def _reactive(
    request: Request, plan: Plan, kwh: int, kvarh: int | None, subtotal: Dong, percent: Decimal
) -> Reactive | None:
    """Tq = Ta × k %, on an invoice of its own; households buy no reactive energy."""
    if not request.buys_reactive or kvarh is None or plan.household:
        return None
    cos = cos_phi(kwh, kvarh)
    k = reactive_table().k(cos)
    amount = half_up(subtotal * k / 100)
    vat = half_up(amount * percent / 100)
    return Reactive(cos, k, amount, vat, amount + vat)


def _notes(request: Request, parts: tuple[Part, ...]) -> list[str]:
    notes: list[str] = []
    if request.what_if:
        notes.append(f"what-if: decision {request.what_if} is not what bills this period")
    if request.readings_at_change and len(parts) > 1:
        notes.append("the kWh before the change of price were read on that day")
    return notes


def _unconfirmed(notes: list[str], tariff: Tariff, plan: str, confidence: str) -> None:
    if confidence == "C":
        notes.append(
            f"prices of {tariff.decision} for {plan} are unconfirmed: check {tariff.file} against the annex"
        )
