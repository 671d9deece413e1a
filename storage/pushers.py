"""Whose a message is that nobody asked for: meters by the names they give themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_BY_SERIAL: Final = """
    SELECT id, serial, model, modem FROM meter WHERE serial = ANY (%s::text[]) AND modem IS NOT NULL"""

_AT: Final = "SELECT id, serial, model, modem FROM meter WHERE modem = %s AND address = %s"


@dataclass(frozen=True, slots=True)
class Pusher:
    """A meter of the register, and the code of the modem it hangs on."""

    meter_id: int
    serial: str
    model: str
    modem: str


def by_serial(conn: Connection[TupleRow], serials: Collection[str]) -> dict[str, Pusher]:
    """Those of these serials that are in the register."""
    rows = conn.execute(_BY_SERIAL, [list(serials)])
    return {serial: Pusher(meter_id, serial, model, modem) for meter_id, serial, model, modem in rows}


def at(conn: Connection[TupleRow], modem: str, address: int) -> Pusher | None:
    """The meter at this address behind a modem, None where there is none or more than one."""
    rows = conn.execute(_AT, [modem, address]).fetchall()
    return Pusher(*rows[0]) if len(rows) == 1 else None
