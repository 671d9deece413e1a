"""A file that an office filled in and that was refused: each of its lines that is wrong, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ami.console import say
from operations.errors import FileRefused

TOLD: Final = 100  # errors of a file that are listed one by one


@contextmanager
def each_told() -> Iterator[None]:
    """Say the errors of a file refused within, by line, before the sentence that refuses it and has the
    first of them: a single one is said there alone."""
    try:
        yield
    except FileRefused as refused:
        for error in refused.errors[:TOLD] if len(refused.errors) > 1 else ():
            say(f"  {error}")
        raise
