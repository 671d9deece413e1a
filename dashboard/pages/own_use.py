"""On a customer's first page: what they are told of their own use, and the limits they set for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dash import ALL, Input, Output, State, ctx, html, no_update
from psycopg import Connection

from analytics.warnings.habit import WEEKS
from dashboard import given
from dashboard.addresses import CUSTOMER
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.pages.meter import sheet
from dashboard.parts import limit_form, use_warnings
from dashboard.parts.elements import Part
from dashboard.visit import Visit
from model.warning import LimitSpan, LimitUnit
from operations import own_limits
from storage import profiles, usage_limits
from storage import use_warnings as warnings
from storage.meters import Installed, MeterSheet

MOST = 5  # unread ones at once: more would be none
EARLIER = 10
KEPT = timedelta(days=62)  # shown, of what they are about


def told(conn: Connection[Any], visit: Visit, found: MeterSheet) -> Part:
    """The customer's warnings, of all their meters; the page is that of one."""
    rows = warnings.told(conn, visit.viewer, since=visit.today - KEPT, limit=100)
    unread = [row for row in rows if row.read_at is None]
    earlier = [row for row in rows if row.read_at is not None]
    return use_warnings.cards(visit, unread[:MOST], earlier[:EARLIER], found.installations[0].point)


def limits(conn: Connection[Any], visit: Visit, found: MeterSheet) -> Part:
    """The form of the limits; none where the meter hangs there no more."""
    place = found.installations[0]
    return None if place.until is not None else html.Div(_form(conn, visit, found), id="own-limits")


def _form(conn: Connection[Any], visit: Visit, found: MeterSheet, **more: Any) -> Part:
    place = found.installations[0]
    begun, end = visit.today - timedelta(7 * WEEKS), visit.today + timedelta(1)
    past = profiles.daily(conn, visit.viewer, found.serial, begun, end) or []
    known = [day.wh for day in past if day.day == visit.today and day.missing < day.slots]
    whole = sum(day.day < visit.today and not day.missing and not day.estimated for day in past)
    standing = usage_limits.current(conn, visit.viewer, [place.point]).get(place.point, ())
    return limit_form.form(
        visit,
        standing,
        priced=_priced(visit, place),
        today_wh=sum(known) if known else None,
        days=whole,
        **more,
    )


def _priced(visit: Visit, place: Installed) -> bool:
    return own_limits.has_price(place.supplies[-1] if place.supplies else None, visit.today)


def read(conn: Connection[Any], visit: Visit, clicks: object, serial: object) -> Part:
    """A warning was read: it is marked, and the others shown."""
    if not isinstance(clicks, list) or not any(clicks) or not isinstance(ctx.triggered_id, dict):
        return no_update
    found = sheet(conn, visit, serial)
    number = given.number("warning", ctx.triggered_id.get("warning"))
    if not warnings.mark_read(conn, visit.viewer, number, visit.now):
        raise Refused("warning", str(number))
    return told(conn, visit, found)


def save(conn: Connection[Any], visit: Visit, clicks: object, serial: object, *values: object) -> Part:
    """Set the limits as typed; what is no number changes nothing and is told."""
    if not clicks:
        return no_update
    found = sheet(conn, visit, serial)
    place = found.installations[0]
    if place.until is not None:
        raise Refused("meter", ascii(serial)[:100])
    names = [name for span in LimitSpan for name in (span.value, f"{span.value}_unit")]
    typed = {name: given.text("limit", one).strip() for name, one in zip(names, values, strict=True)}
    wanted: dict[LimitSpan, own_limits.Wanted] = {}
    for span in LimitSpan:
        unit = LimitUnit.DONG if typed[f"{span.value}_unit"] == LimitUnit.DONG else LimitUnit.KWH
        if not typed[span.value]:
            wanted[span] = None
            continue
        value = own_limits.amount(typed[span.value], unit, visit.lang)
        if value is None or (unit is LimitUnit.DONG and not _priced(visit, place)):
            why = visit.say("warnings.no_number" if value is None else "warnings.about_kwh")
            return _form(conn, visit, found, typed=typed, said=why, wrong=True)
        wanted[span] = unit, value
    if not own_limits.set_all(conn, visit.viewer, place.point, wanted, visit.now):
        raise Refused("point", place.point)
    return _form(conn, visit, found, said=visit.say("warnings.saved"))


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("own-warnings", "children"),
        Input({"warning": ALL}, "n_clicks"),
        State("home-serial", "data"),
        roles=CUSTOMER,
        prevent_initial_call=True,
    )(read)
    guarded.reads(
        Output("own-limits", "children"),
        Input("limits-save", "n_clicks"),
        State("home-serial", "data"),
        *(State(f"limit-{span}{part}", "value") for span in LimitSpan for part in ("", "-unit")),
        roles=CUSTOMER,
        prevent_initial_call=True,
    )(save)
