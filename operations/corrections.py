"""Correcting a bill that went out: another one names it, replaces it or adjusts it by the difference.

The first stays as it is. Somebody orders the correction, sees what it comes to, and a second person approves;
with it closing indices may be put right. VAT is that of the original's day.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill, BillLine, ClosingIndex, Hold, RegisterUse
from model.jsonform import to_json
from model.period import LOCAL, Period
from model.viewer import Viewer
from operations.errors import RunRefused
from operations.runs import counting, stages
from storage import bills, closing, corrections, people
from storage.bills import BillSheet
from storage.corrections import Correction
from storage.errors import Unknown
from storage.pool import Pool

KINDS = ("adjusts", "replaces")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a correction comes to: the bill that would go out, and the totals that hold before and after."""

    bill: Bill
    total_before: int
    total_after: int
    following: tuple[int, ...] = ()  # bills that begin at an index that is put right


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
    """Order the correction of a bill. `indices` None: what the open conflicts of its point read.

    Raises `RunRefused` for a role that may not, a bill that was replaced, and where nothing would change.
    """
    stages.may(pool, viewer, "ordering a correction", now)
    if not reason.strip():
        raise RunRefused("a correction needs a reason, which stands on the bill: say why (--reason)")
    with pool.connection() as conn:
        sheet = _bill(conn, viewer, number)
        if waiting := corrections.open_of(conn, number):
            raise RunRefused(
                f"correction {waiting.id} of bill {number} waits for approval already: approve or withdraw "
                f"it (ami bill corrections)"
            )
        if indices is None:
            found = corrections.conflicts(conn, point=sheet.bill.point, period=sheet.bill.period)
            indices = [one.index for one in found]
        proposal = propose(conn, sheet, kind, indices, invoice_date, now)
        totals = (proposal.total_before, proposal.total_after)
        ordered = corrections.order(
            conn, number, kind, reason.strip(), indices, invoice_date, totals, _digest(proposal.bill),
            viewer.login, now,
        )  # fmt: skip
        people.audit(conn, now, viewer.login, "bills.correct", f"bill {number}", {"order": ordered})
        return corrections.find(conn, ordered)


def propose(
    conn: Connection[TupleRow],
    sheet: BillSheet,
    kind: str,
    indices: Sequence[ClosingIndex],
    invoice_date: date,
    now: datetime,
) -> Proposal:
    """What the correction comes to; nothing of it is kept."""
    with conn.transaction(force_rollback=True):
        corrections.correct_indices(conn, indices, now, None)
        after = _counted(conn, sheet)
    standing = bills.standing_bills(conn, sheet.bill.point, sheet.bill.period)
    before = standing[0] if kind == "replaces" and len(standing) == 1 else merged(standing)
    if (after.total, after.wh, after.lines, after.uses) == (
        before.total,
        before.wh,
        before.lines,
        before.uses,
    ):
        raise RunRefused(
            f"bill {sheet.id} comes to the same {before.total:,} đồng when it is counted again: put right "
            f"what is wrong first (an index with --index, the supply or the multiplier of the point)"
        )
    made = after if kind == "replaces" else difference(before, after)
    following = closing.bills_from(conn, sheet.bill.point, [index.at for index in indices])
    return Proposal(replace(made, invoice_date=invoice_date), before.total, after.total, tuple(following))


def approve(pool: Pool, viewer: Viewer, number: int, now: datetime) -> Correction:
    """A second person agrees: indices are put right and the correcting bill goes out, both or neither."""
    stages.may(pool, viewer, "approving a correction", now)
    with pool.connection() as conn:
        found = corrections.find(conn, number)
        if found.state != "ordered":
            raise RunRefused(f"correction {number} is {found.state}: it waits for no approval")
        if found.ordered_by == viewer.login:
            raise RunRefused(
                f"correction {number} was ordered by {viewer.login}: a second person has to approve it"
            )
        sheet = _bill(conn, viewer, found.bill_id)
        proposal = propose(conn, sheet, found.kind, found.indices, found.invoice_date, now)
        if _digest(proposal.bill) != found.digest:
            raise RunRefused(
                f"correction {number} comes to something else now ({proposal.total_after:,} đồng instead of "
                f"{found.total_after:,}): withdraw it and order it again"
            )
        corrections.correct_indices(conn, found.indices, now, number)
        issued = bills.save_correction(
            conn, proposal.bill, now, corrects=found.bill_id, kind=found.kind, reason=found.reason
        )
        corrections.issued(conn, number, viewer.login, now, issued)
        settled = corrections.conflicts(conn, point=sheet.bill.point, period=sheet.bill.period)
        corrections.settle(conn, [one.id for one in settled], viewer.login, now, f"correction {number}")
        people.audit(conn, now, viewer.login, "bills.corrected", f"bill {found.bill_id}", {"by": issued})
        return corrections.find(conn, number)


