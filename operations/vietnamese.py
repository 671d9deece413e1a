"""How a Vietnamese office writes numbers, money and days: `1.234,5`, `634.900 ₫`, `dd/MM/yyyy`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from model.money import Dong
from model.period import LOCAL

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")


def number(value: int | Decimal | float, places: int | None = None) -> str:
    """`1234.5` as `1.234,5`. `places` fixes the number of decimals; without it trailing zeros go."""
    exact = Decimal(str(value))
    if places is None:
        text = f"{exact:,f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{exact:,.{places}f}"
    return text.translate(str.maketrans(",.", ".,"))


def number_in(language: str, value: int | Decimal | float, places: int | None = None) -> str:
    """The same as people of the language write it: `1.234,5` (vi) or `1,234.5` (en)."""
    text = number(value, places)
    return text if language == "vi" else text.translate(str.maketrans(",.", ".,"))


def dong(amount: Dong) -> str:
    """`634900` as `634.900 ₫`, with a space that does not break."""
    return f"{number(amount)}\u00a0₫"


def day(value: date | datetime) -> str:
    """`dd/MM/yyyy`; an instant is shown by its local day."""
    if isinstance(value, datetime):
        value = value.astimezone(LOCAL)
    return f"{value:%d/%m/%Y}"


def day_written(text: str) -> date:
    """A day as an office writes it: `dd/MM/yyyy`, `dd-MM-yyyy` or ISO 8601. Raises `ValueError`."""
    for pattern in ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day, not an instant
        except ValueError:
            continue
    raise ValueError(f"“{text}” is no day")


def instant(value: datetime) -> str:
    """`HH:MM dd/MM/yyyy` in local time."""
    local = value.astimezone(LOCAL)
    return f"{local:%H:%M} {day(local)}"


def _three(group: int, full: bool) -> list[str]:
    """Words of 0..999; `full` says the hundreds although they are nought, as inside a longer number."""
    hundred, ten, one = group // 100, group // 10 % 10, group % 10
    words: list[str] = []
    if hundred or full:
        words += [_DIGITS[hundred], "trăm"]
    if ten == 0:
        if one:
            words += (["linh"] if words else []) + [_DIGITS[one]]
        return words
    words += ["mười"] if ten == 1 else [_DIGITS[ten], "mươi"]
    if one == 1 and ten > 1:
        words.append("mốt")
    elif one == 5:
        words.append("lăm")
    elif one:
        words.append(_DIGITS[one])
    return words


def _words(amount: int, full: bool) -> list[str]:
    if amount >= 10**9:
        return [*_words(amount // 10**9, full), "tỷ", *_words(amount % 10**9, True)]
    words: list[str] = []
    for name, size in (("triệu", 10**6), ("nghìn", 10**3), ("", 1)):
        group = amount // size % 1000
        if group:
            words += _three(group, full or bool(words))
            words += [name] if name else []
    return words


def in_words(amount: Dong) -> str:
    """Money as a bill spells it out, e.g. `Sáu trăm ba mươi bốn nghìn chín trăm đồng`."""
    words = _words(abs(amount), False) or ["không"]
    text = " ".join([*(["âm"] if amount < 0 else []), *words, "đồng"])
    return text[0].upper() + text[1:]
