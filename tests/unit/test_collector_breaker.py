"""The circuit breaker: closed, open, half open, and the time between tries."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from collector.polling.breaker import BACK_OFF, Breaker, State
from model.period import LOCAL

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
AFTER = 3


class Machine(RuleBasedStateMachine):
    """Any history of tries and waits against what the states promise."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.breaker, self.in_a_row = NOW, Breaker(), 0

    @rule(seconds=st.integers(0, 2000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def a_try_fails(self) -> None:
        before = self.breaker.state(self.now)
        if before is State.OPEN:
            return  # nobody tries
        self.breaker.failed(self.now, AFTER)
        self.in_a_row += 1
        opens = before is State.HALF_OPEN or self.in_a_row >= AFTER
        assert self.breaker.state(self.now) is (State.OPEN if opens else State.CLOSED)

    @rule()
    def a_try_works(self) -> None:
        self.breaker.worked()
        self.in_a_row = 0

    @rule()
    def its_modem_is_back(self) -> None:
        was = self.breaker.state(self.now)
        self.breaker.halve(self.now)
        assert self.breaker.state(self.now) is (State.CLOSED if was is State.CLOSED else State.HALF_OPEN)

    @invariant()
    def the_pause_is_bounded(self) -> None:
        if self.breaker.until is not None:
            assert self.breaker.until - self.now <= BACK_OFF[1]

    @invariant()
    def tries_follow_the_state(self) -> None:
        expected = {State.CLOSED: AFTER, State.HALF_OPEN: 1, State.OPEN: 0}[self.breaker.state(self.now)]
        assert self.breaker.tries(self.now, AFTER) == expected
        assert self.breaker.may(self.now) is bool(expected)


TestMachine: Any = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def opened(times: int) -> timedelta:
    """How long it stays open for the n-th time in a row."""
    now, breaker = NOW, Breaker()
    for _ in range(times + AFTER - 1):
        if breaker.until is not None:
            now = breaker.until
        breaker.failed(now, AFTER)
    assert breaker.until is not None
    return breaker.until - now


def test_the_pause_doubles_from_half_a_minute_to_a_quarter_of_an_hour_with_jitter() -> None:
    for times, whole in ((1, 30), (2, 60), (3, 120), (5, 480), (6, 900), (40, 900)):
        drawn = [opened(times).total_seconds() for _ in range(20)]
        assert all(whole / 2 <= each <= whole for each in drawn)
        assert len(set(drawn)) > 10


def test_an_answer_forgets_how_often_it_opened() -> None:
    breaker = Breaker()
    for _ in range(8):
        breaker.failed(NOW, 1)
        breaker.halve(NOW)
    breaker.worked()
    breaker.failed(NOW, 1)
    assert breaker.until is not None
    assert breaker.until - NOW <= BACK_OFF[0]


def test_a_refusal_shuts_for_its_own_time_whatever_the_count() -> None:
    breaker = Breaker()
    breaker.shut(NOW, timedelta(hours=1))
    assert breaker.state(NOW + timedelta(minutes=53)) is State.OPEN
    assert breaker.state(NOW + timedelta(hours=1)) is State.HALF_OPEN
    breaker.halve(NOW)  # its modem calling again does not make the password right
    assert breaker.state(NOW) is State.OPEN
