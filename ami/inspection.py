"""`ami inspection`: whom there is reason to visit."""

from __future__ import annotations

import rich_click as click

from ami.verbs import Verbs


@click.group(
    "inspection",
    cls=Verbs,
    verbs={
        "list": ("inspection_show:listed", None),
        "show": ("inspection_show:show", None),
        "figures": ("inspection_figures:figures", None),
        "scores": ("inspection_figures:scores_of", None),
        "run": ("inspection_run:run", None),
        "learn": ("inspection_run:learn", None),
        "models": ("inspection_run:models", None),
        "assign": ("inspection_judge:assign", None),
        "visit": ("inspection_judge:visit", None),
        "confirm": ("inspection_judge:confirm", None),
        "dismiss": ("inspection_judge:dismiss", None),
        "away": ("inspection_away:away", None),
    },
)
def command() -> None:
    """Meters that seem to count less than is used: one inspection each, with evidence and what is at stake.

    Each night a few are opened, `[abnormal] alerts_per_1000` per 1,000 meters and day. They go from new to
    assigned, inspected, and confirmed or false; what is found teaches the score. Who acts is an engineer,
    said by --as LOGIN; confirming and dismissing want their password (or $AMI_PASSWORD).
    """
