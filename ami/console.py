"""What a command prints: tables and progress on stderr, results on stdout, one JSON document when asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from model.jsonform import to_json

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Step = Callable[[int, int, str], None]  # done, total, what is happening


def emit(document: Any) -> None:
    """Print one JSON document on stdout."""
    json.dump(to_json(document), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """One line for the person at the terminal, on stderr."""
    err.print(text, markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout; columns named in `right` are aligned to the right."""
    grid = Table(title=title or None, title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(grid)


@contextmanager
def progress(title: str) -> Iterator[Step]:
    """A progress bar on stderr; the yielded function moves it. Without a terminal, a line per title and end."""
    if not err.is_terminal:
        last = ""

        def note(done: int, total: int, text: str) -> None:
            nonlocal last
            last = f"{done:,}/{total:,} {text}"

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
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[text]}", markup=True),
        console=err,
    )
    with bar:
        task = bar.add_task(title, total=None, text="")

        def move(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total or None, text=text)

        yield move
