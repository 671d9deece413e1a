"""Which intervals lie wholly between two instants: asked of each one by itself."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from model.period import midnight, whole_slots

ORIGIN = midnight(date(2026, 10, 14))
MINUTES = st.integers(-200, 400)


@given(st.sampled_from([15, 30, 60]), MINUTES, MINUTES)
def test_whole_slots_are_those_that_begin_and_end_within(length: int, start: int, end: int) -> None:
    step, since, until = timedelta(minutes=length), *(ORIGIN + timedelta(minutes=at) for at in (start, end))
    within = [at for at in range(40) if since <= ORIGIN + at * step and ORIGIN + (at + 1) * step <= until]
    assert list(range(40))[whole_slots(ORIGIN, step, since, until)] == within
