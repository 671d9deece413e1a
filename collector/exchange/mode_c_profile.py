"""Load profiles of a mode C meter, span by span: decoded whole, checked against what was asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from collector.exchange.course import Course
from collector.exchange.mode_c_line import ModeCLine
from collector.exchange.notebook import Notebook
from collector.exchange.profiles import until
from collector.exchange.rows import Accepted, Ints, Meaning, Rows, Stamps, accept
from collector.polling.grid import floor_to
from collector.polling.plan import Span
from model.period import LOCAL
from model.readout import Answer
from protocols.errors import DecodeError, ServiceRefused
from protocols.iec62056_21.codes import code_of, text_of
from protocols.iec62056_21.profile import ProfileRange, ProfileRows, StampAt, read_profile
from protocols.iec62056_21.quantities import unit_of
from protocols.meter_models.mode_c import ModeCSettings
from protocols.meter_models.model import LoadProfile, Place, ProfileColumn


async def read_spans(
    line: ModeCLine, profile: LoadProfile, how: ModeCSettings, spans: Iterable[Span], meter_now: datetime,
    notes: Notebook, course: Course,
) -> None:  # fmt: skip
    """Ask for the spans one by one. One that is refused or makes no sense is noted, the next one asked."""
    interval = timedelta(seconds=profile.interval_seconds)
    address = text_of(profile.obis)
    for whole in spans:
        if course.give_way(whole.urgency):
            return
        now = notes.clock()
        span = until(whole, floor_to(min(now, meter_now), interval))
        if span is None:
            continue
        notes.asking = (span.item, span.asked)
        first, last = span.asked.start if span.opening else span.asked.start + interval, span.asked.end
        raw = b""
        try:
            answer = await line.read(address, _asked(how, first, last, interval), how.read_profile)
            raw = answer.raw
            rows = _rows(read_profile(answer.sets, address, LOCAL, how.stamp_at), profile, first, last)
        except (ServiceRefused, DecodeError) as error:
            notes.reject(error.reason, raw or error.raw)
            continue
        match accept(rows, span, interval, now, meter_now):
            case str(reason):
                notes.reject(reason, raw)
            case Accepted(blocks, answered, events):
                asked = span.asked if answered is None else answered
                notes.take(Answer(span.item, raw, asked, answered is not None, blocks, events=events))


def _asked(how: ModeCSettings, first: datetime, last: datetime, interval: timedelta) -> str:
    """The brackets for rows that end from `first` to `last`, in the meter's own stamps."""
    back = interval if how.stamp_at is StampAt.BEGIN else timedelta(0)
    lines = how.block_lines if how.read_profile in ("R3", "R6") else None
    return ProfileRange(first - back, last - back, lines).to_text(LOCAL)


def _rows(found: ProfileRows, profile: LoadProfile, first: datetime, last: datetime) -> Rows:
    """The model's columns of the rows asked for; what a meter gives beyond the range is left out."""
    if found.interval_seconds not in (None, profile.interval_seconds):
        raise DecodeError(
            f"the profile runs every {found.interval_seconds} s, its model says {profile.interval_seconds}"
        )
    keep = (found.stamps >= first.timestamp()) & (found.stamps <= last.timestamp())
    meant = []
    for wanted in profile.columns if len(found.stamps) else ():
        at = _which(found, wanted)
        place = wanted.place
        meaning = Meaning(wanted.channel, wanted.kind, str(place.obis), place.scaler, place.unit)
        values = _in_place(found.values[at], found.columns[at].unit, found.places[at], place)
        meant.append((meaning, values[keep], found.present[at][keep]))
    return Rows(Stamps(found.stamps[keep]), found.status[keep], meant)


def _which(found: ProfileRows, wanted: ProfileColumn) -> int:
    for at, column in enumerate(found.columns):
        if code_of(column.address) == wanted.place.obis:
            return at
    raise DecodeError(f"the profile has no column {wanted.place.obis}, which its model names")


def _in_place(values: Ints, unit: str, places: int, place: Place) -> Ints:
    """The digits as whole steps of the model's scaler; a unit that is not the model's is `DecodeError`."""
    known = unit_of(unit)
    if known is None or known[0] is not place.unit:
        raise DecodeError(f"{place.obis} is measured in {unit!r}, its model says {place.unit.name.lower()}")
    power = known[1] - places - place.scaler
    if power >= 0:
        if power > 12 or np.abs(values).max(initial=0) > 10 ** (18 - power):
            raise DecodeError(f"{place.obis} has more digits than a meter shows")
        up: Ints = values * 10**power
        return up
    step = 10 ** min(-power, 18)
    if (values % step).any():
        raise DecodeError(f"{place.obis} has more places than its model says: correct its scaler")
    down: Ints = values // step
    return down
