"""Whole steps of a billing run, their shards done by jobs: what a person at the desk asks for."""

from __future__ import annotations

from datetime import date

from model.clock import Clock
from model.period import Period
from model.viewer import Viewer
from operations import jobs
from operations.runs import stages
from operations.runs.stages import Progress
from storage.billing_runs import Run
from storage.pool import Pool


def draft(
    dsn: str,
    pool: Pool,
    viewer: Viewer,
    period: Period,
    invoice_date: date,
    book: str | None,
    *,
    clock: Clock,
    progress: Progress | None = None,
) -> Run:
    """A drafted run of a book, or of all: one that was broken off is gone on with, one that was whole is
    drafted anew. Raises as `stages.begin` does."""
    run = stages.begin(pool, viewer, period, invoice_date, book, clock())
    stages.open_draft(pool, run.id, viewer.login, clock())
    jobs.run_now(dsn, "draft_bills", clock=clock, progress=progress, run=run.id)
    return stages.finish_draft(pool, run.id, clock())


def issue(
    dsn: str,
    pool: Pool,
    viewer: Viewer,
    number: int,
    *,
    clock: Clock,
    progress: Progress | None = None,
) -> Run:
    """Send out the bills of an approved run. Raises `RunRefused` where it stands upon something else now."""
    stages.may(pool, viewer, "issuing a billing run", clock())
    stages.ready_to_issue(pool, number)
    jobs.run_now(dsn, "issue_bills", clock=clock, progress=progress, run=number)
    return stages.finish_issue(pool, number, viewer.login, clock())
