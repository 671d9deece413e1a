"""The JSON form of a request (`request.schema.json`): every field by name, refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from analytics.billing.given import MOST_DIGITS, REACTIVE, REGISTERS, UNDECLARED, Reason, RegisterPart
from analytics.errors import BillingError

LONGEST = 30  # characters of a number: nothing that is metered needs more
LONGEST_TEXT = 100  # of a name: plan, serial, decision
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
SHOWN = 60  # characters of a value that is refused


def fields_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by their names in `Request`; `BillingError` names what is missing, unknown or unfit."""
    if not isinstance(document, Mapping):  # JSON may hold anything
        raise unfit("the request", document, 'an object like {"plan": …, "from": …, "to": …, "kwh": …}')
    unknown = sorted(str(key) for key in document.keys() - _FIELDS.keys())
    if unknown:
        raise BillingError("bad_request", f"unknown field {_short(', '.join(map(repr, unknown)))}")
    for name in ("plan", "from", "to"):
        if name not in document:
            raise BillingError("bad_request", f"the request lacks {name!r}")
    return {_NAMES.get(name, name): _FIELDS[name](name, value) for name, value in document.items()}


def unfit(name: str, value: object, wanted: str) -> BillingError:
    """What is told of a field that does not fit."""
    return BillingError("bad_request", f"{name}: {_short(_as_json(value))} does not fit, it must be {wanted}")


def _as_json(value: object) -> str:
    """The value as whoever wrote the request knows it: null, not None."""
    if isinstance(value, Decimal):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise unfit(name, value, "text on one line")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise unfit(name, value, "true or false")
    return value


def _day(name: str, value: object) -> date:
    wanted = "a day like 2026-10-01"
    text = _text(name, value)
    if not _DAY.fullmatch(text):  # no weeks, no days without hyphens
        raise unfit(name, value, wanted)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise unfit(name, value, wanted) from None


def _whole(name: str, value: object, wanted: str = "a whole number, zero or more") -> int:
    """A whole number however it is written: 134, "134" and 134.0 are the same, 134.5 is none."""
    number = _exact(name, value, wanted)
    if number < 0 or number != number.to_integral_value():
        raise unfit(name, value, wanted)
    return int(number)


def _digits(name: str, value: object) -> int:
    digits = _whole(name, value)
    if not 1 <= digits <= MOST_DIGITS:
        raise unfit(name, value, f"the number of digits before the point, 1 to {MOST_DIGITS}")
    return digits


def _exact(name: str, value: object, wanted: str = 'a number written as text, like "1234.5"') -> Decimal:
    """Text, or a number as JSON writes it: the shortest decimal of a float is what was written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise unfit(name, value, wanted)
    text = str(value)
    if not _NUMBER.fullmatch(text) or len(text) > LONGEST:
        raise unfit(name, value, wanted)
    number = Decimal(text)
    if abs(number.adjusted()) > LONGEST:
        raise unfit(name, value, wanted)
    return number


def _by_register(name: str, value: object) -> dict[str, int]:
    if not isinstance(value, Mapping) or not value or value.keys() - set(REGISTERS):
        raise unfit(name, value, f"kWh by register ({', '.join(REGISTERS)})")
    return {register: _whole(f"{name}.{register}", kwh) for register, kwh in value.items()}


def _tenants(name: str, value: object) -> int | str:
    return UNDECLARED if value == UNDECLARED else _whole(name, value, f"people or {UNDECLARED!r}")


def _reason(name: str, value: object) -> Reason:
    text = _text(name, value)
    try:
        return Reason(text)
    except ValueError:
        raise unfit(name, value, f"one of {', '.join(Reason)}") from None


def _exact_list(name: str, value: object) -> tuple[Decimal, ...]:
    if not isinstance(value, list) or len(value) > 120:
        raise unfit(name, value, "a list of kW, the last month's first")
    found = tuple(_exact(f"{name}[{index}]", one) for index, one in enumerate(value))
    if any(one < 0 for one in found):
        raise unfit(name, value, "a list of kW, none below zero")
    return found


def _parts(name: str, value: object) -> tuple[RegisterPart, ...]:
    if not isinstance(value, list) or not value:
        raise unfit(name, value, "a list of register readings")
    return tuple(_part(f"{name}[{index}]", row) for index, row in enumerate(value))


def _part(name: str, row: object) -> RegisterPart:
    if not isinstance(row, Mapping) or row.keys() - _PART_FIELDS.keys():
        raise unfit(name, row, f"an object of {', '.join(_PART_FIELDS)}")
    if not {"register", "previous", "current"} <= row.keys():
        raise unfit(name, row, "an object with at least register, previous and current")
    part = RegisterPart(**{key: _PART_FIELDS[key](f"{name}.{key}", value) for key, value in row.items()})
    if part.register not in (*REGISTERS, REACTIVE):
        raise unfit(f"{name}.register", part.register, f"one of {', '.join(REGISTERS)}, {REACTIVE}")
    if part.multiplier is not None and part.multiplier <= 0:
        raise BillingError("multiplier", f"{name}: the multiplier must be above zero, not {part.multiplier}")
    return part


_PART_FIELDS: dict[str, Callable[[str, object], Any]] = {
    "register": _text,
    "previous": _exact,
    "current": _exact,
    "digits": _digits,
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
    "three_rate_refused": _flag,
    "kvarh": _whole,
    "buys_reactive": _flag,
    "reason": _reason,
    "readings_at_change": _by_register,
    "households_with_use": _whole,
    "retail_other_kwh": _whole,
    "pmax_kw": _exact,
    "past_pmax_kw": _exact_list,
    "decision": _text,
    "what_if": _text,
}
