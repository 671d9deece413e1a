"""`ami order`: what meters are told from afar, by whom, and what became of it."""

from __future__ import annotations

import rich_click as click

from ami.verbs import Verbs


@click.group(
    "order",
    cls=Verbs,
    verbs={
        "read": ("order_place:read", None),
        "disconnect": ("order_place:disconnect", None),
        "connect": ("order_place:connect", None),
        "clock": ("order_place:clock", None),
        "limit": ("order_place:limit", None),
        "approve": ("order_judge:approve", None),
        "cancel": ("order_judge:cancel", None),
        "lift": ("order_judge:lift", None),
        "list": ("order_show:listed", None),
        "show": ("order_show:show", None),
        "carry-out": ("order_carry:carry_out", None),
    },
)
def command() -> None:
    """Read a meter now; disconnect, connect or limit a customer; set a clock.

    Who acts is said by --as LOGIN; for all but reading their password is asked for (or taken from
    $AMI_PASSWORD). A disconnection, a limit and a jump of a clock need a second person, who approves.
    """
