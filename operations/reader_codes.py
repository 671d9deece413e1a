"""What a meter-reader found instead of an index (TTR_MOI): a case that somebody judges, or that ends when the
meter is read.

Burnt, stuck, lost, broken and displaced meters hold the bill; use while they counted nothing is settled by
the rule of `analytics.vee.damage`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import closed_day
from model.quality import Severity
from operations import hand_reads
from operations.errors import MeterRefused
from operations.formats.values import Rejected, Unread
from storage import cases, people, reader_codes

SEVERITY: Final[Mapping[str, Severity]] = {
    "C": Severity.RED,  # burnt
    "K": Severity.RED,  # stuck
    "M": Severity.RED,  # lost
    "H": Severity.RED,  # broken
    "G": Severity.RED,  # displaced
    "D": Severity.AMBER,  # disconnected
    "V": Severity.AMBER,  # customer absent
    "U": Severity.BLUE,  # not in use: noted, and nobody is asked
}
"""How loudly each code of `operations.formats.handheld.UNREAD` speaks."""


def take(
    conn: Connection[TupleRow],
    unread: Iterable[Unread],
    read: Collection[tuple[str, datetime]],
    *,
    beside: Mapping[str, str],
    by: str,
    now: datetime,
) -> list[Rejected]:
    """Keep what was found instead of indices, and have what is read now settle what was not before.

    `read`: meters and instants of the indices that came with them. Returns the lines of meters that nobody
    knows. Of several codes of one meter the loudest counts.
    """
    touched: set[tuple[int, date]] = set()
    refused: list[Rejected] = []
    found: dict[tuple[str, datetime], list[Unread]] = defaultdict(list)
    for one in unread:
        found[one.serial, one.at].append(one)
    for (serial, at), codes in found.items():
        try:
            place = hand_reads.place_of(conn, serial, at)
        except MeterRefused as error:
            refused += [Rejected(c.line, error.sentence, serial, c.register, c.unit) for c in codes]
            continue
        worst = max(codes, key=lambda code: SEVERITY[code.status])
        told = {name: value for name, value in worst.told.items() if value}
        registers = ", ".join(sorted({code.register for code in codes}))
        detail = {"status": worst.status, "registers": registers, **told}
        day = closed_day(at)
        reader_codes.keep(conn, place.meter_id, day, SEVERITY[worst.status], detail)
        people.audit(conn, now, by, "meter.unread", serial, {"at": at.isoformat(), **detail, **beside})
        touched.add((place.meter_id, day))
    for serial, at in set(read) - set(found):
        touched |= hand_reads.settled(conn, serial, at)
    cases.take(conn, touched, now)
    return refused
