"""The ways of a billing run: drafted, checked, approved by a second person, issued, or withdrawn.

Every step may be killed and done again: what is drafted or issued already is left as it is. The same indices
come to the same bills; where they do not, nothing goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill, Hold
from model.period import LOCAL, Period, local_day, midnight
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.errors import InputError, RunRefused
from operations.runs import checks, counting, portions, setwise
from operations.runs.counting import Counted
from storage import bill_holds, billing_runs, bills, determinants, people, run_hashes
from storage.billing_runs import Item, Run, RunFinding, RunState
from storage.bills import Standing
from storage.errors import BillConflict
from storage.pool import Pool
from storage.register import has_book

INVOICED_WITHIN: Final = timedelta(days=366)  # of today: a day beyond it is a slip of the pen
MAY: Final = (UserRole.BILLING,)
HELD_BY_CHECKS: Final = ("read_again", "customer_signs", "counted_index", "open_case", "gate")
Progress = Callable[[int, int, str], None]


def begin(
    pool: Pool, viewer: Viewer, period: Period, invoice_date: date, book: str | None, now: datetime
) -> Run:
    """A new draft, or the one that is open for the same bills and invoice date.

    Raises `RunRefused` while another run that has bills in common is open, `InputError` for a period that has
    not ended, an invoice date that cannot be and a book nobody knows.
    """
    may(pool, viewer, "drafting a billing run", now)
    refuse_dates(period, invoice_date, now)
    with pool.connection() as conn:
        if book is not None and not has_book(conn, book):
            raise InputError(f"no reading book {book} is registered: correct its code")
        for run in billing_runs.open_runs(conn, period, book):
            same = (run.from_at, run.to_at, run.book, run.invoice_date, run.at_once)
            if same == (period.start, period.end, book, invoice_date, False):
                if run.state is RunState.APPROVED:
                    raise RunRefused(_is(run, "it is approved: issue it, or withdraw it first"))
                return run
            raise RunRefused(_is(run, "it has bills in common with this one: finish or withdraw it first"))
        number = billing_runs.begin(conn, period, invoice_date, book, viewer.login, now)
        people.audit(conn, now, viewer.login, "bills.draft", f"run {number}", None)
        return billing_runs.find(conn, number)


def open_draft(pool: Pool, number: int, by: str, now: datetime) -> Run:
    """Make a run ready to be drafted: one that was broken off goes on, one that was whole begins anew."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if run.state not in (RunState.DRAFT, RunState.CHECKED):
            raise RunRefused(_is(run, "only a draft is drafted again"))
        begun = run.points is not None
        broken_off = (
            begun and run.state is RunState.DRAFT and billing_runs.left(conn, run, approved=False) > 0
        )
        billing_runs.draft(conn, number, by, now, anew=begun and not broken_off)
        return billing_runs.find(conn, number)


