"""The surcharges for reactive energy beside their bills."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ReactiveBill, RegisterUse
from model.period import Period
from model.series import Rate

_SAVE: Final = """
    INSERT INTO bill_reactive (bill_id, kwh, kvarh, cos_phi, k_percent, decision, subtotal, vat, total)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_SAVE_USE: Final = """
    INSERT INTO bill_reactive_use (bill_id, number, serial, previous, current, multiplier, varh, kvarh,
        status, removed)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_OF: Final = """
    SELECT kwh, kvarh, cos_phi, k_percent, decision, subtotal, vat, total FROM bill_reactive
    WHERE bill_id = %s"""
_ASKED: Final = "SELECT bill_id FROM bill_reactive WHERE bill_id = ANY (%s) AND total <> 0"
_TOLD: Final = """
    SELECT b.from_at, b.to_at, r.cos_phi, r.k_percent
    FROM standing_bill b JOIN bill_reactive r ON r.bill_id = b.id
    WHERE b.point = ANY (%s) AND b.to_at > %s AND b.to_at <= %s
    ORDER BY b.from_at, b.id"""
_USES: Final = """
    SELECT serial, previous, current, multiplier, varh, kvarh, status, removed FROM bill_reactive_use
    WHERE bill_id = %s ORDER BY number"""


def save(conn: Connection[TupleRow], bill_id: int, surcharge: ReactiveBill) -> None:
    """Keep the surcharge of a bill just issued."""
    one = surcharge
    figures = [one.kwh, one.kvarh, one.cos_phi, one.k_percent, one.decision, one.subtotal, one.vat, one.total]
    conn.execute(_SAVE, [bill_id, *figures])
    rows = [
        (bill_id, number, use.serial, use.previous, use.current, use.multiplier, use.wh, use.kwh, use.status,
         use.removed)
        for number, use in enumerate(one.uses, 1)
    ]  # fmt: skip
    with conn.cursor() as cursor:
        cursor.executemany(_SAVE_USE, rows)


def of(conn: Connection[TupleRow], bill_id: int) -> ReactiveBill | None:
    """The surcharge of a bill; None where no reactive energy is bought."""
    row = conn.execute(_OF, [bill_id]).fetchone()
    if row is None:
        return None
    uses = (RegisterUse(serial, Rate.TOTAL, *rest) for serial, *rest in conn.execute(_USES, [bill_id]))
    return replace(ReactiveBill(*row), uses=tuple(uses))


def told(
    conn: Connection[TupleRow], points: Collection[str], period: Period
) -> list[tuple[Period, Decimal, Decimal]]:
    """(period, cos φ, k in percent) of these points' standing bills that end within the period."""
    rows = conn.execute(_TOLD, [list(points), period.start, period.end])
    return [(Period(start, end), *rest) for start, end, *rest in rows]


def asked(conn: Connection[TupleRow], bill_ids: Collection[int]) -> set[int]:
    """Those of these bills with a surcharge that is to be paid."""
    return {bill_id for (bill_id,) in conn.execute(_ASKED, [list(bill_ids)])}
