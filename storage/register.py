"""The grid as the store knows it, told back in the words of the model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from model.grid import (
    Customer,
    Feeder,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
    Transformer,
)
from model.jsonform import from_json
from model.period import Period, local_day

_STATIONS: Final = """
    SELECT code, name, station_transformers(code) FROM station
    WHERE %(codes)s::text[] IS NULL OR code = ANY (%(codes)s) ORDER BY code"""
_FEEDERS: Final = "SELECT code, name, station FROM feeder ORDER BY code"
_BOOKS: Final = "SELECT code, name, reading_day FROM reading_book ORDER BY code"
_CUSTOMERS: Final = "SELECT code, name, address, book, phone, email, tax_code FROM customer ORDER BY code"
_MODEMS: Final = """
    SELECT code, link, dialect, host, port, registration, cell, device, dials FROM modem ORDER BY code"""
_METERS: Final = "SELECT serial, model, modem, address, digits, NULL, live_every_s FROM meter ORDER BY serial"
_POINTS: Final = """
    SELECT code, role, station, coalesce(feeder, ''), coalesce(customer, ''),
        point_multipliers(code), point_supplies(code), coalesce(checked_by, '')
    FROM point ORDER BY code"""
_INSTALLATIONS: Final = """
    SELECT i.point, m.serial, i.since, i.until, i.first_index, i.last_index
    FROM installation i JOIN meter m ON m.id = i.meter_id ORDER BY m.serial, i.since"""
_WITHOUT_METER: Final = """
    SELECT code FROM point p
    WHERE NOT EXISTS (
        SELECT FROM installation i WHERE i.point = p.code AND (i.until IS NULL OR i.until > %(now)s))
    ORDER BY code"""
_NEVER_METERED: Final = """
    SELECT p.code, p.customer FROM point p JOIN customer c ON c.code = p.customer
    WHERE p.role = %(role)s AND (%(book)s::text IS NULL OR c.book = %(book)s)
      AND NOT EXISTS (SELECT FROM installation i WHERE i.point = p.code)
      AND EXISTS (SELECT FROM point_supply s WHERE s.point = p.code AND s.valid_from < %(end)s)
    ORDER BY p.code"""
_HUNG: Final = """
    SELECT p.code AS point, p.role, p.station, coalesce(p.customer, '') AS customer, c.book,
        i.meter_id, m.serial, m.model, m.digits, i.since, i.until, i.first_index, i.last_index,
        CASE WHEN NOT %(bare)s THEN point_multipliers(p.code) END AS multipliers,
        CASE WHEN NOT %(bare)s THEN point_supplies(p.code) END AS supplies,
        coalesce(p.feeder, '') AS feeder
    FROM installation i
    JOIN meter m ON m.id = i.meter_id
    JOIN point p ON p.code = i.point
    LEFT JOIN customer c ON c.code = p.customer
    WHERE (%(points)s::text[] IS NULL OR i.point = ANY (%(points)s))
      AND (%(meters)s::integer[] IS NULL OR i.meter_id = ANY (%(meters)s))
      AND (%(start)s::timestamptz IS NULL
           OR (i.since < %(end)s AND coalesce(i.until, 'infinity') > %(start)s))
    ORDER BY p.code, i.since"""
_OF_FEEDER: Final = "SELECT code FROM point WHERE feeder = %s ORDER BY code"
_OF_STATION: Final = "SELECT code FROM point WHERE station = %s ORDER BY code"
_OF_STATIONS: Final = """
    SELECT s, ARRAY(SELECT code FROM point WHERE station = s ORDER BY code)
    FROM unnest(%s::text[]) AS s"""
_OF_BOOK: Final = """
    SELECT p.code FROM point p JOIN customer c ON c.code = p.customer WHERE c.book = %s ORDER BY p.code"""
_CUSTOMER_NAMES: Final = "SELECT code, name FROM customer WHERE code = ANY (%s)"
_HAS_CUSTOMER: Final = "SELECT FROM customer WHERE code = %s"
_HAS_BOOK: Final = "SELECT FROM reading_book WHERE code = %s"


@dataclass(frozen=True, slots=True)
class Hung:
    """A meter at a point, with all that closing, validating and billing it needs. `until` None: still there.

    Indices are the meter's integers by register code (KT, BT, CD, TD) at hanging and taking down.
    `customer` and `book` are empty and None for a station head; one with a `feeder` is the head of that.
    """

    point: str
    role: Role
    station: str
    customer: str
    book: str | None
    meter_id: int
    serial: str
    model: str
    digits: int | None
    since: datetime
    until: datetime | None
    first_index: dict[str, int]
    last_index: dict[str, int]
    multipliers: tuple[Multiplier, ...]
    supplies: tuple[Supply, ...]
    feeder: str = ""

    def multiplier_at(self, at: datetime) -> Decimal:
        """CT × VT that holds at the instant; 1 where none is given."""
        values = [item.value for item in self.multipliers if item.valid_from <= at]
        return values[-1] if values else Decimal(1)

    def supply_on(self, day: date) -> Supply | None:
        """How the point is supplied on a local day; None where nothing is agreed yet."""
        begun = [supply for supply in self.supplies if supply.valid_from <= day]
        return begun[-1] if begun else None


def register(conn: Connection[TupleRow]) -> Register:
    """Everything the store knows of the grid, in the order of the codes; without passwords."""
    return Register(
        stations=tuple(stations(conn)),
        feeders=tuple(Feeder(*row) for row in conn.execute(_FEEDERS)),
        books=tuple(ReadingBook(*row) for row in conn.execute(_BOOKS)),
        customers=tuple(Customer(*row) for row in conn.execute(_CUSTOMERS)),
        modems=tuple(Modem(code, ModemLink(link), *rest) for code, link, *rest in conn.execute(_MODEMS)),
        meters=tuple(Meter(*row) for row in conn.execute(_METERS)),
        points=tuple(
            Point(
                code, Role(role), place, feeder, payer, multipliers_of(listed), supplies_of(supplied), check
            )
            for code, role, place, feeder, payer, listed, supplied, check in conn.execute(_POINTS)
        ),
        installations=tuple(Installation(*row) for row in conn.execute(_INSTALLATIONS)),
    )


def stations(conn: Connection[TupleRow], codes: Collection[str] | None = None) -> list[Station]:
    """The stations of these codes (None: all), by code, with what feeds them."""
    asked = {"codes": None if codes is None else list(codes)}
    return [
        Station(code, name, tuple(from_json(Transformer, one) for one in listed))
        for code, name, listed in conn.execute(_STATIONS, asked)
    ]


def hung(
    conn: Connection[TupleRow],
    *,
    points: Collection[str] | None = None,
    meter_ids: Collection[int] | None = None,
    period: Period | None = None,
    bare: bool = False,
) -> list[Hung]:
    """Which meters hang or hung where, by point and time; of the points, meters and period named, else
    all. `bare`: without multipliers and supplies, half of whose time goes for them; for half-hours, which are
    those of the primary side, alone."""
    asked = {
        "points": None if points is None else list(points),
        "meters": None if meter_ids is None else list(meter_ids),
        "start": period.start if period else None,
        "end": period.end if period else None,
        "bare": bare,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return [_hung(fields) for fields in cursor.execute(_HUNG, asked)]


def points_of_feeder(conn: Connection[TupleRow], feeder: str) -> list[str]:
    """Codes of the points that hang at a feeder."""
    return [code for (code,) in conn.execute(_OF_FEEDER, [feeder])]


def points_of_station(conn: Connection[TupleRow], station: str) -> list[str]:
    """Codes of the points below a station, its head's among them."""
    return [code for (code,) in conn.execute(_OF_STATION, [station])]


