"""Loads in words, Vietnamese or English; page and command line share them (`wording_load.toml`)."""

from __future__ import annotations

from pathlib import Path

from analytics.billing.because import Figure
from operations.bill_words import shown
from operations.sentences import LANGUAGES, filled, texts

_FILE = Path(__file__).with_name("wording_load.toml")


def say(room: str, kind: str, language: str, **figures: Figure) -> str:
    """The words of `kind`, its figures filled in."""
    return filled(texts(_FILE)[room][kind][language], figures, lambda _, figure: shown(figure, language))


def both(room: str, kind: str, **figures: Figure) -> dict[str, str]:
    """The words in each language, for a program."""
    return {language: say(room, kind, language, **figures) for language in LANGUAGES}
