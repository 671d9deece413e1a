"""The load of many meters together as a curve that a chart draws like that of one, or as bars of days and
months.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from analytics.profiles.curve import Curve as Profile
from analytics.profiles.group import WHOLE
from dashboard.charts.packing import ESTIMATE, LOWER, SERIES, Figure, day_labels, layout, packed
from dashboard.charts.regular import Curve
from dashboard.visit import Visit
from model.period import midnight
from model.quality import Quality


def together(profile: Profile, first: date, now: datetime) -> Curve:
    """Intervals of one length that are over by `now`: a gap where too few meters are known, an estimate where
    more of them are estimated than a whole group may lack.
    """
    start, step = int(midnight(first).timestamp()), int(profile.minutes[0]) * 60
    count = max(0, min(len(profile.begins), (int(now.timestamp()) - start) // step))
    at = (start + profile.begins[:count] * 60).astype("datetime64[s]")
    return Curve(at, profile.mean_w[:count] * step / 3600, _quality(profile)[:count], step)


def _quality(profile: Profile) -> np.ndarray:
    quality = np.where(profile.estimated > 1 - WHOLE, Quality.LIKE_DAY, Quality.ACTUAL).astype(np.uint8)
    quality[np.isnan(profile.mean_w)] = Quality.MISSING
    return quality


def bars(visit: Visit, profile: Profile, first: date, *, months: bool) -> Figure:
    """kWh of what is known in each day or month, paler where that is not enough to tell its load; none where
    nothing is known."""
    fmt, quality = visit.fmt, _quality(profile)
    begun = [first + timedelta(minutes=int(minutes)) for minutes in profile.begins]
    names = [fmt.month(day) if months else fmt.day_short(day) for day in begun]
    tones = {Quality.MISSING: LOWER, Quality.LIKE_DAY: ESTIMATE, Quality.ACTUAL: SERIES}
    some = np.flatnonzero(profile.known > 0).tolist()
    trace: Figure = {
        "type": "bar",
        "x": some,
        "y": packed(profile.wh[some] / 1000.0),
        "marker": {"color": [tones[Quality(quality[n])] for n in some], "cornerradius": 3},
        "customdata": [
            [names[n], visit.say("load.known", share=fmt.percent(float(profile.known[n])))] for n in some
        ],
        "hovertemplate": "%{customdata[0]}<br><b>%{y:,.0f} kWh</b> · %{customdata[1]}<extra></extra>",
    }
    step = max(1, round(len(names) / day_labels(visit)))
    shown = list(range(0, len(names), step))
    axis = {"range": [-0.5, len(names) - 0.5], "tickmode": "array", "tickvals": shown,
            "ticktext": [names[n] for n in shown], "tickangle": 0}  # fmt: skip
    return {"data": [trace], "layout": layout(visit, "kWh", xaxis=axis)}
