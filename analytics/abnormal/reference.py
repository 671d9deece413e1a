"""What a household's own days are like, and the figures of any day against them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.abnormal.household import FEWEST_DAYS, Household
from analytics.abnormal.names import BASIC, HOUSEHOLD, LEVELS, LIKENESS, SHAPES
from analytics.errors import AnalyticsError

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.float32]

BLOCKS: Final = 5  # of the history, each described by the others
FRACTIONS: Final = np.array([0.1, 0.15, 0.2, 0.27, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85])
MULTIPLES: Final = np.array([1.2, 1.5])
FARTHEST: Final = 30.0  # spreads that a figure may lie off
_AT: Final = {name: place for place, name in enumerate(BASIC)}


@dataclass(frozen=True, eq=False)
class Usual:
    """Densities, profiles and neighbours made of some days (d, 48)."""

    own: Household

    @cached_property
    def floor(self) -> float:
        """Wh added before a logarithm is taken: small against the household's mean, never nothing."""
        return 0.03 * float(self.own.wh.mean()) + 2.0

    @cached_property
    def _made(self) -> tuple[Any, ...]:
        from analytics.abnormal.likeness_kernel import COARSE, FINE, count

        x, floor = self.own.wh, self.floor
        lowest, highest = np.log(floor), np.log(x.max() + floor)
        fine, coarse = int((highest - lowest) / FINE) + 2, int((highest - lowest) / COARSE) + 2
        values, slots, steps = np.zeros(fine), np.zeros((48, coarse)), np.zeros((coarse, coarse))
        count(x, floor, lowest, values, slots, steps)
        anywhere = _anywhere(slots)
        logs = np.log(x + floor)
        profiles, log_profiles = np.empty((2, 48)), np.empty((2, 48))
        for kind in (0, 1):
            alike = self.own.rest == kind
            alike = alike if alike.any() else ~alike
            profiles[kind], log_profiles[kind] = x[alike].mean(0), np.median(logs[alike], axis=0)
        hours = np.log(x.reshape(-1, 24, 2).mean(2) + floor)
        return (
            floor,
            lowest,
            np.log(_values(values)),
            np.log(_slots(slots, anywhere)),
            np.log(_steps(steps, anywhere)),
            profiles,
            log_profiles,
            np.ascontiguousarray(hours),
            _mirror(hours),
            FRACTIONS,
            MULTIPLES,
        )

    def figures(self, days: Household) -> Floats:
        """(n, 81) figures of days, in the order of `names.BASIC`."""
        from analytics.abnormal.day_kernel import levels, shapes
        from analytics.abnormal.likeness_kernel import likeness

        n = len(days)
        parts = [np.zeros((n, len(names))) for names in (LEVELS, SHAPES, LIKENESS)]
        levels(days.wh, self.floor, parts[0])
        shapes(days.wh, self.floor, parts[1])
        given: tuple[Any, ...] = (days.wh, days.rest, *self._made, parts[2])
        likeness(*given)
        return np.hstack(parts)


def _blurred(counts: Floats, weights: Floats) -> Floats:
    """Along the last axis; what lies at the edge is repeated beyond it."""
    reach = len(weights) // 2
    wide = np.concatenate([counts[..., :1]] * reach + [counts] + [counts[..., -1:]] * reach, axis=-1)
    n = counts.shape[-1]
    return np.asarray(sum(weight * wide[..., k : k + n] for k, weight in enumerate(weights)))


_NARROW: Final = np.array([0.25, 0.5, 0.25])
_WIDE: Final = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)


def _values(counts: Floats) -> Floats:
    """Shares of fine bins; none is nothing."""
    blurred = _blurred(counts, _WIDE) + 0.5
    return np.asarray(blurred / blurred.sum())


def _anywhere(slots: Floats) -> Floats:
    """Shares of coarse bins at any hour."""
    counts = slots.sum(0) / (1 + 2 * 0.6 + 2 * 0.25) + 1.0
    return np.asarray(counts / counts.sum())


