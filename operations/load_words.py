"""Loads in words, Vietnamese or English; page and command line share them (`wording_load.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter

from analytics.billing.because import Figure
from operations.bill_words import shown

LANGUAGES = ("vi", "en")
_FILE = Path(__file__).with_name("wording_load.toml")


@cache
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return found


def say(room: str, kind: str, language: str, **figures: Figure) -> str:
    """The words of `kind`, its figures filled in."""
    template = _texts()[room][kind][language]
    wanted = {name for _, name, _, _ in Formatter().parse(template) if name}
    return template.format(**{name: shown(figures[name], language) for name in wanted})


def both(room: str, kind: str, **figures: Figure) -> dict[str, str]:
    """The words in each language, for a program."""
    return {language: say(room, kind, language, **figures) for language in LANGUAGES}
