"""Who is to be visited: the learned score, the station's balance, events, currents and the export channel
weighed together.

`suspects` looks at one station as it is known up to a day and says of each meter how likely it is that it
counts less than is used, since when, and why; `within_budget` picks those that there is a morning for.
"""

from analytics.suspicion.budget import Accused, within_budget, worth_a_morning
from analytics.suspicion.seen import MeterSeen, StationSeen
from analytics.suspicion.suspect import Benign, BenignKind, Clue, ClueKind, Suspect
from analytics.suspicion.weigh import suspects

__all__ = [
    "Accused",
    "Benign",
    "BenignKind",
    "Clue",
    "ClueKind",
    "MeterSeen",
    "StationSeen",
    "Suspect",
    "suspects",
    "within_budget",
    "worth_a_morning",
]
