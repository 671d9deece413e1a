"""The shape of a group's day: its hours by its own mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.charts.packing import LOWER, SERIES, Figure, layout, packed
from dashboard.charts.typical import HOURS, clock
from dashboard.visit import Visit


def shape(visit: Visit, working: np.ndarray[Any, Any], rest: np.ndarray[Any, Any]) -> Figure:
    """Factors of the own mean power by hour (24), of working days and of days of rest; NaN where unknown."""
    hours = np.arange(24) + 0.5
    traces: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(hours),
            "y": packed(factors),
            "connectgaps": False,
            "line": {"color": color, "width": 2},
            "customdata": [clock(hour) for hour in range(24)],
            "hovertemplate": "%{customdata}<br><b>%{y:,.2f} ×</b> · "
            + visit.say(f"shapes.{name}")
            + "<extra></extra>",
        }
        for factors, color, name in ((rest, LOWER, "rest"), (working, SERIES, "working"))
    ]
    axis = {"range": [0, 24], "tickmode": "array", "tickvals": HOURS, "ticktext": [clock(h) for h in HOURS]}
    return {"data": traces, "layout": layout(visit, visit.say("shapes.unit"), xaxis=axis)}
