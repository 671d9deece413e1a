"""One meter: its load curve, its days, what it says now, its registers, events and history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
from dash import Input, Output, State, dcc, html
from psycopg import Connection

from dashboard import given
from dashboard.addresses import EVERYBODY, Page
from dashboard.callbacks import Guarded
from dashboard.charts.daily import daily_bars
from dashboard.charts.load_curve import load_curve
from dashboard.charts.packing import chart
from dashboard.charts.regular import Curve, load_figures, regular, whole_days
from dashboard.errors import Refused
from dashboard.pages import told_absences
from dashboard.pages.alerts import of_meter
from dashboard.parts.days_range import DaysRange, asked, chooser
from dashboard.parts.electrical import (
    events_card,
    findings_card,
    installations_card,
    instant_card,
    registers_card,
)
from dashboard.parts.elements import Part, card, empty, facts, figure, heading, link
from dashboard.parts.inspection_tile import of_meter as inspected
from dashboard.parts.load_choice import load_address
from dashboard.parts.moments import as_of, slots_note
from dashboard.parts.polls import polls_card
from dashboard.parts.use_warnings import for_staff
from dashboard.visit import Visit
from model.grid import Supply
from model.quality import Quality
from operations import bill_words, supplied
from storage import meters, profiles, usage_limits, use_warnings
from storage.meters import MeterSheet

EVERY_MS = 30_000
WEEK = timedelta(days=7)


def sheet(conn: Connection[Any], visit: Visit, serial: object) -> MeterSheet:
    """What is known of a meter. Raises `Refused` for one that is not there or not the viewer's."""
    name = given.text("meter", serial)
    found = meters.sheet(conn, visit.viewer, name)
    if found is None:
        raise Refused("meter", name)
    return found


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether the meter is the viewer's to see."""
    return meters.sheet(conn, visit.viewer, names["serial"]) is not None


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    found = sheet(conn, visit, names["serial"])
    days = asked(visit, WEEK)
    return html.Div(
        [
            heading(
                _title(visit, found),
                _under(visit, found),
                [_more(visit, found.serial, days)] if visit.viewer.is_staff else [],
                back=_back(visit, found.serial),
            ),
            html.Div(
                [*inspected(conn, visit, found.serial), of_meter(conn, visit, found.serial)],
                className="above tiles",
            ),
            chooser(visit, days),
            html.Div(_energy(conn, visit, found, days), className="grid"),
            html.Div(_live(visit, found), id="meter-live"),
            html.Div([_plates(visit, found), *_history(conn, visit, found)], className="grid"),
            dcc.Store(id="meter-serial", data=found.serial),
            dcc.Interval(id="meter-tick", interval=EVERY_MS),
        ]
    )


def _more(visit: Visit, serial: str, days: DaysRange) -> Part:
    """To what engineers ask of the same days."""
    return link(visit.say("meter.more"), load_address("meter", serial, days), "chip no-print")


def live(conn: Connection[Any], visit: Visit, _: object, serial: object) -> Part:
    """What the meter says now, read anew."""
    return _live(visit, sheet(conn, visit, serial))


def _title(visit: Visit, found: MeterSheet) -> str:
    """Whose meter it is: to the household its own, to staff the customer's by name."""
    if not visit.viewer.is_staff:
        return visit.say("meter.own")
    place = found.installations[0] if found.installations else None
    if place is None:
        return visit.say("home.meter", serial=found.serial)
    return place.customer_name or visit.say("meter.head_of", station=place.station_name)


def _under(visit: Visit, found: MeterSheet) -> list[Part]:
    place = found.installations[0] if found.installations else None
    serial = html.Span(visit.say("home.meter", serial=found.serial))
    where = html.Span(place.address if place else visit.say("meters.removed"))
    return [serial, where, as_of(visit, found.last_contact)]


def _back(visit: Visit, serial: str) -> tuple[str, str]:
    if visit.viewer.is_staff:
        return visit.say("nav.meters"), "/meters"
    return visit.say("nav.home"), f"/?meter={serial}"


def _live(visit: Visit, found: MeterSheet) -> Part:
    return html.Div(
        [instant_card(visit, found.instant), registers_card(visit, found.registers)], className="grid"
    )


def _energy(conn: Connection[Any], visit: Visit, found: MeterSheet, days: DaysRange) -> list[Part]:
    say = visit.say
    stored = profiles.load_curve(conn, visit.viewer, found.serial, days.period)
    if stored is None or not bool((stored.quality != Quality.MISSING).any()):
        nothing = empty(say("meter.no_curve"), say("meter.no_curve_more"))
        return [card(say("meter.curve"), [nothing], foot=as_of(visit, found.last_contact))]
    curve = regular(stored, days.period, visit.now)
    parts: list[Part] = [_curve(visit, found, curve, days.first)]
    if (days.end - days.first).days > 1:
        stored_days = profiles.daily(conn, visit.viewer, found.serial, days.first, days.end) or []
        totals = whole_days(stored_days, days.first, min(visit.now, days.period.end))
        drawn = chart(
            daily_bars(visit, totals), say("meter.days_label", serial=found.serial), "meter-days", "low"
        )
        note = slots_note(visit, curve.missing, curve.estimated)
        parts.append(card(say("meter.days"), [drawn], beside=day_legend(visit), foot=note))
    return parts


