"""Whatever is handed in as a request is billed, or refused in one sentence; nothing else comes out of it."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from analytics.billing import Rated, Request, rate
from analytics.billing.request_form import _FIELDS, _PART_FIELDS
from analytics.errors import AnalyticsError
from analytics.tariffs import countries
from model.jsonform import to_json
from operations import explaining

PLANS = [name for one in countries().values() for name in one.plans]
numbers = st.one_of(
    st.integers(-5, 100_000),
    st.integers(),
    st.floats(),
    st.decimals().map(str),
    st.sampled_from(
        ["0", "1", "-1", "1e9", "1e999", "0.5", "99999", "100000", " 7 ", "٣", "1_0", "NaN", "Infinity"]
    ),
)
days = st.one_of(
    st.dates().map(str),
    st.sampled_from(
        ["2025-05-01", "2025-06-01", "2025-07-01", "2026-12-31", "2027-01-01", "20250601", "2025-W01"]
    ),
)
junk = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
by_register = st.dictionaries(st.sampled_from(["KT", "SG", "BT", "CD", "TD", "VC"]), numbers, max_size=4)
part = st.fixed_dictionaries(
    {
        "register": st.sampled_from(["KT", "BT", "CD", "TD", "SG", "VC", "XX"]),
        "previous": numbers,
        "current": numbers,
    },
    optional={
        "digits": numbers, "status": st.sampled_from(["Q", "X", ""]), "removed": st.booleans(),
        "multiplier": numbers, "carried_wh": numbers, "serial": junk,
    },
)  # fmt: skip
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "plan": st.sampled_from([*PLANS, "vn-castle"]),
    "from": days,
    "to": days,
    "invoice_date": days,
    "kwh": by_register,
    "registers": st.lists(part, max_size=4),
    "readings_at_change": by_register,
    "tenants": st.sampled_from(["undeclared", 0, 3, 4]) | numbers,
    "reason": st.sampled_from(["regular", "new_supply", "termination", "rain"]),
    "what_if": st.sampled_from(["", "14/2025/QĐ-TTg", "146/2025/NĐ-CP", "1062/QĐ-BCT", "EXAMPLE-1"]),
    "decision": st.sampled_from(["1279/QĐ-BCT", "14/2025/QĐ-TTg"]),
    "past_pmax_kw": st.lists(numbers, max_size=13),
}
for flag in ("one_rate", "buys_reactive", "three_rate_refused"):
    LIKELY[flag] = st.booleans()


def test_every_field_is_thrown_at() -> None:
    assert set(LIKELY) <= set(_FIELDS)
    assert {"register", "previous", "current", "digits", "status", "removed", "serial"} <= set(_PART_FIELDS)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """Mostly near a request, so that it is not all refused at the door."""
    if draw(st.integers(0, 19)) == 0:
        return draw(junk)
    sound = {"plan": "vn-household", "from": "2025-06-01", "to": "2025-07-01"}
    names = draw(st.lists(st.sampled_from(sorted(_FIELDS)), max_size=5, unique=True))
    found: dict[str, Any] = dict(sound)
    for name in names:
        likely = LIKELY.get(name, numbers)
        found[name] = draw(junk if draw(st.integers(0, 9)) == 0 else likely)
    if "kwh" not in found and "registers" not in found:
        found["kwh"] = {"KT": draw(st.integers(0, 10**6))}
    return found


def billed(document: Any) -> tuple[Request, Rated] | AnalyticsError:
    try:
        request = Request.from_document(document)
        return request, rate(request)
    except AnalyticsError as refused:
        return refused


@given(documents())
def test_a_request_is_billed_or_refused_in_one_sentence(document: Any) -> None:
    found = billed(document)
    if isinstance(found, AnalyticsError):
        assert found.kind
        assert found.sentence.isprintable()
        assert 0 < len(found.sentence) < 700
        return
    request, rated = found
    assert rated.subtotal >= 0
    assert rated.total == rated.subtotal + rated.vat
    for language in ("vi", "en"):
        orjson.dumps(to_json(explaining.document(request, rated, language)))
        assert all(explaining.text(request, rated, language))
