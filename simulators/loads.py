"""What is switched on: watts by hour, day, heat and chance; whole Wh per half-hour."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulators import halfhours
from simulators.chance import Floats, Ints, spread, uniform

COOL_BELOW = 26.0  # °C: no fan, no air conditioner


@dataclass(frozen=True, slots=True)
class Change:
    """From one half-hour to another (None: for good) a customer lives differently.

    `factor` scales everything; `between_wh` replaces it by a draw of so much a half-hour ((0, 0): the main
    switch is off).
    """

    since: int
    until: int | None
    factor: float = 1.0
    between_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """One customer's demand. Curves are mean watts by half-hour of a weekday, a Saturday, a Sunday."""

    seed: int
    weather: int  # key of the weather, one for the whole village
    curves: tuple[Floats, Floats, Floats]
    heat_w: Floats  # watts for each kelvin above `COOL_BELOW`, by half-hour
    floor_w: float  # what never goes off
    swing: float = 0.12  # from day to day
    jitter: float = 0.25  # from half-hour to half-hour
    bursts: tuple[float, float] = (
        0.0,
        0.0,
    )  # how often (share of half-hours), how much (W): a pump, a kettle
    changes: tuple[Change, ...] = field(default=())

    def wh(self, slots: Ints) -> Ints:
        """The Wh of each half-hour; the same for a half-hour whichever others are asked with it."""
        days = halfhours.day_number(slots)
        hour = halfhours.hour_slot(slots)
        weekday = halfhours.weekday(slots)
        kind = np.clip(weekday - 4, 0, 2)
        watts = np.stack(self.curves)[kind, hour] * spread(self.seed, days, self.swing)
        watts += np.maximum(temperature(self.weather, slots) - COOL_BELOW, 0.0) * self.heat_w[hour]
        watts *= spread(self.seed ^ 0xA5A5, slots, self.jitter)
        often, burst_w = self.bursts
        if often:
            awake = (hour >= 10) & (hour < 44)
            watts += np.where(awake & (uniform(self.seed ^ 0xB0B0, slots) < often), burst_w, 0.0)
        wh = np.maximum(watts, self.floor_w * spread(self.seed ^ 0xF1, slots, 0.1)) / 2.0
        for change in self.changes:
            during = slots >= change.since
            if change.until is not None:
                during &= slots < change.until
            if change.between_wh is None:
                wh = np.where(during, wh * change.factor, wh)
            else:
                least, most = change.between_wh
                drawn = np.floor(least + uniform(self.seed ^ 0xCA9, slots) * (most - least + 1))
                wh = np.where(during, drawn, wh)
        return wh.astype(np.int64)


def temperature(weather: int, slots: Ints) -> Floats:
    """Degrees Celsius in the north of Vietnam: the season, the hour, and spells of some days."""
    days = halfhours.day_number(slots)
    year = 2 * np.pi * (days % 36525 / 365.25 * 1.0)
    season = 24.0 + 6.0 * np.cos(year - 2 * np.pi * 200 / 365.25)
    spell = sum((uniform(weather, days - back) - 0.5) * 3.0 for back in range(3))
    hour = 3.0 * np.cos(2 * np.pi * (halfhours.hour_slot(slots) - 28) / halfhours.SLOTS_A_DAY)
    return np.asarray(season + spell + hour, dtype=np.float64)


def bump(centre_h: float, width_h: float, watts: float) -> Floats:
    """A hill of watts around an hour, on the circle of the day."""
    hours = (np.arange(halfhours.SLOTS_A_DAY) + 0.5) / 2
    away = np.abs((hours - centre_h + 12) % 24 - 12)
    return np.asarray(watts * np.exp(-0.5 * (away / width_h) ** 2), dtype=np.float64)


def open_hours(begin_h: float, end_h: float, watts: float) -> Floats:
    """Flat watts between two hours of a day."""
    hours = np.arange(halfhours.SLOTS_A_DAY) / 2
    return np.where((hours >= begin_h) & (hours < end_h), watts, 0.0)
