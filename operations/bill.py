"""Billing a closed period at once, where the office wants no second person: drafted, checked and issued.

A bill once issued is never rewritten: run twice, the second run finds the same figures and leaves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from model.bill import Hold
from model.money import Dong
from model.period import Period
from model.viewer import UserRole, Viewer
from operations.errors import RunRefused
from operations.runs import stages
from storage import billing_runs, run_totals
from storage.billing_runs import Run
from storage.pool import Pool

OFFICE = Viewer("office", UserRole.BILLING)
WHOLE = (0, 1)


@dataclass(frozen=True, slots=True)
class BillReport:
    """Bills issued now and before, those held, and bills that stand although the figures say otherwise now.

    `wh_billed` (exact, before rounding to kWh) and `amount` (đồng) are of all bills of the period that stand.
    """

    issued: int = 0
    unchanged: int = 0
    held: tuple[Hold, ...] = ()
    conflicts: tuple[str, ...] = ()
    wh_billed: Decimal = Decimal(0)
    amount: Dong = 0

    def __add__(self, other: BillReport) -> BillReport:
        return BillReport(
            self.issued + other.issued,
            self.unchanged + other.unchanged,
            self.held + other.held,
            self.conflicts + other.conflicts,
            self.wh_billed + other.wh_billed,
            self.amount + other.amount,
        )

    def __bool__(self) -> bool:
        return self != BillReport()


def run(
    pool: Pool, period: Period, invoice_date: date, now: datetime, *, book: str | None = None
) -> BillReport:
    """Bill every customer's point for a closed period; `invoice_date` decides the VAT.

    Raises `InputError` when the period has not ended, and for an invoice date before its end or more than a
    year ahead; `RunRefused` while somebody's own run of these bills is open.
    """
    stages.refuse_dates(period, invoice_date, now)
    number = _begin(pool, period, invoice_date, book, now)
    stages.draft_shard(pool, number, WHOLE, now)
    stages.finish_draft(pool, number, now)
    stages.check(pool, OFFICE, number, now)
    stages.approve_at_once(pool, number, now)
    issued = stages.issue_shard(pool, number, WHOLE, now)
    stages.finish_issue(pool, number, OFFICE.login, now)
    return _report(pool, number, issued)


def prepare(pool: Pool, period: Period, invoice_date: date, now: datetime) -> BillReport:
    """Draft and check, where a second person approves what goes out. Nothing where a run is open already, or
    where there is nothing to send out."""
    stages.refuse_dates(period, invoice_date, now)
    with pool.connection() as conn:
        if billing_runs.open_runs(conn, period, None):
            return BillReport()
        number = billing_runs.begin(conn, period, invoice_date, None, OFFICE.login, now)
        billing_runs.draft(conn, number, OFFICE.login, now, anew=False)
    stages.draft_shard(pool, number, WHOLE, now)
    stages.finish_draft(pool, number, now)
    stages.check(pool, OFFICE, number, now)
    return _report(pool, number, 0, keep=True)


def _begin(pool: Pool, period: Period, invoice_date: date, book: str | None, now: datetime) -> int:
    """A run at once; one that was broken off is dropped, what it issued stands."""
    with pool.connection() as conn:
        for left in billing_runs.open_runs(conn, period, book):
            if not left.at_once:
                raise RunRefused(
                    f"billing run {left.id} of these bills is {left.state.value} (drafted by "
                    f"{left.drafted_by}): finish or withdraw it first (ami bill show {left.id})"
                )
            billing_runs.drop(conn, left.id)
        number = billing_runs.begin(conn, period, invoice_date, book, OFFICE.login, now, at_once=True)
        billing_runs.draft(conn, number, OFFICE.login, now, anew=False)
    return number


def _report(pool: Pool, number: int, issued: int, *, keep: bool = False) -> BillReport:
    with pool.connection() as conn:
        of: Run = billing_runs.find(conn, number)
        sums = run_totals.sums(conn, number)
        told = billing_runs.items(conn, number, outcomes=("held", "conflict"))
        if not (sums.bills if keep else issued):
            billing_runs.drop(conn, number)
    return BillReport(
        issued=issued,
        unchanged=sums.standing + (0 if keep else sums.bills - issued),
        held=tuple(
            Hold(one.point, one.customer, one.serial, of.period, one.kind, one.reason)
            for one in told
            if one.outcome == "held"
        ),
        conflicts=tuple(one.reason for one in told if one.outcome == "conflict"),
        wh_billed=sums.standing_wh + (0 if keep else sums.wh),
        amount=sums.standing_total + (0 if keep else sums.total),
    )
