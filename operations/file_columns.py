"""The headings of a file the office filled in, found among the columns that are known."""

from __future__ import annotations

from collections.abc import Sequence

from operations.customer_columns import Column, plain
from operations.errors import FileError


def found(
    line: int, headings: Sequence[str], known: Sequence[Column], errors: list[FileError]
) -> list[Column | None]:
    """The column of each heading, None under an empty one; `errors` gets what is unknown, double, missing."""
    by_heading = {plain(name): column for column in known for name in (column.heading, *column.aliases)}
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
