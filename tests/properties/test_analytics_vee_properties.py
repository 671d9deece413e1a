"""What holds of every validated day, whatever was read in whatever order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.vee import MeterInput, MeterOutput, validate
from model.quality import Quality
from tests.counting_meter import FIRST, T0, Block, Read

DAYS = 9
SLOTS = DAYS * 48


@dataclass(frozen=True)
class Story:
    """What a meter counted, which slots its profile lacks, before which slots its register was read."""

    true: npt.NDArray[np.int64]
    lost: frozenset[int]
    read_at: tuple[int, ...]
    start: int
    digits: int | None

    def index(self, slot: int) -> int:
        count = self.start + int(self.true[:slot].sum())
        return count % (10**self.digits * 1000) if self.digits else count

    def blocks(self) -> list[Block]:
        kept = [slot for slot in range(SLOTS) if slot not in self.lost]
        chunks = [np.array(kept[i : i + 100], np.int64) for i in range(0, len(kept), 80)]
        return [Block(T0 + chunk * 1800, self.true[chunk]) for chunk in chunks]

    def reads(self) -> list[Read]:
        return [
            Read(datetime.fromtimestamp(T0 + slot * 1800, UTC), self.index(slot)) for slot in self.read_at
        ]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    gaps = draw(st.lists(st.tuples(st.integers(0, SLOTS - 1), st.integers(1, 80)), max_size=4))
    lost = frozenset(slot for begin, length in gaps for slot in range(begin, min(begin + length, SLOTS)))
    reads = tuple(sorted(draw(st.sets(st.integers(0, SLOTS), max_size=6))))
    digits = draw(st.sampled_from([None, 3, 5]))
    start = draw(st.integers(1, 900_000))
    return Story(chance.integers(0, 90, SLOTS), lost, reads, start, digits)


def judge(story: Story, blocks: list[Block], reads: list[Read]) -> MeterOutput:
    (meter,) = validate([MeterInput("M", 1, FIRST, DAYS, blocks, reads, digits=story.digits)]).meters
    return meter


@settings(deadline=None, max_examples=60)
@given(stories())
def test_days_keep_what_was_said_and_fill_exactly_what_was_counted(story: Story) -> None:
    meter = judge(story, story.blocks(), story.reads())
    wh, quality = meter.energy.reshape(-1), meter.quality.reshape(-1)
    kept = np.array([slot not in story.lost for slot in range(SLOTS)])
    assert (wh[kept] == story.true[kept]).all()
    assert (quality[kept] == Quality.ACTUAL).all()
    assert (wh >= 0).all()
    assert (wh[quality == Quality.MISSING] == 0).all()
    assert not {"negative", "sum_mismatch", "outlier"} & {finding.kind for finding in meter.findings}
    for begin, end in zip(story.read_at, story.read_at[1:], strict=False):
        assert (quality[begin:end] != Quality.MISSING).all()
        assert int(wh[begin:end].sum()) == int(story.true[begin:end].sum())
        actual = quality[begin:end][~kept[begin:end]] == Quality.ACTUAL
        assert not actual.any() or end - begin == 1


@settings(deadline=None, max_examples=40)
@given(stories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(story: Story, chance: Random) -> None:
    blocks, reads = story.blocks(), story.reads()
    first = judge(story, blocks, reads)
    chance.shuffle(blocks)
    chance.shuffle(reads)
    again = judge(story, blocks + blocks[:3], reads + reads[:2])
    assert (again.energy == first.energy).all()
    assert (again.quality == first.quality).all()
    assert again.findings == first.findings
