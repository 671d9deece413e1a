"""The chain of one bill: each index it stands upon, the reading, the answer's bytes, what they say; and back.

A step is proven by bytes that say its value, or, where no meter sent any, by who wrote it down. Nothing is
taken on trust that can be counted again: the answer's SHA-256, the value in its bytes, and from these values
alone the whole bill, line by line.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill, ClosingIndex, Hold
from model.period import Period, shown
from model.series import Channel, Rate, ReadingSource, RegisterKey
from model.viewer import Viewer
from operations import models, reactive
from operations.bill_difference import difference, merged
from operations.close import CORRECTION, POLL_WITHIN
from operations.pairing import rates, spans
from operations.proof.decoding import Value, items_of, values_of
from operations.proof.half_hours import HalfHours, trace
from operations.runs.counting import Beside, bill_or_hold
from operations.supplied import REACTIVE
from protocols import meter_models
from protocols.errors import LocalError, ProtocolError
from storage import bills, period_facts, traces
from storage.bills import BillSheet
from storage.register import Hung, hung
from storage.traces import Entry, Reading, StoredAnswer

WORK_SHEET = "work_sheet"


@dataclass(frozen=True, slots=True)
class Step:
    """One index of the bill, back to where it comes from.

    `source` is a `ReadingSource` value, `load_profile`, `work_sheet` or how it was counted; empty where
    nothing says it.
    `decoded` is what the answer's bytes say (None: no bytes, or not read here). `why`: what is lacking, one
    sentence; `contradiction`: what says otherwise.
    """

    index: ClosingIndex
    closed_at: datetime
    source: str = ""
    reading: Reading | None = None
    answer: StoredAnswer | None = None
    decoded: Value | None = None
    entry: Entry | None = None
    why: str = ""
    contradiction: str = ""

    @property
    def proven(self) -> bool:
        return not (self.why or self.contradiction)


@dataclass(frozen=True, slots=True)
class Proof:
    """A bill, its steps in the order of instants, and what the same bill comes to from the decoded values.

    `recomputed` None: it could not be counted again, `why` says it. `differing`: fields of the bill that
    come out otherwise.
    """

    sheet: BillSheet
    steps: tuple[Step, ...]
    recomputed: Bill | None
    half_hours: HalfHours
    differing: tuple[str, ...] = ()
    why: str = ""

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What says otherwise than the bill, one sentence each."""
        found = [step.contradiction for step in self.steps if step.contradiction]
        found += [block.contradiction for block in self.half_hours.blocks if block.contradiction]
        if self.differing:
            said = ", ".join(self.differing)
            found.append(f"Counted again from the stored bytes the bill differs in: {said}")
        return tuple(found)

    @property
    def proven(self) -> bool:
        """Every step is, and the bill comes out the same."""
        return not self.contradictions and self.recomputed is not None and all(s.proven for s in self.steps)


def prove(conn: Connection[TupleRow], viewer: Viewer, sheet: BillSheet) -> Proof:
    """Trace a bill back and count it again, by the indices that stood when it was issued."""
    bill = sheet.bill
    period = bills.run_period(conn, sheet.id) or _closed_period(bill.period)
    places = hung(conn, points=[bill.point], period=period)
    stood = {
        (index.serial, index.channel, index.rate, index.at): (index, closed_at)
        for index, closed_at in traces.stood(conn, bill.point, sheet.issued_at)
    }
    wanted = _wanted(places, bill, period)
    steps = tuple(
        _step(conn, _hanging(places, key[0], key[3]), *stood[key]) for key in wanted if key in stood
    )
    half_hours = trace(conn, places, bill.period)
    lacking = [key for key in wanted if key not in stood]
    if lacking:
        serial, channel, rate, at = lacking[0]
        said = f"no index of {serial}, register {RegisterKey(channel, rate).code}, is closed at {shown(at)}"
        return Proof(sheet, steps, None, half_hours, why=said)
    made = _counted(conn, sheet, places, period, steps)
    if isinstance(made, Hold):
        return Proof(sheet, steps, None, half_hours, ("it is held",), made.reason)
    if sheet.corrects is not None and not sheet.corrects.replaces:
        made = difference(merged(_before(conn, viewer, sheet, sheet.corrects.number)), made)
    made = replace(made, invoice_date=bill.invoice_date, pmax_kw=bill.pmax_kw)
    differing = tuple(
        field.name for field in fields(Bill) if getattr(made, field.name) != getattr(bill, field.name)
    )
    return Proof(sheet, steps, made, half_hours, differing)