def draft_shard(
    pool: Pool,
    number: int,
    shard: tuple[int, int],
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Count the points of a shard that are not counted yet; how many were."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number)
        many = billing_runs.left(conn, run, shard, approved=False)
        done = 0
        if (of := setwise.law(run.period, run.invoice_date)) is not None:
            between = midnight(of.change) if of.change else None
            for columns in determinants.read(conn, run, shard, many, approved=False, between=between):
                done += portions.draft(conn, run, columns, of)
                conn.commit()
                _tell(progress, done, many, number)
        points = billing_runs.to_draft(conn, run, shard)  # those that are not plain
    for batch in batches(points, progress, f"run {number}", done):
        with pool.connection() as conn:
            counted = list(counting.count(conn, batch, run.period, run.invoice_date))
            billing_runs.save_items(conn, number, [_item(conn, one) for one in counted])
            held = [one.made for one in counted if isinstance(one.made, Hold) and not one.standing]
            bill_holds.save(conn, held, now)
            bill_holds.drop_of(conn, run.period, set(batch) - {hold.point for hold in held})
    return done + len(points)


def finish_draft(pool: Pool, number: int, now: datetime) -> Run:
    """Once every shard is counted: the points without a meter. Raises `RunRefused` where some are missing."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if left := billing_runs.left(conn, run, approved=False):
            raise RunRefused(_is(run, f"{left} points are not counted yet: draft it again, it goes on"))
        held = counting.never_metered_holds(conn, run.period, run.book)
        if run.book is None:
            bill_holds.drop_kind(conn, run.period, "no_meter", but=[hold.point for hold in held])
        bill_holds.save(conn, held, now)
        billing_runs.save_items(conn, number, map(_item_of_hold, held))
        return run


def check(pool: Pool, viewer: Viewer, number: int, now: datetime) -> list[RunFinding]:
    """Look at a whole draft; what a check holds waits until it is read again or accepted, and is looked at
    again. Raises `RunRefused` for what is no draft any more."""
    may(pool, viewer, "checking a billing run", now)
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if run.state not in (RunState.DRAFT, RunState.CHECKED):
            raise RunRefused(_is(run, "only a draft is checked"))
        if run.points is None or billing_runs.left(conn, run, approved=False):
            raise RunRefused(_is(run, f"it is not whole: draft it first (ami bill draft {_told(run)})"))
        bill_holds.drop_of(conn, run.period, billing_runs.release(conn, number, HELD_BY_CHECKS))
        found, held = checks.run(conn, run)
        billing_runs.save_findings(conn, number, found)
        billing_runs.hold(conn, number, held)
        holds = [Hold(i.point, i.customer, i.serial, run.period, i.kind, i.reason) for i in held]
        bill_holds.save(conn, holds, now)
        billing_runs.check(conn, number, viewer.login, now)
        people.audit(conn, now, viewer.login, "bills.check", f"run {number}", {"held": len(held)})
    return found


def accept(pool: Pool, viewer: Viewer, number: int, point: str, why: str, now: datetime) -> None:
    """Somebody looked behind what a check holds the bill of a point for; it goes out with the next check."""
    may(pool, viewer, "letting a held bill go", now)
    if not why.strip():
        raise RunRefused(
            f"letting the bill of point {point} go needs a reason: say why it is right (--reason)"
        )
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if run.state is not RunState.CHECKED:
            raise RunRefused(_is(run, "only what a check holds is accepted: check it first"))
        found = billing_runs.items(conn, number, points=[point])
        if not found or found[0].outcome != "held" or found[0].kind not in HELD_BY_CHECKS:
            said = found[0].reason if found and found[0].outcome == "held" else "it is not held"
            raise RunRefused(f"the bill of point {point} is not held by a check of run {number}: {said}")
        billing_runs.accept(conn, number, point, found[0].kind, viewer.login, now, why.strip())
        detail = {"point": point, "kind": found[0].kind, "why": why.strip()}
        people.audit(conn, now, viewer.login, "bills.accept", f"run {number}", detail)


def approve(pool: Pool, viewer: Viewer, number: int, now: datetime) -> Run:
    """A second person agrees; the closing indices and what they came to are frozen by hash.

    Raises `RunRefused` for who drafted it, a role that may not, and what is not checked.
    """
    may(pool, viewer, "approving a billing run", now)
    with pool.connection() as conn:
        return agree(conn, viewer.login, number, now)


def agree(conn: Connection[TupleRow], login: str, number: int, now: datetime) -> Run:
    """As `approve`, within the caller's transaction, by somebody whose role allows it."""
    run = billing_runs.find(conn, number, lock=True)
    if run.state is not RunState.CHECKED:
        raise RunRefused(_is(run, "only a run that is checked is approved"))
    if run.drafted_by == login:
        raise RunRefused(f"billing run {number} was drafted by {login}: a second person has to approve it")
    _freeze(conn, run, login, now)
    people.audit(conn, now, login, "bills.approve", f"run {number}", None)
    return billing_runs.find(conn, number)


def approve_at_once(pool: Pool, number: int, now: datetime) -> Run:
    """Where the office wants no second person; raises `RunRefused` for a run that was begun for two."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if not run.at_once or run.state is not RunState.CHECKED:
            raise RunRefused(_is(run, "a second person has to approve it"))
        _freeze(conn, run, None, now)
        return billing_runs.find(conn, number)


def _freeze(conn: Connection[TupleRow], run: Run, by: str | None, now: datetime) -> None:
    indices, figures = run_hashes.indices(conn, run.id), run_hashes.bills(conn, run.id)
    billing_runs.approve(conn, run.id, by, now, indices, figures)


def ready_to_issue(pool: Pool, number: int) -> Run:
    """The run, where it is approved and still stands upon what it was approved upon; else `RunRefused`."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number)
        if run.state is not RunState.APPROVED:
            raise RunRefused(_is(run, "only what is approved is issued"))
        if run_hashes.indices(conn, number) != run.indices_sha256:
            raise RunRefused(_is(run, f"its closing indices are others since: {_ANEW}"))
        if run_hashes.bills(conn, number) != run.bills_sha256:
            raise RunRefused(_is(run, f"its figures are others than were approved: {_ANEW}"))
        return run


_ANEW = "withdraw it (ami bill withdraw) and draft it again"


def issue_shard(
    pool: Pool,
    number: int,
    shard: tuple[int, int],
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Count the bills of a shard once more and send out those that are as approved; how many went.

    Raises `RunRefused` for a bill that comes to something else now; what went out before it stands.
    """
    with pool.connection() as conn:
        run = billing_runs.find(conn, number)
        if run.state is not RunState.APPROVED:
            raise RunRefused(_is(run, "only what is approved is issued"))
        many = billing_runs.left(conn, run, shard, approved=True)
        done = issued = 0
        if (of := setwise.law(run.period, run.invoice_date)) is not None:
            between = midnight(of.change) if of.change else None
            for columns in determinants.read(conn, run, shard, many, approved=True, between=between):
                new, other = portions.issue(conn, run, columns, of, now)
                if other:
                    raise RunRefused(_is(run, f"point {other} comes to something else now: {_ANEW}"))
                conn.commit()
                issued += new
                _tell(progress, done := issued, many, number)
        points = billing_runs.to_issue(conn, run, shard)
    for batch in batches(points, progress, f"run {number}", done):
        with pool.connection() as conn:
            approved = {item.point: item for item in billing_runs.items(conn, number, points=batch)}
            for one in counting.count(conn, batch, run.period, run.invoice_date):
                made = one.made
                if not isinstance(made, Bill) or not as_approved(made, approved[one.point]):
                    raise RunRefused(_is(run, f"point {one.point} comes to something else now: {_ANEW}"))
                issued += bills.save(conn, made, now, run=number) == "issued"
    return issued


def _tell(progress: Progress | None, done: int, many: int, number: int) -> None:
    if progress is not None:
        progress(done, many, f"run {number}")


def as_approved(made: Bill, item: Item) -> bool:
    """Whether a bill counted again is the one that was approved."""
    mine = (made.customer, made.plan, made.kwh, made.wh, made.subtotal, made.vat, made.total)
    frozen = (item.customer, item.plan, item.kwh, item.wh, item.subtotal, item.vat, item.total)
    return mine == frozen and _surcharge(made) == item.reactive


def _surcharge(made: Bill) -> int | None:
    return None if made.reactive is None else made.reactive.total


def finish_issue(pool: Pool, number: int, by: str, now: datetime) -> Run:
    """Once every shard went out. Raises `RunRefused` where bills are missing."""
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        if run.state is RunState.APPROVED:
            if left := billing_runs.left(conn, run, approved=True):
                raise RunRefused(_is(run, f"{left} bills did not go out yet: issue it again, it goes on"))
            billing_runs.issue(conn, number, by, now)
            people.audit(conn, now, by, "bills.issue", f"run {number}", None)
        return billing_runs.find(conn, number)


def withdraw(pool: Pool, viewer: Viewer, number: int, reason: str, now: datetime) -> Run:
    """Take a run back of which no bill went out."""
    may(pool, viewer, "withdrawing a billing run", now)
    if not reason.strip():
        raise RunRefused("withdrawing a run needs a reason: say why (--reason)")
    with pool.connection() as conn:
        run = billing_runs.find(conn, number, lock=True)
        gone = billing_runs.bills_issued(conn, number)
        if run.state in (RunState.ISSUED, RunState.WITHDRAWN) or gone:
            told = f"{gone:,} bills went out with it: correct them one by one (ami bill correct)"
            raise RunRefused(_is(run, told if gone else "there is nothing to withdraw"))
        billing_runs.withdraw(conn, number, viewer.login, now, reason.strip())
        people.audit(conn, now, viewer.login, "bills.withdraw", f"run {number}", {"reason": reason.strip()})
        return billing_runs.find(conn, number)


# -- what the steps share


def may(pool: Pool, viewer: Viewer, what: str, now: datetime) -> None:
    """Refuse, and write down, whose role does not allow it."""
    if viewer.role in MAY:
        return
    accounts.note_refusal(pool, viewer, f"bills: {what}", now)
    roles = " or ".join(role.value for role in MAY)
    raise RunRefused(f"{what} is for the role {roles}, not for {viewer.login}")


def refuse_dates(period: Period, invoice_date: date, now: datetime) -> None:
    """Raises `InputError` for a period that has not ended and an invoice date that cannot be."""
    if period.end > now:
        raise InputError(
            f"the period ends on {period.end.astimezone(LOCAL):%d/%m/%Y}, which is still to come: "
            f"bill it then"
        )
    first = local_day(period.end)
    told = f"the invoice date {invoice_date:%d/%m/%Y}"
    if invoice_date < first:
        last = first - timedelta(days=1)
        raise InputError(
            f"{told} is not after the billed period, whose last day is {last:%d/%m/%Y}: "
            f"give {first:%d/%m/%Y} or a later day"
        )
    if invoice_date - local_day(now) > INVOICED_WITHIN:
        raise InputError(f"{told} is more than a year ahead: correct its year")


def batches(
    points: Sequence[str], progress: Progress | None, text: str, done: int = 0
) -> Iterator[Sequence[str]]:
    """Points in the portions of a transaction; `progress` is told after each, on top of what is done."""
    for start in range(0, len(points), counting.POINTS):
        yield points[start : start + counting.POINTS]
        if progress is not None:
            progress(done + min(start + counting.POINTS, len(points)), done + len(points), text)


def _item(conn: Connection[TupleRow], one: Counted) -> Item:
    """What is kept of a counted point until its bill goes out."""
    made, standing = one.made, one.standing
    if not standing:
        if isinstance(made, Hold):
            return _item_of_hold(made)
        figures = (made.plan, made.kwh, made.wh, made.subtotal, made.vat, made.total)
        return Item(
            one.point, one.customer, "bill", *figures, serial=one.serial, confirmed=one.confirmed,
            reactive=_surcharge(made),
        )  # fmt: skip
    wh, total = sum((bill.wh for bill in standing), Decimal(0)), sum(bill.total for bill in standing)
    if isinstance(made, Bill):
        said = ""
        if made.period not in [bill.period for bill in standing]:
            said = str(BillConflict(one.point, standing[0].period.shown, ("period",)))
        elif (made.wh, made.total, _surcharge(made)) != (wh, total, _of_standing(standing)):
            said = bills.contradiction(conn, made)
        if said:
            return Item(one.point, one.customer, "conflict", serial=one.serial, reason=said)
    # What was issued before is neither held nor rewritten; of several bills the last one's plan is told.
    plan, kwh = standing[-1].plan, sum(bill.kwh for bill in standing)
    return Item(one.point, one.customer, "stands", plan, kwh, wh, total=total, serial=one.serial)


def _of_standing(standing: Sequence[Standing]) -> int | None:
    asked = [bill.reactive for bill in standing if bill.reactive is not None]
    return sum(asked) if asked else None


def _item_of_hold(hold: Hold) -> Item:
    return Item(hold.point, hold.customer, "held", serial=hold.serial, kind=hold.kind, reason=hold.reason)


def _told(run: Run) -> str:
    book = f" --book {run.book}" if run.book else ""
    return f"--month {local_day(run.from_at):%Y-%m}{book}"


def _is(run: Run, said: str) -> str:
    whose = f"of book {run.book}" if run.book else "of all books"
    return (
        f"billing run {run.id} {whose} for {run.period.shown} is {run.state.value} "
        f"(drafted by {run.drafted_by}): {said}"
    )
