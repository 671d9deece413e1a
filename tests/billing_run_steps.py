"""The steps of a billing run by two persons over October of `operations_grid`, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from model.bill import Bill
from model.viewer import UserRole, Viewer
from operations import close, importing
from operations.runs import stages
from storage import billing_runs, bills
from storage.billing_runs import Run
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, grid, read_month

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
INVOICE = date(2026, 11, 2)
WHOLE = (0, 1)


@contextmanager
def october_closed(database: str) -> Iterator[Pool]:
    """The grid with both ends of October read and closed."""
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        close.run(pool, OCTOBER, NOW)
        yield pool


def drafted(pool: Pool, by: Viewer = LAN, book: str | None = None) -> Run:
    run = stages.begin(pool, by, OCTOBER, INVOICE, book, NOW)
    stages.open_draft(pool, run.id, by.login, NOW)
    stages.draft_shard(pool, run.id, WHOLE, NOW)
    return stages.finish_draft(pool, run.id, NOW)


def approved(pool: Pool) -> Run:
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    return stages.approve(pool, MINH, run.id, NOW)


def issue(pool: Pool, number: int) -> Run:
    stages.ready_to_issue(pool, number)
    stages.issue_shard(pool, number, WHOLE, NOW)
    return stages.finish_issue(pool, number, LAN.login, NOW)


def issued(pool: Pool) -> dict[str, Bill]:
    with pool.connection() as conn:
        sheets = [bills.bill(conn, LAN, row.id) for row in bills.bills(conn, LAN)]
    return {sheet.bill.point: sheet.bill for sheet in sheets if sheet is not None}


def items_of(pool: Pool, number: int) -> dict[str, billing_runs.Item]:
    with pool.connection() as conn:
        return {item.point: item for item in billing_runs.items(conn, number)}
