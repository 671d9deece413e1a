"""What the law makes hold of every bill: sums, splits, permutations, every plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics.billing import Rated, Reason, RegisterPart, Request, rate
from analytics.billing.charges import billed_kw
from analytics.billing.quotas import quotas, tier_run
from analytics.errors import BillingError
from analytics.tariffs import effective_dates, in_force
from analytics.tariffs.prices import Band, Demand
from model.money import half_up

INVOICED = date(2025, 7, 1)
TOU_PLANS = ["vn-production", "vn-business", "vn-hospital-school", "vn-lighting-admin", "example-demand"]

kwh = st.integers(0, 50_000)
starts = st.dates(date(2023, 11, 9), date(2026, 11, 1))
spans = st.integers(1, 62)
three = st.fixed_dictionaries({"BT": kwh, "CD": kwh, "TD": kwh})
voltages = st.sampled_from([Decimal(text) for text in ("0.22", "0.4", "6", "10", "22", "35", "110", "220")])


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any plan of Vietnam over any days since all of them have prices."""
    start = draw(starts)
    end = start + timedelta(draw(spans))
    plan = draw(st.sampled_from(["vn-household", "vn-prepaid", *TOU_PLANS[:4], "vn-wholesale-htx"]))
    if plan == "vn-wholesale-htx":
        start = max(start, date(2025, 5, 10))
        end = max(end, start + timedelta(1))
    household = plan in ("vn-household", "vn-prepaid")
    used = {"KT": draw(kwh)} if household or plan == "vn-wholesale-htx" else draw(three)
    fields: dict[str, Any] = {"voltage_kv": draw(voltages), "reason": draw(st.sampled_from(Reason))}
    if plan == "vn-household":
        people = st.none() | st.just("undeclared") | st.integers(1, 40)
        fields["tenants"] = draw(people)
        if fields["tenants"] is None:
            fields["households"] = Decimal(draw(st.integers(1, 50)))
    if plan == "vn-wholesale-htx":
        fields["households_with_use"] = draw(st.integers(1, 300))
        fields["retail_other_kwh"] = draw(st.integers(0, used["KT"] * 10 // 11 // 2))
    inside = [day for day in effective_dates() if start < day < end]
    if len(inside) == 1 and (not household or draw(st.booleans())):
        share = draw(st.integers(0, 100))
        fields["readings_at_change"] = {register: one * share // 100 for register, one in used.items()}
    return Request(plan, start, end, INVOICED, used, **fields)


@given(requests())
def test_lines_use_every_kwh_and_add_up_whatever_the_plan(request: Request) -> None:
    found = rate(request)
    assert sum(line.amount for line in found.lines) == found.subtotal
    assert sum(line.kwh for line in found.lines) == sum(request.kwh.values()) == found.kwh
    assert all(line.amount == line.kwh * line.price and line.kwh > 0 for line in found.lines)
    assert found.vat == half_up(Fraction(found.subtotal) * 8 / 100)
    assert found.total == found.subtotal + found.vat


@given(requests(), st.data())
def test_more_of_any_register_never_costs_less(request: Request, data: st.DataObject) -> None:
    register = data.draw(st.sampled_from(sorted(request.kwh)))
    more = {**request.kwh, register: request.kwh[register] + data.draw(st.integers(1, 500))}
    assert rate(replace(request, kwh=more)).subtotal >= rate(request).subtotal


@given(requests())
def test_a_tier_period_is_split_for_the_reasons_of_the_law_alone(request: Request) -> None:
    """Parts end where the price changes and nowhere else; widths go by days for that, or for a reason."""
    found = rate(request)
    cuts = [
        request.start,
        *(day for day in effective_dates() if request.start < day < request.end),
        request.end,
    ]
    assert {(line.start, line.end) for line in found.lines} <= set(pairwise(cuts))
    for line in found.lines:
        tiered = line.because.kind in ("tier", "open_tier")
        why = "price_change" if len(cuts) > 2 else "" if request.reason == "regular" else request.reason.value
        assert line.because.prorated == (why if tiered else "")
        assert line.decision == in_force(line.start).decision


@given(starts, spans, kwh, st.integers(1, 9))
def test_a_regular_period_has_full_widths_however_long_it_is(
    start: date, span: int, used: int, households: int
) -> None:
    end = start + timedelta(span)
    assume(not [day for day in effective_dates() if start < day < end])
    found = rate(Request("vn-household", start, end, INVOICED, {"KT": used}, households=Decimal(households)))
    tiers = in_force(start).household
    runs = tier_run(used, quotas(tiers.widths, Fraction(households)))
    assert [(line.kwh, line.price) for line in found.lines] == [(taken, tiers.prices[n]) for n, taken in runs]


def _sums(*bills: Rated) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for bill in bills:
        for line in bill.lines:
            if line.kwh:
                found[line.band, line.decision] += line.amount
    return found


@given(st.sampled_from(TOU_PLANS), starts, st.integers(2, 62), three, voltages, st.data())
def test_a_period_by_the_hour_split_at_any_day_adds_up_exactly(
    plan: str, start: date, span: int, used: dict[str, int], kv: Decimal, data: st.DataObject
) -> None:
    if plan == "example-demand":
        start = date(2025, 1, 1) + (start - date(2023, 11, 9)) % timedelta(300)
        span = min(span, 60)
    end, middle = start + timedelta(span), start + timedelta(data.draw(st.integers(1, span - 1)))
    inside = [day for day in effective_dates() if start < day < end] if plan != "example-demand" else []
    assume(not inside or inside == [middle])
    before = {register: data.draw(st.integers(0, one)) for register, one in used.items()}
    after = {register: one - before[register] for register, one in used.items()}
    whole = Request(plan, start, end, INVOICED, used, voltage_kv=kv, pmax_kw=Decimal(0))
    if inside:
        whole = replace(whole, readings_at_change=before)
    first, second = replace(whole, end=middle, kwh=before), replace(whole, start=middle, kwh=after)
    parts = [rate(replace(one, readings_at_change=None)) for one in (first, second)]
    together = rate(whole)
    if plan == "example-demand":  # prices of a hundredth of a cent: each line is rounded to cents
        assert abs(sum(_sums(together).values()) - sum(_sums(*parts).values())) <= 3
        return
    assert together.subtotal == parts[0].subtotal + parts[1].subtotal
    assert +_sums(together) == +_sums(*parts)


readings = st.builds(
    lambda register, previous, use, removed, serial: RegisterPart(
        register, Decimal(previous), Decimal(previous + use), 6, removed, serial=serial
    ),
    st.sampled_from(["BT", "CD", "TD"]),
    st.integers(0, 900_000),
    st.integers(0, 50_000),
    st.booleans(),
    st.sampled_from(["A", "B"]),
)


@given(
    st.sampled_from(["vn-household", "vn-production"]),
    st.lists(readings, min_size=1, max_size=8),
    st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(40), Decimal("33.3")]),
    st.randoms(use_true_random=False),
)
def test_a_permutation_of_readings_changes_nothing(
    plan: str, parts: list[RegisterPart], multiplier: Decimal, chance: Any
) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)
    bills = [
        rate(
            Request(
                plan,
                date(2025, 6, 1),
                date(2025, 7, 1),
                INVOICED,
                registers=tuple(order),
                multiplier=multiplier,
            )
        )
        for order in (parts, shuffled)
    ]
    assert bills[0].total == bills[1].total
    assert (bills[0].kwh, bills[0].wh) == (bills[1].kwh, bills[1].wh)
    assert Counter((line.label, line.kwh, line.amount) for line in bills[0].lines) == Counter(
        (line.label, line.kwh, line.amount) for line in bills[1].lines
    )


