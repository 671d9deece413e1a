"""From what meters said to validated days: whatever is due, in batches, each saved in one transaction.

A due day is cleared in the transaction that saves it. Killed in between, the batch is simply still due; run
twice, the second finds nothing to change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee import MeterOutput
from model.quality import Quality
from model.series import Channel, Unit
from operations import decided, doubts
from operations.evidence import inputs_of
from storage import cases, check_meters, days, findings, warnings_due
from storage.pool import Pool

COUNTED = 100_000  # as far as a progress bar counts what is due
BATCH = 2_000  # meter-days a transaction: some twenty meters' quarter year

UNITS = {
    Channel.ACTIVE_IMPORT: Unit.WATT_HOUR,
    Channel.ACTIVE_EXPORT: Unit.WATT_HOUR,
    Channel.REACTIVE_IMPORT: Unit.VAR_HOUR,
    Channel.REACTIVE_EXPORT: Unit.VAR_HOUR,
}

Energies = npt.NDArray[np.int32]
Qualities = npt.NDArray[np.uint8]
Day = tuple[Energies, Qualities, Qualities]
"""Energies, qualities and methods of a day's slots."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class ValidateReport:
    """Meter-days that were due; how many days were new, changed or as before; how much was noticed."""

    days: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: int = 0

    def __add__(self, other: ValidateReport) -> ValidateReport:
        return ValidateReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return bool(self.days)


def filled(earlier: Day, later: Day) -> Day:
    """A day that a meter's two stays, or multipliers, give a part of each: what the earlier lacks is the
    later's."""
    there = earlier[1] != Quality.MISSING
    energy, quality = np.where(there, earlier[0], later[0]), np.where(there, earlier[1], later[1])
    return energy, quality, np.where(there, earlier[2], later[2])


def _day_rows(outputs: Sequence[MeterOutput]) -> list[days.DayRows]:
    """Rows to save; days of one length and unit go together.

    A meter that was moved, or whose multiplier changed, within a day gives two halves of it: each fills the
    other.
    """
    merged: dict[tuple[int, Channel, date], Day] = {}
    for output in outputs:
        rows = zip(output.energy, output.quality, output.method, strict=True)
        for offset, (energy, quality, method) in enumerate(rows):
            key = (output.meter_id, output.channel, output.first + timedelta(days=offset))
            day = (energy, quality, method)
            merged[key] = filled(merged[key], day) if key in merged else day
    groups: dict[tuple[int, Unit], list[tuple[int, Channel, date]]] = defaultdict(list)
    for key, (energy, *_) in merged.items():
        groups[len(energy), UNITS[key[1]]].append(key)
    return [
        days.DayRows(
            meter_id=np.array([meter for meter, _, _ in keys], np.int32),
            channel=np.array([channel for _, channel, _ in keys], np.int16),
            day=np.array([day for _, _, day in keys], "datetime64[D]"),
            energy=np.stack([merged[key][0] for key in keys]).astype(np.int32),
            quality=np.stack([merged[key][1] for key in keys]).astype(np.uint8),
            method=np.stack([merged[key][2] for key in keys]).astype(np.uint8),
            interval_s=86_400 // slots,
            unit=unit,
        )
        for (slots, unit), keys in groups.items()
    ]


def these(
    conn: Connection[TupleRow], due: Sequence[days.Due], now: datetime
) -> tuple[ValidateReport, set[tuple[int, date]]]:
    """Validate these meter-days and what hangs on them, within the caller's transaction; they stay due.

    With the report the meter-days looked at, which the queue of cases is to follow (`storage.cases.take`).
    """
    inputs = inputs_of(conn, due)
    outputs = decided.outputs(conn, inputs)
    counts = [days.save_days(conn, rows, now) for rows in _day_rows(outputs)]
    looked_at = {
        (one.meter_id, one.first + timedelta(days=offset)) for one in inputs for offset in range(one.days)
    }
    doubted = doubts.about(conn, inputs, outputs)
    told = [(output.meter_id, finding) for output in outputs for finding in output.findings]
    told = [one for one in told if not doubted.explains(*one)] + doubted.of_days
    noticed = findings.save_findings(conn, told, looked_at)
    looked_at |= findings.last(conn, doubted.lasting, doubted.looked_at, doubted.undecided)
    if looked_at:
        looked = [day for _, day in looked_at]
        check_meters.told(conn, {meter for meter, _ in looked_at}, (min(looked), max(looked)), now)
    report = ValidateReport(
        days=len(due),
        new=sum(count.new for count in counts),
        changed=sum(count.changed + count.extended for count in counts),
        unchanged=sum(count.unchanged for count in counts),
        findings=noticed,
    )
    return report, looked_at | {(meter_id, day) for meter_id, day, _ in due}


def run(
    pool: Pool, now: datetime, *, progress: Progress | None = None, shard: tuple[int, int] | None = None
) -> ValidateReport:
    """Validate every due day, of the shard (number, of how many) or of all meters."""
    report, total = ValidateReport(), 0
    if progress is not None:
        with pool.connection() as conn:
            total = len(days.take_due(conn, COUNTED, shard))
    while True:
        with pool.connection() as conn:
            due = days.take_due(conn, BATCH, shard)
            if not due:
                cases.settle_rereads(conn, now)
                return report
            done, looked_at = these(conn, due, now)
            cases.take(conn, looked_at, now)
            warnings_due.mark(conn, looked_at, now)
            days.clear_due(conn, due)
        report += done
        if progress is not None:
            progress(report.days, max(total, report.days), "")
