"""Every sentence a page says, in every language it speaks: TOML files of the same names and keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("vi", "en")
ROOMS = (
    "",
    "_absences",
    "_inspections",
    "_load",
    "_supply",
    "_warnings",
)  # endings of the names of a language's files


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = str(value)
    return found


@dataclass(frozen=True, slots=True)
class Words:
    """`say("bill.total")` gives the sentence; `{name}` in it is filled from the arguments."""

    lang: str
    sentences: dict[str, str] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key. Raises `KeyError` for a key that no file has."""
        sentence = self.sentences[key]
        return sentence.format_map(values) if values else sentence

    def term(self, group: str, code: str) -> str:
        """The word for a code that came from elsewhere (an outcome, a plan); the code itself when
        nobody named it yet.
        """
        return self.sentences.get(f"{group}.{code}", code)

    def in_order(self, group: str, codes: Iterable[str]) -> list[str]:
        """Codes as the file has their words one after the other; those without a word come last."""
        known = [key.removeprefix(f"{group}.") for key in self.sentences if key.startswith(f"{group}.")]
        place = {code: number for number, code in enumerate(known)}
        return sorted(codes, key=lambda code: place.get(code, len(place)))


@cache
def words(lang: str) -> Words:
    """The words of a language; Vietnamese for one we do not speak."""
    lang = lang if lang in LANGUAGES else LANGUAGES[0]
    found: dict[str, str] = {}
    for room in ROOMS:
        text = resources.files(__package__).joinpath(f"{lang}{room}.toml").read_text(encoding="utf-8")
        found |= _flat(tomllib.loads(text))
    return Words(lang, found)
