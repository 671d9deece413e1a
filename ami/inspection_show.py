"""`ami inspection list` and `ami inspection show`."""

from __future__ import annotations

from datetime import date
from typing import Any

import rich_click as click

from ami import home
from ami.console import emit, facts, out, say, table, when
from ami.office import OFFICE
from ami.options import JSON
from ami.settings import Settings, load
from model.jsonform import to_json
from operations import accounts
from operations.inspections import judging, reasons
from storage import inspection_sheet
from storage.inspection_sheet import InspectionDeed, InspectionRow, InspectionSheet
from storage.inspections import OPEN, InspectionState, InspectionStep
from storage.pool import open_pool

_HEADS = ("No", "Meter", "Severity", "State", "Since", "At stake", "Address", "Why")
_STEPS = {
    InspectionStep.LOUDER: "more speaks for it",
    InspectionStep.RETURNED: "given back",
    InspectionStep.DISMISSED: "found to be in order",
    InspectionStep.FADED: "closed by itself",
}


@click.command("list")
@click.option(
    "--state",
    type=click.Choice(["open", "all", *(state.value for state in InspectionState)]),
    default="open",
    show_default=True,
    help="Only in this state; open: new, assigned or inspected.",
)
@click.option("--station", metavar="CODE", help="Only at this station.")
@click.option("--meter", "serial", help="Only of the meter with this serial.")
@click.option("--assigned", metavar="LOGIN", help="Only those given to this person.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@JSON
def listed(
    state: str, station: str | None, serial: str | None, assigned: str | None, limit: int, as_json: bool
) -> None:
    """Inspections, the loudest first, of one loudness those with most đồng at stake.

    \b
    ami inspection list
    ami inspection list --station T01 --json
    """
    words: dict[str, Any] = {"open": OPEN, "all": None}
    states = words[state] if state in words else (InspectionState(state),)
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = inspection_sheet.inspections(
            conn,
            OFFICE,
            states=states,
            station=station,
            serial=serial,
            assigned=None if assigned is None else accounts.as_kept(assigned),
            limit=limit,
        )
    if as_json:
        emit({"inspections": [document(row) for row in found]})
    elif not found:
        say("There is no such inspection; `ami inspection run` looks for new ones, and says where.")
    else:
        table("", _HEADS, [_line(row, settings) for row in found], right=("At stake",))


def document(row: InspectionRow) -> dict[str, Any]:
    """An inspection as JSON, with its sentences in both languages."""
    said = {language: reasons.inspection(row, language) for language in ("vi", "en")}
    return {**to_json(row), "said": said}


def _line(row: InspectionRow, settings: Settings) -> tuple[Any, ...]:
    return (
        row.id,
        row.serial,
        row.severity.name.lower(),
        row.state.value + (f", {row.assigned_to}" if row.assigned_to else ""),
        f"{row.since:%d/%m/%Y}",
        dong(row.stake),
        " · ".join(one for one in (row.customer_name, row.address, row.station_name) if one),
        reasons.inspection(row, settings.language),
    )


def dong(amount: int | None) -> str:
    """Đồng in a table; nothing where no price is known."""
    return "" if amount is None else f"{amount:,} ₫"


@click.command()
@click.argument("number", type=int)
@JSON
def show(number: int, as_json: bool) -> None:
    """Inspection NUMBER: why, what is at stake, the days before and since, what happened to it."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheet = judging.sheet(conn, OFFICE, number)
    if as_json:
        emit(whole(sheet))
    else:
        told(sheet, settings)


def whole(sheet: InspectionSheet) -> dict[str, Any]:
    """An inspection with everything about it as JSON."""
    clues = [
        {**clue, "said": {language: reasons.clue(clue, language) for language in ("vi", "en")}}
        for clue in sheet.row.clues
    ]
    benign = sheet.row.benign
    if benign is not None:
        benign = {**benign, "said": {language: reasons.benign(benign, language) for language in ("vi", "en")}}
    return {
        "inspection": {**document(sheet.row), "clues": clues, "benign": benign},
        "evidence": sheet.evidence,
        "steps": sheet.steps,
    }


def told(sheet: InspectionSheet, settings: Settings) -> None:
    """An inspection for a person."""
    row, language, stake = sheet.row, settings.language, sheet.evidence.get("stake", {})
    price = {"next_kwh": "what their next kWh costs", "last_bill": "the mean of their last bill"}
    at_stake = None
    if row.stake is not None:
        at_stake = f"{dong(row.stake)} ({stake['dong_a_kwh']:,} ₫/kWh, {price.get(stake['by'], '')})"
    facts(
        [
            ("Inspection", row.id),
            ("Meter", row.serial),
            ("Whose", " · ".join(one for one in (row.customer_name, row.phone, row.point) if one) or None),
            ("Where", " · ".join(one for one in (row.address, row.station_name) if one)),
            ("State", row.state.value),
            ("Severity", row.severity.name.lower()),
            ("Given to", row.assigned_to),
            ("Since", f"{row.since:%d/%m/%Y}, last seen {row.seen_on:%d/%m/%Y}"),
            ("Not counted", f"{row.kwh_a_day:,.1f} kWh a day" if row.kwh_a_day else None),
            ("At stake", at_stake),
            ("Found since", f"{row.found_since:%d/%m/%Y}" if row.found_since else None),
        ]
    )
    for clue in row.clues:
        out.print(f"• {reasons.clue(clue, language)}", markup=False)
    if row.benign is not None:
        out.print(f"• {reasons.benign(row.benign, language)}", markup=False)
    table("What happened", ("When", "Who", "What", "Why"), [_deed(one) for one in sheet.steps])
    for state in row.state.next:
        verb = {"assigned": "assign", "inspected": "visit", "confirmed": "confirm", "false": "dismiss"}
        if state.value in verb:
            out.print(f"ami inspection {verb[state.value]} {row.id} --as LOGIN", markup=False)


def _deed(one: InspectionDeed) -> tuple[str, str, str, str]:
    what = _STEPS.get(one.step, one.step.value)
    if one.step is InspectionStep.ASSIGNED:
        what = f"given to {one.detail.get('to')}"
    if one.step is InspectionStep.CONFIRMED and one.detail.get("since"):
        what = f"confirmed, since {date.fromisoformat(one.detail['since']):%d/%m/%Y}"
    return when(one.at), one.login, what, one.reason
