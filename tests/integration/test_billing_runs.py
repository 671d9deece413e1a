"""Billing runs by two persons on a real TimescaleDB: drafted, checked, approved, issued; killed; refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from model.series import ReadingSource
from model.viewer import UserRole, Viewer
from operations import bill, close
from operations.errors import InputError, RunRefused
from operations.runs import desk, stages, what_if
from storage import bill_holds, billing_runs, run_totals
from storage.billing_runs import Run, RunState
from storage.errors import Unknown
from storage.pool import Pool
from storage.run_totals import By
from tests.billing_run_steps import (
    INVOICE,
    LAN,
    MINH,
    WHOLE,
    approved,
    drafted,
    issue,
    issued,
    items_of,
    october_closed,
)
from tests.operations_grid import NOW, OCTOBER, SEPTEMBER, bring, read

ALL = ("HOUSE", "ROLL", "SHOP", "SWAP")


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with october_closed(database) as pool:
        yield pool


def test_two_persons_send_out_what_one_would_at_once(database: str, pool: Pool) -> None:
    run = drafted(pool)
    assert (run.state, run.points, run.drafted_by) == (RunState.DRAFT, 5, "lan")
    assert issued(pool) == {}
    items = items_of(pool, run.id)
    assert {point: item.outcome for point, item in items.items()} == {
        **dict.fromkeys(ALL, "bill"),
        "BLIND": "held",
    }
    assert items["BLIND"].kind == "no_opening_index"
    stages.check(pool, LAN, run.id, NOW)
    with pytest.raises(RunRefused, match="was drafted by lan: a second person has to approve it"):
        stages.approve(pool, LAN, run.id, NOW)
    approved = stages.approve(pool, MINH, run.id, NOW)
    assert (approved.state, approved.approved_by) == (RunState.APPROVED, "minh")
    assert len(approved.indices_sha256 or b"") == len(approved.bills_sha256 or b"") == 32
    assert issued(pool) == {}
    assert issue(pool, run.id).state is RunState.ISSUED
    by_two = issued(pool)
    assert set(by_two) == set(ALL)
    again = bill.run(pool, OCTOBER, INVOICE, NOW)  # by one, at once: the same figures, and nothing new
    assert (again.issued, again.unchanged, again.conflicts) == (0, 4, ())
    assert again.amount == sum(one.total for one in by_two.values())
    assert issued(pool) == by_two
    with pool.connection() as conn:
        assert [one.id for one in billing_runs.runs(conn)] == [run.id]  # what issued nothing left no run


def test_totals_are_told_by_plan_station_and_book(pool: Pool) -> None:
    run = drafted(pool)
    with pool.connection() as conn:
        sums = run_totals.sums(conn, run.id)
        plans = {one.key: one for one in run_totals.totals(conn, run.id, By.PLAN)}
        [station] = run_totals.totals(conn, run.id, By.STATION)
        [book] = run_totals.totals(conn, run.id, By.BOOK)
    assert (sums.bills, sums.held, sums.standing) == (4, 1, 0)
    assert (plans["vn-household"].bills, plans["vn-business"].bills) == (3, 1)
    assert sum(one.total for one in plans.values()) == station.total == book.total == sums.total
    assert (station.key, book.key, book.total_before) == ("T1", "S1", 0)
    _issue_all(pool, run)
    later = drafted(pool)  # all but one went out before: told by plan, station and book as they stand
    with pool.connection() as conn:
        assert run_totals.sums(conn, later.id).standing == 4
        assert {one.key: one for one in run_totals.totals(conn, later.id, By.PLAN)} == plans
        assert run_totals.totals(conn, later.id, By.STATION) == [station]


def test_what_is_issued_is_what_was_approved_or_nothing(database: str, pool: Pool) -> None:
    run = approved(pool)
    with pool.connection() as conn:
        conn.execute("UPDATE point_multiplier SET value = 50 WHERE point = 'SHOP'")
    stages.ready_to_issue(pool, run.id)  # its indices are the same
    with pytest.raises(RunRefused, match="point SHOP comes to something else now: withdraw it"):
        stages.issue_shard(pool, run.id, WHOLE, NOW)
    assert issued(pool) == {}
    with pool.connection() as conn:
        conn.execute("UPDATE point_multiplier SET value = 40 WHERE point = 'SHOP'")
    assert issue(pool, run.id).state is RunState.ISSUED


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE closing_index SET raw = raw + 1 WHERE point = 'HOUSE'",
            "its closing indices are others since",
        ),
        (
            "UPDATE billing_run_item SET total = total - 1 WHERE point = 'HOUSE'",
            "figures are others than were app",
        ),
    ],
)
def test_indices_and_figures_are_frozen_by_hash(pool: Pool, statement: str, said: str) -> None:
    run = approved(pool)
    with pool.connection() as conn:
        conn.execute(statement.encode())
    with pytest.raises(RunRefused, match=said):
        stages.ready_to_issue(pool, run.id)


def test_recomputing_from_the_frozen_indices_gives_the_same_bills(pool: Pool) -> None:
    run = issue(pool, approved(pool).id)
    from operations.runs import counting

    with pool.connection() as conn:
        again = {one.point: one.made for one in counting.count(conn, ALL, OCTOBER, INVOICE)}
    assert again == issued(pool)
    assert run.state is RunState.ISSUED


def test_two_runs_of_the_same_bills_are_refused(pool: Pool) -> None:
    run = drafted(pool)
    with pytest.raises(
        RunRefused, match=f"billing run {run.id} of all books .* has bills in common with this one"
    ):
        stages.begin(pool, MINH, OCTOBER, INVOICE, "S1", NOW)
    with pytest.raises(RunRefused, match="bills in common"):
        stages.begin(pool, MINH, OCTOBER, INVOICE + timedelta(days=1), None, NOW)
    with pytest.raises(RunRefused, match=r"finish or withdraw it first \(ami bill show"):
        bill.run(pool, OCTOBER, INVOICE, NOW)
    assert stages.begin(pool, MINH, OCTOBER, INVOICE, None, NOW).id == run.id
    assert stages.begin(pool, MINH, SEPTEMBER, INVOICE, None, NOW).id != run.id
    stages.withdraw(pool, LAN, run.id, "wrong day", NOW)
    other = stages.begin(pool, MINH, OCTOBER, INVOICE + timedelta(days=1), None, NOW)
    assert other.id != run.id


def test_who_may_what_and_when(pool: Pool) -> None:
    engineer = Viewer("ky", UserRole.ENGINEER)
    with pytest.raises(RunRefused, match="drafting a billing run is for the role billing, not for ky"):
        stages.begin(pool, engineer, OCTOBER, INVOICE, None, NOW)
    run = drafted(pool)
    with pytest.raises(RunRefused, match="only a run that is checked is approved"):
        stages.approve(pool, MINH, run.id, NOW)
    with pytest.raises(RunRefused, match="only what is approved is issued"):
        stages.ready_to_issue(pool, run.id)
    with pytest.raises(RunRefused, match="a second person has to approve it"):
        stages.approve_at_once(pool, run.id, NOW)
    with pytest.raises(InputError, match="no reading book S9 is registered"):
        stages.begin(pool, LAN, OCTOBER, INVOICE, "S9", NOW)
    with pytest.raises(InputError, match="is still to come"):
        stages.begin(pool, LAN, OCTOBER, INVOICE, None, OCTOBER.start)
    with pytest.raises(Unknown, match="no billing run 99"):
        stages.check(pool, LAN, 99, NOW)
    _issue_all(pool, run)
    with pytest.raises(RunRefused, match="4 bills went out with it: correct them one by one"):
        stages.withdraw(pool, LAN, run.id, "oh", NOW)


def _issue_all(pool: Pool, run: Run) -> None:
    stages.check(pool, LAN, run.id, NOW)
    stages.approve(pool, MINH, run.id, NOW)
    issue(pool, run.id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_run SET state = 'issued', issued_at = now()",
        "UPDATE billing_run SET state = 'approved', approved_by = drafted_by, approved_at = now(), "
        "indices_sha256 = '', bills_sha256 = ''",
        "UPDATE billing_run SET state = 'approved', approved_at = now(), indices_sha256 = '', "
        "bills_sha256 = ''",
        "UPDATE billing_run SET invoice_date = invoice_date + 1",
    ],
)
def test_the_database_too_keeps_a_run_to_its_way(pool: Pool, statement: str) -> None:
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as conn:
        conn.execute(statement.encode())


KILLED = """
import os, signal, sys
from datetime import date
from operations.runs import counting, stages
from storage import determinants
from storage.pool import open_pool
from tests.operations_grid import NOW

