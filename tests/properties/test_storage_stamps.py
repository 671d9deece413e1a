"""Stamps become microseconds exactly, the quick way like the slow one."""

from __future__ import annotations

import hashlib
import struct
import uuid
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from model.period import LOCAL
from model.readout import ProfileBlock
from model.series import Channel, ProfileKind, Unit
from storage import copying
from storage.block_rows import Meaning
from storage.evidence_rows import Batch, encode_blocks

ZONE = st.sampled_from([UTC, LOCAL, timezone(timedelta(hours=-3, minutes=-30))])
SINCE = st.timedeltas(timedelta(0), timedelta(days=36500))
MONTH = st.timedeltas(timedelta(0), timedelta(days=31))


@given(st.lists(st.lists(SINCE, min_size=1, max_size=5, unique=True), min_size=1, max_size=4), ZONE)
def test_stamps_are_exact(blocks: list[list[timedelta]], zone: timezone) -> None:
    batch = Batch()
    for since in [*blocks, *blocks]:
        stamps = tuple((datetime(2000, 1, 1, tzinfo=UTC) + at).astimezone(zone) for at in sorted(since))
        found = [at for _, part in batch.stamps(stamps) for at in part.micros.tolist()]
        assert found == [copying.micros(at) for at in stamps]


def test_blocks_that_begin_alike_are_not_confused() -> None:
    first = datetime(2026, 9, 1, tzinfo=UTC)
    batch, hour = Batch(), timedelta(hours=1)
    regular, late = (first, first + hour), (first, first + 2 * hour)
    [(_, one)], [(_, other)] = batch.stamps(regular), batch.stamps(late)
    assert one.micros.tolist() != other.micros.tolist()
    for stamps, interval, regular in (
        (one, 3_600_000_000, True),
        (other, 3_600_000_000, False),
        (one, 1_800_000_000, False),
        (other, 7_200_000_000, True),
    ):
        meaning = Meaning("index", "1.0.1.8.0.255", interval, 0, 30)
        assert stamps.fields(1, meaning).endswith(copying.NULL) is regular


INT64 = st.integers(-(2**63), 2**63 - 1)


@given(
    st.lists(
        st.tuples(MONTH, INT64, INT64 | st.just(0)), min_size=1, max_size=5, unique_by=lambda row: row[0]
    ),
    st.sampled_from([1, 1800, 86_400]),
    st.integers(-9, 9),
)
def test_a_block_is_known_by_what_it_says(
    rows: list[tuple[timedelta, int, int]], interval: int, scaler: int
) -> None:
    """Its digest, upon which re-reads are known, spelled out: kind, interval, scaler, unit, stamps, values,
    statuses, each number as eight bytes."""
    rows.sort()
    first = datetime(2000, 1, 1, tzinfo=UTC)
    block = ProfileBlock(
        Channel.ACTIVE_IMPORT, ProfileKind.INDEX, "1.0.1.8.0.255", timedelta(seconds=interval),
        tuple(first + at for at, _, _ in rows), tuple(raw for _, raw, _ in rows),
        tuple(status for _, _, status in rows), scaler, Unit.WATT_HOUR,
    )  # fmt: skip
    numbers = [interval * 1_000_000, scaler, 30]
    numbers += [copying.micros(at) for at in block.stamps]
    said = b"index" + b"".join(struct.pack(">q", n) for n in (*numbers, *block.raw, *block.status))
    [row] = encode_blocks([(7, first, uuid.UUID(int=1), block)]).blocks
    assert hashlib.sha256(said).digest() in row
