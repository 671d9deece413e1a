"""`ami inspection figures` and `ami inspection scores`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import emit, facts, say, table
from ami.office import OFFICE
from ami.options import AS_OF, JSON
from ami.settings import load
from model.jsonform import to_json
from model.period import local_day
from storage import inspection_figures, scores
from storage.errors import Unknown
from storage.fleet import meter_ids
from storage.inspection_figures import Answered
from storage.pool import open_pool

_HEADS = ("", "Precision", "Confirmed", "False", "Open", "Faded")
DAYS = 30
LOOKED_AT = 60  # days that scores are told of


@click.command("figures")
@AS_OF
@JSON
def figures(as_of: datetime | None, as_json: bool) -> None:
    """How often inspections were right: by the month they were opened, by score, by kind of clue.

    Precision is the share of confirmed ones among those that were answered; alerts per 1,000 meters and day
    are counted over the last 30 nights.
    """
    settings = load()
    since = local_day(clocks.clock(as_of)()) - timedelta(DAYS)
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = inspection_figures.figures(conn, OFFICE, since)
    assert found is not None  # the office may see them
    if as_json:
        emit(
            {
                **_answered(found.whole),
                "months": [_answered(one) for one in found.months],
                "models": [_answered(one) for one in found.models],
                "clues": [_answered(one) for one in found.clues],
                "pace": {
                    **to_json(found.pace),
                    "per_1000": _rounded(found.pace.per_1000),
                    "allowed": settings.alerts_per_1000,
                },
            }
        )
        return
    pace = found.pace.per_1000
    facts(
        [
            ("Open", found.whole.open),
            ("Precision", _percent(found.whole)),
            ("Opened per 1,000 meters and day", None if pace is None else f"{pace:.2f}"),
            ("Allowed", f"{settings.alerts_per_1000:g}"),
        ]
    )
    for title, rows in (("By month", found.months), ("By score", found.models), ("By clue", found.clues)):
        if rows:
            table(title, _HEADS, [_line(one) for one in rows], right=_HEADS[1:])


def _answered(one: Answered) -> dict[str, Any]:
    return {**to_json(one), "precision": _rounded(one.precision)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _percent(one: Answered) -> str:
    return "–" if one.precision is None else f"{100 * one.precision:.0f} %"


def _line(one: Answered) -> tuple[Any, ...]:
    return one.group or "none", _percent(one), one.confirmed, one.false, one.open, one.faded


@click.command("scores")
@click.argument("serial")
@AS_OF
@JSON
def scores_of(serial: str, as_of: datetime | None, as_json: bool) -> None:
    """How abnormal the last 60 days of meter SERIAL look: logits, above 0 falsified rather than honest.

    Says so where there are too few whole days to say what is usual of the meter.
    """
    last = local_day(clocks.clock(as_of)()) - timedelta(1)
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if (meter := meter_ids(conn, [serial]).get(serial)) is None:
            raise Unknown("meter", serial)
        found = scores.of_meter(conn, OFFICE, serial, last - timedelta(LOOKED_AT - 1), last)
        kept = scores.references(conn, [meter]).get(meter)
    usual = None if kept is None else {"first": kept.first, "until": kept.until, "days": kept.days}
    if as_json:
        emit({"meter": serial, "usual": usual, "days": found})
        return
    if kept is None:
        say(f"Meter {serial} is not scored: it has fewer than 28 whole days, or `ami inspection run` is due.")
        return
    ended: date = kept.until - timedelta(1)
    say(f"What is usual of meter {serial}: {kept.days} whole days, {kept.first:%d/%m/%Y} – {ended:%d/%m/%Y}.")
    rows = [
        (f"{one.day:%d/%m/%Y}", "not whole" if one.logit is None else f"{one.logit:+.2f}", one.model)
        for one in found
    ]
    if not rows:
        say(
            "None of its last days has a score yet: days are scored as the next night is looked through, "
            "once a score is learned (see `ami inspection models`)."
        )
        return
    table("", ("Day", "Score", "Model"), rows, right=("Score",))
