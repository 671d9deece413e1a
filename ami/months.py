"""Whether a month was closed: what is asked of one that was not comes to nothing, and says why."""

from __future__ import annotations

from ami.console import say
from model.period import Period, local_day
from storage import closing
from storage.pool import open_pool


def closed_or_said(dsn: str, period: Period) -> bool:
    """Whether any index closes the period; where none does, what to do is said on stderr."""
    with open_pool(dsn) as pool, pool.connection() as conn:
        if closing.is_closed(conn, period.end):
            return True
    month = local_day(period.start)
    told = f"read the meters (`ami collect`), then `ami close --month {month:%Y-%m}`"
    say(f"No index closes {month:%m/%Y}: {told}.")
    return False
