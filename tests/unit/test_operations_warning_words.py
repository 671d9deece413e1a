"""Every warning is one sentence in both languages: what was used, when, and what it is compared with."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dashboard.parts.limit_form import form
from dashboard.parts.use_warnings import for_staff
from dashboard.visit import Visit
from model.grid import Supply
from model.period import LOCAL
from model.viewer import UserRole, Viewer
from model.warning import LimitSpan, LimitUnit, UsageLimit, UseWarning, WarningKind
from operations import warning_words
from operations.own_limits import amount
from operations.warning_costs import cost, cost_of_day
from storage.use_warnings import WarningRow

TEXTS: dict[str, Any] = tomllib.loads(
    Path(warning_words.__file__).with_name("wording_warnings.toml").read_text(encoding="utf-8")
)
DAY, SUNDAY = date(2026, 10, 12), date(2026, 10, 18)
LIMIT = {"unit": "kwh", "used": 12.4, "limit": 10.0}
AROUND = {"homes": 14, "around_percent": -7}
EVIDENCE: dict[WarningKind, dict[str, Any]] = {
    WarningKind.DAY_LIMIT: LIMIT,
    WarningKind.MONTH_LIMIT: {"unit": "dong", "used": 512_300, "limit": 500_000},
    WarningKind.MONTH_LIMIT_NEAR: {**LIMIT, "percent": 84, "forecast": 1_240, "until": "2026-10-31"},
    WarningKind.NIGHT_USE: {"kwh": 4.3, "usual_kwh": 0.55, "times": 7.8, "nights": 51, **AROUND},
    WarningKind.LEAP_DAY: {"kwh": 21.5, "usual_kwh": 8.1, "times": 2.7, "days": 50, **AROUND},
    WarningKind.LEAP_WEEK: {"kwh": 121.5, "usual_kwh": 58.0, "percent": 109, "weeks": 8, **AROUND},
    WarningKind.ABOVE_LAST_BILL: {
        "kwh": 201.4, "until": "2026-10-31", "forecast_kwh": 372, "percent": 71, "last_kwh": 210,
        "last_first": "2026-09-01", "last_last": "2026-09-30", "last_dong": 480_000,
        "forecast_dong": 1_024_000,
    },
    WarningKind.WITH_EVERYBODY: {
        "kwh": 17.5, "usual_kwh": 8.1, "span": "day", "homes": 30, "around_percent": 110,
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", list(WarningKind))
def test_every_kind_has_a_name_and_a_sentence_with_its_figures(kind: WarningKind, language: str) -> None:
    said = warning_words.sentence(UseWarning(kind, DAY, DAY, SUNDAY, EVIDENCE[kind]), language)
    assert warning_words.name(kind, language)
    assert re.match(r"[A-ZĐ]", said)
    assert said.endswith(".")
    assert not re.search(r"[{}]|None|nan|inf\b", said)
    assert "12/10/2026" in said
    assert said.count("\u00a0") >= 2  # a figure and what it is compared with, each with its unit
    assert EVIDENCE.keys() == set(WarningKind)
    assert {*TEXTS["sentences"]} == {*TEXTS["names"]} == {one.value for one in WarningKind}


def test_figures_are_written_as_the_language_does() -> None:
    warning = UseWarning(WarningKind.NIGHT_USE, DAY, DAY, DAY, EVIDENCE[WarningKind.NIGHT_USE])
    vi, en = (warning_words.sentence(warning, language) for language in ("vi", "en"))
    assert "gấp 7,8 lần mức thường 0,55\u00a0kWh của 51 đêm" in vi
    assert "14 nhà cùng trạm đêm đó dùng giảm 7\u00a0%" in vi
    assert "7.8 times the usual 0.55\u00a0kWh" in en
    assert "used 7\u00a0% less than usual" in en
    money = UseWarning(WarningKind.MONTH_LIMIT, DAY, DAY, SUNDAY, EVIDENCE[WarningKind.MONTH_LIMIT])
    assert "512.300\u00a0₫, vượt mức 500.000\u00a0₫" in warning_words.sentence(money)
    assert "512,300\u00a0₫" in warning_words.sentence(money, "en")


@pytest.mark.parametrize("kind", [WarningKind.NIGHT_USE, WarningKind.LEAP_DAY, WarningKind.LEAP_WEEK])
def test_without_homes_to_compare_with_it_says_so(kind: WarningKind) -> None:
    alone = {key: value for key, value in EVIDENCE[kind].items() if key not in AROUND}
    assert "chưa đủ nhà cùng trạm" in warning_words.sentence(UseWarning(kind, DAY, DAY, SUNDAY, alone))
    bare = warning_words.sentence(UseWarning(kind, DAY, DAY, SUNDAY, {}), "en")
    assert bare == warning_words.name(kind, "en") + "."


def test_a_day_costs_what_it_adds_to_its_period() -> None:
    home = Supply(date(2026, 1, 1), "vn-household")
    first, day = date(2026, 10, 1), date(2026, 10, 12)
    low, high = (cost_of_day(home, first, day, before, 8_000.0) for before in (20_000.0, 390_000.0))
    assert low is not None
    assert high is not None
    assert 15_000 < low < 20_000
    assert 25_000 < high < 32_000
    steps = [cost(home, first, day, wh) for wh in range(0, 60_000, 700)]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(steps))
    assert cost(None, first, day, 1.0) is None
    assert cost(home, first, day, float("nan")) is None
    assert cost(Supply(first, "no-such-plan"), first, day, 1.0) is None
    assert cost(Supply(first, "vn-production", one_rate=False), first, day, 1.0) is None


@pytest.mark.parametrize(
    ("typed", "vi", "en"),
    [
        ("12,5", 12_500, 12_500), ("12.5", 12_500, 12_500), ("1.500", 1_500_000, 1_500),
        ("1,500", 1_500, 1_500_000), ("1.234,5 kWh", 1_234_500, None), ("1,234.5", None, 1_234_500),
        ("10", 10_000, 10_000), ("0", None, None), ("", None, None), ("-3", None, None), ("1e9", None, None),
        ("1.1.1", None, None), ("nan", None, None), ("1.000.000", 10**9, 10**9), ("9" * 15, None, None),
        ("١٢", None, None), ("0,0001", None, None),
    ],
)  # fmt: skip
def test_limits_are_read_as_they_are_typed(typed: str, vi: int | None, en: int | None) -> None:
    assert (amount(typed, LimitUnit.KWH, "vi"), amount(typed, LimitUnit.KWH, "en")) == (vi, en)


@pytest.mark.parametrize(
    ("typed", "dong"),
    [
        ("500000", 500_000),
        ("500.000 ₫", 500_000),
        ("500,000đ", 500_000),
        ("1 000 000 đồng", 10**6),
        ("12,5", None),
    ],
)
def test_money_is_whole(typed: str, dong: int | None) -> None:
    assert amount(typed, LimitUnit.DONG, "vi") == dong


def test_staff_see_what_the_customer_was_told_and_set() -> None:
    at = datetime(2026, 10, 14, 7, 12, tzinfo=LOCAL)
    visit = Visit(Viewer("a", UserRole.ENGINEER), "vi", "", False, at, "/")
    said = UseWarning(WarningKind.NIGHT_USE, DAY, DAY, DAY, EVIDENCE[WarningKind.NIGHT_USE])
    rows = [WarningRow(1, said, "P1", "1", "C1", "", at, read) for read in (None, at)]
    limit = UsageLimit(1, LimitSpan.DAY, LimitUnit.KWH, 12_500, DAY)
    shown = str(for_staff(visit, rows, [limit]))
    for words in ("chưa đọc", "đã đọc", "một ngày: 12,5 kWh", "gấp 7,8 lần"):
        assert words in shown
    assert "Button" not in shown
    assert for_staff(visit, [], []) is None


def test_the_form_says_what_is_not_known_yet_and_shows_no_limit_it_cannot_judge() -> None:
    at = datetime(2026, 10, 14, 7, 12, tzinfo=LOCAL)
    visit = Visit(Viewer("a", UserRole.CUSTOMER, "C1"), "vi", "", False, at, "/")
    limits = [
        UsageLimit(1, LimitSpan.DAY, LimitUnit.KWH, 12_500, DAY),
        UsageLimit(2, LimitSpan.MONTH, LimitUnit.DONG, 500_000, DAY),
    ]
    young = str(form(visit, limits, priced=False, today_wh=2_500.0, days=3))
    for words in ("Mới đo đủ 3 ngày: cần 21 ngày", "2,5 kWh", "Bằng 20", "12,5", "tính theo giờ"):
        assert words in young
    assert "500.000'" not in young
    known = str(form(visit, limits, priced=True))
    assert "Hôm nay" not in known
    assert "Mới đo đủ" not in known
    assert "500.000'" in known