@given(st.integers(1, 12), st.data())
def test_a_roll_over_counts_as_if_the_register_had_no_end(digits: int, data: st.DataObject) -> None:
    span = 10**digits
    previous = data.draw(st.integers(0, span - 1))
    used = data.draw(st.integers(0, span - 1))
    current, wrapped = (previous + used) % span, previous + used >= span
    part = RegisterPart("KT", Decimal(previous), Decimal(current), digits)
    month = (date(2025, 6, 1), date(2025, 7, 1), INVOICED)
    if not wrapped or used * 10 <= span:
        assert rate(Request("vn-household", *month, registers=(part,))).kwh == used
        return
    with pytest.raises(BillingError) as refused:
        rate(Request("vn-household", *month, registers=(part,)))
    assert refused.value.kind == "negative"
    assert rate(Request("vn-household", *month, registers=(replace(part, status="Q"),))).kwh == used


kw = st.decimals(0, 1000, places=2)


@given(kw, st.lists(kw, max_size=14), st.integers(0, 100), st.integers(0, 12), st.integers(0, 60))
def test_billed_demand_is_the_greatest_of_three(
    pmax: Decimal, past: list[Decimal], percent: int, months: int, least: int
) -> None:
    price = Demand(Band("", Decimal(0)), 1, "A", Decimal(percent), months, Decimal(least))
    billed, kind, _ = billed_kw(price, pmax, tuple(past))
    shares = [one * percent / 100 for one in past[:months]]
    assert billed == max([pmax, Decimal(least), *shares])
    assert kind == "demand" or billed > pmax
