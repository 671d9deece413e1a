"""Stamps become microseconds exactly, the quick way like the slow one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from model.period import LOCAL
from storage import copying
from storage.evidence_rows import Batch

ZONE = st.sampled_from([UTC, LOCAL, timezone(timedelta(hours=-3, minutes=-30))])
SINCE = st.timedeltas(timedelta(0), timedelta(days=36500))


@given(st.lists(st.lists(SINCE, min_size=1, max_size=5, unique=True), min_size=1, max_size=4), ZONE)
def test_stamps_are_exact(blocks: list[list[timedelta]], zone: timezone) -> None:
    batch = Batch()
    for since in [*blocks, *blocks]:
        stamps = tuple((datetime(2000, 1, 1, tzinfo=UTC) + at).astimezone(zone) for at in sorted(since))
        assert batch.micros(stamps).tolist() == [copying.micros(at) for at in stamps]


def test_blocks_that_begin_alike_are_not_confused() -> None:
    first = datetime(2026, 9, 1, tzinfo=UTC)
    batch, hour = Batch(), timedelta(hours=1)
    regular, late = (first, first + hour), (first, first + 2 * hour)
    assert batch.micros(regular).tolist() != batch.micros(late).tolist()
