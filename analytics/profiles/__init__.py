"""Load by meter: peak with its time, load factor, typical days, duration curve, totals."""

from analytics.profiles.figures import Figures, LoadFigures, figures, of_meter, peaks
from analytics.profiles.totals import MonthTotal, daily_totals, load_duration, monthly_totals

__all__ = [
    "Figures",
    "LoadFigures",
    "MonthTotal",
    "daily_totals",
    "figures",
    "load_duration",
    "monthly_totals",
    "of_meter",
    "peaks",
]
