"""A station's load against its transformer."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from analytics.profiles.rated import LEVELS
from dashboard.charts.duration import limits
from dashboard.charts.load_curve import load_curve
from dashboard.charts.packing import Figure
from dashboard.charts.regular import DAY_S, Curve
from dashboard.visit import Visit
from model.period import midnight
from model.quality import Quality
from operations.station_sides import Source
from operations.stations import StationLoad


def by_head(load: StationLoad) -> bool:
    """Whether head meters say what the station delivered; else its customers are added up."""
    return load.source in (Source.HEAD, Source.FEEDERS)


def against_rated(visit: Visit, load: StationLoad, now: datetime) -> Figure | None:
    """Apparent power with lines at shares of the kVA; active power where nobody said the kVA; None where
    nothing is known. What no head meter measured stands as an estimate."""
    rated, kva = load.rated, load.transformer
    power = (load.w if kva is None else rated.va).ravel()
    slots = load.w.shape[1]
    step, start = DAY_S // slots, int(midnight(load.first).timestamp())
    count = max(0, min(len(power), (int(now.timestamp()) - start) // step))
    power = power[:count]
    if np.isnan(power).all():
        return None
    known = Quality.ACTUAL if by_head(load) else Quality.LIKE_DAY
    quality = np.where(np.isnan(power), Quality.MISSING, known).astype(np.uint8)
    at = (start + step * np.arange(count, dtype=np.int64)).astype("datetime64[s]")
    highest, when = (rated.pmax_w, rated.pmax_at) if kva is None else (rated.smax_va, rated.smax_at)
    peak = (highest, when) if highest is not None and when is not None else None
    figure = load_curve(
        visit, Curve(at, power * step / 3600, quality, step), peak, "kW" if kva is None else "kVA"
    )
    if kva is not None:
        top = max(float(np.nanmax(power)) * 1.08, float(kva.kva) * 1050)
        lines = [
            (float(kva.kva) * 1000 * level, visit.fmt.percent(level, 0))
            for level in LEVELS
            if float(kva.kva) * 1000 * level <= top
        ]
        shapes, names = limits(lines)
        figure["layout"]["shapes"] += shapes
        figure["layout"]["annotations"] += names
        figure["layout"]["yaxis"]["range"] = [min(0.0, float(np.nanmin(power)) / 1000), top / 1000]
    return figure
