"""Rules that look at a meter's days, currents and conversations and say what is odd, with the figures they
went by."""

from analytics.detection.observed import Observed, Replacement
from analytics.detection.rules import detect
from analytics.detection.station import station_loss, transformer_overload

__all__ = ["Observed", "Replacement", "detect", "station_loss", "transformer_overload"]
