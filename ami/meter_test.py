"""`ami meter test`: one meter, read once, and what it said."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.collect import head_end_settings
from ami.console import emit, progress
from ami.failure import Exit, InputFailure, end
from ami.options import AS_OF, JSON
from ami.settings import load
from collector.single import meter_test
from storage import fleet
from storage.pool import open_pool


@click.command("test")
@click.argument("serial")
@AS_OF
@JSON
def test(serial: str, as_of: datetime | None, as_json: bool) -> None:
    """Read meter SERIAL once over its own line, store nothing, and say what it said.

    It is asked for its serial, clock, registers, present values and the last twelve hours of its load
    profile.
    A modem that dials in is waited for; stop `ami collect` first, for both listen on the same port.

    Exit codes: 0 all of it was read, 3 some of it, 4 no link.
    """
    settings = load()
    with home.database(settings) as dsn:
        key = home.key_file(settings, dsn)
        with open_pool(dsn) as pool, pool.connection() as conn:
            lines = fleet.lines(conn, key.unwrap)
        found = next(((line, m) for line in lines for m in line.meters if m.serial == serial), None)
        if found is None:
            raise InputFailure(f"No meter {serial} is registered: see `ami meter list`.")
        with progress(f"Reading meter {serial}", "questions"):
            seen = meter_test.run(head_end_settings(settings, dsn), *found, clock=clocks.clock(as_of))
    if as_json:
        emit(seen.document())
    else:
        for sentence in seen.sentences():
            click.echo(sentence)
    if not seen.reached:
        end(Exit.NO_LINK)
    if not seen.whole:
        end(Exit.PARTLY)
