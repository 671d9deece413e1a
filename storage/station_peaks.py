"""How high the load of stations rose by day, as worked out each morning; the hottest of all come first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.viewer import Viewer

KEPT: Final = timedelta(days=800)
"""Longer than any range that is asked for at once, and its like a year before."""

_SAVE: Final = """
    INSERT INTO station_peak AS old (day, station, pmax_w, share)
    SELECT d, %(station)s, p, s FROM unnest(%(days)s::date[], %(pmax)s::float8[], %(share)s::float8[])
        AS told (d, p, s) ORDER BY d
    ON CONFLICT (day, station) DO UPDATE SET pmax_w = excluded.pmax_w, share = excluded.share
    WHERE (old.pmax_w, old.share) IS DISTINCT FROM (excluded.pmax_w, excluded.share)"""
_FORGET: Final = "DELETE FROM station_peak WHERE station = %s AND day < %s"
_LAST: Final = """
    SELECT s, p.day FROM unnest(%s::text[]) AS s CROSS JOIN LATERAL
        (SELECT day FROM station_peak WHERE station = s ORDER BY day DESC LIMIT 1) p"""
_SINCE: Final = "SELECT min(day) FROM station_peak"
_ORDER: Final = """
    SELECT s.code, p.station IS NOT NULL FROM station s LEFT JOIN (
        SELECT station, max(share) AS share, max(pmax_w) AS pmax_w FROM station_peak
        WHERE day >= %(first)s AND day < %(end)s GROUP BY station) p ON p.station = s.code
    WHERE %(staff)s
    ORDER BY p.station IS NULL, p.share DESC NULLS LAST, p.pmax_w DESC NULLS LAST, s.code"""

Peak = tuple[date, float | None, float | None]
"""A day, its highest mean power in W, and its highest apparent power by the rated one."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Codes of stations, the hottest first; the last `unknown` of them, of which nothing was worked out in
    these days, by code. `since`: no day before is worked out; None where none is."""

    codes: tuple[str, ...]
    unknown: int
    since: date | None


def save(conn: Connection[TupleRow], station: str, peaks: Sequence[Peak]) -> None:
    """Keep a station's days; those before `KEPT` go."""
    if not peaks:
        return
    days, pmax, share = zip(*peaks, strict=True)
    asked = {"station": station, "days": list(days), "pmax": list(pmax), "share": list(share)}
    conn.execute(_SAVE, asked)
    conn.execute(_FORGET, [station, max(days) - KEPT])


def last_days(conn: Connection[TupleRow], stations: Collection[str]) -> dict[str, date]:
    """The last day that is kept, of the stations of which any is."""
    return dict(conn.execute(_LAST, [list(stations)]).fetchall())


def ranked(conn: Connection[TupleRow], viewer: Viewer, first: date, end: date) -> Ranked:
    """All stations by their highest load of days from `first`, without `end`; none for customers."""
    asked = {"first": first, "end": end, "staff": viewer.is_staff}
    rows = conn.execute(_ORDER, asked).fetchall()
    (since,) = conn.execute(_SINCE).fetchone() or (None,)
    return Ranked(tuple(code for code, _ in rows), sum(not known for _, known in rows), since)
