"""Billing runs: their states, who did what, and what becomes of each point in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from model.period import Period, require_aware
from storage.errors import Unknown

_COLUMNS: Final = """
    id, from_at, to_at, invoice_date, book, at_once, state, points, drafted_by, drafted_at, checked_by,
    checked_at, approved_by, approved_at, issued_by, issued_at, withdrawn_by, withdrawn_at, reason,
    indices_sha256, bills_sha256"""
# One at a time asks whether a run of the same bills is open: until its transaction ends.
_ONE_AT_A_TIME: Final = "LOCK TABLE billing_run IN SHARE ROW EXCLUSIVE MODE"
_OPEN: Final = (
    "SELECT" + _COLUMNS + " FROM billing_run WHERE state IN ('draft', 'checked', 'approved')"
    " AND from_at < %(end)s AND to_at > %(start)s"
    " AND (book IS NULL OR %(book)s::text IS NULL OR book = %(book)s) ORDER BY id"
)
_BEGIN: Final = """
    INSERT INTO billing_run (from_at, to_at, invoice_date, book, at_once, drafted_by, drafted_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id"""
_FIND: Final = "SELECT" + _COLUMNS + " FROM billing_run WHERE id = %s"
_LOCKED: Final = _FIND + " FOR UPDATE"
_LIST: Final = (
    "SELECT" + _COLUMNS + " FROM billing_run WHERE (%(from)s::timestamptz IS NULL OR from_at = %(from)s)"
    " AND (%(to)s::timestamptz IS NULL OR to_at = %(to)s) ORDER BY id DESC LIMIT %(limit)s"
)
_DRAFT: Final = """
    UPDATE billing_run SET state = 'draft', points = %s, drafted_by = %s, drafted_at = %s, checked_by = NULL,
        checked_at = NULL WHERE id = %s"""
_CHECK: Final = "UPDATE billing_run SET state = 'checked', checked_by = %s, checked_at = %s WHERE id = %s"
_APPROVE: Final = """
    UPDATE billing_run SET state = 'approved', approved_by = %s, approved_at = %s, indices_sha256 = %s,
        bills_sha256 = %s WHERE id = %s"""
_ISSUE: Final = "UPDATE billing_run SET state = 'issued', issued_by = %s, issued_at = %s WHERE id = %s"
_WITHDRAW: Final = """
    UPDATE billing_run SET state = 'withdrawn', withdrawn_by = %s, withdrawn_at = %s, reason = %s
    WHERE id = %s"""
_DROP: Final = """
    WITH gone AS (UPDATE bill SET run_id = NULL WHERE run_id = %(run)s)
    DELETE FROM billing_run WHERE id = %(run)s"""
_HAS_BILLS: Final = "SELECT count(*) FROM bill WHERE run_id = %s"
_EMPTY: Final = (
    "DELETE FROM billing_run_item WHERE run_id = %s",
    "DELETE FROM billing_run_finding WHERE run_id = %s",
)

# A customer's points at which a meter hung in the period, of a book or of all.
_HUNG: Final = """
    FROM point p JOIN customer c ON c.code = p.customer
    WHERE p.role = 'customer' AND (%(book)s::text IS NULL OR c.book = %(book)s)
      AND EXISTS (SELECT FROM installation i WHERE i.point = p.code AND i.since < %(end)s
          AND coalesce(i.until, 'infinity') > %(start)s)"""
_POINTS: Final = "SELECT p.code" + _HUNG + " ORDER BY p.code"
_COUNT: Final = "SELECT count(*)" + _HUNG
UNDRAFTED: Final = (
    _HUNG
    + """
      AND mod(abs(hashtext(p.code)::bigint), %(of)s) = %(shard)s
      AND NOT EXISTS (SELECT FROM billing_run_item t WHERE t.run_id = %(run)s AND t.point = p.code)"""
)
"""From where the points `p` of a shard come that are to be drafted."""
# What was issued already with this run is left out: killed in the middle, it goes on where it was.
UNISSUED: Final = """
    WHERE t.run_id = %(run)s AND t.outcome = 'bill'
      AND mod(abs(hashtext(t.point)::bigint), %(of)s) = %(shard)s
      AND NOT EXISTS (SELECT FROM bill b
          WHERE b.point = t.point AND b.from_at < %(end)s AND b.to_at > %(start)s)"""
"""Which items `t` of a shard are bills that are to be issued."""
_TO_DRAFT: Final = "SELECT p.code" + UNDRAFTED + " ORDER BY p.code"
_TO_ISSUE: Final = "SELECT t.point FROM billing_run_item t" + UNISSUED + " ORDER BY t.point"
_HOW_MANY_TO_DRAFT: Final = "SELECT count(*)" + UNDRAFTED
_HOW_MANY_TO_ISSUE: Final = "SELECT count(*) FROM billing_run_item t" + UNISSUED
_ITEM_COLUMNS: Final = (
    "point, customer, outcome, plan, kwh, wh, subtotal, vat, total, serial, confirmed, kind, reason, reactive"
)
_INCOMING: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming_item (LIKE billing_run_item) ON COMMIT DELETE ROWS"""
_COPY: Final = "COPY incoming_item (run_id, " + _ITEM_COLUMNS + ") FROM STDIN"
_TAKE: Final = """
    INSERT INTO billing_run_item SELECT * FROM incoming_item ORDER BY run_id, point
    ON CONFLICT (run_id, point) DO NOTHING"""
_ITEMS: Final = (
    "SELECT " + _ITEM_COLUMNS + " FROM billing_run_item WHERE run_id = %(run)s"
    " AND (%(points)s::text[] IS NULL OR point = ANY (%(points)s))"
    " AND (%(outcomes)s::text[] IS NULL OR outcome = ANY (%(outcomes)s))"
    " ORDER BY (kind = 'no_meter') DESC, point LIMIT %(limit)s"
)
_RELEASE: Final = """
    UPDATE billing_run_item SET outcome = 'bill', kind = '', reason = ''
    WHERE run_id = %s AND outcome = 'held' AND kind = ANY (%s::text[]) RETURNING point"""
_HOLD: Final = """
    UPDATE billing_run_item t SET outcome = 'held', kind = n.kind, reason = n.reason, serial = n.serial
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS n (point, serial, kind, reason)
    WHERE t.run_id = %s AND t.point = n.point AND t.outcome = 'bill'"""
_FINDING: Final = """
    INSERT INTO billing_run_finding (run_id, object, kind, severity, holds, said, facts)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, object, kind) DO UPDATE
        SET severity = excluded.severity, holds = excluded.holds, said = excluded.said,
            facts = excluded.facts"""
_FINDINGS: Final = """
    SELECT object, kind, severity, holds, said, facts FROM billing_run_finding WHERE run_id = %s
    ORDER BY severity DESC, object, kind LIMIT %s"""
_ACCEPT: Final = """
    INSERT INTO billing_run_acceptance (run_id, point, kind, by, at, why) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, point, kind) DO NOTHING"""
_ACCEPTED: Final = "SELECT point, kind FROM billing_run_acceptance WHERE run_id = %s"


class RunState(StrEnum):
    DRAFT = "draft"
    CHECKED = "checked"
    APPROVED = "approved"
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Run:
    """A billing run. `book` None: all books; `points` None: not known yet how many there are to count."""

    id: int
    from_at: datetime
    to_at: datetime
    invoice_date: date
    book: str | None
    at_once: bool
    state: RunState
    points: int | None
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None
    checked_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    issued_by: str | None
    issued_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    reason: str
    indices_sha256: bytes | None
    bills_sha256: bytes | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", RunState(self.state))

    @property
    def period(self) -> Period:
        return Period(self.from_at, self.to_at)


@dataclass(frozen=True, slots=True)
class Item:
    """What becomes of a point: figures of its `bill`, or of one that `stands`; or `kind` and `reason` why it
    is `held`, or what it contradicts (`conflict`). kWh as billed, `wh` exact, đồng. `confirmed`: its
    half-hours add up to what the registers went on by. `reactive`: the surcharge with VAT; None: none is
    asked for."""

    point: str
    customer: str
    outcome: str
    plan: str = ""
    kwh: int = 0
    wh: Decimal = Decimal(0)
    subtotal: int = 0
    vat: int = 0
    total: int = 0
    serial: str = ""
    confirmed: bool = False
    kind: str = ""
    reason: str = ""
    reactive: int | None = None


@dataclass(frozen=True, slots=True)
class RunFinding:
    """What a check noticed of a point or a station; `holds`: its bill waits for it. `said` is the sentence of
    a hold, in English; `facts` the figures of `operations.wording.noticed`."""

    object: str
    kind: str
    severity: int
    holds: bool
    said: str
    facts: dict[str, Any] = field(default_factory=dict, hash=False)


_VALUES: Final = attrgetter(*(field.name for field in fields(Item)))


def open_runs(conn: Connection[TupleRow], period: Period, book: str | None) -> list[Run]:
    """The runs that are neither issued nor withdrawn and have bills in common with these; nobody begins one
    until the caller's transaction ends."""
    conn.execute(_ONE_AT_A_TIME)
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        asked = {"start": period.start, "end": period.end, "book": book}
        return cursor.execute(_OPEN, asked).fetchall()


def begin(
    conn: Connection[TupleRow],
    period: Period,
    invoice_date: date,
    book: str | None,
    by: str,
    at: datetime,
    *,
    at_once: bool = False,
) -> int:
    """The number of a new run."""
    values = [period.start, period.end, invoice_date, book, at_once, by, require_aware(at)]
    row = conn.execute(_BEGIN, values).fetchone()
    assert row is not None
    return int(row[0])


def find(conn: Connection[TupleRow], number: int, *, lock: bool = False) -> Run:
    """One run; locked, nobody moves it until the transaction ends. Raises Unknown."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        found = cursor.execute(_LOCKED if lock else _FIND, [number]).fetchone()
    if found is None:
        raise Unknown("billing run", str(number))
    return found


def runs(conn: Connection[TupleRow], *, period: Period | None = None, limit: int = 50) -> list[Run]:
    """Runs, the latest first."""
    asked = {"from": period.start if period else None, "to": period.end if period else None, "limit": limit}
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_LIST, asked).fetchall()


def draft(conn: Connection[TupleRow], number: int, by: str, at: datetime, *, anew: bool) -> None:
    """Count the points that there are; `anew`: what was drafted before is dropped."""
    run = find(conn, number, lock=True)
    if anew:
        for statement in _EMPTY:
            conn.execute(statement, [number])
    row = conn.execute(_COUNT, {"book": run.book, "start": run.from_at, "end": run.to_at}).fetchone()
    assert row is not None
    conn.execute(_DRAFT, [row[0], by, require_aware(at), number])


def check(conn: Connection[TupleRow], number: int, by: str, at: datetime) -> None:
    conn.execute(_CHECK, [by, require_aware(at), number])


def approve(
    conn: Connection[TupleRow], number: int, by: str | None, at: datetime, indices: bytes, bills: bytes
) -> None:
    """By a second person, or by nobody where the run is `at_once`; what it stands upon is frozen by hash."""
    conn.execute(_APPROVE, [by, require_aware(at), indices, bills, number])


def issue(conn: Connection[TupleRow], number: int, by: str, at: datetime) -> None:
    conn.execute(_ISSUE, [by, require_aware(at), number])


def withdraw(conn: Connection[TupleRow], number: int, by: str, at: datetime, reason: str) -> None:
    conn.execute(_WITHDRAW, [by, require_aware(at), reason, number])


def drop(conn: Connection[TupleRow], number: int) -> None:
    """A run at once that issued nothing, or was broken off, leaves nothing but the bills that went out."""
    conn.execute(_DROP, {"run": number})


def bills_issued(conn: Connection[TupleRow], number: int) -> int:
    """How many bills went out with the run."""
    row = conn.execute(_HAS_BILLS, [number]).fetchone()
    return int(row[0]) if row else 0


def points(conn: Connection[TupleRow], period: Period, book: str | None) -> list[str]:
    """The customers' points at which a meter hung in the period, of a book or of all."""
    asked = {"book": book, "start": period.start, "end": period.end}
    return [point for (point,) in conn.execute(_POINTS, asked)]


def to_draft(conn: Connection[TupleRow], run: Run, shard: tuple[int, int]) -> list[str]:
    """The points of a shard that are not counted yet; `shard` is (number, of)."""
    return [point for (point,) in _by_sets(conn, _TO_DRAFT, run, shard)]


def to_issue(conn: Connection[TupleRow], run: Run, shard: tuple[int, int]) -> list[str]:
    """The points of a shard whose bill is to go out and has not yet."""
    return [point for (point,) in _by_sets(conn, _TO_ISSUE, run, shard)]


def left(conn: Connection[TupleRow], run: Run, shard: tuple[int, int] = (0, 1), *, approved: bool) -> int:
    """How many points of a shard are to be drafted, or have an approved bill that is to be issued."""
    [(many,)] = _by_sets(conn, _HOW_MANY_TO_ISSUE if approved else _HOW_MANY_TO_DRAFT, run, shard)
    return int(many)


def _by_sets(
    conn: Connection[TupleRow], statement: LiteralString, run: Run, shard: tuple[int, int]
) -> list[TupleRow]:
    """Rows of a statement that compares whole tables: of those filled a moment ago the planner knows nothing,
    and would look through one for each row of the other."""
    asked = {"run": run.id, "book": run.book, "start": run.from_at, "end": run.to_at}
    asked |= {"shard": shard[0], "of": shard[1]}
    conn.execute("SET LOCAL enable_nestloop = off")
    rows = conn.execute(statement, asked).fetchall()
    conn.execute("SET LOCAL enable_nestloop = on")
    return rows


def save_items(conn: Connection[TupleRow], number: int, items: Iterable[Item]) -> None:
    """Keep what becomes of points; one that is kept already stays."""
    conn.execute(_INCOMING)
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        for one in items:
            copy.write_row((number, *_VALUES(one)))
    conn.execute(_TAKE)
    conn.execute("DELETE FROM incoming_item")


def items(
    conn: Connection[TupleRow],
    number: int,
    *,
    points: Sequence[str] | None = None,
    outcomes: Sequence[str] | None = None,
    limit: int | None = None,
) -> list[Item]:
    """What becomes of these points, or of all, by point; those without a meter first."""
    asked: Mapping[str, Any] = {
        "run": number,
        "points": None if points is None else list(points),
        "outcomes": None if outcomes is None else list(outcomes),
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Item)) as cursor:
        return cursor.execute(_ITEMS, asked).fetchall()


