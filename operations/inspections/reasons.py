"""Why a meter is to be looked at: one Vietnamese and one English sentence for each clue, each honest
explanation and each inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import exp
from pathlib import Path
from typing import Any, Final

from analytics.suspicion import ClueKind
from operations import sentences, vietnamese
from storage.inspection_sheet import InspectionRow

FILE: Final = Path(__file__).parents[1] / "wording_inspections.toml"
_PHASES: Final = {1: "A", 2: "B", 3: "C"}


def texts() -> Mapping[str, Any]:
    """The words, by room."""
    return sentences.texts(FILE)


def clue(told: Mapping[str, Any], language: str = "vi") -> str:
    """What speaks against a meter, as it is kept ({"kind", "first", "last", "figures"})."""
    return _said("clues", told, language)


def benign(told: Mapping[str, Any], language: str = "vi") -> str:
    """What explains honestly what was seen, as it is kept."""
    return _said("benign", told, language)


def inspection(row: InspectionRow, language: str = "vi") -> str:
    """Why the meter of an inspection is to be looked at: its strongest clue, and what is at stake."""
    if not row.clues:
        return ""
    reason = clue(row.clues[0], language)
    figures: dict[str, Any] = {"since": row.since.isoformat(), "seen": row.seen_on.isoformat()}
    if row.kwh_a_day:
        figures["kwh_a_day"] = row.kwh_a_day
    if row.stake:
        figures["dong"] = row.stake
    stake = _filled(texts()["stake"][language], figures, language)
    return f"{reason[:-1]}; {stake}." if stake else reason


def _said(room: str, told: Mapping[str, Any], language: str) -> str:
    known = {"first": told.get("first"), "last": told.get("last"), **told.get("figures", {})}
    if told["kind"] == ClueKind.BALANCE:
        if known.get("customers") == 1:
            known["one"] = known.pop("customers")
        if (before := known.get("before")) is not None:
            known["before"] = max(before, 0)  # a loss fitted a little too high: nothing lacked
    templates = texts()[room][told["kind"]][language]
    said = _filled(templates, {**known, **_in_words(known, language)}, language)
    assert said is not None, f"the last sentence of {told['kind']} wants no figure"
    return said


def _in_words(known: Mapping[str, Any], language: str) -> dict[str, str]:
    """Figures that a sentence tells as words."""
    found = {}
    for name, logit in (("odd", "logit"), ("usual_odd", "usual")):
        if known.get(logit) is not None:
            found[name] = str(round(100 / (1 + exp(-max(-50.0, min(50.0, known[logit]))))))
    if known.get("phase") in _PHASES:
        found["phase_name"] = _PHASES[known["phase"]]
    if (percent := known.get("day_percent")) is not None:
        way = "same" if abs(percent) < 1 else "less" if percent > 0 else "more"
        words: str = texts()["day_change"][way][language]
        found["day_change"] = words.format(percent=_number(abs(percent), language))
    if code := known.get("code"):
        sign = next((word for word in texts()["signs"] if word in code), "tamper")
        found["what"] = texts()["signs"][sign][language]
    return found


def _filled(templates: Sequence[str], known: Mapping[str, Any], language: str) -> str | None:
    """The first template all of whose figures are known."""
    return sentences.first_filled(templates, known, lambda name, value: _shown(name, value, language))


def _shown(name: str, value: Any, language: str) -> str:
    if name in ("first", "last", "since", "seen"):
        return vietnamese.day(date.fromisoformat(value))
    if name == "dong":
        amount = vietnamese.dong(value)
        return amount if language == "vi" else f"{value:,} ₫"
    return value if isinstance(value, str) else _number(value, language)


def _number(value: float, language: str) -> str:
    """With two decimals below ten, one below a thousand."""
    rounded = round(value, 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0)
    return vietnamese.number_in(language, rounded)
