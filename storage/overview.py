"""The state of the whole: what staff see first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.alert import AlertKind
from model.period import Period, local_day
from model.series import Channel
from model.viewer import Viewer
from storage.station_heads import HEADS

_METERS: Final = """
    SELECT count(*) FROM installation WHERE since <= %(now)s AND coalesce(until, 'infinity') > %(now)s"""
_POLLS: Final = """
    SELECT count(*) FILTER (WHERE outcome IN ('ok', 'partial')), count(*) FROM poll
    WHERE started > %(day_ago)s AND started <= %(now)s"""
_FRESH: Final = """
    SELECT count(DISTINCT meter_id) FROM poll
    WHERE started > %(day_ago)s AND started <= %(now)s AND outcome IN ('ok', 'partial')"""
_EXPECTED: Final = """
    SELECT coalesce(sum(greatest(0,
        floor(extract(epoch FROM least(coalesce(until, 'infinity'), %(end)s)) / 1800)
        - ceil(extract(epoch FROM greatest(since, %(start)s)) / 1800))), 0)::bigint
    FROM installation WHERE since < %(end)s AND coalesce(until, 'infinity') > %(start)s"""
_ACTUAL: Final = """
    SELECT coalesce(sum(slots_of(quality, '167')), 0), coalesce(sum(slots_of(quality, '2345')), 0)
    FROM profile_day WHERE channel = %(channel)s AND day = %(yesterday)s"""
_SILENT: Final = """
    SELECT d.code, d.last_contact, array_agg(m.serial ORDER BY m.serial) FROM modem d JOIN meter m ON
    m.modem = d.code JOIN installation i ON i.meter_id = m.id AND i.since <= %(now)s AND coalesce(i.until,
    'infinity') > %(now)s WHERE d.last_contact IS NULL OR d.last_contact < %(silent_before)s GROUP BY
    d.code, d.last_contact ORDER BY d.last_contact NULLS FIRST, d.code LIMIT 100"""
_ALERTS: Final = "SELECT kind, count(*) FROM alert WHERE state = 'open' GROUP BY kind ORDER BY kind"
_STATIONS: Final = (
    """
    WITH heads AS ("""
    + HEADS
    + """),
    sums AS (
        SELECT p.station, p.role, d.day, sum(t.wh * power(10::numeric, d.scaler)) AS wh
        FROM profile_day d
        CROSS JOIN LATERAL (SELECT sum(e) AS wh FROM unnest(d.energy) WITH ORDINALITY AS s (e, slot)
            WHERE get_byte(d.quality, s.slot::integer - 1) <> 0) t
        JOIN installation i ON i.meter_id = d.meter_id
            AND i.since < ((d.day + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh')
            AND coalesce(i.until, 'infinity') > (d.day::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh')
        JOIN point p ON p.code = i.point
        WHERE d.channel = %(channel)s AND d.day IN (%(today)s, %(yesterday)s)
          AND (p.role <> 'station_head' OR p.code IN (SELECT code FROM heads))
        GROUP BY p.station, p.role, d.day),
    hung AS (
        SELECT p.station, count(DISTINCT p.code) FILTER (WHERE p.role = 'station_head') AS heads,
            count(DISTINCT p.feeder) FILTER (WHERE p.role = 'station_head') AS feeders,
            count(*) FILTER (WHERE d.meter_id IS NULL OR position('\\x00'::bytea IN d.quality) > 0) AS unknown
        FROM installation i JOIN point p ON p.code = i.point
        LEFT JOIN profile_day d ON d.meter_id = i.meter_id AND d.channel = %(channel)s
            AND d.day = %(yesterday)s
        WHERE i.since < %(end)s AND coalesce(i.until, 'infinity') > %(start)s
          AND (p.role <> 'station_head' OR p.code IN (SELECT code FROM heads))
        GROUP BY p.station),
    used AS (
        SELECT s.code, s.name,
            (sum(wh) FILTER (WHERE day = %(today)s AND role = 'customer'))::bigint AS customers_today,
            (sum(wh) FILTER (WHERE day = %(yesterday)s AND role = 'customer'))::bigint AS customers,
            (sum(wh) FILTER (WHERE day = %(today)s AND role = 'station_head'))::bigint AS head_today,
            (sum(wh) FILTER (WHERE day = %(yesterday)s AND role = 'station_head'))::bigint AS head
        FROM station s LEFT JOIN sums ON sums.station = s.code GROUP BY s.code, s.name)
    SELECT used.*, coalesce(hung.unknown, 0), CASE WHEN hung.unknown = 0 AND hung.heads IN (1, hung.feeders)
            THEN (head - customers)::double precision / nullif(head, 0) END
    FROM used LEFT JOIN hung ON hung.station = used.code ORDER BY used.code"""
)

_SILENT_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class SilentModem:
    """A modem that was not heard of for a day; None: never. With the meters that hang on it."""

    modem: str
    last_contact: datetime | None
    serials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StationUse:
    """A station's consumption in Wh: its customers' sum, and its head meter's; None where no slot of the
    day is known.

    `loss_yesterday`: (head − customers) / head, told only where it has one head meter (or one for each of
    its feeders) and all of the day is known, measured or estimated, of every meter that hung there;
    `unknown_yesterday` of them it is not.
    """

    station: str
    name: str
    customers_today_wh: int | None
    customers_yesterday_wh: int | None
    head_today_wh: int | None
    head_yesterday_wh: int | None
    unknown_yesterday: int
    loss_yesterday: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Rates lie between 0 and 1, None where there is nothing to divide by. Slots are half-hours of active
    import.

    `read_rate_24h`: polls that read something, of all of the last 24 hours; `meters_read_24h`: meters read
    in that time. `complete_yesterday`: slots that the meters gave, of those to be had.
    """

    meters: int
    meters_read_24h: int
    polls_24h: int
    polls_ok_24h: int
    slots_expected_yesterday: int
    slots_actual_yesterday: int
    slots_estimated_yesterday: int
    silent_modems: tuple[SilentModem, ...]
    open_alerts: Mapping[AlertKind, int]
    stations: tuple[StationUse, ...]

    @property
    def read_rate_24h(self) -> float | None:
        return self.polls_ok_24h / self.polls_24h if self.polls_24h else None

    @property
    def complete_yesterday(self) -> float | None:
        expected = self.slots_expected_yesterday
        return self.slots_actual_yesterday / expected if expected else None


def overview(conn: Connection[TupleRow], viewer: Viewer, now: datetime) -> Overview | None:
    """The state at the instant, for staff; None for a customer."""
    if not viewer.is_staff:
        return None
    today = local_day(now)
    yesterday = Period.of_day(today - timedelta(days=1))
    asked = {
        "now": now,
        "day_ago": now - timedelta(days=1),
        "silent_before": now - _SILENT_AFTER,
        "today": today,
        "yesterday": today - timedelta(days=1),
        "start": yesterday.start,
        "end": yesterday.end,
        "channel": int(Channel.ACTIVE_IMPORT),
    }
    ((meters,),) = conn.execute(_METERS, asked).fetchall()
    ((fresh,),) = conn.execute(_FRESH, asked).fetchall()
    ((polls_ok, polls),) = conn.execute(_POLLS, asked).fetchall()
    ((expected,),) = conn.execute(_EXPECTED, asked).fetchall()
    ((actual, estimated),) = conn.execute(_ACTUAL, asked).fetchall()
    return Overview(
        meters,
        fresh,
        polls,
        polls_ok,
        expected,
        actual,
        estimated,
        tuple(SilentModem(code, at, tuple(serials)) for code, at, serials in conn.execute(_SILENT, asked)),
        {AlertKind(kind): count for kind, count in conn.execute(_ALERTS)},
        tuple(StationUse(*row) for row in conn.execute(_STATIONS, asked)),
    )
