"""`ami case`: doubtful readings that somebody has to judge."""

from __future__ import annotations

import rich_click as click

from ami.verbs import Verbs


@click.group(
    "case",
    cls=Verbs,
    verbs={
        "list": ("case_show:listed", None),
        "show": ("case_show:show", None),
        "accept": ("case_judge:accept", None),
        "edit": ("case_edit:edit", None),
        "undo": ("case_edit:undo", None),
        "reread": ("case_judge:reread", None),
        "assign": ("case_judge:assign", None),
    },
)
def command() -> None:
    """Readings that validation doubts: accept them, edit them, have the meter read again.

    A finding of amber or red opens one case for a meter and a cause; it closes by itself when late data cures
    it, and opens again when it comes again. While a red one is open, bills of its days are held. Who acts is
    said by --as LOGIN; accepting and editing want their password (or $AMI_PASSWORD).
    """
