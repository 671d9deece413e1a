"""1.234,5 · 634.900 ₫ · 31/10/2026; and what is not known is a dash."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.formats import NO_VALUE, Formats
from model.errors import ModelError

VI, EN = Formats("vi"), Formats("en")
AT = datetime(2026, 10, 30, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (VI.number(1234.5, 1), "1.234,5"),
        (EN.number(1234.5, 1), "1,234.5"),
        (VI.money(634900), "634.900 ₫"),
        (VI.money(-5000), "−5.000 ₫"),
        (VI.percent(0.985), "98,5\u00a0%"),
        (VI.kwh(1234567), "1.234,6"),
        (VI.plain(Decimal("12345.670")), "12.345,670"),
        (VI.number(0.5), "1"),
        (VI.number(-0.0001, 2), "0,00"),
        (VI.day(date(2026, 10, 31)), "31/10/2026"),
        (EN.day(date(2026, 10, 31)), "31 Oct 2026"),
        (VI.instant(AT), "06:30 31/10/2026"),
        (VI.weekday(date(2026, 11, 1)), "CN"),
        (VI.span(date(2026, 9, 1), date(2026, 10, 1)), "01/09/2026 – 30/09/2026"),
        (VI.span(date(2026, 9, 1), date(2026, 9, 2)), "01/09/2026"),
        (VI.age(AT - timedelta(minutes=3), AT), "3 phút trước"),
        (EN.age(AT - timedelta(hours=1), AT), "1 hour ago"),
        (EN.age(AT - timedelta(days=2), AT), "2 days ago"),
        (VI.age(AT + timedelta(seconds=5), AT), "vừa xong"),
    ],
)
def test_written_as_people_here_write(said: str, wanted: str) -> None:
    assert said == wanted


def test_unknown_is_a_dash_and_never_a_zero() -> None:
    for said in (VI.number(None), VI.number(float("nan"), 2), VI.money(None), VI.kwh(None), VI.percent(None)):
        assert said == NO_VALUE
    assert (VI.day(None), VI.instant(None), VI.age(None, AT)) == (NO_VALUE, NO_VALUE, NO_VALUE)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ModelError):
        VI.instant(datetime(2026, 10, 1))  # noqa: DTZ001 - on purpose


@given(st.integers(-(10**12), 10**12))
def test_money_reads_back(dong: int) -> None:
    text = VI.money(dong).removesuffix(" ₫").replace(".", "").replace("−", "-")
    assert int(text) == dong
