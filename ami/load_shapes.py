"""`ami load … --shapes`: which meters use power alike, and what the shape of their day does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import rich_click as click

from ami.console import counted, emit, facts, table
from ami.load_document import figure
from operations import load_words
from operations.loads import Whose
from operations.sentences import LANGUAGES
from operations.shapes import Group, Shapes, shapes_of
from storage.pool import Pool


def answer(pool: Pool, whose: Whose, first: date, end: date, top: int, *, as_json: bool) -> None:
    """Print groups, and the meters that lie farthest from their own."""
    with pool.connection() as conn:
        found = shapes_of(conn, whose, first, end)
    if as_json:
        emit(document(found))
    else:
        show(found, top)


def document(found: Shapes) -> dict[str, Any]:
    """Factors of each meter's own mean power, by hour; distances are root mean squares of the same."""
    return {
        "of": str(found.whose),
        "from": found.first.isoformat(),
        "to": (found.first + timedelta(found.days)).isoformat(),
        "reason": found.reason or None,
        "why": {one: found.said(one) for one in LANGUAGES} if found.reason else None,
        "silhouette": figure(found.silhouette, 3),
        "groups": [
            {
                "name": group.name,
                "said": {one: group.said(one) for one in LANGUAGES},
                "highest_hour": group.hour,
                "meters": group.meters,
                "working_day": [figure(factor, 3) for factor in group.working],
                "day_of_rest": [figure(factor, 3) for factor in group.rest],
            }
            for group in found.groups
        ],
        "members": [
            {
                "meter": one.serial,
                "group": one.group,
                "distance": figure(one.distance, 3),
                "next_distance": figure(one.next_distance, 3),
                "peers": list(one.peers),
            }
            for one in found.members
        ],
        "left_out": [{"meter": serial, "reason": reason} for serial, reason in found.left_out],
    }


def show(found: Shapes, top: int) -> None:
    """The same for people."""
    last = found.first + timedelta(found.days - 1)
    facts(
        [
            ("Shapes of days of", f"{found.whose}, {counted(len(found.members), 'meter')}"),
            ("Days", f"{found.first:%d/%m/%Y} to {last:%d/%m/%Y}"),
        ]
    )
    if found.reason:
        click.echo(found.said("en"))
    if found.groups:
        rows = [(_name(group), group.meters, _bars(group)) for group in found.groups[: max(top, 1)]]
        table("Shapes", ("Shape", "Meters", "Working day, 0 to 24 h"), rows, right=("Meters",))
    strangers = sorted(found.members, key=lambda one: -one.distance)[:top]
    if strangers and not found.reason:
        rows_of = [
            (
                one.serial,
                _name(found.groups[one.group]),
                f"{one.distance:.2f}",
                "–" if one.next_distance is None else f"{one.next_distance:.2f}",
                ", ".join(one.peers),
            )
            for one in strangers
        ]
        heads = ("Meter", "Shape", "From its own", "From the next", "Most like it")
        table("Least like their own group", heads, rows_of, right=heads[2:4])
    if found.left_out:
        reasons = {one: load_words.say("shapes_left_out", one, "en") for _, one in found.left_out}
        named = "; ".join(f"{serial}, {reasons[one]}" for serial, one in found.left_out[: max(top, 1)])
        more = len(found.left_out) - max(top, 1)
        click.echo(f"Left out: {named}" + (f"; and {more} more" if more > 0 else "") + ".")


def _name(group: Group) -> str:
    return group.said("en")


def _bars(group: Group) -> str:
    """A working day in 24 signs, the highest hour the fullest."""
    steps, most = "▁▂▃▄▅▆▇█", float(group.working.max()) or 1.0
    return "".join(steps[min(7, int(8 * factor / most))] for factor in group.working)
