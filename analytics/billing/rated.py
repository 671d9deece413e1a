"""What a rated period says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from analytics.billing.because import Because
from analytics.tariffs.prices import Currency
from model.bill import BillLine, RegisterUse
from model.money import Dong


@dataclass(frozen=True, slots=True)
class RatedLine(BillLine):
    """A line of the bill: the decision, the days, the tier (from 1 on) or band, and why it is as it is.

    `kw` is what a demand charge is for; it and a standing charge have no kWh.
    """

    decision: str = ""
    start: date = date.min
    end: date = date.max
    tier: int | None = None
    band: str = ""
    voltage: str = ""
    kw: Decimal | None = None
    because: Because = field(default_factory=lambda: Because(""))


@dataclass(frozen=True, slots=True)
class Reactive:
    """Reactive surcharge: its own invoice with its own VAT, never in the bill's total."""

    cos_phi: Decimal
    k_percent: Decimal
    subtotal: Dong
    vat: Dong
    total: Dong
    because: Because = field(default_factory=lambda: Because(""))


@dataclass(frozen=True, slots=True)
class Rated:
    """`wh` is exact, `kwh` what is billed; `notes` are what a reader should know (unconfirmed prices …).

    Amounts and prices are whole numbers of what `currency` says.
    """

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
    notes: tuple[Because, ...] = ()
    vat_because: Because = field(default_factory=lambda: Because(""))
    currency: Currency = field(default_factory=Currency)
