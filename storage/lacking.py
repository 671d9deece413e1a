"""Which meters lack half-hours, and which ones: what `completeness` counts, meter by meter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import HALF_HOUR, Period, midnight
from storage.completeness import EVERYWHERE, SLOTS, Within, asked

_LACKING: Final[LiteralString] = (
    SLOTS
    + """
    SELECT m.serial, m.model, m.modem, l.station, l.book, l.due, l.came, l.days, l.words, count(*) OVER ()
    FROM (
        SELECT meter_id, (array_agg(station ORDER BY day DESC))[1] AS station,
            coalesce((array_agg(book ORDER BY day DESC))[1], '') AS book,
            sum(bit_count(due::bit(64)))::bigint AS due, sum(bit_count(came::bit(64)))::bigint AS came,
            array_agg(day ORDER BY day, due) FILTER (WHERE due <> came) AS days,
            array_agg(due & ~came ORDER BY day, due) FILTER (WHERE due <> came) AS words
        FROM found GROUP BY meter_id HAVING bool_or(due <> came)) l
    JOIN meter m ON m.id = l.meter_id
    ORDER BY l.due - l.came DESC, m.serial LIMIT %(limit)s"""
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A meter of which half-hours of active import that were `due` have not come: those of `periods`.

    `station` and `book` (empty: of no customer) are those of where it hung last.
    """

    serial: str
    model: str
    modem: str
    station: str
    book: str
    due: int
    came: int
    periods: tuple[Period, ...]

    @property
    def missing(self) -> int:
        """How many half-hours."""
        return self.due - self.came


def lacking(
    conn: Connection[TupleRow],
    first: date,
    last: date,
    now: datetime,
    received_by: datetime | None = None,
    within: Within = EVERYWHERE,
    limit: int | None = None,
) -> tuple[list[Lacking], int]:
    """Those that lack most come first, `limit` of them at most; and how many there are in all.

    Days, `now` and `received_by` as in `completeness`.
    """
    given = {**asked(first, last, now, received_by, within), "limit": limit}
    rows = conn.execute(_LACKING, given).fetchall()
    found = []
    for serial, model, modem, station, book, due, came, days, words, _ in rows:
        runs = _runs((first + timedelta(days=day), word) for day, word in zip(days, words, strict=True))
        found.append(Lacking(serial, model, modem, station, book, due, came, tuple(runs)))
    return found, rows[0][-1] if rows else 0


def _runs(days: Iterable[tuple[date, int]]) -> Iterator[Period]:
    """The half-hours whose bits are set (bit 0: 00:00), those that touch each other as one; in order."""
    last: Period | None = None
    for day, word in days:
        opens = midnight(day)
        while word:
            begin = (word & -word).bit_length() - 1
            length = (~(word >> begin) & ((word >> begin) + 1)).bit_length() - 1
            word &= ~(((1 << length) - 1) << begin)
            start = opens + begin * HALF_HOUR
            if last is not None and last.end == start:
                last = Period(last.start, start + length * HALF_HOUR)
                continue
            if last is not None:
                yield last
            last = Period(start, start + length * HALF_HOUR)
    if last is not None:
        yield last
