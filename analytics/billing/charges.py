"""The lines of a part of a period: kWh through tiers, by the hour or at one price; kW; the month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from analytics.billing.because import Because, Figure
from analytics.billing.parts import PRICE_CHANGE, Part
from analytics.billing.quotas import month_length, quotas, tier_run
from analytics.billing.rated import RatedLine
from analytics.billing.request import UNDECLARED, Request
from analytics.errors import BillingError
from analytics.tariffs.country import Country
from analytics.tariffs.kinds import Plan, Pricing
from analytics.tariffs.prices import Band, Demand, TierPrices
from analytics.tariffs.tariff import EVERYWHERE
from model.money import Dong, half_up

OTHER = "khác"  # how a bill calls what a cooperative sells to others than households
DEMAND, STANDING = "Pmax", "thuê bao"
_BANDS = {OTHER: "other", DEMAND: "demand", STANDING: "standing"}


@dataclass(frozen=True, slots=True)
class Charge:
    """One part of a request under its country's rules, and the notes that come up."""

    request: Request
    here: Country
    plan: Plan
    part: Part
    notes: list[Because]

    def lines(self) -> Iterator[RatedLine]:
        """The lines in the order they stand on the bill; none with nothing in it."""
        request, plan, part = self.request, self.plan, self.part
        tariff, used = part.tariff, sum(part.kwh.values())
        if request.three_rate_refused and plan.pricing is not Pricing.THREE_RATE:
            raise BillingError("bad_request", f"three_rate_refused: {plan.name} is not billed by three rates")
        match plan.pricing:
            case Pricing.TIERS:
                tiers = tariff.tiers_of(plan.table)
                self._confidence(tiers.confidence)
                if request.tenants == UNDECLARED:
                    yield from self._undeclared(tiers, used)
                else:
                    yield from self._tiers(tiers, request.shares(self.here.rules.people), used)
            case Pricing.PREPAID:
                flat = tariff.prepaid_price()
                self._confidence(flat.confidence)
                yield from self._line("KT", used, flat.price, Because("prepaid"), EVERYWHERE)
            case Pricing.FLAT:
                flat = tariff.flat_at(plan.table, request.voltage_kv)
                self._confidence(flat.confidence)
                for register, kwh in part.kwh.items():
                    yield from self._line(register, kwh, flat.price, Because("flat"), flat.band)
            case Pricing.THREE_RATE:
                yield from self._three_rates()
            case Pricing.WHOLESALE:
                tiers, other_price = tariff.wholesale_of(plan.table)
                self._confidence(tiers.confidence)
                yield from self._wholesale(tiers, other_price, used)
        yield from self._demand()
        yield from self._standing()

    def _undeclared(self, tiers: TierPrices, used: int) -> Iterator[RatedLine]:
        """A lease under 12 months, tenants undeclared: the price of one tier (101-200 kWh) for all."""
        pays = self.here.rules.undeclared_kwh
        if pays is None:
            raise BillingError("households", f"{self.plan.name} counts no tenants: give households")
        tier = tiers.tier_at(pays)
        why = Because("undeclared", {"tier": tier})
        yield from self._line(f"bậc {tier}", used, tiers.prices[tier - 1], why, EVERYWHERE, tier)

    def _tiers(self, tiers: TierPrices, households: Fraction, kwh: int) -> Iterator[RatedLine]:
        days = self.part.days if self.part.prorated else None
        month = month_length(self.request.start)
        sizes = quotas(tiers.widths, households, days, month)
        shares = Decimal(households.numerator) / households.denominator
        for index, taken in tier_run(kwh, sizes):
            figures: dict[str, Figure] = {
                "tier": index + 1,
                "households": shares,
                "above": sum(sizes[:index]),
            }
            if index < len(sizes):
                above, quota = sum(sizes[:index]), sizes[index]
                figures |= {"width": tiers.widths[index], "quota": quota}
                figures |= {"first": above + 1, "last": above + quota}
            why = Because("tier" if index < len(sizes) else "open_tier", figures)
            yield from self._line(f"bậc {index + 1}", taken, tiers.prices[index], why, EVERYWHERE, index + 1)

    def _three_rates(self) -> Iterator[RatedLine]:
        """By the hour; a single-rate meter pays the normal price, a refused three-rate meter the peak's
        (TT 60/2025/TT-BCT, Art. 5(3)-(8))."""
        request, part = self.request, self.part
        three = part.tariff.three_rate_at(self.plan.table, request.voltage_kv)
        self._confidence(three.confidence)
        prices: Mapping[str, int] = {"BT": three.normal, "CD": three.peak, "TD": three.offpeak}
        due, used = self.here.rules.three_rate_kwh, sum(part.kwh.values())
        single = not request.three_rate_refused and (request.one_rate or set(part.kwh) == {"KT"})
        if single and due is not None and used >= due:
            self.notes.append(Because("three_rate_due", {"kwh": used, "due": due}))
        for register, kwh in part.kwh.items():
            price, why = prices.get(register, three.normal), "rate"
            if request.three_rate_refused:
                price, why = three.peak, "refused"
            elif request.one_rate or register not in prices:
                price, why = three.normal, "one_rate"
            yield from self._line(register, kwh, price, Because(why, {"band": register}), three.band)

    def _wholesale(self, tiers: TierPrices, other_price: Dong, bulk: int) -> Iterator[RatedLine]:
        """A cooperative's bulk meter (TT 60/2025/TT-BCT, Art. 14): households with use share the tiers."""
        request, factor = self.request, self.here.rules.other_factor
        if request.households_with_use is None:
            raise BillingError(
                "households", "a cooperative's bulk meter needs the number of households with use"
            )
        if factor is None:
            raise BillingError("bad_request", f"no law says how {self.plan.name} counts other retail")
        times = Decimal(factor.numerator) / factor.denominator
        other = half_up(request.retail_other_kwh * factor)
        if other > bulk:
            raise BillingError(
                "negative",
                f"{times} × {request.retail_other_kwh} kWh of other retail is more than the bulk "
                f"meter's {bulk} kWh",
            )
        if bulk > other and not request.households_with_use:
            raise BillingError(
                "households",
                f"{bulk - other} kWh went to households, but households_with_use is 0: correct it",
            )
        yield from self._tiers(tiers, Fraction(request.households_with_use), bulk - other)
        figures: dict[str, Figure] = {"retail": request.retail_other_kwh, "bulk": bulk, "other": other}
        figures["factor"] = times
        yield from self._line(OTHER, other, other_price, Because("other", figures), EVERYWHERE)

    def _share(self) -> Fraction:
        """Of a month's charge: all of it in a regular period, its days' share of a part of one."""
        part, request = self.part, self.request
        if not part.prorated:
            return Fraction(1)
        if request.reason == "regular" and part.prorated == PRICE_CHANGE:
            return Fraction(part.days, (request.end - request.start).days)
        return Fraction(part.days, month_length(request.start))

    def _demand(self) -> Iterator[RatedLine]:
        """The highest kW, or the ratchet's share of an earlier month's, or the least that is charged."""
        request, table = self.request, self.plan.table
        if not self.plan.demand and table not in self.part.tariff.demand:
            return
        price = self.part.tariff.demand_at(table, request.voltage_kv)
        self._confidence(price.confidence)
        if request.pmax_kw is None:
            raise BillingError(
                "no_demand",
                f"decision {self.part.tariff.decision} charges by the kW: give pmax_kw of the period",
            )
        kw, kind, past = billed_kw(price, request.pmax_kw, request.past_pmax_kw)
        figures: dict[str, Figure] = {
            "kw": kw,
            "pmax": request.pmax_kw,
            "past": past,
            "percent": price.percent,
            "months": price.months,
        }
        amount = self.here.currency.amount(Fraction(kw) * self._share(), price.price)
        yield self._made(DEMAND, 0, price.price, amount, Because(kind, figures), price.band, kw=kw)

    def _standing(self) -> Iterator[RatedLine]:
        table, tariff = self.plan.table, self.part.tariff
        if not self.plan.standing and table not in tariff.standing:
            return
        price = tariff.standing_at(table, self.request.voltage_kv)
        amount = self.here.currency.amount(self._share(), price.price)
        yield self._made(STANDING, 0, price.price, amount, Because("standing"), price.band)

    def _line(
        self, label: str, kwh: int, price: Dong, why: Because, band: Band, tier: int | None = None
    ) -> Iterator[RatedLine]:
        if kwh:
            amount = self.here.currency.amount(kwh, price)
            yield self._made(label, kwh, price, amount, why, band, tier)

    def _made(
        self,
        label: str,
        kwh: int,
        price: Dong,
        amount: Dong,
        why: Because,
        band: Band,
        tier: int | None = None,
        kw: Decimal | None = None,
    ) -> RatedLine:
        part = self.part
        by_days = why.kind in _BY_DAYS
        figures = dict(why.figures)
        if part.prorated and by_days:
            figures |= {"days": part.days, "month_days": month_length(self.request.start)}
            if tier is None:
                figures["share"] = str(self._share())
        return RatedLine(
            label=label,
            kwh=kwh,
            price=price,
            amount=amount,
            decision=part.tariff.decision,
            start=part.start,
            end=part.end,
            tier=tier,
            band="" if tier else _BANDS.get(label, label),
            voltage=band.label,
            kw=kw,
            because=Because(why.kind, figures, part.prorated if by_days else ""),
        )

    def _confidence(self, confidence: str) -> None:
        kind = {"C": "unconfirmed_price", "B": "one_source", "example": "invented"}.get(confidence)
        if kind is not None:
            tariff = self.part.tariff
            self.notes.append(
                Because(kind, {"decision": tariff.decision, "plan": self.plan.name, "file": tariff.file})
            )


_BY_DAYS = ("tier", "open_tier", "demand", "ratchet", "least_demand", "standing")


def billed_kw(price: Demand, pmax: Decimal, past: tuple[Decimal, ...]) -> tuple[Decimal, str, Decimal]:
    """(kW charged, why, the highest of the months that the ratchet looks back on)."""
    before = max(past[: price.months], default=Decimal(0))
    ratchet = before * price.percent / 100
    highest = max(pmax, ratchet, price.minimum_kw)
    kind = "demand" if highest == pmax else "ratchet" if highest == ratchet else "least_demand"
    return highest, kind, before
