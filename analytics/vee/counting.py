"""What the registers counted: unwrapped, in chains, against what the slots add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

from analytics.vee.findings import Log
from analytics.vee.inputs import Int64, MeterInput
from analytics.vee.samples import Indices
from model.period import local_day
from model.quality import Quality, Severity

LEAP_W = 50_000  # × multiplier: faster than this from an index of nought, the nought was no reading
SLACK = 500  # 0.2 %: a profile and a register of one meter count the same pulses


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """m readings: `wh` never falls within a `chain`; differences across chains mean nothing."""

    at: Int64
    wh: Int64
    chain: Int64
    resolution: Int64

    def day(self, i: int) -> date:
        """The local day that reading i closes."""
        return local_day(datetime.fromtimestamp(int(self.at[i]) - 1, UTC))

    def step(self, i: int) -> int:
        return int(self.wh[i] - self.wh[i - 1])

    def tolerance(self, meter: MeterInput, energy: Int64, rounded: bool) -> Int64:
        """(m) Wh by which the slots between reading i − 1 and i may add up to more than the count.

        The last digits, the slots that the instants cut, half a Wh a slot where the profile was rounded,
        0.2 %.
        """
        m = len(self.at)
        allowed = np.zeros(m, np.int64)
        if m < 2:
            return allowed
        cut = self._cut(meter, energy)
        allowed[1:] = self.resolution[1:] + self.resolution[:-1] + cut[1:] + cut[:-1]
        allowed[1:] += (self.wh[1:] - self.wh[:-1]) // SLACK
        if rounded:
            allowed[1:] += (self.at[1:] - self.at[:-1]) // meter.interval_s // 2 + 1
        return allowed

    def _cut(self, meter: MeterInput, energy: Int64) -> Int64:
        """Energy of the slot in whose midst each reading lies; 0 on a boundary."""
        offset = self.at - meter.origin
        slot = np.minimum(offset // meter.interval_s, len(energy) - 1)
        return np.where(offset % meter.interval_s == 0, 0, energy[slot])

    def mismatches(
        self, meter: MeterInput, energy: Int64, grade: npt.NDArray[np.uint8], rounded: bool
    ) -> Iterator[tuple[date, int, int]]:
        """(day, Wh by register, Wh by slots) between the first readings of days, where no slot is missing."""
        if len(self.at) < 2:
            return
        days = (self.at - meter.origin) // 86_400
        pick = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
        pick = np.unique(np.append(pick, len(self.at) - 1))
        some = Counted(self.at[pick], self.wh[pick], self.chain[pick], self.resolution[pick])
        total = _running(energy, meter, some.at)
        holes = _running((grade == Quality.MISSING).astype(np.int64) * meter.interval_s, meter, some.at)
        allowed = some.tolerance(meter, energy, rounded)
        for i in range(1, len(pick)):
            if some.chain[i] != some.chain[i - 1] or holes[i] != holes[i - 1]:
                continue
            profile_wh = int(total[i] - total[i - 1])
            if abs(some.step(i) - profile_wh) > allowed[i]:
                yield some.day(i), some.step(i), profile_wh


def _running(energy: Int64, meter: MeterInput, at: Int64) -> Int64:
    """Energy from the origin to each instant, slots cut in proportion to time."""
    sums = np.concatenate(([0], np.cumsum(energy)))
    offset = at - meter.origin
    slot = np.minimum(offset // meter.interval_s, len(energy) - 1)
    part = energy[slot] * (offset - slot * meter.interval_s) // meter.interval_s
    return np.asarray(sums[slot] + part, np.int64)


def count(meter: MeterInput, indices: Indices, log: Log) -> Counted:
    """Unwrap the meter's index by its own digits; what it did besides counting goes to `log`."""
    from analytics.vee.kernel import LEAP, NEGATIVE, OUTLIER, ROLLOVER, unwrap

    m = len(indices.at)
    wh, chain, verdict = np.zeros(m, np.int64), np.zeros(m, np.int64), np.zeros(m, np.uint8)
    span = int(10**meter.digits * 1000 * meter.factor) if meter.digits else 0
    leap_w = float(LEAP_W * meter.factor)
    unwrap(indices.at, indices.index, indices.resolution, span, leap_w, wh, chain, verdict)
    for i in np.flatnonzero(verdict).tolist():
        day = local_day(datetime.fromtimestamp(int(indices.at[i]) - 1, UTC))
        detail = {
            "previous_wh": int(indices.index[i - 1]) if i else None,
            "current_wh": int(indices.index[i]),
            "at": datetime.fromtimestamp(int(indices.at[i]), UTC).isoformat(),
        }
        kind, severity = {
            ROLLOVER: ("rollover", Severity.INFO),
            NEGATIVE: ("negative", Severity.RED),
            OUTLIER: ("outlier", Severity.AMBER),
            LEAP: ("zero_then_figure", Severity.AMBER),
        }[int(verdict[i])]
        log.note(day, kind, severity, **detail, **({"digits": meter.digits} if kind == "rollover" else {}))
    kept = chain >= 0
    return Counted(indices.at[kept], wh[kept], chain[kept], indices.resolution[kept])


def exact_slots(meter: MeterInput, counted: Counted) -> tuple[Int64, Int64]:
    """(slot, Wh) of the slots with an index at both ends, other readings between them notwithstanding."""
    offset = counted.at - meter.origin
    on = np.flatnonzero(offset % meter.interval_s == 0)
    slot = offset[on] // meter.interval_s
    pair = (slot[1:] == slot[:-1] + 1) & (counted.chain[on][1:] == counted.chain[on][:-1])
    delta = counted.wh[on][1:] - counted.wh[on][:-1]
    whole = pair & (delta <= np.iinfo(np.int32).max)
    return slot[:-1][whole], delta[whole]
