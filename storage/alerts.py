"""Alerts: raised once, seen again while they hold, acknowledged by staff. Customers are shown none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.alert import Alert, AlertKind
from model.period import require_aware
from model.quality import Severity
from model.viewer import Viewer

State = Literal["open", "acknowledged", "closed"]

_LASTING: Final = [kind.value for kind in AlertKind if kind.lasts]
_NEAR: Final = timedelta(days=3)

# A beginning is an estimate that moves as days arrive: an alert that stands lends its own to the same.
_RAISE: Final = """
    WITH told AS (
        SELECT n.kind, n.meter_id, n.severity, coalesce(standing.since, n.since) AS since, n.evidence
        FROM unnest(%(kinds)s::text[], %(meters)s::integer[], %(severities)s::smallint[],
            %(since)s::timestamptz[], %(evidence)s::jsonb[]) AS n (kind, meter_id, severity, since, evidence)
        LEFT JOIN LATERAL (
            SELECT since FROM alert a
            WHERE a.meter_id = n.meter_id AND a.kind = n.kind AND a.state <> 'closed'
              AND CASE WHEN n.kind = ANY (%(lasting)s) THEN n.since <= a.seen_at
                  ELSE n.since BETWEEN a.since - %(near)s AND a.since + %(near)s END
            ORDER BY a.since = n.since DESC, a.since DESC LIMIT 1) standing ON true)
    INSERT INTO alert AS old (kind, meter_id, severity, since, raised_at, seen_at, evidence)
    SELECT DISTINCT ON (meter_id, kind, since) kind, meter_id, severity, since, %(now)s, %(now)s, evidence
    FROM told
    ORDER BY meter_id, kind, since, severity DESC
    ON CONFLICT (kind, meter_id, since) DO UPDATE SET severity = excluded.severity,
        evidence = excluded.evidence, seen_at = greatest(old.seen_at, excluded.seen_at),
        state = CASE old.state WHEN 'closed' THEN 'open' ELSE old.state END
    RETURNING xmax = 0"""
_ALERTS: Final = """
    SELECT a.id, a.kind, m.serial, a.severity, a.since, a.evidence, i.point, p.station, p.customer, c.name,
        a.raised_at, a.seen_at, a.state, a.acknowledged_by, a.acknowledged_at
    FROM alert a JOIN meter m ON m.id = a.meter_id
    LEFT JOIN LATERAL (SELECT point FROM installation WHERE meter_id = m.id
        ORDER BY since <= a.since DESC, since DESC LIMIT 1) i ON true
    LEFT JOIN point p ON p.code = i.point LEFT JOIN customer c ON c.code = p.customer
    WHERE (%(state)s::text IS NULL OR a.state = %(state)s) AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)
      AND (%(serial)s::text IS NULL OR m.serial = %(serial)s)
    ORDER BY a.state = 'closed', a.severity DESC, a.since DESC, a.id LIMIT %(limit)s OFFSET %(offset)s"""
_ACKNOWLEDGE: Final = """
    UPDATE alert SET state = 'acknowledged', acknowledged_by = %s, acknowledged_at = %s
    WHERE id = %s AND state = 'open'"""
_STANDING: Final = """
    SELECT meter_id, kind, since FROM alert
    WHERE meter_id = ANY (%(meters)s) AND kind = ANY (%(kinds)s) AND state <> 'closed'
    ORDER BY meter_id, since, kind"""
_CLOSE: Final = """
    UPDATE alert SET state = 'closed'
    WHERE state <> 'closed' AND seen_at < %(before)s AND kind = ANY (%(kinds)s)
      AND (%(meters)s::integer[] IS NULL OR meter_id = ANY (%(meters)s))"""
# Wherever its head meters hang now: a loss stands at the one that hung there last in the month.
_CLOSE_STATIONS: Final = """
    UPDATE alert SET state = 'closed'
    WHERE state <> 'closed' AND seen_at < %(before)s AND kind = ANY (%(kinds)s)
      AND meter_id IN (SELECT i.meter_id FROM point p JOIN installation i ON i.point = p.code
          WHERE p.station = ANY (%(stations)s))"""
_CLOSE_GONE: Final = """
    UPDATE alert SET state = 'closed'
    WHERE state <> 'closed' AND seen_at < %(now)s AND kind <> %(kind)s AND meter_id %% %(of)s = %(number)s
      AND NOT EXISTS (SELECT FROM installation i WHERE i.meter_id = alert.meter_id
          AND i.since <= %(now)s AND coalesce(i.until, 'infinity') >= %(now)s)"""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert with where its meter hung when it began. `seen_at`: the last time the rule still held."""

    id: int
    alert: Alert
    point: str | None
    station: str | None
    customer: str | None
    customer_name: str | None
    raised_at: datetime
    seen_at: datetime
    state: State
    acknowledged_by: str | None
    acknowledged_at: datetime | None


