"""Register readings to kWh: differences, roll-overs, removed meters."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from analytics.billing.given import RegisterPart
from analytics.errors import BillingError
from model.bill import RegisterUse
from model.money import half_up
from model.series import Rate

ROLLOVER = "Q"  # the reader's mark: the register has wrapped beyond doubt


def index_delta(part: RegisterPart) -> Decimal:
    """Current − previous; a register that fell has wrapped at 10^digits of the *meter*.

    A wrapped difference above a tenth of the register's range is refused unless the reading bears status Q.
    """
    who = f"register {part.register}" + (f" of meter {part.serial}" if part.serial else "")
    for index in (part.previous, part.current):
        if index < 0:
            raise BillingError(
                "negative", f"{who} reads {index}: an index is never below zero, read it again"
            )
        if part.digits is not None and index >= Decimal(10) ** part.digits:
            raise BillingError(
                "too_many_digits",
                f"{who} reads {index}, more than its {part.digits} digits can show: read it again",
            )
    delta = part.current - part.previous
    wrapped_by_reader = ROLLOVER in part.status.upper()
    if delta >= 0:
        if wrapped_by_reader and delta > 0:
            raise BillingError(
                "negative",
                f"{who} is marked {ROLLOVER} (rolled over) but rose from {part.previous} to {part.current}",
            )
        return delta
    if part.digits is None:
        raise BillingError(
            "negative",
            f"{who} fell from {part.previous} to {part.current}: say how many digits the meter has",
        )
    span = Decimal(10) ** part.digits
    if not wrapped_by_reader and (delta + span) * 10 > span:
        raise BillingError(
            "negative",
            f"{who} fell from {part.previous} to {part.current}: read again, or mark it Q if it rolled over",
        )
    return delta + span


def use_register(part: RegisterPart, multiplier: Decimal) -> RegisterUse:
    """What the register counted: wh exact, kWh half-up with the fraction carried from the last period."""
    factor = part.multiplier or multiplier
    delta = index_delta(part)
    wh = delta * factor * 1000
    # What the last period rounded up (at most half a kWh) is never paid back as a negative use.
    kwh = max(0, half_up((Fraction(wh) + Fraction(part.carried_wh)) / 1000))
    status = part.status
    if delta != part.current - part.previous and ROLLOVER not in status.upper():
        status += ROLLOVER
    return RegisterUse(
        serial=part.serial,
        rate=Rate.from_code(part.register) if part.register != "VC" else Rate.TOTAL,
        previous=part.previous,
        current=part.current,
        multiplier=factor,
        wh=wh,
        kwh=kwh,
        status=status,
        removed=part.removed,
        carried_wh=part.carried_wh,
    )


def carry_after(use: RegisterUse) -> Decimal:
    """The Wh that this period's rounding leaves to the next (negative when it rounded up)."""
    return use.wh + use.carried_wh - use.kwh * 1000
