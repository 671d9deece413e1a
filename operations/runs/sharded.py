"""A shard of a billing run as a job, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from operations.runs import stages
from operations.runs.stages import Progress
from storage.pool import Pool


@dataclass(frozen=True, slots=True)
class ShardReport:
    """How many points were counted, or bills sent out."""

    points: int = 0

    def __add__(self, other: ShardReport) -> ShardReport:
        return ShardReport(self.points + other.points)

    def __bool__(self) -> bool:
        return self.points > 0


def draft(
    pool: Pool, number: int, shard: tuple[int, int], now: datetime, progress: Progress | None
) -> ShardReport:
    return ShardReport(stages.draft_shard(pool, number, shard, now, progress))


def issue(
    pool: Pool, number: int, shard: tuple[int, int], now: datetime, progress: Progress | None
) -> ShardReport:
    return ShardReport(stages.issue_shard(pool, number, shard, now, progress))
