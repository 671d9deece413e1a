"""What happened to a case or an inspection, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from dash import html

from dashboard.parts.elements import Part, card
from dashboard.visit import Visit
from model.viewer import NOBODY


class Deed(Protocol):
    """A step: when, whose, and why, in their own words."""

    @property
    def at(self) -> datetime: ...
    @property
    def login(self) -> str: ...
    @property
    def reason(self) -> str: ...


Step = TypeVar("Step", bound=Deed)


def story(
    visit: Visit, title: str, steps: Sequence[Step], said: Callable[[Step], str], kind: str = ""
) -> Part:
    """The latest first; `said` puts a step in words."""
    rows = [
        html.Div(
            [
                html.Div(
                    [html.Div(said(one), className="row-name"), html.Div(one.reason, className="row-under")],
                    className="row-main",
                ),
                html.Div(
                    f"{'' if one.login == NOBODY else f'{one.login} · '}{visit.fmt.instant(one.at)}",
                    className="row-end row-under",
                ),
            ],
            className="row",
        )
        for one in reversed(steps)
    ]
    return card(title, [html.Div(rows, className="rows scrolls")], kind=kind)
