"""What a line of a route may say: digits, the index before, the reader's status, and reading again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from analytics.billing import RegisterPart, use_register
from analytics.errors import BillingError
from analytics.vee.rules import Limit, Use, of_class
from analytics.vee.rules.bands import Past, changed, rise_to_sign, share_of
from operations.customer_classes import CLASS_OF_PLAN

UNREAD: Final = {
    "U": "not in use",
    "C": "burnt",
    "K": "stuck",
    "V": "customer absent",
    "M": "lost",
    "H": "broken",
    "D": "disconnected",
    "G": "displaced",
}
"""Status codes (TTR) of what a meter-reader found, with which a line may come back without an index."""
_READ: Final = ("", "Q", "T", "L", "X", *UNREAD)
_ROLLED, _OVER, _CHANGED = "Q", "L", "X"


@dataclass(frozen=True, slots=True)
class Line:
    """One register as the device brought it back; kWh with the multiplier, indices as displayed."""

    number: int
    serial: str
    register: str
    unit: str
    start: datetime
    end: datetime
    previous: Decimal
    current: Decimal | None
    again: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    digits: int | None = None
    status: str = ""
    before_kwh: Decimal | None = None
    last_year_kwh: Decimal | None = None
    said_kwh: Decimal | None = None
    beside_kwh: Decimal = Decimal(0)
    plan: str = ""

    @property
    def part(self) -> RegisterPart:
        current = self.previous if self.current is None else self.current
        status = _ROLLED if self.status == _ROLLED else ""
        return RegisterPart(
            self.register, self.previous, current, self.digits, status=status, serial=self.serial
        )

    @property
    def kwh(self) -> int:
        """Half-up of the indices' difference times the multiplier. Raises `BillingError`."""
        return use_register(self.part, self.multiplier).kwh

    @property
    def use(self) -> Use:
        """What the register went on by, with what was used beside it, over whole days."""
        days = max(1, (self.end - self.start) // timedelta(days=1))
        return Use(Decimal(self.kwh) + self.beside_kwh, days)

    @property
    def past(self) -> Past:
        """The months to compare with, taken as long as their calendar months."""
        last = self.end - timedelta(seconds=1)
        previous, year = self.start - timedelta(days=1), self.end - timedelta(days=366)
        return Past(_use(self.before_kwh, previous), _use(self.last_year_kwh, year), last.month)

    @property
    def change(self) -> Fraction | None:
        """By how much a day's use differs, as a share; None where there is nothing to compare with."""
        return None if self.current is None else share_of(self.use, self.past)

    @property
    def is_to_be_signed(self) -> bool:
        """Whether the customer signs the reading."""
        return rise_to_sign(self.use, self.past, self.limits["customer_signs"]) is not None

    @property
    def wants_again(self) -> bool:
        """Whether the index has to be read a second time (|change| > 30 %)."""
        return changed(self.use, self.past, self.limits["change_previous"]) is not None

    @property
    def limits(self) -> Mapping[str, Limit]:
        return of_class(CLASS_OF_PLAN.get(self.plan, "household"))


def _use(kwh: Decimal | None, month: datetime) -> Use | None:
    return None if kwh is None else Use(kwh, _month_days(month))


def _month_days(at: datetime) -> int:
    first = at.replace(day=1)
    return ((first + timedelta(days=32)).replace(day=1) - first).days


def refusal(line: Line) -> str:
    """Why the line cannot be taken, in one sentence; empty when it can."""
    who = f"register {line.register} of meter {line.serial}"
    if line.status not in _READ:
        return f"“{line.status}” is no status code (TTR_MOI): use one of {', '.join(filter(None, _READ))}"
    if line.current is None:
        if line.status in UNREAD:
            why = f"{line.status}: {UNREAD[line.status]}"
            return f"{who} was not read ({why}): judge its case (`ami case list`), or send somebody again"
        return f"{who} came back without an index and without a status that says why"
    if line.status == _CHANGED:
        return f"{who} is marked X (meter changed): enter the change first (`ami meter change`)"
    if line.current < 0:
        return f"{who} reads {line.current}: an index is never below zero, read it again"
    if line.current < line.previous and line.status != _ROLLED:
        fell = f"{who} fell from {line.previous} to {line.current}"
        return f"{fell}: read it again, or mark it Q if it rolled over"
    try:
        kwh = line.kwh
    except BillingError as error:
        return error.sentence
    if line.said_kwh is not None and line.said_kwh != kwh:
        return f"{who}: SL_MOI says {line.said_kwh} and the indices make {kwh}: correct the one that is wrong"
    if line.wants_again:
        if line.again is None:
            change = line.change
            much = "after a month of nothing" if change is None else f"{float(change) * 100:+.0f} % a day"
            return (
                f"{who}: {kwh} {line.unit}, {much}: read it again and enter the second reading as CS_DOC_LAI"
            )
        if line.again != line.current:
            return f"{who} reads {line.current}, and {line.again} the second time: read it a third time"
    return ""
