"""What a customer is told of their own use, in a sentence: what was used, when, what it is compared with."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from model.warning import LimitUnit, UseWarning, WarningKind
from operations.sentences import first_filled, texts
from operations.vietnamese import day, number_in

_FILE = Path(__file__).with_name("wording_warnings.toml")
_DAYS: Final = frozenset({"until", "last_first", "last_last"})
_AMOUNTS: Final = frozenset({"used", "limit", "forecast"})  # in the unit of the limit
_SAME: Final = 3  # percent: nobody calls less a change
NBSP: Final = "\u00a0"  # which no line ends within


def name(kind: WarningKind, language: str = "vi") -> str:
    """What a kind of warning is called above its sentence."""
    return str(texts(_FILE)["names"][kind.value][language])


def sentence(warning: UseWarning, language: str = "vi") -> str:
    """The warning with its figures; one that lacks some is told without them."""
    known = _shown(warning, language)
    templates = [_whole(one) for one in texts(_FILE)["sentences"][warning.kind.value][language]]
    return first_filled(templates, known, lambda _, figure: figure) or f"{name(warning.kind, language)}."


def _whole(template: str) -> str:
    """With units that no line parts from their figures."""
    return template.replace(" %", f"{NBSP}%").replace(" kWh", f"{NBSP}kWh")


def _shown(warning: UseWarning, language: str) -> dict[str, str]:
    evidence = warning.evidence
    shown = {"first": day(warning.first), "last": day(warning.last)}
    for key, value in evidence.items():
        if value is None:
            continue
        if isinstance(value, str):
            shown[key] = day(date.fromisoformat(value)) if key in _DAYS else value
        elif key in _AMOUNTS:
            shown[key] = _amount(value, str(evidence.get("unit")), language)
        elif key.endswith("_dong"):
            shown[key] = _amount(value, LimitUnit.DONG, language)
        elif key != "around_percent":
            shown[key] = number_in(language, value)
    change = evidence.get("around_percent")
    if isinstance(change, int | float):
        way = "same" if abs(change) < _SAME else "more" if change > 0 else "less"
        shown["around"] = _whole(texts(_FILE)["around"][way][language]).format(
            percent=number_in(language, abs(change))
        )
    return shown


def _amount(value: int | float, unit: str, language: str) -> str:
    sign = "₫" if unit == LimitUnit.DONG else "kWh"
    return f"{number_in(language, value)}{NBSP}{sign}"
