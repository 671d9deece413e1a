"""Whether a month's half-hours add up to what the registers went on by: a bill whose two sides differ waits.

A register that goes round more than once between two closings shows too little use, and nothing in its
indices says so; the half-hours do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill
from model.period import HALF_HOUR, Period, local_day, midnight, whole_slots
from model.quality import Quality
from model.series import Channel
from operations.models import MeterKind
from operations.pairing import Held
from storage import days
from storage.days import DayMatrix
from storage.matrix import SLOTS
from storage.register import Hung

SHARE = Decimal("0.01")
LEAST_WH = Decimal(2_000)


def days_of(conn: Connection[TupleRow], batch: Sequence[Sequence[Hung]], period: Period) -> DayMatrix:
    """The validated days of a period of whole days, of every meter of these points."""
    meters = sorted({place.meter_id for point in batch for place in point})
    return days.matrix(conn, meters, Channel.ACTIVE_IMPORT, local_day(period.start), local_day(period.end))


def measured(point: Sequence[Hung], period: Period, matrix: DayMatrix) -> npt.NDArray[np.int64] | None:
    """Primary Wh of each half-hour of a point over the period; None where one of them is not actual, or is
    two meters'."""
    origin = midnight(matrix.first)
    used = np.zeros(matrix.energy.shape[1] * SLOTS, dtype=np.int64)
    seen = np.zeros(used.shape, dtype=np.bool_)
    for place in point:
        until = min(place.until or period.end, period.end)
        whole = whole_slots(origin, HALF_HOUR, max(place.since, period.start), until)
        row = matrix.meter_ids.index(place.meter_id)
        seen[whole] = matrix.quality[row].reshape(-1)[whole] == Quality.ACTUAL
        used[whole] = matrix.energy[row].reshape(-1)[whole]
    wanted = slice((period.start - origin) // HALF_HOUR, -((origin - period.end) // HALF_HOUR))
    return used[wanted] if seen[wanted].all() else None


def summed_wh(point: Sequence[Hung], period: Period, matrix: DayMatrix) -> int | None:
    """Primary Wh of all half-hours of a point; None as of `measured`."""
    used = measured(point, period, matrix)
    return None if used is None else int(used.sum())


def check(bill: Bill, point: Sequence[Hung], kinds: Mapping[str, MeterKind], matrix: DayMatrix) -> bool:
    """Whether all half-hours are there and say what the registers say; raises `Held` where they say something
    else."""
    summed = summed_wh(point, bill.period, matrix)
    if summed is None:
        return False
    used = sum((use.wh for use in bill.uses), Decimal(0))
    allowed = max(SHARE * max(used, Decimal(summed)), LEAST_WH, _steps(bill, point, kinds))
    if abs(used - summed) <= allowed:
        return True
    serial = point[-1].serial
    said = (
        f"the half-hours of meter {serial} add up to {summed / 1000:,.0f} kWh, its indices to "
        f"{used / 1000:,.0f} kWh: see whether the register went round more than once or an index or the "
        f"multiplier is wrong, correct it, then bill again"
    )
    raise Held("sum_mismatch", serial, said)


def _steps(bill: Bill, point: Sequence[Hung], kinds: Mapping[str, MeterKind]) -> Decimal:
    """Wh that the last places of the registers may hide."""
    models = {place.serial: kinds[place.model] for place in point}
    found = Decimal(0)
    for use in bill.uses:
        scaler, _ = models[use.serial].registers.get((Channel.ACTIVE_IMPORT, use.rate), (0, None))
        found += Decimal(1).scaleb(scaler) * use.multiplier
    return found
