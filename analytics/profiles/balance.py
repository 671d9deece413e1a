"""What a station delivered against what its customers were counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.quality import Quality


@dataclass(frozen=True, slots=True)
class Balance:
    """Wh over the `slots` in which head and every customer are known; `loss_percent` None where nothing was
    delivered."""

    delivered_wh: int
    sold_wh: int
    slots: int
    loss_percent: float | None


def balance(
    head: npt.ArrayLike, head_quality: npt.ArrayLike, sold: npt.ArrayLike, sold_quality: npt.ArrayLike
) -> Balance:
    """Loss of a station: (delivered − Σ sold) / delivered, over instants that both sides know.

    `head` (d, slots), `sold` (m, d, slots) in Wh with their qualities; the head meter is no customer.
    """
    known = (np.asarray(head_quality) != Quality.MISSING) & (np.asarray(sold_quality) != Quality.MISSING).all(
        axis=0
    )
    delivered = int(np.asarray(head, np.int64)[known].sum())
    counted = int(np.asarray(sold, np.int64).sum(axis=0)[known].sum())
    percent = 100 * (delivered - counted) / delivered if delivered > 0 else None
    return Balance(delivered, counted, int(known.sum()), percent)
