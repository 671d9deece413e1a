"""Options that many commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rich_click as click

from ami.instants import DAY, INSTANT, MONTH

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
AS_OF = click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")


def DAYS(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A month, or days by --from and --to: what `ami.instants.days_asked` makes days of."""
    for option in (
        click.option("--to", "end", type=DAY, help="Local day to end before; default: today."),
        click.option("--from", "first", type=DAY, help="First local day, instead of a month."),
        click.option("--month", type=MONTH, help="Like 2026-10; default: the last full one."),
    ):
        verb = option(verb)
    return verb
