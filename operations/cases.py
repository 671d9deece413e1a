"""The queue of doubts that people judge: accept, edit (`operations.edits`), order a re-read, hand on.

Validation opens and closes cases (`storage.cases.take`); what people decide is written down with who, when
and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period, local_day
from model.quality import Quality, Severity
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import accounts, edits, orders
from operations.edits import By, Place
from operations.errors import CaseRefused
from operations.orders import Rules
from storage import case_sheet, cases, people
from storage import edits as stored
from storage.case_sheet import CaseSheet
from storage.cases import CaseState, OpenCase, Step
from storage.edits import Decision
from storage.orders import Order, OrderKind
from storage.pool import Pool

_STAFF = (UserRole.ENGINEER, UserRole.BILLING)
_DAY_S = 86_400


def sheet(conn: Connection[TupleRow], viewer: Viewer, case: int) -> CaseSheet:
    """One case; `CaseRefused` for one that is not there."""
    found = case_sheet.sheet(conn, viewer, case)
    if found is None:
        raise CaseRefused(f"there is no case {case}: see `ami case list`")
    return found


def accept(pool: Pool, viewer: Viewer, case: int, *, reason: str, now: datetime) -> CaseSheet:
    """The readings stand as they are; slots of its days that the meter said and validation doubts count as
    accepted from now on.

    Raises `CaseRefused` for who may not, without a reason, for a case that waits for nobody.
    """
    _may(pool, viewer, "accepting a case", now)
    with pool.connection() as conn:
        return accepted(conn, viewer, case, reason=reason, now=now)


def accepted(
    conn: Connection[TupleRow], viewer: Viewer, case: int, *, reason: str, now: datetime
) -> CaseSheet:
    """As `accept`, for somebody of the staff, within the caller's transaction."""
    if not reason.strip():
        raise CaseRefused("accepting a case needs a reason: say why (--reason)")
    found = _waiting(conn, viewer, case)
    by = By(viewer, now, reason.strip(), case)
    for place in _doubted(conn, found):
        edits.accept(conn, place, by)
    cases.lock(conn, case)
    if case_sheet.rows(conn, viewer, case=case)[0].state is not CaseState.CLOSED:
        judged = cases.judge(conn, case, CaseState.ACCEPTED, now)
        days = [day.isoformat() for day in judged]
        cases.step(conn, case, Step.ACCEPTED, viewer.login, now, reason.strip(), {"days": days})
    _deed(conn, viewer, now, "case.accept", case, reason.strip())
    return sheet(conn, viewer, case)


def reread(
    pool: Pool, viewer: Viewer, case: int, *, reason: str = "", now: datetime, rules: Rules
) -> tuple[CaseSheet, Order]:
    """Order that the meter be read again; the case waits for that.

    Registers and instants are read now, through the head-end that holds the line (`operations.orders.wake`);
    the days of the case are asked for once more when it next looks at what is missing. Raises
    `CaseRefused`, and `OrderRefused` for a meter that cannot be read from afar.
    """
    with pool.connection() as conn:
        found = _waiting(conn, viewer, case)
    if found.row.state is CaseState.REREAD:
        raise CaseRefused(
            f"case {case} waits for order {found.row.order}: see `ami order show {found.row.order}`"
        )
    why = reason.strip() or f"case {case}: {found.row.cause.replace('_', ' ')}"
    order = orders.place(pool, viewer, found.row.serial, OrderKind.READ, {}, reason=why, now=now, rules=rules)
    with pool.connection() as conn:
        cases.lock(conn, case)
        cases.reread(conn, case, order.id, now)
        days = sorted({day.day for day in found.days if day.state == "waits"})
        cases.missing_again(conn, found.meter_id, days)
        cases.step(conn, case, Step.REREAD, viewer.login, now, reason.strip(), {"order": order.id})
        _deed(conn, viewer, now, "case.reread", case, why)
        return sheet(conn, viewer, case), order


def assign(pool: Pool, viewer: Viewer, case: int, login: str | None, *, now: datetime) -> CaseSheet:
    """Give a case to somebody of the staff; None: to nobody."""
    _may(pool, viewer, "giving a case to somebody", now)
    with pool.connection() as conn:
        return assigned(conn, viewer, case, login, now=now)


