"""A station's balance by interval, day and period, what is missing left out and said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.losses.technical import Technical
from model.quality import Quality

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Residue:
    """Wh by interval (d, slots), NaN where unknown: what was `delivered`, and of it the `technical` loss and
    the `unexplained` rest. `covered`: the share of the head's energy in intervals where all is known."""

    delivered: Float
    technical: Float
    unexplained: Float
    covered: float

    @property
    def percent(self) -> float | None:
        """Unexplained in percent of delivered over the period; None where nothing is known or delivered.

        Each time of day counts with all that the head delivered in it: what is missing at night does not make
        a night's loss small.
        """
        known = ~np.isnan(self.unexplained)
        by_slot = np.where(known, self.delivered, 0.0).sum(axis=0)
        lost = np.where(known, self.unexplained, 0.0).sum(axis=0)
        whole = np.nansum(self.delivered, axis=0)
        told = by_slot > 0
        if not told.any() or whole[told].sum() <= 0:
            return None
        return float(100 * (lost[told] / by_slot[told] * whole[told]).sum() / whole[told].sum())

    def by_day(self) -> Float:
        """(d, 2) Wh delivered and unexplained over the known intervals of each day, NaN where none is."""
        known = ~np.isnan(self.unexplained)
        some = known.any(axis=1)
        parts = [np.where(known, one, 0.0).sum(axis=1) for one in (self.delivered, self.unexplained)]
        return np.stack([np.where(some, part, np.nan) for part in parts], axis=1)


def residue(
    head: npt.ArrayLike,
    head_quality: npt.ArrayLike,
    sold: npt.ArrayLike,
    sold_quality: npt.ArrayLike,
    technical: Technical | Float,
) -> Residue:
    """`head` (d, slots) Wh into a station, `sold` (m, d, slots) Wh of its customers, with their qualities;
    `technical` as it is reckoned, or the Wh lost by interval.

    Estimates count where a register holds them; an interval that somebody is missing in, or estimated in
    without a register, is not told. Raises `AnalyticsError` for shapes that do not fit.
    """
    delivered, customers = np.asarray(head, np.float64), np.asarray(sold, np.float64)
    if delivered.ndim != 2 or customers.shape[1:] != delivered.shape:
        raise AnalyticsError(
            "bad_shape", f"a head of {delivered.shape} and customers of {customers.shape} do not fit"
        )
    there = _held(np.asarray(head_quality))
    known = there & _held(np.asarray(sold_quality)).all(axis=0)
    lost = technical.wh(delivered) if isinstance(technical, Technical) else technical
    rest = np.where(known, delivered - customers.sum(axis=0) - lost, np.nan)
    whole = delivered[there].sum()
    covered = float(delivered[known].sum() / whole) if whole > 0 else 0.0
    return Residue(np.where(there, delivered, np.nan), np.where(there, lost, np.nan), rest, covered)


def _held(quality: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether a slot is known, or estimated so that it adds up to a register."""
    return np.asarray((quality != Quality.MISSING) & (quality != Quality.UNSCALED))
