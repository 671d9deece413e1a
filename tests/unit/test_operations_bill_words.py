"""A bill in words: whatever analytics gives as a reason has its sentence in both languages."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Reason, RegisterPart, Request, rate
from analytics.billing.charges import _BY_DAYS
from analytics.tariffs import countries
from model.bill import Bill
from model.grid import Customer
from model.period import LOCAL, Period
from model.supplier import Supplier
from operations import bill_reasons, bill_words, explaining
from operations.bill_print import PrintedBill, html
from operations.runs.counting import billed
from operations.sentences import LANGUAGES, figures_in

ROOT = Path(bill_words.__file__).parents[1]
TEXTS: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
    (ROOT / "operations" / "wording_bill.toml").read_text(encoding="utf-8")
)


def kinds(file: str) -> set[str]:
    """The first argument of every `Because(…)`, and the texts a name of such an argument is bound to."""
    tree = ast.parse((ROOT / "analytics" / "billing" / file).read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Because"
    ]
    wanted = {call.args[0].id for call in calls if call.args and isinstance(call.args[0], ast.Name)}
    found = {text for call in calls if call.args for text in _texts(call.args[0])}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and target.id in wanted:
            found |= _texts(value)
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts, strict=True)
            found |= {
                text for name, one in pairs if getattr(name, "id", "") in wanted for text in _texts(one)
            }
    return found


def _texts(value: ast.expr) -> set[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {value.value}
    if isinstance(value, ast.IfExp):
        return _texts(value.body) | _texts(value.orelse)
    if isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "get":
        return {
            text
            for node in ast.walk(value.func)
            if isinstance(node, ast.Dict)
            for one in node.values
            for text in _texts(one)
        }
    return set()


NOTES = {"unconfirmed_price", "one_source", "invented"}  # what a charge notes of its prices
LINES = (kinds("charges.py") - NOTES - {"", "three_rate_due"}) | {"demand", "ratchet", "least_demand"}


def test_every_reason_and_every_note_has_words_and_no_more() -> None:
    base = {kind.removesuffix(".one") for kind in TEXTS["lines"]}
    assert base == LINES
    assert {kind.removesuffix(".one") for kind in TEXTS["by_days"]} == set(_BY_DAYS)
    assert set(TEXTS["notes"]) == (kinds("rating.py") | NOTES | {"three_rate_due"}) - {"vat", "reactive"}
    by_days = {reason.value for reason in Reason if reason != "regular"} | {"price_change", "part_month"}
    assert set(TEXTS["prorated"]) == by_days
    assert set(TEXTS["plans"]) == {plan for one in countries().values() for plan in one.plans}


def test_both_languages_speak_of_the_same_figures() -> None:
    for room in TEXTS.values():
        for kind, words in room.items():
            assert set(words) == set(LANGUAGES), kind
            fields = {language: set(figures_in(text)) for language, text in words.items()}
            extra = fields["vi"] ^ fields["en"]
            assert extra <= {"why"}, kind  # why a decision is inactive stands in its file, in English


def asked(**fields: Any) -> Request:
    return Request.from_document({"from": "2025-06-01", "to": "2025-07-01", **fields})


MANY = [
    asked(plan="vn-household", kwh={"KT": 900}),
    asked(plan="vn-household", kwh={"KT": 900}, households="3", reason="termination"),
    asked(plan="vn-household", kwh={"KT": 900}, tenants="undeclared", what_if="14/2025/QĐ-TTg"),
    asked(plan="vn-household", kwh={"KT": 900}, tenants=5, readings_at_change={"KT": 5}),
    asked(**{"plan": "vn-household", "from": "2025-05-01", "kwh": {"KT": 900}, "invoice_date": "2026-12-01"}),
    asked(
        **{"plan": "vn-household", "from": "2025-05-01", "kwh": {"KT": 9}, "readings_at_change": {"KT": 4}}
    ),
    asked(
        plan="vn-household", registers=[{"register": "KT", "previous": "99990", "current": "1", "digits": 5}]
    ),
    asked(plan="vn-prepaid", kwh={"KT": 9}, buys_reactive=True, kvarh=3),
    asked(plan="vn-production", kwh={"BT": 9, "CD": 9, "TD": 9, "SG": 99}, buys_reactive=True, kvarh=30),
    asked(plan="vn-production", kwh={"BT": 9}, buys_reactive=True, kvarh=0),
    asked(plan="vn-production", kwh={"BT": 9}, buys_reactive=True),
    asked(plan="vn-business", kwh={"KT": 9}, tenants=4),
    asked(plan="vn-business", kwh={"KT": 2000}),
    asked(plan="vn-business", kwh={"BT": 9}, three_rate_refused=True),
    asked(**{"plan": "vn-lighting-admin", "from": "2024-06-01", "to": "2024-07-01", "kwh": {"KT": 9}}),
    asked(plan="vn-wholesale-htx", kwh={"KT": 9000}, households_with_use=2, retail_other_kwh=100),
    asked(plan="vn-production", kwh={"BT": 9}, what_if="146/2025/NĐ-CP", pmax_kw="3.5"),
    asked(plan="example-demand", kwh={"BT": 9}, pmax_kw="80", past_pmax_kw=["170"]),
    asked(plan="example-demand", kwh={"BT": 9}, pmax_kw="3", reason="new_supply"),
    asked(plan="example-demand", kwh={"BT": 9}, pmax_kw="80", past_pmax_kw=["170"], reason="new_supply"),
    asked(plan="example-demand", kwh={"BT": 9}, pmax_kw="80", reason="new_supply"),
    asked(**{"plan": "vn-household", "from": "2026-10-01", "to": "2026-11-01", "kwh": {"KT": 9}}),
    asked(plan="vn-household", to="2025-08-01", kwh={"KT": 0}, invoice_date="2025-07-01"),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("request_", MANY, ids=lambda one: f"{one.plan}-{MANY.index(one)}")
def test_every_kind_of_bill_is_explained_without_a_hole(request_: Request, language: str) -> None:
    rated = rate(request_)
    lines = list(explaining.text(request_, rated, language))
    document = explaining.document(request_, rated, language)
    for text in [*lines, *(line["why"] for line in document["lines"]), *document["notes"]]:
        assert text
        assert "{" not in text
        assert "None" not in text


def test_the_many_reach_every_kind() -> None:
    rated = [rate(one) for one in MANY]
    assert {line.because.kind for one in rated for line in one.lines} == LINES
    assert {line.because.kind for one in rated for line in one.lines if line.because.prorated} == set(
        _BY_DAYS
    )
    assert {note.kind for one in rated for note in one.notes} == set(TEXTS["notes"]) - {
        "unconfirmed_price"
    } | {"unconfirmed_price"}


def issued(request: Request, **changes: Any) -> Bill:
    if request.kwh:
        used = (RegisterPart(name, Decimal(0), Decimal(kwh)) for name, kwh in request.kwh.items())
        request = replace(request, kwh={}, registers=tuple(used))
    rated = rate(request)
    period = Period(
        *(datetime.combine(day, time(), LOCAL).astimezone(UTC) for day in (request.start, request.end))
    )
    return replace(billed(rated, "P", "C", request.plan, period, request.invoice_date), **changes)


@pytest.mark.parametrize("request_", MANY, ids=lambda one: f"{one.plan}-{MANY.index(one)}")
def test_an_issued_bill_is_explained_by_rating_it_again_or_not_at_all(request_: Request) -> None:
    bill = issued(request_)
    told = bill_reasons.told(bill, request_.households, "en")
    assert len(told) == len(bill.lines)
    knows = request_.tenants is None and not request_.what_if and request_.pmax_kw is None
    knows &= not request_.three_rate_refused and request_.households_with_use is None
    knows &= request_.readings_at_change is None and "SG" not in request_.kwh
    if knows:
        assert all(told)
    if told and told[0]:
        again = bill_reasons.again(bill, request_.households)
        assert again is not None
        assert [line.amount for line in again.lines] == [line.amount for line in bill.lines]


def test_what_an_issued_bill_does_not_say_is_not_made_up() -> None:
    two = asked(plan="vn-household", kwh={"KT": 130}, households="2")
    assert bill_reasons.told(issued(two), Decimal(2), "en") == (
        "kWh 1 to 100: 50 kWh × 2 households = 100 kWh",
        "kWh 101 to 200: 50 kWh × 2 households = 100 kWh",
    )
    assert bill_reasons.told(issued(two), Decimal(1), "en") == ("", "")  # one would pay more
    assert bill_reasons.told(issued(two, plan="vn-castle"), Decimal(2), "en") == ("", "")
    back = replace(issued(two).uses[0], kwh=-130)  # a bill that takes another one back
    lines = tuple(replace(line, kwh=-line.kwh, amount=-line.amount) for line in issued(two).lines)
    assert bill_reasons.told(issued(two, uses=(back,), lines=lines), Decimal(2), "en") == ("", "")
    short = asked(plan="vn-household", kwh={"KT": 30}, reason="termination", **{"from": "2025-06-16"})
    first, _ = bill_reasons.told(issued(short), Decimal(1), "en")
    assert first.endswith("= 25 kWh, by days because the period is part of a month")
    little = replace(short, kwh={"KT": 10})  # no line says whether the tier was 25 or 50 kWh wide
    assert bill_reasons.told(issued(little), Decimal(1), "en") == ("",)


def test_readings_at_a_change_of_price_are_found_again() -> None:
    parts = [
        {"register": register, "previous": str(first), "current": str(first + used), "digits": 6}
        for first, used_ in ((0, (50, 20, 0)), (100, (70, 10, 30)))
        for register, used in zip(("BT", "CD", "TD"), used_, strict=True)
    ]
    across = {"from": "2025-05-01", "to": "2025-06-01", "voltage_kv": "22"}
    request = asked(
        plan="vn-business", registers=parts, readings_at_change={"BT": 50, "CD": 20, "TD": 0}, **across
    )
    found = bill_reasons.again(issued(request))
    assert found is not None
    assert [(line.decision, line.voltage) for line in found.lines] == [("2699/QĐ-BCT", ">=22kV")] * 2 + [
        ("1279/QĐ-BCT", ">=22kV")
    ] * 3


def test_the_printed_sheet_says_why_below_each_line() -> None:
    bill = issued(asked(plan="vn-household", kwh={"KT": 130}))
    sheet = PrintedBill(1, bill, Customer("C", "Lê Hoa", "Thôn 1", "S01"), Supplier("HTX"))
    page = html(sheet)
    assert 'Bậc 1<div class="quiet why">từ kWh thứ 1 đến 50 trong tháng</div>' in page
    assert page.count('class="quiet why"') == 3
    assert 'class="quiet why"' not in html(replace(sheet, households=Decimal(2)))  # that is not this bill
