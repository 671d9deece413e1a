"""A customer is warned of what stands out from their own days and from the homes around, of nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.profiles.forecast import foretold
from analytics.warnings import (
    Around,
    LastBill,
    Use,
    above_last_bill,
    around,
    day_passed,
    fewest,
    habit,
    leap_day,
    leap_week,
    month_passed,
    night_use,
)
from analytics.warnings.around import rises
from model.errors import ModelError
from model.warning import LimitSpan, LimitUnit, UsageLimit, WarningKind

FIRST = date(2026, 8, 17)  # a Monday; 64 days on, today is Monday 19 October
LAST = 63
STEADY = Around(12, 1.02)


def use(wh: np.ndarray, night: np.ndarray | None = None, *, exports: bool = False) -> Use:
    return Use(FIRST, wh, np.nan_to_num(wh), wh / 8 if night is None else night, exports)


def days(seed: int = 1, level: float = 8_000.0) -> np.ndarray:
    """Nine weeks and a day of an ordinary home, in Wh."""
    return np.random.default_rng(seed).normal(level, 0.12 * level, LAST + 1).round()


def test_a_day_twice_the_usual_is_told_with_its_figures() -> None:
    wh = days()
    wh[LAST - 1] = 21_000
    said = leap_day(use(wh), LAST - 1, STEADY)
    assert said is not None
    assert (said.kind, said.first, said.last) == (
        WarningKind.LEAP_DAY,
        date(2026, 10, 18),
        date(2026, 10, 18),
    )
    assert said.evidence["kwh"] == 21.0
    assert said.evidence["usual_kwh"] == pytest.approx(8, abs=0.5)
    assert (said.evidence["homes"], said.evidence["around_percent"]) == (12, 2)
    assert leap_day(use(wh), LAST - 2, STEADY) is None


def test_when_everybody_rose_it_is_said_so_and_not_warned() -> None:
    wh = days()
    wh[LAST - 7 : LAST] = 17_500
    for said in (
        leap_day(use(wh), LAST - 7, Around(30, 2.1)),
        leap_week(use(wh), FIRST + timedelta(56), Around(30, 2.1)),
    ):
        assert said is not None
        assert said.kind is WarningKind.WITH_EVERYBODY
        assert said.kind.is_note
        assert said.evidence["around_percent"] == 110
    alone = leap_week(use(wh), FIRST + timedelta(56), None)
    assert alone is not None
    assert (alone.kind, alone.first, alone.last) == (
        WarningKind.LEAP_WEEK,
        date(2026, 10, 12),
        date(2026, 10, 18),
    )
    assert "homes" not in alone.evidence


def test_a_night_far_above_the_nights_before_is_told_but_for_a_hot_one() -> None:
    wh, night = days(), days(2, 600.0)
    night[LAST - 1] = 4_300
    said = night_use(use(wh, night), LAST - 1, None)
    assert said is not None
    assert (said.evidence["kwh"], said.evidence["times"]) == (4.3, pytest.approx(7.2, abs=0.5))
    assert night_use(use(wh, night), LAST - 1, Around(9, 4.0)) is None


def judged(one: Use) -> list[object]:
    found = [judge(one, day, others) for judge in (leap_day, night_use) for day in range(LAST + 1)
             for others in (None, STEADY)]  # fmt: skip
    found += [leap_week(one, FIRST + timedelta(at), None) for at in range(0, LAST, 7)]
    return [said for said in found if said is not None]


def test_nothing_is_unusual_where_too_little_is_known() -> None:
    leaping = days()
    leaping[LAST - 1] = 60_000
    for known in (3, 15):  # days of a new meter
        new = leaping.copy()
        new[: LAST + 1 - known] = np.nan
        assert judged(use(new)) == []
    gap = leaping.copy()
    gap[LAST - 40 : LAST - 1] = np.nan
    assert judged(use(gap)) == []
    unknown = leaping.copy()
    unknown[LAST - 1] = np.nan  # a day that was estimated in part
    assert judged(use(unknown)) == []
    for dull in (np.zeros(LAST + 1), np.full(LAST + 1, np.nan), np.full(LAST + 1, 5_000.0)):
        assert judged(use(dull)) == []
    assert judged(use(leaping, exports=True)) == []
    assert judged(use(leaping)) != []


def test_who_comes_home_from_a_journey_uses_what_they_used() -> None:
    wh = days()
    wh[LAST - 21 : LAST - 4] = 250
    assert judged(use(wh)) == []
    mostly_away = days()
    mostly_away[: LAST - 4] = 250
    assert judged(use(mostly_away)) == []


def test_the_homes_around_count_where_five_are_known() -> None:
    values = np.stack([days(seed) for seed in range(8)])
    values[:, LAST - 1] *= 1.5
    found = rises(values, slice(LAST - 1, LAST), slice(0, LAST - 1))
    everybody = np.ones(8, bool)
    seen, wait = around(found, 0, everybody)
    assert not wait
    assert seen is not None
    assert (seen.homes, seen.percent) == (7, pytest.approx(50, abs=12))
    assert around(found, 0, np.arange(8) < 5) == (None, False)  # four others: a class of few
    values[2:, LAST - 1] = np.nan
    late = rises(values, slice(LAST - 1, LAST), slice(0, LAST - 1))
    assert around(late, 0, everybody) == (None, True)
    assert Around(9, 0.7).rise == 1.0


def test_a_period_above_the_last_bill_from_its_tenth_day_on() -> None:
    wh = days(3, 12_000.0)[np.newaxis]
    today, until = date(2026, 10, 19), date(2026, 11, 1)
    first = date(2026, 10, 1)
    last = LastBill(date(2026, 9, 1), date(2026, 10, 1), 210, 480_000)
    told = foretold(wh[:, :LAST], first, today, until)
    said = above_last_bill(told, 0, first, last)
    assert said is not None
    assert said.evidence["forecast_kwh"] == pytest.approx(372, rel=0.06)
    assert said.evidence["percent"] == pytest.approx(100 * (12 / 7 - 1), abs=12)
    assert said.evidence["last_last"] == "2026-09-30"
    early = foretold(wh[:, : LAST - 10], first, today - timedelta(10), until)
    assert above_last_bill(early, 0, first, last) is None
    nothing = foretold(np.full((1, LAST), np.nan), first, today, until)
    assert above_last_bill(nothing, 0, first, last) is None
    for billed in (LastBill(last.first, last.end, 0, 0), LastBill(last.first, last.first, 210, 1)):
        assert above_last_bill(told, 0, first, billed) is None


def test_a_day_and_its_night_are_told_as_one() -> None:
    wh, night = days(), days(2, 600.0)
    wh[LAST - 1], night[LAST - 1] = 21_000, 4_000
    pair = [leap_day(use(wh, night), LAST - 1, None), night_use(use(wh, night), LAST - 1, None)]
    told = [said for said in pair if said is not None]
    assert [said.kind for said in fewest(told)] == [WarningKind.LEAP_DAY]
    night[LAST - 1] = 12_000
    pair[1] = night_use(use(wh, night), LAST - 1, None)
    told = [said for said in pair if said is not None]
    assert [said.kind for said in fewest(told)] == [WarningKind.NIGHT_USE]
    assert fewest(told[:1]) == told[:1]


def test_limits_speak_when_they_are_passed_or_will_be() -> None:
    first, today, until = date(2026, 10, 1), date(2026, 10, 19), date(2026, 11, 1)
    month = UsageLimit(7, LimitSpan.MONTH, LimitUnit.DONG, 500_000, first)
    assert month_passed(month, first, today, until, 390_000, 900_000) is None
    assert month_passed(month, first, today, until, 420_000, 499_000) is None
    assert month_passed(month, first, today, until, 420_000, None) is None
    near = month_passed(month, first, today, until, 420_000, 640_321.4)
    assert near is not None
    assert (near.kind, near.about) == (WarningKind.MONTH_LIMIT_NEAR, 7)
    assert near.evidence == {
        "unit": "dong", "used": 420_000, "limit": 500_000, "percent": 84,
        "forecast": 640_000, "until": "2026-10-31",
    }  # fmt: skip
    passed = month_passed(month, first, today, until, 500_001, None)
    assert passed is not None
    assert passed.kind is WarningKind.MONTH_LIMIT
    day = UsageLimit(8, LimitSpan.DAY, LimitUnit.KWH, 10_000, today)
    assert day_passed(day, today, 10_000) is None
    assert day_passed(day, today - timedelta(1), 90_000) is None  # before it was set
    over = day_passed(day, today, 10_400)
    assert over is not None
    assert over.evidence == {"unit": "kwh", "used": 10.4, "limit": 10.0}
    for value in (0, -1, 10**13):
        with pytest.raises(ModelError):
            UsageLimit(1, LimitSpan.DAY, LimitUnit.KWH, value, today)


FIGURES = st.sampled_from([np.nan, 0.0, 1.0, 250.0]) | st.floats(0, 1e7)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, LAST + 1, elements=FIGURES),
    arrays(np.float64, LAST + 1, elements=FIGURES),
    st.booleans(),
)
def test_whatever_is_known_every_figure_told_is_one(wh: np.ndarray, night: np.ndarray, exports: bool) -> None:
    one = use(wh, night, exports=exports)
    for said in judged(one):
        for figure in said.evidence.values():  # type: ignore[attr-defined]
            assert isinstance(figure, str) or np.isfinite(figure)
    usual = habit(wh)
    if usual is not None:
        assert 0 < usual.level <= usual.highest
        assert usual.spread > 0
