"""Which clocks are set, when, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exchange.clock_setting import SETTING, SLACK, Verdict, settable_at, verdict
from collector.polling.clock_limits import ClockLimits
from model.period import HALF_HOUR
from model.readout import Answer, Readout

LIMITS = ClockLimits(10, 60)
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("offset_s", "past_s", "wanted"),
    [
        (0, 600, Verdict.RIGHT),
        (-10, 600, Verdict.RIGHT),
        (10.1, 600, Verdict.SET),
        (-60, 600, Verdict.SET),
        (60.1, 600, Verdict.TOO_FAR),
        (-86_400, 600, Verdict.TOO_FAR),
        (20, 0, Verdict.LATER),
        (20, 59, Verdict.LATER),
        (20, 60, Verdict.SET),
        (-20, 60, Verdict.LATER),  # what it shows is still too near to the half-hour
        (-20, 80, Verdict.SET),
        (20, 1720, Verdict.SET),
        (20, 1721, Verdict.LATER),
        (20, 1799, Verdict.LATER),  # it shows the next half-hour already
    ],
)
def test_what_is_done_about_a_clock(offset_s: float, past_s: int, wanted: Verdict) -> None:
    assert verdict(offset_s, NOON + timedelta(seconds=past_s), LIMITS) is wanted


def test_who_orders_a_jump_gets_it_unless_nothing_is_wrong() -> None:
    assert verdict(7200, NOON, LIMITS, jump=True) is Verdict.SET
    assert verdict(5, NOON, LIMITS, jump=True) is Verdict.RIGHT


@given(st.floats(-90, 90), st.integers(0, 86_399), st.sampled_from([HALF_HOUR, QUARTER]))
def test_a_clock_is_never_moved_out_of_its_interval(
    offset_s: float, second: int, interval: timedelta
) -> None:
    now = NOON + timedelta(seconds=second)
    if verdict(offset_s, now, LIMITS, interval) is not Verdict.SET:
        return
    shown = now + timedelta(seconds=offset_s)
    for near in (shown, now):
        into = (near - NOON) % interval
        assert timedelta(seconds=60) <= into <= interval - timedelta(seconds=60)
    assert (shown - NOON) // interval == (now - NOON) // interval


def readout(offset_s: float | None, *items: str) -> Readout:
    answers = tuple(Answer(item, b"") for item in items)
    return Readout("1", "p", NOON, NOON, "ok", clock_offset_s=offset_s, answers=answers)


@given(st.floats(-60, 60).filter(lambda offset: abs(offset) > 10), st.integers(0, 86_399))
def test_it_is_tried_again_when_it_can_be_done(offset_s: float, second: int) -> None:
    now = NOON + timedelta(seconds=second)
    at = settable_at(readout(offset_s), HALF_HOUR, LIMITS, now)
    assert at is not None
    assert now <= at < now + HALF_HOUR + timedelta(minutes=4)
    assert verdict(offset_s, max(at, now) + SLACK, LIMITS) is Verdict.SET


@pytest.mark.parametrize(
    ("found", "interval", "limits"),
    [
        (readout(None), HALF_HOUR, LIMITS),
        (readout(5), HALF_HOUR, LIMITS),
        (readout(61), HALF_HOUR, LIMITS),
        (readout(20, SETTING), HALF_HOUR, LIMITS),
        (readout(20), None, LIMITS),
        (readout(20), HALF_HOUR, None),
    ],
)
def test_it_is_not_tried_again(
    found: Readout, interval: timedelta | None, limits: ClockLimits | None
) -> None:
    assert settable_at(found, interval, limits, NOON) is None
