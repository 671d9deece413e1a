"""What a customer is told of their own use: cards to read, and a list for staff."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from dash import html

from dashboard.parts.elements import Part, attributes, badge, card, link
from dashboard.visit import Visit
from model.warning import LimitUnit, UsageLimit
from operations import warning_words
from storage.use_warnings import WarningRow


def cards(visit: Visit, unread: Sequence[WarningRow], earlier: Sequence[WarningRow], point: str = "") -> Part:
    """The unread warnings, each with its day's curve and a button; earlier ones folded below them. Those of
    another place than `point` name their meter."""
    if not unread and not earlier:
        return None
    folded = html.Details(
        [
            html.Summary(visit.say("warnings.earlier", n=len(earlier))),
            html.Div([_row(visit, one) for one in earlier], className="rows"),
        ],
        className="card earlier",
    )
    return html.Div(
        [*(_card(visit, one, point) for one in unread), folded if earlier else None], className="tiles"
    )


def _card(visit: Visit, row: WarningRow, point: str) -> Part:
    said = row.warning
    tone = 0 if said.kind.is_note else 2
    named = f"{visit.say('warnings.read')}: {warning_words.name(said.kind, visit.lang)}"
    read = html.Button(
        visit.say("warnings.read"),
        id={"warning": row.id},
        n_clicks=0,
        type="button",
        className="button",
        **attributes({"aria-label": named}),
    )
    return html.Article(
        [
            html.Div(
                [
                    html.H2(warning_words.name(said.kind, visit.lang)),
                    html.Span(_when(visit, row, point), className="muted small"),
                ],
                className="alert-top",
            ),
            html.P(warning_words.sentence(said, visit.lang), className="alert-text"),
            html.Div([_curve(visit, row), read], className="acts"),
        ],
        className=f"card alert alert-{tone} warning",
    )


def _curve(visit: Visit, row: WarningRow) -> Part:
    said = row.warning
    days = urlencode({"from": said.first.isoformat(), "to": said.last.isoformat()})
    key = "warnings.curve_day" if said.first == said.last else "warnings.curve_days"
    return link(visit.say(key), f"/meters/{row.serial}?{days}", "button")


def _when(visit: Visit, row: WarningRow, point: str) -> str:
    told = visit.say("warnings.told", at=visit.fmt.instant(row.told_at))
    return told if row.point == point else f"{visit.say('home.meter', serial=row.serial)} · {told}"


def _row(visit: Visit, row: WarningRow, *beside: Part) -> Part:
    return html.Div(
        html.Div(
            [
                html.Div([warning_words.name(row.warning.kind, visit.lang), *beside], className="row-name"),
                html.Div(warning_words.sentence(row.warning, visit.lang), className="row-under"),
            ],
            className="row-main",
        ),
        className="row",
    )


def for_staff(visit: Visit, told: Sequence[WarningRow], limits: Sequence[UsageLimit]) -> Part:
    """What the customer of a meter was told, whether they marked it as read, and the limits they set; nothing
    where there is none of it."""
    if not told and not limits:
        return None
    say = visit.say
    rows = []
    for one in told:
        read = say("warnings.unread") if one.read_at is None else say("warnings.was_read")
        rows.append(_row(visit, one, " ", badge(read, "plain" if one.read_at else "info")))
    set_here = ", ".join(f"{say(f'warnings.{one.span}')}: {limit_text(visit, one)}" for one in limits)
    return card(
        say("warnings.of_customer"),
        [html.P(say("warnings.limits_set", limits=set_here)) if limits else None,
         html.Div(rows, className="rows scrolls")],
    )  # fmt: skip


def limit_text(visit: Visit, limit: UsageLimit) -> str:
    """A limit as people write it."""
    if limit.unit is LimitUnit.DONG:
        return visit.fmt.money(limit.value)
    return f"{visit.fmt.figure(limit.value / 1000)} kWh"
