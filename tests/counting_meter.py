"""A meter that counted known half-hours: its profile, its registers, what validation makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.vee import MeterInput, MeterOutput, validate
from model.period import midnight
from model.series import Channel, ProfileKind, Rate, Unit

FIRST = date(2026, 9, 7)  # a Monday
T0 = int(midnight(FIRST).timestamp())
HALF = 1800


@dataclass(frozen=True)
class Block:
    stamps: npt.NDArray[np.int64]
    raw: npt.NDArray[np.int64]
    kind: str = ProfileKind.INTERVAL_ENERGY
    interval_s: int = HALF
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    channel: int = Channel.ACTIVE_IMPORT
    received_at: datetime = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Read:
    at: datetime
    raw: int
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    channel: int = Channel.ACTIVE_IMPORT
    rate: int = Rate.TOTAL


@dataclass
class Bench:
    """A meter that counted `true` (Wh per slot)."""

    days: int = 1
    seed: int = 1
    true: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        base = np.tile(50 + 40 * (1 + np.sin(np.arange(48) / 48 * 2 * np.pi)), self.days)
        self.true = (base * np.random.default_rng(self.seed).uniform(0.7, 1.3, len(base))).astype(
            np.int64
        ) + 1

    def block(self, slots: Sequence[int] | npt.NDArray[np.int64], **more: Any) -> Block:
        chosen = np.asarray(slots, np.int64)
        return Block(T0 + chosen * HALF, self.true[chosen], **more)

    def read(self, slot: float, start: int = 1_000_000, scaler: int = 0, late_s: int = 0) -> Read:
        whole = int(slot)
        wh = start + int(self.true[:whole].sum())
        if slot > whole:
            wh += int(self.true[whole] * (slot - whole))
        at = datetime.fromtimestamp(T0 + slot * HALF + late_s, UTC)
        return Read(at, wh // 10**scaler, scaler)

    def check(self, blocks: Sequence[Block] = (), reads: Sequence[Read] = (), **more: Any) -> MeterOutput:
        fields = {"serial": "M1", "meter_id": 1, "first": FIRST, "days": self.days} | more
        (meter,) = validate([MeterInput(blocks=blocks, registers=reads, **fields)]).meters
        return meter


def without(days: int, *gaps: range) -> npt.NDArray[np.int64]:
    hidden = {slot for gap in gaps for slot in gap}
    return np.array([slot for slot in range(48 * days) if slot not in hidden])


def kinds(meter: MeterOutput) -> set[str]:
    return {finding.kind for finding in meter.findings}
