"""Rules that look at a customer's own days and say what the customer would want to know, with the figures
they went by. What is not known, estimated or too new says nothing."""

from analytics.warnings.around import Around, Rises, around
from analytics.warnings.bill import LastBill, above_last_bill
from analytics.warnings.fewest import fewest
from analytics.warnings.habit import Habit, habit
from analytics.warnings.leaps import leap_day, leap_week
from analytics.warnings.limits import day_passed, month_passed
from analytics.warnings.nights import night_use
from analytics.warnings.use import Use

__all__ = [
    "Around",
    "Habit",
    "LastBill",
    "Rises",
    "Use",
    "above_last_bill",
    "around",
    "day_passed",
    "fewest",
    "habit",
    "leap_day",
    "leap_week",
    "month_passed",
    "night_use",
]
