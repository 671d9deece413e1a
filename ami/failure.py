"""How a command ends when it does not end well: one sentence and a code.

0 done · 2 usage · 3 partly done · 4 no link · 5 input unusable · 6 the result contradicts the truth ·
130 stopped with Ctrl-C · 1 anything else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

import click


def sentence(text: str) -> str:
    """With a full stop, and a capital where it begins with a word: a setting keeps its spelling."""
    text = text.strip()
    if text.split(" ", 1)[0].isalpha():
        text = text[:1].upper() + text[1:]
    return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'}"


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    NO_LINK = 4
    INPUT = 5
    CONTRADICTION = 6


class Failure(Exception):
    """A command cannot do what it was asked; the message is the sentence a person reads."""

    code: Exit = Exit.FAILED


class UsageFailure(Failure):
    code = Exit.USAGE


class NoLink(Failure):
    code = Exit.NO_LINK


class InputFailure(Failure):
    code = Exit.INPUT


class Contradiction(Failure):
    code = Exit.CONTRADICTION


def end(code: int) -> NoReturn:
    """End the command with this code; what there is to say has been said."""
    raise click.exceptions.Exit(int(code))
