"""Outages found in what meters said and in who fell silent, and those that people enter.

A silent modem is no outage; a station of which nine of ten reachable modems fell silent within the hour is
one, if others were heard meanwhile: else it is the head-end that hears nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.viewer import UserRole, Viewer
from operations import accounts
from operations.errors import OutageRefused
from storage import outages, silence
from storage.outages import Outage, OutageSource, Told
from storage.pool import Pool
from storage.silence import Heard

LOOK_BACK: Final = timedelta(days=60)
LAST_GASP: Final = timedelta(minutes=1)  # for so long a meter may answer on what is left in its capacitor
TWICE: Final = timedelta(minutes=5)  # an event may be pushed and stand in the log as well
OFF: Final = "power_off"
QUIET: Final = timedelta(minutes=5)
AT_ONCE: Final = timedelta(hours=1)
SHARE: Final = 0.9
FEWEST: Final = 3
AGAIN: Final = 0.5  # of a silent station's modems are heard again: it has ended
STAFF: Final = (UserRole.ENGINEER, UserRole.BILLING)


@dataclass(frozen=True, slots=True)
class OutagesReport:
    """How many outages were found now, and how many were found to have ended or to end elsewhere."""

    told: int = 0
    told_anew: int = 0
    silent: int = 0
    silences_ended: int = 0

    def __add__(self, other: OutagesReport) -> OutagesReport:
        return OutagesReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return self != OutagesReport()


def run(pool: Pool, now: datetime) -> OutagesReport:
    """Look at the events of two months and at who is silent now; the second time finds nothing new."""
    with pool.connection() as conn:
        told, anew = outages.tell(conn, _told(conn, now), now)
    with pool.connection() as conn:
        silent, ended = _silences(conn, now)
    return OutagesReport(told, anew, silent, ended)


def _told(conn: Connection[TupleRow], now: datetime) -> list[Told]:
    events: defaultdict[tuple[int, str], list[tuple[datetime, str]]] = defaultdict(list)
    offs = []
    for meter_id, station, at, code in outages.power_events(conn, now - LOOK_BACK, now):
        events[meter_id, station].append((at, code))
        if code == OFF:
            offs.append((meter_id, at + LAST_GASP))
    lives = outages.signs_of_life(conn, offs)
    found: dict[tuple[int, datetime], Told] = {}
    for (meter_id, station), of_meter in events.items():
        life = {at: lives.get((meter_id, at + LAST_GASP)) for at, _ in of_meter}
        for began, ended in paired(of_meter, life):
            told = Told(meter_id, station, began, ended)
            found.setdefault((meter_id, told.key), told)
    return list(found.values())


def paired(
    events: Sequence[tuple[datetime, str]], life: Mapping[datetime, datetime | None]
) -> Iterator[tuple[datetime | None, datetime | None]]:
    """Beginnings and ends of one meter's outages from its events in order; `life` is when it first answered
    after each of them.

    Off and off again is one outage told twice, unless the meter answered in between: then that is the latest
    the first one can have ended. On without off: of that outage nobody saw the beginning.
    """
    began: datetime | None = None
    on: datetime | None = None
    for at, code in events:
        answered = None if began is None else life.get(began)
        if code == OFF:
            if answered is not None and answered < at:
                yield began, answered
                began = None
            began = began or at
        elif began is not None:
            yield began, at if answered is None or answered > at else answered
            began, on = None, at
        elif on is None or at - on > TWICE:
            yield None, at
            on = at
    if began is not None:
        yield began, life.get(began)


def _silences(conn: Connection[TupleRow], now: datetime) -> tuple[int, int]:
    last, ended = silence.open_silences(conn), 0
    for number, station, began in last:
        back = sorted(at for at in silence.heard_since(conn, station, began) if at is not None)
        reached = len(silence.heard_since(conn, station, began))
        needed = max(1, ceil(AGAIN * reached))
        if len(back) >= needed:
            outages.end(conn, number, back[needed - 1], by="", at=now)
            ended += 1
    found = 0
    for station, began in silent_stations(silence.modems(conn, now, QUIET)):
        number_or_none = outages.add(
            conn, station=station, began=began, source=OutageSource.SILENCE, at=now,
            note="its modems fell silent at once",
        )  # fmt: skip
        found += number_or_none is not None
    return found, ended


def silent_stations(modems: Sequence[Heard]) -> Iterator[tuple[str, datetime]]:
    """Stations that fell silent, and since when: the first call in vain after their last sign of life."""
    by_station: defaultdict[str, list[Heard]] = defaultdict(list)
    for heard in modems:
        by_station[heard.station].append(heard)
    for station, here in by_station.items():
        silent = [heard for heard in here if heard.in_vain is not None]
        if not silent:
            continue
        last = max(heard.last_contact for heard in silent)
        reachable = [heard for heard in here if heard.last_contact > last - AT_ONCE]
        gone = [heard for heard in silent if heard.last_contact > last - AT_ONCE]
        if len(gone) < FEWEST or len(gone) < SHARE * len(reachable):
            continue
        began = min(heard.in_vain for heard in gone if heard.in_vain and heard.in_vain > last)
        own = {heard.modem for heard in here}
        if any(heard.last_contact >= began for heard in modems if heard.modem not in own):
            yield station, began


# What people enter


def add(
    pool: Pool, viewer: Viewer, *, station: str, serial: str, began: datetime, ended: datetime | None,
    note: str, now: datetime,
) -> Outage:  # fmt: skip
    """Enter an outage of a station or of one meter. Raises `OutageRefused`, `Unknown`."""
    _may(pool, viewer, "entering an outage", now)
    if bool(station) == bool(serial):
        raise OutageRefused("an outage is of a station or of one meter: name one of the two")
    if began > now:
        raise OutageRefused("an outage that is to come is not entered here: enter it when it has begun")
    if ended is not None and not began < ended <= now:
        raise OutageRefused("an outage ends after it has begun and not after now: correct its times")
    with pool.connection() as conn:
        number = outages.add(
            conn, station=station, serial=serial, began=began, ended=ended, source=OutageSource.STAFF,
            note=note.strip(), by=viewer.login, at=now,
        )  # fmt: skip
        assert number is not None
        return outages.find(conn, number)


def end(pool: Pool, viewer: Viewer, number: int, ended: datetime, now: datetime) -> Outage:
    """Say when an outage ended that lasts. Raises `OutageRefused`, `Unknown`."""
    _may(pool, viewer, "ending an outage", now)
    with pool.connection() as conn:
        before = outages.find(conn, number)
        if before.withdrawn_at is not None:
            raise OutageRefused(f"outage {number} was taken back: it is none")
        if before.ended is not None and before.source is not OutageSource.STAFF:
            raise OutageRefused(f"outage {number} has ended already, and nobody here entered that")
        if (before.began is not None and ended <= before.began) or ended > now:
            raise OutageRefused("an outage ends after it has begun and not after now: correct its time")
        return outages.end(conn, number, ended, by=viewer.login, at=now)


def withdraw(pool: Pool, viewer: Viewer, number: int, note: str, now: datetime) -> Outage:
    """It was none. Raises `OutageRefused`, `Unknown`."""
    _may(pool, viewer, "taking back an outage", now)
    if not note.strip():
        raise OutageRefused("taking back an outage needs a reason: say why (--note)")
    with pool.connection() as conn:
        return outages.withdraw(conn, number, by=viewer.login, at=now, note=note.strip())


def _may(pool: Pool, viewer: Viewer, what: str, now: datetime) -> None:
    if viewer.role in STAFF:
        return
    accounts.note_refusal(pool, viewer, f"outage: {what}", now)
    raise OutageRefused(f"{what} is for the role engineer or billing, not for {viewer.login}")
