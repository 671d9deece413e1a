"""Correcting a bill that went out: another one names it, replaces it or adjusts it by the difference.

The first stays as it is. Somebody orders the correction, sees what it comes to, and a second person approves;
with it closing indices may be put right, and then all bills that stand upon them are corrected together, each
by one of its own. VAT is that of the original's day.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.billing import carry_after
from model.bill import Bill, ClosingIndex, Hold
from model.jsonform import to_json
from model.period import LOCAL, Period
from model.series import Rate
from model.viewer import Viewer
from operations.bill_difference import difference, merged
from operations.errors import RunRefused
from operations.runs import counting, stages
from storage import bills, corrections, people
from storage.bills import BillSheet
from storage.corrections import Correction
from storage.errors import Unknown
from storage.pool import Pool

KINDS = ("adjusts", "replaces")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the correction of a bill comes to: the bill that would go out, and the totals that hold before and
    after."""

    sheet: BillSheet
    bill: Bill
    total_before: int
    total_after: int


def order(
    pool: Pool,
    viewer: Viewer,
    number: int,
    kind: str,
    reason: str,
    now: datetime,
    *,
    indices: Sequence[ClosingIndex] | None = None,
    invoice_date: date,
) -> Correction:
    """Order the correction of a bill, and with it those of all bills that stand upon the same indices: the
    order of the bill itself, `storage.corrections.together` has the others.

    `indices` None: what the open conflicts of its point read. Raises `RunRefused` for a role that may not, a
    bill that was replaced, and where nothing would change.
    """
    stages.may(pool, viewer, "ordering a correction", now)
    if not reason.strip():
        raise RunRefused("a correction needs a reason, which stands on the bill: say why (--reason)")
    with pool.connection() as conn:
        sheet = _bill(conn, viewer, number)
        if indices is None:
            found = corrections.conflicts(conn, point=sheet.bill.point, period=sheet.bill.period)
            indices = [one.index for one in found]
        proposals = propose(conn, viewer, sheet, kind, indices, invoice_date, now)
        for each in proposals:
            if waiting := corrections.open_of(conn, each.sheet.id):
                raise RunRefused(
                    f"correction {waiting.id} of bill {each.sheet.id} waits for approval already: approve or "
                    f"withdraw it (ami bill corrections)"
                )
        ordered: dict[int, int] = {}
        first = None
        for each in proposals:
            ordered[each.sheet.id] = corrections.order(
                conn, each.sheet.id, kind, reason.strip(), indices, invoice_date,
                (each.total_before, each.total_after), _digest(each.bill), viewer.login, now, first,
            )  # fmt: skip
            first = ordered[each.sheet.id] if first is None and len(proposals) > 1 else first
            detail = {"order": ordered[each.sheet.id]}
            people.audit(conn, now, viewer.login, "bills.correct", f"bill {each.sheet.id}", detail)
        if first is not None:
            corrections.put_together(conn, first)
        return corrections.find(conn, ordered[number])


def propose(
    conn: Connection[TupleRow],
    viewer: Viewer,
    sheet: BillSheet,
    kind: str,
    indices: Sequence[ClosingIndex],
    invoice_date: date,
    now: datetime,
) -> list[Proposal]:
    """What the correction comes to, of the bill and of all others that stand upon these indices, in the order
    of their periods; nothing of it is kept.

    What the rounding of one leaves over goes into the next, so that the last leaves over what it did before.
    """
    touched = corrections.touched(conn, sheet.bill.point, [index.at for index in indices])
    others = [_bill(conn, viewer, number) for number in touched if number != sheet.id]
    found: list[Proposal] = []
    left: dict[datetime, dict[Rate, Decimal]] = {}
    with conn.transaction(force_rollback=True):
        corrections.correct_indices(conn, indices, now, None)
        for one in sorted([sheet, *others], key=lambda each: each.bill.period.start):
            after = _counted(conn, one, left.get(one.bill.period.start))
            left[after.period.end] = _left_over(after)
            standing = bills.standing_bills(conn, one.bill.point, one.bill.period)
            before = standing[0] if kind == "replaces" and len(standing) == 1 else merged(standing)
            if _same(before, after):
                if one.id == sheet.id:
                    raise RunRefused(
                        f"bill {sheet.id} comes to the same {before.total:,}\u00a0₫ when it is "
                        f"counted again: put right what is wrong first (an index with --index, the supply or "
                        f"the multiplier of the point)"
                    )
                continue
            made = after if kind == "replaces" else difference(before, after)
            dated = replace(made, invoice_date=invoice_date)
            found.append(Proposal(one, dated, before.total, after.total))
    return found


def _same(before: Bill, after: Bill) -> bool:
    mine = (after.total, after.wh, after.lines, after.uses, after.reactive)
    return mine == (before.total, before.wh, before.lines, before.uses, before.reactive)


def _left_over(bill: Bill) -> dict[Rate, Decimal]:
    """Wh by register that a bill's rounding leaves to the next."""
    found: dict[Rate, Decimal] = defaultdict(Decimal)
    for use in bill.uses:
        found[use.rate] += carry_after(use)
    return dict(found)


