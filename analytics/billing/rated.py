"""What a rated period says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from model.bill import BillLine, RegisterUse
from model.money import Dong


@dataclass(frozen=True, slots=True)
class RatedLine(BillLine):
    """A line of the bill and the price decision it comes from."""

    decision: str = ""


@dataclass(frozen=True, slots=True)
class Reactive:
    """Reactive surcharge: its own invoice with its own VAT, never in the bill's total."""

    cos_phi: Decimal
    k_percent: Decimal
    subtotal: Dong
    vat: Dong
    total: Dong


@dataclass(frozen=True, slots=True)
class Rated:
    """`wh` is exact, `kwh` what is billed; `notes` say what a reader should know (unconfirmed prices …)."""

    lines: tuple[RatedLine, ...]
    kwh: int
    wh: Decimal
    subtotal: Dong
    vat_percent: Decimal
    vat: Dong
    total: Dong
    decisions: tuple[str, ...]
    uses: tuple[RegisterUse, ...] = ()
    reactive: Reactive | None = None
    notes: tuple[str, ...] = ()
