"""The architecture is a failing test: planted violations turn it red."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]

PLANTED = {
    "protocols": ["storage", "asyncio", "socket", "time", "pymodbus", "psycopg"],
    "simulators": ["storage", "collector"],
    "collector": ["simulators", "operations"],
    "analytics": ["psycopg", "asyncio", "protocols"],
    "storage": ["operations"],
    "operations": ["dashboard"],
    "dashboard": ["ami"],
    "model": ["numpy", "storage"],
}

# A statement, not a sentence: capital keywords in the order SQL has them.
SQL = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT INTO\b|\bUPDATE\b.+\bSET\b|\bDELETE FROM\b"
    r"|\b(?:CREATE|ALTER|DROP) (?:TABLE|VIEW|INDEX|DATABASE|EXTENSION|SCHEMA|ROLE)\b",
    re.DOTALL,
)
# The head-end's spool and what it heard pushing meters count are SQLite files of its own, before the store.
OWN_STORE = re.compile(r"^collector/(spool/|push/heard_counters\.py$)")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint_imports, "--no-cache"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(
            REPOSITORY / room,
            tmp_path / room,
            ignore=lambda folder, names: [
                name for name in names if ("." in name and not name.endswith(".py")) or name == "__pycache__"
            ],
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_rooms_know_only_the_rooms_under_them(copy: Path) -> None:
    ran = _lint(copy)
    assert ran.returncode == 0, ran.stdout


def test_every_planted_import_turns_the_check_red(copy: Path) -> None:
    for room, imports in PLANTED.items():
        lines = "".join(f"import {name}\n" for name in imports)
        (copy / room / "planted.py").write_text(lines)
    ran = _lint(copy)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    for room, imports in PLANTED.items():
        for name in imports:
            assert re.search(rf"\b{room}\.planted -> {name}\b", ran.stdout), f"{room} imports {name} unseen"


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        if room != "storage":
            yield from (REPOSITORY / room).rglob("*.py")


def _statements(source: str) -> list[str]:
    tree = ast.parse(source)
    said = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in said
        and SQL.search(node.value)
    ]


def test_no_sql_is_written_outside_the_store() -> None:
    found = {
        str(path.relative_to(REPOSITORY)): statements
        for path in _sources()
        if not OWN_STORE.match(str(path.relative_to(REPOSITORY)))
        and (statements := _statements(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('x = "SELECT 1 FROM meter"', 1),
        ('x = f"UPDATE {table} SET n = 1"', 0),  # parts alone tell nothing ...
        ('x = f"DELETE FROM {table}"', 1),  # ... unless one is enough
        ('def f():\n    """SELECT a reading book FROM the list."""', 0),
        ('x = "Select a file from the list"', 0),
    ],
)
def test_sql_is_told_from_sentences(source: str, count: int) -> None:
    assert len(_statements(source)) == count
