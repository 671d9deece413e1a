"""What is known of one customer's period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from analytics.billing.given import MOST_KWH, REGISTERS, UNDECLARED, Reason, RegisterPart
from analytics.billing.request_form import fields_of, unfit
from analytics.errors import BillingError

__all__ = ["REGISTERS", "UNDECLARED", "Reason", "RegisterPart", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """Half-open local dates of the two readings; either `kwh` by register (multiplied) or `registers`.

    `tenants`: people, or `UNDECLARED` for a lease under 12 months without declaration.
    `readings_at_change`: kWh by register used before the change of price. `three_rate_refused`: the
    three-rate meter that the law wants was refused after two notices. `pmax_kw`: the highest half-hour of
    the period, `past_pmax_kw` of the months before, the last one first. `decision`: bill by this one or
    refuse; `what_if`: as if this one held.
    """

    plan: str
    start: date
    end: date
    invoice_date: date
    kwh: Mapping[str, int] = field(default_factory=dict)
    registers: tuple[RegisterPart, ...] = ()
    multiplier: Decimal = Decimal(1)
    households: Decimal = Decimal(1)
    tenants: int | str | None = None
    voltage_kv: Decimal = Decimal("0.4")
    one_rate: bool = False
    three_rate_refused: bool = False
    kvarh: int | None = None
    buys_reactive: bool = False
    reason: Reason = Reason.REGULAR
    readings_at_change: Mapping[str, int] | None = None
    households_with_use: int | None = None
    retail_other_kwh: int = 0
    pmax_kw: Decimal | None = None
    past_pmax_kw: tuple[Decimal, ...] = ()
    decision: str = ""
    what_if: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BillingError(
                "bad_period", f"the period ends on {self.end}, not after its start {self.start}"
            )
        if self.households <= 0:
            raise BillingError(
                "households", f"{self.households} households share the meter: give one or more"
            )
        if self.multiplier <= 0:
            raise BillingError("multiplier", f"the multiplier must be above zero, not {self.multiplier}")
        if isinstance(self.tenants, str) and self.tenants != UNDECLARED:
            raise unfit("tenants", self.tenants, f"a number of people or {UNDECLARED!r}")
        if isinstance(self.tenants, int) and self.tenants < 1:
            raise BillingError("households", f"{self.tenants} tenants: give one or more")
        if bool(self.kwh) == bool(self.registers):
            raise BillingError(
                "bad_request", "give either `kwh` by register or `registers` with their readings"
            )
        for register, kwh in self.kwh.items():
            if kwh < 0:
                raise BillingError("negative", f"register {register}: {kwh} kWh is below zero")
        if self.voltage_kv < 0 or (self.pmax_kw is not None and self.pmax_kw < 0):
            raise BillingError("bad_request", "voltage_kv and pmax_kw are never below zero")
        if max((self.pmax_kw or 0, *self.past_pmax_kw)) > MOST_KWH:
            raise BillingError("too_much", f"a Pmax above {MOST_KWH} kW cannot be: correct it")

    @property
    def last_day(self) -> date:
        """The last day that belongs to the period."""
        return self.end - timedelta(days=1)

    def shares(self, people: int | None) -> Fraction:
        """Households that the tier widths count: `people` tenants are one (four: in quarters)."""
        if not isinstance(self.tenants, int):
            return Fraction(self.households)
        if people is None:
            raise BillingError("households", f"{self.plan} counts no tenants: give households")
        found = Fraction(self.tenants, people)
        if self.households not in (1, found):
            raise BillingError(
                "households",
                f"{self.tenants} tenants and {self.households} households: give the one or the other",
            )
        return found

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Request:
        """The request in its JSON form; `BillingError` names what is missing, unknown or unfit."""
        values = fields_of(document)
        values.setdefault("invoice_date", values["end"])
        return cls(**values)
