"""The curve around doubtful readings: which slots are doubted, which somebody has edited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.charts.load_curve import MOST_GAPS, band, load_curve, runs
from dashboard.charts.packing import Figure, local_ms
from dashboard.charts.regular import Curve
from dashboard.visit import Visit
from model.period import midnight
from model.quality import Quality
from storage.case_sheet import CaseDay

DOUBTED, EDITED = "rgba(194,69,45,0.20)", "rgba(60,110,190,0.20)"


def doubts(visit: Visit, curve: Curve, days: Sequence[CaseDay]) -> Figure:
    """The load curve with a band where a finding names slots (the day where it names none), where the meter's
    word is doubted, and where a person's counts."""
    figure = load_curve(visit, curve, None)
    doubted = curve.quality == Quality.SUSPECT
    at = curve.at.astype(np.int64)
    for day in days:
        start = int(midnight(day.day).timestamp())
        first, count = day.detail.get("first_slot"), day.detail.get("slots")
        if isinstance(first, int) and isinstance(count, int):
            a = start + first * curve.interval_s
            doubted |= (at >= a) & (at < a + count * curve.interval_s)
        elif not (doubted & (at >= start) & (at < start + 86_400)).any():
            doubted |= (at >= start) & (at < start + 86_400)
    x, width = local_ms(curve.at), curve.interval_s * 1000.0
    for chosen, color in ((doubted, DOUBTED), (curve.quality == Quality.EDITED, EDITED)):
        bands = [band(x[a], x[b - 1] + width) for a, b in runs(chosen)[:MOST_GAPS]]
        figure["layout"]["shapes"] += [one | {"fillcolor": color} for one in bands]
    return figure
