"""The simulated grid: stations of replayed households, with what is lost, stolen and missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from ami.bench.grid_lives import HONEST, PHASE, THEFTS, Life, by_passed, life, phase_shares, sunshine
from ami.failure import InputFailure
from analytics.abnormal import Household, Reference, Score
from analytics.suspicion import MeterSeen, StationSeen
from model.quality import Quality

Floats = npt.NDArray[np.float64]

FIRST: Final = date(2026, 3, 2)  # a Monday
HISTORY: Final = 56  # days before anything happens
ONSETS: Final = 15  # nights, on one of which a change begins
WATCHED: Final = 30  # nights after the last onset
DAYS: Final = HISTORY + ONSETS + WATCHED
THIEVES: Final = 0.03
HEADLESS: Final = 0.1  # of stations
THREE_PHASE: Final = 0.3  # of customers; thieves around a phase beside
READ: Final = 0.6  # of three-phase meters have their instants read
REWIRED: Final = 0.03  # of three-phase customers take all load off a phase, and use as much as before
SILENT_DAYS, GAPS = 0.02, 0.015  # shares of days without an answer, of slots in shorter gaps
OPENED: Final = 0.25  # of thieves set off the cover's contact
OPENED_HONEST: Final = 1 / 1500  # a day: covers are opened for other reasons
FAITHFUL: Final = 0.01  # a meter's constant error (class 1)


@dataclass(frozen=True, eq=False)
class Customer:
    """`what` happens from day `onset` on; empty for nothing."""

    what: str
    onset: int

    @property
    def steals(self) -> bool:
        """Whether the meter counts less than is used."""
        return self.what in THEFTS


@dataclass(frozen=True, eq=False)
class GridStation:
    """A station with all its days, and the truth about its customers in the order of its meters."""

    seen: StationSeen
    customers: tuple[Customer, ...]


def destinies(customers: int, random: np.random.Generator) -> list[Customer]:
    """What becomes of each: `THIEVES` of them by turns in three ways, `HONEST` shares, the others nothing."""
    drawn: list[str] = []
    for number in range(round(THIEVES * customers)):
        drawn.append(THEFTS[number % len(THEFTS)])
    for what, share in HONEST.items():
        drawn += [what] * round(share * customers)
    drawn += [""] * (customers - len(drawn))
    order = random.permutation(customers)
    onsets = random.integers(HISTORY, HISTORY + ONSETS, customers)
    return [Customer(drawn[order[at]], int(onsets[at])) for at in range(customers)]


def station(
    code: str,
    homes: Sequence[Household],
    score: Score,
    customers: Sequence[Customer],
    random: np.random.Generator,
    *,
    headless: bool = False,
) -> GridStation:
    """One with all that happens to it. `homes` are those that are replayed: `score` should not have learned
    from them."""
    sun = sunshine(DAYS, random)
    replays = _replays(homes, len(customers), random)
    lives, meters = [], []
    for number, (customer, (use, rest)) in enumerate(zip(customers, replays, strict=True)):
        shares = phase_shares(DAYS, random)
        lived = life(use, customer.what, customer.onset, shares, sun, random)
        lives.append(lived)
        meters.append(_meter(f"{code}-{number:02d}", lived, rest, customer, shares, score, random))
    head = _head(lives, random)
    missing = random.random(DAYS) < 0.01
    quality = np.where(missing[:, None], Quality.MISSING, Quality.ACTUAL) * np.ones((1, 48), np.int64)
    seen = StationSeen(
        code,
        FIRST,
        tuple(meters),
        None if headless else np.round(head),
        None if headless else quality.astype(np.uint8),
    )
    return GridStation(seen, tuple(customers))


def _replays(
    homes: Sequence[Household], customers: int, random: np.random.Generator
) -> list[tuple[Floats, npt.NDArray[np.int64]]]:
    """Wh (DAYS, 48) and days of rest of as many customers: a household from one of its Mondays on (any
    day, where they are too few), scaled
    and up to two hours earlier or later. Nobody at a station replays the same days as a neighbour."""
    starts = [(at, first) for at, home in enumerate(homes) for first in range(len(home) - DAYS + 1)]
    mondays = [
        (at, first)
        for at, first in starts
        if homes[at].rest[first : first + 7].tolist() == [0, 0, 0, 0, 0, 1, 1]
    ]
    if len(starts) < customers:
        raise InputFailure(
            f"{len(starts)} days of households to replay {DAYS} days from, {customers} customers"
            " to a station: give more or longer households"
        )
    mondays = mondays if len(mondays) >= customers else starts
    found = []
    for place in random.choice(len(mondays), customers, replace=False).tolist():
        at, first = mondays[place]
        days = homes[at].wh[first : first + DAYS]
        moved = np.roll(days.ravel(), random.integers(-4, 5)).reshape(days.shape)
        found.append((moved * random.uniform(0.5, 2), homes[at].rest[first : first + DAYS]))
    return found


def _meter(
    serial: str,
    lived: Life,
    rest: npt.NDArray[np.int64],
    customer: Customer,
    shares: Floats,
    score: Score,
    random: np.random.Generator,
) -> MeterSeen:
    """What is read of a customer."""
    gain = 1 + random.normal(0, FAITHFUL / 2)
    counted = np.round(lived.counted * gain)
    quality = _quality(random)
    energy = np.where(quality == Quality.MISSING, 0, counted)
    exported = None
    if lived.exported is not None:
        exported = np.where(quality == Quality.MISSING, np.nan, np.round(lived.exported * gain))
    current = voltage = None
    if (random.random() < THREE_PHASE or customer.what == PHASE) and random.random() < READ:
        current, voltage = _instants(lived, customer, shares, random)
    return MeterSeen(
        serial,
        energy,
        quality,
        _scores(serial, energy, quality, rest, score),
        exported,
        lived.absent,
        _events(customer, random),
        current,
        voltage,
    )


def _quality(random: np.random.Generator) -> npt.NDArray[np.uint8]:
    known = np.ones((DAYS, 48), bool)
    for day in np.flatnonzero(random.random(DAYS) < SILENT_DAYS / 2).tolist():
        known[day : day + int(random.integers(1, 4))] = False
    for day in np.flatnonzero(random.random(DAYS) < GAPS * 48 / 12).tolist():
        start = int(random.integers(0, 48))
        known[day, start : start + int(random.integers(4, 21))] = False
    return np.where(known, Quality.ACTUAL, Quality.MISSING).astype(np.uint8)


def _instants(
    lived: Life, customer: Customer, shares: Floats, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Means of some reads of an evening; a phase by-passed carries next to nothing through the meter."""
    slots = random.integers(34, 46, DAYS)
    days = np.arange(DAYS)
    share = shares[days, slots].copy()
    if customer.what == PHASE:
        share[customer.onset :, by_passed(shares)] *= random.uniform(0, 0.03)
    elif random.random() < REWIRED:
        phase, since = int(random.integers(3)), int(random.integers(0, DAYS))
        share[since:, (phase + 1) % 3] += share[since:, phase]
        share[since:, phase] = 0
    volts = random.normal(230, 4, (DAYS, 3))
    amperes = lived.used[days, slots, None] * 2 * share / volts
    unread = random.random(DAYS) < 0.1
    return np.where(unread[:, None], np.nan, amperes), np.where(unread[:, None], np.nan, volts)


