"""When a customer told to be away, for staff: what stands, and a form for what is told now."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html

from dashboard.parts.elements import Part, attributes, badge, card, empty
from dashboard.visit import Visit
from storage.absences import Absence

FIELDS = ("first", "last", "note")


def absence_card(
    visit: Visit, told: Sequence[Absence], *, typed: Sequence[str] = (), said: str = "", wrong: bool = False
) -> Part:
    """The latest first. `said`: what came of what was pressed; what was `typed` (first and last day, note)
    and refused stays where it was."""
    say = visit.say
    rows = [_row(visit, one) for one in told]
    listed = html.Div(rows, className="rows scrolls") if rows else empty(say("absence.none"))
    note = html.P(said, role="alert" if wrong else "status", className="error" if wrong else "done")
    return card(
        say("absence.title"),
        [
            html.P(say("absence.about"), className="muted small"),
            listed,
            html.Div(_fields(visit, (*typed, "", "", "")[:3]), className="absence-fields"),
            note if said else None,
            html.Button(
                say("absence.save"),
                id="absence-save",
                n_clicks=0,
                type="button",
                className="button button-main",
            ),
        ],
        kind="case-form no-print",
    )


def _fields(visit: Visit, typed: Sequence[str]) -> list[Part]:
    return [
        html.Div(
            [
                html.Label(visit.say(f"absence.{name}"), htmlFor=f"absence-{name}"),
                dcc.Input(
                    id=f"absence-{name}",
                    type="text",
                    value=value,
                    placeholder=visit.say("absence.note_pattern" if name == "note" else "range.pattern"),
                    autoComplete="off",
                    maxLength=200 if name == "note" else 10,
                ),
            ],
            className="field",
        )
        for name, value in zip(FIELDS, typed, strict=True)
    ]


def _row(visit: Visit, one: Absence) -> Part:
    say, fmt = visit.say, visit.fmt
    days = fmt.day(one.first) if one.first == one.last else f"{fmt.day(one.first)} – {fmt.day(one.last)}"
    who = say("absence.by", login=one.login, at=fmt.instant(one.at))
    end: Part = html.Button(
        say("absence.withdraw"),
        id={"absence": one.id},
        n_clicks=0,
        type="button",
        className="button",
        **attributes({"aria-label": say("absence.withdraw_days", days=days)}),
    )
    if one.withdrawn_at is not None:
        end = badge(say("absence.withdrawn", day=fmt.day(one.withdrawn_at)))
    return html.Div(
        [
            html.Div(
                [
                    html.Div(days, className="row-name"),
                    html.Div(" · ".join(part for part in (one.note, who) if part), className="row-under"),
                ],
                className="row-main",
            ),
            html.Div(end, className="row-end"),
        ],
        className="row",
    )
