"""Values with units as text, and as a whole number, its power of ten and its DLMS unit."""

import re
from dataclasses import dataclass
from typing import Final

from model.series import Unit
from protocols.errors import DecodeError, LocalError

_NUMBER: Final = re.compile(r"([+-]?)(\d{1,18})(?:[.,](\d{1,18}))?")
_PREFIXES: Final = {"": 0, "k": 3, "M": 6, "G": 9}
_UNITS: Final = {
    "wh": Unit.WATT_HOUR, "varh": Unit.VAR_HOUR, "w": Unit.WATT, "var": Unit.VAR, "v": Unit.VOLT,
    "a": Unit.AMPERE, "hz": Unit.HERTZ, "": Unit.NONE,
}  # fmt: skip
VOLT_AMPERE, VOLT_AMPERE_HOUR, PERCENT = 28, 31, 56
"""Codes of the DLMS table of units that nothing is stored in, and meters list all the same."""
_LISTED: Final = {"va": VOLT_AMPERE, "vah": VOLT_AMPERE_HOUR, "%": PERCENT}
_WORDS: Final = {
    Unit.WATT_HOUR: "kWh", Unit.VAR_HOUR: "kvarh", Unit.WATT: "kW", Unit.VAR: "kvar", Unit.VOLT: "V",
    Unit.AMPERE: "A", Unit.HERTZ: "Hz", Unit.NONE: "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """value = raw × 10^scaler `unit`."""

    raw: int
    scaler: int
    unit: Unit


def unit_of(word: str) -> tuple[Unit, int] | None:
    """The unit a word stands for and the power of ten in it, None for one not met here.

    >>> unit_of("kWh"), unit_of("kVArh")
    ((<Unit.WATT_HOUR: 30>, 3), (<Unit.VAR_HOUR: 32>, 3))
    """
    text = word.strip()
    for prefix, power in _PREFIXES.items():
        unit = _UNITS.get(text.removeprefix(prefix).lower())
        if unit is not None and text.startswith(prefix) and (unit is not Unit.NONE or not text):
            return unit, power
    return None


def listed_unit_of(word: str) -> tuple[int, int] | None:
    """As `unit_of`, with apparent power and energy and percents: what is shown, and stored nowhere.

    >>> listed_unit_of("kVAh"), listed_unit_of("%"), listed_unit_of("k%")
    ((31, 3), (56, 0), None)
    """
    text = word.strip()
    for prefix, power in _PREFIXES.items():
        unit = _LISTED.get(text.removeprefix(prefix).lower())
        if unit is not None and text.startswith(prefix) and not (prefix and unit == PERCENT):
            return unit, power
    return unit_of(word)


def read_number(text: str) -> tuple[int, int]:
    """The digits of a decimal number, and how many of them stand after the point; `DecodeError` for none."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise DecodeError(f"{text[:40]!r} is no number", text.encode("latin-1", "replace"))
    sign, whole, part = match.groups()
    digits = int(whole + (part or ""))
    return (-digits if sign == "-" else digits), len(part or "")


def read_quantity(text: str, word: str) -> Quantity:
    """A value and its unit; `DecodeError` for what is no number, or has a unit not met here."""
    raw, places = read_number(text)
    unit = unit_of(word)
    if unit is None:
        raise DecodeError(f"{word[:40]!r} is a unit not known here", word.encode("latin-1", "replace"))
    return Quantity(raw, unit[1] - places, unit[0])


def word_of(unit: Unit) -> str:
    """How meters write a unit: energies and powers in thousands."""
    return _WORDS[unit]


def write_quantity(found: Quantity, digits: int = 0) -> str:
    """The value in the unit of `word_of`, with so many digits before the point."""
    power = 3 if _WORDS[found.unit].startswith("k") else 0
    places = power - found.scaler
    if places < 0:
        return write_quantity(Quantity(found.raw * 10**-places, power, found.unit), digits)
    sign, text = "-" if found.raw < 0 else "", str(abs(found.raw)).rjust(places + 1, "0")
    whole, part = (text[:-places], text[-places:]) if places else (text, "")
    if places > 18 or len(whole) > 18:
        raise LocalError(f"{found} has more digits than a meter shows")
    return f"{sign}{whole.rjust(digits, '0')}{'.' if part else ''}{part}"
