"""What the shape of a day does, in a word: by when the power lies above its own mean."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.profiles.shapes import HOURS, week

Float = npt.NDArray[np.float64]

FLAT: Final = 0.2  # standard deviation by mean, below which the hour makes little difference
HIGH: Final = 1.3  # times the mean: a peak
NIGHT: Final = [22, 23, 0, 1, 2, 3, 4]
NAMES: Final = (
    "flat", "night", "office", "daytime", "day_evening", "evening", "morning", "noon_evening",
    "morning_evening", "sun_dip", "weekend", "mixed",
)  # fmt: skip


def named(shape: npt.ArrayLike) -> str:
    """One of `NAMES` for 48 factors of the mean (24 hours of a working day, 24 of a day of rest)."""
    given = np.asarray(shape, np.float64)
    day = week(given)
    working, rest = float(given[:HOURS].mean()), float(given[HOURS:].mean())
    if rest > 1.5 * working:
        return "weekend"
    if float(day.std()) < FLAT * float(day.mean()):
        return "flat"
    night, light = _mean(day, NIGHT), _mean(day, range(8, 17))
    noon, after, evening = _mean(day, (11, 12)), _mean(day, (14, 15, 16)), _mean(day, range(18, 22))
    early = max(_mean(day, (hour, hour + 1)) for hour in range(5, 9))
    if night >= HIGH and night > max(light, evening):
        return "night"
    if _mean(day, range(10, 14)) < min(0.5 * _mean(day, range(5)), 0.5):
        return "sun_dip"
    if light >= HIGH and evening < 0.8 * light:
        return "office" if rest < 0.6 * working else "daytime"
    if min(noon, evening) >= 1.2 and after < 0.85 * min(noon, evening):
        return "noon_evening"
    if min(early, evening) >= 1.2 and _mean(day, range(10, 16)) < 0.85 * min(early, evening):
        return "morning_evening"
    if min(light, evening) >= 1.1 and night < 0.8:
        return "day_evening"
    if evening >= HIGH:
        return "evening"
    if early >= HIGH and early > evening:
        return "morning"
    return "mixed"


def highest_hour(shape: npt.ArrayLike) -> int:
    """The hour of the mean day's highest mean."""
    return int(np.argmax(week(np.asarray(shape, np.float64))))


def _mean(day: Float, hours: object) -> float:
    return float(day[np.array(list(hours), np.int64)].mean())  # type: ignore[call-overload]
