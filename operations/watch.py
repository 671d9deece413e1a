"""Watching: what is known of hanging meters goes before the rules, and what they say becomes alerts.

In shards and batches, and only of meters that something came of since they were last looked at, or that time
alone says to look at again (storage.watched).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.detection import Observed, Replacement, detect
from analytics.detection.meter import SILENT
from model.alert import Alert, AlertKind
from model.grid import Role
from model.period import Period, add_months, local_day, midnight
from model.series import Channel, Rate
from operations import models, station_watch
from operations.customer_classes import class_of
from storage import alerts as standing
from storage import days, observed, watched
from storage.pool import Pool
from storage.register import Hung, hung
from storage.watching import first_tries, hourly_instants

MONTHS = 3  # full months the rules look back on
HOUR_S = 3600
METERS = 250  # looked at at a time: a quarter's half-hours and moments of each are held
STATIONS = 4  # likewise, of some hundred customers each
MORNING_H = 6  # from then on stations are looked at: by night the last meters tell of the day before
_OF_METERS = [kind for kind in AlertKind if not kind.of_station]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class WatchReport:
    """Alerts raised now, those that stood before and still do, and how many no longer hold."""

    new: int = 0
    standing: int = 0
    closed: int = 0
    alerts: tuple[Alert, ...] = ()

    def __add__(self, other: WatchReport) -> WatchReport:
        return WatchReport(
            self.new + other.new,
            self.standing + other.standing,
            self.closed + other.closed,
            self.alerts + other.alerts,
        )

    def __bool__(self) -> bool:
        """Whether it is worth remembering: a look that only saw what stood before is not."""
        return bool(self.new or self.closed or self.alerts)


def _by_meter(rows: Iterable[tuple[int, _T]]) -> dict[int, list[_T]]:
    found: dict[int, list[_T]] = defaultdict(list)
    for meter_id, row in rows:
        found[meter_id].append(row)
    return found


def _replacement(place: Hung, places: Sequence[Hung]) -> Replacement | None:
    """The meter taken down at the same point to make room for this one."""
    before = [one for one in places if one.point == place.point and one.until and one.until <= place.since]
    return Replacement(before[-1].serial, place.since) if before else None


def _resolution_wh(place: Hung, kind: models.MeterKind, multiplier: float) -> int:
    scaler, _ = kind.registers.get((Channel.ACTIVE_IMPORT, Rate.TOTAL), (0, None))
    return max(1, int(10**scaler * multiplier))


def _energies(
    conn: Connection[TupleRow], meters: Sequence[int], channel: Channel, first: date, end: date
) -> dict[int, tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]]:
    """By meter, its days in half-hours; in hours where it tells no shorter ones on some day."""
    found = {}
    half_hours = days.matrix(conn, meters, channel, first, end)
    hourly = sorted({meter_id for meter_id, _ in half_hours.unfit})
    for matrix in (half_hours, days.matrix(conn, hourly, channel, first, end, HOUR_S)):
        for row, meter_id in enumerate(matrix.meter_ids):
            found[meter_id] = matrix.energy[row], matrix.quality[row]
    return found


def observe(
    conn: Connection[TupleRow], places: Sequence[Hung], history: Sequence[Hung], first: date, now: datetime
) -> list[Observed]:
    """What the rules are told of the meters of `places`; `history` says what hung there before."""
    meters = [place.meter_id for place in places]
    period = Period(midnight(first), now + timedelta(microseconds=1))
    today = local_day(now)
    imported = _energies(conn, meters, Channel.ACTIVE_IMPORT, first, today)
    exports = days.any_of(conn, meters, Channel.ACTIVE_EXPORT, first, today)
    exported = _energies(conn, meters, Channel.ACTIVE_EXPORT, first, today) if exports else {}
    instants = _by_meter(hourly_instants(conn, meters, period))
    offsets = _by_meter((m, (at, s)) for m, at, s in observed.clock_offsets(conn, meters, period))
    events = _by_meter(observed.events(conn, meters, period))
    findings = _by_meter(observed.findings(conn, meters, first, today + timedelta(days=1)))
    contacts = {contact.meter_id: contact for contact in observed.contacts(conn, meters)}
    tries = first_tries(conn, meters)
    found = []
    for place in places:
        kind = models.kind(place.model)
        if kind is None:
            continue
        multiplier = float(models.multiplier_of(place, now))
        contact = contacts[place.meter_id]
        energy, quality = imported[place.meter_id]
        back = exported.get(place.meter_id, (None, None))
        found.append(
            Observed(
                serial=place.serial,
                now=now,
                first=first,
                energy=energy,
                quality=quality,
                phases=kind.phases,
                multiplier=multiplier,
                resolution_wh=_resolution_wh(place, kind, multiplier),
                since=place.since,
                replacement=_replacement(place, history),
                instants=instants.get(place.meter_id, ()),
                clock_offsets=offsets.get(place.meter_id, ()),
                events=events.get(place.meter_id, ()),
                findings=findings.get(place.meter_id, ()),
                modem=contact.modem,
                last_contact=contact.modem_contact,
                first_try=tries.get(place.meter_id),
                customer_class=class_of(place),
                customer=place.role is Role.CUSTOMER,
                exported=back[0],
                exported_quality=back[1],
            )
        )
    return found


def run(pool: Pool, now: datetime, shard: watched.Shard = (0, 1), *, everything: bool = False) -> WatchReport:
    """Look at the meters and stations of a shard that something came of, or that time alone says to look at;
    raise what is new, close what no longer holds.

    `everything`: at all of them. Each batch is one transaction, in which its meters count as looked at:
    killed in between, the rest is still due; run twice, the second finds nothing to change. The report lists
    the alerts where everything was looked at.
    """
    with pool.connection() as conn:
        meters = watched.due(conn, now, shard, SILENT, everything=everything)
        report = WatchReport(closed=standing.close_of_taken_down(conn, now, shard))
    for start in range(0, len(meters), METERS):
        with pool.connection() as conn:
            report += _look(conn, meters[start : start + METERS], now)
    report += _stations(pool, now, shard, everything)
    return report if everything else replace(report, alerts=())


def shards_due(conn: Connection[TupleRow], now: datetime, shards: int) -> list[int]:
    """Numbers of the shards, of so many, in which the rules have anything to look at; asked in one go."""
    meters = {meter_id % shards for meter_id in watched.due(conn, now, (0, 1), SILENT)}
    month = add_months(local_day(now), -1)
    return [
        n
        for n in range(shards)
        if n in meters or watched.stations_due(conn, _morning(now), month, (n, shards))
    ]


def _look(conn: Connection[TupleRow], meters: Sequence[int], now: datetime) -> WatchReport:
    seen = watched.marks(conn, meters)
    places = [
        place for place in hung(conn, meter_ids=meters) if place.since <= now and (place.until or now) >= now
    ]
    history = hung(conn, points=sorted({place.point for place in places}))
    found = detect(observe(conn, places, history, add_months(local_day(now), -MONTHS), now))
    ids = {place.serial: place.meter_id for place in places}
    report = _raised(conn, [(ids[alert.serial], alert) for alert in found], now)
    closed = standing.close_unseen(conn, _OF_METERS, now, meters)
    watched.looked(conn, meters, seen, now)
    return report + WatchReport(closed=closed)


def _stations(pool: Pool, now: datetime, shard: watched.Shard, everything: bool) -> WatchReport:
    """The losses of the last month and the loads of the last days, some stations at a time."""
    month = Period.of_days(add_months(local_day(now), -1), add_months(local_day(now), 0))
    first = local_day(month.start)
    with pool.connection() as conn:
        codes = watched.stations_due(conn, _morning(now), first, shard, everything=everything)
    report = WatchReport()
    for start in range(0, len(codes), STATIONS):
        with pool.connection() as conn:
            some = codes[start : start + STATIONS]
            places = hung(conn, points=watched.points_of(conn, some), period=month)
            found = station_watch.losses(conn, places, month) + station_watch.loads(conn, some, now)
            report += _raised(conn, found, now)
            report += WatchReport(closed=standing.close_unseen_of_stations(conn, some, now))
            watched.stations_looked(conn, some, first, now)
    return report


def _morning(now: datetime) -> datetime:
    """The last one that has come."""
    today = midnight(local_day(now)) + timedelta(hours=MORNING_H)
    return today if today <= now else today - timedelta(days=1)


def _raised(conn: Connection[TupleRow], found: Sequence[tuple[int, Alert]], now: datetime) -> WatchReport:
    new = standing.raise_alerts(conn, found, now)
    return WatchReport(new, len(found) - new, 0, tuple(alert for _, alert in found))
