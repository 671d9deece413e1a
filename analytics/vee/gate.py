"""The billing gate: what a determinant rests on, and whether that is enough to bill by.

A determinant is held with its reason, not an exception: the rest of the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analytics.errors import AnalyticsError
from analytics.vee.rules.limits import Limit, of_class, read
from model.quality import Quality

FILE = Path(__file__).with_name("gate.toml")
PARTS = ("missing", "estimated", "edited")


@dataclass(frozen=True, slots=True)
class Shares:
    """Of what a determinant (KT, BT, CD, TD, VC, PMAX) rests on: shares of 1."""

    determinant: str
    missing: float = 0.0
    estimated: float = 0.0
    edited: float = 0.0

    def __post_init__(self) -> None:
        parts = [getattr(self, part) for part in PARTS]
        if min(parts) < 0 or sum(parts) > 1 + 1e-9:
            raise AnalyticsError(
                "bad_shares", f"determinant {self.determinant}: the shares {parts} are no parts of a whole"
            )


@dataclass(frozen=True, slots=True)
class Held:
    """A determinant that must not be billed as it stands: which share exceeds which limit."""

    determinant: str
    part: str  # missing, estimated, edited
    share: float
    limit: float

    @property
    def reason(self) -> str:
        """One sentence: what, where, what to do."""
        do = {
            "missing": "read the meter again or enter the index",
            "estimated": "read the meter again or have the estimate approved",
            "edited": "have the edits approved",
        }[self.part]
        return f"{self.determinant}: {self.share:.1%} {self.part}, more than {self.limit:.1%}: {do}."


def shares_of(
    determinant: str,
    quality: npt.NDArray[np.uint8],
    hours: npt.NDArray[np.bool_] | None = None,
    *,
    of: int = 0,
) -> Shares:
    """Shares of the slots (of any shape), of those in `hours` alone where given; no slots have none.

    `of`: how many slots the determinant has in all, where the others rest on a reading.
    """
    mine = quality.reshape(-1) if hours is None else quality.reshape(-1)[hours.reshape(-1)]
    if not len(mine):
        return Shares(determinant)
    counts = np.bincount(mine, minlength=len(Quality))
    many = max(of, len(mine))
    return Shares(
        determinant,
        missing=int(counts[Quality.MISSING]) / many,
        estimated=int(counts[Quality.LINEAR : Quality.UNSCALED + 1].sum()) / many,
        edited=int(counts[Quality.EDITED]) / many,
    )


@cache
def gate_limits(customer_class: str) -> Mapping[str, Limit]:
    """Determinant → limits of a class (household, production, business, administration, wholesale)."""
    of_class(customer_class)  # an unknown class is refused in the words of the rules
    return read(FILE)[customer_class]


def gate(shares: Iterable[Shares], limits: Mapping[str, Limit]) -> list[Held]:
    """What must be held back; a determinant without limits raises `AnalyticsError`.

    `limits`: determinant → part → highest share that passes, as `gate_limits` gives them. A share that
    equals its limit passes.
    """
    held = []
    for one in shares:
        if one.determinant not in limits:
            known = ", ".join(limits)
            raise AnalyticsError(
                "bad_determinant",
                f"there are no limits for the determinant {one.determinant!r}: give {known}",
            )
        for part in PARTS:
            share, limit = float(getattr(one, part)), float(limits[one.determinant][part])
            if share > limit + 1e-12:
                held.append(Held(one.determinant, part, share, limit))
    return held
