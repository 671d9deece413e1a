"""Who is read on one walk: the points of a reading book, with the people and places they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from storage.errors import Unknown

_BOOK: Final = "SELECT reading_day FROM reading_book WHERE code = %s"
_STOPS: Final = """
    SELECT p.code, p.station, c.code, c.name, c.address FROM point p
    JOIN customer c ON c.code = p.customer
    WHERE c.book = %s ORDER BY p.station, p.code"""


@dataclass(frozen=True, slots=True)
class Stop:
    """A measurement point on the way."""

    point: str
    station: str
    customer: str
    name: str
    address: str


def stops(conn: Connection[TupleRow], book: str) -> tuple[int, list[Stop]]:
    """The book's reading day and its points, station by station. Raises Unknown for a book nobody knows."""
    found = conn.execute(_BOOK, [book]).fetchone()
    if found is None:
        raise Unknown("reading book", book)
    return found[0], [Stop(*row) for row in conn.execute(_STOPS, [book])]
