"""The loss that a station's transformer and lines cannot avoid, interval by interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Technical:
    """`no_load_w`: iron loss, always there. `per_square`: W lost per W² delivered, in windings and lines."""

    no_load_w: float
    per_square: float

    def __post_init__(self) -> None:
        if not (self.no_load_w >= 0 and self.per_square >= 0):
            raise AnalyticsError("bad_loss", "a loss is no less than nothing: give watts of 0 or more")

    @classmethod
    def of_transformer(
        cls, kva: float, no_load_w: float, load_w: float, line_percent: float = 0.0, cos_phi: float = 0.9
    ) -> Self:
        """From the name plate: loss without load and at rated load (IEC 60076-1), and what the lines lose of
        the rated power in percent (at `cos_phi`)."""
        rated_w = kva * 1000 * cos_phi
        if rated_w <= 0:
            raise AnalyticsError("bad_transformer", f"a transformer of {kva:g} kVA delivers nothing")
        return cls(no_load_w, (load_w + line_percent / 100 * rated_w) / rated_w**2)

    def wh(self, delivered: npt.ArrayLike) -> Float:
        """Wh lost in each interval that `delivered` (…, slots) Wh went in, the last axis being a day."""
        given = np.asarray(delivered, np.float64)
        hours = 24 / given.shape[-1]
        return np.asarray(self.no_load_w * hours + self.per_square / hours * given**2)

    def wh_above(self, used: npt.ArrayLike) -> Float:
        """Wh lost on the way to what was `used` (…, slots): of used + lost, solved for lost.

        A load that no transformer carries (nothing solves it) loses what its own square does.
        """
        given = np.asarray(used, np.float64)
        hours = 24 / given.shape[-1]
        per, at_least = self.per_square / hours, self.no_load_w * hours + self.per_square / hours * given**2
        linear = 1 - 2 * per * given
        square = linear**2 - 4 * per * at_least
        solved = (square > 0) & (linear > 0)
        root = np.sqrt(np.where(solved, square, 0.0))
        # Written so that it keeps its digits where `per` is next to nothing.
        return np.asarray(np.where(solved, 2 * at_least / np.where(solved, linear + root, 1.0), at_least))
