"""A station's days: what was sold, what was lost as it had to be, and what nobody accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from analytics.losses import Balance
from dashboard.charts.packing import LOWER, SERIES, Figure, layout, packed
from dashboard.visit import Visit

LOST = "#c2452d"


def balance_bars(visit: Visit, days: Sequence[tuple[date, Balance]]) -> Figure:
    """Stacked bars of the half-hours in which all is known; a day without any has none."""
    fmt, known = visit.fmt, [n for n, (_, one) in enumerate(days) if one.intervals]
    notes = [
        [
            fmt.day_short(days[n][0]),
            fmt.number(days[n][1].loss_percent, 1),
            visit.say("station.covered_day", share=fmt.percent(days[n][1].covered)),
        ]
        for n in known
    ]
    parts = (
        ("sold", SERIES, "sold_wh"),
        ("technical", LOWER, "technical_wh"),
        ("rest", LOST, "unexplained_wh"),
    )
    traces: list[Figure] = [
        {
            "type": "bar",
            "x": known,
            "y": packed(np.array([getattr(days[n][1], field) / 1000 for n in known])),
            "marker": {"color": color},
            "name": visit.say(f"station.{name}"),
            "customdata": notes,
            "hovertemplate": "%{customdata[0]}<br>"
            + visit.say(f"station.{name}")
            + ": <b>%{y:,.1f} kWh</b><br>"
            + visit.say("station.loss")
            + " %{customdata[1]} %<br>%{customdata[2]}<extra></extra>",
        }
        for name, color, field in parts
    ]
    step = max(1, round(len(days) / (5 if visit.phone else 7)))
    shown = list(range(0, len(days), step))
    axis = {"range": [-0.5, len(days) - 0.5], "tickmode": "array", "tickvals": shown,
            "ticktext": [fmt.day_short(days[n][0]) for n in shown], "tickangle": 0}  # fmt: skip
    return {"data": traces, "layout": layout(visit, "kWh", xaxis=axis, barmode="relative")}
