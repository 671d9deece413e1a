"""Arrays as the browser's chart program takes them, and the layout every chart shares."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from dash import dcc, html

from dashboard.parts.elements import Part
from dashboard.visit import Visit

Figure = dict[str, Any]

# Local wall clock: the axis is a plain one, and this country has one offset all year (UTC+7).
_OFFSET_MS = 7 * 3_600_000
_DTYPES = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "u1": "u1"}
SERIES = "#16948a"
ESTIMATE = "#d08a12"
LOWER = "#a9b7b2"


def packed(array: np.ndarray[Any, Any], kind: str = "f8") -> dict[str, str]:
    """A one-dimensional array as {'dtype', 'bdata'}: base64 of its little-endian bytes."""
    return {
        "dtype": kind,
        "bdata": base64.b64encode(np.ascontiguousarray(array, _DTYPES[kind]).tobytes()).decode(),
    }


def local_ms(at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """UTC instants (datetime64) as milliseconds of the local wall clock."""
    return at.astype("datetime64[ms]").astype("int64").astype("float64") + _OFFSET_MS


def day_labels(visit: Visit) -> int:
    """How many days an axis names: on a phone fewer, and fewer still where they are longer."""
    return 12 if not visit.phone else 7 if visit.lang == "vi" else 5


def layout(visit: Visit, unit: str, **more: Any) -> Figure:
    """What all charts have in common. Colours of text and grid come from the style sheet, so that
    dark mode reaches them.
    """
    axis = {"fixedrange": True, "zeroline": False, "showline": False, "automargin": True}
    base: Figure = {
        "separators": ",." if visit.lang == "vi" else ".,",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Be Vietnam Pro, Noto Sans, sans-serif", "size": 12},
        "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "bargap": 0.28,
        "xaxis": {**axis, "showgrid": False, "ticks": "outside", "ticklen": 7, "tickcolor": "rgba(0,0,0,0)"},
        "yaxis": {**axis, "ticks": "", "rangemode": "tozero", "nticks": 5, "tickformat": ",~r"},
        "annotations": [
            {
                "text": unit,
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "yshift": 12,  # clear of a line that reaches the top
            }
        ],
    }
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            base[key] = {**base[key], **value}
        elif isinstance(value, list) and isinstance(base.get(key), list):
            base[key] = [*base[key], *value]
        else:
            base[key] = value
    return base


def chart(figure: Figure, label: str, name: str, size: str = "middle") -> Part:
    """A chart on the page. It never offers to send anything anywhere; its height comes from the
    style sheet.
    """
    graph = dcc.Graph(
        id=name,
        figure=figure,
        responsive=True,
        className="chart",
        style={"height": f"var(--chart-{size})"},
        config={
            "displayModeBar": False,
            "showSendToCloud": False,
            "plotlyServerURL": "",
            "displaylogo": False,
            "scrollZoom": False,
            "doubleClick": "reset",
        },
    )
    frame = f"chart-frame chart-{size}"  # as high as its chart before that is there
    return html.Figure([graph, html.Figcaption(label, className="unseen")], className=frame)
