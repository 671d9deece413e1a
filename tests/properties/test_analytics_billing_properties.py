"""What holds of every bill."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.billing import Reason, Request, rate
from analytics.billing.bulk import TierKey, rate_households, tabulate
from analytics.billing.quotas import quotas, tier_run
from analytics.tariffs import in_force
from analytics.tariffs.reactive import cos_phi
from model.money import half_up

kwh = st.integers(0, 20_000)
starts = st.dates(date(2019, 3, 20), date(2026, 10, 1))
spans = st.integers(1, 62)
households = st.sampled_from([Decimal(1), Decimal(2), Decimal(3), Decimal("7")])


def request(start: date, span: int, used: int, shares: Decimal, reason: Reason) -> Request:
    end = start + timedelta(span)
    return Request(
        "vn-household", start, end, date(2025, 7, 1), {"KT": used}, households=shares, reason=reason
    )


@given(starts, spans, kwh, households, st.sampled_from(Reason))
def test_lines_add_up_and_use_every_kwh(
    start: date, span: int, used: int, shares: Decimal, reason: Reason
) -> None:
    rated = rate(request(start, span, used, shares, reason))
    assert sum(line.amount for line in rated.lines) == rated.subtotal
    assert sum(line.kwh for line in rated.lines) == used
    assert all(line.amount == line.kwh * line.price and line.kwh > 0 for line in rated.lines)
    assert rated.vat == half_up(Fraction(rated.subtotal) * 8 / 100)
    assert rated.total == rated.subtotal + rated.vat


@given(starts, spans, kwh, st.integers(1, 500), households, st.sampled_from(Reason))
def test_more_kwh_never_cost_less(
    start: date, span: int, used: int, more: int, shares: Decimal, reason: Reason
) -> None:
    less = rate(request(start, span, used, shares, reason)).subtotal
    assert rate(request(start, span, used + more, shares, reason)).subtotal >= less


@given(kwh, kwh, kwh, st.permutations(["BT", "CD", "TD"]))
def test_the_order_of_registers_changes_no_amount(a: int, b: int, c: int, order: list[str]) -> None:
    used = {"BT": a, "CD": b, "TD": c}
    first, second = (
        rate(Request("vn-production", date(2025, 6, 1), date(2025, 7, 1), date(2025, 7, 1), registers))
        for registers in (used, {register: used[register] for register in order})
    )
    assert first.total == second.total


def slow_twin(key: TierKey, used: int, basis_points: int) -> tuple[int, int]:
    """Tier by tier, in fractions."""
    sizes = quotas(key.tiers.widths, key.households, key.days, key.month_days)
    subtotal = sum(taken * key.tiers.prices[tier] for tier, taken in tier_run(used, sizes))
    return subtotal, half_up(Fraction(subtotal * basis_points, 10000))


keys = st.builds(
    TierKey,
    st.sampled_from([in_force(date(2025, 6, 1)).household, in_force(date(2024, 1, 1)).household]),
    st.sampled_from([Fraction(1), Fraction(5, 4), Fraction(3)]),
    st.none() | st.integers(1, 31),
    st.integers(28, 31),
)


@settings(deadline=None)  # the first example may compile the kernel
@given(st.lists(keys, min_size=1, max_size=5), st.data())
def test_the_bulk_kernel_equals_its_slow_twin(found: list[TierKey], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(found) - 1), max_size=30))
    used = data.draw(st.lists(kwh, min_size=len(rows), max_size=len(rows)))
    vat_rate = data.draw(st.sampled_from([800, 1000, 0]))
    threads = data.draw(st.integers(1, 3))
    out = np.empty(len(used), np.int64), np.empty(len(used), np.int64)
    kwh_ = np.array(used, np.int64)
    subtotal, vat = rate_households(kwh_, rows, tabulate(found), vat_rate, threads=threads, out=out)
    twin = [slow_twin(found[row], one, vat_rate) for row, one in zip(rows, used, strict=True)]
    assert list(zip(subtotal.tolist(), vat.tolist(), strict=True)) == twin


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_cos_phi_is_rounded_half_up_exactly(active: int, reactive: int) -> None:
    n = int(cos_phi(active, reactive).scaleb(2))
    square = active * active + reactive * reactive
    assert (2 * n - 1) ** 2 * square <= (200 * active) ** 2 or n == 0
    assert (2 * n + 1) ** 2 * square > (200 * active) ** 2
