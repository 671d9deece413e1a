"""The register of outages: what meters said, stations that fell silent, what somebody entered.

One side of an outage may be unknown: a meter that only told when its power came back, one that is still
without. What overlaps is one outage for whoever asks what a meter was without; the entries stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period, local_day, require_aware
from storage import days, people
from storage.errors import Unknown

EDGE: Final = timedelta(microseconds=1)


class OutageSource(StrEnum):
    """How an outage is known."""

    EVENT = "event"  # a meter told
    SILENCE = "silence"  # its station fell silent: perhaps the radio cell alone
    STAFF = "staff"


POWERLESS: Final = frozenset((OutageSource.EVENT, OutageSource.STAFF))
"""Sources that say there was no power; a silence only says that nobody answered."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Of a station or of one meter, the other is empty; `began` or `ended` None: not known (yet).

    `withdrawn_for`: why it is none, as whoever took it back said.
    """

    id: int
    station: str
    serial: str
    began: datetime | None
    ended: datetime | None
    source: OutageSource
    note: str
    told_by: str
    told_at: datetime
    withdrawn_at: datetime | None
    withdrawn_for: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An outage that events of a meter add up to; of the station where it is the station's own meter."""

    meter_id: int
    station: str
    began: datetime | None
    ended: datetime | None

    @property
    def key(self) -> datetime:
        """What it is recognised by when it is told again."""
        found = self.began or self.ended
        assert found is not None
        return found


_SELECT: Final = """
    SELECT o.id, coalesce(o.station, ''), coalesce(m.serial, ''), o.began, o.ended, o.source, o.note,
        o.told_by, o.told_at, o.withdrawn_at, coalesce((SELECT a.detail ->> 'note' FROM audit a
            WHERE a.at = o.withdrawn_at AND a.action = 'outage.withdraw' AND a.object = 'outage ' || o.id
            LIMIT 1), '')
    FROM outage o LEFT JOIN meter m ON m.id = o.meter_id"""
_LIST: Final = (
    _SELECT
    + """
    WHERE (%(station)s::text IS NULL OR o.station = %(station)s OR (%(deep)s AND EXISTS (
            SELECT FROM installation i JOIN point p ON p.code = i.point
            WHERE i.meter_id = o.meter_id AND p.station = %(station)s)))
        AND (%(serial)s::text IS NULL OR m.serial = %(serial)s OR o.station IN (
            SELECT p.station FROM installation i JOIN meter n ON n.id = i.meter_id
            JOIN point p ON p.code = i.point
            WHERE n.serial = %(serial)s AND i.since < coalesce(o.ended, 'infinity')
                AND coalesce(i.until, 'infinity') > coalesce(o.began, o.ended)))
        AND (NOT %(open)s OR (o.ended IS NULL AND o.withdrawn_at IS NULL))
    ORDER BY coalesce(o.began, o.ended) DESC, o.id DESC LIMIT %(limit)s"""
)
_ONE: Final = _SELECT + " WHERE o.id = %s FOR UPDATE OF o"
_ADD: Final = """
    INSERT INTO outage (station, meter_id, began, ended, source, note, told_by, told_at)
    VALUES (%(station)s, (SELECT id FROM meter WHERE serial = %(serial)s), %(began)s, %(ended)s, %(source)s,
        %(note)s, %(by)s, %(at)s)
    ON CONFLICT DO NOTHING RETURNING id"""
_END: Final = "UPDATE outage SET ended = %s WHERE id = %s"
_WITHDRAW: Final = "UPDATE outage SET withdrawn_at = %s WHERE id = %s AND withdrawn_at IS NULL"
_IS_STATION: Final = "SELECT EXISTS (SELECT FROM station WHERE code = %s)"
_IS_METER: Final = "SELECT EXISTS (SELECT FROM meter WHERE serial = %s)"
# Those of a meter's own, and those of the station its point belonged to while it hung there.
_OF: Final = """
    SELECT o.meter_id, o.began, o.ended FROM outage o
    WHERE o.meter_id = ANY (%(meters)s) AND o.source = ANY (%(sources)s) AND o.withdrawn_at IS NULL
        AND o.began < %(end)s AND coalesce(o.ended, 'infinity') > %(start)s
    UNION ALL
    SELECT i.meter_id, greatest(o.began, i.since), least(o.ended, i.until)
    FROM outage o JOIN point p ON p.station = o.station JOIN installation i ON i.point = p.code
    WHERE i.meter_id = ANY (%(meters)s) AND o.source = ANY (%(sources)s) AND o.withdrawn_at IS NULL
        AND o.began < %(end)s AND coalesce(o.ended, 'infinity') > %(start)s
        AND i.since < coalesce(o.ended, 'infinity') AND coalesce(i.until, 'infinity') > o.began"""
