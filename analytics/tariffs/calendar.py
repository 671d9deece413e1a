"""Vietnam's decisions by day: the short way to `country("vn")`."""

from __future__ import annotations

from datetime import date

from analytics.tariffs.country import country
from analytics.tariffs.tariff import Tariff


def effective_dates() -> tuple[date, ...]:
    """The days from which a known decision holds, ascending."""
    return country("vn").effective_dates()


def in_force(day: date) -> Tariff:
    """The decision in force on `day`; `NoTariff` before the first known one."""
    return country("vn").in_force(day)


def tariff(decision: str, *, what_if: bool = False, day: date | None = None) -> Tariff:
    """The decision by name; one that is not in force is refused unless `what_if`."""
    return country("vn").tariff(decision, what_if=what_if, day=day)


def unconfirmed_files() -> tuple[str, ...]:
    """File and table of every price of confidence C: to be checked against the decision's annex."""
    return tuple(
        f"{one.file}: {name}"
        for one in country("vn").dated
        for name, confidence in one.tables()
        if confidence == "C"
    )
