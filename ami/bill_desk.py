"""`ami bill`, where explaining a bill imports nothing of what making one takes: database, queue, PDF."""

from __future__ import annotations

import click as plain_click
import rich_click as click

from ami.bill_explain import explain
from ami.verbs import imported


class Desk(click.RichGroup):
    """The commands of `ami.bill`, imported when another one than `explain` is asked for."""

    def _others(self) -> click.RichGroup:
        group: click.RichGroup = imported("ami.bill").command
        return group

    def list_commands(self, ctx: plain_click.Context) -> list[str]:
        return sorted({*self._others().list_commands(ctx), "explain"})

    def get_command(self, ctx: plain_click.Context, cmd_name: str) -> plain_click.Command | None:
        return explain if cmd_name == "explain" else self._others().get_command(ctx, cmd_name)


@click.group("bill", cls=Desk)
def command() -> None:
    """Bill a closed month, list and print bills; explain how one comes about."""
