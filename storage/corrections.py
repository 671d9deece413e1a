"""Corrections of bills: the orders for them, the indices they put right, and readings that contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from model.bill import ClosingIndex
from model.jsonform import from_json, to_json
from model.period import Period, require_aware
from model.series import Channel, Rate, RegisterKey
from storage.errors import Unknown

_ORDER: Final = """
    INSERT INTO bill_correction (bill_id, kind, reason, indices, invoice_date, total_before, total_after,
        digest, ordered_by, ordered_at, together)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"""
_FIRST: Final = "UPDATE bill_correction SET together = id WHERE id = %s"
_COLUMNS: Final = """
    SELECT id, bill_id, kind, reason, indices, invoice_date, total_before, total_after, digest, state,
        ordered_by, ordered_at, approved_by, approved_at, issued_bill, together FROM bill_correction"""
_FIND: Final = _COLUMNS + " WHERE id = %s FOR UPDATE"
_TOGETHER: Final = (
    _COLUMNS
    + """
    WHERE id = %(id)s OR together = (SELECT together FROM bill_correction WHERE id = %(id)s)
    ORDER BY id FOR UPDATE"""
)
# Bills that an index at one of the instants opens, closes, or lies within; not those replaced since.
_TOUCHED: Final = """
    SELECT id FROM standing_bill b WHERE point = %(point)s AND correction IS DISTINCT FROM 'adjusts'
      AND EXISTS (SELECT FROM unnest(%(at)s::timestamptz[]) AS i (at) WHERE i.at BETWEEN from_at AND to_at)
    ORDER BY from_at"""
# Of those, the ones that count what this meter's registers say.
_UPON: Final = """
    SELECT id FROM standing_bill b WHERE point = %(point)s AND correction IS DISTINCT FROM 'adjusts'
      AND %(at)s BETWEEN from_at AND to_at
      AND (EXISTS (SELECT FROM bill_use u WHERE u.bill_id = b.id AND u.serial = %(serial)s)
        OR EXISTS (SELECT FROM bill_reactive_use u WHERE u.bill_id = b.id AND u.serial = %(serial)s))
    ORDER BY from_at"""
_OF_BILL: Final = _COLUMNS + " WHERE bill_id = %s AND state = 'ordered'"
_LIST: Final = _COLUMNS + " WHERE NOT %s OR state = 'ordered' ORDER BY id DESC LIMIT %s"
_ISSUED: Final = """
    UPDATE bill_correction SET state = 'issued', approved_by = %s, approved_at = %s, issued_bill = %s
    WHERE id = %s"""
_WITHDRAWN: Final = "UPDATE bill_correction SET state = 'withdrawn' WHERE id = %s AND state = 'ordered'"
_KEEP_PAST: Final = """
    INSERT INTO closing_index_past (point, meter_id, channel, rate, at, raw, scaler, status, method, quality,
        closed_at, replaced_at, correction, put_right_by, reason)
    SELECT c.point, c.meter_id, c.channel, c.rate, c.at, c.raw, c.scaler, c.status, c.method, c.quality,
        c.closed_at, %s, %s, %s, %s
    FROM closing_index c JOIN meter m ON m.id = c.meter_id
    WHERE m.serial = %s AND c.channel = %s AND c.rate = %s AND c.at = %s"""
_CORRECT: Final = """
    INSERT INTO closing_index (point, meter_id, channel, rate, at, raw, scaler, status, method, quality,
        closed_at)
    SELECT %(point)s, id, %(channel)s, %(rate)s, %(at)s, %(raw)s, %(scaler)s, %(status)s, 'correction', 7,
        %(closed_at)s
    FROM meter WHERE serial = %(serial)s
    ON CONFLICT (meter_id, channel, rate, at) DO UPDATE SET raw = excluded.raw, scaler = excluded.scaler,
        status = excluded.status, method = excluded.method, quality = excluded.quality,
        closed_at = excluded.closed_at"""
_NOTICE: Final = """
    INSERT INTO reading_conflict (meter_id, channel, rate, at, raw, scaler, method, noticed_at)
    SELECT id, %s, %s, %s, %s, %s, %s, %s FROM meter WHERE serial = %s
    ON CONFLICT (meter_id, channel, rate, at, raw, scaler) DO NOTHING"""
_CONFLICTS: Final = """
    SELECT x.id, c.point, m.serial, x.channel, x.rate, x.at, c.raw AS closed, x.raw AS read, x.scaler,
        x.method, x.noticed_at,
        ARRAY(SELECT b.id FROM standing_bill b WHERE b.point = c.point AND x.at BETWEEN b.from_at AND b.to_at
            AND b.correction IS DISTINCT FROM 'adjusts' ORDER BY b.id) AS bills
    FROM reading_conflict x JOIN meter m ON m.id = x.meter_id
    JOIN closing_index c ON c.meter_id = x.meter_id AND c.channel = x.channel AND c.rate = x.rate
        AND c.at = x.at
    WHERE x.settled_at IS NULL AND (%(point)s::text IS NULL OR c.point = %(point)s)
      AND (%(from)s::timestamptz IS NULL OR x.at BETWEEN %(from)s AND %(to)s)
    ORDER BY x.id"""
_SHEET: Final = """
    UPDATE installation SET
        first_index = CASE WHEN since = %(at)s THEN first_index || %(indices)s ELSE first_index END,
        last_index = CASE WHEN until = %(at)s THEN last_index || %(indices)s ELSE last_index END
    WHERE meter_id = %(meter)s AND since = %(since)s AND %(at)s IN (since, until)"""
_SETTLE: Final = """
    UPDATE reading_conflict SET settled_at = %s, settled_by = %s, settlement = %s
    WHERE id = ANY (%s) AND settled_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Correction:
    """The order to correct a bill. `indices` are closed anew with it; đồng with VAT before and after;
    `together`: the first order of those that go out together, None of one that goes alone."""

    id: int
    bill_id: int
    kind: str
    reason: str
    indices: Any
    invoice_date: date
    total_before: int
    total_after: int
    digest: bytes
    state: str
    ordered_by: str
    ordered_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    issued_bill: int | None
    together: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", tuple(from_json(ClosingIndex, one) for one in self.indices))

    @property
    def replaces(self) -> bool:
        return self.kind == "replaces"


