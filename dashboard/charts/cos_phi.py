"""cos φ of each day, with the line below which a surcharge begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from analytics.electrical import CosPhi
from dashboard.charts.packing import SERIES, Figure, layout, packed
from dashboard.visit import Visit

WANTED = 0.9


def cos_phi_days(visit: Visit, days: Sequence[tuple[date, CosPhi]]) -> Figure:
    """A dot a day of which anything is known; a day without use has none."""
    known = [n for n, (_, one) in enumerate(days) if one.value is not None]
    values = np.array([float(days[n][1].value or 0) for n in known])
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": known,
        "y": packed(values),
        "marker": {"color": SERIES, "size": 7},
        "customdata": [visit.fmt.day(days[n][0]) for n in known],
        "hovertemplate": "%{customdata}<br><b>%{y:.2f}</b><extra></extra>",
    }
    step = max(1, round(len(days) / (6 if visit.phone else 12)))
    shown = list(range(0, len(days), step))
    axis = {"range": [-0.5, len(days) - 0.5], "tickmode": "array", "tickvals": shown, "tickangle": 0,
            "ticktext": [visit.fmt.day_short(days[n][0]) for n in shown]}  # fmt: skip
    line = {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": WANTED, "y1": WANTED,
            "line": {"color": "#c2452d", "width": 1, "dash": "dash"}}  # fmt: skip
    lowest = min([WANTED, *values.tolist()])
    up = {"range": [max(0.0, lowest - 0.1), 1.02], "rangemode": "normal"}
    return {"data": [trace], "layout": layout(visit, "cosφ", xaxis=axis, yaxis=up, shapes=[line])}
