"""How complete the evidence is: half-hours that came, of those that were due, by station, book, hour or day.

What came is counted in what meters said (`profile_block`), not in validated days: it is there as soon as the
head-end has brought it, whatever the office has made of it since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from model.period import Period, midnight, require_aware
from model.series import Channel

# `found`: a meter's day, its half-hours as bits of a word, those due and those of them that came.
# A day of a meter is two words of 48 bits, for the first and the second quarter of an hour of each half-hour:
# a meter of quarter-hours has a half-hour when it has both, and what was read twice is there once.
# Blocks of more than a day, or with holes, are few, and found by an index of their own.
SLOTS: Final = """
    WITH days AS MATERIALIZED (
        SELECT d AS day, %(start)s + d * 86400 AS opens,
            least(%(start)s + (d + 1) * 86400, %(now)s) AS shuts
        FROM generate_series(0, %(days)s - 1) d),
    hung AS MATERIALIZED (
        SELECT i.meter_id, p.station, c.book, d.day,
            ceil(greatest(0, extract(epoch FROM i.since) - d.opens) / 1800)::integer AS a,
            floor((least(extract(epoch FROM coalesce(i.until, 'infinity')), d.shuts) - d.opens) / 1800)
                ::integer AS b
        FROM installation i JOIN days d ON extract(epoch FROM i.since) < d.shuts
            AND extract(epoch FROM coalesce(i.until, 'infinity')) > d.opens
        JOIN point p ON p.code = i.point LEFT JOIN customer c ON c.code = p.customer
        WHERE (p.station = %(station)s OR %(station)s::text IS NULL)
          AND (c.book = %(book)s OR %(book)s::text IS NULL)),
    meters AS MATERIALIZED (SELECT DISTINCT meter_id FROM hung),
    said AS (
        SELECT m.meter_id, b.step, generate_series(date_part('epoch', b.at)::bigint - b.shift,
            date_part('epoch', b.last)::bigint - b.shift + b.rest, b.step) AS second
        FROM meters m CROSS JOIN LATERAL (
            SELECT at, last, least(interval_s, 1800) AS step, greatest(interval_s, 1800) - 1800 AS rest,
                %(start)s + CASE WHEN kind = 'index' THEN interval_s ELSE 0 END AS shift
            FROM profile_block
            WHERE meter_id = m.meter_id AND channel = %(channel)s AND received_at <= %(received_by)s
              AND at >= %(opens)s - INTERVAL '1 day' AND at <= %(shuts)s + INTERVAL '1 day'
              AND instants IS NULL) b
        UNION ALL
        SELECT m.meter_id, b.step, generate_series(b.second, b.second + b.rest, b.step)
        FROM meters m CROSS JOIN LATERAL (
            SELECT least(interval_s, 1800) AS step, greatest(interval_s, 1800) - 1800 AS rest,
                unnest(CASE WHEN instants IS NULL THEN ARRAY (
                    SELECT to_timestamp(s) FROM generate_series(date_part('epoch', at)::bigint,
                        date_part('epoch', last)::bigint, interval_s) s) ELSE instants END) AS stamp,
                %(start)s + CASE WHEN kind = 'index' THEN interval_s ELSE 0 END AS shift
            FROM profile_block
            WHERE meter_id = m.meter_id AND channel = %(channel)s AND received_at <= %(received_by)s
              AND (instants IS NOT NULL OR cardinality(raw) * interval_s > 86400)
              AND at >= %(opens)s - INTERVAL '33 days' AND at <= %(shuts)s + INTERVAL '1 day'
              AND last >= %(opens)s) l
        CROSS JOIN LATERAL (SELECT date_part('epoch', l.stamp)::bigint - l.shift AS second, l.step, l.rest) b
    ),
    came AS (
        SELECT meter_id, (second / 86400)::integer AS day,
            bit_or(1::bigint << (second %% 86400 / 1800)::integer)
                FILTER (WHERE step > 900 OR second %% 1800 < 900)
            & bit_or(1::bigint << (second %% 86400 / 1800)::integer)
                FILTER (WHERE step > 900 OR second %% 1800 >= 900) AS slots
        FROM said WHERE second BETWEEN 0 AND %(days)s * 86400 - 1 GROUP BY 1, 2),
    found AS MATERIALIZED (
        SELECT h.meter_id, h.day, h.station, h.book, w.due, coalesce(w.due & k.slots, 0) AS came
        FROM hung h
        CROSS JOIN LATERAL (SELECT (1::bigint << h.b) - (1::bigint << h.a) AS due) w
        LEFT JOIN came k ON k.meter_id = h.meter_id AND k.day = h.day
        WHERE h.a < h.b)
