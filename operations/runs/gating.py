"""What of a bill rests on half-hours, and how good they are: asked of the billing gate, register by register.

A register that was read at both ends of the period rests on no half-hours, however many of them lack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import attrgetter

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee.gate import Held, Shares, gate, gate_limits, shares_of
from model.bill import INTERPOLATED
from model.period import HALF_HOUR, Period, local_day, midnight, whole_slots
from model.series import Channel, Rate
from operations.counted_index import AT_ONCE, LATEST
from operations.customer_classes import class_of
from operations.meter_hours import hours_of, own_slots
from storage import days, neighbours, run_totals
from storage.billing_runs import Run
from storage.days import DayMatrix
from storage.register import Hung, hung
from storage.run_totals import CountedIndex

_DAY = timedelta(days=1)

Spans = dict[Rate, list[tuple[datetime, datetime]]]


@dataclass(frozen=True, slots=True)
class Resting:
    """A meter of a bill that the gate does not let pass: whose, which, and what is wrong with it."""

    point: str
    customer: str
    serial: str
    held: tuple[Held, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """A sentence each: which register, which share, above which limit, and what to do."""
        return tuple(one.reason for one in self.held)


def stopped(conn: Connection[TupleRow], of: Run) -> Iterator[Resting]:
    """What of the run's bills rests on half-hours of which too many lack, by point and meter."""
    rows = run_totals.counted_indices(conn, of.id, (INTERPOLATED,))
    by_meter = [list(listed) for _, listed in groupby(rows, key=attrgetter("point", "meter_id"))]
    for start in range(0, len(by_meter), AT_ONCE):
        yield from _portion(conn, of.period, by_meter[start : start + AT_ONCE])


def _portion(
    conn: Connection[TupleRow], period: Period, by_meter: Sequence[Sequence[CountedIndex]]
) -> Iterator[Resting]:
    rows = [row for listed in by_meter for row in listed]
    meters = sorted({row.meter_id for row in rows})
    places = {
        (place.point, place.meter_id): place
        for place in hung(conn, points=sorted({row.point for row in rows}), period=period)
    }
    spans: dict[tuple[str, int], Spans] = defaultdict(lambda: defaultdict(list))
    for at in {row.at for row in rows}:
        near = neighbours.around(conn, meters, at, LATEST)
        for row in rows:
            known = near.get((row.meter_id, Channel.ACTIVE_IMPORT, Rate(row.rate)))
            place = places[row.point, row.meter_id]
            if row.at == at:
                begun = place.since if known is None else max(known.before.at, place.since)
                spans[row.point, row.meter_id][Rate(row.rate)].append((begun, at))
    first = min(local_day(begun) for one in spans.values() for all_ in one.values() for begun, _ in all_)
    first = max(min(first, local_day(period.start)), local_day(period.start - LATEST))
    end = local_day(period.end - HALF_HOUR) + _DAY
    matrix = days.matrix(conn, meters, Channel.ACTIVE_IMPORT, first, end)
    for row, *_ in by_meter:
        place = places[row.point, row.meter_id]
        shares = _shares(place, spans[row.point, row.meter_id], matrix, period)
        if held := gate(shares, gate_limits(class_of(place) or "household")):
            yield Resting(row.point, row.customer, row.serial, tuple(held))


def _shares(place: Hung, spans: Spans, matrix: DayMatrix, period: Period) -> Iterator[Shares]:
    """Of each register, as shares of the period's half-hours in its hours."""
    quality = matrix.quality[matrix.meter_ids.index(place.meter_id)].reshape(-1)
    end = matrix.first + timedelta(matrix.quality.shape[1])
    hours = hours_of(place)
    for rate, of_rate in sorted(spans.items()):
        own = own_slots(hours, rate, matrix.first, end)
        resting = np.zeros(len(own), bool)
        for begun, at in of_rate:
            resting |= _slots(matrix.first, len(own), begun, at)
        whole = own & _slots(matrix.first, len(own), period.start, period.end)
        yield shares_of(rate.code, quality, own & resting, of=int(whole.sum()))


def _slots(first: date, many: int, start: datetime, end: datetime) -> npt.NDArray[np.bool_]:
    """Half-hours that lie between two instants, of so many from the beginning of a day on."""
    found = np.zeros(many, bool)
    found[whole_slots(midnight(first), HALF_HOUR, start, end)] = True
    return found