def hold(conn: Connection[TupleRow], number: int, held: Sequence[Item]) -> int:
    """Hold the bills of these points, for `kind` and `reason`; how many."""
    columns = [[one.point for one in held], [one.serial for one in held]]
    columns += [[one.kind for one in held], [one.reason for one in held]]
    return conn.execute(_HOLD, [*columns, number]).rowcount


def release(conn: Connection[TupleRow], number: int, kinds: Sequence[str]) -> list[str]:
    """What these checks held or found is over, until they are made again; the points they held."""
    conn.execute(_EMPTY[1], [number])
    return [point for (point,) in conn.execute(_RELEASE, [number, list(kinds)])]


def save_findings(conn: Connection[TupleRow], number: int, found: Sequence[RunFinding]) -> None:
    with conn.cursor() as cursor:
        rows = [
            (number, one.object, one.kind, one.severity, one.holds, one.said, Jsonb(one.facts))
            for one in found
        ]
        cursor.executemany(_FINDING, rows)


def findings(conn: Connection[TupleRow], number: int, limit: int = 1000) -> list[RunFinding]:
    """The gravest first."""
    with conn.cursor(row_factory=class_row(RunFinding)) as cursor:
        return cursor.execute(_FINDINGS, [number, limit]).fetchall()


def accept(
    conn: Connection[TupleRow], number: int, point: str, kind: str, by: str, at: datetime, why: str
) -> bool:
    """The bill of a point may go out though this check would hold it; whether that is new."""
    values = [number, point, kind, by, require_aware(at), why]
    return conn.execute(_ACCEPT, values).rowcount > 0


def accepted(conn: Connection[TupleRow], number: int) -> set[tuple[str, str]]:
    """(point, kind) of every check that somebody has looked behind."""
    return {(point, kind) for point, kind in conn.execute(_ACCEPTED, [number])}
