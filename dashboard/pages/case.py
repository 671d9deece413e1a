"""One case: the curve around the doubtful slots, the figures, and what may be decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from dash import ALL, Input, Output, State, ctx, dcc, html, no_update
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF, Page
from dashboard.callbacks import Guarded
from dashboard.charts.doubts import doubts
from dashboard.charts.packing import chart
from dashboard.charts.regular import regular
from dashboard.errors import Refused
from dashboard.pages.cases import sentence, state_badge
from dashboard.parts.case_form import WAYS, form
from dashboard.parts.case_story import edits_card, figures_card, story_card
from dashboard.parts.elements import Part, card, empty, heading, link
from dashboard.parts.moments import severity_badge
from dashboard.visit import Office, Visit
from model.period import Period
from model.series import Channel
from model.viewer import Viewer
from operations import cases, edits
from operations.edits import By, Place, Way
from operations.errors import OperationsError
from storage import case_sheet, profiles
from storage import edits as stored
from storage.case_sheet import CaseSheet
from storage.edits import EditedMeanwhile

_DAY = timedelta(days=1)
LONGEST = 7 * _DAY  # of a curve: slots are to be told apart
HALF_HOURS = 48


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    sheet = _found(conn, visit.viewer, names["id"])
    row, say = sheet.row, visit.say
    under = [
        severity_badge(visit, row.severity),
        link(say("home.meter", serial=row.serial), f"/meters/{row.serial}"),
        html.Span(row.customer_name or row.station or ""),
    ]
    return html.Div(
        [
            heading(say("cases.number", n=row.id), under, back=(say("cases.title"), "/cases")),
            html.Div(_body(conn, visit, sheet), id="case-body"),
        ]
    )


def _found(conn: Connection[Any], viewer: Viewer, text: str) -> CaseSheet:
    found = case_sheet.sheet(conn, viewer, given.numbered("case", text))
    if found is None:
        raise Refused("case", text)
    return found


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether there is such a case."""
    try:
        return bool(_found(conn, visit.viewer, names["id"]).days)
    except Refused:
        return False


def _body(conn: Connection[Any], visit: Visit, sheet: CaseSheet, said: str = "") -> list[Part]:
    days = _days(sheet)
    versions = stored.of_meters(conn, [sheet.meter_id], days[0], days[-1] + _DAY)
    latest = {
        day.isoformat(): max(
            (one.version for one in versions.get((sheet.meter_id, Channel.ACTIVE_IMPORT, day), [])), default=0
        )
        for day in days
    }
    every = stored.of_case(conn, sheet.row.id)
    return [
        dcc.Store(id="case-shown", data={"case": sheet.row.id, "latest": latest}),
        html.P(said, role="alert", className="task") if said else None,
        html.Div(
            [
                _curve(conn, visit, sheet),
                figures_card(visit, sheet, state_badge(visit, sheet.row.state)),
                form(visit, sheet.row, days),
                edits_card(visit, every) if every else None,
                story_card(visit, sheet),
            ],
            className="grid",
        ),
    ]


def _days(sheet: CaseSheet) -> list[date]:
    """The days that wait, else all; the latest where they are many."""
    waiting = {one.day for one in sheet.days if one.state == "waits"} or {one.day for one in sheet.days}
    return sorted(waiting)[-7:]


