"""Which decision holds on which day."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache

from analytics.errors import TariffError
from analytics.tariffs.files import FOLDER, shown
from analytics.tariffs.tariff import Tariff, load


class NoTariff(TariffError):
    """No decision's prices are known for the day."""


@cache
def _dated() -> tuple[Tariff, ...]:
    known = sorted(
        (load(path) for path in FOLDER.glob("[0-9]*.toml")), key=lambda one: one.effective or date.max
    )
    starts = [one.effective for one in known]
    if None in starts or len(set(starts)) != len(starts):
        raise TariffError(
            "bad_tariff_file", f"{shown(FOLDER / '*.toml')}: each needs an `effective` day of its own"
        )
    return tuple(known)


def effective_dates() -> tuple[date, ...]:
    """The days from which a known decision holds, ascending."""
    return tuple(one.effective for one in _dated() if one.effective is not None)


def in_force(day: date) -> Tariff:
    """The decision in force on `day`; `NoTariff` before the first known one."""
    held = [one for one in _dated() if one.effective is not None and one.effective <= day]
    if not held:
        raise NoTariff(
            "no_tariff",
            f"no price decision is known for {day}: add a file with that decision to analytics/tariffs/vn/",
        )
    return held[-1]


def tariff(decision: str, *, what_if: bool = False, day: date | None = None) -> Tariff:
    """The decision by name. One that is not in force bills nobody and is refused unless `what_if`.

    `day` gives the average price that an inactive structure in percent is laid on.
    """
    for one in _dated():
        if one.decision == decision:
            return one
    for path in sorted(FOLDER.glob("inactive-*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        if document["decision"] != decision:
            continue
        if not what_if:
            raise TariffError(
                "inactive_tariff",
                f"decision {decision} is not in force: {document['inactive']}; ask for it as a what-if",
            )
        return load(path, in_force(day or date.max).average_price)
    known = ", ".join(one.decision for one in _dated())
    raise TariffError("no_tariff", f"no decision is called {decision!r}: known are {known}")


def what_if_tariff(decision: str, day: date) -> Tariff:
    """The decision as if it held on `day`."""
    return tariff(decision, what_if=True, day=day)


def unconfirmed_files() -> tuple[str, ...]:
    """File and table of every price of confidence C: to be checked against the decision's annex."""
    found = []
    for one in _dated():
        tables: list[tuple[str, str]] = [("household", one.household.confidence)]
        tables += [("prepaid", one.prepaid.confidence)] if one.prepaid else []
        tables += [(name, rows[0].confidence) for name, rows in one.three_rate.items()]
        tables += [(name, rows[0].confidence) for name, rows in one.flat.items()]
        tables += [(name, tiers.confidence) for name, (tiers, _) in one.wholesale.items()]
        found += [f"{one.file}: {name}" for name, confidence in tables if confidence == "C"]
    return tuple(found)
