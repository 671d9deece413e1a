"""The load curve of a meter: mean power of each interval, gaps left open, estimates told apart,
Pmax marked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from tsdownsample import MinMaxLTTBDownsampler

from analytics.vee.methods import Method
from dashboard.charts.packing import ESTIMATE, SERIES, Figure, layout, local_ms, packed
from dashboard.charts.regular import Curve
from dashboard.visit import Visit
from model.quality import Quality

MOST_POINTS = 1_500
_DAY = {"vi": "%d/%m", "en": "%-d %b"}  # as everywhere else on the page
_INSTANT = {"vi": "%H:%M %d/%m/%Y", "en": "%H:%M %-d %b %Y"}
MOST_GAPS = 120  # bands drawn; a curve with more holes shows them as holes alone


def steps(
    start: np.ndarray[Any, Any], width: float, power: np.ndarray[Any, Any], chosen: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A line of level pieces, one per chosen interval, broken where the next one is not chosen.

    `start` float64[n] ms, `power` float64[n], `chosen` bool[n] -> x, y float64[3·chosen].
    """
    at = start[chosen]
    level = power[chosen]
    ends = ~np.append(chosen[1:], False)[chosen]
    x = np.column_stack([at, at + width, at + width]).ravel()
    y = np.column_stack([level, level, np.where(ends, np.nan, level)]).ravel()
    return x, y


def runs(chosen: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Half-open index ranges where `chosen` (bool[n]) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype("int8"), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def thinned(power: np.ndarray[Any, Any], quality: np.ndarray[Any, Any], points: int) -> np.ndarray[Any, Any]:
    """Indices of at most about `points` intervals that keep the shape, every peak of it and every
    edge between qualities.
    """
    if len(power) <= points:
        return np.arange(len(power))
    filled = np.nan_to_num(power)
    kept = MinMaxLTTBDownsampler().downsample(filled, n_out=points)
    edges = np.flatnonzero(np.diff(quality.astype("int16")))
    return np.union1d(kept.astype("int64"), np.union1d(edges, edges + 1))


def band(x0: float, x1: float) -> Figure:
    """A rectangle behind the curve, over its whole height; `x0`, `x1` in local ms."""
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": x0,
        "x1": x1,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": "rgba(128,128,128,0.14)",
    }


def load_curve(visit: Visit, curve: Curve, pmax: tuple[float, datetime] | None, unit: str = "kW") -> Figure:
    """The figure of a curve of at least one interval; `pmax` in W (or VA) with the beginning of its
    interval."""
    start, quality = local_ms(curve.at), curve.quality
    width = curve.interval_s * 1000.0
    power = curve.wh * 3.6 / curve.interval_s  # Wh of an interval as mean kW
    keep = thinned(power, quality, MOST_POINTS)
    estimated = (quality >= Quality.LINEAR) & (quality <= Quality.UNSCALED)
    measured = (quality != Quality.MISSING) & ~estimated
    traces = []
    for chosen, color, name in ((measured, SERIES, "actual"), (estimated, ESTIMATE, "estimated")):
        how: list[str] = []
        if len(keep) == len(power):
            x, y = steps(start, width, power, chosen)
            how = [word for word in _how(visit, curve, np.flatnonzero(chosen)) for _ in range(3)]
            under = steps(start, width, np.where(chosen, power, 0.0), np.ones(len(power), bool))
        else:
            x, y = start[keep], np.where(chosen, power, np.nan)[keep]
            how = _how(visit, curve, keep)
            under = start[keep], np.where(chosen, power, 0.0)[keep]
        traces += [
            _area(*under, color),
            _line(visit, x, y, color, name, how if name == "estimated" else [], unit),
        ]
    shapes = [band(start[a], start[b - 1] + width) for a, b in runs(quality == Quality.MISSING)[:MOST_GAPS]]
    if pmax is not None:
        traces.append(_peak(visit, *pmax, unit))
    axis = {"type": "date", "range": [float(start[0]), float(start[-1] + width)], "fixedrange": False}
    day = _DAY[visit.lang]
    axis["tickformatstops"] = [
        {"dtickrange": [None, 43_200_000], "value": f"%H:%M\n{day}"},
        {"dtickrange": [43_200_000, None], "value": day},
    ]
    return {
        "data": traces,
        "layout": layout(visit, unit, xaxis=axis, shapes=shapes, dragmode=False if visit.phone else "zoom"),
    }


def _area(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], color: str) -> Figure:
    """The tint under a line. A filled line would span its gaps: this one goes along the axis where
    nothing is known.
    """
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(x),
        "y": packed(y),
        "line": {"width": 0, "color": color},
        "fill": "tozeroy",
        "fillcolor": color + "24",
        "hoverinfo": "skip",
    }


def _how(visit: Visit, curve: Curve, places: np.ndarray[Any, Any]) -> list[str]:
    """How the figures at these places were made, in words; empty where they were measured."""
    if curve.method is None:
        return [""] * len(places)
    words = {method: visit.say(f"method.{method.name.lower()}") if method else "" for method in Method}
    return [words[Method(code)] for code in curve.method[places].tolist()]


def _line(
    visit: Visit,
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    color: str,
    name: str,
    how: list[str],
    unit: str,
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": packed(x),
        "y": packed(y),
        "connectgaps": False,
        "line": {"color": color, "width": 1.6},
        "name": visit.say(f"quality.{name}"),
        "hovertemplate": f"%{{x|{_INSTANT[visit.lang]}}}<br><b>%{{y:,.2f}} {unit}</b> · "
        + visit.say(f"quality.{name}")
        + (": %{customdata}" if any(how) else "")
        + "<extra></extra>",
        **({"customdata": how} if any(how) else {}),
    }


def _peak(visit: Visit, power_w: float, at: datetime, unit: str) -> Figure:
    when = local_ms(np.array([np.datetime64(int(at.timestamp()), "s")]))
    kw = power_w / 1000.0
    return {
        "type": "scatter",
        "mode": "markers",
        "x": packed(when),
        "y": packed(np.array([kw])),
        "marker": {"size": 9, "color": "rgba(0,0,0,0)", "line": {"width": 2, "color": "#c2452d"}},
        "hovertemplate": f"Pmax · %{{x|{_INSTANT[visit.lang]}}}<br><b>%{{y:,.2f}} {unit}</b><extra></extra>",
    }