@dataclass(frozen=True, slots=True)
class ReadingConflict:
    """A reading of an instant that was closed otherwise: raw register values; bills that stand upon it."""

    id: int
    point: str
    serial: str
    channel: Channel
    rate: Rate
    at: datetime
    closed: int
    read: int
    scaler: int
    method: str
    noticed_at: datetime
    bills: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "channel", Channel(self.channel))
        object.__setattr__(self, "rate", Rate(self.rate))
        object.__setattr__(self, "bills", tuple(self.bills))

    @property
    def index(self) -> ClosingIndex:
        """What would be closed instead."""
        key = (self.channel, self.rate)
        return ClosingIndex(self.point, self.serial, *key, self.at, self.read, self.scaler)

    @property
    def register(self) -> str:
        """The trade's code."""
        return RegisterKey(self.channel, self.rate).code


def order(
    conn: Connection[TupleRow],
    bill_id: int,
    kind: str,
    reason: str,
    indices: Sequence[ClosingIndex],
    invoice_date: date,
    totals: tuple[int, int],
    digest: bytes,
    by: str,
    at: datetime,
    together: int | None = None,
) -> int:
    """The number of a new order; `totals` are before and after; `together`: the first of those it goes out
    with."""
    listed = Jsonb([to_json(index) for index in indices])
    made = [*totals, digest, by, require_aware(at), together]
    values = [bill_id, kind, reason, listed, invoice_date, *made]
    row = conn.execute(_ORDER, values).fetchone()
    assert row is not None
    return int(row[0])


def find(conn: Connection[TupleRow], number: int) -> Correction:
    """One order, locked until the transaction ends. Raises Unknown."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        found = cursor.execute(_FIND, [number]).fetchone()
    if found is None:
        raise Unknown("correction", str(number))
    return found


def put_together(conn: Connection[TupleRow], first: int) -> None:
    """The first of several orders is one of them."""
    conn.execute(_FIRST, [first])


def together(conn: Connection[TupleRow], number: int) -> list[Correction]:
    """An order and those that go out with it, in the order of their bills; locked. Raises Unknown."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        found = cursor.execute(_TOGETHER, {"id": number}).fetchall()
    if not found:
        raise Unknown("correction", str(number))
    return found


