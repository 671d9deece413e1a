"""Load by meter: peak with its time, load factor, typical days, duration curve, totals, station balance."""

from analytics.profiles.balance import Balance, balance
from analytics.profiles.figures import Figures, LoadFigures, figures, of_meter, peaks
from analytics.profiles.totals import MonthTotal, daily_totals, load_duration, monthly_totals

__all__ = [
    "Balance",
    "Figures",
    "LoadFigures",
    "MonthTotal",
    "balance",
    "daily_totals",
    "figures",
    "load_duration",
    "monthly_totals",
    "of_meter",
    "peaks",
]