def withdraw(pool: Pool, viewer: Viewer, number: int, now: datetime) -> None:
    """Take an order back that nobody approved yet."""
    stages.may(pool, viewer, "withdrawing a correction", now)
    with pool.connection() as conn:
        found = corrections.find(conn, number)
        if not corrections.withdraw(conn, number):
            raise RunRefused(f"correction {number} is {found.state}: it cannot be taken back any more")
        people.audit(conn, now, viewer.login, "bills.uncorrect", f"bill {found.bill_id}", {"order": number})


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


def _counted(conn: Connection[TupleRow], sheet: BillSheet) -> Bill:
    """The bill as it comes out today, by the VAT of the original's day."""
    old = sheet.bill
    month = old.period.last_day.replace(day=1)
    period = bills.run_period(conn, sheet.id) or Period.of_month(month.year, month.month)
    [one] = counting.count(conn, [old.point], period, sheet.rated_on)
    if isinstance(one.made, Hold):
        raise RunRefused(f"bill {sheet.id} cannot be counted again: {one.made.reason}")
    if one.made.period != old.period:
        at = one.made.period.end.astimezone(LOCAL)
        raise RunRefused(
            f"bill {sheet.id} would be for other days, up to {at:%d/%m/%Y}: withdraw and bill anew"
        )
    return one.made


def merged(standing: Sequence[Bill]) -> Bill:
    """A bill and its adjustments as one: figures, lines and registers added up."""
    first = standing[0]
    uses: dict[tuple[str, int, bool, int], RegisterUse] = {}
    for one in standing:
        for key, use in _keyed(one.uses):
            before = uses.get(key)
            uses[key] = use if before is None else _added(before, use)
    return replace(
        first,
        lines=_summed([(1, one) for one in standing]),
        uses=tuple(uses.values()),
        kwh=sum(one.kwh for one in standing),
        wh=sum((one.wh for one in standing), Decimal(0)),
        subtotal=sum(one.subtotal for one in standing),
        vat=sum(one.vat for one in standing),
        total=sum(one.total for one in standing),
    )


def _summed(signed: Sequence[tuple[int, Bill]]) -> tuple[BillLine, ...]:
    """Lines of bills added up by label and price, each bill with its sign; what comes to nothing is none."""
    lines: dict[tuple[str, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for sign, one in signed:
        for line in one.lines:
            kwh, amount = lines[line.label, line.price]
            lines[line.label, line.price] = (kwh + sign * line.kwh, amount + sign * line.amount)
    return tuple(
        BillLine(label, kwh, price, amount)
        for (label, price), (kwh, amount) in lines.items()
        if kwh or amount
    )


def _keyed(uses: Sequence[RegisterUse]) -> list[tuple[tuple[str, int, bool, int], RegisterUse]]:
    """Registers by meter, rate, whether taken down, and the how-manieth of these."""
    seen: dict[tuple[str, int, bool], int] = defaultdict(int)
    found = []
    for use in uses:
        key = (use.serial, int(use.rate), use.removed)
        found.append(((*key, seen[key]), use))
        seen[key] += 1
    return found


def _added(one: RegisterUse, more: RegisterUse) -> RegisterUse:
    return replace(
        more,
        wh=one.wh + more.wh,
        kwh=one.kwh + more.kwh,
        carried_wh=one.carried_wh + more.carried_wh,
    )


def difference(before: Bill, after: Bill) -> Bill:
    """What `after` has more than `before` (negative: less), in lines and registers too: both add up to it."""
    old, new = dict(_keyed(before.uses)), dict(_keyed(after.uses))
    uses = [_less(use, old.get(key)) for key, use in new.items()]
    uses += [_less(replace(use, wh=Decimal(0), kwh=0, carried_wh=Decimal(0)), use)
             for key, use in old.items() if key not in new]  # fmt: skip
    return replace(
        after,
        lines=_summed([(1, after), (-1, before)]),
        uses=tuple(uses),
        kwh=after.kwh - before.kwh,
        wh=after.wh - before.wh,
        subtotal=after.subtotal - before.subtotal,
        vat=after.vat - before.vat,
        total=after.total - before.total,
    )


def _less(use: RegisterUse, old: RegisterUse | None) -> RegisterUse:
    """A register as it stands now, with what it counted more than it was billed for."""
    if old is None:
        return use
    return replace(use, wh=use.wh - old.wh, kwh=use.kwh - old.kwh, carried_wh=use.carried_wh - old.carried_wh)


def _digest(bill: Bill) -> bytes:
    return hashlib.sha256(json.dumps(to_json(bill), sort_keys=True).encode()).digest()