def die(done, total, text):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

counting.POINTS = determinants.FETCHED = 1
with open_pool(sys.argv[1]) as pool:
    getattr(stages, sys.argv[2])(pool, int(sys.argv[3]), (0, 1), NOW, die)
"""


def _killed(database: str, step: str, number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, database, step, str(number)],
        check=False,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == -signal.SIGKILL


def test_a_run_killed_in_the_middle_goes_on_and_ends_with_the_same(database: str, pool: Pool) -> None:
    whole = items_of(pool, drafted(pool).id)
    with pool.connection() as conn:
        conn.execute("DELETE FROM billing_run")
    run = stages.begin(pool, LAN, OCTOBER, INVOICE, None, NOW)
    stages.open_draft(pool, run.id, "lan", NOW)
    _killed(database, "draft_shard", run.id)
    assert len(items_of(pool, run.id)) == 2
    with pytest.raises(RunRefused, match="3 points are not counted yet: draft it again, it goes on"):
        stages.finish_draft(pool, run.id, NOW)
    with pytest.raises(RunRefused, match="it is not whole: draft it first"):
        stages.check(pool, LAN, run.id, NOW)
    assert drafted(pool).id == run.id
    assert items_of(pool, run.id) == whole
    stages.check(pool, LAN, run.id, NOW)
    stages.approve(pool, MINH, run.id, NOW)
    _killed(database, "issue_shard", run.id)
    assert len(issued(pool)) == 2
    with pytest.raises(RunRefused, match="2 bills did not go out yet: issue it again, it goes on"):
        stages.finish_issue(pool, run.id, "lan", NOW)
    with pytest.raises(RunRefused, match="2 bills went out with it"):
        stages.withdraw(pool, LAN, run.id, "killed", NOW)
    issue(pool, run.id)
    assert {point: one.total for point, one in issued(pool).items()} == {
        point: item.total for point, item in whole.items() if item.outcome == "bill"
    }


def test_shards_are_worked_by_jobs_and_a_book_is_drafted_alone(database: str, pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("INSERT INTO reading_book (code, name) VALUES ('S2', 'Sổ 2')")
        conn.execute("UPDATE customer SET book = 'S2' WHERE code IN ('KH-SHOP', 'KH-ROLL')")
    seen: list[tuple[int, int]] = []
    clock = lambda: NOW  # noqa: E731
    run = desk.draft(
        database, pool, LAN, OCTOBER, INVOICE, "S2", clock=clock, progress=lambda d, t, _: seen.append((d, t))
    )
    assert set(items_of(pool, run.id)) == {"ROLL", "SHOP"}
    assert seen[-1] == (2, 2)
    other = desk.draft(database, pool, LAN, OCTOBER, INVOICE, "S1", clock=clock)
    assert set(items_of(pool, other.id)) == {"HOUSE", "SWAP", "BLIND"}
    stages.check(pool, LAN, run.id, NOW)
    stages.approve(pool, MINH, run.id, NOW)
    assert desk.issue(database, pool, LAN, run.id, clock=clock).state is RunState.ISSUED
    assert set(issued(pool)) == {"ROLL", "SHOP"}


# -- what if


def test_a_what_if_tells_and_writes_nothing(pool: Pool) -> None:
    found = what_if.what_if(pool, OCTOBER, INVOICE, "14/2025/QĐ-TTg", NOW)
    plans = {one.plan: one for one in found.plans}
    assert plans["vn-household"].bills == 3
    assert plans["vn-household"].what_if != plans["vn-household"].total
    assert sum(one.more + one.less for one in plans.values()) > 0
    assert found.uncounted["no_opening_index"] == 1
    with pool.connection() as conn:
        assert billing_runs.runs(conn) == []
        assert bill_holds.holds(conn, LAN) == []
    assert issued(pool) == {}
    with pytest.raises(InputError, match="999/2099"):
        what_if.what_if(pool, OCTOBER, INVOICE, "999/2099", NOW)


def test_what_is_drafted_again_knows_what_came_since(database: str, pool: Pool) -> None:
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    for at, raw in ((OCTOBER.start, 10_000), (OCTOBER.end, 55_000)):
        bring(database, read("MB", at, raw, source=ReadingSource.MANUAL))
    close.run(pool, OCTOBER, NOW)
    again = drafted(pool, MINH)
    assert (again.id, again.state, again.drafted_by) == (run.id, RunState.DRAFT, "minh")
    assert items_of(pool, run.id)["BLIND"].outcome == "bill"
    stages.check(pool, LAN, run.id, NOW)
    with pytest.raises(RunRefused, match="was drafted by minh"):
        stages.approve(pool, MINH, run.id, NOW)


def test_where_two_persons_are_wanted_the_clock_drafts_and_checks(pool: Pool) -> None:
    report = bill.prepare(pool, OCTOBER, INVOICE, NOW)
    assert (report.issued, [hold.point for hold in report.held]) == (0, ["BLIND"])
    assert issued(pool) == {}
    with pool.connection() as conn:
        [run] = billing_runs.runs(conn)
    assert (run.state, run.drafted_by) == (RunState.CHECKED, "office")
    assert bill.prepare(pool, OCTOBER, INVOICE, NOW) == bill.BillReport()
    stages.approve(pool, LAN, run.id, NOW)
    issue(pool, run.id)
    again = bill.prepare(pool, OCTOBER, INVOICE, NOW)
    assert (again.issued, again.unchanged) == (0, 4)
    with pool.connection() as conn:
        assert [one.id for one in billing_runs.runs(conn)] == [run.id]