def _slots(counts: Floats, anywhere: Floats) -> Floats:
    """(48, bins) shares by slot, drawn towards those of any hour as if by 20 values."""
    blurred = _blurred(counts, _NARROW)
    return np.asarray((blurred + 20 * anywhere) / (blurred.sum(1, keepdims=True) + 20))


def _steps(counts: Floats, anywhere: Floats) -> Floats:
    """(from, to) how many times as likely as at any time, drawn towards 1 as if by 10 steps."""
    blurred = _blurred(_blurred(counts, _NARROW).T, _NARROW).T
    return np.asarray((blurred + 10 * anywhere) / (blurred.sum(1, keepdims=True) + 10) / anywhere)


def _mirror(hours: Floats) -> Floats:
    """(24) weights that tell best a day from its mirror image: Fisher's, with a shrunken covariance."""
    mean, spread = hours.mean(0), np.cov(hours.T)
    spread = (spread + spread[::-1, ::-1]) / 2
    shrunken = 0.7 * spread + (0.3 * np.trace(spread) / 24 + 1e-3) * np.eye(24)
    return np.asarray(np.linalg.solve(shrunken, mean - mean[::-1]))


@dataclass(frozen=True, eq=False)
class Reference:
    """A household's history and how its own days lie about it."""

    history: Household
    blocks: tuple[tuple[Household, Usual], ...]
    """Parts of the history, each with what the others show: its days may be described as unseen ones."""
    middle: Floats
    spread: Floats
    household: Floats
    usual: Usual

    @classmethod
    def of(cls, history: Household) -> Reference:
        """Raises `AnalyticsError` where the history is shorter than `FEWEST_DAYS` days."""
        n = len(history)
        if n < FEWEST_DAYS:
            raise AnalyticsError(
                "short_history", f"{history.name}: {n} whole days of history, {FEWEST_DAYS} are needed"
            )
        edges, place = np.linspace(0, n, BLOCKS + 1).astype(int), np.arange(n)
        inside = [(place >= a) & (place < b) for a, b in pairwise(edges)]
        blocks = tuple((history.of(chosen), Usual(history.of(~chosen))) for chosen in inside)
        own = np.concatenate([usual.figures(days) for days, usual in blocks])
        middle = np.median(own, axis=0)
        near = 1.4826 * np.median(np.abs(own - middle), axis=0)
        return cls(
            history,
            blocks,
            middle,
            np.maximum(near, 0.3 * own.std(axis=0)) + 1e-6,
            np.array(
                [
                    np.log(history.wh.sum(1) + 50).std(),
                    *(middle[_AT[name]] for name in ("like_profile", "profile_over_mirror", "likely_value")),
                    (history.wh <= 0).mean(),
                    middle[_AT["mirror_score"]],
                ]
            ),
            Usual(history),
        )

    @property
    def figures(self) -> Floats:
        """(168) what it takes long to find out: with them and the history it is made `again`."""
        return np.concatenate([self.middle, self.spread, self.household])

    @classmethod
    def again(cls, history: Household, figures: Floats) -> Reference:
        """From the `figures` of a reference of this history; it asks and learns nothing of the history's own
        days (no `blocks`). Raises `AnalyticsError` for figures of another number or that are none."""
        n = len(BASIC)
        if figures.shape != (2 * n + len(HOUSEHOLD),) or not np.isfinite(figures).all() or not len(history):
            raise AnalyticsError("bad_shape", f"{history.name}: these are no figures of a reference")
        middle, spread, household = np.split(np.asarray(figures, np.float64), [n, 2 * n])
        return cls(history, (), middle, spread, household, Usual(history))

    def table(self, days: Household, by: Usual | None = None) -> Table:
        """(n, 168) float32 in the order of `names.COLUMNS`; `by`: what stands for the whole history."""
        plain = (by or self.usual).figures(days)
        own = np.clip((plain - self.middle) / self.spread, -FARTHEST, FARTHEST)
        plain[:, : len(LEVELS)] -= self.middle[: len(LEVELS)]
        kind = np.repeat(self.household[None], len(days), 0)
        return np.hstack([plain, own, kind]).astype(np.float32)
