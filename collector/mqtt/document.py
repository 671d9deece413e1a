"""A gateway's document out of its bytes, exactly as docs/mqtt/readout.schema.json has it, or not at all."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

import fastjsonschema

LIMIT_BYTES = 262_144
_ODD = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_QUOTED = 80


class BadDocument(ValueError):
    """Why a document is not accepted: a word to count by, and one sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind, self.sentence = kind, sentence


@cache
def _validate() -> Any:
    schema = files(__package__).joinpath("readout.schema.json").read_text("utf-8")
    return fastjsonschema.compile(json.loads(schema))


def read_document(payload: bytes) -> dict[str, Any]:
    """The document. Raises `BadDocument`: too long, no JSON, a name twice, a number with a fraction (or that
    is none), nested without end, or not of the schema."""
    if len(payload) > LIMIT_BYTES:
        raise BadDocument(
            "oversize", f"{len(payload)} bytes are more than the {LIMIT_BYTES} a document may have"
        )
    try:
        document = json.loads(
            payload.decode(), object_pairs_hook=_names, parse_float=_fraction, parse_constant=_no_number
        )
    except BadDocument:
        raise
    except RecursionError:
        raise BadDocument("nesting", "the document is nested too deeply") from None
    except ValueError as error:
        raise BadDocument("no_json", f"the document is no JSON: {quoted(str(error))}") from None
    try:
        _validate()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        said = error.message.replace("data.", "", 1).replace("data ", "the document ", 1)
        raise BadDocument("schema", f"not as the schema has it: {quoted(said)}") from None
    return document  # type: ignore[no-any-return]


def _names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadDocument("name_twice", f"{quoted(twice)} stands twice in one object")
    for value in found.values():
        if isinstance(value, str) and _ODD.search(value):
            raise BadDocument("characters", f"a text has characters that are none: {quoted(value)}")
    return found


def _fraction(text: str) -> NoReturn:
    raise BadDocument("fraction", f"{quoted(text)} is no whole number: give raw and scaler")


def _no_number(text: str) -> NoReturn:
    raise BadDocument("no_number", f"{text} is no number")


def quoted(text: str) -> str:
    """A stranger's words, short and printable."""
    short = text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
    return "".join(c if c.isprintable() else "�" for c in short)
