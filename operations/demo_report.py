"""What a demo came to, out of the store, set against what the simulated meters' own registers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Hold
from model.grid import Role
from model.period import Period, local_day
from model.viewer import UserRole, Viewer
from storage import alerts, bill_holds, bills, days, inspection_sheet
from storage.bills import BillRow
from storage.fleet import meter_ids
from storage.inspections import OPEN
from storage.pool import Pool
from storage.register import Hung, hung

_OFFICE = Viewer("office", UserRole.BILLING)
_ALL = 1_000_000

Registers = Mapping[str, Mapping[str, int]]
Buffers = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """`document` is what `ami demo --once --json` prints but for `seconds`; no `contradictions`: all well."""

    document: dict[str, Any]
    contradictions: tuple[str, ...]


def _counted(registers: Registers, serials: Sequence[str]) -> int:
    """Primary Wh that the meters' registers went on by."""
    return sum(registers[serial]["to"] - registers[serial]["from"] for serial in serials)


def _meters_of(places: Sequence[Hung], point: str) -> list[str]:
    return [place.serial for place in places if place.point == point]


def contradictions(
    places: Sequence[Hung], issued: Sequence[BillRow], held: Sequence[Hold], registers: Registers
) -> list[str]:
    """Every bill that is not what its registers counted, every customer's meter neither billed nor held."""
    found = []
    for row in issued:
        unknown = [serial for serial in row.serials if serial not in registers]
        if unknown:
            found.append(f"The bill of point {row.point} names meter {unknown[0]}, which is not simulated.")
            continue
        counted = _counted(registers, row.serials)
        if row.wh != counted:
            meters = " and ".join(row.serials)
            found.append(
                f"The bill of point {row.point} says {row.wh.normalize():f} Wh, "
                f"the registers of {meters} say {counted} Wh."
            )
    seen: dict[str, list[str]] = defaultdict(list)
    for row in issued:
        for serial in row.serials:
            seen[serial].append("bill")
    for hold in held:
        for serial in _meters_of(places, hold.point):
            seen[serial].append("hold")
        if not hold.reason.strip():
            found.append(f"The bill of {hold.named} is held without a reason.")
    for place in places:
        if place.role is Role.CUSTOMER and len(seen[place.serial]) != 1:
            told = " and ".join(seen[place.serial]) or "neither bill nor hold"
            found.append(f"Meter {place.serial} at point {place.point} has {told}: it must have one of them.")
    return found


def lost_rows(buffers: Buffers, stored: Mapping[str, tuple[int, int]]) -> list[str]:
    """Every meter whose stored actual half-hours are not the rows its buffer holds, in number or in Wh."""
    found = []
    for serial, held in buffers.items():
        count, wh = stored.get(serial, (0, 0))
        if (count, wh) != (held["rows"], held["wh"]):
            found.append(
                f"Meter {serial} holds {held['rows']} half-hours with {held['wh']} Wh, "
                f"the store has {count} actual ones with {wh} Wh."
            )
    return found


def _of_period(conn: Connection[TupleRow], period: Period) -> tuple[list[BillRow], list[Hold]]:
    """Bills and holds of the period; a point supplied from later on, or until earlier, has a shorter one."""
    month = local_day(period.start)
    issued = [
        row for row in bills.bills(conn, _OFFICE, month=month, limit=_ALL) if row.period.overlap(period)
    ]
    held = [row.hold for row in bill_holds.holds(conn, _OFFICE, month=month) if row.hold.period == period]
    return issued, held


def make(pool: Pool, period: Period, truth: Mapping[str, Any], now: datetime) -> DemoReport:
    """The figures of a demo whose `period` was billed.

    `truth` is the simulator's answer: `planted` faults, `registers` with the primary Wh of each meter at both
    ends of the period, and `buffers` with rows and Wh of those that replay a file.
    """
    registers: Registers = truth["registers"]
    buffers: Buffers = truth.get("buffers", {})
    with pool.connection() as conn:
        issued, held = _of_period(conn, period)
        places = hung(conn, period=period)
        counts = days.interval_counts(conn, now)
        stored = days.actual_sums(conn, buffers, now)
        standing = [row.alert for row in alerts.alerts(conn, _OFFICE, limit=_ALL) if row.state != "closed"]
        visits = inspection_sheet.inspections(conn, _OFFICE, states=OPEN, limit=_ALL)
        meters = len(meter_ids(conn))
    billed = sum((row.wh for row in issued), Decimal(0))
    serials = [serial for row in issued for serial in row.serials if serial in registers]
    document = {
        "meters": meters,
        "intervals_expected": counts.expected,
        "intervals_stored": counts.stored,
        "intervals_estimated": counts.estimated,
        "bills": len(issued),
        "held": [
            {"meter": serial, "reason": hold.reason}
            for hold in sorted(held, key=lambda hold: hold.named)
            for serial in _meters_of(places, hold.point) or [hold.named]
        ]
        + [
            {"meter": place.serial, "reason": f"It measures station {place.station}: nobody is billed by it."}
            for place in places
            if place.role is Role.STATION_HEAD
        ],
        "wh_truth": _counted(registers, serials),
        "wh_billed": int(billed) if billed == int(billed) else float(billed),
        "amount_vnd": sum(row.total for row in issued),
        "planted": sorted(truth["planted"], key=lambda one: (one["meter"], one["kind"])),
        "alerts": [
            {"meter": meter, "kind": kind}
            for meter, kind in sorted({(alert.serial, alert.kind.value) for alert in standing})
        ],
        "inspections": [{"meter": row.serial, "since": row.since.isoformat()} for row in visits],
    }
    told = contradictions(places, issued, held, registers) + lost_rows(buffers, stored)
    return DemoReport(document, tuple(told))
