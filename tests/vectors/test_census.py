"""The census of what others published, and docs/protocols.md held to it and to the tests it names."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.published import Published, published

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = REPOSITORY / "docs" / "protocols.md"
ENOUGH, OF_EACH = 120, 3
DIFFERENT: Final = {
    "00010001001000346132a109060760857405080101a2": "the mechanism of the lowest level is left out",
    "000100670066002ac2090c07e70706040a362600ff88": "09 before the time of an event",
    "000100670066002ac2090c07e70a19030b122900ff88": "09 before the time of an event",
    "7ea027010201105a87e6e7000f40000000090c07e4020f": "the tag of an octet-string before a stamp",
    "7ea079010201108093e6e7000f40000000090c07e1090f": "the tag of an octet-string before a stamp",
    "20462e46283030290d0a432e312e3128303030303030": "a space before the first data set",
}
"""Messages that we do not write as their senders did, by their first bytes; docs/protocols.md names them."""


@cache
def everything() -> tuple[Published, ...]:
    return tuple(published())


@cache
def counted() -> dict[str, int]:
    """Distinct messages of each service, from sources that count."""
    messages: dict[str, set[bytes]] = defaultdict(set)
    for entry in everything():
        for service in entry.services if entry.counted else ():
            messages[service].add(entry.raw)
    return {service: len(found) for service, found in messages.items()}


def tables(*head: str) -> list[list[str]]:
    """The rows of the document's tables whose heads begin so; the cells without their blanks."""
    found: list[list[str]] = []
    inside = False
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif tuple(cells[: len(head)]) == head:
            inside = True
        elif inside and not set("".join(cells)) <= {"-"}:
            found.append(cells)
    return found


def promised() -> dict[str, list[str]]:
    """The rows of the conformance tables, by service."""
    rows = tables("service", "client", "server", "published", "proof")
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows), "a service stands in two rows"
    return found


def test_more_than_enough_is_published() -> None:
    distinct = {entry.raw for entry in everything() if entry.counted and not entry.within}
    assert len(distinct) >= ENOUGH
    told = re.search(r"<!-- census -->(\d+)<!-- /census -->", DOCUMENT.read_text(encoding="utf-8"))
    assert told is not None
    assert int(told[1]) == len(distinct)


def test_every_service_is_in_the_document_with_its_number() -> None:
    rows = promised()
    assert {service: int(row[3]) for service, row in rows.items()} == {
        service: counted().get(service, 0) for service in {*rows, *counted()}
    }


def test_three_of_every_service_but_for_those_named() -> None:
    few = {service for service in promised() if counted().get(service, 0) < OF_EACH}
    named = {row[0]: row for row in tables("service", "published", "why, and where it was looked for")}
    assert set(named) == few
    for service, row in named.items():
        assert int(row[1]) == counted().get(service, 0)
        assert len(row[2]) > 20, f"{service}: no reason is given"


def test_every_message_is_written_again() -> None:
    """But for those named, and each of those does differ."""
    differing = {entry.raw.hex() for entry in everything() if entry.again(entry.raw) != entry.raw}
    unnamed = [raw for raw in differing if not raw.startswith(tuple(DIFFERENT))]
    assert unnamed == []
    unneeded = [head for head in DIFFERENT if not any(raw.startswith(head) for raw in differing)]
    assert unneeded == []


def test_every_message_has_a_source_and_a_test() -> None:
    for entry in everything():
        path = REPOSITORY / entry.test.partition("::")[0]
        head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert f"[{entry.source}]" in head, f"{entry.test}: no source [{entry.source}]"
        assert entry.test.partition("::")[2] in names_in(path)


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file, in classes or not."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name.startswith("test_")
    )


def test_the_tests_that_are_named_exist() -> None:
    files = {row[0]: REPOSITORY / row[1] for row in tables("short", "file")}
    named = re.findall(r"`([\w-]+)::(\w+)`", DOCUMENT.read_text(encoding="utf-8"))
    assert {short for short, _ in named} == set(files)
    missing = [f"{short}::{test}" for short, test in named if test not in names_in(files[short])]
    assert missing == []
    for row in promised().values():
        assert "::" in row[4], f"{row[0]}: nothing proves it"


@pytest.mark.parametrize("head", [("what else", "how far"), ("what", "how far"), ("dialect", "what it is")])
def test_what_else_is_promised_names_its_proof(head: tuple[str, str]) -> None:
    rows = tables(*head, "proof")
    assert rows
    for row in rows:
        assert "::" in row[2], f"{row[0]}: nothing proves it"
