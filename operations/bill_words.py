"""A bill in words, Vietnamese or English: why each line is as it is. Page, paper and command line share it.

The kinds and figures come from `analytics.billing` (`Because`), the words from `wording_bill.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter

from analytics.billing.because import Because, Figure
from analytics.billing.rated import RatedLine, Reactive
from analytics.tariffs.prices import Currency
from operations.vietnamese import day, number

LANGUAGES = ("vi", "en")
_FILE = Path(__file__).with_name("wording_bill.toml")


@cache
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return found


@cache
def _template(room: str, kind: str, language: str) -> tuple[str, tuple[str, ...]]:
    """The words and the figures they speak of."""
    template = _texts()[room][kind][language]
    return template, tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))


def _english(value: int | Decimal) -> str:
    return number(value).translate(str.maketrans(",.", ".,"))


_NUMBER: Mapping[str, Callable[[int | Decimal], str]] = {"vi": number, "en": _english}


def shown(value: Figure, language: str) -> str:
    """A figure as people of the language write it; text stays."""
    if isinstance(value, str):
        return value
    if type(value) is int:  # most of them are, and this is quick
        text = f"{value:,}"
        return text if language == "en" else text.replace(",", ".")
    return day(value) if isinstance(value, date) else _NUMBER[language](value)


def say(room: str, kind: str, language: str, **figures: Figure) -> str:
    """The words of `kind`, its figures filled in."""
    template, wanted = _template(room, kind, language)
    return template.format(**{name: shown(figures[name], language) for name in wanted})


def money(amount: int, currency: Currency, language: str) -> str:
    """An amount with its currency: `634.900 ₫`, `1,234.50 XTS`."""
    exact = Decimal(amount).scaleb(-currency.digits)
    text = number(exact, currency.digits)
    if language == "en":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{text}\u00a0{'₫' if currency.code == 'VND' else currency.code}"


def price(value: int, currency: Currency, language: str) -> str:
    """The price of a unit, as many decimals as it has."""
    return _NUMBER[language](Decimal(value).scaleb(-currency.price_digits))


def name(line: RatedLine, language: str) -> str:
    """A tier or a band as the customer reads it."""
    words = _texts()["bands"]
    if line.tier is not None:
        return say("bands", "tier", language, tier=line.tier)
    return words[line.band][language] if line.band in words else line.band


def line(one: RatedLine, language: str) -> str:
    """Why the line is as it is, without the money."""
    why = one.because
    room, kind = ("by_days" if why.prorated else "lines"), why.kind
    if why.figures.get("households") == 1 and f"{kind}.one" in _texts()[room]:
        kind = f"{kind}.one"
    said = say(room, kind, language, **why.figures)
    if why.prorated:
        said += f", {say('prorated', why.prorated, language)}"
    return f"{said} ({one.voltage})" if one.voltage else said


def noted(why: Because, language: str) -> str:
    """What a reader should know, in one sentence."""
    figures = dict(why.figures)
    if "plan" in figures:
        figures["plan"] = plan(str(figures["plan"]), language)
    return say("notes", why.kind, language, **figures)


def vat(why: Because, language: str) -> str:
    """Which rate, by which law, and why that one."""
    return say("tax", why.kind, language, **why.figures)


def reactive(found: Reactive, language: str) -> str:
    """How the surcharge comes about, or that there is none."""
    kind = "reactive" if found.k_percent else "no_surcharge"
    return say("tax", kind, language, **found.because.figures)


def plan(code: str, language: str) -> str:
    """A plan's name; its code where no words are known."""
    known = _texts()["plans"].get(code)
    return known[language] if known else code
