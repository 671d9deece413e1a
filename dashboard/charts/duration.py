"""The load-duration curve: what power was reached for at least which share of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.charts.packing import SERIES, Figure, layout, packed
from dashboard.visit import Visit


def duration(
    visit: Visit,
    share: np.ndarray[Any, Any],
    power_w: np.ndarray[Any, Any],
    lines: Sequence[tuple[float, str]] = (),
) -> Figure:
    """`share` (0 to 1) and `power_w` of at least one place; `lines` are limits in W with their names."""
    line: Figure = {
        "type": "scatter",
        "mode": "lines",
        "x": packed(np.concatenate([[0.0], share * 100])),
        "y": packed(np.concatenate([power_w[:1], power_w]) / 1000.0),
        "line": {"color": SERIES, "width": 2, "shape": "vh"},
        "fill": "tozeroy",
        "fillcolor": SERIES + "24",
        "hovertemplate": visit.say("load.reached", share="%{x:,.1f}", kw="%{y:,.2f}") + "<extra></extra>",
    }
    axis = {"range": [0, 100], "ticksuffix": " %", "nticks": 6}
    drawn = limits(lines)
    return {
        "data": [line],
        "layout": layout(visit, "kW", xaxis=axis, shapes=drawn[0], annotations=drawn[1]),
    }


def limits(lines: Sequence[tuple[float, str]]) -> tuple[list[Figure], list[Figure]]:
    """Dashed lines over a chart's whole width, each with its name above its right end."""
    shapes: list[Figure] = []
    names: list[Figure] = []
    for power_w, name in lines:
        where = {"xref": "paper", "yref": "y"}
        shapes.append(
            {
                "type": "line",
                **where,
                "x0": 0,
                "x1": 1,
                "y0": power_w / 1000,
                "y1": power_w / 1000,
                "line": {"color": "#c2452d", "width": 1, "dash": "dash"},
            }
        )
        names.append(
            {
                **where,
                "text": name,
                "x": 1,
                "y": power_w / 1000,
                "xanchor": "right",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11},
            }
        )
    return shapes, names
