"""Closing indices, bills and the reasons a bill is held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from model.money import Dong
from model.period import Period
from model.quality import Quality
from model.series import Channel, Rate, RegisterKey

INTERPOLATED: Final = "interpolated"  # an earlier index and the half-hours since
BETWEEN: Final = "between"  # evenly between two readings
ESTIMATE: Final = "estimate"  # onwards at the pace of the days before
COUNTED_BY: Final = (INTERPOLATED, BETWEEN, ESTIMATE)
"""`ClosingIndex.method` of what was counted, not read."""


@dataclass(frozen=True, slots=True)
class ClosingIndex:
    """A register at a closing instant, as on the bill. `status`: the trade's code (Q rollover, X changed).

    `method` is how it came about (billing_profile, load_profile, poll, interpolated, manual, estimate …),
    `quality` how good that is; neither makes it another index.
    """

    point: str
    serial: str
    channel: Channel
    rate: Rate
    at: datetime
    raw: int
    scaler: int
    status: str = ""
    method: str = field(default="", compare=False)
    quality: Quality = field(default=Quality.ACTUAL, compare=False)

    @property
    def code(self) -> str:
        """The register's code on a bill."""
        return RegisterKey(self.channel, self.rate).code


@dataclass(frozen=True, slots=True)
class RegisterUse:
    """One register of one meter over one period, as the bill shows it.

    `wh` = index difference × multiplier, exact; `kwh` = half-up of `wh` + `carried_wh`, the fraction that
    the last period's rounding left over (negative when it rounded up).
    """

    serial: str
    rate: Rate
    previous: Decimal  # kWh index
    current: Decimal
    multiplier: Decimal
    wh: Decimal
    kwh: int
    status: str = ""
    removed: bool = False
    carried_wh: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class BillLine:
    """`label` names tier or register (bậc 1, BT …); price in đồng per kWh before VAT."""

    label: str
    kwh: int
    price: Dong
    amount: Dong


@dataclass(frozen=True, slots=True)
class ReactiveBill:
    """The surcharge for reactive energy of a bill's period: an invoice of its own, with VAT at the bill's
    rate, and no part of the bill's total.

    `uses` are the registers of reactive import: `wh` and `kwh` of theirs are varh and kvarh. `k_percent` of
    the bill's amount before VAT, by cos φ (`decision`); 0: there is nothing to pay.
    """

    kwh: int
    kvarh: int
    cos_phi: Decimal
    k_percent: Decimal
    decision: str
    subtotal: Dong
    vat: Dong
    total: Dong
    uses: tuple[RegisterUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill to the đồng. `decisions` names every price decision used.

    `reactive` None: no reactive energy is bought. `pmax_kw`: the highest half-hour of the period; None where
    not all half-hours are known, and for households.
    """

    point: str
    customer: str
    period: Period
    invoice_date: date
    plan: str
    decisions: tuple[str, ...]
    uses: tuple[RegisterUse, ...]
    lines: tuple[BillLine, ...]
    kwh: int
    wh: Decimal
    subtotal: Dong
    vat_percent: Decimal
    vat: Dong
    total: Dong
    reactive: ReactiveBill | None = None
    pmax_kw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A bill that is not issued, and why, in one sentence that says what to do.

    `serial` is empty where no meter hangs.
    """

    point: str
    customer: str
    serial: str
    period: Period
    kind: str  # no_opening_index, no_closing_index, negative, no_vat_rate …
    reason: str

    @property
    def named(self) -> str:
        """What is to be looked at: the meter, or the point where none hangs."""
        return self.serial or self.point
