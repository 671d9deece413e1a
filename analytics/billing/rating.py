"""A period of one customer to the smallest unit of its money."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from analytics.billing.because import Because, Figure
from analytics.billing.charges import Charge
from analytics.billing.given import MOST_KWH, REACTIVE
from analytics.billing.parts import RATES, Part, split
from analytics.billing.rated import Rated, Reactive
from analytics.billing.registers import use_register
from analytics.billing.request import Request
from analytics.errors import BillingError
from analytics.tariffs.country import Country, plan_in
from analytics.tariffs.files import SHIPPED
from analytics.tariffs.kinds import Plan, Pricing
from analytics.tariffs.reactive import cos_phi
from analytics.tariffs.vat import VatRate
from model.bill import RegisterUse
from model.money import Dong, half_up

A_MONTH = range(27, 34)  # days between two readings a month apart, each a day early or late
_WITH_WIDTHS = (Pricing.TIERS, Pricing.WHOLESALE)


def rate(request: Request, *, binding: bool = False, tariffs: Path = SHIPPED) -> Rated:
    """Lines, subtotal, VAT at the invoice date's rate, total; `tariffs` is the folder of the countries.

    Raises `BillingError` or `TariffError` (`NoVatRate`, `NoTariff` …): `kind` and one sentence. `binding`
    refuses a what-if: no invoice is made from a tariff that is not in force.
    """
    if binding and request.what_if:
        raise BillingError(
            "inactive_tariff", f"decision {request.what_if} is only a what-if: no bill is made from it"
        )
    here, plan = plan_in(request.plan, tariffs)
    notes: list[Because] = []
    uses, kwh, kvarh = _consumption(request, notes)
    parts = split(request, here, plan, kwh)
    _by_this_decision(request, here, parts)
    _told(request, here, parts, kvarh, notes)
    lines = tuple(line for part in parts for line in Charge(request, here, plan, part, notes).lines())
    subtotal = sum(line.amount for line in lines)
    tax = here.vat(request.invoice_date)
    if tax.confidence == "C":
        notes.append(Because("unconfirmed_vat", {"percent": tax.percent, "law": tax.law, "file": tax.file}))
    vat = half_up(subtotal * tax.percent / 100)
    total_kwh = sum(kwh.values())
    energy = [use for use, part in zip(uses, request.registers, strict=True) if part.register != REACTIVE]
    reactive = _reactive(request, here, plan, total_kwh, kvarh, subtotal, tax, notes)
    return Rated(
        lines=lines,
        kwh=total_kwh,
        wh=sum((use.wh for use in energy), Decimal(0)) if uses else Decimal(total_kwh * 1000),
        subtotal=subtotal,
        vat_percent=tax.percent,
        vat=vat,
        total=subtotal + vat,
        decisions=tuple(dict.fromkeys(part.tariff.decision for part in parts)),
        uses=tuple(energy),
        reactive=reactive,
        notes=_once(notes),
        vat_because=Because("vat", {"percent": tax.percent, "law": tax.law, "day": request.invoice_date}),
        currency=here.currency,
    )


def _once(notes: list[Because]) -> tuple[Because, ...]:
    return tuple(note for index, note in enumerate(notes) if note not in notes[:index])


def _consumption(
    request: Request, notes: list[Because]
) -> tuple[tuple[RegisterUse, ...], dict[str, int], int | None]:
    """(uses in the order given, kWh by register in order of first appearance, kvarh)."""
    uses = tuple(use_register(part, request.multiplier) for part in request.registers)
    found: dict[str, int] = dict(request.kwh)
    kvarh = request.kvarh
    for part, use in zip(request.registers, uses, strict=True):
        if use.status != part.status:
            notes.append(Because("rolled_over", {"previous": part.previous, "current": part.current}))
        if part.register == REACTIVE:
            kvarh = (kvarh or 0) + use.kwh
        else:
            found[part.register] = found.get(part.register, 0) + use.kwh
    if "SG" in found:  # the sum register of a three-rate meter repeats BT + CD + TD
        total = found.pop("SG")
        three = [found[register] for register in RATES if register in found]
        if not three:
            found["KT"] = found.get("KT", 0) + total
        elif abs(total - sum(three)) > len(three):
            notes.append(Because("sum_differs", {"sum": total, "rates": sum(three)}))
    for register, most in (*found.items(), (REACTIVE, kvarh or 0)):
        if most > MOST_KWH:
            raise BillingError(
                "too_much",
                f"register {register} counted {most}, more than a period can hold: correct its indices, "
                "digits or multiplier",
            )
    return uses, found, kvarh


def _by_this_decision(request: Request, here: Country, parts: tuple[Part, ...]) -> None:
    """Refuse where another decision bills than the one that was asked for."""
    if not request.decision or request.what_if:
        return
    here.tariff(request.decision)
    for part in parts:
        if part.tariff.decision != request.decision:
            raise BillingError(
                "inactive_tariff",
                f"decision {request.decision} does not bill {part.start} to {part.end}, "
                f"{part.tariff.decision} does: leave it out, or ask for it as a what-if",
            )


def _told(
    request: Request, here: Country, parts: tuple[Part, ...], kvarh: int | None, notes: list[Because]
) -> None:
    """What a reader should know of the parts."""
    if request.what_if:
        notes.append(Because("what_if", {"decision": request.what_if}))
        if parts[0].tariff.inactive:
            notes.append(Because("inactive", {"decision": request.what_if, "why": parts[0].tariff.inactive}))
    for before, part in pairwise(parts):
        read = "read_at_change" if part.measured else "interpolated"
        sums: dict[str, Figure] = {"before": sum(before.kwh.values()), "after": sum(part.kwh.values())}
        notes.append(Because(read, {"day": part.start, **sums}))
    if unused := _unused(request, here.plans[request.plan], kvarh):
        notes.append(Because("unused", {"fields": ", ".join(unused), "plan": request.plan}))
    if request.readings_at_change is not None and len(parts) == 1:
        notes.append(Because("no_change"))
    if here.plans[request.plan].pricing in _WITH_WIDTHS:
        notes += [
            Because("full_widths", {"days": part.days})
            for part in parts
            if not part.prorated and part.days not in A_MONTH
        ]
    if request.invoice_date < request.last_day:
        notes.append(Because("early_invoice", {"day": request.invoice_date, "last": request.last_day}))
    for part in parts:
        known = part.tariff.dates.confirmed_until
        if known is not None and part.end > known:
            notes.append(Because("in_force_unconfirmed", {"decision": part.tariff.decision, "day": known}))


def _unused(request: Request, plan: Plan, kvarh: int | None) -> list[str]:
    """Fields that were given and that this plan's price does not depend on."""
    given = {
        "multiplier": request.multiplier != 1 and not request.registers,  # kWh are multiplied already
        "tenants": request.tenants is not None and plan.pricing is not Pricing.TIERS,
        "households": request.households != 1 and plan.pricing is not Pricing.TIERS,
        "households_with_use": request.households_with_use is not None,
        "retail_other_kwh": request.retail_other_kwh != 0,
        "kvarh": kvarh is not None and not request.buys_reactive,
    }
    wholesale = plan.pricing is Pricing.WHOLESALE
    return [name for name, idle in given.items() if idle and not (wholesale and name in _OF_A_BULK_METER)]


_OF_A_BULK_METER = ("households_with_use", "retail_other_kwh")


def _reactive(
    request: Request,
    here: Country,
    plan: Plan,
    kwh: int,
    kvarh: int | None,
    subtotal: Dong,
    tax: VatRate,
    notes: list[Because],
) -> Reactive | None:
    """Tq = Ta × k %, on an invoice of its own; households buy no reactive energy."""
    if not request.buys_reactive:
        return None
    table = here.reactive()
    if kvarh is None or plan.household or table is None:
        notes.append(Because("no_kvarh" if kvarh is None else "no_reactive", {"plan": plan.name}))
        return None
    cos = cos_phi(kwh, kvarh)
    k = table.k(cos)
    if table.confidence == "C":
        notes.append(Because("unconfirmed_reactive", {"decision": table.decision, "file": table.file}))
    amount = half_up(subtotal * k / 100)
    vat = half_up(amount * tax.percent / 100)
    why: Mapping[str, int | Decimal | str] = {
        "kwh": kwh,
        "kvarh": kvarh,
        "cos_phi": cos,
        "k": k,
        "free_from": table.free_from,
        "decision": table.decision,
    }
    return Reactive(cos, k, amount, vat, amount + vat, Because("reactive", why))
