"""One meter with all that its page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.day import Finding
from model.grid import Modem, ModemLink, Multiplier, Supply
from model.quality import Severity
from model.readout import InstantRead, MeterEvent
from model.series import Channel, Rate, ReadingSource, Unit
from model.viewer import Viewer
from storage.blocks import StoredRegister
from storage.observed import instant_of
from storage.register import multipliers_of, supplies_of
from storage.viewing import scope, visible

_METER: Final = """
    SELECT m.serial, m.model, m.address, m.digits, d.last_contact, d.code, d.link, d.dialect, d.host, d.port,
        d.registration
    FROM meter m JOIN modem d ON d.code = m.modem WHERE m.id = %s"""
_INSTALLED: Final = """
    SELECT point_multipliers(p.code), point_supplies(p.code), i.since, i.until, i.first_index, i.last_index,
        p.code, p.role, coalesce(p.feeder, ''), p.station, s.name, coalesce(p.customer, ''),
        coalesce(c.name, ''), coalesce(c.address, ''), coalesce(c.book, '')
    FROM installation i JOIN point p ON p.code = i.point JOIN station s ON s.code = p.station
    LEFT JOIN customer c ON c.code = p.customer
    WHERE i.meter_id = %(meter)s AND (%(scope)s::text IS NULL OR p.customer = %(scope)s)
    ORDER BY i.since DESC"""
# The last of every register, among those of the 40 days before the last of all.
_REGISTERS: Final = """
    SELECT DISTINCT ON (channel, rate) meter_id, channel, rate, at, raw, scaler, unit, status, source
    FROM register_read
    WHERE meter_id = %(meter)s AND at >= %(start)s AND at < %(end)s AND at >= (
        SELECT at FROM register_read WHERE meter_id = %(meter)s AND at >= %(start)s AND at < %(end)s
        ORDER BY at DESC LIMIT 1) - INTERVAL '40 days'
    ORDER BY channel, rate, at DESC, received_at DESC"""
_INSTANT: Final = """
    SELECT at, voltage_v, current_a, power_w, reactive_var, cos_phi, frequency_hz FROM instant_read
    WHERE meter_id = %(meter)s AND at >= %(start)s AND at < %(end)s ORDER BY at DESC LIMIT 1"""
_LAST_OK: Final = """
    SELECT ended FROM poll WHERE meter_id = %(meter)s AND started >= %(start)s AND started < %(end)s
        AND outcome IN ('ok', 'partial') ORDER BY started DESC LIMIT 1"""
_EVENTS: Final = """
    SELECT at, code, detail FROM meter_event WHERE meter_id = %s ORDER BY at DESC, code LIMIT %s"""
_POLLS: Final = """
    SELECT p.started, p.ended, p.outcome, p.detail, p.clock_offset_s, p.modem, d.link
    FROM poll p JOIN modem d ON d.code = p.modem
    WHERE p.meter_id = %s ORDER BY p.started DESC LIMIT %s"""
_FINDINGS: Final = """
    SELECT kind, day, severity, detail FROM finding WHERE meter_id = %s ORDER BY day DESC, kind LIMIT %s"""

LOOKED_BACK: Final = 8  # findings come every day anew, and are shown folded: a year of them


@dataclass(frozen=True, slots=True)
class Installed:
    """Where a meter hangs or hung, from `since` until `until` (None: still), with its indices then by
    register code."""

    multipliers: tuple[Multiplier, ...]
    supplies: tuple[Supply, ...]
    since: datetime
    until: datetime | None
    first_index: dict[str, int]
    last_index: dict[str, int]
    point: str
    role: str
    feeder: str
    station: str
    station_name: str
    customer: str
    customer_name: str
    address: str
    book: str

    def multiplier_at(self, at: datetime) -> Decimal:
        """CT × VT that holds at the instant; 1 where none is given."""
        values = [item.value for item in self.multipliers if item.valid_from <= at]
        return values[-1] if values else Decimal(1)


@dataclass(frozen=True, slots=True)
class Poll:
    """One conversation with the meter, through `modem`, which is or was reached by `link`. `detail` is the
    collector's own sentence, in English, for whoever looks after the lines."""

    started: datetime
    ended: datetime
    outcome: str
    detail: str
    clock_offset_s: float | None
    modem: str
    link: ModemLink