def _curve(conn: Connection[Any], visit: Visit, sheet: CaseSheet) -> Part:
    say, days = visit.say, _days(sheet)
    end = min(days[-1] + 2 * _DAY, visit.today + _DAY)
    period = Period.of_days(max(days[0] - _DAY, end - LONGEST), end)
    found = profiles.load_curve(conn, visit.viewer, sheet.row.serial, period)
    curve = None if found is None else regular(found, period, visit.now)
    if curve is None or not len(curve.wh):
        return card(say("cases.curve"), [empty(say("meter.no_curve"))])
    kinds = (("", "quality.actual"), ("l-estimated", "quality.estimated"), ("l-missing", "quality.missing"),
             ("l-doubted", "cases.doubted"), ("l-edited", "cases.was_edited"))  # fmt: skip
    legend = html.Div(
        [html.Span([html.I(className=one), say(key)]) for one, key in kinds], className="legend"
    )
    waiting = [one for one in sheet.days if one.state == "waits"]
    drawn = chart(
        doubts(visit, curve, waiting), say("cases.curve_label", serial=sheet.row.serial), "case-curve", "tall"
    )
    return card(say("cases.curve"), [html.P(sentence(visit, sheet.row)), drawn], beside=legend)


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form."""

    reason: str
    day: date | None
    start: str
    end: str
    way: str
    wh: str


def act(
    office: Office, conn: Connection[Any], visit: Visit, clicks: object, undos: object, *values: object
) -> Part:
    """Somebody decides: it is done or told why not, and the case shown anew."""
    pressed = ctx.triggered_id
    if not (isinstance(clicks, list) and isinstance(undos, list) and any((*clicks, *undos))):
        return no_update
    shown, *fields = values
    if not isinstance(shown, dict) or not isinstance(pressed, dict):
        raise Refused("case", ascii(shown)[:100])
    number = given.number("case", shown.get("case"))
    reason, day, start, end, way, wh = (given.text("case", field) for field in fields)
    typed = Typed(reason.strip(), _day(day), start.strip(), end.strip(), way, wh.strip())
    try:
        with conn.transaction():
            said = _done(office, conn, visit, pressed, typed, number, shown.get("latest"))
    except EditedMeanwhile as other:
        said = visit.say("cases.meanwhile", login=other.login, day=visit.fmt.day(other.day), n=other.version)
    except OperationsError as refused:
        said = visit.say("cases.refused", why=refused.sentence)
    sheet = _found(conn, visit.viewer, str(number))
    return html.Div(_body(conn, visit, sheet, said))


def _done(
    office: Office, conn: Connection[Any], visit: Visit, pressed: dict[str, Any], typed: Typed, number: int,
    latest: object,
) -> str:  # fmt: skip
    """What is said where it was not done; empty where it was."""
    viewer, now, say = visit.viewer, visit.now, visit.say
    what = pressed.get("act", "undo")
    if what == "mine":
        cases.assigned(conn, viewer, number, viewer.login, now=now)
        return ""
    if what == "reread":
        cases.reread(office.pool, viewer, number, reason=typed.reason, now=now, rules=office.rules)
        return ""
    if not typed.reason:
        return say("cases.reason_wanted")
    if what == "accept":
        cases.accepted(conn, viewer, number, reason=typed.reason, now=now)
        return ""
    if what == "undo":
        day, version = _day(str(pressed.get("day", ""))), given.number("edit", pressed.get("undo"))
        if day is None:
            raise Refused("edit", ascii(pressed)[:100])
        channel = Channel(given.number("channel", pressed.get("channel")))
        serial = _found(conn, viewer, str(number)).row.serial
        edits.undo(conn, serial, day, version, By(viewer, now, typed.reason, number), channel)
        return ""
    return _edit(conn, visit, typed, number, latest)


def _edit(conn: Connection[Any], visit: Visit, typed: Typed, number: int, latest: object) -> str:
    start, end = _time(typed.start), _time(typed.end)
    if typed.day is None or start is None or end is None or typed.way not in WAYS:
        return visit.say("cases.times_wanted")
    row = _found(conn, visit.viewer, str(number)).row
    first, slots = cases.slots(start, None if typed.end == "24:00" else end, HALF_HOURS)
    seen = latest.get(typed.day.isoformat()) if isinstance(latest, dict) else None
    by = By(visit.viewer, visit.now, typed.reason, number, given.number("edit", seen))
    place = Place(row.serial, typed.day, first, slots)
    if typed.way == "figures":
        wanted = [one.strip() for one in typed.wh.split(",")]
        if len(wanted) != slots or not all(
            one.isascii() and one.isdecimal() and len(one) < 10 for one in wanted
        ):
            return visit.say("cases.figures_wanted", n=slots)
        edits.values(conn, place, by, [int(one) for one in wanted])
    elif typed.way == "said":
        edits.accept(conn, place, by)
    else:
        edits.estimate(conn, place, by, Way(typed.way))
    return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> time | None:
    try:
        return time() if text == "24:00" else datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007
    except ValueError:
        return None


def _acting(office: Office) -> Callable[..., Part]:
    def act_on_case(conn: Connection[Any], visit: Visit, *values: object) -> Part:
        return act(office, conn, visit, *values)

    return act_on_case


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("case-body", "children"),
        Input({"act": ALL}, "n_clicks"),
        Input({"undo": ALL, "day": ALL, "channel": ALL}, "n_clicks"),
        State("case-shown", "data"),
        *(State(f"case-{name}", "value") for name in ("reason", "day", "from", "to", "way", "wh")),
        roles=STAFF,
        prevent_initial_call=True,
    )(_acting(guarded.office))


PAGE = Page("case", "/cases/{id}", STAFF, show, owned=owned)
