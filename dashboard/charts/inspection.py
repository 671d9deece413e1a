"""What an inspection rests on, drawn: the usual day and the accused one, the days beside the neighbours', the
station's balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from dashboard.charts.packing import ESTIMATE, LOWER, SERIES, Figure, layout, packed
from dashboard.charts.typical import HOURS, clock
from dashboard.visit import Visit

ACCUSED = "#c2452d"
Told = Sequence[float | None]


def numbers(told: Told) -> np.ndarray[Any, Any]:
    """As float64, NaN where unknown."""
    return np.array([np.nan if one is None else one for one in told], np.float64)


def day_curves(visit: Visit, usual: Told, accused: Told) -> Figure:
    """Mean power by time of day, before and since; Wh by slot as given."""
    traces: list[Figure] = []
    for told, color, name in ((usual, LOWER, "usual"), (accused, ACCUSED, "accused")):
        wh = numbers(told)
        hours = (np.arange(len(wh)) + 0.5) * 24 / max(1, len(wh))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": packed(hours),
                "y": packed(wh * len(wh) / 24_000),
                "connectgaps": False,
                "line": {"color": color, "width": 2},
                "customdata": [clock(slot * 24 / len(wh)) for slot in range(len(wh))],
                "hovertemplate": "%{customdata}<br><b>%{y:,.2f} kW</b> · "
                + visit.say(f"inspection.{name}")
                + "<extra></extra>",
            }
        )
    axis = {"range": [0, 24], "tickmode": "array", "tickvals": HOURS, "ticktext": [clock(h) for h in HOURS]}
    return {"data": traces, "layout": layout(visit, "kW", xaxis=axis)}


def day_bars(visit: Visit, first: date, since: date, kwh: Told) -> Figure:
    """kWh a day, the accused days in their own colour; a day that is not known has no bar."""
    values, start = numbers(kwh), (since - first).days
    known = np.flatnonzero(~np.isnan(values)).tolist()
    trace: Figure = {
        "type": "bar",
        "x": known,
        "y": packed(values[known]),
        "marker": {"color": [ACCUSED if day >= start else SERIES for day in known]},
        "customdata": [_name(visit, first, day) for day in known],
        "hovertemplate": "%{customdata}<br><b>%{y:,.1f} kWh</b><extra></extra>",
    }
    return {"data": [trace], "layout": _layout(visit, "kWh", first, len(values), start)}


def beside_peers(visit: Visit, first: date, since: date, kwh: Told, peers: Told) -> Figure | None:
    """The meter's days and its neighbours' in percent of what each usually used before; None where neighbours
    or an own usual day are unknown."""
    own, others, start = numbers(kwh), numbers(peers), (since - first).days
    before = own[:start][~np.isnan(own[:start])]
    usual = float(np.median(before)) if len(before) else 0.0
    if usual <= 0 or np.isnan(others).all():
        return None
    names = [_name(visit, first, day) for day in range(len(own))]
    traces: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(np.arange(len(values), dtype=float)),
            "y": packed(values),
            "connectgaps": False,
            "line": {"color": color, "width": 2},
            "customdata": names,
            "hovertemplate": "%{customdata}<br><b>%{y:,.0f} %</b> · "
            + visit.say(f"inspection.{name}")
            + "<extra></extra>",
        }
        for values, color, name in ((others, LOWER, "peers"), (100 * own / usual, ACCUSED, "own"))
    ]
    return {"data": traces, "layout": _layout(visit, "%", first, len(own), start)}


def unexplained(visit: Visit, first: date, since: date, delivered: Told, rest: Told) -> Figure:
    """What the station delivered and nobody was counted for, by day; before the onset and since."""
    values, into, start = numbers(rest), numbers(delivered), (since - first).days
    known = np.flatnonzero(~np.isnan(values)).tolist()
    trace: Figure = {
        "type": "bar",
        "x": known,
        "y": packed(values[known]),
        "marker": {"color": [ACCUSED if day >= start else ESTIMATE for day in known]},
        "customdata": [[_name(visit, first, day), visit.fmt.number(into[day], 1)] for day in known],
        "hovertemplate": "%{customdata[0]}<br><b>%{y:,.1f} kWh</b> / %{customdata[1]} kWh<extra></extra>",
    }
    return {"data": [trace], "layout": _layout(visit, "kWh", first, len(values), start)}


def _name(visit: Visit, first: date, day: int) -> str:
    at = first + timedelta(days=day)
    return f"{visit.fmt.weekday(at)} {visit.fmt.day_short(at)}"


def _layout(visit: Visit, unit: str, first: date, days: int, start: int) -> Figure:
    """An axis of days, and a line where the accused ones begin."""
    step = max(1, round(days / (6 if visit.phone else 10)))
    shown = list(range(0, days, step))
    axis = {"range": [-0.5, days - 0.5], "tickmode": "array", "tickvals": shown, "tickangle": 0,
            "ticktext": [visit.fmt.day_short(first + timedelta(days=day)) for day in shown]}  # fmt: skip
    onset = {"type": "line", "xref": "x", "yref": "paper", "x0": start - 0.5, "x1": start - 0.5, "y0": 0,
             "y1": 1, "line": {"color": ACCUSED, "width": 1, "dash": "dot"}}  # fmt: skip
    return layout(visit, unit, xaxis=axis, shapes=[onset] if 0 < start < days else [])