@dataclass(frozen=True, slots=True)
class MeterSheet:
    """A meter's page. `installations`: the latest first; a customer sees their own, and no modem, events,
    polls and findings. `registers`: the newest of each, on the meter's side; `last_contact`: when it was
    last read."""

    meter_id: int
    serial: str
    model: str
    address: int
    digits: int | None
    modem: Modem | None
    modem_contact: datetime | None
    last_contact: datetime | None
    installations: tuple[Installed, ...]
    registers: tuple[StoredRegister, ...]
    instant: InstantRead | None
    events: tuple[MeterEvent, ...]
    polls: tuple[Poll, ...]
    findings: tuple[Finding, ...]


def sheet(conn: Connection[TupleRow], viewer: Viewer, serial: str, *, limit: int = 50) -> MeterSheet | None:
    """Everything a meter's page shows, with up to `limit` events and polls and `LOOKED_BACK` times
    as many findings, the latest first.

    None where the meter is not theirs or not there, so that nobody learns which of the two.
    """
    seen = visible(conn, viewer, serial)
    if seen is None:
        return None
    meter_id, periods = seen
    plate = conn.execute(_METER, [meter_id]).fetchone()
    assert plate is not None  # visible() found it
    name, model, address, digits, contact, code, link, *reach = plate
    # What is shown as the latest is the latest that the viewer may see.
    asked = {"meter": meter_id, "start": periods[-1].start, "end": periods[-1].end, "scope": scope(viewer)}
    last_ok = conn.execute(_LAST_OK, asked).fetchone()
    instant = conn.execute(_INSTANT, asked).fetchone()
    logs = _logs(conn, meter_id, name, limit) if viewer.is_staff else ((), (), ())
    return MeterSheet(
        meter_id,
        name,
        model,
        address,
        digits,
        Modem(code, ModemLink(link), *reach) if viewer.is_staff else None,
        contact if viewer.is_staff else None,
        None if last_ok is None else last_ok[0],
        tuple(_installed(*row) for row in conn.execute(_INSTALLED, asked)),
        tuple(_register(*row) for row in conn.execute(_REGISTERS, asked)),
        None if instant is None else instant_of(*instant),
        *logs,
    )


def _logs(
    conn: Connection[TupleRow], meter_id: int, serial: str, limit: int
) -> tuple[tuple[MeterEvent, ...], tuple[Poll, ...], tuple[Finding, ...]]:
    """Events, polls and findings: for staff."""
    return (
        tuple(MeterEvent(*row) for row in conn.execute(_EVENTS, [meter_id, limit])),
        tuple(_poll(*row) for row in conn.execute(_POLLS, [meter_id, limit])),
        tuple(
            Finding(kind, serial, day, Severity(severity), detail)
            for kind, day, severity, detail in conn.execute(_FINDINGS, [meter_id, LOOKED_BACK * limit])
        ),
    )


def _poll(
    started: datetime, ended: datetime, outcome: str, detail: str, offset: float | None, modem: str, link: str
) -> Poll:
    return Poll(started, ended, outcome, detail, offset, modem, ModemLink(link))


def _installed(multipliers: Any, supplies: Any, *fields: Any) -> Installed:
    return Installed(multipliers_of(multipliers), supplies_of(supplies), *fields)


def _register(meter_id: int, channel: int, rate: int, at: datetime, *rest: Any) -> StoredRegister:
    raw, scaler, unit, status, source = rest
    return StoredRegister(
        meter_id, Channel(channel), Rate(rate), at, raw, scaler, Unit(unit), status, ReadingSource(source)
    )
