"""How long an answer is waited for, held against RFC 6298 rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exchange.course import Course
from collector.polling.pace import LEAST_S, Pace, RoundTrip, wait_s

SECONDS = st.floats(0.001, 60.0)
MOST = 10.0


def waits(meter: Pace, modem: Pace | None = None, *, bulk: bool = False, most: float = MOST) -> float:
    return wait_s(meter, modem or Pace(), most, bulk=bulk)


def test_the_first_sample_is_the_round_trip_and_half_of_it_its_variation() -> None:  # (2.2)
    assert RoundTrip().wait_s is None
    trip = RoundTrip()
    trip.answered(4.0)
    assert (trip.srtt_s, trip.rttvar_s) == (4.0, 2.0)
    assert trip.wait_s == 12.0


def test_further_samples_are_smoothed_the_variation_by_the_old_mean() -> None:  # (2.3)
    trip = RoundTrip()
    trip.answered(4.0)
    trip.answered(2.0)
    assert trip.rttvar_s == pytest.approx(0.75 * 2.0 + 0.25 * abs(4.0 - 2.0))
    assert trip.srtt_s == pytest.approx(7 / 8 * 4.0 + 1 / 8 * 2.0)


@given(st.lists(SECONDS, min_size=1))
def test_the_mean_lies_within_what_was_measured_and_the_wait_beyond_it(samples: list[float]) -> None:
    trip = RoundTrip()
    for sample in samples:
        trip.answered(sample)
    assert trip.srtt_s is not None
    assert trip.wait_s is not None
    assert min(samples) - 1e-9 <= trip.srtt_s <= max(samples) + 1e-9
    assert trip.wait_s > trip.srtt_s


def test_an_answer_to_a_repeated_question_is_no_sample_and_the_doubled_wait_stays() -> None:  # (3), Karn
    pace = Pace()
    pace.quick.answered(1.0)
    before = waits(pace)
    pace.quick.silent()
    Course(MOST, pace).answered(9.0, bulk=False, repeated=True)
    assert pace.quick.srtt_s == 1.0
    assert waits(pace) == 2 * before
    pace.quick.answered(1.0)
    assert waits(pace) < 2 * before


@given(st.lists(st.one_of(st.none(), SECONDS)), st.sampled_from([0.3, 2.0, 10.0, 60.0]), st.booleans())
def test_the_wait_keeps_its_bounds_whatever_comes(
    history: list[float | None], most: float, bulk: bool
) -> None:
    pace = Pace()
    for sample in history:
        trip = pace.of(bulk=bulk)
        trip.silent() if sample is None else trip.answered(sample)
    assert min(LEAST_S, most) <= waits(pace, bulk=bulk, most=most) <= most  # (2.4), (2.5)


def test_each_silence_doubles_the_wait_and_an_answer_takes_it_back() -> None:  # (5.5)
    pace = Pace()
    for _ in range(50):
        pace.quick.answered(0.1)
    found = []
    for _ in range(4):
        found.append(waits(pace))
        pace.quick.silent()
    assert found == [2.0, 4.0, 8.0, 10.0]
    pace.quick.answered(0.1)
    assert waits(pace) == 2.0


def test_before_anything_is_measured_the_setting_holds_and_then_the_modems_pace() -> None:
    modem = Pace()
    assert waits(Pace(), modem) == MOST
    modem.quick.answered(0.8)
    assert waits(Pace(), modem) == pytest.approx(2.4)


def test_a_slow_meter_beside_quick_ones_goes_by_its_own_pace() -> None:
    modem, slow = Pace(), Pace()
    for _ in range(50):
        modem.quick.answered(0.05)
    slow.quick.silent()  # it takes three seconds, two were waited for
    modem.quick.answered(0.05)  # its neighbours' answers do not take the doubling back
    assert waits(slow, modem) == 4.0
    slow.quick.answered(3.0)
    modem.quick.answered(3.0)
    for _ in range(50):
        modem.quick.answered(0.05)
    assert waits(slow, modem) == pytest.approx(9.0)


def test_a_quick_answer_says_nothing_of_how_long_a_week_of_rows_takes() -> None:
    pace = Pace()
    for _ in range(50):
        pace.quick.answered(0.05)
    assert waits(pace, bulk=True) == MOST
    pace.bulk.answered(2.5)
    pace.bulk.silent()
    pace.quick.answered(0.05)
    assert waits(pace, bulk=True, most=60.0) == pytest.approx(15.0)
