"""The dated files of the countries, read once, refused by name when they cannot be used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from analytics.errors import TariffError

SHIPPED = Path(__file__).parent  # a folder a country
FOLDER = SHIPPED / "vn"


def shown(path: Path) -> str:
    """The file as a person finds it: below the checkout, or where it was pointed at."""
    if path.parent.parent != SHIPPED:
        return str(path)
    return f"analytics/tariffs/{path.parent.name}/{path.name}"


def read(path: Path) -> dict[str, Any]:
    """The document in `path`; `TariffError` names the file when it is missing or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TariffError("no_tariff_file", f"{shown(path)} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TariffError("bad_tariff_file", f"{shown(path)} is no TOML: {error}") from error


def need(document: dict[str, Any], key: str, path: Path) -> Any:
    """`document[key]`, or a `TariffError` that says which file lacks it."""
    if key not in document:
        raise TariffError("bad_tariff_file", f"{shown(path)} says nothing about {key!r}: add it")
    return document[key]


def unusable(path: Path, error: Exception) -> TariffError:
    """What is told of a file whose values are not what they must be."""
    said = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
    return TariffError("bad_tariff_file", f"{shown(path)} cannot be used, correct it: {said}")
