"""What watching needs beside `observed`: when meters were first called, and one moment of each hour."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period
from model.readout import InstantRead
from storage.observed import instant_of

_FIRST: Final = """
    SELECT m.id, p.started FROM unnest(%s::integer[]) AS m (id)
    CROSS JOIN LATERAL (SELECT started FROM poll WHERE meter_id = m.id ORDER BY started LIMIT 1) p"""
_HOURLY: Final = """
    SELECT DISTINCT ON (meter_id, bin)
        meter_id, at, voltage_v, current_a, power_w, reactive_var, cos_phi, frequency_hz
    FROM (SELECT *, date_bin(CASE WHEN at >= %(recent)s THEN interval '1 hour' ELSE interval '6 hours' END,
            at, '2000-01-01Z') AS bin
        FROM instant_read WHERE meter_id = ANY (%(meters)s) AND at >= %(start)s AND at < %(end)s) b
    ORDER BY meter_id, bin, at"""
_RECENT: Final = timedelta(days=14)


def first_tries(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, datetime]:
    """The beginning of the first conversation tried with each of the meters, answered or not."""
    return dict(conn.execute(_FIRST, [list(meter_ids)]).fetchall())


def hourly_instants(
    conn: Connection[TupleRow], meter_ids: Collection[int], period: Period
) -> list[tuple[int, InstantRead]]:
    """The first electrical quantities of every hour with their meters, by meter and time; of six hours where
    they are older than a fortnight, for a quarter's hours of many meters are too many to hold."""
    asked = {
        "meters": list(meter_ids),
        "start": period.start,
        "end": period.end,
        "recent": period.end - _RECENT,
    }
    return [(meter_id, instant_of(*row)) for meter_id, *row in conn.execute(_HOURLY, asked)]