def _counted(
    conn: Connection[TupleRow], sheet: BillSheet, places: Sequence[Hung], period: Period,
    steps: Sequence[Step],
) -> Bill | Hold:  # fmt: skip
    """The bill once more, from what the bytes say where there are any."""
    by_channel: dict[Channel, dict[tuple[str, Rate, datetime], ClosingIndex]] = defaultdict(dict)
    for one in steps:
        by_channel[one.index.channel][one.index.serial, one.index.rate, one.index.at] = _from_bytes(one)
    said = period_facts.said(conn, [sheet.bill.point], period, until=sheet.issued_at)
    beside = Beside(by_channel[Channel.REACTIVE_IMPORT], said)
    left = traces.carried(conn, sheet.bill.point, period.start, sheet.issued_at)
    active = by_channel[Channel.ACTIVE_IMPORT]
    return bill_or_hold(places, period, sheet.rated_on, active, left, beside=beside)


def _before(conn: Connection[TupleRow], viewer: Viewer, sheet: BillSheet, number: int) -> list[Bill]:
    """The bill that is adjusted, and those that adjusted it before this one."""
    original = bills.bill(conn, viewer, number)
    assert original is not None  # a foreign key
    earlier = [bills.bill(conn, viewer, other) for other in original.corrected_by if other < sheet.id]
    return [original.bill, *(one.bill for one in earlier if one is not None)]


def _closed_period(billed: Period) -> Period:
    """The month that was closed; a bill of a part of it says so by its own ends."""
    last = billed.last_day
    month = Period.of_month(last.year, last.month)
    return month if month.start <= billed.start and billed.end <= month.end else billed


def _wanted(places: Sequence[Hung], bill: Bill, period: Period) -> list[tuple[str, Channel, Rate, datetime]]:
    """Serial, register and instant of every index that the bill stands upon, by instant."""
    kinds = {place.model: kind for place in places if (kind := models.kind(place.model))}
    used: dict[str, list[Rate]] = {}
    for use in bill.uses:
        used.setdefault(use.serial, []).append(use.rate)
    found = {
        (span.hung.serial, Channel.ACTIVE_IMPORT, rate, at)
        for span in spans([place for place in places if place.model in kinds], period, kinds)
        for rate in used.get(span.hung.serial, rates(None, ()))
        for at in (span.start, span.end)
    }
    if bill.reactive is not None:
        found |= {
            (place.serial, *REACTIVE, at)
            for place in places
            if place.model in kinds
            for at in reactive.instants(place, period, kinds[place.model])
        }
    return sorted(found, key=lambda key: (key[3], key[0], key[1], key[2]))


def _hanging(places: Iterable[Hung], serial: str, at: datetime) -> Hung:
    return next(
        place
        for place in places
        if place.serial == serial and place.since <= at and (place.until is None or at <= place.until)
    )


def _step(conn: Connection[TupleRow], place: Hung, index: ClosingIndex, closed_at: datetime) -> Step:
    """Where one index comes from."""
    step = Step(index, closed_at)
    written = place.first_index if index.at == place.since else {}
    if index.at == place.until:
        written = place.last_index
    code = index.code
    if code in written and index.method != CORRECTION:
        step = replace(step, source=WORK_SHEET)
        if written[code] != index.raw:
            said = f"the work sheet says {written[code]} at {shown(index.at)}, closed was {index.raw}"
            return replace(step, contradiction=f"Meter {index.serial}, register {code}: {said}")
        return step
    found = traces.readings(conn, index, POLL_WITHIN)
    if not found and (entry := traces.corrected(conn, index)):
        return replace(step, source=index.method, entry=entry)
    if not found and index.method:
        said = f"the index of {index.serial} at {shown(index.at)} was counted, no meter sent it"
        return replace(step, source=index.method, why=f"{said} ({index.method})")
    if not found:
        return replace(step, why=f"no reading of {index.serial} says {index.raw} at {shown(index.at)}")
    tried = [_traced(conn, place, index, step, reading) for reading in found]
    # The first that is proven; else the one that says most.
    return next((one for one in tried if one.proven or one.contradiction), tried[0])