_EVENTS: Final = """
    SELECT e.meter_id, coalesce(h.station, ''), e.at, e.code
    FROM meter_event e
    LEFT JOIN LATERAL (
        SELECT p.station FROM installation i JOIN point p ON p.code = i.point
        WHERE i.meter_id = e.meter_id AND p.role = 'station_head' AND i.since <= e.at
            AND coalesce(i.until, 'infinity') > e.at LIMIT 1) h ON true
    WHERE e.code IN ('power_off', 'power_on') AND e.at >= %s AND e.at <= %s
    ORDER BY e.meter_id, e.at, e.code"""
# The meter answered: it had power again by then, though nobody saw it come back.
_LIFE: Final = """
    SELECT o.meter_id, o.at, p.started
    FROM unnest(%s::integer[], %s::timestamptz[]) AS o (meter_id, at)
    CROSS JOIN LATERAL (SELECT started FROM poll WHERE meter_id = o.meter_id AND started > o.at
        AND outcome IN ('ok', 'partial') ORDER BY started LIMIT 1) p"""
# An end that somebody entered stays until the meter tells another.
_TELL: Final = """
    INSERT INTO outage AS old (station, meter_id, began, ended, source, note, told_at)
    SELECT nullif(t.station, ''), CASE WHEN t.station = '' THEN t.meter_id END, t.began, t.ended, 'event',
        'told by the meter', %(now)s
    FROM unnest(%(meters)s::integer[], %(stations)s::text[], %(began)s::timestamptz[],
        %(ended)s::timestamptz[]) AS t (meter_id, station, began, ended)
    ON CONFLICT (coalesce(station, ''), coalesce(meter_id, 0), coalesce(began, ended)) WHERE source = 'event'
        DO UPDATE SET ended = excluded.ended WHERE excluded.ended IS DISTINCT FROM old.ended
            AND excluded.ended IS NOT NULL
    RETURNING station, meter_id, began, ended, xmax = 0"""
# What events no longer add up to: the other side of a one-sided outage came later.
_RETELL: Final = """
    DELETE FROM outage o WHERE o.source = 'event' AND o.withdrawn_at IS NULL AND o.began IS NULL
        AND EXISTS (SELECT FROM outage b WHERE b.source = 'event' AND b.ended = o.ended
            AND b.began IS NOT NULL AND (b.meter_id = o.meter_id OR b.station = o.station))"""
_AFFECTED: Final = """
    SELECT DISTINCT i.meter_id FROM installation i JOIN point p ON p.code = i.point
    WHERE p.station = %(station)s AND i.since < %(end)s AND coalesce(i.until, 'infinity') > %(start)s"""


def listed(
    conn: Connection[TupleRow],
    *,
    station: str | None = None,
    serial: str | None = None,
    only_open: bool = False,
    limit: int = 200,
) -> list[Outage]:
    """The latest first. Of a station with those of its meters; of a meter with those of its station."""
    asked = {"station": station, "serial": serial, "open": only_open, "limit": limit, "deep": True}
    return [_outage(row) for row in conn.execute(_LIST, asked)]


def find(conn: Connection[TupleRow], number: int) -> Outage:
    """One, which nobody else changes meanwhile. Raises Unknown."""
    row = conn.execute(_ONE, [number]).fetchone()
    if row is None:
        raise Unknown("outage", str(number))
    return _outage(row)


def _outage(row: tuple[Any, ...]) -> Outage:
    found = list(row)
    found[5] = OutageSource(found[5])
    return Outage(*found)


def add(
    conn: Connection[TupleRow],
    *,
    station: str = "",
    serial: str = "",
    began: datetime,
    ended: datetime | None = None,
    source: OutageSource,
    note: str = "",
    by: str = "",
    at: datetime,
) -> int | None:
    """Enter one; its number, None when it is there already. Raises Unknown."""
    if station and conn.execute(_IS_STATION, [station]).fetchone() != (True,):
        raise Unknown("station", station)
    if serial and conn.execute(_IS_METER, [serial]).fetchone() != (True,):
        raise Unknown("meter", serial)
    asked = {
        "station": station or None, "serial": serial or None, "began": require_aware(began), "ended": ended,
        "source": source.value, "note": note, "by": by, "at": require_aware(at),
    }  # fmt: skip
    row = conn.execute(_ADD, asked).fetchone()
    if row is None:
        return None
    number = int(row[0])
    if by:
        detail = {"station": station, "meter": serial, "began": began.isoformat(), "note": note}
        people.audit(conn, at, by, "outage.add", f"outage {number}", detail)
    if source in POWERLESS:
        _due(conn, find(conn, number), at)
    return number


