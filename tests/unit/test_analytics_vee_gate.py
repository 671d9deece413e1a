"""The billing gate, and what is billed while a meter counts nothing."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from analytics.errors import AnalyticsError
from analytics.vee.damage import STATE_OF_STATUS, BilledPeriod, damaged_use, rule_on, rules
from analytics.vee.gate import PARTS, Held, Shares, gate, gate_limits, shares_of
from analytics.vee.rules.limits import CLASSES
from model.quality import Quality
from model.series import Rate


def test_a_share_at_its_limit_passes_and_one_above_is_held() -> None:
    limits = gate_limits("business")
    assert gate([Shares("CD", estimated=0.02)], limits) == []
    (held,) = gate([Shares("CD", estimated=0.0201)], limits)
    assert held == Held("CD", "estimated", 0.0201, 0.02)
    assert (
        held.reason
        == "CD: 2.0% estimated, more than 2.0%: read the meter again or have the estimate approved."
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("determinant", ["KT", "BT", "CD", "TD", "VC", "PMAX"])
def test_every_part_of_every_determinant_can_hold(determinant: str, part: str) -> None:
    for name in CLASSES:
        (held,) = gate([Shares(determinant, **{part: 0.9})], gate_limits(name))
        assert (held.determinant, held.part, held.share) == (determinant, part, 0.9)
        assert held.reason.endswith(".")


def test_each_determinant_is_judged_by_itself() -> None:
    shares = [Shares("BT"), Shares("CD", missing=0.01, estimated=0.5), Shares("PMAX", edited=0.001)]
    found = [(one.determinant, one.part) for one in gate(shares, gate_limits("production"))]
    assert found == [("CD", "missing"), ("CD", "estimated"), ("PMAX", "edited")]


def test_limits_differ_by_class() -> None:
    shares = [Shares("KT", estimated=0.05)]
    assert gate(shares, gate_limits("household")) == []
    assert gate(shares, gate_limits("production")) != []


def test_shares_are_counted_over_the_determinants_own_hours() -> None:
    quality = np.full((10, 48), Quality.ACTUAL, np.uint8)
    quality[0, :12] = Quality.LIKE_DAY
    quality[1, 0], quality[2, 0], quality[3, 0] = Quality.MISSING, Quality.EDITED, Quality.SUSPECT
    assert shares_of("KT", quality) == Shares("KT", 1 / 480, 12 / 480, 1 / 480)
    hours = np.zeros((10, 48), bool)
    hours[:, 19:23] = True
    assert shares_of("CD", quality, hours) == Shares("CD")
    assert shares_of("CD", quality, np.zeros_like(hours)) == Shares("CD")
    assert Rate.PEAK.code == "CD"


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(AnalyticsError, match="no limits for the determinant 'XX'"):
        gate([Shares("XX")], gate_limits("household"))
    with pytest.raises(AnalyticsError, match="no parts of a whole"):
        Shares("KT", missing=0.7, estimated=0.4)
    with pytest.raises(AnalyticsError, match="no customer class 'farm'"):
        gate_limits("farm")


BEFORE = [BilledPeriod(310, 31), BilledPeriod(300, 30), BilledPeriod(280, 31), BilledPeriod(9000, 30)]
READ, MENDED = date(2026, 9, 1), date(2026, 9, 15)


def test_a_stuck_meter_is_billed_by_the_mean_day_of_three_periods() -> None:
    found = damaged_use("stuck", BEFORE, stopped=date(2026, 9, 5), last_read=READ, mended=MENDED)
    assert (found.days, found.periods) == (10, 3)
    assert found.mean_kwh_per_day == Fraction(890, 92)
    assert found.kwh == 97  # 96.74, half up
    assert (found.decision, found.confidence) == ("TT 13/2025/TT-BCT", "C")


def test_days_are_counted_from_the_last_reading_where_nobody_knows_when_it_stopped() -> None:
    assert damaged_use("burnt", BEFORE, last_read=READ, mended=MENDED).days == 14


def test_a_new_point_is_reckoned_by_what_it_has_and_never_by_nothing() -> None:
    one = damaged_use("lost", BEFORE[:1], last_read=READ, mended=MENDED)
    assert (one.kwh, one.periods) == (140, 1)
    with pytest.raises(AnalyticsError, match="agree the kWh"):
        damaged_use("lost", [], last_read=READ, mended=MENDED)


def test_half_a_kwh_goes_up() -> None:
    found = damaged_use("stuck", [BilledPeriod(1, 2)], last_read=READ, mended=date(2026, 9, 2))
    assert found.kwh == 1


def test_the_rule_is_the_one_of_the_day() -> None:
    assert rule_on(date(2025, 1, 31)).decision == "NĐ 137/2013/NĐ-CP"
    assert rule_on(date(2025, 2, 1)).decision == "TT 13/2025/TT-BCT"
    assert [rule.effective for rule in rules()] == sorted(rule.effective for rule in rules())
    with pytest.raises(AnalyticsError, match="no rule for damaged meters"):
        rule_on(date(2013, 12, 9))
    assert set(STATE_OF_STATUS.values()) <= rule_on(READ).states


@pytest.mark.parametrize(
    ("state", "stopped", "said"),
    [("bent", None, "has no rule"), ("stuck", date(2026, 9, 16), "cannot have stopped"),
     ("stuck", date(2026, 8, 31), "cannot have stopped")],
)  # fmt: skip
def test_what_cannot_have_been_is_refused(state: str, stopped: date | None, said: str) -> None:
    with pytest.raises(AnalyticsError, match=said):
        damaged_use(state, BEFORE, stopped=stopped, last_read=READ, mended=MENDED)
