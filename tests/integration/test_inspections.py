"""Inspections: one a meter, told of anew each night, given to somebody, visited, judged; figures of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from model.quality import Severity
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.errors import InspectionRefused
from operations.inspections import judging
from storage import inspection_figures, inspections, suspicions
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.inspection_sheet import counts, inspection
from storage.inspection_sheet import inspections as listed
from storage.inspections import Found, InspectionState, InspectionStep
from storage.pool import Pool, open_pool
from storage.suspicions import Night, Round
from tests.storage_samples import DAY, NOW, grid

NIGHT = DAY + timedelta(days=2)
MINH, LAN = Viewer("minh", UserRole.ENGINEER), Viewer("lan", UserRole.BILLING)
HONG = Viewer("hong", UserRole.CUSTOMER, "C001")
PASSWORD = "một mật khẩu dài"


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database, 3) as opened:
        with opened.connection() as conn:
            save_register(conn, grid(), bytes)
        for one in (MINH, LAN):
            accounts.add_user(opened, one.login, one.role, PASSWORD, now=NOW)
        yield opened


def found(pool: Pool, serial: str = "M001", severity: Severity = Severity.AMBER, since: date = DAY) -> Found:
    with pool.connection() as conn:
        meter = meter_ids(conn)[serial]
    clue = {"kind": "score", "first": since.isoformat(), "last": NIGHT.isoformat(), "logit": 2.5}
    return Found(meter, severity, 3.0, since, [clue], 4.2, 380_000, None, {"curve": {}}, None)


def opened(pool: Pool, serial: str = "M001") -> int:
    one = found(pool, serial)
    with pool.connection() as conn:
        number = inspections.open_one(conn, one, NIGHT, NOW)
    assert number is not None
    return number


def steps(pool: Pool, number: int) -> list[InspectionStep]:
    with pool.connection() as conn:
        return [one.step for one in judging.sheet(conn, MINH, number).steps]


def test_of_two_workers_one_opens_it(pool: Pool) -> None:
    one = found(pool)

    def open_it(_: int) -> int | None:
        with pool.connection() as conn:
            return inspections.open_one(conn, one, NIGHT, NOW)

    with ThreadPoolExecutor(3) as both:
        numbers = list(both.map(open_it, range(3)))
    assert sorted(number is None for number in numbers) == [False, True, True]


def test_from_the_night_to_the_verdict(pool: Pool) -> None:
    number = opened(pool)
    louder = replace(found(pool, severity=Severity.RED, since=DAY + timedelta(1)), stake=500_000)
    with pool.connection() as conn:
        assert inspections.hold(conn, louder, NIGHT + timedelta(1), NOW) == number
        assert inspections.hold(conn, louder, NIGHT, NOW) is None  # an older night says nothing new
        (row,) = listed(conn, LAN)
        assert (row.serial, row.severity, row.since, row.stake) == ("M001", Severity.RED, DAY, 500_000)
        assert (row.customer_name, row.address) == ("Nguyễn Thị Hồng", "Thôn 1, Điện Bàn")
        assert row.state is InspectionState.NEW
        assert listed(conn, HONG) == []
        assert inspection(conn, HONG, number) is None
        assert inspection_figures.figures(conn, HONG) is None
        assert counts(conn, HONG) == {}
    refusals: tuple[Callable[[], object], ...] = (
        lambda: judging.assign(pool, LAN, number, "minh", now=NOW),
        lambda: judging.assign(pool, MINH, number, "lan", now=NOW),
        lambda: judging.visit(pool, MINH, number, now=NOW),
        lambda: judging.confirm(pool, MINH, number, reason="x", now=NOW),
        lambda: judging.visit(pool, MINH, 99, now=NOW),
        lambda: judging.visit(pool, HONG, number, now=NOW),
    )
    for refused in refusals:
        with pytest.raises(InspectionRefused):
            refused()
    judging.assign(pool, MINH, number, "minh", now=NOW)
    rise = {"kind": "rise", "first": "2026-09-10", "last": "2026-09-12", "figures": {}}
    with pool.connection() as conn:
        for told in (rise, None):
            inspections.explain(conn, louder.meter_id, told, NOW)
            assert judging.sheet(conn, MINH, number).row.benign == told
    judging.assign(pool, MINH, number, None, now=NOW)
    judging.assign(pool, MINH, number, "Minh", now=NOW)
    judging.visit(pool, MINH, number, reason="đã mở hộp", now=NOW)
    for reason in ("", "  "):
        with pytest.raises(InspectionRefused, match="needs a reason"):
            judging.dismiss(pool, MINH, number, reason=reason, now=NOW)
    with pytest.raises(InspectionRefused, match="still to come"):
        judging.confirm(pool, MINH, number, reason="x", since=date(2027, 1, 1), now=NOW)
    with pytest.raises(InspectionRefused, match=r"hangs since .* only"):
        judging.confirm(pool, MINH, number, reason="x", since=date(2001, 1, 1), now=NOW)
    sheet = judging.confirm(pool, MINH, number, reason="nối tắt pha B", now=NOW)
    assert (sheet.row.state, sheet.row.found_since) == (InspectionState.CONFIRMED, DAY)
    with pytest.raises(InspectionRefused, match="nothing is left to do"):
        judging.assign(pool, MINH, number, "minh", now=NOW)
    assert steps(pool, number) == [
        InspectionStep.OPENED, InspectionStep.LOUDER, InspectionStep.ASSIGNED, InspectionStep.RETURNED,
        InspectionStep.ASSIGNED, InspectionStep.VISITED, InspectionStep.CONFIRMED,
    ]  # fmt: skip
    with pool.connection() as conn:
        deeds = conn.execute("SELECT login, action FROM audit WHERE action ~ '^inspection' ORDER BY id")
        assert deeds.fetchall()[-1] == ("minh", "inspection.confirmed")
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            inspections.move(conn, number, InspectionState.NEW, NOW)
    assert opened(pool) != number  # what is judged hinders no other


def test_what_nothing_is_said_of_any_more_fades_only_while_it_is_new(pool: Pool) -> None:
    quiet, taken = opened(pool, "M001"), opened(pool, "M002")
    judging.assign(pool, MINH, taken, "minh", now=NOW)
    later = NIGHT + timedelta(5)
    with pool.connection() as conn:
        assert inspections.fade(conn, later, later, NOW) == []  # the station was not looked through
        suspicions.save(conn, Night("T1", later, 3, 2, 1, True), [], NOW)
        assert inspections.fade(conn, later, NIGHT, NOW) == []
        assert inspections.fade(conn, later, later, NOW) == [quiet]
        assert inspections.fade(conn, later, later, NOW) == []
        assert {row.id: row.state.value for row in listed(conn, MINH)} == {quiet: "faded", taken: "assigned"}


def test_figures_of_what_was_answered(pool: Pool) -> None:
    with pool.connection() as conn:
        empty = inspection_figures.figures(conn, LAN)
    assert empty is not None
    assert (empty.whole.precision, empty.pace.per_1000, empty.months) == (None, None, ())
    for serial, verdict in (("M001", judging.confirm), ("M002", judging.dismiss)):
        number = opened(pool, serial)
        judging.assign(pool, MINH, number, "minh", now=NOW)
        judging.visit(pool, MINH, number, now=NOW)
        verdict(pool, MINH, number, reason="đã xem", now=NOW)
    opened(pool, "M003")

    def another() -> bool:
        with pool.connection() as conn:
            return suspicions.begin_round(conn, NIGHT)

    with ThreadPoolExecutor(1) as other:
        with pool.connection() as conn:
            assert suspicions.begin_round(conn, NIGHT)
            waiting = other.submit(another)
            with pytest.raises(TimeoutError):  # until the first has opened them
                waiting.result(timeout=0.2)
            suspicions.save_round(conn, Round(NIGHT, 3, 1.0, 0.1, 4, 3, 0, 0, None), NOW)
        assert waiting.result(timeout=10) is False
    with pool.connection() as conn:
        told = inspection_figures.figures(conn, LAN)
    assert told is not None
    assert (told.whole.open, told.whole.confirmed, told.whole.false) == (1, 1, 1)
    assert told.whole.precision == 0.5
    assert [(one.group, one.precision) for one in told.months] == [("2026-09", 0.5)]
    assert [one.group for one in told.clues] == ["score"]
    assert told.pace.per_1000 == 1000
