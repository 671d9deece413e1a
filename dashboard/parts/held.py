"""Why a bill does not go out and what to do about it, as the bills and a billing run say it."""

from __future__ import annotations

from dash import html

from dashboard.parts.elements import Part
from dashboard.visit import Visit
from operations import wording


def task(visit: Visit, kind: str, named: str, reason: str) -> list[Part]:
    """What to do; under it, for whoever looks after the program, the command that does it. `kind` is that of
    the hold, empty where `reason` says all; `named` the serial, or the code of a point without a meter."""
    said, command = wording.hold_task(kind, named, reason, visit.lang) if kind else (reason, "")
    parts: list[Part] = [html.Div(commands(said), className="task")]
    if command:
        parts.append(html.Div([visit.say("bills.command"), " ", html.Code(command)], className="row-under"))
    return parts


def commands(said: str) -> list[Part]:
    """A sentence whose `commands` stand as such."""
    return [html.Code(part) if n % 2 else part for n, part in enumerate(said.split("`"))]
