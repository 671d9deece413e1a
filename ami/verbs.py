"""Commands whose file is imported when they are asked for: help stays quick, and a list needs no head-end."""

from __future__ import annotations

import gc
import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import click as plain_click
import rich_click as click

_SEVERAL = re.compile(r"\n(?:[ \t]*\n){2,}")


class HelpText(click.RichHelpFormatter):
    """Help texts with one blank line where the formatter leaves several below lines that stay as they are."""

    def rich_text(self, text: Any, style: Any = "") -> Any:
        return super().rich_text(_SEVERAL.sub("\n\n", text) if isinstance(text, str) else text, style)


class Verbs(click.RichGroup):
    """A group of `verbs`: name -> where its command is (`module:attribute`), and what it is about.

    A verb without a word about it says it itself, at the price of its import.
    """

    def __init__(self, *arguments: Any, verbs: Mapping[str, tuple[str, str | None]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._verbs = verbs
        self._listing = False

    def list_commands(self, ctx: plain_click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: plain_click.Context, cmd_name: str) -> Any:
        if cmd_name not in self._verbs:
            return None
        place, about = self._verbs[cmd_name]
        if self._listing and about is not None:
            return click.RichCommand(name=cmd_name, help=about)
        module, _, attribute = place.partition(":")
        return getattr(imported(f"ami.{module}"), attribute)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def imported(module: str) -> ModuleType:
    """The module, its import uninterrupted by a garbage collector that would find nothing in it.

    What was imported lives as long as the process: set aside, it costs no later collection a look, nor the
    one at the end. A quarter of a short command's time.
    """
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()
