"""Half-hours a meter left out of a full answer: it may have written them late, so they are asked for again.

Only what is recent: a row that is still missing after days was never written, and a meter's past may lie
before its buffer. Kept in memory alone; a program that starts anew believes the answers it has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.polling.grid import floor_to
from model.period import HALF_HOUR, Period, subtract
from model.readout import Answer, ProfileBlock
from model.series import ProfileKind

RECENT = timedelta(days=3)  # far less than any meter's buffer holds
PAUSE = timedelta(days=1)
TIMES = 3


@dataclass(frozen=True, slots=True)
class Hole:
    """What an answer of `item` lacked, when it was last asked for, and how often it was asked again."""

    item: str
    period: Period
    asked_at: datetime
    again: int = 0


def left_out(answer: Answer, now: datetime) -> list[Period]:
    """What of the last days the answer was asked for and had no row of."""
    if answer.asked is None or not answer.complete or answer.registers:
        return []
    if any(_whole(block, answer.asked) for block in answer.blocks):
        return []
    since = floor_to(now - RECENT, HALF_HOUR)
    if answer.asked.end <= since:
        return []
    asked = Period(max(answer.asked.start, since), answer.asked.end)
    return subtract(asked, [run for block in answer.blocks for run in _runs(block, asked.start)])


def _whole(block: ProfileBlock, asked: Period) -> bool:
    """Whether a block has every interval: its stamps ascend on the grid and lie within what was asked.

    One of indices may have one more than there are intervals, and is looked at stamp by stamp.
    """
    return block.kind is not ProfileKind.INDEX and (
        len(block.stamps) * block.interval == asked.end - asked.start
    )


def _runs(block: ProfileBlock, since: datetime) -> Iterator[Period]:
    """The block's intervals from `since` on, those that touch each other as one."""
    interval = block.interval
    back = interval if block.kind is ProfileKind.INDEX else timedelta()
    first = bisect_left(block.stamps, since)
    if first == len(block.stamps):
        return
    begin = end = block.stamps[first]
    for stamp in block.stamps[first:]:
        if stamp != end:
            yield Period(begin - back, end - back)
            begin = stamp
        end = stamp + interval
    yield Period(begin - back, end - back)


def noted(holes: list[Hole], answer: Answer, now: datetime) -> list[Hole]:
    """The holes after an answer: those it was about are filled, given up, or wait for another day."""
    if answer.asked is None or not answer.complete:
        return holes
    about: list[Hole] = []
    kept: list[Hole] = []
    if holes:
        about = [hole for hole in holes if hole.item == answer.item and answer.asked.overlap(hole.period)]
        kept = [hole for hole in holes if hole not in about and now - hole.period.end < 2 * RECENT]
    for period in left_out(answer, now):
        again = max((hole.again + 1 for hole in about if hole.period.overlap(period)), default=0)
        if again < TIMES:
            kept.append(Hole(answer.item, period, now, again))
    return kept


def due(holes: list[Hole], now: datetime) -> tuple[Hole, ...]:
    """Those whose day has come."""
    return tuple(hole for hole in holes if now - hole.asked_at >= PAUSE)
