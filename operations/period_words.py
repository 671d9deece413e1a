"""What the office says of one period of a point before it is billed."""

from __future__ import annotations

from datetime import datetime

from model.grid import PeriodFacts
from model.jsonform import to_json
from model.period import Period
from model.viewer import Viewer
from operations.errors import InputError
from operations.runs import stages
from storage import bills, people, period_facts
from storage.errors import Unknown
from storage.pool import Pool


def say(pool: Pool, viewer: Viewer, facts: PeriodFacts, now: datetime) -> bool:
    """Keep it, with who said it and when; what was said of the same days before counts no more. Whether a
    bill of these days went out already, which it does not change.

    Raises `RunRefused` for a role that may not, `InputError` for a point nobody knows and where nothing is
    said.
    """
    stages.may(pool, viewer, "saying what a period is billed by", now)
    if not facts.reason and facts.households_with_use is None:
        raise InputError(
            f"nothing is said of point {facts.point}: give --reason, or --households and --retail-kwh"
        )
    with pool.connection() as conn:
        try:
            period_facts.say(conn, facts, viewer.login, now)
        except Unknown as error:
            raise InputError(f"no point {facts.point} is registered: correct its code") from error
        people.audit(conn, now, viewer.login, "bills.period", f"point {facts.point}", to_json(facts))
        return bool(bills.standing(conn, [facts.point], Period.of_days(facts.start, facts.end)))