def touched(conn: Connection[TupleRow], point: str, instants: Sequence[datetime]) -> list[int]:
    """The bills of a point that stand upon its indices at one of the instants, the earliest first."""
    return [number for (number,) in conn.execute(_TOUCHED, {"point": point, "at": list(instants)})]


def upon(conn: Connection[TupleRow], point: str, serial: str, at: datetime) -> list[int]:
    """The bills of a point that count a meter whose index at the instant opens, closes or divides their
    period, the earliest first."""
    asked = {"point": point, "serial": serial, "at": require_aware(at)}
    return [number for (number,) in conn.execute(_UPON, asked)]


def open_of(conn: Connection[TupleRow], bill_id: int) -> Correction | None:
    """The order that waits for the bill, if any does."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        return cursor.execute(_OF_BILL, [bill_id]).fetchone()


def orders(conn: Connection[TupleRow], *, waiting: bool = False, limit: int = 200) -> list[Correction]:
    """The latest first; `waiting`: only those that nobody approved yet."""
    with conn.cursor(row_factory=class_row(Correction)) as cursor:
        return cursor.execute(_LIST, [waiting, limit]).fetchall()


def issued(conn: Connection[TupleRow], number: int, by: str, at: datetime, bill_id: int) -> None:
    conn.execute(_ISSUED, [by, require_aware(at), bill_id, number])


def withdraw(conn: Connection[TupleRow], number: int) -> bool:
    """Take an order back that nobody approved."""
    return conn.execute(_WITHDRAWN, [number]).rowcount > 0


def correct_indices(
    conn: Connection[TupleRow],
    indices: Sequence[ClosingIndex],
    at: datetime,
    correction: int | None,
    *,
    by: str | None = None,
    reason: str | None = None,
) -> None:
    """Close these indices anew; what they were is kept under the order, or under who put them right and why
    where no bill stands upon them. Without either, for looking at what would come of it: roll back."""
    for index in indices:
        key = [index.serial, int(index.channel), int(index.rate), index.at]
        if correction is not None or by is not None:
            conn.execute(_KEEP_PAST, [require_aware(at), correction, by, reason, *key])
        conn.execute(
            _CORRECT,
            {
                "point": index.point,
                "serial": index.serial,
                "channel": int(index.channel),
                "rate": int(index.rate),
                "at": index.at,
                "raw": index.raw,
                "scaler": index.scaler,
                "status": index.status,
                "closed_at": require_aware(at),
            },
        )


def correct_work_sheet(
    conn: Connection[TupleRow], meter_id: int, since: datetime, at: datetime, indices: Mapping[str, int]
) -> None:
    """What was written down at hanging or taking down, raw by register code: put right."""
    asked = {"meter": meter_id, "since": since, "at": require_aware(at), "indices": Jsonb(dict(indices))}
    conn.execute(_SHEET, asked)


def notice(conn: Connection[TupleRow], found: Sequence[tuple[ClosingIndex, str]], at: datetime) -> int:
    """Keep readings, by their method, that contradict what was closed; how many are new."""
    new = 0
    for index, method in found:
        values = [int(index.channel), int(index.rate), index.at, index.raw, index.scaler, method, at]
        new += conn.execute(_NOTICE, [*values, index.serial]).rowcount
    return new


def conflicts(
    conn: Connection[TupleRow], *, point: str | None = None, period: Period | None = None
) -> list[ReadingConflict]:
    """Those that nobody has settled, of a point, at instants of a period, its end included."""
    asked = {
        "point": point,
        "from": period.start if period else None,
        "to": period.end if period else None,
    }
    with conn.cursor(row_factory=class_row(ReadingConflict)) as cursor:
        return cursor.execute(_CONFLICTS, asked).fetchall()


def settle(conn: Connection[TupleRow], numbers: Sequence[int], by: str, at: datetime, how: str) -> int:
    """Somebody decided about these conflicts; how many were open."""
    return conn.execute(_SETTLE, [require_aware(at), by, how, list(numbers)]).rowcount
