"""Watching: what is known of every hanging meter goes before the rules, and what they say becomes alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.detection import Observed, Replacement, detect, station_loss
from analytics.losses import balance
from model.alert import Alert, AlertKind
from model.grid import Role
from model.period import Period, add_months, local_day, midnight
from model.series import Channel, Rate
from operations import models
from operations.customer_classes import class_of
from operations.station_sides import Source, heads_of, sides
from storage import alerts as standing
from storage import days, observed
from storage.pool import Pool
from storage.register import Hung, hung
from storage.watching import first_tries, hourly_instants

MONTHS = 3  # full months the rules look back on
METERS = 500  # looked at at a time

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
        return self != WatchReport()


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


def observe(
    conn: Connection[TupleRow], places: Sequence[Hung], history: Sequence[Hung], first: date, now: datetime
) -> list[Observed]:
    """What the rules are told of the meters of `places`; `history` says what hung there before."""
    meters = [place.meter_id for place in places]
    period = Period(midnight(first), now + timedelta(microseconds=1))
    today = local_day(now)
    matrix = days.matrix(conn, meters, Channel.ACTIVE_IMPORT, first, today)
    exports = days.any_of(conn, meters, Channel.ACTIVE_EXPORT, first, today)
    exported = days.matrix(conn, meters, Channel.ACTIVE_EXPORT, first, today) if exports else None
    instants = _by_meter(hourly_instants(conn, meters, period))
    offsets = _by_meter((m, (at, s)) for m, at, s in observed.clock_offsets(conn, meters, period))
    events = _by_meter(observed.events(conn, meters, period))
    findings = _by_meter(observed.findings(conn, meters, first, today + timedelta(days=1)))
    contacts = {contact.meter_id: contact for contact in observed.contacts(conn, meters)}
    tries = first_tries(conn, meters)
    found = []
    for row, place in enumerate(places):
        kind = models.kind(place.model)
        if kind is None:
            continue
        multiplier = float(models.multiplier_of(place, now))
        contact = contacts[place.meter_id]
        found.append(
            Observed(
                serial=place.serial,
                now=now,
                first=first,
                energy=matrix.energy[row],
                quality=matrix.quality[row],
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
                exported=None if exported is None else exported.energy[row],
                exported_quality=None if exported is None else exported.quality[row],
            )
        )
    return found


def station_losses(conn: Connection[TupleRow], places: Sequence[Hung], period: Period) -> list[Alert]:
    """Stations that lost too much in a month, told at the head meter; only by slots known of all."""
    first, end = local_day(period.start), local_day(period.end)
    stations: dict[str, list[Hung]] = defaultdict(list)
    for place in places:
        stations[place.station].append(place)
    found = []
    for station, of_station in stations.items():
        source, _ = heads_of(of_station)
        if source not in (Source.HEAD, Source.FEEDERS) or not any(
            place.role is Role.CUSTOMER for place in of_station
        ):
            continue
        both = sides(conn, of_station, first, end)
        # All that is lost is looked at: what had to be is not told of every station.
        loss = balance(both.residue(np.zeros(both.into.shape)))
        alert = station_loss(station, both.heads[0].serial, loss, period.start)
        if alert is not None:
            found.append(alert)
    return found


def run(pool: Pool, now: datetime) -> WatchReport:
    """Look at every hanging meter and every station; raise what is new, close what no longer holds."""
    first = add_months(local_day(now), -MONTHS)
    last_month = Period.of_days(add_months(local_day(now), -1), add_months(local_day(now), 0))
    raised: list[tuple[int, Alert]] = []
    with pool.connection() as conn:
        places = hung(conn)
        hanging = [place for place in places if place.since <= now and (place.until or now) >= now]
        ids = {place.serial: place.meter_id for place in places}
        for start in range(0, len(hanging), METERS):
            batch = hanging[start : start + METERS]
            found = detect(observe(conn, batch, places, first, now))
            raised += [(ids[alert.serial], alert) for alert in found]
        in_month = hung(conn, period=last_month)
        raised += [(ids[alert.serial], alert) for alert in station_losses(conn, in_month, last_month)]
        new = standing.raise_alerts(conn, raised, now)
        closed = standing.close_unseen(conn, list(AlertKind), now)
    return WatchReport(new, len(raised) - new, closed, tuple(alert for _, alert in raised))
