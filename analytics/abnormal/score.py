"""The score: learned, asked, explained, kept in a file."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from analytics.abnormal.examples import Examples, Judged, of_another, of_its_own, of_judged
from analytics.abnormal.household import Household
from analytics.abnormal.names import COLUMNS, subject
from analytics.abnormal.reference import Reference
from analytics.abnormal.trees import TREES, Trees, boost
from analytics.errors import AnalyticsError

VERSION: Final = 1  # of columns and trees: a file of another version is not read
WEEK: Final = 7  # days


@dataclass(frozen=True, slots=True)
class Reason:
    """`subject` (a word of `names.subject`) added `logit`; most by `column`, whose figure was `figure`."""

    subject: str
    logit: float
    column: str
    figure: float


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What was learned."""

    trees: Trees

    def of(self, reference: Reference, days: Household) -> npt.NDArray[np.float64]:
        """(n) logit of each day: above 0 looks falsified rather than honest."""
        return self.trees.logits(reference.table(days))

    def why(self, reference: Reference, days: Household, most: int = 3) -> list[list[Reason]]:
        """For each day what spoke most for falsification, strongest first."""
        table = reference.table(days)
        return [
            _reasons(added, figures, most)
            for added, figures in zip(self.trees.contributions(table), table, strict=True)
        ]

    def to_bytes(self) -> bytes:
        """A file of arrays; nothing in it is executed when it is read."""
        file, trees = io.BytesIO(), self.trees
        np.savez_compressed(
            file,
            version=np.int64(VERSION),
            columns=np.array(COLUMNS),
            start=np.float64(trees.start),
            column=trees.column.astype(np.int16),
            threshold=trees.threshold,
            left=trees.left.astype(np.int16),
            value=trees.value,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Score:
        """Raises `AnalyticsError` on a file of another version or columns, or none at all."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as kept:
                if int(kept["version"]) != VERSION or tuple(kept["columns"].tolist()) != COLUMNS:
                    raise AnalyticsError(
                        "other_score", "The score was learned by another version: learn it anew"
                    )
                column, left = (np.ascontiguousarray(kept[n].astype(np.int64)) for n in ("column", "left"))
                trees = Trees(float(kept["start"]), column, kept["threshold"], left, kept["value"])
        except (KeyError, OSError, ValueError, EOFError, BadZipFile, zlib.error) as reason:
            if isinstance(reason, AnalyticsError):
                raise
            raise AnalyticsError("bad_score", f"This is no file of a learned score: {reason}") from reason
        _check(trees)
        return cls(trees)


def _check(trees: Trees) -> None:
    """A walk along the nodes must end inside the arrays."""
    inner = trees.column >= 0
    shapes = {array.shape for array in (trees.column, trees.threshold, trees.left, trees.value)}
    place = np.arange(trees.column.shape[1]) if trees.column.ndim == 2 else np.zeros(0)
    sound = len(shapes) == 1 and trees.column.ndim == 2 and bool((trees.column < len(COLUMNS)).all())
    sound = sound and bool(((trees.left > place) & (trees.left + 1 < len(place)))[inner].all())
    if not sound:
        raise AnalyticsError("bad_score", "The file of the learned score is damaged: learn it anew")


def _reasons(added: npt.NDArray[np.float64], figures: npt.NDArray[np.float32], most: int) -> list[Reason]:
    by_subject: dict[str, list[int]] = {}
    for place, name in enumerate(COLUMNS):
        by_subject.setdefault(subject(name), []).append(place)
    found = []
    for word, places in by_subject.items():
        top = max(places, key=lambda place: added[place])
        total = float(added[places].sum())
        if total > 0:
            found.append(Reason(word, total, COLUMNS[top], float(figures[top])))
    return sorted(found, key=lambda reason: -reason.logit)[:most]


def learn(
    others: Iterable[Household],
    histories: Iterable[Household] = (),
    judged: Iterable[Judged] = (),
    *,
    seed: int,
    trees: int = TREES,
) -> Score:
    """Learn from `others`, whole records of other households, from `histories` of those to be judged, and
    from days that inspections have `judged`."""
    random = np.random.default_rng(seed)
    parts = [of_another(one, random) for one in others] + [of_its_own(one, random) for one in histories]
    parts += [of_judged(one) for one in judged if len(one.days)]
    return learn_from(parts, seed=seed, trees=trees)


def learn_from(parts: Iterable[Examples], *, seed: int, trees: int = TREES) -> Score:
    """Learn from examples; raises `AnalyticsError` where there are none."""
    found = list(parts)
    if not found:
        raise AnalyticsError("nothing_to_learn", "There is no household to learn from: name one")
    return Score(boost(Examples.joined(found), seed, trees))


def weekly(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n − 6) mean of each day and the six before it."""
    if len(logits) < WEEK:
        return np.empty(0)
    return np.convolve(logits, np.full(WEEK, 1 / WEEK), "valid")
