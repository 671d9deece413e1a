"""Days to learn from: honest ones, and the same ones falsified."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.abnormal.attacks import ATTACKS, changed, falsified
from analytics.abnormal.household import FEWEST_DAYS, Household
from analytics.abnormal.life import lived
from analytics.abnormal.reference import Reference, Table, Usual

LIVES: Final = 2  # other lives of each household
OWN_LIVES: Final = 3  # of the history of the one that is judged


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """`table` (n, columns), `falsified` bool (n), `weight` (n): honest days weigh as much as false ones."""

    table: Table
    falsified: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Iterable[Examples]) -> Examples:
        """All of them."""
        found = list(parts)
        return cls(
            np.concatenate([one.table for one in found]),
            np.concatenate([one.falsified for one in found]),
            np.concatenate([one.weight for one in found]),
        )


def streams(days: Household, random: np.random.Generator) -> list[Household]:
    """The days as they are, then after each attack."""
    return [days, *(days.with_wh(falsified(days.wh, attack, random)) for attack in ATTACKS)]


def _examples(
    reference: Reference, days: Household, random: np.random.Generator, by: Usual | None = None
) -> Examples:
    """Each day as it is and after each attack that it shows."""
    tables, false, weight = [], [], []
    for number, stream in enumerate(streams(days, random)):
        seen = changed(days.wh, stream.wh) if number else np.ones(len(days), bool)
        tables.append(reference.table(stream, by)[seen])
        false.append(np.full(int(seen.sum()), number > 0))
        weight.append(np.full(int(seen.sum()), 1.0 if number else float(len(ATTACKS))))
    return Examples(np.concatenate(tables), np.concatenate(false), np.concatenate(weight))


def within(history: Household, random: np.random.Generator) -> Examples:
    """Of a history alone: each block of it against the others."""
    reference = Reference.of(history)
    return Examples.joined(_examples(reference, days, random, by) for days, by in reference.blocks)


def across(before: Household, after: Household, random: np.random.Generator) -> Examples:
    """Of later (or earlier) days against a history."""
    return _examples(Reference.of(before), after, random)


def of_another(household: Household, random: np.random.Generator) -> Examples:
    """All that a household teaches about others: its second half against its first, its first in itself, and
    as it might have lived."""
    history, rest = household.halves()
    parts = [within(history, random), across(history, rest, random)]
    for _ in range(LIVES):
        parts.append(across(*household.with_wh(lived(household.wh, random)).halves(), random))
    return Examples.joined(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Days of which somebody found out on site whether they were counted as used, and the days before that
    say what is usual of the household."""

    history: Household
    days: Household
    falsified: bool


def of_judged(judged: Judged) -> Examples:
    """What an inspection found: each day weighs as much as a day made up, honest with all its false ones."""
    n = len(judged.days)
    return Examples(
        Reference.of(judged.history).table(judged.days),
        np.full(n, judged.falsified),
        np.full(n, float(len(ATTACKS))),
    )


def of_its_own(history: Household, random: np.random.Generator) -> Examples:
    """What a household's history teaches about itself; nothing later is looked at."""
    parts = [within(history, random)]
    n = len(history)
    for _ in range(OWN_LIVES):
        other = history.with_wh(lived(history.wh, random))
        at = int(n * random.uniform(0.4, 0.7))
        one, two = other.of(slice(at)), other.of(slice(at, None))
        one, two = (one, two) if random.random() < 0.5 else (two, one)
        if len(one) >= FEWEST_DAYS:
            parts.append(across(one, two, random))
    return Examples.joined(parts)
