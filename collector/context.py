"""What a line of the log is about, carried along by whatever is under way: modem, meter, poll, shard, epoch.

`with about(modem=…, meter=…):` holds for everything said within, in every task that is started there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

FIELDS: Final = ("node", "shard", "epoch", "modem", "meter", "poll")

_NOTHING: Final[Mapping[str, str | int]] = MappingProxyType({})
_about: ContextVar[Mapping[str, str | int]] = ContextVar("about", default=_NOTHING)


class about:
    """Everything logged within is about these, and about what was said around them."""

    __slots__ = ("_before", "_fields")

    def __init__(self, **fields: str | int) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._before = _about.set({**_about.get(), **self._fields})

    def __exit__(self, *how: object) -> None:
        _about.reset(self._before)


def unrepeated(named: str, said: str) -> str:
    """What is said of somebody who has just been named (like `meter 20260001`), without naming him again."""
    rest = said.removeprefix(named)
    return rest.lstrip(" :,") or said if rest != said and rest[:1] in (" ", ":", ",") else said


def subject() -> Mapping[str, str | int]:
    """What is being done now, as far as it was said."""
    return _about.get()
