"""Alerts, holds, findings and outcomes in one sentence each, Vietnamese or English."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from model.period import LOCAL, local_day
from operations import sentences
from operations.sentences import first_filled
from operations.vietnamese import day, instant, number

Evidence = Mapping[str, str | int | float | None]
_INDEX_COMMAND = re.compile(r"`ami meter index [^`]+`")
_AT = re.compile(r"--at (\S+?)`")
FILES = tuple(Path(__file__).with_name(name) for name in ("wording.toml", "wording_alerts.toml"))


@cache
def texts() -> dict[str, Any]:
    """Every sentence there is, by room: `alerts`, `holds`, `findings` …"""
    return {room: told for file in FILES for room, told in sentences.texts(file).items()}


def _texts(room: str) -> dict[str, Any]:
    told: dict[str, Any] = texts()[room]
    return told


def _rounded(value: float) -> float:
    """To a tenth; below one to a hundredth: 0.02 A is not no current."""
    return round(value, 2 if abs(value) < 1 else 1)


def _english_number(value: float) -> str:
    return f"{_rounded(value):,}".removesuffix(".0")


def _vietnamese_number(value: float) -> str:
    return number(_rounded(value)).removesuffix(",0")


_NUMBER: dict[str, Callable[[float], str]] = {"vi": _vietnamese_number, "en": _english_number}


_INSTANTS = frozenset({"at", "last_contact", "first_try", "first_at", "last_at"})
_DAYS = frozenset({"since", "from_day", "to_day", "before_from", "before_to"})
_MONTH = re.compile(r"(\d{4})-(\d{2})")


def _shown(key: str, value: str | int | float, language: str) -> str:
    if isinstance(value, str):
        if key in _DAYS:
            return day(date.fromisoformat(value))
        if key in ("month", "compared_with") and (month := _MONTH.fullmatch(value)):
            return f"{month[2]}/{month[1]}"
        if key not in _INSTANTS:
            return value
        at = datetime.fromisoformat(value)
        if language == "vi":
            return instant(at)
        return f"{instant(at).split()[0]} on {day(at)}"
    return _NUMBER[language](value)


def _sentence(templates: Sequence[str], evidence: Evidence, language: str) -> str | None:
    """The first template all of whose figures are known, filled in."""
    return first_filled(templates, evidence, lambda key, value: _shown(key, value, language))


_WAYS = {  # what a sign says, by language
    "clock_drift": ("offset_s", {"vi": ("nhanh", "chậm"), "en": ("ahead", "behind")}),
    "consumption_change": ("percent", {"vi": ("tăng", "giảm"), "en": ("more", "less")}),
    "use_drop": ("percent", {"vi": ("tăng", "giảm"), "en": ("more", "less")}),
    "use_rise": ("percent", {"vi": ("tăng", "giảm"), "en": ("more", "less")}),
}


def _found(evidence: Evidence, language: str) -> Evidence:
    """The evidence with what a meter-reader's code says, and what is to be done."""
    told = _texts("reader_codes").get(str(evidence.get("status")))
    return {**evidence, "found": told[language]} if told else evidence


def _told(kind: str, evidence: Evidence, language: str) -> Evidence:
    """The evidence with its sign, or what a meter noted, in words where a sentence puts it so."""
    noted = _texts("tampered").get(str(evidence.get("event")))
    if kind == "tamper" and noted:
        return {**evidence, "what": noted[language]}
    if kind not in _WAYS:
        return evidence
    key, words = _WAYS[kind]
    size = evidence.get(key)
    if not isinstance(size, int | float):
        return evidence
    more, less = words[language]
    return {**evidence, key: abs(size), "way": more if size > 0 else less}


