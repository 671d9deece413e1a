"""A file the office filled in: its headings found among the columns that are known, its lines by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from model.period import LOCAL
from operations.customer_columns import Column, plain
from operations.errors import FileError
from operations.formats.cells import instant
from operations.formats.numbers import offset
from operations.spreadsheet import read_rows

Remark = Callable[[FileError], None]
_ZONE: Final = offset("+07:00")


def found(
    line: int, headings: Sequence[str], known: Sequence[Column], errors: list[FileError]
) -> list[Column | None]:
    """The column of each heading, None under an empty one; `errors` gets what is unknown, double, missing."""
    by_heading = {
        plain(name): column for column in known for name in (column.key, column.heading, *column.aliases)
    }
    columns: list[Column | None] = []
    for heading in headings:
        column = by_heading.get(plain(heading))
        if heading and column is None:
            errors.append(FileError(line, heading, "no such column is known: use the template's headings"))
        elif column is not None and column in columns:
            errors.append(FileError(line, heading, "the column stands there twice: keep one of them"))
        columns.append(column)
    errors += [
        FileError(line, column.heading, "the column is missing: add it, as in the template")
        for column in known
        if column.required and column not in columns
    ]
    return columns


def lines(
    path: Path,
    known: Sequence[Column],
    noun: str,
    is_example: Callable[[Sequence[str]], bool],
    meant: Callable[[Column, str], Any],
    errors: list[FileError],
    remark: Remark,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Of each line without an error its number and what its cells say by the columns' keys, None where one is
    empty; a line is a `noun`.

    `meant` makes of a cell's text what it means, None where it means nothing; `errors` gets what is wrong;
    `remark` hears of the template's lines (`is_example`), which are left out.
    """
    (heading_line, headings), *rows = read_rows(path)
    for line in (line for line, cells in rows if is_example(cells)):
        remark(FileError(line, "", f"this is still the template's example {noun}: left out"))
    rows = [(line, cells) for line, cells in rows if not is_example(cells)]
    columns = found(heading_line, headings, known, errors)
    if errors:
        return
    if not rows:
        errors.append(FileError(0, "", f"there is no line below the headings: enter the {noun}s"))
    for line, cells in rows:
        before = len(errors)
        texts = {column.key: text for column, text in zip(columns, cells, strict=False) if column is not None}
        row = {column.key: _value(line, column, texts.get(column.key, ""), meant, errors) for column in known}
        if len(errors) == before:
            yield line, row


def _value(
    line: int, column: Column, text: str, meant: Callable[[Column, str], Any], errors: list[FileError]
) -> Any:
    """What a cell says, None where it is empty or wrong."""
    if not text:
        if column.required:
            errors.append(FileError(line, column.heading, f"the cell is empty: enter {column.hint}"))
        return None
    value = meant(column, text)
    if value is None:
        errors.append(FileError(line, column.heading, f"“{text}” is not {column.hint}: correct it"))
    return value


def moment(text: str) -> datetime | None:
    """A day (its first moment) or an instant, in local time; None for anything else."""
    at = instant(f"{text} 00:00" if len(text) == 10 else text, _ZONE)
    return None if at is None else datetime.fromtimestamp(at, LOCAL)
