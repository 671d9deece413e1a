"""Frozen values to JSON documents and back, strictly: what does not fit is refused by name.

Instants as ISO 8601 with offset, exact numbers and UUIDs as strings, bytes as base64, durations in seconds.
"""

from __future__ import annotations

import base64
import dataclasses
import types
import typing
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from model.errors import ModelError

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """The JSON form of a model value; raises `ModelError` for what has none."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal() | UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
        case tuple() | list():
            return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise ModelError(f"{type(value).__name__} has no JSON form")


@cache
def _fields(cls: type) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


def from_json(cls: type[T], document: Any) -> T:
    """A `cls` from its JSON form; `ModelError` names the field that is missing, unknown or unfit."""
    return typing.cast(T, _build(cls, document, cls.__name__))


def _build(kind: Any, document: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        if document is None:
            return None
        return _build(options[0], document, where) if len(options) == 1 else document
    try:
        return _leaf(kind, origin, document, where)
    except (TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{where}: {document!r} does not fit ({error})") from error


def _leaf(kind: Any, origin: Any, document: Any, where: str) -> Any:
    if origin is tuple:
        item, *rest = typing.get_args(kind)
        kinds = [item] * len(document) if rest == [Ellipsis] else [item, *rest]
        return tuple(
            _build(k, d, f"{where}[{i}]") for i, (k, d) in enumerate(zip(kinds, document, strict=True))
        )
    if origin is dict:
        _, item = typing.get_args(kind)
        return {key: _build(item, value, f"{where}.{key}") for key, value in document.items()}
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), document, where)
    if kind is bytes:
        return base64.b64decode(document, validate=True)
    if kind in (datetime, date):
        return kind.fromisoformat(document)
    if kind is timedelta:
        return timedelta(seconds=document)
    if kind is float and isinstance(document, int):
        return float(document)
    if isinstance(kind, type) and issubclass(kind, Enum | Decimal | UUID):
        return kind(document)
    if not isinstance(document, kind) or (kind is int and isinstance(document, bool)):
        raise ModelError(f"{where}: expected {kind.__name__}, found {document!r}")
    return document


def _record(kind: type, document: Any, where: str) -> Any:
    if not isinstance(document, dict):
        raise ModelError(f"{where}: expected an object, found {document!r}")
    fields = _fields(kind)
    unknown = document.keys() - fields.keys()
    if unknown:
        raise ModelError(f"{where}: unknown field {', '.join(sorted(unknown))}")
    missing = [name for name, (_, required) in fields.items() if required and name not in document]
    if missing:
        raise ModelError(f"{where}: {', '.join(missing)} is missing")
    return kind(
        **{name: _build(fields[name][0], value, f"{where}.{name}") for name, value in document.items()}
    )
