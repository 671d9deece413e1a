"""From the store's evidence to what validation takes: which days, of which meter, at which place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import lcm

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee import MeterInput
from model.period import HALF_HOUR, Period, closed_day, local_day, midnight
from model.series import Channel, ReadingSource, RegisterKey
from operations import models
from operations.customer_classes import class_of
from operations.meter_hours import hours_of
from storage import check_meters, class_curves, days
from storage.check_meters import Checked
from storage.days import Due, StoredBlock, StoredRegister
from storage.outages import outages_of
from storage.register import Hung, hung

LOOK_AROUND = timedelta(days=62)  # how far the register readings around the due days are looked for
HISTORY = 28  # days that like-day estimates draw on
HALF_HOUR_S = 1800
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stay:
    """A meter at one point under one multiplier, for as long as both last."""

    hung: Hung
    start: datetime
    end: datetime | None
    multiplier: Decimal


def stays(places: Sequence[Hung], *, secondary: bool) -> list[Stay]:
    """Where a meter hung, cut where the multiplier changes; a primary meter's values bear none."""
    found: list[Stay] = []
    for place in places:
        end = place.until
        inside = [item.valid_from for item in place.multipliers if item.valid_from > place.since]
        changes = [at for at in inside if secondary and (end is None or at < end)]
        starts = [place.since, *changes]
        for start, until in zip(starts, [*changes, end], strict=True):
            multiplier = place.multiplier_at(start) if secondary else Decimal(1)
            found.append(Stay(place, start, until, multiplier))
    return found


def work_sheet_reads(place: Hung, kind: models.MeterKind) -> Iterator[StoredRegister]:
    """The indices written down at hanging and taking down, as register readings of their instants."""
    for at, indices in ((place.since, place.first_index), (place.until, place.last_index)):
        for code, raw in indices.items():
            known = RegisterKey.from_code(code)
            key = (known.channel, known.rate)
            if at is not None and key in kind.registers:
                scaler, unit = kind.registers[key]
                source = ReadingSource.REMOVAL
                yield StoredRegister(place.meter_id, *key, at, raw, scaler, unit, 0, source)


def _around(due: Sequence[date], reads: Sequence[StoredRegister]) -> tuple[date, date]:
    """The days to look at: those due, back to the reading before them and on to the reading after them.

    What is missing between two readings is estimated from their difference, so it is estimated anew as a
    whole.
    """
    first, last = min(due), max(due)
    begins, ends = midnight(first), midnight(last + _DAY)
    before = [read.at for read in reads if read.at < begins]
    after = [read.at for read in reads if read.at >= ends]
    start = local_day(max(before)) if before else first
    end = closed_day(min(after)) if after else last
    return start, max(end, last) + _DAY


def inputs_of(conn: Connection[TupleRow], due: Sequence[Due]) -> list[MeterInput]:
    """One input per due meter, channel and stay.

    A meter that never hung anywhere, or of an unknown model, gives none.
    """
    due_days: dict[int, list[date]] = defaultdict(list)
    for meter_id, day, _ in due:
        due_days[meter_id].append(day)
    meters = list(due_days)
    places: dict[int, list[Hung]] = defaultdict(list)
    for place in hung(conn, meter_ids=meters):
        places[place.meter_id].append(place)
    first, last = min(day for _, day, _ in due), max(day for _, day, _ in due)
    wide = Period(midnight(first) - LOOK_AROUND, midnight(last + _DAY) + LOOK_AROUND)
    reads: dict[int, list[StoredRegister]] = defaultdict(list)
    for read in days.registers(conn, meters, wide):
        reads[read.meter_id].append(read)
    for meter_id, hangs in places.items():
        for place in hangs:
            if kind := models.kind(place.model):
                reads[meter_id] += [read for read in work_sheet_reads(place, kind) if read.at in wide]
    spans = {meter: _around(due_days[meter], reads[meter]) for meter in meters}
    begin, end = min(start for start, _ in spans.values()), max(stop for _, stop in spans.values())
    blocks: dict[int, list[StoredBlock]] = defaultdict(list)
    for block in days.blocks(conn, meters, Period(midnight(begin), midnight(end))):
        blocks[block.meter_id].append(block)
    without = outages_of(conn, meters, Period(midnight(begin), midnight(end)))
    found = [
        piece
        for meter in meters
        for piece in _pieces(places[meter], spans[meter], blocks[meter], reads[meter], without.get(meter, ()))
    ]
    return _with_curves(conn, _with_checks(conn, _with_history(conn, found)))


def _cut(at: datetime | None, place: datetime | None) -> datetime | None:
    """Where a day must be cut: at hanging and taking down, and at a change of multiplier in mid-day."""
    return at if at is not None and at != midnight(local_day(at)) else place


