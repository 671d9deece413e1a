"""What the doubts about meters go by besides their days: clocks, channels, cuts, how they were closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.series import Channel

_OFFSETS: Final = """
    SELECT m.id, p.started, p.clock_offset_s FROM unnest(%(meters)s::integer[]) AS m (id)
    CROSS JOIN LATERAL (SELECT started, clock_offset_s FROM poll
        WHERE meter_id = m.id AND clock_offset_s IS NOT NULL ORDER BY started DESC LIMIT %(last)s) p
    ORDER BY m.id, p.started"""
_CHANNEL_DAYS: Final = """
    SELECT meter_id, channel, day FROM profile_day
    WHERE meter_id = ANY (%(meters)s) AND channel <> 1 AND day >= %(first)s AND day < %(end)s
    ORDER BY meter_id, channel, day"""
_LATEST_DAY: Final = """
    SELECT m.id, d.day FROM unnest(%s::integer[]) AS m (id)
    CROSS JOIN LATERAL (SELECT day FROM profile_day WHERE meter_id = m.id AND channel = 1
        ORDER BY day DESC LIMIT 1) d"""
_CUT: Final = """
    SELECT meter_id, finished_at FROM (
        SELECT DISTINCT ON (meter_id) meter_id, kind, finished_at FROM remote_order
        WHERE meter_id = ANY (%s) AND state = 'done' AND kind IN ('connect', 'disconnect')
        ORDER BY meter_id, finished_at DESC) o
    WHERE kind = 'disconnect'"""
_CLOSINGS: Final = """
    SELECT m.id, c.counted FROM unnest(%(meters)s::integer[]) AS m (id)
    CROSS JOIN LATERAL (SELECT at, bool_or(method = ANY (%(counted)s)) AS counted FROM closing_index
        WHERE meter_id = m.id AND channel = 1 GROUP BY at ORDER BY at DESC LIMIT %(last)s) c
    ORDER BY m.id, c.at DESC"""


def clock_offsets(
    conn: Connection[TupleRow], meter_ids: Collection[int], last: int = 3
) -> dict[int, list[tuple[datetime, float]]]:
    """Meter → when it was asked and its clock minus ours in seconds: the `last` times, the oldest first."""
    found: defaultdict[int, list[tuple[datetime, float]]] = defaultdict(list)
    for meter, at, offset in conn.execute(_OFFSETS, {"meters": list(meter_ids), "last": last}):
        found[meter].append((at, offset))
    return dict(found)


def channel_days(
    conn: Connection[TupleRow], meter_ids: Collection[int], first: date, end: date
) -> dict[int, dict[Channel, list[date]]]:
    """Meter → channel other than active import → the days from `first`, without `end`, it has, in order."""
    found: defaultdict[int, dict[Channel, list[date]]] = defaultdict(dict)
    asked = {"meters": list(meter_ids), "first": first, "end": end}
    for meter, channel, day in conn.execute(_CHANNEL_DAYS, asked):
        found[meter].setdefault(Channel(channel), []).append(day)
    return dict(found)


def latest_days(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, date]:
    """Meter → the last day of active import that is stored."""
    return dict(conn.execute(_LATEST_DAY, [list(meter_ids)]).fetchall())


def cut_since(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, datetime]:
    """Meters whose last order about the supply cut it, and when."""
    return dict(conn.execute(_CUT, [list(meter_ids)]).fetchall())


def counted_closings(
    conn: Connection[TupleRow], meter_ids: Collection[int], methods: Collection[str], last: int = 3
) -> dict[int, list[bool]]:
    """Meter → whether each of its `last` closings, the latest first, rests on an index by such a method."""
    found: defaultdict[int, list[bool]] = defaultdict(list)
    asked = {"meters": list(meter_ids), "counted": list(methods), "last": last}
    for meter, counted in conn.execute(_CLOSINGS, asked):
        found[meter].append(counted)
    return dict(found)
