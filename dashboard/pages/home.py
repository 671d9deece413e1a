"""A customer's first page: what flows now, what the period has used and costs so far, its days, the
last bill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from dash import Input, Output, State, dcc, html
from psycopg import Connection

from analytics.profiles.forecast import LONGEST, foretold
from dashboard.addresses import CUSTOMER, Page
from dashboard.callbacks import Guarded
from dashboard.charts.daily import daily_bars
from dashboard.charts.packing import chart
from dashboard.charts.regular import whole_days
from dashboard.pages import own_use
from dashboard.pages.meter import day_legend, sheet
from dashboard.parts.corrected import corrected
from dashboard.parts.elements import Part, card, chips, empty, figure, heading, link
from dashboard.parts.moments import as_of, slots_note
from dashboard.parts.tiers import tier_bar
from dashboard.visit import Visit
from model.grid import Supply
from model.period import LOCAL, local_day
from operations import running_period
from operations.so_far import SoFar, so_far
from storage import bills, meters, profiles
from storage.meters import Installed, MeterSheet
from storage.profiles import DayTotal

EVERY_MS = 30_000


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The page of the meter in the address, or of the customer's first."""
    own = meters.of_customer(conn, visit.viewer, today=visit.today)
    title = heading(
        visit.say("home.title"), [html.Span(own[0].customer_name), html.Span(own[0].address)] if own else []
    )
    if not own:
        return html.Div(
            [title, html.Div(empty(visit.say("home.none"), visit.say("home.none_more")), className="card")]
        )
    serial = visit.query.get("meter", own[0].serial)
    found = sheet(conn, visit, serial)
    chosen = [
        (visit.say("home.meter", serial=each.serial), f"/?meter={each.serial}", each.serial == serial)
        for each in own
    ]
    return html.Div(
        [
            title,
            html.Div(chips(chosen, visit.say("home.choose")), className="bar-row") if len(own) > 1 else None,
            html.Div(own_use.told(conn, visit, found), id="own-warnings", className="above"),
            html.Div(_body(conn, visit, found), id="home-body"),
            dcc.Store(id="home-serial", data=serial),
            dcc.Interval(id="home-tick", interval=EVERY_MS),
        ]
    )


def live(conn: Connection[Any], visit: Visit, _: object, serial: object) -> Part:
    """What flows now, read anew."""
    return _now(visit, sheet(conn, visit, serial))


def period_start(conn: Connection[Any], visit: Visit, point: str) -> date:
    """The local day on which the running period began: where the last bill ends, else the first of
    the month.
    """
    last = bills.bills(conn, visit.viewer, point=point, limit=1)
    return running_period.begun(local_day(last[0].period.end) if last else None, visit.today)


def _body(conn: Connection[Any], visit: Visit, found: MeterSheet) -> Part:
    place = found.installations[0]
    first = period_start(conn, visit, place.point)
    since, end = visit.today - timedelta(days=LONGEST), visit.today + timedelta(days=1)
    past = profiles.daily(conn, visit.viewer, found.serial, since, end) or []
    days = whole_days([day for day in past if day.day >= first], first, visit.now)
    left = [energy_so_far(visit, found, place, first, days, past), _days(visit, found, days)]
    now, limits = html.Div(_now(visit, found), id="home-now"), own_use.limits(conn, visit, found)
    right = [now, _last_bill(conn, visit), limits]
    return html.Div(
        [html.Div(left, className="stack"), html.Div(right, className="stack")], className="home-grid"
    )


def energy_so_far(
    visit: Visit,
    found: MeterSheet,
    place: Installed,
    first: date,
    days: Sequence[DayTotal],
    past: Sequence[DayTotal] = (),
) -> Part:
    """What the running period has used and costs until now, and what it will come to by the `past`; no
    figures where no half-hour of it is known."""
    say, fmt = visit.say, visit.fmt
    span = html.Span(
        say("home.so_far", first=fmt.day(first), days=(visit.today - first).days + 1), className="muted"
    )
    wh = sum(day.wh for day in days)
    supply = place.supplies[-1] if place.supplies else None
    cost = so_far(supply, first, visit.today, wh) if supply else None
    note = slots_note(visit, sum(day.missing for day in days), sum(day.estimated for day in days))
    if all(day.missing == day.slots for day in days):  # missing is not zero
        return card(
            say("home.month"),
            [empty(say("home.nothing_known"), say("home.nothing_known_more"))],
            beside=span,
            foot=as_of(visit, found.last_contact),
            kind="hero",
        )
    figures = [figure(say("home.used"), fmt.kwh(wh), "kWh", note)]
    if cost is None:
        figures.append(html.P(say("home.no_money"), className="muted"))
    else:
        figures.append(
            figure(say("home.money"), fmt.number(cost.amount), "₫", _vat_note(visit, cost), "money")
        )
    whole = [day.wh for day in days[:-1] if not day.missing]
    if whole:
        mean = sum(whole) / len(whole)
        figures.append(figure(say("home.average"), fmt.kwh(mean), "kWh", say("home.average_note"), "small"))
    body = [
        html.Div(figures, className="figures"),
        tier_bar(visit, cost) if cost and cost.tiers else None,
        _foretold(visit, supply, first, past),
    ]
    return card(say("home.month"), body, beside=span, foot=as_of(visit, found.last_contact), kind="hero")


