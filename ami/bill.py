"""`ami bill`: the billing office. Explaining a bill imports nothing of what making one takes."""

from __future__ import annotations

import rich_click as click

from ami.verbs import Verbs


@click.group(
    "bill",
    cls=Verbs,
    verbs={
        "accept": ("bill_runs:accept", None),
        "approve": ("bill_runs:approve", None),
        "approve-correction": ("bill_correct:approve", None),
        "check": ("bill_runs:check", None),
        "conflicts": ("bill_correct:conflicts", None),
        "correct": ("bill_correct:correct", None),
        "corrections": ("bill_correct:listed", None),
        "draft": ("bill_runs:draft", None),
        "einvoice": ("bill_einvoice:out", None),
        "einvoiced": ("bill_einvoice:told", None),
        "explain": ("bill_explain:explain", None),
        "issue": ("bill_runs:issue", None),
        "list": ("bill_month:listed", None),
        "print": ("bill_print:command", None),
        "period": ("bill_period:period", None),
        "prove": ("bill_prove:prove", None),
        "run": ("bill_month:run", None),
        "runs": ("bill_run_show:runs", None),
        "show": ("bill_run_show:show", None),
        "what-if": ("bill_run_show:what_if", None),
        "withdraw": ("bill_runs:withdraw", None),
        "withdraw-correction": ("bill_correct:withdraw", None),
    },
)
def command() -> None:
    """Bill a closed month, list and print bills; explain how one comes about."""
