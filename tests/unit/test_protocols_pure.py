"""Protocols eat bytes: nothing in them waits, connects or looks at a clock; planted violations are seen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parents[2] / "protocols"
WAITING = {
    "asyncio", "anyio", "trio", "socket", "socketserver", "select", "selectors", "ssl", "time", "threading",
    "multiprocessing", "concurrent", "subprocess", "sched", "signal", "serial", "pymodbus",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today"}
"""Methods of datetime and date that look at the clock of the machine."""


def impurities(source: str) -> Iterator[str]:
    """What of it waits, connects or looks at a clock."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield f"line {node.lineno}: {type(node).__name__}"
            case ast.comprehension(is_async=1):
                yield "an asynchronous comprehension"
            case ast.Import(names=names):
                yield from (f"import {name.name}" for name in names if name.name.split(".")[0] in WAITING)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in WAITING:
                yield f"from {module} import"
            case ast.Call(func=ast.Name(id="__import__" | "open" as name)):
                yield f"line {node.lineno}: {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS or name == "import_module":
                yield f"line {node.lineno}: .{name}()"


def test_nothing_in_protocols_waits_connects_or_looks_at_a_clock() -> None:
    sources = sorted(ROOM.rglob("*.py"))
    assert len(sources) > 100
    found = {
        str(path.relative_to(ROOM)): wrong
        for path in sources
        if (wrong := list(impurities(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "async def f(): pass",
        "async def f():\n    await g()",
        "async def f():\n    return [x async for x in y]",
        "import asyncio",
        "import socket as s",
        "from time import monotonic",
        "from concurrent.futures import Executor",
        "def f():\n    import select",
        "from datetime import datetime\nnow = datetime.now(None)",
        "from datetime import date\nday = date.today()",
        "x = __import__('time')",
        "import importlib\nx = importlib.import_module('time')",
        "x = open('file')",
    ],
)
def test_a_planted_violation_is_seen(planted: str) -> None:
    assert list(impurities(planted))


def test_what_is_allowed_is_not_complained_about() -> None:
    assert list(impurities("from datetime import datetime\nx = datetime(2026, 1, 1)\ntime = x.time()")) == []
