"""How meters and modems were reached: the silent, the failed, clocks, how long conversations take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period, require_aware

_SILENT: Final = """
    SELECT d.code, d.link, d.last_contact, h.serials, h.stations, try.outcome, try.detail
    FROM modem d
    CROSS JOIN LATERAL (
        SELECT array_agg(m.serial ORDER BY m.serial) AS serials,
            array_agg(DISTINCT p.station ORDER BY p.station) AS stations
        FROM meter m JOIN installation i ON i.meter_id = m.id AND i.since <= %(now)s
            AND coalesce(i.until, 'infinity') > %(now)s JOIN point p ON p.code = i.point
        WHERE m.modem = d.code) h
    LEFT JOIN LATERAL (
        SELECT outcome, detail FROM poll WHERE modem = d.code AND started <= %(now)s
        ORDER BY started DESC LIMIT 1) try ON true
    WHERE h.serials IS NOT NULL AND (d.last_contact IS NULL OR d.last_contact < %(before)s)
    ORDER BY d.last_contact NULLS FIRST, d.code"""
_OUTCOMES: Final = """
    SELECT outcome, count(*), count(DISTINCT meter_id), count(DISTINCT modem),
        (array_agg(detail ORDER BY started DESC) FILTER (WHERE detail <> ''))[1]
    FROM poll WHERE started >= %(start)s AND started < %(end)s
    GROUP BY outcome ORDER BY count(*) DESC, outcome"""
_UNREAD: Final = """
    SELECT m.serial, m.modem, p.station, t.tries, last.outcome, last.detail, ok.ended
    FROM (SELECT meter_id, count(*) AS tries FROM poll WHERE started >= %(start)s AND started < %(end)s
        GROUP BY meter_id HAVING count(*) FILTER (WHERE outcome IN ('ok', 'partial')) = 0) t
    JOIN meter m ON m.id = t.meter_id
    JOIN installation i ON i.meter_id = m.id AND i.since < %(end)s
        AND coalesce(i.until, 'infinity') >= %(end)s
    JOIN point p ON p.code = i.point
    LEFT JOIN LATERAL (SELECT outcome, detail FROM poll WHERE meter_id = m.id AND started < %(end)s
        ORDER BY started DESC LIMIT 1) last ON true
    LEFT JOIN LATERAL (SELECT ended FROM poll WHERE meter_id = m.id AND started < %(end)s
        AND outcome IN ('ok', 'partial') ORDER BY started DESC LIMIT 1) ok ON true
    ORDER BY t.tries DESC, m.serial LIMIT %(limit)s"""
_DRIFT: Final = """
    SELECT m.serial, m.modem, p.station, o.started, o.clock_offset_s
    FROM meter m
    JOIN installation i ON i.meter_id = m.id AND i.since < %(end)s
        AND coalesce(i.until, 'infinity') >= %(end)s
    JOIN point p ON p.code = i.point
    CROSS JOIN LATERAL (SELECT started, clock_offset_s FROM poll
        WHERE meter_id = m.id AND started >= %(start)s AND started < %(end)s AND clock_offset_s IS NOT NULL
        ORDER BY started DESC LIMIT 1) o
    ORDER BY abs(o.clock_offset_s) DESC, m.serial"""
_LINKS: Final = """
    SELECT d.code, d.link, d.last_contact, count(*), count(*) FILTER (WHERE p.outcome IN ('ok', 'partial')),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM p.ended - p.started))
            FILTER (WHERE p.outcome IN ('ok', 'partial')),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM p.ended - p.started))
            FILTER (WHERE p.outcome IN ('ok', 'partial'))
    FROM poll p JOIN modem d ON d.code = p.modem
    WHERE p.started >= %(start)s AND p.started < %(end)s
    GROUP BY d.code, d.link, d.last_contact ORDER BY 7 DESC NULLS LAST, d.code"""


@dataclass(frozen=True, slots=True)
class Silent:
    """A modem not heard of for a while, None: never; the meters and stations behind it, and how the last try
    to reach one of them ended."""

    modem: str
    link: str
    last_contact: datetime | None
    serials: tuple[str, ...]
    stations: tuple[str, ...]
    outcome: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often polls ended so, of how many meters and modems; `latest` is what was last said about one."""

    outcome: str
    polls: int
    meters: int
    modems: int
    latest: str | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A meter that was tried and gave nothing in the period; `last_ok` is when it last did, before."""

    serial: str
    modem: str
    station: str
    tries: int
    outcome: str | None
    detail: str | None
    last_ok: datetime | None


@dataclass(frozen=True, slots=True)
class Drift:
    """A meter's clock minus ours in seconds, when it was last asked in the period."""

    serial: str
    modem: str
    station: str
    at: datetime
    offset_s: float


@dataclass(frozen=True, slots=True)
class LinkPace:
    """Polls behind one modem in the period, those that read something, and how many seconds half and 95 % of
    these took; None where none did."""

    modem: str
    link: str
    last_contact: datetime | None
    polls: int
    polls_ok: int
    median_s: float | None
    p95_s: float | None


def silent(conn: Connection[TupleRow], now: datetime, before: datetime) -> list[Silent]:
    """Modems with meters that hang now, not heard of since `before`; those never heard of come first."""
    asked = {"now": require_aware(now), "before": require_aware(before)}
    return [
        Silent(code, link, at, tuple(serials), tuple(stations), outcome, detail)
        for code, link, at, serials, stations, outcome, detail in conn.execute(_SILENT, asked)
    ]


def outcomes(conn: Connection[TupleRow], period: Period) -> list[Outcome]:
    """How the polls begun in the period ended, the most frequent first."""
    return [Outcome(*row) for row in conn.execute(_OUTCOMES, _asked(period))]


def unread(conn: Connection[TupleRow], period: Period, limit: int = 1000) -> list[Unread]:
    """Meters that hang at the end of the period, were tried in it, and gave nothing."""
    return [Unread(*row) for row in conn.execute(_UNREAD, {**_asked(period), "limit": limit})]


def drift(conn: Connection[TupleRow], period: Period) -> list[Drift]:
    """The clocks of meters that hang at the end of the period, the worst first."""
    return [Drift(*row) for row in conn.execute(_DRIFT, _asked(period))]


def links(conn: Connection[TupleRow], period: Period) -> list[LinkPace]:
    """Every modem that was tried, the slowest first."""
    return [LinkPace(*row) for row in conn.execute(_LINKS, _asked(period))]


def _asked(period: Period) -> dict[str, Any]:
    return {"start": period.start, "end": period.end}