"""
_SUMS: Final = """
    count(DISTINCT meter_id), coalesce(sum(bit_count(due::bit(64))), 0)::bigint,
    coalesce(sum(bit_count(came::bit(64))), 0)::bigint,
    coalesce(sum(bit_count(due::bit(64))) FILTER (WHERE silent), 0)::bigint"""
_FROM: Final = " FROM (SELECT *, came = 0 AS silent FROM found) f "
_HOURS: Final = """
    FROM (SELECT f.meter_id, f.day, h.hour, f.due & (3::bigint << h.hour * 2) AS due,
            f.came & (3::bigint << h.hour * 2) AS came, f.came = 0 AS silent
        FROM found f CROSS JOIN generate_series(0, 23) AS h (hour)) f
    WHERE due <> 0 """


class By(StrEnum):
    """What the half-hours are told apart by."""

    DAY = "day"
    HOUR = "hour"
    STATION = "station"
    BOOK = "book"


_QUERIES: Final[dict[By, LiteralString]] = {
    By.DAY: SLOTS + "SELECT %(first)s::date + day," + _SUMS + _FROM + "GROUP BY day ORDER BY day",
    By.HOUR: SLOTS + "SELECT lpad(hour::text, 2, '0') || ':00'," + _SUMS + _HOURS + "GROUP BY 1 ORDER BY 1",
    By.STATION: SLOTS + "SELECT station," + _SUMS + _FROM + "GROUP BY station ORDER BY station",
    By.BOOK: SLOTS + "SELECT coalesce(book, '')," + _SUMS + _FROM + "GROUP BY 1 ORDER BY 1",
}
_ALL: Final[LiteralString] = SLOTS + "SELECT ''," + _SUMS + _FROM


@dataclass(frozen=True, slots=True)
class Within:
    """Only meters that hang below this station and belong to this reading book; None: whichever."""

    station: str | None = None
    book: str | None = None


EVERYWHERE: Final = Within()


@dataclass(frozen=True, slots=True)
class Completeness:
    """Half-hours of active import: `due` ones that have ended, `came` of them, and those of them due from
    meters that gave nothing at all on their day (`silent`).

    `of` is a day, an hour of the day (`07:00`), a station, or a book (empty: meters of no customer).
    """

    of: str
    meters: int
    due: int
    came: int
    silent: int

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None where nothing was due."""
        return self.came / self.due if self.due else None

    @property
    def share_heard(self) -> float | None:
        """The share among meters that gave anything on the day; None where there are none."""
        heard = self.due - self.silent
        return self.came / heard if heard else None


def completeness(
    conn: Connection[TupleRow],
    first: date,
    last: date,
    now: datetime,
    by: By,
    received_by: datetime | None = None,
    within: Within = EVERYWHERE,
) -> list[Completeness]:
    """The local days from `first` to `last`, both included, as far as they have passed at `now`.

    `received_by`: only what had come by then counts.
    """
    return _ask(conn, _QUERIES[by], asked(first, last, now, received_by, within))


def total(
    conn: Connection[TupleRow],
    first: date,
    last: date,
    now: datetime,
    received_by: datetime | None = None,
    within: Within = EVERYWHERE,
) -> Completeness:
    """The same, all in one sum."""
    (found,) = _ask(conn, _ALL, asked(first, last, now, received_by, within))
    return found


async def total_async(
    conn: AsyncConnection[TupleRow], first: date, last: date, now: datetime
) -> Completeness:
    """The same in the loop; whoever breaks it off stops the server's work too."""
    cursor = await conn.execute(_ALL, asked(first, last, now))
    ((of, *rest),) = await cursor.fetchall()
    return Completeness(str(of), *rest)


def _ask(conn: Connection[TupleRow], query: LiteralString, given: dict[str, Any]) -> list[Completeness]:
    return [Completeness(str(of), *rest) for of, *rest in conn.execute(query, given)]


def asked(
    first: date,
    last: date,
    now: datetime,
    received_by: datetime | None = None,
    within: Within = EVERYWHERE,
) -> dict[str, Any]:
    """What `SLOTS` wants to be given."""
    period = Period(midnight(first), midnight(last + timedelta(days=1)))
    return {
        "first": first,
        "opens": period.start,
        "shuts": period.end,
        "start": int(period.start.timestamp()),
        "days": (last - first).days + 1,
        "now": int(require_aware(now).timestamp()),
        "channel": int(Channel.ACTIVE_IMPORT),
        "received_by": received_by or datetime.max.replace(tzinfo=UTC),
        "station": within.station,
        "book": within.book,
    }
