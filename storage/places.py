"""Stations, feeders and books by name, and whose a meter is: what staff choose from and read in lists."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from model.viewer import Viewer

_STATIONS: Final = """
    SELECT code, name FROM station WHERE %(codes)s::text[] IS NULL OR code = ANY (%(codes)s) ORDER BY code"""
_FEEDERS: Final = "SELECT code, name FROM feeder ORDER BY code"
_BOOKS: Final = "SELECT code, name FROM reading_book ORDER BY code"
_WHOSE: Final = """
    SELECT m.serial, coalesce(c.name, '') AS customer, coalesce(c.address, '') AS address
    FROM meter m JOIN LATERAL (SELECT point FROM installation i WHERE i.meter_id = m.id
        ORDER BY since DESC LIMIT 1) i ON true
    JOIN point p ON p.code = i.point LEFT JOIN customer c ON c.code = p.customer
    WHERE m.serial = ANY (%(serials)s) AND %(staff)s"""

Named = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Whose:
    """At whose place a meter hangs, or hung last; empty at a station's head."""

    serial: str
    customer: str
    address: str


def stations(conn: Connection[TupleRow], viewer: Viewer, codes: Collection[str] | None = None) -> Named:
    """(code, name) of the stations of these codes (None: all); none for customers."""
    asked = {"codes": None if codes is None else list(codes)}
    return tuple(conn.execute(_STATIONS, asked).fetchall()) if viewer.is_staff else ()


def feeders(conn: Connection[TupleRow], viewer: Viewer) -> Named:
    """(code, name) of every feeder; none for customers."""
    return tuple(conn.execute(_FEEDERS).fetchall()) if viewer.is_staff else ()


def books(conn: Connection[TupleRow], viewer: Viewer) -> Named:
    """(code, name) of every reading book; none for customers."""
    return tuple(conn.execute(_BOOKS).fetchall()) if viewer.is_staff else ()


def whose(conn: Connection[TupleRow], viewer: Viewer, serials: Collection[str]) -> dict[str, Whose]:
    """By serial; meters that never hung are left out, and all of them for customers."""
    with conn.cursor(row_factory=class_row(Whose)) as cursor:
        rows = cursor.execute(_WHOSE, {"serials": list(serials), "staff": viewer.is_staff}).fetchall()
    return {row.serial: row for row in rows}
