"""Sentences with figures: the words of a file, and how the figures get into them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

LANGUAGES = ("vi", "en")


@cache
def texts(file: Path) -> Mapping[str, Any]:
    """What a file of words (TOML) says, by room."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def figures_in(template: str) -> tuple[str, ...]:
    """The figures a template speaks of, each once."""
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))


def filled(template: str, known: Mapping[str, Any], shown: Callable[[str, Any], str]) -> str:
    """A template with its figures, as `shown` writes each (its name, what it is). Raises KeyError where one
    is not known."""
    return template.format(**{name: shown(name, known[name]) for name in figures_in(template)})


def first_filled(
    templates: Sequence[str], known: Mapping[str, Any], shown: Callable[[str, Any], str]
) -> str | None:
    """The first template all of whose figures are known, filled in; None where there is none."""
    there = {name: figure for name, figure in known.items() if figure is not None}
    whole = (template for template in templates if there.keys() >= set(figures_in(template)))
    return next((filled(template, there, shown) for template in whole), None)
