"""Whose load a page tells: in the address, chosen from what is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from psycopg import Connection

from analytics.profiles.curve import INTERVALS, Interval
from dashboard.parts.days_range import DaysRange
from dashboard.parts.elements import Part, attributes, chips
from dashboard.visit import Visit
from operations.customer_classes import CLASS_OF_PLAN
from operations.loads import Whose
from storage import places

KINDS = ("station", "feeder", "book", "class", "meter")
VIEWS = dict.fromkeys(KINDS, ("curve", "shapes", "ahead")) | {
    "meter": ("curve", "quality", "savings", "ahead")
}
LISTED = 400  # of more, the code is typed
CLASSES = tuple(dict.fromkeys(CLASS_OF_PLAN.values()))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `KINDS` and its code, `name` as people call it; `options`: codes and names to choose from;
    `interval`: of the curve; `view`: one of the kind's `VIEWS`."""

    kind: str
    code: str
    name: str
    options: places.Named
    interval: Interval = "30"
    view: str = "curve"

    @property
    def whose(self) -> Whose:
        """As the load is asked for."""
        match self.kind:
            case "meter":
                return Whose(meters=(self.code,))
            case "feeder":
                return Whose(feeder=self.code)
            case "book":
                return Whose(book=self.code)
            case "class":
                return Whose(customer_class=self.code)
        return Whose(station=self.code)

    @property
    def query(self) -> dict[str, str]:
        """As it stands in the address."""
        shown = {"view": self.view} if self.view != VIEWS[self.kind][0] else {}
        return {"of": self.kind, "code": self.code, "interval": self.interval, **shown}


def load_address(kind: str, code: str, days: DaysRange | None = None) -> str:
    """Where the load of something is told."""
    return f"/load?{urlencode({'of': kind, 'code': code})}" + (f"&{days.query}" if days else "")


def chosen(conn: Connection[Any], visit: Visit) -> Choice:
    """What the address names; the first of its kind where it names none."""
    kind = visit.query.get("of", KINDS[0])
    kind = kind if kind in KINDS else KINDS[0]
    options = _options(conn, visit, kind)
    code = visit.query.get("code", "") or (options[0][0] if options else "")
    interval: Interval = next((one for one in INTERVALS if one == visit.query.get("interval")), "30")
    view = visit.query.get("view", "")
    view = view if view in VIEWS[kind] else VIEWS[kind][0]
    return Choice(kind, code, dict(options).get(code, code), options, interval, view)


def _options(conn: Connection[Any], visit: Visit, kind: str) -> places.Named:
    match kind:
        case "station":
            return places.stations(conn, visit.viewer)
        case "feeder":
            return places.feeders(conn, visit.viewer)
        case "book":
            return places.books(conn, visit.viewer)
        case "class":
            return tuple((name, visit.say(f"class.{name}")) for name in CLASSES)
    return ()


def choosing(visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """The kinds as links, and the one meant as a list, or a box for a meter's number."""
    say = visit.say
    links = [
        (
            say(f"load.{kind}"),
            f"/load?{urlencode({'of': kind, 'interval': choice.interval})}&{days.query}",
            kind == choice.kind,
        )
        for kind in KINDS
    ]
    return html.Div([chips(links, say("load.of")), _box(visit, choice)], className="bar-row no-print")


def views(visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """What is asked about it."""
    links = [
        (
            visit.say(f"load_view.{one}"),
            f"/load?{urlencode(choice.query | {'view': one})}&{days.query}",
            one == choice.view,
        )
        for one in VIEWS[choice.kind]
    ]
    return chips(links, visit.say("load.view"))


def intervals(visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """How long the intervals of the curve are."""
    links = [
        (
            visit.say(f"interval.{one}"),
            f"/load?{urlencode(choice.query | {'interval': one})}&{days.query}",
            one == choice.interval,
        )
        for one in INTERVALS
    ]
    return chips(links, visit.say("load.interval"))


def _box(visit: Visit, choice: Choice) -> Part:
    label, name = visit.say(f"load.{choice.kind}"), f"load-{choice.kind}"
    box: Part = None
    if choice.kind == "meter" or len(choice.options) > LISTED:
        box = dcc.Input(
            id=name,
            type="text",
            value=choice.code,
            placeholder=visit.say("load.serial" if choice.kind == "meter" else "load.code"),
            autoComplete="off",
        )
    elif choice.options:
        known = choice.code in dict(choice.options)
        listed = choice.options if known else ((choice.code, choice.code), *choice.options)
        box = html.Select(
            [
                html.Option(text if text == code or choice.kind == "class" else f"{text} · {code}",
                            value=code, selected=code == choice.code)
                for code, text in listed
            ],
            id=name,
        )  # fmt: skip
    if box is None:
        return None
    return html.Div(
        [html.Label(label, htmlFor=name, className="unseen"), box],
        className="chooses",
        **attributes({"data-address": "code"}),
    )