def _curve(visit: Visit, found: MeterSheet, curve: Curve, first: date) -> Part:
    say, fmt, note = visit.say, visit.fmt, slots_note(visit, curve.missing, curve.estimated)
    figures = [figure(say("meter.energy"), fmt.kwh(float(np.nansum(curve.wh))), "kWh", note, "small")]
    load, peak = load_figures(curve, first), None
    # What a technician asks for; a household is told its energy.
    if visit.viewer.is_staff and load.pmax_w is not None and load.pmax_at is not None:
        peak = load.pmax_w, load.pmax_at
        when = say("meter.pmax_at", at=fmt.instant(load.pmax_at))
        figures.append(figure(say("meter.pmax"), fmt.number(load.pmax_w / 1000, 2), "kW", when, "small"))
        mean = say("meter.load_factor_note")
        figures.append(figure(say("meter.load_factor"), fmt.number(load.load_factor, 2), "", mean, "small"))
    drawn = chart(
        load_curve(visit, curve, peak), say("meter.curve_label", serial=found.serial), "meter-curve", "tall"
    )
    return card(
        say("meter.curve"),
        [html.Div(figures, className="figures"), drawn],
        beside=curve_legend(visit),
        foot=as_of(visit, found.last_contact),
    )


def curve_legend(visit: Visit) -> Part:
    kinds = [("", "quality.actual"), ("l-estimated", "quality.estimated"), ("l-missing", "quality.missing")]
    if visit.viewer.is_staff:
        kinds.append(("l-peak", "meter.pmax"))
    return html.Div(
        [html.Span([html.I(className=kind), visit.say(key)]) for kind, key in kinds], className="legend"
    )


def day_legend(visit: Visit) -> Part:
    kinds = (("", "quality.actual"), ("l-estimated", "quality.estimated"), ("l-part", "quality.part"))
    return html.Div(
        [html.Span([html.I(className=kind), visit.say(key)]) for kind, key in kinds], className="legend"
    )


def _plates(visit: Visit, found: MeterSheet) -> Part:
    say, place = visit.say, found.installations[0] if found.installations else None
    pairs: list[tuple[str, Part]] = []
    if visit.viewer.is_staff:
        pairs.append((say("meter.model"), found.model))
    if found.modem is not None:
        pairs.append((say("meter.modem"), found.modem.code))
    if place is not None:
        plan = place.supplies[-1].plan if place.supplies else ""
        multiplier = place.multiplier_at(visit.now).normalize() + 0
        pairs = [
            (say("meter.customer"), f"{place.customer_name} · {place.customer}" if place.customer else ""),
            (say("meter.address"), place.address),
            (say("meter.station"), place.station_name),
            (say("meter.point"), place.point),
            (say("meter.plan"), bill_words.plan(plan, visit.lang)),
            *_supply(visit, place.supplies[-1] if place.supplies else None),
            (
                say("meter.multiplier"),
                visit.fmt.plain(multiplier) if visit.viewer.is_staff or multiplier != 1 else "",
            ),
            *pairs,
        ]
    return card(say("meter.plates"), [facts(pairs)], kind="w6")


def _supply(visit: Visit, supply: Supply | None) -> list[tuple[str, Part]]:
    """What besides the plan decides the bill: who shares it, what was refused, whether reactive energy is
    bought."""
    say, fmt = visit.say, visit.fmt
    if supply is None:
        return []
    shares = supplied.households(supply)
    tenants = say("meter.undeclared") if supply.undeclared else ""
    if supply.tenants is not None:
        tenants = say("bill.tenants", n=supply.tenants)
    kw, kva = supply.contract_kw, supply.transformer_kva
    return [
        (say("bill.households"), fmt.plain(shares.normalize() + 0) if shares != 1 else ""),
        (say("meter.tenants"), tenants),
        (say("meter.contract_kw"), f"{fmt.plain(kw.normalize() + 0)} kW" if kw is not None else ""),
        (say("meter.transformer"), f"{fmt.plain(kva.normalize() + 0)} kVA" if kva is not None else ""),
        (say("meter.reactive_energy"), say("meter.buys") if supplied.buys_reactive(supply) else ""),
        (say("meter.three_rates"), say("meter.refused") if supply.three_rate_refused else ""),
    ]


def _history(conn: Connection[Any], visit: Visit, found: MeterSheet) -> list[Part]:
    if not visit.viewer.is_staff:  # a household is told of its meter's place where it has been changed
        return [installations_card(visit, found)] if len(found.installations) > 1 else []
    return [
        installations_card(visit, found),
        events_card(visit, found.events),
        findings_card(visit, found.findings),
        polls_card(visit, found.polls),
        _told(conn, visit, found),
        told_absences.told(conn, visit, found),
    ]


def _told(conn: Connection[Any], visit: Visit, found: MeterSheet) -> Part:
    """What the customer was told of their own use, for staff."""
    point = found.installations[0].point if found.installations else ""
    rows = use_warnings.told(conn, visit.viewer, serial=found.serial, limit=20)
    return for_staff(visit, rows, usage_limits.current(conn, visit.viewer, [point]).get(point, ()))


def connect(guarded: Guarded) -> None:
    guarded.reads(
        Output("meter-live", "children"),
        Input("meter-tick", "n_intervals"),
        State("meter-serial", "data"),
        roles=EVERYBODY,
        prevent_initial_call=True,
    )(live)


PAGE = Page("meter", "/meters/{serial}", EVERYBODY, show, owned=owned)
