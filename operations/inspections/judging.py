"""What people do with an inspection: give it to somebody, visit, say what was found.

An engineer may; the billing office sees it; a customer is told of none. Who, when and why stand in its steps
and in the book of deeds.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import local_day
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.errors import InspectionRefused
from storage import inspection_sheet, inspections, people, register
from storage.inspection_sheet import InspectionSheet
from storage.inspections import InspectionState, InspectionStep
from storage.pool import Pool

_STEPS: Final = {
    InspectionState.NEW: InspectionStep.RETURNED,
    InspectionState.ASSIGNED: InspectionStep.ASSIGNED,
    InspectionState.INSPECTED: InspectionStep.VISITED,
    InspectionState.CONFIRMED: InspectionStep.CONFIRMED,
    InspectionState.FALSE: InspectionStep.DISMISSED,
}
_FIRST: Final = {
    InspectionState.INSPECTED: "give it to somebody first: `ami inspection assign {number} LOGIN --as LOGIN`",
    InspectionState.CONFIRMED: "say first that it was visited: `ami inspection visit {number} --as LOGIN`",
    InspectionState.FALSE: "say first that it was visited: `ami inspection visit {number} --as LOGIN`",
}


def may_judge(viewer: Viewer) -> bool:
    """Whether the viewer may do anything with an inspection but look at it."""
    return viewer.role is UserRole.ENGINEER


def sheet(conn: Connection[TupleRow], viewer: Viewer, number: int) -> InspectionSheet:
    """One inspection; `InspectionRefused` where it is not there, or not for the viewer."""
    found = inspection_sheet.inspection(conn, viewer, number)
    if found is None:
        raise InspectionRefused(f"there is no inspection {number}: see `ami inspection list`")
    return found


def assign(
    pool: Pool, viewer: Viewer, number: int, login: str | None, *, reason: str = "", now: datetime
) -> InspectionSheet:
    """Give it to an engineer; None: to nobody, and it is new again.

    Raises `InspectionRefused` for who may not, for somebody who is no engineer, and where it was visited.
    """
    _may(pool, viewer, "giving an inspection to somebody", now)
    with pool.connection() as conn:
        name = None if login is None else _engineer(conn, login)
        state = InspectionState.NEW if name is None else InspectionState.ASSIGNED
        return _moved(conn, viewer, number, state, reason, now, to=name)


def visit(pool: Pool, viewer: Viewer, number: int, *, reason: str = "", now: datetime) -> InspectionSheet:
    """Somebody was there; what was found is said with `confirm` or `dismiss`. Raises `InspectionRefused`."""
    _may(pool, viewer, "visiting a meter", now)
    with pool.connection() as conn:
        return _moved(conn, viewer, number, InspectionState.INSPECTED, reason, now)


def confirm(
    pool: Pool, viewer: Viewer, number: int, *, reason: str, since: date | None = None, now: datetime
) -> InspectionSheet:
    """Use was not counted, since that day (None: since when it seemed to). Its days are learned from as false
    ones from then on. Raises `InspectionRefused`, without a reason too, and of a day on which the meter did
    not hang yet."""
    _may(pool, viewer, "confirming an inspection", now)
    _reason(reason, "confirming")
    if since is not None and since > local_day(now):
        raise InspectionRefused(
            f"{since:%d/%m/%Y} is still to come: say since when use was not counted", "to_come"
        )
    with pool.connection() as conn:
        found = sheet(conn, viewer, number)
        begun = since or found.row.since
        _hung(conn, found, begun)
        return _moved(conn, viewer, number, InspectionState.CONFIRMED, reason, now, found_since=begun)


def dismiss(pool: Pool, viewer: Viewer, number: int, *, reason: str, now: datetime) -> InspectionSheet:
    """All is as it should be: the days that were accused are learned from as honest ones, and the meter is
    not accused of the same again. Raises `InspectionRefused`, without a reason too."""
    _may(pool, viewer, "dismissing an inspection", now)
    _reason(reason, "dismissing")
    with pool.connection() as conn:
        return _moved(conn, viewer, number, InspectionState.FALSE, reason, now)


def _moved(
    conn: Connection[TupleRow],
    viewer: Viewer,
    number: int,
    state: InspectionState,
    reason: str,
    now: datetime,
    *,
    to: str | None = None,
    found_since: date | None = None,
) -> InspectionSheet:
    sheet(conn, viewer, number)
    was = inspections.lock(conn, number)
    if was is None or state not in was.next:
        word = (
            "nothing is left to do" if was is None or not was.is_open else _FIRST.get(state, "it was visited")
        )
        raise InspectionRefused(
            f"inspection {number} is {was.value if was else 'gone'}: {word.format(number=number)}"
        )
    inspections.move(conn, number, state, now, to=to, found_since=found_since)
    detail = {"to": to} if to else {"since": found_since.isoformat()} if found_since else {}
    what = _STEPS[state]
    inspections.step(conn, number, what, viewer.login, now, reason.strip(), detail)
    people.audit(
        conn,
        now,
        viewer.login,
        f"inspection.{what.value}",
        f"inspection {number}",
        {"reason": reason.strip(), **detail},
    )
    return sheet(conn, viewer, number)


def _engineer(conn: Connection[TupleRow], login: str) -> str:
    whom = people.user(conn, accounts.as_kept(login))
    if whom is None or whom.disabled or whom.role is not UserRole.ENGINEER:
        raise InspectionRefused(f"{login} is no engineer who may visit a meter: see `ami user list`")
    return whom.login


def _hung(conn: Connection[TupleRow], found: InspectionSheet, begun: date) -> None:
    """Nobody can have hidden from a meter what was used before it hung: a mistyped year teaches nothing."""
    hung = min(
        (local_day(one.since) for one in register.hung(conn, meter_ids=[found.meter_id])), default=begun
    )
    if begun < hung:
        raise InspectionRefused(
            f"meter {found.row.serial} hangs since {hung:%d/%m/%Y} only: name a day from then on", "not_hung"
        )


def _reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise InspectionRefused(f"{what} an inspection needs a reason: say what was found (--reason)")


def _may(pool: Pool, viewer: Viewer, what: str, now: datetime) -> None:
    if may_judge(viewer):
        return
    accounts.note_refusal(pool, viewer, f"inspection: {what}", now)
    raise InspectionRefused(f"{what} is for engineers, not for {viewer.login}")