def points_of_stations(conn: Connection[TupleRow], stations: Collection[str]) -> dict[str, list[str]]:
    """The same of several, by station; an empty list where there are none."""
    return dict(conn.execute(_OF_STATIONS, [list(stations)]).fetchall())


def points_of_book(conn: Connection[TupleRow], book: str) -> list[str]:
    """Codes of the points whose customers are read in a book."""
    return [code for (code,) in conn.execute(_OF_BOOK, [book])]


def customer_names(conn: Connection[TupleRow], codes: Collection[str]) -> dict[str, str]:
    """Names of customers by their code."""
    return dict(conn.execute(_CUSTOMER_NAMES, [list(codes)]).fetchall())


def has_customer(conn: Connection[TupleRow], code: str) -> bool:
    """Whether a customer of this code is registered."""
    return conn.execute(_HAS_CUSTOMER, [code]).fetchone() is not None


def has_book(conn: Connection[TupleRow], code: str) -> bool:
    """Whether a reading book of this code is registered."""
    return conn.execute(_HAS_BOOK, [code]).fetchone() is not None


def points_without_meter(conn: Connection[TupleRow], now: datetime) -> list[str]:
    """Codes of the points at which no meter hangs, nor will."""
    return [code for (code,) in conn.execute(_WITHOUT_METER, {"now": now})]


def never_metered(
    conn: Connection[TupleRow], period: Period, book: str | None = None
) -> list[tuple[str, str]]:
    """Point and customer (of a book, or of all) where something is supplied in the period and no meter ever
    hung, nor will.

    Supply begins with the first meter and ends with the last: before and after there is nothing to bill.
    """
    asked = {"role": Role.CUSTOMER.value, "end": local_day(period.end), "book": book}
    return [(code, customer) for code, customer in conn.execute(_NEVER_METERED, asked)]


def _hung(fields: dict[str, Any]) -> Hung:
    fields["role"] = Role(fields["role"])
    fields["multipliers"] = multipliers_of(fields["multipliers"] or [])
    fields["supplies"] = supplies_of(fields["supplies"] or [])
    return Hung(**fields)


def multipliers_of(documents: list[dict[str, Any]]) -> tuple[Multiplier, ...]:
    """A point's multipliers from the JSON list the schema's point_multipliers() gives."""
    return tuple(from_json(Multiplier, document) for document in documents)


def supplies_of(documents: list[dict[str, Any]]) -> tuple[Supply, ...]:
    """A point's supplies from the JSON list the schema's point_supplies() gives."""
    return tuple(from_json(Supply, document) for document in documents)
