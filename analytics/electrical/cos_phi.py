"""cos φ of a supply over days and months, as a surcharge reckons it: of the energies, not of moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.tariffs.reactive import cos_phi
from model.quality import Quality


@dataclass(frozen=True, slots=True)
class CosPhi:
    """Energies of the `intervals` (of `of`) in which active and reactive import are both known, and their cos
    φ, half up to two decimals; None where nothing was drawn. `out_varh`: reactive energy given back
    (capacitive), which the surcharge does not count; None without such a register."""

    wh: int
    varh: int
    out_varh: int | None
    intervals: int
    of: int
    value: Decimal | None


def cos_phi_of(wh: int, varh: int) -> Decimal | None:
    """As on a bill (the same rounding); None where nothing was drawn at all."""
    return cos_phi(wh, varh) if wh > 0 or varh > 0 else None


def cos_phis(
    active: tuple[npt.ArrayLike, npt.ArrayLike],
    reactive: tuple[npt.ArrayLike, npt.ArrayLike],
    given_back: tuple[npt.ArrayLike, npt.ArrayLike],
    groups: Sequence[npt.NDArray[np.bool_]],
) -> list[CosPhi]:
    """Of each group of days, masks (d): Wh and varh (d, slots) with their qualities. Raises `AnalyticsError`
    for shapes that do not fit."""
    wh, varh, out = (np.asarray(energy, np.int64) for energy, _ in (active, reactive, given_back))
    there = [np.asarray(quality) != Quality.MISSING for _, quality in (active, reactive, given_back)]
    if not wh.shape == varh.shape == out.shape or any(one.shape != wh.shape for one in there):
        raise AnalyticsError("bad_shape", f"energies of {wh.shape}, {varh.shape} and {out.shape} do not fit")
    has_out, found = bool(there[2].any()), []
    for days in groups:
        known = there[0][days] & there[1][days]
        one, other = int(wh[days][known].sum()), int(varh[days][known].sum())
        back = int(out[days][there[2][days]].sum()) if has_out else None
        value = cos_phi_of(one, other) if known.any() else None
        found.append(CosPhi(one, other, back, int(known.sum()), known.size, value))
    return found
