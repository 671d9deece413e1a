"""A typical day: its median and, behind it, what eight such days in ten lie between."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.charts.load_curve import runs
from dashboard.charts.packing import SERIES, Figure, layout, packed
from dashboard.visit import Visit

HOURS = [0, 6, 12, 18, 24]


def typical_day(visit: Visit, bands: np.ndarray[Any, Any], top_kw: float, between: str = "") -> Figure:
    """`bands` (3, slots): 10th, 50th and 90th percentile in W, NaN where unknown; the axis goes to `top_kw`,
    the same on every chart that stands beside; `between`: what the band says."""
    low, middle, high = bands / 1000.0
    hours = (np.arange(len(middle)) + 0.5) * 24 / len(middle)
    around = [_around(hours[a:b], low[a:b], high[a:b]) for a, b in runs(~np.isnan(middle))]
    line: Figure = {
        "type": "scatter",
        "mode": "lines",
        "x": packed(hours),
        "y": packed(middle),
        "connectgaps": False,
        "line": {"color": SERIES, "width": 2},
        "customdata": [
            [clock(slot * 24 / len(middle)), *spread] for slot, spread in enumerate(_spread(low, high))
        ],
        "hovertemplate": "%{customdata[0]}<br><b>%{y:,.2f} kW</b><br>"
        + (between or visit.say("load.between"))
        + " %{customdata[1]:,.2f}–%{customdata[2]:,.2f} kW<extra></extra>",
    }
    axis = {"range": [0, 24], "tickmode": "array", "tickvals": HOURS, "ticktext": [clock(h) for h in HOURS]}
    return {
        "data": [*around, line],
        "layout": layout(visit, "kW", xaxis=axis, yaxis={"range": [0, 1.08 * top_kw or 1.0]}),
    }


def _spread(*columns: np.ndarray[Any, Any]) -> list[list[float | None]]:
    rows = np.column_stack(columns).tolist()
    return [[None if value != value else value for value in row] for row in rows]


def _around(hours: np.ndarray[Any, Any], low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(np.concatenate([hours, hours[::-1]])),
        "y": packed(np.concatenate([high, low[::-1]])),
        "fill": "toself",
        "fillcolor": SERIES + "30",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