def _events(customer: Customer, random: np.random.Generator) -> tuple[tuple[date, str], ...]:
    days = np.flatnonzero(random.random(DAYS) < OPENED_HONEST).tolist()
    if customer.steals and random.random() < OPENED:
        days.append(customer.onset)
    return tuple((FIRST + timedelta(day), "cover_open") for day in sorted(days))


def _scores(
    serial: str,
    energy: Floats,
    quality: npt.NDArray[np.uint8],
    rest: npt.NDArray[np.int64],
    score: Score,
) -> Floats:
    """Of whole days after the history, as they are scored night by night."""
    whole = (quality != Quality.MISSING).all(axis=1)
    logits = np.full(DAYS, np.nan)
    days = Household(serial, energy[whole], rest[whole])
    history = int(whole[:HISTORY].sum())
    if history >= 28 and whole[HISTORY:].any():
        reference = Reference.of(days.of(slice(history)))
        logits[np.flatnonzero(whole)[history:]] = score.of(reference, days.of(slice(history, None)))
    return logits


def _head(lives: Sequence[Life], random: np.random.Generator) -> Floats:
    """(DAYS, 48) Wh: what customers draw and feed back, and what a transformer and lines lose of it, some
    days more than on others; by a meter with an error of its own."""
    load = np.asarray(sum(one.used - one.fed for one in lives))
    middle = float(load.mean())
    square = random.uniform(0.02, 0.05) * middle / float((load**2).mean())
    wander = random.lognormal(0, 0.05, (DAYS, 1)) * random.lognormal(0, 0.05, load.shape)
    lost = random.uniform(0.004, 0.01) * middle + square * load**2 * wander
    through = (load + lost) * (1 + random.normal(0, 0.0025)) * (1 + random.normal(0, 0.002, load.shape))
    return np.asarray(np.maximum(through, 0))
