"""What a meter says of itself beside its energy: currents by phase, its own log, the learned score."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.seen import MeterSeen

Float = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

CARRIES_A: Final = 0.05  # secondary side; below, a phase counts as idle
DARK_SHARE: Final = 0.05  # of what the weaker of the other phases carries
UNDER_VOLTAGE: Final = 0.5  # of the highest phase voltage
FEWEST_DARK: Final = 2  # days
DARK, ALL_CARRY = 3.5, -0.3  # log-odds
OPENED: Final = 2.5  # log-odds of a cover, a terminal or a magnet about the day
ABOUT: Final = 3  # days around, in which an event belongs to a change
TAMPER: Final = ("cover", "magnet", "terminal", "tamper", "bypass", "reverse")  # within an event's code
SCORE_WEIGHT: Final = 0.4  # of the mean learned logit
SCORE_LIMIT: Final = 7.0
SCORE_DAYS: Final = 7.0  # of scored days, for the whole weight


def dark_days(one: MeterSeen) -> npt.NDArray[np.int8]:
    """(d) the phase 1 to 3 that stands under voltage and carries nothing while both others carry; 0 where all
    carry, -1 where it is not known."""
    days = len(one.energy)
    found = np.full(days, -1, np.int8)
    if one.current_a is None or one.current_a.shape != (days, 3):
        return found
    amperes = one.current_a
    volts = one.voltage_v if one.voltage_v is not None else np.full((days, 3), 230.0)
    for day in np.flatnonzero(np.isfinite(amperes).all(axis=1) & np.isfinite(volts).all(axis=1)).tolist():
        by_current = np.argsort(amperes[day])
        weakest, next_one = int(by_current[0]), float(amperes[day, by_current[1]])
        if (
            next_one < CARRIES_A
            or volts[day].max() <= 0
            or volts[day].min() < UNDER_VOLTAGE * volts[day].max()
        ):
            continue
        found[day] = weakest + 1 if amperes[day, weakest] <= DARK_SHARE * next_one else 0
    return found


def by_phases(dark: npt.NDArray[np.int8], since: Days) -> Float:
    """(s) log-odds: the same phase dark since then and not before."""
    told = np.zeros(len(since))
    if (dark < 0).all():
        return told
    for at, day in enumerate(since.tolist()):
        later, earlier = dark[day:], dark[:day]
        read = later >= 0
        if read.sum() < FEWEST_DARK:
            continue
        phases = np.bincount(later[read], minlength=4)
        phase = 1 + int(np.argmax(phases[1:]))
        if phases[phase] >= max(FEWEST_DARK, 0.8 * read.sum()):
            always = (earlier == phase).sum() > 0.2 * max((earlier >= 0).sum(), 1)
            told[at] = 0.0 if always else DARK
        elif phases[0] >= 5:
            told[at] = ALL_CARRY
    return told


def tampering(one: MeterSeen, first: date) -> list[tuple[int, str]]:
    """Day and code of what the meter logged about its cover, its terminals or a magnet, in order."""
    days = len(one.energy)
    told = [((day - first).days, code) for day, code in one.events if any(w in code for w in TAMPER)]
    return sorted((day, code) for day, code in told if 0 <= day < days)


def by_events(logged: list[tuple[int, str]], since: Days) -> Float:
    """(s) log-odds: something logged about the day since which."""
    days = np.array([day for day, _ in logged], np.int64)
    if not len(days):
        return np.zeros(len(since))
    near = (np.abs(days[None, :] - since[:, None]) <= ABOUT).any(axis=1)
    return np.where(near, OPENED, 0.0)


def by_score(scores: Float, since: Days) -> Float:
    """(s) log-odds by the mean learned score since then."""
    known = np.isfinite(scores)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, scores, 0.0))])
    seen = np.concatenate([[0.0], np.cumsum(known)])
    n = seen[-1] - seen[since]
    mean = (sums[-1] - sums[since]) / np.maximum(n, 1)
    return np.asarray(SCORE_WEIGHT * np.clip(mean, -SCORE_LIMIT, SCORE_LIMIT) * np.minimum(n / SCORE_DAYS, 1))
