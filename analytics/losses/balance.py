"""A station's balance added up: over all of it, by day, by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from analytics.losses.residue import Residue


@dataclass(frozen=True, slots=True)
class Balance:
    """Wh over the `intervals` (of `of`) in which head and every customer are known: what was delivered, sold,
    lost as it had to be, and the rest. `covered`: their share of all that the head is known to have
    delivered."""

    delivered_wh: int
    sold_wh: int
    technical_wh: int
    unexplained_wh: int
    intervals: int
    of: int
    covered: float

    @property
    def loss_percent(self) -> float | None:
        """All that was lost, (delivered − Σ sold) / delivered; None where nothing was delivered."""
        return self._percent(self.delivered_wh - self.sold_wh)

    @property
    def technical_percent(self) -> float | None:
        return self._percent(self.technical_wh)

    @property
    def unexplained_percent(self) -> float | None:
        return self._percent(self.unexplained_wh)

    def _percent(self, wh: int) -> float | None:
        return 100 * wh / self.delivered_wh if self.delivered_wh > 0 else None


def balance(found: Residue, days: npt.NDArray[np.bool_] | None = None) -> Balance:
    """Over the days marked in `days` (d), or all."""
    chosen = slice(None) if days is None else days
    delivered, technical, rest = found.delivered[chosen], found.technical[chosen], found.unexplained[chosen]
    known = ~np.isnan(rest)
    into, lost, left = (float(one[known].sum()) for one in (delivered, technical, rest))
    whole = float(np.nansum(delivered))
    sold = round(into - lost - left)
    return Balance(
        delivered_wh=round(into),
        sold_wh=sold,
        technical_wh=round(lost),
        # As rounded figures they add up, too.
        unexplained_wh=round(into) - sold - round(lost),
        intervals=int(known.sum()),
        of=int(rest.size),
        covered=into / whole if whole > 0 else 0.0,
    )


def by_day(found: Residue) -> list[Balance]:
    """Of each day."""
    numbers = np.arange(len(found.delivered))
    return [balance(found, numbers == number) for number in numbers]


def by_month(found: Residue, first: date) -> list[tuple[date, Balance]]:
    """Of each calendar month that the days from `first` touch, with its first day."""
    of_day = [(first + timedelta(number)).replace(day=1) for number in range(len(found.delivered))]
    return [
        (month, balance(found, np.array([one == month for one in of_day]))) for month in dict.fromkeys(of_day)
    ]
