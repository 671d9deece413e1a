"""Worked bills, to the đồng, from the dated tariff files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Request, rate
from analytics.errors import AnalyticsError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden_bills.json").read_text(encoding="utf-8"))[
    "cases"
]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["id"])
def test_the_bill_comes_out_to_the_dong(case: dict[str, Any]) -> None:
    rated, expect = rate(Request.from_document(case["request"])), case["expect"]
    lines = [{"kwh": line.kwh, "price": line.price, "amount": line.amount} for line in rated.lines]
    assert lines == expect["lines"]
    assert (rated.subtotal, rated.vat_percent, rated.vat, rated.total) == (
        expect["subtotal"],
        expect["vat_percent"],
        expect["vat"],
        expect["total"],
    )
    assert all(line.decision in rated.decisions for line in rated.lines)


@pytest.mark.parametrize("kwh", [50, 100, 200, 400])
def test_the_official_table_of_the_price_rise(kwh: int) -> None:
    """EVN's own table: the rise before VAT from decision 2699 to 1279."""
    rise = {50: 4550, 100: 9250, 200: 20150, 400: 49250}

    def subtotal(start: str, end: str) -> int:
        return rate(
            Request.from_document({"plan": "vn-household", "from": start, "to": end, "kwh": {"KT": kwh}})
        ).subtotal

    assert subtotal("2025-06-01", "2025-07-01") - subtotal("2025-03-01", "2025-04-01") == rise[kwh]


def test_the_inactive_five_tiers_bill_nobody() -> None:
    case = next(case for case in GOLDEN if case["id"] == "F01")
    with pytest.raises(AnalyticsError, match="only a what-if") as refused:
        rate(Request.from_document(case["request"]), binding=True)
    assert refused.value.kind == "inactive_tariff"
    plain = {key: value for key, value in case["request"].items() if key != "what_if"}
    assert rate(Request.from_document(plain)).decisions == ("1279/QĐ-BCT",)
