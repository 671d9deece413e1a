"""What customers told of being away: a fall of use then is no reason to come."""

from __future__ import annotations

from datetime import date, datetime

from model.viewer import Viewer
from operations import accounts
from operations.errors import InspectionRefused
from storage import absences, people
from storage.pool import Pool


def tell(
    pool: Pool, viewer: Viewer, point: str, first: date, last: date, *, note: str = "", now: datetime
) -> int:
    """Write down that the customer of a point is away from `first` to `last`; its number. Staff only.

    Raises `InspectionRefused` for others and for days the wrong way round, `Unknown` for such a point.
    """
    _may(pool, viewer, now)
    if last < first:
        raise InspectionRefused(f"{last:%d/%m/%Y} lies before {first:%d/%m/%Y}: give --from before --to")
    with pool.connection() as conn:
        number = absences.add(conn, point, first, last, note=note.strip(), login=viewer.login, at=now)
        days = {"first": first.isoformat(), "last": last.isoformat(), "note": note.strip()}
        people.audit(conn, now, viewer.login, "absence.told", f"point {point}", days)
        return number


def withdraw(pool: Pool, viewer: Viewer, number: int, *, now: datetime) -> bool:
    """It was none after all; False where none of this number stands."""
    _may(pool, viewer, now)
    with pool.connection() as conn:
        done = absences.withdraw(conn, number, now)
        if done:
            people.audit(conn, now, viewer.login, "absence.withdrawn", f"absence {number}")
        return done


def _may(pool: Pool, viewer: Viewer, now: datetime) -> None:
    if not viewer.is_staff:
        accounts.note_refusal(pool, viewer, "absence: telling", now)
        raise InspectionRefused(f"writing down an absence is for the staff, not for {viewer.login}")
