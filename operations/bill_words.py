"""A bill in words, Vietnamese or English: why each line is as it is. Page, paper and command line share it.

The kinds and figures come from `analytics.billing` (`Because`), the words from `wording_bill.toml`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from analytics.billing.because import Because, Figure
from analytics.billing.rated import RatedLine, Reactive
from analytics.tariffs.prices import Currency
from operations.sentences import filled, texts
from operations.vietnamese import day, number_in

_FILE = Path(__file__).with_name("wording_bill.toml")


def shown(value: Figure, language: str) -> str:
    """A figure as people of the language write it; text stays."""
    if isinstance(value, str):
        return value
    if type(value) is int:  # most of them are, and this is quick
        text = f"{value:,}"
        return text if language == "en" else text.replace(",", ".")
    return day(value) if isinstance(value, date) else number_in(language, value)


def say(room: str, kind: str, language: str, **figures: Figure) -> str:
    """The words of `kind`, its figures filled in."""
    return filled(texts(_FILE)[room][kind][language], figures, lambda _, figure: shown(figure, language))


def money(amount: int, currency: Currency, language: str) -> str:
    """An amount with its currency: `634.900 ₫`, `1,234.50 XTS`."""
    text = number_in(language, Decimal(amount).scaleb(-currency.digits), currency.digits)
    return f"{text}\u00a0{'₫' if currency.code == 'VND' else currency.code}"


def price(value: int, currency: Currency, language: str) -> str:
    """The price of a unit, as many decimals as it has."""
    return number_in(language, Decimal(value).scaleb(-currency.price_digits))


def name(line: RatedLine, language: str) -> str:
    """A tier or a band as the customer reads it."""
    words = texts(_FILE)["bands"]
    if line.tier is not None:
        return say("bands", "tier", language, tier=line.tier)
    return words[line.band][language] if line.band in words else line.band


def line(one: RatedLine, language: str) -> str:
    """Why the line is as it is, without the money."""
    why = one.because
    room, kind = ("by_days" if why.prorated else "lines"), why.kind
    if why.figures.get("households") == 1 and f"{kind}.one" in texts(_FILE)[room]:
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
    known = texts(_FILE)["plans"].get(code)
    return known[language] if known else code