def approve(pool: Pool, viewer: Viewer, number: int, now: datetime) -> Correction:
    """A second person agrees: indices are put right and the correcting bill goes out, both or neither; with
    it those that were ordered together with it."""
    stages.may(pool, viewer, "approving a correction", now)
    with pool.connection() as conn:
        found = corrections.find(conn, number)
        if found.state != "ordered":
            raise RunRefused(f"correction {number} is {found.state}: it waits for no approval")
        if found.ordered_by == viewer.login:
            raise RunRefused(
                f"correction {number} was ordered by {viewer.login}: a second person has to approve it"
            )
        ordered = {one.bill_id: one for one in corrections.together(conn, number)}
        sheet = _bill(conn, viewer, found.bill_id)
        proposals = propose(conn, viewer, sheet, found.kind, found.indices, found.invoice_date, now)
        agreed = {bill_id: one.digest for bill_id, one in ordered.items()}
        if {each.sheet.id: _digest(each.bill) for each in proposals} != agreed:
            comes_to = sum(each.total_after for each in proposals)
            was = sum(one.total_after for one in ordered.values())
            raise RunRefused(
                f"correction {number} comes to something else now ({comes_to:,}\u00a0₫ for {len(proposals)} "
                f"bills instead of {was:,}\u00a0₫ for {len(ordered)}): withdraw it and order it again"
            )
        corrections.correct_indices(conn, found.indices, now, number)
        for each in proposals:
            one = ordered[each.sheet.id]
            issued = bills.save_correction(
                conn, each.bill, now, corrects=each.sheet.id, kind=one.kind, reason=one.reason
            )
            corrections.issued(conn, one.id, viewer.login, now, issued)
            settled = corrections.conflicts(conn, point=each.bill.point, period=each.bill.period)
            corrections.settle(conn, [c.id for c in settled], viewer.login, now, f"correction {one.id}")
            people.audit(conn, now, viewer.login, "bills.corrected", f"bill {each.sheet.id}", {"by": issued})
        return corrections.find(conn, number)


def withdraw(pool: Pool, viewer: Viewer, number: int, now: datetime) -> None:
    """Take an order back that nobody approved yet, and those that were ordered together with it."""
    stages.may(pool, viewer, "withdrawing a correction", now)
    with pool.connection() as conn:
        for one in corrections.together(conn, number):
            if not corrections.withdraw(conn, one.id):
                raise RunRefused(f"correction {number} is {one.state}: it cannot be taken back any more")
            detail = {"order": one.id}
            people.audit(conn, now, viewer.login, "bills.uncorrect", f"bill {one.bill_id}", detail)


def dismiss(pool: Pool, viewer: Viewer, number: int, reason: str, now: datetime) -> None:
    """What was closed stands: the reading that contradicts it is the wrong one."""
    stages.may(pool, viewer, "dismissing a reading", now)
    if not reason.strip():
        raise RunRefused("dismissing a reading needs a reason: say why (--reason)")
    with pool.connection() as conn:
        if not corrections.settle(conn, [number], viewer.login, now, f"dismissed: {reason.strip()}"):
            raise Unknown("open conflict", str(number))
        people.audit(conn, now, viewer.login, "conflict.dismiss", f"conflict {number}", {"reason": reason})


def _bill(conn: Connection[TupleRow], viewer: Viewer, number: int) -> BillSheet:
    sheet = bills.bill(conn, viewer, number)
    if sheet is None:
        raise Unknown("bill", str(number))
    if sheet.corrects is not None and not sheet.corrects.replaces:
        raise RunRefused(f"bill {number} is an adjustment of bill {sheet.corrects.number}: correct that one")
    if by := bills.replaced_by(conn, number):
        raise RunRefused(f"bill {number} was replaced by bill {by}: correct that one")
    return sheet


def _counted(conn: Connection[TupleRow], sheet: BillSheet, left: Mapping[Rate, Decimal] | None) -> Bill:
    """The bill as it comes out today, by the VAT of the original's day; `left`: what the one before it leaves
    over, where that is not as stored."""
    old = sheet.bill
    month = old.period.last_day.replace(day=1)
    period = bills.run_period(conn, sheet.id) or Period.of_month(month.year, month.month)
    before = None if left is None else {old.point: left}
    [one] = counting.count(conn, [old.point], period, sheet.rated_on, left=before)
    if isinstance(one.made, Hold):
        raise RunRefused(f"bill {sheet.id} cannot be counted again: {one.made.reason}")
    if one.made.period != old.period:
        at = one.made.period.end.astimezone(LOCAL)
        raise RunRefused(
            f"bill {sheet.id} would be for other days, up to {at:%d/%m/%Y}: withdraw and bill anew"
        )
    return one.made


def _digest(bill: Bill) -> bytes:
    return hashlib.sha256(json.dumps(to_json(bill), sort_keys=True).encode()).digest()