def _traced(
    conn: Connection[TupleRow], place: Hung, index: ClosingIndex, step: Step, reading: Reading
) -> Step:
    step = replace(step, source=reading.source, reading=reading)
    if reading.source == ReadingSource.MANUAL:
        entry = traces.entered(conn, index.serial, index.at)
        if entry is None:
            return replace(step, why=f"who entered the index of {index.serial} is not written down")
        return replace(step, entry=entry)
    if reading.poll is None:
        return replace(step, why=f"no conversation brought the reading of {index.serial}")
    try:
        model = meter_models.load(place.model)
    except LocalError as error:
        return replace(step, why=error.reason)
    items = items_of(model)
    stored = traces.answers(conn, index.serial, reading.poll)
    of_poll = [answer for answer in stored if answer.item in items]
    why = f"the answer behind the reading of {index.serial} at {shown(reading.at)} is not stored"
    if stored and not of_poll:
        why = f"answers of {index.serial} about {stored[0].item} are not decoded here"
    for answer in (*of_poll, *_heard_before(conn, index.serial, reading, items, of_poll)):
        if hashlib.sha256(answer.raw).digest() != answer.digest:
            said = f"the bytes of answer {answer.id} of meter {index.serial} are not those received"
            return replace(step, answer=answer, contradiction=f"{said}: their SHA-256 differs")
        try:
            values = values_of(model, answer.item, answer.raw)
        except ProtocolError as error:
            why = f"answer {answer.id} of {index.serial}: {error.reason}"
            continue
        about = [value for value in values if _about(value, index, reading)]
        if one := next((value for value in about if _raw(value, index) == index.raw), None):
            return replace(step, answer=answer, decoded=one)
        if about and answer.poll == reading.poll:
            said = f"the bytes of answer {answer.id} say {about[0].raw} at {shown(reading.at)}"
            contradiction = f"Meter {index.serial}, register {index.code}: {said}, closed was {index.raw}"
            return replace(step, answer=answer, decoded=about[0], contradiction=contradiction)
    return replace(step, why=why)


def _heard_before(
    conn: Connection[TupleRow],
    serial: str,
    reading: Reading,
    items: Collection[str],
    of_poll: Sequence[StoredAnswer],
) -> list[StoredAnswer]:
    """The same bytes to the same question are stored once: those heard before, where this poll lacks them."""
    assert reading.poll is not None
    missing = set(items) - {answer.item for answer in of_poll}
    found = traces.earlier_answers(conn, serial, reading.poll, reading.received_at, missing)
    return found if missing else []


def _about(value: Value, index: ClosingIndex, reading: Reading) -> bool:
    """Whether the bytes speak of this register at the instant of this reading."""
    if (value.channel, value.rate) != (index.channel, index.rate):
        return False
    return value.at is None or value.at == reading.at


def _raw(value: Value, index: ClosingIndex) -> int | None:
    """What the bytes say in the steps of the closed index; None where they say a part of one."""
    power = 0 if value.scaler is None else value.scaler - index.scaler
    step: int = 10 ** abs(power)
    if power < 0:
        return None if value.raw % step else value.raw // step
    return value.raw * step


def _from_bytes(step: Step) -> ClosingIndex:
    """The index with what was decoded in place of what was closed."""
    raw = None if step.decoded is None else _raw(step.decoded, step.index)
    return step.index if raw is None else replace(step.index, raw=raw)
