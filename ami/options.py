"""Options that many commands have."""

from __future__ import annotations

import rich_click as click

from ami.instants import INSTANT

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
AS_OF = click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