def assigned(
    conn: Connection[TupleRow], viewer: Viewer, case: int, login: str | None, *, now: datetime
) -> CaseSheet:
    """As `assign`, by somebody of the staff, within the caller's transaction."""
    whom = None if login is None else people.user(conn, accounts.as_kept(login))
    if login is not None and (whom is None or whom.disabled or whom.role not in _STAFF):
        raise CaseRefused(f"{login} is nobody of the staff: see `ami user list`")
    sheet(conn, viewer, case)
    name = None if whom is None else whom.login
    cases.lock(conn, case)
    cases.assign(conn, case, name, now)
    cases.step(conn, case, Step.ASSIGNED, viewer.login, now, detail={"to": name or ""})
    _deed(conn, viewer, now, "case.assign", case, name or "")
    return sheet(conn, viewer, case)


def open_cases(
    conn: Connection[TupleRow], points: Sequence[str] | None, period: Period, least: Severity = Severity.RED
) -> list[OpenCase]:
    """Cases that nobody has judged about days of the period, by point (None: of all).

    What a billing run asks: a determinant of these days is held until somebody has judged them.
    """
    end = period.last_day + timedelta(days=1)
    return cases.holding(conn, points, local_day(period.start), end, least)


def reason_of(held: OpenCase) -> str:
    """Why a determinant is held: what, where, what to do."""
    when = span(held.days[0], held.days[-1])
    return (
        f"Case {held.case} of meter {held.serial} ({held.cause.replace('_', ' ')}, {when}) waits for "
        f"somebody to judge it: `ami case show {held.case}`"
    )


def span(first: date, last: date) -> str:
    """Like `20/10/2026` or `20/10 – 22/10/2026`."""
    return f"{last:%d/%m/%Y}" if first == last else f"{first:%d/%m} – {last:%d/%m/%Y}"


def clock(slot: int, of_day: int) -> str:
    """The time at which a slot of a day begins; 24:00 at its end."""
    hours, minutes = divmod(slot * 1440 // of_day, 60)
    return f"{hours:02}:{minutes:02}"


def times(decision: Decision) -> tuple[str, str]:
    """Between which times of its day the slots of a decision lie."""
    first, of_day = decision.first_slot, decision.slots
    return clock(first, of_day), clock(first + len(decision.said_energy), of_day)


def slots(start: time, end: time | None, of_day: int) -> tuple[int, int]:
    """First slot and number of slots between two times of a day of `of_day` slots; None is its end.

    Raises `CaseRefused` for times between slots or backwards.
    """
    length = _DAY_S // of_day
    first, first_rest = divmod(start.hour * 3600 + start.minute * 60 + start.second, length)
    seconds = _DAY_S if end is None else end.hour * 3600 + end.minute * 60 + end.second
    last, last_rest = divmod(seconds, length)
    if first_rest or last_rest:
        raise CaseRefused(f"intervals begin every {length // 60} minutes: give times of whole intervals")
    if last <= first:
        raise CaseRefused("the time it ends is not after the time it begins: give --from before --to")
    return first, last - first


def _waiting(conn: Connection[TupleRow], viewer: Viewer, case: int) -> CaseSheet:
    found = sheet(conn, viewer, case)
    if not found.row.state.waits:
        last = found.steps[-1]
        raise CaseRefused(
            f"case {case} is {found.row.state.value} (by {last.login}, {last.at:%d/%m/%Y}): it waits for "
            f"nobody"
        )
    return found


def _doubted(conn: Connection[TupleRow], found: CaseSheet) -> list[Place]:
    """The runs of doubted slots on the days that wait."""
    places = []
    for day in sorted({one.day for one in found.days if one.state == "waits"}):
        for channel in Channel:
            there = stored.stored(conn, (found.meter_id, channel, day))
            suspect = [] if there is None else [quality == Quality.SUSPECT for quality in there[1]]
            at = 0
            for doubted, run in groupby(suspect):
                length = len(list(run))
                if doubted:
                    places.append(Place(found.row.serial, day, at, length, channel))
                at += length
    return places


def _may(pool: Pool, viewer: Viewer, what: str, now: datetime) -> None:
    if viewer.role in _STAFF:
        return
    accounts.note_refusal(pool, viewer, f"case: {what}", now)
    raise CaseRefused(f"{what} is for the staff, not for {viewer.login}")


def _deed(
    conn: Connection[TupleRow], viewer: Viewer, now: datetime, action: str, case: int, reason: str
) -> None:
    people.audit(conn, now, viewer.login, action, f"case {case}", {"reason": reason})
