"""Closing a period: the index of every register at both ends, and where a meter was changed in between.

An index once closed stands, whatever is read later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import LOCAL, Period, local_day, shown
from model.quality import Quality
from model.series import REACTIVE_CODE, Channel, Rate, ReadingSource, RegisterKey
from operations import models
from operations.closing_sheet import ClosingSheet, sheet
from operations.errors import InputError
from operations.pairing import CHANGED, ROLLOVER, index_instants, index_way, rates, wished_instants
from operations.supplied import REACTIVE, buys_reactive
from storage import closing, corrections
from storage.closing import LOAD_PROFILE, Candidate
from storage.hand_reads import WRAPPED
from storage.pool import Pool
from storage.register import Hung, hung

__all__ = ["CloseReport", "ClosingSheet", "choose", "run", "sheet"]

CORRECTION = "correction"
POLL_WITHIN = timedelta(minutes=15)
_EXACT = (  # what may close at its very instant, the best first
    ReadingSource.BILLING_PROFILE.value,
    LOAD_PROFILE,
    ReadingSource.REMOVAL.value,
    ReadingSource.MANUAL.value,
    ReadingSource.IMPORT.value,
)

Key = tuple[str, Channel, Rate]


@dataclass(frozen=True, slots=True)
class CloseReport:
    """Indices closed now and before; (point, meter, why) where one is missing; those that read otherwise."""

    closed: int = 0
    unchanged: int = 0
    missing: tuple[tuple[str, str, str], ...] = ()
    differing: tuple[str, ...] = ()

    def __add__(self, other: CloseReport) -> CloseReport:
        return CloseReport(
            self.closed + other.closed,
            self.unchanged + other.unchanged,
            self.missing + other.missing,
            self.differing + other.differing,
        )

    def __bool__(self) -> bool:
        return self != CloseReport()


def choose(candidates: Iterable[Candidate], at: datetime, *, has_snapshots: bool) -> Candidate | None:
    """The reading that closes a register at `at`.

    The meter's own snapshot of that instant, else its profile's index, else an index somebody wrote down
    for it; a meter without snapshots of its own may be closed by a timed reading within a quarter of an
    hour, the nearest. One that has them is never closed by a timed reading, not even of that very instant:
    its own clock may be minutes from ours, and the snapshot of that clock is what counts.
    """
    near = list(candidates)
    exact = [one for one in near if one.at == at and one.source in _EXACT]
    if exact:
        return min(exact, key=lambda one: _EXACT.index(one.source))
    polls = [
        one for one in near if one.source == ReadingSource.POLL.value and abs(one.at - at) <= POLL_WITHIN
    ]
    if has_snapshots or not polls:
        return None
    return min(polls, key=lambda one: (abs(one.at - at), one.at))


def _work_sheet(place: Hung, at: datetime, kind: models.MeterKind) -> list[ClosingIndex]:
    """The indices written down at hanging or taking down, marked as changed."""
    written = place.first_index if at == place.since else place.last_index if at == place.until else {}
    found = []
    for code, raw in written.items():
        known = RegisterKey.from_code(code)
        key = (known.channel, known.rate)
        if key in kind.registers:
            scaler, _ = kind.registers[key]
            found.append(
                ClosingIndex(place.point, place.serial, *key, at, raw, scaler, CHANGED, "work_sheet")
            )
    return found


def _rolled_over(index: ClosingIndex, before: ClosingIndex | None, digits: int | None) -> bool:
    """Whether the register fell since the index before, and wrapped means at most a tenth of its range."""
    if before is None or digits is None or index.raw >= before.raw or index.scaler != before.scaler:
        return False
    span = int(10 ** (digits + 3 - index.scaler))
    return (index.raw - before.raw + span) * 10 <= span


class Closing:
    """One run over the instants of a period, in their order."""

    def __init__(self, conn: Connection[TupleRow], period: Period, places: Sequence[Hung]) -> None:
        self.conn = conn
        self.period = period
        self.wanted: dict[datetime, list[Hung]] = defaultdict(list)
        self.wished: dict[datetime, list[Hung]] = defaultdict(list)  # closed where there is one
        for place in places:
            kind = models.kind(place.model)
            secondary = kind is not None and kind.is_secondary
            for at in index_instants(place, period, secondary=secondary):
                self.wanted[at].append(place)
            for at in wished_instants(place, period):
                self.wished[at].append(place)
        self.before: dict[Key, ClosingIndex] = {}

    @classmethod
    def at(cls, conn: Connection[TupleRow], at: datetime, places: Sequence[Hung]) -> Closing:
        """Over one instant, of these meters alone."""
        only = cls(conn, Period(at, at), [])
        only.wanted[at] = list(places)
        return only

    def instants(self) -> list[datetime]:
        return sorted({*self.wanted, *self.wished})

    def close(self, at: datetime, now: datetime) -> CloseReport:
        wanted = self.wanted[at]
        places = [*wanted, *(place for place in self.wished[at] if place not in wanted)]
        ends = self.period.start < self.period.end and at in (self.period.start, self.period.end)
        points = None if ends else sorted({p.point for p in places})
        offered: dict[Key, list[Candidate]] = defaultdict(list)
        for one in closing.candidates(self.conn, points, at, within=POLL_WITHIN):
            offered[one.serial, one.channel, one.rate].append(one)
        standing = {_key(index): index for index in closing.at(self.conn, at, points)}
        found: list[ClosingIndex] = []
        missing: list[tuple[str, str, str]] = []
        for place in places:
            mine = self._of(place, at, offered)
            found += mine
            known = [*mine, *(i for i in standing.values() if i.serial == place.serial)]
            if place in wanted and (why := _lacking(place, at, known)):
                missing.append((place.point, place.serial, why))
        fresh = [index for index in found if _key(index) not in standing]
        counts = closing.save(self.conn, fresh, now)
        contrary = [index for index in found if _contradicts(index, standing.get(_key(index)))]
        corrections.notice(self.conn, [(index, index.method) for index in contrary], now)
        differing = tuple(_differs(index, standing[_key(index)]) for index in contrary)
        self.before |= {_key(index): index for index in found} | standing
        return CloseReport(counts.new, len(found) - counts.new, tuple(missing), differing)

    def _of(self, place: Hung, at: datetime, offered: dict[Key, list[Candidate]]) -> list[ClosingIndex]:
        kind = models.kind(place.model)
        if kind is None:
            return []
        indices = {_key(index): index for index in _work_sheet(place, at, kind)}
        for key, candidates in offered.items():
            if key[0] != place.serial or key in indices:
                continue
            one = choose(
                (c for c in candidates if c.point == place.point), at, has_snapshots=kind.has_snapshots
            )
            if one is not None:
                status = CHANGED if at in (place.since, place.until) else ""
                if one.source == ReadingSource.MANUAL and one.status & WRAPPED:
                    status += ROLLOVER
                indices[key] = ClosingIndex(
                    place.point, *key, at, one.raw, one.scaler, status, one.source, _quality(one, at)
                )
        digits = models.digits_of(place)
        return [
            replace(index, status=index.status + ROLLOVER)
            if ROLLOVER not in index.status and _rolled_over(index, self.before.get(key), digits)
            else index
            for key, index in indices.items()
        ]


def _quality(one: Candidate, at: datetime) -> Quality:
    """A reading beside the instant stands for it, and is an estimate of it."""
    return Quality.ACTUAL if one.at == at else Quality.LINEAR


def _contradicts(index: ClosingIndex, standing: ClosingIndex | None) -> bool:
    """Whether a reading says something else than what was closed; what a correction closed stands against
    what it put right."""
    if standing is None or standing.method == CORRECTION:
        return False
    return (index.raw, index.scaler) != (standing.raw, standing.scaler)


def _differs(index: ClosingIndex, standing: ClosingIndex) -> str:
    register = RegisterKey(index.channel, index.rate).code
    return (
        f"meter {index.serial}, register {register}: closed at {standing.raw}, now it reads {index.raw} for "
        f"the same instant; the first stands, put it right if it is wrong (ami bill conflicts)"
    )


def _key(index: ClosingIndex) -> Key:
    return index.serial, index.channel, index.rate


def _lacking(place: Hung, at: datetime, found: Sequence[ClosingIndex]) -> str:
    """Why the meter cannot be closed at the instant, or nothing."""
    kind = models.kind(place.model)
    if kind is None:
        return f"no file describes its model {place.model}: correct the model"
    here = {index.rate for index in found if index.channel is Channel.ACTIVE_IMPORT}
    supply = place.supply_on(local_day(at))
    lacking = [rate.code for rate in rates(supply, kind.rates) if rate not in here]
    reactive = any(index.channel is Channel.REACTIVE_IMPORT for index in found)
    if supply is not None and buys_reactive(supply) and not reactive and REACTIVE in kind.registers:
        lacking.append(REACTIVE_CODE)
    if not lacking:
        return ""
    why = (
        "its own snapshot was not read"
        if kind.remembers
        else "it keeps no past and was not read within 15 minutes of it"
    )
    way = index_way(place.serial, lacking, at, remembers=kind.remembers)
    return f"no index of {', '.join(lacking)} at {shown(at)}, {why}: {way}"


def run(pool: Pool, period: Period, now: datetime) -> CloseReport:
    """Close both ends of a period, and every hanging, taking down and change of multiplier inside it.

    Raises `InputError` when the period has not ended.
    """
    if period.end > now:
        raise InputError(
            f"the period ends on {period.end.astimezone(LOCAL):%d/%m/%Y}, which is still to come: "
            f"close it after that"
        )
    report = CloseReport()
    with pool.connection() as conn:
        work = Closing(conn, period, hung(conn, period=period))
        for at in work.instants():
            report += work.close(at, now)
    return report
