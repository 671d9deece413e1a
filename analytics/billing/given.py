"""What a request is made of: registers, reasons, readings."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from model.series import REACTIVE_CODE

REGISTERS = ("KT", "SG", "BT", "CD", "TD")
REACTIVE = REACTIVE_CODE
UNDECLARED = "undeclared"
MOST_DIGITS = 12  # no meter has more
MOST_KWH = 10**12  # of a period, kvarh too: more than any country uses in a year


class Reason(StrEnum):
    """Why the period is as long as it is; all but `REGULAR` prorate (TT 60/2025/TT-BCT, 12.7, 12.11)."""

    REGULAR = "regular"
    NEW_SUPPLY = "new_supply"
    CHANGE_OF_PARTY = "change_of_party"
    TERMINATION = "termination"
    AGREED_NEW_DAY = "agreed_new_day"
    FORCE_MAJEURE = "force_majeure"


@dataclass(frozen=True, slots=True)
class RegisterPart:
    """Two readings of one register of one meter, in kWh (kvarh for VC) as it shows them.

    `multiplier` None: the request's. `carried_wh`: what the last period's rounding left over.
    """

    register: str
    previous: Decimal
    current: Decimal
    digits: int | None = None
    removed: bool = False
    status: str = ""
    multiplier: Decimal | None = None
    serial: str = ""
    carried_wh: Decimal = Decimal(0)
