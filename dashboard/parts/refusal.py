"""What is shown instead of somebody else's thing, of nothing, or when the store is away."""

from __future__ import annotations

from dash import html

from dashboard.parts.elements import Part, link
from dashboard.visit import Visit


def not_yours(visit: Visit) -> Part:
    """The same words whether it is not there or not the viewer's."""
    return html.Div(
        [
            html.Div(visit.say("refused.code"), className="code"),
            html.H1(visit.say("refused.title")),
            html.P(visit.say("refused.text")),
            link(visit.say("refused.back"), "/", "button"),
        ],
        className="refusal",
        role="alert",
    )


def store_away(visit: Visit) -> Part:
    """The database does not answer; the page says so and what happens next."""
    return html.Div(
        [
            html.Div(visit.say("away.code"), className="code"),
            html.H1(visit.say("away.title")),
            html.P(visit.say("away.text")),
            html.A(visit.say("away.again"), href=visit.path, className="button"),
        ],
        className="refusal",
        role="alert",
    )
