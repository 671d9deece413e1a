"""Parameters of the rules by customer class, out of a data file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from analytics.errors import AnalyticsError

FILE = Path(__file__).with_name("limits.toml")
CLASSES = ("household", "production", "business", "administration", "wholesale")

Limit = Mapping[str, float]


class LimitsError(AnalyticsError):
    """A file of limits that cannot be used; says which table to correct."""

    def __init__(self, sentence: str) -> None:
        super().__init__("bad_limits", sentence)


def read(path: Path) -> dict[str, dict[str, Limit]]:
    """Class → rule → parameter → value; a class has what `default` has where it says nothing of its own.

    Raises `LimitsError` for a table, rule or parameter that `default` does not know, or a value that is no
    number.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as reason:
        raise LimitsError(f"{path.name} cannot be read: {reason}") from reason
    default = tables.get("default")
    if not isinstance(default, dict):
        raise LimitsError(f"{path.name} has no table [default]: give every rule its parameters there")
    found: dict[str, dict[str, Limit]] = {}
    for name in CLASSES:
        found[name] = {rule: dict(limit) for rule, limit in default.items()}
    for name, rules in tables.items():
        if name not in ("default", *CLASSES):
            raise LimitsError(
                f"{path.name}: there is no customer class [{name}]; there are {', '.join(CLASSES)}"
            )
        for rule, limit in rules.items():
            if rule not in default:
                raise LimitsError(f"{path.name}: [{name}.{rule}] is no rule of [default]")
            for parameter, value in limit.items():
                if parameter not in default[rule]:
                    raise LimitsError(f"{path.name}: [{name}.{rule}] has no parameter {parameter}")
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise LimitsError(f"{path.name}: [{name}.{rule}] {parameter} must be a number")
                if name != "default":
                    found[name][rule] = {**found[name][rule], parameter: value}
    return found


@cache
def limits() -> dict[str, dict[str, Limit]]:
    """The limits that come along: class → rule → parameter."""
    return read(FILE)


def of_class(customer_class: str) -> dict[str, Limit]:
    """Rule → parameters of a class; an unknown class raises `LimitsError`."""
    known = limits()
    if customer_class not in known:
        raise LimitsError(f"there is no customer class {customer_class!r}; there are {', '.join(known)}")
    return known[customer_class]