def raise_alerts(conn: Connection[TupleRow], alerts: Sequence[tuple[int, Alert]], now: datetime) -> int:
    """Raise alerts, each with its meter; how many were not known before.

    One of the same kind, meter and beginning is the same: it was seen again, its evidence is the newest,
    and it stays acknowledged. So is one that stands while its beginning moves: for what lasts, one said to
    have begun before it was last seen; for what happens once, one within three days. The first beginning
    told is kept.
    """
    if not alerts:
        return 0
    rows = conn.execute(
        _RAISE,
        {
            "now": require_aware(now),
            "lasting": _LASTING,
            "near": _NEAR,
            "kinds": [alert.kind.value for _, alert in alerts],
            "meters": [meter_id for meter_id, _ in alerts],
            "severities": [int(alert.severity) for _, alert in alerts],
            "since": [alert.since for _, alert in alerts],
            "evidence": [Jsonb(alert.evidence) for _, alert in alerts],
        },
    )
    return sum(new for (new,) in rows)


def standing(
    conn: Connection[TupleRow], meter_ids: Sequence[int], kinds: Sequence[AlertKind]
) -> list[tuple[int, AlertKind, datetime]]:
    """Meter, kind and beginning of the alerts of these kinds that stand, by meter and beginning."""
    asked = {"meters": list(meter_ids), "kinds": [kind.value for kind in kinds]}
    return [(meter, AlertKind(kind), since) for meter, kind, since in conn.execute(_STANDING, asked)]


def close_unseen(
    conn: Connection[TupleRow],
    kinds: Sequence[AlertKind],
    before: datetime,
    meters: Sequence[int] | None = None,
) -> int:
    """Close the alerts of these kinds that no longer hold: not seen since `before`; of these meters, or all.
    How many."""
    asked = {
        "before": require_aware(before),
        "kinds": [kind.value for kind in kinds],
        "meters": None if meters is None else list(meters),
    }
    return conn.execute(_CLOSE, asked).rowcount


def close_unseen_of_stations(conn: Connection[TupleRow], stations: Sequence[str], before: datetime) -> int:
    """Close what is told of these stations and no longer holds: not seen since `before`. How many."""
    kinds = [kind.value for kind in AlertKind if kind.of_station]
    asked = {"before": require_aware(before), "kinds": kinds, "stations": list(stations)}
    return conn.execute(_CLOSE_STATIONS, asked).rowcount


def close_of_taken_down(conn: Connection[TupleRow], now: datetime, shard: tuple[int, int]) -> int:
    """Close what is told of meters of the shard that hang nowhere any more; a station's loss is the month's.
    How many."""
    number, of = shard
    asked = {"now": require_aware(now), "kind": AlertKind.STATION_LOSS.value, "number": number, "of": of}
    return conn.execute(_CLOSE_GONE, asked).rowcount


def alerts(
    conn: Connection[TupleRow],
    viewer: Viewer,
    *,
    state: State | None = None,
    kind: AlertKind | None = None,
    serial: str | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[AlertRow]:
    """Alerts, the loudest and latest first; of a state, kind or meter. Staff only: a customer gets none."""
    if not viewer.is_staff:
        return []
    asked = {"state": state, "kind": kind, "serial": serial, "limit": limit, "offset": offset}
    return [_row(*row) for row in conn.execute(_ALERTS, asked)]


def _row(alert_id: int, kind: str, serial: str, severity: int, *rest: Any) -> AlertRow:
    since, evidence, *where_and_when = rest
    return AlertRow(
        alert_id, Alert(AlertKind(kind), serial, Severity(severity), since, evidence), *where_and_when
    )


def acknowledge(conn: Connection[TupleRow], viewer: Viewer, alert_id: int, at: datetime) -> bool:
    """A member of staff has taken notice; False where it is not theirs, not there or not open."""
    if not viewer.is_staff:
        return False
    return conn.execute(_ACKNOWLEDGE, [viewer.login, require_aware(at), alert_id]).rowcount > 0
