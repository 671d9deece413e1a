"""The worked bills through the database: the same customers, their indices closed, billed by a run.

Left out is a tariff that is not in force, which a run refuses. The table of k comes row by row, as customers
whose registers say so.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from math import isqrt
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Rated, Request, rate
from analytics.errors import AnalyticsError
from model.bill import Bill, Hold
from model.period import LOCAL, midnight
from operations import bill, close
from storage.pool import Pool, open_pool
from tests.drawn_requests import drawn
from tests.operations_grid import NOW, bring, read
from tests.worked_bills import FIRST_KWH, Worked, enter, run

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = [
    case
    for case in json.loads((GOLDEN / "golden_bills.json").read_text(encoding="utf-8"))["cases"]
    if "what_if" not in case["request"]
]
K = list(csv.DictReader((GOLDEN / "reactive_k.csv").read_text(encoding="utf-8").splitlines()))
DRAWN, SOAK = 60, 600


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        yield pool


def test_every_worked_bill_to_the_dong_through_a_run(database: str, pool: Pool) -> None:
    worked = [Worked(case["id"], case["request"]) for case in CASES]
    factors = [Worked(f"K{number:02}", _buys(row)) for number, row in enumerate(K)]
    enter(pool, database, [*worked, *factors])
    found = run(pool, [*worked, *factors])
    for case, one in zip(CASES, worked, strict=True):
        made, expect = found[one.code], case["expect"]
        assert isinstance(made, Bill), made
        lines = [{"kwh": line.kwh, "price": line.price, "amount": line.amount} for line in made.lines]
        if one.three:  # a request's registers stand in its own order, a run's as BT, CD, TD
            lines, expect = by_price(lines), expect | {"lines": by_price(expect["lines"])}
        sums = ("subtotal", "vat_percent", "vat", "total")
        assert {name: getattr(made, name) for name in sums} | {"lines": lines} == expect, one.code
    for row, one in zip(K, factors, strict=True):
        made = found[one.code]
        assert isinstance(made, Bill), made
        assert made.reactive is not None
        told = rate(Request.from_document(dict(one.request))).reactive
        assert told is not None
        assert made.reactive.k_percent == Decimal(row["k_percent"])
        mine = (made.reactive.cos_phi, made.reactive.subtotal, made.reactive.vat, made.reactive.total)
        assert mine == (told.cos_phi, told.subtotal, told.vat, told.total)
        assert made.reactive.subtotal == round(made.subtotal * Decimal(row["k_percent"]) / 100)
        assert made.total == made.subtotal + made.vat


def _buys(row: dict[str, str]) -> dict[str, Any]:
    """A shop whose registers come to a row's cos φ: well below it, or in the middle of its hundredth."""
    sign = row["cosphi"].strip("<>=0123456789.")
    assert not sign
    cos = Decimal(row["cosphi"].strip("<>="))
    cos += {"<": Decimal("-0.05"), ">": Decimal("0.03")}.get(row["cosphi"][0], Decimal(0))
    kwh = 99_950
    kvarh = isqrt(int(Decimal(kwh) ** 2 / cos**2) - kwh**2)
    three = {"BT": 60_000, "CD": 20_000, "TD": 19_950}
    return {
        "plan": "vn-business", "from": "2025-06-01", "to": "2025-07-01", "kwh": three, "kvarh": kvarh,
        "buys_reactive": True, "multiplier": "40", "voltage_kv": "22",
    }  # fmt: skip


def by_price(lines: list[dict[str, int]]) -> list[dict[str, int]]:
    return sorted(lines, key=lambda line: line["price"])


def test_a_household_read_from_afar_when_its_price_changed_is_not_interpolated(
    database: str, pool: Pool
) -> None:
    """TT 60/2025/TT-BCT, 12.8: the real kWh of each part, as the same request with that reading says."""
    [case] = [case for case in CASES if case["id"] == "D04"]
    one = Worked(case["id"], case["request"])
    enter(pool, database, [one])
    bring(database, read(f"M-{one.code}", midnight(date(2025, 5, 10)), (FIRST_KWH + 250) * 1000))
    report = close.run(pool, one.period, NOW)
    assert not report.missing
    bill.run(pool, one.period, one.period.end.astimezone(LOCAL).date(), NOW)
    made = run(pool, [one])[one.code]
    assert isinstance(made, Bill)
    told = rate(Request.from_document(case["request"] | {"readings_at_change": {"KT": 250}}))
    assert [(line.kwh, line.price) for line in made.lines] == [(line.kwh, line.price) for line in told.lines]
    assert (made.total, [use.kwh for use in made.uses]) == (told.total, [250, 50])
    assert told.total != case["expect"]["total"]


def test_a_request_explained_is_the_bill_that_a_run_makes(database: str, pool: Pool) -> None:
    """Whatever its fields say together; what cannot be explained is held."""
    _explained_as_run(database, pool, DRAWN, 20261122)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_very_many_requests_explained_are_the_bills_that_runs_make(database: str, pool: Pool) -> None:
    _explained_as_run(database, pool, SOAK, random.randrange(10**9))


def _explained_as_run(database: str, pool: Pool, many: int, seed: int) -> None:
    customers = [Worked(f"R{n:04}", request) for n, request in enumerate(drawn(many, random.Random(seed)))]
    enter(pool, database, customers)
    found = run(pool, customers)
    billed = 0
    for one in customers:
        made, told = found[one.code], _explained(one)
        if isinstance(told, AnalyticsError):
            assert isinstance(made, Hold), f"seed {seed}: {one.request} is billed; {told.sentence}"
            assert made.kind in (told.kind, "no_bulk_figures"), one.request
            assert made.reason.endswith(".")
            continue
        assert isinstance(made, Bill), f"seed {seed}: {one.request} is held: {made}"
        billed += 1
        mine = sorted((line.label, line.kwh, line.price, line.amount) for line in made.lines)
        theirs = sorted((line.label, line.kwh, line.price, line.amount) for line in told.lines)
        assert mine == theirs, f"seed {seed}: {one.request}"
        assert (made.subtotal, made.vat, made.total) == (told.subtotal, told.vat, told.total), one.request
        assert (made.reactive is None) == (told.reactive is None), one.request
        if made.reactive is not None and told.reactive is not None:
            surcharge = made.reactive
            assert (surcharge.cos_phi, surcharge.k_percent, surcharge.total) == (
                told.reactive.cos_phi, told.reactive.k_percent, told.reactive.total
            ), one.request  # fmt: skip
    assert many / 3 < billed < many


def _explained(one: Worked) -> Rated | AnalyticsError:
    try:
        return rate(Request.from_document(dict(one.request)))
    except AnalyticsError as error:
        return error