def end(conn: Connection[TupleRow], number: int, ended: datetime, *, by: str, at: datetime) -> Outage:
    """Say when it ended. Raises Unknown."""
    find(conn, number)
    conn.execute(_END, [require_aware(ended), number])
    if by:
        people.audit(conn, at, by, "outage.end", f"outage {number}", {"ended": ended.isoformat()})
    found = find(conn, number)
    if found.source in POWERLESS:
        _due(conn, found, at)
    return found


def withdraw(conn: Connection[TupleRow], number: int, *, by: str, at: datetime, note: str = "") -> Outage:
    """It was none; the entry stays and no longer counts. Raises Unknown."""
    before = find(conn, number)
    conn.execute(_WITHDRAW, [require_aware(at), number])
    people.audit(conn, at, by, "outage.withdraw", f"outage {number}", {"note": note})
    if before.source in POWERLESS:
        _due(conn, before, at)
    return find(conn, number)


def _due(conn: Connection[TupleRow], outage: Outage, now: datetime) -> None:
    """The days it touches are validated anew."""
    if outage.began is None:
        return
    _days_due(conn, outage.station, outage.serial, outage.began, outage.ended or now)


def _days_due(
    conn: Connection[TupleRow], station: str, serial: str, began: datetime, ended: datetime
) -> None:
    if ended <= began:
        return
    if serial:
        row = conn.execute("SELECT id FROM meter WHERE serial = %s", [serial]).fetchone()
        meters = [row[0]] if row else []
    else:
        asked = {"station": station, "start": began, "end": ended}
        meters = [meter_id for (meter_id,) in conn.execute(_AFFECTED, asked)]
    days.mark_due(conn, meters, _days(began, ended))


def _days(began: datetime, ended: datetime) -> list[date]:
    first, last = local_day(began), local_day(ended - EDGE)
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def outages_of(
    conn: Connection[TupleRow],
    meter_ids: Collection[int],
    period: Period,
    sources: Collection[OutageSource] = POWERLESS,
) -> dict[int, list[Period]]:
    """When each meter was without power within `period`: its own outages and its station's, merged, in order.

    One that has not ended lasts until the period's end; one whose beginning nobody knows is left out. By
    default a silent station does not count: its cell may have failed alone.
    """
    asked = {
        "meters": list(meter_ids), "start": period.start, "end": period.end,
        "sources": [source.value for source in sources],
    }  # fmt: skip
    found: defaultdict[int, list[Period]] = defaultdict(list)
    for meter_id, began, ended in conn.execute(_OF, asked):
        start, stop = max(began, period.start), min(ended or period.end, period.end)
        if start < stop:
            found[meter_id].append(Period(start, stop))
    return {meter_id: merged(periods) for meter_id, periods in found.items()}


def merged(periods: Sequence[Period]) -> list[Period]:
    """The same instants in the fewest periods, in order."""
    out: list[Period] = []
    for period in sorted(periods):
        if out and period.start <= out[-1].end:
            out[-1] = Period(out[-1].start, max(out[-1].end, period.end))
        else:
            out.append(period)
    return out


def power_events(
    conn: Connection[TupleRow], since: datetime, until: datetime
) -> list[tuple[int, str, datetime, str]]:
    """Meter, the station whose own meter it is (else empty), when, and which; by meter and time."""
    return [(m, station, at, code) for m, station, at, code in conn.execute(_EVENTS, [since, until])]


def signs_of_life(
    conn: Connection[TupleRow], after: Collection[tuple[int, datetime]]
) -> dict[tuple[int, datetime], datetime]:
    """When each meter first answered after an instant; those that did."""
    meters, instants = [meter for meter, _ in after], [at for _, at in after]
    return {(meter, at): life for meter, at, life in conn.execute(_LIFE, [meters, instants])}


def tell(conn: Connection[TupleRow], told: Sequence[Told], now: datetime) -> tuple[int, int]:
    """Keep what events add up to; how many are new, and how many have another end now."""
    if not told:
        return 0, 0
    asked = {
        "meters": [one.meter_id for one in told], "stations": [one.station for one in told],
        "began": [one.began for one in told], "ended": [one.ended for one in told], "now": now,
    }  # fmt: skip
    rows = conn.execute(_TELL, asked).fetchall()
    conn.execute(_RETELL)
    for station, meter_id, began, ended, _ in rows:
        if began is None:
            continue
        if station is None:
            days.mark_due(conn, [meter_id], _days(began, max(ended or now, began + EDGE)))
        else:
            _days_due(conn, station, "", began, ended or now)
    new = sum(is_new for *_, is_new in rows)
    return new, len(rows) - new
