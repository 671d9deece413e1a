"""What of `protocols` takes bytes, or what was read out of bytes: looked for, that nothing be forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Final

import protocols
from protocols.dlms.get_alike import Layouts

_TAKEN: Final = re.compile(r"\b(bytes|bytearray|memoryview|Reader|Data|DataSet|HdlcFrame)\b")
_TAKEN_IN: Final = {
    # What was cut out of a block is text, and what was cut out of registers is numbers.
    "protocols.iec62056_21.codes": re.compile(r"\bstr\b"),
    "protocols.iec62056_21.quantities": re.compile(r"\bstr\b"),
    "protocols.iec62056_21.stamps": re.compile(r"\bstr\b"),
    "protocols.iec62056_21.profile": re.compile(r"\bstr\b|DataSet"),
    "protocols.modbus.registers": re.compile(r"Sequence\[int\]"),
    "protocols.modbus.logger": re.compile(r"Sequence\[int\]"),
}


@cache
def classes() -> tuple[type, ...]:
    """Every class of `protocols` whose name is public."""
    found = {}
    for module in _modules():
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                found[f"{module.__name__}.{name}"] = value
    return tuple(found.values())


def _modules() -> Iterator[Any]:
    yield protocols
    for each in pkgutil.walk_packages(protocols.__path__, "protocols."):
        yield importlib.import_module(each.name)


def _functions(owner: Any, name: str) -> Iterator[tuple[str, FunctionType]]:
    if getattr(owner, "_is_protocol", False):
        return  # promises only
    for key, value in vars(owner).items():
        bare = inspect.unwrap(value.__func__ if isinstance(value, classmethod | staticmethod) else value)
        here = getattr(bare, "__module__", "") == (
            owner.__module__ if inspect.isclass(owner) else owner.__name__
        )
        if inspect.isclass(bare) and here:
            yield from _functions(bare, f"{name}.{key}")
        elif isinstance(bare, FunctionType) and here and not key.startswith("_"):
            yield f"{name}.{key}", bare


def _takes(function: FunctionType) -> bool:
    pattern = _TAKEN_IN.get(function.__module__, _TAKEN)
    return any(
        pattern.search(str(kind)) for name, kind in function.__annotations__.items() if name != "return"
    )


@cache
def callables() -> dict[str, CodeType]:
    """The public functions and methods of `protocols` that take such things, by name."""
    return {
        name: function.__code__
        for module in _modules()
        for name, function in _functions(module, module.__name__)
        if _takes(function)
    }


def forget() -> None:
    """Nothing that was remembered is: what was read before is read again."""
    for module in _modules():
        for value in vars(module).values():
            if hasattr(value, "cache_clear") and value.cache_parameters()["maxsize"] is not None:
                value.cache_clear()  # files that were read stay read
            elif isinstance(value, Layouts):
                value.forget()


def run_of(act: Callable[[], object]) -> set[CodeType]:
    """The code of every Python function that runs while `act` does."""
    seen: set[CodeType] = set()

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(before)
    return seen
