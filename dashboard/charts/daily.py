"""Energy of each day, in bars: whole days, days that are partly estimated, days of which something
is missing or that are not over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.charts.packing import ESTIMATE, LOWER, SERIES, Figure, day_labels, layout, packed
from dashboard.visit import Visit
from storage.profiles import DayTotal


def daily_bars(visit: Visit, days: Sequence[DayTotal]) -> Figure:
    """Bars of kWh. A day of which nothing is known has no bar, and says so in the axis' place."""
    known = [day for day in days if day.missing < day.slots]
    labels = [visit.fmt.day_short(day.day) for day in days]
    colors = [
        LOWER if day.missing or day.day >= visit.today else ESTIMATE if day.estimated else SERIES
        for day in known
    ]
    notes = [_note(visit, day) for day in known]
    trace: Figure = {
        "type": "bar",
        "x": [visit.fmt.day_short(day.day) for day in known],
        "y": packed(np.array([day.wh / 1000.0 for day in known])),
        "marker": {"color": colors, "cornerradius": 3},
        "customdata": [[visit.fmt.weekday(day.day), note] for day, note in zip(known, notes, strict=True)],
        "hovertemplate": "%{customdata[0]} %{x}<br><b>%{y:,.1f} kWh</b> · %{customdata[1]}<extra></extra>",
    }
    axis: Figure = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": labels,
        "range": [-0.5, len(labels) - 0.5],
    }
    step = max(1, round(len(labels) / day_labels(visit)))
    axis |= {"tickmode": "array", "tickvals": labels[::step], "tickangle": 0}
    return {"data": [trace], "layout": layout(visit, "kWh", xaxis=axis)}


def _note(visit: Visit, day: DayTotal) -> str:
    if day.missing:
        return visit.say("quality.some_missing", missing=day.missing)
    if day.day >= visit.today:
        return visit.say("quality.part")
    return visit.say("quality.estimated" if day.estimated else "quality.actual")
