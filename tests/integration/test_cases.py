"""The queue of doubts: one case for a meter and a cause, judged once, open again when it comes again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from dashboard.pages import case as page
from dashboard.visit import Office, Visit
from model.day import Finding
from model.period import Period
from model.quality import Quality, Severity
from model.series import Channel
from model.supplier import Supplier
from model.viewer import UserRole, Viewer
from operations import cases, edits, validate
from operations.errors import CaseRefused, OrderRefused
from operations.orders import Rules
from storage import case_sheet, days, orders
from storage import cases as queue
from storage.case_sheet import CaseRow
from storage.cases import CaseState
from storage.pool import Pool, open_pool
from tests.edited_days import DAY, LAN, MINH, NOW, by, day_of, key, people_and_meters, place, say

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        people_and_meters(pool)
        yield pool


def _notice(pool: Pool, *found: Finding, looked_at: tuple[date, ...] = (DAY,)) -> int:
    meter = key(pool)[0]
    with pool.connection() as conn:
        done = {(meter, day) for day in looked_at}
        days.save_findings(conn, [(meter, finding) for finding in found], done)
        return queue.take(conn, done, NOW)


def _mismatch(day: date = DAY, wh: int = 5, severity: Severity = Severity.AMBER) -> Finding:
    return Finding("sum_mismatch", "H1", day, severity, {"registers_wh": 100, "profile_wh": wh})


def _queue(pool: Pool) -> list[CaseRow]:
    with pool.connection() as conn:
        return case_sheet.rows(conn, LAN)


def _one(pool: Pool) -> CaseRow:
    (row,) = _queue(pool)
    return row


def _steps(pool: Pool, case: int) -> list[str]:
    with pool.connection() as conn:
        return [step.step.value for step in cases.sheet(conn, LAN, case).steps]


def test_findings_of_one_cause_make_one_case_of_a_meter_and_blue_ones_none(pool: Pool) -> None:
    gap = Finding("gap", "H1", DAY, Severity.BLUE, {"slots": 3})
    assert _notice(pool, _mismatch(), _mismatch(NEXT), gap, looked_at=(DAY, NEXT)) == 1
    assert _notice(pool, _mismatch(), _mismatch(NEXT), gap, looked_at=(DAY, NEXT)) == 0
    row = _one(pool)
    assert (row.cause, row.state, row.severity) == ("sum_mismatch", CaseState.OPEN, Severity.AMBER)
    assert (row.first_day, row.last_day, row.waiting, row.times) == (DAY, NEXT, 2, 1)
    assert (row.point, row.customer_name) == ("HOUSE", "Bà HOUSE")
    assert _steps(pool, row.id) == ["opened"]


def test_what_was_accepted_is_not_asked_again_until_it_says_something_else(pool: Pool) -> None:
    _notice(pool, _mismatch())
    case = _one(pool).id
    found = cases.accept(pool, LAN, case, reason="công tơ đúng", now=NOW)
    assert (found.row.state, found.days[0].state) == (CaseState.ACCEPTED, "judged")
    assert _notice(pool, _mismatch()) == 0
    assert _one(pool).state is CaseState.ACCEPTED
    with pytest.raises(CaseRefused, match=rf"case {case} is accepted \(by lan, 02/11/2026\)"):
        cases.accept(pool, MINH, case, reason="nữa", now=NOW)
    assert _notice(pool, _mismatch(wh=6)) == 1
    row = _one(pool)
    assert (row.id, row.state, row.times) == (case, CaseState.OPEN, 2)
    assert _notice(pool, _mismatch(NEXT), looked_at=(NEXT,)) == 0  # one case, open already
    assert _one(pool).waiting == 2
    assert _steps(pool, case) == ["opened", "accepted", "again"]


def test_nothing_used_that_goes_on_is_not_asked_again_once_it_was_judged(pool: Pool) -> None:
    def idle(day: date, since: str, hours: int) -> Finding:
        return Finding("zero_use", "H1", day, Severity.AMBER, {"at": since, "hours": hours})

    _notice(pool, idle(DAY, "a", 80))
    case = _one(pool).id
    cases.accept(pool, LAN, case, reason="nhà vắng", now=NOW)
    assert _notice(pool, idle(DAY, "a", 80), idle(NEXT, "a", 104), looked_at=(DAY, NEXT)) == 0
    assert (_one(pool).state, _one(pool).waiting) == (CaseState.ACCEPTED, 0)
    assert _notice(pool, idle(NEXT, "b", 72), looked_at=(NEXT,)) == 1, "they came back and left again"


def test_a_case_closes_by_itself_when_its_doubts_are_cured_and_opens_when_they_come_again(pool: Pool) -> None:
    _notice(pool, _mismatch(), _mismatch(NEXT), looked_at=(DAY, NEXT))
    _notice(pool, looked_at=(DAY,))
    assert (_one(pool).state, _one(pool).waiting) == (CaseState.OPEN, 1)
    _notice(pool, looked_at=(NEXT,))
    assert _one(pool).state is CaseState.CLOSED
    assert _notice(pool, _mismatch(NEXT, severity=Severity.RED), looked_at=(NEXT,)) == 1
    row = _one(pool)
    assert (row.state, row.severity, row.times) == (CaseState.OPEN, Severity.RED, 2)
    assert _steps(pool, row.id) == ["opened", "cured", "again"]


def test_late_data_cures_a_case_that_validation_opened(database: str, pool: Pool) -> None:
    say(database, [100] * 20 + [-7] + [100] * 27)
    validate.run(pool, NOW)
    assert (_one(pool).cause, _one(pool).state) == ("negative", CaseState.OPEN)
    say(database, [100], first_slot=20, minute=5)
    validate.run(pool, NOW)
    closed = next(row for row in _queue(pool) if row.cause == "negative")
    assert closed.state is CaseState.CLOSED
    assert _steps(pool, closed.id) == ["opened", "cured"]


def test_accepting_accepts_the_doubted_slots_and_late_data_that_contradicts_opens_the_same_case_again(
    database: str, pool: Pool
) -> None:
    say(database, [100] * 48)
    say(database, [100] * 5 + [130, 131] + [100] * 41, minute=5)
    validate.run(pool, NOW)
    row = _one(pool)
    assert row.cause == "differing_reread"
    found = cases.accept(pool, LAN, row.id, reason="đúng", now=NOW)
    assert found.row.state is CaseState.ACCEPTED
    assert day_of(pool)[1][5:7] == [Quality.EDITED] * 2
    validate.run(pool, NOW)
    assert _one(pool).state is CaseState.ACCEPTED
    say(database, [150], first_slot=5, minute=9)
    validate.run(pool, NOW)
    row = _one(pool)
    assert (row.state, row.severity) == (CaseState.OPEN, Severity.RED)
    with pool.connection() as conn:
        sheet = cases.sheet(conn, LAN, row.id)
    against = next(day for day in sheet.days if day.kind == "edit_contradicted")
    assert (against.state, against.detail["said_wh"], against.detail["edited_wh"]) == ("waits", 150, 130)
    assert day_of(pool)[1][5] == Quality.SUSPECT


def test_an_edit_judges_its_day_and_taking_it_back_asks_again(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    say(database, [100] * 5 + [130] + [100] * 42, minute=5)
    validate.run(pool, NOW)
    case = _one(pool).id
    with pool.connection() as conn:
        edits.values(conn, place(5, 1), by(case=case), [110])
    assert _one(pool).state is CaseState.EDITED
    with pool.connection() as conn:
        edits.undo(conn, "H1", DAY, 1, by(MINH), Channel.ACTIVE_IMPORT)
    assert (_one(pool).state, _one(pool).times) == (CaseState.OPEN, 2)
    assert _steps(pool, case) == ["opened", "edited", "undone", "again"]


def test_a_reread_is_an_order_and_the_case_waits_for_it(pool: Pool) -> None:
    _notice(pool, _mismatch())
    case = _one(pool).id
    found, order = cases.reread(pool, MINH, case, now=NOW, rules=Rules())
    assert (found.row.state, found.row.order, order.kind.value) == (CaseState.REREAD, order.id, "read")
    with pytest.raises(CaseRefused, match=f"waits for order {order.id}"):
        cases.reread(pool, LAN, case, now=NOW, rules=Rules())
    validate.run(pool, NOW)
    assert _one(pool).state is CaseState.REREAD
    with pool.connection() as conn:
        assert orders.expire(conn, NOW + timedelta(hours=1)) == [order.id]
    validate.run(pool, NOW + timedelta(hours=1, minutes=5))
    assert _one(pool).state is CaseState.OPEN
    assert _steps(pool, case) == ["opened", "reread", "unanswered"]
    with pytest.raises(OrderRefused, match="there are 0 orders of minh within a minute"):
        cases.reread(pool, MINH, case, now=NOW, rules=Rules(orders_a_minute=0))
    office = Office(pool, lambda: NOW, Supplier("HTX"), Rules(orders_a_minute=0))
    visit, typed = Visit(MINH, "en", "", False, NOW, "", {}), page.Typed("", None, "", "", "", "")
    with pytest.raises(OrderRefused, match="there are 0 orders of minh"), pool.connection() as conn:
        page._done(office, conn, visit, {"act": "reread"}, typed, case, None)


def test_the_days_of_a_reread_are_asked_for_once_more(pool: Pool) -> None:
    _notice(pool, _mismatch())
    meter = key(pool)[0]
    spans = "SELECT spans::text FROM answered WHERE meter_id = %s"
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO answered VALUES (%s, 'profile', '{[2026-10-19 17:00+00,2026-10-25 17:00+00)}')",
            [meter],
        )
    cases.reread(pool, MINH, _one(pool).id, now=NOW, rules=Rules())
    with pool.connection() as conn:
        found = conn.execute(spans, [meter]).fetchone()
    assert found == ('{["2026-10-20 17:00:00+00","2026-10-25 17:00:00+00")}',)


def test_a_case_is_given_to_the_staff_alone_and_stays_theirs(pool: Pool) -> None:
    _notice(pool, _mismatch())
    case = _one(pool).id
    assert cases.assign(pool, LAN, case, "Minh", now=NOW).row.assigned_to == "minh"
    with pytest.raises(CaseRefused, match="ai is nobody of the staff"):
        cases.assign(pool, LAN, case, "ai", now=NOW)
    _notice(pool)
    _notice(pool, _mismatch())
    assert (_one(pool).assigned_to, _one(pool).times) == ("minh", 2)
    assert cases.assign(pool, LAN, case, None, now=NOW).row.assigned_to is None


def test_whoever_is_no_staff_sees_and_judges_nothing(pool: Pool) -> None:
    _notice(pool, _mismatch())
    customer = Viewer("kh", UserRole.CUSTOMER, "KH-HOUSE")
    case = _one(pool).id
    with pool.connection() as conn:
        assert case_sheet.rows(conn, customer) == []
        assert case_sheet.counts(conn, customer) == {}
    for what in (
        lambda: cases.accept(pool, customer, case, reason="x", now=NOW),
        lambda: cases.assign(pool, customer, case, None, now=NOW),
    ):
        with pytest.raises(CaseRefused, match="is for the staff, not for kh"):
            what()


def test_open_red_cases_hold_the_points_days_until_somebody_has_judged_them(pool: Pool) -> None:
    october, november = Period.of_month(2026, 10), Period.of_month(2026, 11)
    _notice(pool, _mismatch(severity=Severity.RED), _mismatch(NEXT), looked_at=(DAY, NEXT))
    with pool.connection() as conn:
        (held,) = cases.open_cases(conn, ["HOUSE", "SWAP"], october)
        assert (held.point, held.serial, held.cause, held.days) == ("HOUSE", "H1", "sum_mismatch", (DAY,))
        assert cases.reason_of(held) == (
            f"Case {held.case} of meter H1 (sum mismatch, 20/10/2026) waits for somebody to judge it: "
            f"`ami case show {held.case}`"
        )
        assert len(cases.open_cases(conn, None, october, Severity.AMBER)[0].days) == 2
        assert cases.open_cases(conn, None, november) == cases.open_cases(conn, ["SWAP"], october) == []
    cases.accept(pool, LAN, held.case, reason="xem rồi", now=NOW)
    with pool.connection() as conn:
        assert cases.open_cases(conn, None, october) == []
