"""What detection looks at: electrical quantities, clocks, events, findings and contacts of many meters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.day import Finding
from model.period import Period
from model.quality import Severity
from model.readout import InstantRead, MeterEvent

_INSTANTS: Final = """
    SELECT meter_id, at, voltage_v, current_a, power_w, reactive_var, cos_phi, frequency_hz FROM instant_read
    WHERE meter_id = ANY (%(meters)s) AND at >= %(start)s AND at < %(end)s ORDER BY meter_id, at"""
_OFFSETS: Final = """
    SELECT meter_id, started, clock_offset_s FROM poll
    WHERE meter_id = ANY (%(meters)s) AND started >= %(start)s AND started < %(end)s
      AND clock_offset_s IS NOT NULL
    ORDER BY meter_id, started"""
_EVENTS: Final = """
    SELECT meter_id, at, code, detail FROM meter_event
    WHERE meter_id = ANY (%(meters)s) AND at >= %(start)s AND at < %(end)s ORDER BY meter_id, at, code"""
_FINDINGS: Final = """
    SELECT f.meter_id, f.kind, m.serial, f.day, f.severity, f.detail
    FROM finding f JOIN meter m ON m.id = f.meter_id
    WHERE f.meter_id = ANY (%(meters)s) AND f.day >= %(first)s AND f.day < %(end)s
    ORDER BY f.meter_id, f.day, f.kind"""
_CONTACTS: Final = """
    SELECT m.id, m.serial, m.modem, d.last_contact, ok.ended, try.started, try.outcome
    FROM meter m JOIN modem d ON d.code = m.modem
    LEFT JOIN LATERAL (SELECT ended FROM poll WHERE meter_id = m.id AND outcome IN ('ok', 'partial')
        ORDER BY started DESC LIMIT 1) ok ON true
    LEFT JOIN LATERAL (SELECT started, outcome FROM poll WHERE meter_id = m.id
        ORDER BY started DESC LIMIT 1) try ON true
    WHERE %(meters)s::integer[] IS NULL OR m.id = ANY (%(meters)s)
    ORDER BY m.id"""


@dataclass(frozen=True, slots=True)
class Contact:
    """When a meter and its modem were last heard of; `last_outcome` is that of the last try, heard or not."""

    meter_id: int
    serial: str
    modem: str
    modem_contact: datetime | None
    last_ok: datetime | None
    last_try: datetime | None
    last_outcome: str | None


def instants(
    conn: Connection[TupleRow], meter_ids: Collection[int], period: Period
) -> list[tuple[int, InstantRead]]:
    """Electrical quantities with their meters, by meter and time."""
    return [
        (meter_id, instant_of(*row)) for meter_id, *row in conn.execute(_INSTANTS, _asked(meter_ids, period))
    ]


def instant_of(at: datetime, voltage: list[Any], current: list[Any], *rest: Any) -> InstantRead:
    """A row of instant_read as the model's value."""
    return InstantRead(at, (voltage[0], voltage[1], voltage[2]), (current[0], current[1], current[2]), *rest)


def clock_offsets(
    conn: Connection[TupleRow], meter_ids: Collection[int], period: Period
) -> list[tuple[int, datetime, float]]:
    """Meter, when it was asked, and its clock minus ours in seconds; by meter and time."""
    return [
        (meter_id, at, offset) for meter_id, at, offset in conn.execute(_OFFSETS, _asked(meter_ids, period))
    ]


def events(
    conn: Connection[TupleRow], meter_ids: Collection[int], period: Period
) -> list[tuple[int, MeterEvent]]:
    """Events with their meters, by meter and time."""
    return [
        (meter_id, MeterEvent(*row)) for meter_id, *row in conn.execute(_EVENTS, _asked(meter_ids, period))
    ]


def findings(
    conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date
) -> list[tuple[int, Finding]]:
    """Findings of the days from `first`, without `end`, with their meters; by meter and day."""
    asked = {"meters": list(meter_ids), "first": first, "end": end}
    return [
        (meter_id, Finding(kind, serial, day, Severity(severity), detail))
        for meter_id, kind, serial, day, severity, detail in conn.execute(_FINDINGS, asked)
    ]


def contacts(conn: Connection[TupleRow], meter_ids: Collection[int] | None = None) -> list[Contact]:
    """How every one of the meters (None: all) was last heard of, by meter."""
    asked = {"meters": None if meter_ids is None else list(meter_ids)}
    return [Contact(*row) for row in conn.execute(_CONTACTS, asked)]


def _asked(meter_ids: Collection[int], period: Period) -> dict[str, Any]:
    return {"meters": list(meter_ids), "start": period.start, "end": period.end}
