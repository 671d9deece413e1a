"""On the page of a customer's meter, for staff: when the customer told to be away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dash import ALL, Input, Output, State, ctx, html, no_update
from psycopg import Connection

from dashboard import given
from dashboard.addresses import STAFF
from dashboard.callbacks import Guarded
from dashboard.errors import Refused
from dashboard.parts.absence_card import FIELDS, absence_card
from dashboard.parts.elements import Part
from dashboard.visit import Office, Visit
from operations import absence_days
from operations.inspections import away
from storage import absences, meters
from storage.meters import MeterSheet

BODY = "absences-told"


def told(conn: Connection[Any], visit: Visit, found: MeterSheet) -> Part:
    """The card; none at a station's head, nor where the meter never hung."""
    point = _point(found)
    return html.Div(_card(conn, visit, point), id=BODY, className="w6") if point else None


def _point(found: MeterSheet) -> str:
    place = found.installations[0] if found.installations else None
    return place.point if place is not None and place.customer else ""


def _card(conn: Connection[Any], visit: Visit, point: str, **more: Any) -> Part:
    return absence_card(visit, absences.of_point(conn, visit.viewer, point), **more)


def _place(conn: Connection[Any], visit: Visit, serial: object) -> str:
    name = given.text("meter", serial)
    found = meters.sheet(conn, visit.viewer, name)
    point = _point(found) if found is not None else ""
    if not point:
        raise Refused("meter", name)
    return point


def act(
    office: Office,
    conn: Connection[Any],
    visit: Visit,
    saves: object,
    clicks: object,
    serial: object,
    *values: object,
) -> Part:
    """Days are written down as typed, or an absence is taken back; the card is shown anew."""
    pressed = ctx.triggered_id
    if isinstance(pressed, dict):
        if not isinstance(clicks, list) or not any(clicks):
            return no_update
        number = given.number("absence", pressed.get("absence"))
        return _withdraw(office, conn, visit, _place(conn, visit, serial), number)
    if not saves:
        return no_update
    typed = [given.text("absence", value).strip() for value in (*values, None, None, None)[: len(FIELDS)]]
    return _save(office, conn, visit, _place(conn, visit, serial), typed)


def _save(office: Office, conn: Connection[Any], visit: Visit, point: str, typed: Sequence[str]) -> Part:
    """What is no absence is told, and stays as typed."""
    say, (first, last, note) = visit.say, typed
    days = absence_days.typed(first, last, visit.today)
    if isinstance(days, str):
        return _card(conn, visit, point, typed=typed, said=say(f"absence.{days}"), wrong=True)
    standing = absences.of_point(conn, visit.viewer, point, limit=1000)
    if any((one.first, one.last) == days and one.withdrawn_at is None for one in standing):
        return _card(conn, visit, point, typed=typed, said=say("absence.known"), wrong=True)
    away.tell(office.pool, visit.viewer, point, *days, note=note, now=visit.now)
    return _card(conn, visit, point, said=say("absence.saved"))


def _withdraw(office: Office, conn: Connection[Any], visit: Visit, point: str, number: int) -> Part:
    if all(one.id != number for one in absences.of_point(conn, visit.viewer, point, limit=1000)):
        raise Refused("absence", str(number))
    done = away.withdraw(office.pool, visit.viewer, number, now=visit.now)
    return _card(conn, visit, point, said=visit.say("absence.taken_back") if done else "")


def _acting(office: Office) -> Callable[..., Part]:
    def tell_absence(conn: Connection[Any], visit: Visit, *values: object) -> Part:
        return act(office, conn, visit, *values)

    return tell_absence


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output(BODY, "children"),
        Input("absence-save", "n_clicks"),
        Input({"absence": ALL}, "n_clicks"),
        State("meter-serial", "data"),
        *(State(f"absence-{name}", "value") for name in FIELDS),
        roles=STAFF,
        prevent_initial_call=True,
    )(_acting(guarded.office))
