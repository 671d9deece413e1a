"""The multiplier that a meter-reader's device counted with, against the one that is registered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee.rules import RULES, Seen, of_class
from model.period import closed_day
from operations import hand_reads, models
from operations.customer_classes import class_of
from operations.formats.values import IndexPair
from storage import cases, findings

_KIND = "multiplier"


def take(conn: Connection[TupleRow], pairs: Iterable[IndexPair], now: datetime) -> None:
    """Doubt meters whose readings bear another multiplier (HSN) than is registered; the same one settles it.

    The device has it from its route, or from the plate of the transformers: either may be the wrong one.
    """
    said = {(pair.meter, pair.end): pair for pair in pairs if pair.told["multiplier"]}
    touched: set[tuple[int, date]] = set()
    energy, quality = np.zeros((1, 48), np.int32), np.zeros((1, 48), np.uint8)
    for (serial, at), pair in said.items():
        place, day = hand_reads.place_of(conn, serial, at), closed_day(at)
        seen = Seen(
            serial,
            day,
            energy,
            quality,
            class_of(place) or "household",
            multiplier=models.multiplier_of(place, pair.start),
            meter_multiplier=Decimal(pair.told["multiplier"]),
        )
        told = list(RULES[_KIND](seen, of_class(seen.customer_class)[_KIND]))
        for finding in told:
            findings.tell(conn, place.meter_id, finding)
            touched.add((place.meter_id, day))
        if not told:
            touched |= {(place.meter_id, of) for of in findings.settled(conn, place.meter_id, _KIND, day)}
    cases.take(conn, touched, now)