def _pieces(
    places: Sequence[Hung],
    span: tuple[date, date],
    blocks: Sequence[StoredBlock],
    reads: Sequence[StoredRegister],
    without: Sequence[Period],
) -> Iterator[MeterInput]:
    kind = models.kind(places[0].model) if places else None
    if kind is None:
        return
    whole = Period(midnight(span[0]), midnight(span[1]))
    channels = sorted({Channel.ACTIVE_IMPORT, *(block.channel for block in blocks)})
    for stay in stays(places, secondary=kind.is_secondary):
        until = stay.end or whole.end
        part = whole.overlap(Period(stay.start, until)) if stay.start < until else None
        if part is None:
            continue
        first = local_day(part.start)
        hours = hours_of(stay.hung)
        for channel in channels:
            mine = [block for block in blocks if block.channel is channel]
            yield MeterInput(
                serial=stay.hung.serial,
                meter_id=stay.hung.meter_id,
                first=first,
                days=(part.last_day - first).days + 1,
                blocks=mine,
                registers=[read for read in reads if read.channel is channel],
                interval_s=_slot_s(mine),
                digits=models.digits_of(stay.hung),
                multiplier=stay.multiplier,
                values_secondary=kind.is_secondary,
                since=_cut(stay.start, stay.hung.since),
                until=_cut(stay.end, stay.hung.until),
                outages=without,
                channel=channel,
                day_rates=hours.day_rates if hours and channel is Channel.ACTIVE_IMPORT else None,
                customer_class=class_of(stay.hung) if channel is Channel.ACTIVE_IMPORT else "",
            )


def _slot_s(blocks: Sequence[StoredBlock]) -> int:
    """The shortest slot that whole intervals of all of a meter's blocks make, of those that make half-hours:
    what was read at half-hours stays so where an answer or a file has five minutes. Else the shortest."""
    lengths = {block.interval_s for block in blocks}
    into_halves = [length for length in lengths if HALF_HOUR_S % length == 0]
    return lcm(*into_halves) if into_halves else min(lengths, default=HALF_HOUR_S)


def _is_half_hours(one: MeterInput) -> bool:
    return one.channel is Channel.ACTIVE_IMPORT and one.interval_s == HALF_HOUR_S


def _with_checks(conn: Connection[TupleRow], inputs: Sequence[MeterInput]) -> list[MeterInput]:
    """The inputs with what their check meters measured meanwhile."""
    found = list(inputs)
    numbers = [number for number, one in enumerate(inputs) if _is_half_hours(one)]
    if not numbers:
        return found
    first = min(inputs[number].first for number in numbers)
    end = max(inputs[number].first + timedelta(inputs[number].days) for number in numbers)
    whole = Period(midnight(first), midnight(end))
    checks: dict[int, list[Checked]] = defaultdict(list)
    for check in check_meters.of(conn, {inputs[number].meter_id for number in numbers}, whole):
        checks[check.meter_id].append(check)
    if not checks:
        return found
    ids = sorted({check.check_id for listed in checks.values() for check in listed})
    told = days.matrix(conn, ids, Channel.ACTIVE_IMPORT, first, end)
    for number in numbers:
        one = inputs[number]
        rows = slice((one.first - first).days, (one.first - first).days + one.days)
        energy, quality = np.zeros((one.days, one.slots), np.int32), np.zeros((one.days, one.slots), np.uint8)
        for check in checks[one.meter_id]:
            row = told.meter_ids.index(check.check_id)
            start = midnight(one.first)
            began, ended = -((start - check.since) // HALF_HOUR), (check.until - start) // HALF_HOUR
            slot = np.arange(energy.size).reshape(energy.shape)
            both = (slot >= began) & (slot < ended)
            energy[both], quality[both] = told.energy[row, rows][both], told.quality[row, rows][both]
        if quality.any():
            found[number] = replace(one, check=energy, check_quality=quality)
    return found


def _with_curves(conn: Connection[TupleRow], inputs: Sequence[MeterInput]) -> list[MeterInput]:
    """The inputs with the curve of their class, where one is known."""
    curves = class_curves.known(conn)
    return [
        replace(one, profile=curves[one.customer_class])
        if _is_half_hours(one) and one.customer_class in curves
        else one
        for one in inputs
    ]


def _with_history(conn: Connection[TupleRow], inputs: Sequence[MeterInput]) -> list[MeterInput]:
    """The inputs with the validated days before them; only half-hours of active import have that memory."""
    groups: dict[date, list[int]] = defaultdict(list)
    for number, one in enumerate(inputs):
        if _is_half_hours(one):
            groups[one.first].append(number)
    found = list(inputs)
    for first, numbers in groups.items():
        ids = [inputs[number].meter_id for number in numbers]
        past = days.matrix(conn, ids, Channel.ACTIVE_IMPORT, first - HISTORY * _DAY, first)
        row_of = {meter: row for row, meter in enumerate(past.meter_ids)}
        for number in numbers:
            row = row_of[inputs[number].meter_id]
            if past.quality[row].any():
                found[number] = replace(
                    inputs[number], history=past.energy[row], history_quality=past.quality[row]
                )
    return found
