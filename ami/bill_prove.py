"""`ami bill prove`: from a bill back to the bytes its meters sent, and forward again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import rich_click as click

from ami import home
from ami.bill_number import OFFICE, Number
from ami.console import counted, dong, emit, say, table
from ami.failure import Contradiction, Exit, InputFailure, end
from ami.settings import load
from model.bill import Bill
from model.jsonform import to_json
from model.period import LOCAL, Period
from operations import proof
from operations.proof import Proof, Step
from storage import bills
from storage.pool import open_pool

SHOWN_BYTES = 24


@click.command("prove")
@click.argument("number", type=Number())
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, with all bytes as hex.")
def prove(number: int, as_json: bool) -> None:
    """Show what bill NUMBER stands upon, back to the bytes, and count it again from them.

    Every index with its reading, the answer it came in (its bytes as they were received, SHA-256 checked)
    and what they say; an index nobody's meter sent with who wrote it down. Then the bill again from these
    values alone.

    Exit code 6 where anything says otherwise, 3 where a step has nothing that proves it.
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheet = bills.bill(conn, OFFICE, number)
        found = None if sheet is None else proof.prove(conn, OFFICE, sheet)
    if found is None:
        raise InputFailure(f"There is no bill {number}: see `ami bill list`.")
    if as_json:
        emit(_document(found))
    else:
        _show(found)
    if found.contradictions:
        raise Contradiction(f"{found.contradictions[0]}.")
    if not found.proven:
        end(Exit.PARTLY)


def _document(found: Proof) -> dict[str, Any]:
    sheet = found.sheet
    return {
        "bill": {"number": sheet.id, **_local(sheet.bill)},
        "issued_at": to_json(sheet.issued_at),
        "steps": [_step(step) for step in found.steps],
        "half_hours": to_json(found.half_hours),
        "recomputed": None if found.recomputed is None else _local(found.recomputed),
        "differing": list(found.differing),
        "contradictions": list(found.contradictions),
        "why": found.why,
        "proven": found.proven,
    }


def _local(bill: Bill) -> dict[str, Any]:
    """A bill whose period is told by the local clock, its Wh without noughts that say nothing."""
    start, end = (at.astimezone(LOCAL) for at in (bill.period.start, bill.period.end))
    uses = tuple(replace(use, wh=_plain(use.wh), carried_wh=_plain(use.carried_wh)) for use in bill.uses)
    told = replace(bill, period=Period(start, end), wh=_plain(bill.wh), uses=uses)
    found: dict[str, Any] = to_json(told)
    return found


def _plain(wh: Decimal) -> Decimal:
    return Decimal(f"{wh.normalize():f}")


def _step(step: Step) -> dict[str, Any]:
    index, reading, answer, value = step.index, step.reading, step.answer, step.decoded
    return {
        "serial": index.serial,
        "register": index.code,
        "at": to_json(index.at),
        "closing": {
            "raw": index.raw,
            "scaler": index.scaler,
            "status": index.status,
            "closed_at": to_json(step.closed_at),
        },
        "source": step.source,
        "reading": None
        if reading is None
        else {
            "at": to_json(reading.at),
            "raw": reading.raw,
            "scaler": reading.scaler,
            "received_at": to_json(reading.received_at),
            "poll": None if reading.poll is None else str(reading.poll),
            "block_sha256": None if reading.block_digest is None else bytes(reading.block_digest).hex(),
        },
        "answer": None
        if answer is None
        else {
            "id": answer.id,
            "poll": str(answer.poll),
            "item": answer.item,
            "asked": None if answer.asked is None else to_json(answer.asked),
            "received_at": to_json(answer.received_at),
            "sha256": answer.digest.hex(),
            "bytes": answer.raw.hex(),
        },
        "decoded": None
        if value is None
        else {
            "raw": value.raw,
            "scaler": value.scaler,
            "at": None if value.at is None else to_json(value.at),
        },
        "entered": None
        if step.entry is None
        else {"at": to_json(step.entry.at), "by": step.entry.login, "detail": step.entry.detail},
        "proven": step.proven,
        "why": step.why or step.contradiction,
    }


def _show(found: Proof) -> None:
    bill = found.sheet.bill
    rows = []
    for step in found.steps:
        index = step.index
        rows.append(
            (
                index.serial,
                index.code,
                f"{index.at.astimezone(LOCAL):%H:%M %d/%m/%Y}",
                f"{index.raw} × 10^{index.scaler} Wh",
                step.source or "–",
                _evidence(step),
                "yes" if step.proven else step.why or step.contradiction,
            )
        )
    heading = ("Meter", "Register", "Instant", "Index", "Source", "Evidence", "Proven")
    table(f"Bill {found.sheet.id}, {bill.customer}, point {bill.point}", heading, rows)
    corrects = found.sheet.corrects
    less = f", less what bill {corrects.number} counted" if corrects and not corrects.replaces else ""
    for use in bill.uses:
        wh = f"{use.wh.normalize():,f} Wh" + (f", carried {use.carried_wh:,f} Wh" if use.carried_wh else "")
        counts = f"({use.current:,f} − {use.previous:,f}) × {use.multiplier.normalize():f}{less}"
        said = f"{counts} = {wh}: {use.kwh:,} kWh"
        say(f"{use.serial} {use.rate.code}: {said}")
    for line in bill.lines:
        say(f"{line.label}: {line.kwh:,} kWh × {line.price:,} = {dong(line.amount)}")
    blocks = found.half_hours.blocks
    if blocks:
        traced = sum(block.answer is not None for block in blocks)
        of = counted(len(blocks), "profile block")
        say(f"Half-hours: {traced} of {of} traced to the bytes of an answer.")
    again = found.recomputed
    if again is None:
        say(f"It could not be counted again: {found.why}.")
    elif not found.differing:
        say(f"Counted again from the stored bytes: {dong(again.total)}, the same line by line.")


def _evidence(step: Step) -> str:
    """The answer's number and the beginning of its bytes, or who wrote the index down."""
    if step.answer is not None:
        raw = step.answer.raw
        more = f"… ({len(raw)} bytes)" if len(raw) > SHOWN_BYTES else ""
        return f"answer {step.answer.id}: {raw[:SHOWN_BYTES].hex()}{more}"
    if step.entry is not None:
        return f"entered by {step.entry.login} at {step.entry.at.astimezone(LOCAL):%H:%M %d/%m/%Y}"
    return "written at the change" if step.source == proof.WORK_SHEET else "–"
