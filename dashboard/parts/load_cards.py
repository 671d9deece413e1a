"""What a load comes to: its figures, typical days, duration, and who draws most."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from dash import html

from analytics.profiles.group import duration_curve
from analytics.profiles.typical import Typical
from dashboard.charts.duration import duration
from dashboard.charts.packing import chart
from dashboard.charts.typical import typical_day
from dashboard.formats import NO_VALUE
from dashboard.parts.days_range import DaysRange
from dashboard.parts.elements import Part, card, empty, figure, link, table
from dashboard.visit import Visit
from model.period import midnight
from operations.loads import Loads
from storage.places import Whose

MOST = 10


def kilowatts(visit: Visit, watts: float | None, digits: int = 2) -> str:
    """Watts as kW, without the unit."""
    return visit.fmt.number(None if watts is None else watts / 1000, digits)


def figures(visit: Visit, found: Loads) -> Part:
    """Energy, Pmax and when, what the meters reach apart, load factor, hours at Pmax."""
    say, fmt, load = visit.say, visit.fmt, found.load
    one = len(found.serials) == 1
    total = fmt.kwh(load.wh, 0) if load.known else NO_VALUE
    peak = say("meter.pmax_at", at=fmt.instant(load.pmax_at)) if load.pmax_at else say("load.unknown")
    told = [
        figure(say("meter.energy"), total, "kWh", say("load.known", share=fmt.percent(load.known))),
        figure(say("meter.pmax" if one else "load.pmax"), kilowatts(visit, load.pmax_w), "kW", peak),
    ]
    if one:
        told.append(_hour(visit, found))
    else:
        since = (
            say("load.hour_from", at=fmt.instant(load.sliding_at)) if load.sliding_at else say("load.unknown")
        )
        told += [
            figure(say("load.hour"), kilowatts(visit, load.sliding_w), "kW", since),
            figure(say("load.apart"), kilowatts(visit, load.sum_of_pmax_w), "kW", say("load.apart_note")),
            figure(say("load.coincidence"), fmt.number(load.coincidence, 2), "",
                   say("load.diversity", n=fmt.number(load.diversity, 2))),
        ]  # fmt: skip
    told += [
        figure(say("meter.load_factor"), fmt.number(load.load_factor, 2), "", say("meter.load_factor_note")),
        figure(say("load.hours"), fmt.number(load.use_hours), "h", say("load.hours_note")),
    ]
    if found.utilisation is not None and found.contract_kw is not None:
        agreed = say("load.utilisation_note", kw=fmt.plain(found.contract_kw.normalize() + 0))
        told.append(figure(say("load.utilisation"), fmt.number(found.utilisation, 2), "", agreed))
    return html.Div(told, className="figures")


def _hour(visit: Visit, found: Loads) -> Part:
    """The highest hour of one meter, wherever it begins."""
    watts, say = float(found.load.each.sliding_w[0]), visit.say
    if np.isnan(watts):
        return figure(say("load.hour"), NO_VALUE, "kW", say("load.unknown"))
    since = visit.fmt.instant(instant(found, int(found.load.each.sliding_slot[0])))
    return figure(say("load.hour"), kilowatts(visit, watts), "kW", say("load.hour_from", at=since))


def instant(found: Loads, slot: int) -> datetime:
    """When a slot of these days begins."""
    slots: int = found.load.mean_w.shape[1]
    return midnight(found.first) + timedelta(days=slot / slots)


def months_card(visit: Visit, found: Loads) -> Part:
    """The same figures month by month."""
    say, fmt = visit.say, visit.fmt
    rows = [
        [
            html.Div(
                [fmt.month(first), html.Div(fmt.span(first, end), className="row-under")], className="named"
            ),
            kilowatts(visit, load.pmax_w),
            fmt.instant(load.pmax_at),
            kilowatts(visit, load.sliding_w),
            fmt.number(load.load_factor, 2),
            fmt.kwh(load.wh, 0) if load.known else NO_VALUE,
            fmt.percent(load.known),
        ]
        for first, end, load in reversed(found.pieces)
    ]
    heads = [say("load.month"), "Pmax (kW)", say("load.at"), say("load.hour_kw"), say("meter.load_factor")]
    heads += ["kWh", say("load.known_share")]
    return card(say("load.months"), [table(heads, rows, numeric=(1, 2, 3, 4, 5, 6))])


def typical_cards(visit: Visit, found: Loads) -> Part:
    """Weekday, Saturday, Sunday and holiday beside each other, on one scale."""
    bands = found.load.bands
    top = 0.0 if np.isnan(bands).all() else float(np.nanmax(bands)) / 1000
    parts = [_typical(visit, kind, bands[kind], top) for kind in Typical]
    return card(visit.say("load.typical"), [html.Div(parts, className="quarters")], beside=_legend(visit))


def _typical(visit: Visit, kind: Typical, bands: np.ndarray, top_kw: float) -> Part:
    name = visit.say(f"typical.{kind.name.lower()}")
    if np.isnan(bands).all():
        return html.Div([html.H3(name), empty(visit.say("load.no_such_day"))])
    drawn = chart(typical_day(visit, bands, top_kw), visit.say("load.typical_label", day=name),
                  f"load-{kind.name.lower()}", "low")  # fmt: skip
    return html.Div([html.H3(name), drawn])


def _legend(visit: Visit) -> Part:
    kinds = (("", "load.median"), ("l-band", "load.band"))
    return html.Div(
        [html.Span([html.I(className=kind), visit.say(key)]) for kind, key in kinds], className="legend"
    )


def duration_card(visit: Visit, found: Loads, kind: str = "") -> Part:
    """How long which power was reached."""
    share, power = duration_curve(found.load.mean_w)
    if not len(share):
        return card(visit.say("load.duration"), [empty(visit.say("load.unknown"))], kind=kind)
    drawn = chart(duration(visit, share, power), visit.say("load.duration_label"), "load-duration", "tall")
    return card(visit.say("load.duration"), [drawn], foot=visit.say("load.duration_note"), kind=kind)


def highest(found: Loads, most: int = MOST) -> list[int]:
    """Meters by their Pmax, the highest first; without those that nothing was measured of."""
    pmax = found.load.each.pmax_w
    order = np.argsort(-np.nan_to_num(pmax, nan=-1.0), kind="stable").tolist()
    return [meter for meter in order if not np.isnan(pmax[meter])][:most]


def highest_card(visit: Visit, found: Loads, days: DaysRange, whose: dict[str, Whose]) -> Part:
    """Who draws most at once, each a way to their meter."""
    say, fmt, each = visit.say, visit.fmt, found.load.each
    rows = []
    for meter in highest(found):
        serial = found.serials[meter]
        named = whose.get(serial)
        who = html.Div((named.customer if named else "") or NO_VALUE, className="row-under")
        rows.append(
            [
                html.Div([link(serial, f"/meters/{serial}?{days.query}"), who], className="named"),
                kilowatts(visit, float(each.pmax_w[meter])),
                fmt.instant(instant(found, int(each.pmax_slot[meter]))),
                fmt.number(float(each.load_factor[meter]), 2),
                fmt.kwh(int(each.total_wh[meter]), 0),
            ]
        )
    heads = [say("load.meter"), "Pmax (kW)", say("load.at"), say("meter.load_factor"), "kWh"]
    body = [table(heads, rows, numeric=(1, 2, 3, 4))] if rows else [empty(say("load.unknown"))]
    return card(say("load.highest"), body, kind="w7")
