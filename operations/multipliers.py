"""A point's multiplier (CT × VT) against the meters that hang there: a meter of primary values wants 1."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Register
from operations import models
from operations.errors import MeterRefused
from operations.models import MeterKind
from storage.register import Hung, hung

ONE = Decimal(1)
WAY = (
    "put the point's multiplier at 1 if it is read directly, "
    "or correct the meter's model to one of secondary values, like dk-3p-ct"
)


def unlike_one(place: Hung, start: datetime, end: datetime | None) -> Decimal | None:
    """The first multiplier other than 1 that holds at the point within these instants, or None."""
    later = [
        m.value for m in place.multipliers if m.valid_from > start and (end is None or m.valid_from < end)
    ]
    return next((value for value in (place.multiplier_at(start), *later) if value != ONE), None)


def contradiction(place: Hung, kind: MeterKind | None, start: datetime, end: datetime | None) -> str:
    """What is wrong when a meter that already counts the primary side hangs at a point with a multiplier
    other than 1 within these instants; else nothing."""
    if kind is None or kind.is_secondary or (value := unlike_one(place, start, end)) is None:
        return ""
    return (
        f"meter {place.serial} at {place.point}: the point has the multiplier {value.normalize():f}, while "
        f"its model {place.model} says that it already counts primary kWh"
    )


def refuse_contradictions(conn: Connection[TupleRow], touched: Register) -> None:
    """Raises `MeterRefused` where what was just saved hangs a meter of primary values at a multiplier other
    than 1; the caller's transaction is to be rolled back."""
    serials = {meter.serial for meter in touched.meters} | {item.serial for item in touched.installations}
    points = {point.code for point in touched.points}
    for place in _touched(hung(conn), serials, points):
        if said := contradiction(place, models.kind(place.model), place.since, place.until):
            raise MeterRefused(place.serial, f"{said}: {WAY}; nothing was stored")


def _touched(places: Collection[Hung], serials: Collection[str], points: Collection[str]) -> list[Hung]:
    return [place for place in places if place.serial in serials or place.point in points]
