"""What is known of one customer's period, and its document form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import Any

from analytics.errors import BillingError

REGISTERS = ("KT", "SG", "BT", "CD", "TD")
UNDECLARED = "undeclared"


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


@dataclass(frozen=True, slots=True)
class Request:
    """Half-open local dates of the two readings; either `kwh` by register (multiplied) or `registers`.

    `tenants`: people, or `UNDECLARED` for a lease under 12 months without declaration.
    `readings_at_change`: kWh by register used before the change of price.
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
    kvarh: int | None = None
    buys_reactive: bool = False
    reason: Reason = Reason.REGULAR
    readings_at_change: Mapping[str, int] | None = None
    households_with_use: int | None = None
    retail_other_kwh: int = 0
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
            raise _unfit("tenants", self.tenants, f"a number of people or {UNDECLARED!r}")
        if isinstance(self.tenants, int) and self.tenants < 1:
            raise BillingError("households", f"{self.tenants} tenants: give one or more")
        if bool(self.kwh) == bool(self.registers):
            raise BillingError(
                "bad_request", "give either `kwh` by register or `registers` with their readings"
            )

    @property
    def shares(self) -> Fraction:
        """Households that the tier widths count: four tenants are one (in quarters)."""
        return Fraction(self.tenants, 4) if isinstance(self.tenants, int) else Fraction(self.households)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Request:
        """The request in its JSON form; `BillingError` names what is missing, unknown or unfit."""
        unknown = document.keys() - _FIELDS.keys()
        if unknown:
            raise BillingError("bad_request", f"unknown field {', '.join(sorted(unknown))}")
        for name in ("plan", "from", "to"):
            if name not in document:
                raise BillingError("bad_request", f"the request lacks {name!r}")
        values = {_NAMES.get(name, name): _FIELDS[name](name, value) for name, value in document.items()}
        values.setdefault("invoice_date", values["end"])
        return cls(**values)


def _unfit(name: str, value: object, wanted: str) -> BillingError:
    return BillingError("bad_request", f"{name}: {value!r} does not fit, it must be {wanted}")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _unfit(name, value, "text")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _unfit(name, value, "true or false")
    return value


def _day(name: str, value: object) -> date:
    try:
        return date.fromisoformat(_text(name, value))
    except ValueError:
        raise _unfit(name, value, "a day like 2026-10-01") from None


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _unfit(name, value, "a whole number, zero or more")
    return value


def _exact(name: str, value: object) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _unfit(name, value, "a number written as text")
        number = Decimal(value)
    except InvalidOperation:
        raise _unfit(name, value, "a number written as text") from None
    if not number.is_finite():
        raise _unfit(name, value, "a finite number")
    return number


def _by_register(name: str, value: object) -> dict[str, int]:
    if not isinstance(value, dict) or not value or value.keys() - set(REGISTERS):
        raise _unfit(name, value, f"kWh by register ({', '.join(REGISTERS)})")
    return {register: _whole(f"{name}.{register}", kwh) for register, kwh in value.items()}


def _tenants(name: str, value: object) -> int | str:
    return value if isinstance(value, str) else _whole(name, value)


def _reason(name: str, value: object) -> Reason:
    try:
        return Reason(_text(name, value))
    except ValueError:
        raise _unfit(name, value, f"one of {', '.join(Reason)}") from None


def _parts(name: str, value: object) -> tuple[RegisterPart, ...]:
    if not isinstance(value, list) or not value:
        raise _unfit(name, value, "a list of register readings")
    return tuple(_part(f"{name}[{index}]", row) for index, row in enumerate(value))


def _part(name: str, row: object) -> RegisterPart:
    if not isinstance(row, dict) or row.keys() - _PART_FIELDS.keys():
        raise _unfit(name, row, f"an object of {', '.join(_PART_FIELDS)}")
    if not {"register", "previous", "current"} <= row.keys():
        raise _unfit(name, row, "an object with at least register, previous and current")
    part = RegisterPart(**{key: _PART_FIELDS[key](f"{name}.{key}", value) for key, value in row.items()})
    if part.register not in (*REGISTERS, "VC"):
        raise _unfit(f"{name}.register", part.register, f"one of {', '.join(REGISTERS)}, VC")
    return part


_PART_FIELDS: dict[str, Callable[[str, object], Any]] = {
    "register": _text,
    "previous": _exact,
    "current": _exact,
    "digits": _whole,
    "removed": _flag,
    "status": _text,
    "multiplier": _exact,
    "serial": _text,
    "carried_wh": _exact,
}
_NAMES = {"from": "start", "to": "end"}
_FIELDS: dict[str, Callable[[str, object], Any]] = {
    "plan": _text,
    "from": _day,
    "to": _day,
    "invoice_date": _day,
    "kwh": _by_register,
    "registers": _parts,
    "multiplier": _exact,
    "households": _exact,
    "tenants": _tenants,
    "voltage_kv": _exact,
    "one_rate": _flag,
    "kvarh": _whole,
    "buys_reactive": _flag,
    "reason": _reason,
    "readings_at_change": _by_register,
    "households_with_use": _whole,
    "retail_other_kwh": _whole,
    "what_if": _text,
}
