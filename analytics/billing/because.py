"""Why something stands on a bill: a kind and its figures, for whoever puts it into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Figure = int | Decimal | date | str


@dataclass(frozen=True, slots=True)
class Because:
    """`kind` is a stable word; `figures` are what its sentence speaks of, none of them rounded for it.

    `prorated` says why widths or charges are by days (a `Reason`, or `price_change`); empty: a full month.
    """

    kind: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    prorated: str = ""
