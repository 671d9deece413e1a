"""What a station delivered and nobody was counted for: technical loss, residue, and whose use it follows."""

from analytics.losses.balance import Balance, balance, by_day, by_month
from analytics.losses.residue import Residue, residue
from analytics.losses.suspects import Suspect, suspects
from analytics.losses.technical import Technical

__all__ = [
    "Balance",
    "Residue",
    "Suspect",
    "Technical",
    "balance",
    "by_day",
    "by_month",
    "residue",
    "suspects",
]