def _foretold(visit: Visit, supply: Supply | None, first: date, past: Sequence[DayTotal]) -> Part:
    """What the whole period will come to, with the limits of four in five; None where too little is known."""
    say, fmt, until = visit.say, visit.fmt, running_period.ends(first)
    if not past or until <= visit.today:
        return None
    begun, wh = past[0].day, np.full((visit.today - past[0].day).days, np.nan)
    for day in past:
        if day.day < visit.today and not day.missing and day.wh >= 0:
            wh[(day.day - begun).days] = day.wh
    told = foretold(wh[np.newaxis], first, visit.today, until)
    low, expected, high = (float(one[0]) for one in (told.low_wh, told.expected_wh, told.high_wh))
    if np.isnan(expected):
        return None
    span = {"low": fmt.number(low / 1000), "high": fmt.number(high / 1000)}
    said = [say("home.forecast_kwh", kwh=fmt.number(expected / 1000), **span)]
    cost = so_far(supply, first, until - timedelta(1), expected) if supply else None
    if cost is not None:
        said.append(say("home.forecast_money", money=fmt.number(round(cost.amount, -3))))
    until_day = fmt.day(until - timedelta(1))
    until_said = html.Strong(say("home.forecast", until=until_day))
    return html.P([until_said, " " + ", ".join(said) + "."], className="next-tier")


def _vat_note(visit: Visit, cost: SoFar) -> str:
    if cost.vat_percent is None:
        return visit.say("home.without_vat")
    return visit.say("home.with_vat", percent=visit.fmt.plain(cost.vat_percent.normalize() + 0))


def _now(visit: Visit, found: MeterSheet) -> Part:
    say, fmt, seen = visit.say, visit.fmt, found.instant
    if seen is None:
        return card(say("home.now"), [empty(say("meter.no_instant"))], foot=as_of(visit, None))
    volts = [f"{fmt.number(v)} V" for v in seen.voltage_v if v is not None]
    amperes = [f"{fmt.number(a, 1)} A" for a in seen.current_a if a is not None]
    power = None if seen.power_w is None else seen.power_w / 1000.0
    note = " · ".join((" / ".join(volts), " / ".join(amperes)))
    return card(
        say("home.now"),
        [figure(say("home.power"), fmt.number(power, 2), "kW", note)],
        foot=as_of(visit, seen.at),
    )


def _last_bill(conn: Connection[Any], visit: Visit) -> Part:
    say, fmt = visit.say, visit.fmt
    found = bills.bills(conn, visit.viewer, limit=1)
    if not found:
        return card(say("home.last_bill"), [empty(say("home.no_bill"))], kind="last")
    row = found[0]
    first, end = (at.astimezone(LOCAL).date() for at in (row.period.start, row.period.end))
    told = [f"{fmt.span(first, end)} · {fmt.number(row.kwh)} kWh", corrected(visit, row)]
    note = html.Span([part for one in told if one for part in (one, html.Br())])
    foot = html.Div(
        [link(say("home.see_bill"), f"/bills/{row.id}"), link(say("home.all_bills"), "/bills")],
        className="apart",
    )
    return card(
        say("home.last_bill"),
        [figure(fmt.month(first), fmt.number(row.total), "₫", note)],
        foot=foot,
        kind="last",
    )


def _days(visit: Visit, found: MeterSheet, days: Sequence[DayTotal]) -> Part:
    say = visit.say
    known = [day for day in days if day.missing < day.slots]
    if not known:
        nothing = empty(say("home.daily_none"))
        return card(say("home.daily"), [nothing], foot=as_of(visit, found.last_contact), kind="days")
    drawn = chart(daily_bars(visit, days), say("home.daily_label"), "home-days")
    foot = html.Div(
        [as_of(visit, found.last_contact), link(say("home.see_curve"), f"/meters/{found.serial}")],
        className="apart",
    )
    return card(say("home.daily"), [drawn], beside=day_legend(visit), foot=foot, kind="days")


def connect(guarded: Guarded) -> None:
    own_use.connect(guarded)
    guarded.reads(
        Output("home-now", "children"),
        Input("home-tick", "n_intervals"),
        State("home-serial", "data"),
        roles=CUSTOMER,
        prevent_initial_call=True,
    )(live)


PAGE = Page("home", "/", CUSTOMER, show, nav="home")
