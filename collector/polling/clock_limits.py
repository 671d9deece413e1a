"""How far a meter's clock may be off before something is done about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """Up to `tolerance_s` off nothing is done; up to `limit_s` the clock is set without being asked."""

    tolerance_s: float = 10.0
    limit_s: float = 60.0
