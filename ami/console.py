"""What a command prints: results on stdout (one JSON document when asked for), all else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from model.jsonform import to_json
from model.period import LOCAL

WIDE = 160  # columns of a table nobody's terminal limits: a file, a pipe


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console


out = _console(stderr=False)
err = _console(stderr=True)

Step = Callable[[int, int, str], None]  # done, total, what is happening


def emit(document: Any) -> None:
    """Print one JSON document on stdout."""
    # In one piece: written number by number, a year of half-hours takes seconds.
    sys.stdout.write(orjson.dumps(to_json(document), option=orjson.OPT_INDENT_2).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """One line for the person at the terminal, on stderr."""
    err.print(text, markup=False, soft_wrap=True)


def counted(number: int, noun: str, several: str = "") -> str:
    """Like `1 meter`, `1,200 meters`."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def dong(amount: int) -> str:
    """An amount as this terminal writes numbers: `634,900 ₫`, with a space that does not break."""
    return f"{amount:,}\u00a0₫"


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    to: Console | None = None,
) -> None:
    """A table on stdout, or where it is said; columns named in `right` are aligned to the right."""
    grid = Table(
        title=title or None, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    (to or out).print(grid)


def when(at: datetime | None) -> str:
    """A local instant as people write it, or that there is none."""
    return "never" if at is None else f"{at.astimezone(LOCAL):%d/%m/%Y %H:%M}"


def facts(rows: Sequence[tuple[str, Any]]) -> None:
    """Names and what they are, one to a line, on stdout."""
    grid = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        grid.add_row(f"[bold]{name}[/]", "–" if value is None else escape(str(value)))
    out.print(grid)


@contextmanager
def progress(title: str, what: str) -> Iterator[Step]:
    """A progress bar on stderr; the yielded function moves it, `what` is counted. Without a terminal: two
    lines.
    """
    if not err.is_terminal:
        last = ""

        def note(done: int, total: int, text: str) -> None:
            nonlocal last
            last = f"{done:,} of {total:,} {what}" + (f", {text}" if text else "")

        say(f"{title} …")
        yield note
        if last:
            say(f"{title}: {last}")
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[text]}", markup=True),
        console=err,
    )
    with bar:
        task = bar.add_task(title, total=None, text="")

        def move(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total or None, text=text)

        yield move
