"""`ami case list` and `ami case show`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import rich_click as click

from ami import home
from ami.console import emit, facts, out, say, table, when
from ami.office import OFFICE
from ami.options import JSON
from ami.settings import Settings, load
from model.quality import Quality, Severity
from operations import accounts, cases, wording
from storage import case_sheet, edits, profiles
from storage.case_sheet import CaseRow, CaseSheet, CaseStep
from storage.cases import WAITING, CaseState, Step
from storage.edits import Edit
from storage.pool import open_pool
from storage.profiles import DayTotal

AROUND = timedelta(days=3)
_STEPS = {
    Step.AGAIN: "opened again",
    Step.UNDONE: "edit taken back",
    Step.REREAD: "re-read ordered",
    Step.ANSWERED: "re-read, still in doubt",
    Step.UNANSWERED: "re-read not answered",
    Step.CURED: "closed by itself",
}
_HEADS = ("Case", "Meter", "Severity", "State", "Days", "Whose", "What")


@click.command("list")
@click.option(
    "--state",
    type=click.Choice(["waiting", "all", *(state.value for state in CaseState)]),
    default="waiting",
    show_default=True,
    help="Only in this state; waiting: open, or until a re-read has answered.",
)
@click.option("--meter", "serial", help="Only of the meter with this serial.")
@click.option("--cause", metavar="KIND", help="Only of this kind of finding, like sum_mismatch.")
@click.option("--assigned", metavar="LOGIN", help="Only those given to this person.")
@click.option("--severity", type=click.Choice(["amber", "red"]), default="amber", help="At least so loud.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@JSON
def listed(
    state: str,
    serial: str | None,
    cause: str | None,
    assigned: str | None,
    severity: str,
    limit: int,
    as_json: bool,
) -> None:
    """Cases, the loudest first, of one loudness the latest first."""
    states = {"waiting": WAITING, "all": None}.get(
        state, (CaseState(state),) if state in set(CaseState) else None
    )
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = case_sheet.rows(
            conn,
            OFFICE,
            states=states,
            serial=serial,
            cause=cause,
            assigned=None if assigned is None else accounts.as_kept(assigned),
            least=Severity[severity.upper()],
            limit=limit,
        )
    if as_json:
        emit({"cases": found})
    elif not found:
        say("There is no such case; `ami validate` opens and closes them.")
    else:
        table("", _HEADS, [_line(row, settings) for row in found])


def _line(row: CaseRow, settings: Settings) -> tuple[Any, ...]:
    what = wording.finding(row.cause, row.detail, settings.language)
    return (
        row.id,
        row.serial,
        row.severity.name.lower(),
        row.state.value,
        cases.span(row.first_day, row.last_day),
        row.assigned_to or "",
        what,
    )


@click.command()
@click.argument("number", type=int)
@JSON
def show(number: int, as_json: bool) -> None:
    """Case NUMBER: the figures, the days around it, the versions of what was edited, what happened to it."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheet = cases.sheet(conn, OFFICE, number)
        versions = edits.of_case(conn, number)
        first, last = sheet.row.first_day - AROUND, sheet.row.last_day + AROUND
        around = profiles.daily(conn, OFFICE, sheet.row.serial, first, last + timedelta(days=1)) or []
    if as_json:
        emit(document(sheet, versions, around))
    else:
        told(sheet, versions, around, settings)


def document(sheet: CaseSheet, versions: list[Edit], around: list[DayTotal]) -> dict[str, Any]:
    """A case as JSON."""
    return {
        "case": sheet.row,
        "days": sheet.days,
        "steps": sheet.steps,
        "edits": [version(one) for one in versions],
        "around": around,
    }


def version(one: Edit) -> dict[str, Any]:
    """A version of a day as JSON: qualities as their words."""
    decision = one.decision
    return {
        "meter": one.serial,
        "channel": one.channel,
        "day": one.day,
        "version": one.version,
        "case": one.case_id,
        "kind": decision.kind.value,
        "undoes": decision.undoes,
        "first_slot": decision.first_slot,
        "slots": len(decision.said_energy),
        "of_slots": decision.slots,
        "method": decision.method,
        "before": {"energy": decision.before_energy, "quality": _words(decision.before_quality)},
        "after": {"energy": one.after_energy, "quality": _words(one.after_quality)},
        "reason": one.reason,
        "login": one.login,
        "at": one.at,
    }


def _words(quality: bytes) -> list[str]:
    return [Quality(one).word for one in quality]


def told(sheet: CaseSheet, versions: list[Edit], around: list[DayTotal], settings: Settings) -> None:
    """A case for a person."""
    row, lang = sheet.row, settings.language
    facts(
        [
            ("Case", row.id),
            ("Meter", row.serial),
            ("Whose", " · ".join(one for one in (row.customer_name, row.point, row.station) if one) or None),
            ("Cause", row.cause.replace("_", " ")),
            ("Severity", row.severity.name.lower()),
            ("State", row.state.value),
            ("Opened", f"{when(row.opened_at)}{f', for the {row.times}. time' if row.times > 1 else ''}"),
            ("Given to", row.assigned_to),
            ("Re-read", f"order {row.order}" if row.order else None),
        ]
    )
    days = [
        (
            f"{one.day:%d/%m/%Y}",
            one.severity.name.lower(),
            one.state,
            wording.finding(one.kind, one.detail, lang),
        )
        for one in sheet.days
    ]
    table("What is doubted", ("Day", "Severity", "State", "What"), days)
    near = [(f"{one.day:%d/%m/%Y}", f"{one.wh / 1000:,.2f}", one.missing, one.estimated) for one in around]
    right = ("kWh", "Missing", "Estimated")
    table("Days around", ("Day", "kWh", "Missing", "Estimated"), near, right=right)
    if versions:
        table(
            "Edits",
            ("Day", "Version", "What", "From", "To", "Before Wh", "After Wh", "Who", "When", "Why"),
            [_edited(one) for one in versions],
            right=("Before Wh", "After Wh"),
        )
    steps = [(when(one.at), one.login, _step(one), one.reason) for one in sheet.steps]
    table("What happened", ("When", "Who", "What", "Why"), steps)
    if row.state.waits:
        out.print(f"ami case accept|edit|reread {row.id} --as LOGIN", markup=False)


def _step(one: CaseStep) -> str:
    if one.step is Step.ASSIGNED:
        return f"given to {one.detail.get('to') or 'nobody'}"
    return _STEPS.get(one.step, one.step.value)


def _edited(one: Edit) -> tuple[Any, ...]:
    decision = one.decision
    what = f"undoes {decision.undoes}" if decision.undoes else decision.kind.value
    return (
        f"{one.day:%d/%m/%Y}",
        one.version,
        what,
        *cases.times(decision),
        f"{sum(decision.before_energy):,}",
        f"{sum(one.after_energy):,}",
        one.login,
        when(one.at),
        one.reason,
    )
