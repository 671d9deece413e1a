"""What a line of a route may say: digits, the index before, the reader's status, and reading again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from analytics.billing import RegisterPart, use_register
from analytics.errors import BillingError

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
"""Status codes (TTR) with which a line may come back without an index."""
_READ: Final = ("", "Q", "T", "L", "X", *UNREAD)
_ROLLED, _OVER, _CHANGED = "Q", "L", "X"

# Read again before the bill goes out (reader applications of NPC, 2017): |change| above 30 % a day.
AGAIN_FROM: Final = Decimal("0.3")
FLOOR_KWH: Final = 30  # a month; where both months are below, nobody walks back
FROM_NOTHING_KWH: Final = 100  # a month, after a month of nothing
SIGN_FROM_KWH, SIGN_RISE = 400, 2  # from there on, a rise to the threefold is signed by the customer
HOT_MONTHS: Final = range(4, 8)  # April to July: compared with the same month of last year
_DAYS_A_MONTH: Final = Decimal(30)


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
    def days(self) -> int:
        return max(1, (self.end - self.start) // timedelta(days=1))

    @property
    def is_hot(self) -> bool:
        return (self.end - timedelta(seconds=1)).month in HOT_MONTHS

    @property
    def change(self) -> Decimal | None:
        """kWh a day against the month before (in April to July: against last year's month), less 1.

        None where there is nothing to compare with. The month before is taken as long as its calendar month.
        """
        hot = self.is_hot and self.last_year_kwh is not None
        before = self.last_year_kwh if hot else self.before_kwh
        if before is None or self.current is None or before <= 0:
            return None
        month = (self.start - timedelta(days=1)) if not hot else self.end - timedelta(days=366)
        return (self._total / self.days) / (before / _month_days(month)) - 1

    @property
    def _total(self) -> Decimal:
        return Decimal(self.kwh) + self.beside_kwh

    @property
    def is_to_be_signed(self) -> bool:
        change = self.change
        return change is not None and (self.before_kwh or 0) >= SIGN_FROM_KWH and change >= SIGN_RISE

    @property
    def wants_again(self) -> bool:
        """Whether the index has to be read a second time (|change| > 30 %)."""
        a_month = self._total / self.days * _DAYS_A_MONTH
        if self.before_kwh == 0:
            return a_month >= FROM_NOTHING_KWH
        change = self.change
        small = a_month < FLOOR_KWH and (self.before_kwh or 0) < FLOOR_KWH
        return change is not None and not small and abs(change) > AGAIN_FROM


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
            return f"{who} was not read ({why}): send somebody again, or estimate it"
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
            much = "after a month of nothing" if change is None else f"{change * 100:+.0f} % a day"
            return (
                f"{who}: {kwh} {line.unit}, {much}: read it again and enter the second reading as CS_DOC_LAI"
            )
        if line.again != line.current:
            return f"{who} reads {line.current}, and {line.again} the second time: read it a third time"
    return ""