def alert(
    kind: str, evidence: Evidence, language: str = "vi", serial: str = "", since: datetime | None = None
) -> str:
    """What an alert says, in one sentence: what was seen, by which figures of which days, compared with what,
    and what to do. A missing figure shortens it; `since`, when it began, dates those without other days."""
    begun = {} if since is None else {"since": local_day(since).isoformat()}
    said = _sentence(_texts("alerts")[kind][language], {**begun, **_told(kind, evidence, language)}, language)
    assert said is not None, f"the last template of {kind} wants no figure"
    return f"{_meter(serial, language)}{said}" if serial else said[:1].upper() + said[1:]


def _meter(serial: str, language: str) -> str:
    return f"Công tơ {serial}: " if language == "vi" else f"Meter {serial}: "


def hold(kind: str, serial: str, reason: str, language: str = "en") -> str:
    """Why a bill is held and what to do. `serial` is the meter's, or the code of a point where none hangs;
    `reason` is the sentence kept with the hold, in English."""
    if language == "en":
        return reason
    text = _texts("holds").get(kind)
    # The command that enters an index names registers and instant, which stand in the sentence kept.
    command = _INDEX_COMMAND.search(reason)
    told = command[0] if command else f"`ami meter index {serial} KT=…`"
    return text.format(serial=serial, command=told) if text else f"Công tơ {serial}: {reason}"


def noticed(kind: str, about: str, said: str, facts: Evidence, language: str = "vi") -> str:
    """What a run's check noticed of a point or station (`about`) and holds no bill for; `said` where no words
    for it, or not all of their figures, are known."""
    words = _texts("noticed").get(kind)
    known: Evidence = {"about": about, **facts}
    return (_sentence(words[language], known, language) if words else None) or said


def held_for(kind: str, why: str, language: str = "vi") -> str:
    """For what a check held a bill, and why it is right all the same, as somebody said."""
    told = _texts("held_for").get(kind, {}).get(language, kind.replace("_", " "))
    return f"{told} – {why.strip().rstrip('.')}"


def hold_task(kind: str, serial: str, reason: str, language: str = "vi") -> tuple[str, str]:
    """What to do about a held bill, told to the billing office, and the command with which whoever looks
    after the program enters the index that is wanted; empty where it is not about an index."""
    command = _INDEX_COMMAND.search(reason)
    task = _texts("hold_tasks").get(kind)
    if command is None or task is None:
        return hold(kind, serial, reason, language), ""
    at = _AT.search(command[0])
    when = datetime.fromisoformat(at[1]).replace(tzinfo=LOCAL).isoformat() if at else None
    said = _sentence(task[language], {"serial": serial, "at": when}, language)
    assert said is not None, f"the last task of {kind} wants the meter alone"
    return said, command[0].strip("`")


def finding(kind: str, detail: Evidence, language: str = "vi") -> str:
    """What was noticed about a day."""
    detail = _found(detail, language) if "status" in detail else detail
    said = (
        _sentence(_texts("findings")[kind][language], detail, language)
        if kind in _texts("findings")
        else None
    )
    return said or kind.replace("_", " ")


def outcome(word: str, language: str = "vi") -> str:
    """How a conversation with a meter ended."""
    return str(_texts("outcomes").get(word, {}).get(language, word.replace("_", " ")))


def poll(outcome: str, modem: str, *, dials_in: bool, language: str = "vi") -> str:
    """What a conversation that did not go well means for who looks after the meter; empty for one that did.
    `modem` is the one it went through; one that dials in is looked for elsewhere than one that is called."""
    kinds = _texts("polls")
    told = kinds.get(f"{outcome}.dials_in" if dials_in and f"{outcome}.dials_in" in kinds else outcome)
    return str(told[language]).format(modem=modem) if told else ""


def event(code: str, detail: str, language: str = "vi") -> str:
    """What is noted with an event. The collector notes in English; a meter's own words stay."""
    told = _texts("events").get(code)
    found = re.search(told["noted"], detail) if told and language != "en" else None
    if told is None or found is None:
        return detail
    ways = told.get("ways", {})
    return str(told[language]).format(
        **{key: ways.get(value, value) for key, value in found.groupdict().items()}
    )
