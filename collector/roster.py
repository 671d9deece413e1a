"""The meters a head-end is responsible for, and what it knows of each: the store's word, and the spool's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from collector.errors import CollectorError, UnknownModel
from collector.exchange.abilities import abilities_of
from collector.exchange.scales import Scales
from collector.known import Known
from collector.plan import Abilities, Wanted, wanted
from collector.settings import HeadEndSettings
from collector.spool import Spool
from model.grid import ModemLink
from model.period import Period
from protocols.errors import ProtocolError
from storage import fleet
from storage.errors import Unreachable
from storage.fleet import Line, LineMeter, MeterLatest
from storage.pool import connect


class StoreAway(CollectorError):
    """The database could not be asked which meters there are."""


@dataclass(slots=True)
class Seat:
    """One meter in its line. `problem` is the sentence why it cannot be read at all, empty as a rule."""

    line: Line
    meter: LineMeter
    abilities: Abilities
    known: Known
    problem: str = ""
    not_before: datetime | None = None
    scales: Scales = field(default_factory=Scales)

    def wants(self, now: datetime, live_every: timedelta) -> Wanted:
        """What is missing of this meter at `now`; of one that hangs nowhere or behind a gateway: nothing."""
        if self.problem or self.meter.since is None or self.line.modem.link is ModemLink.MQTT:
            return Wanted()
        return wanted(
            self.abilities,
            self.known.state(now),
            since=self.meter.since,
            until=self.meter.until,
            now=now,
            live_every=live_every,
        )


Loaded = tuple[list[Line], dict[tuple[int, str], list[Period]], dict[int, MeterLatest]]


class Roster:
    """Every seat by meter id, in the order of modems and addresses. `lines` are those that can be called or
    that call; gateways, which nobody asks anything, stand beside them by the id they send under."""

    def __init__(self, settings: HeadEndSettings) -> None:
        self._settings = settings
        self.lines: list[Line] = []
        self.gateways: dict[str, Line] = {}
        self.seats: dict[int, Seat] = {}
        self.by_serial: dict[str, Seat] = {}

    def of(self, line: Line) -> list[Seat]:
        """The seats behind one modem."""
        return [self.seats[meter.meter_id] for meter in line.meters if meter.meter_id in self.seats]

    async def load(self, spool: Spool) -> None:
        """Ask the store; the first time, what waits in the spool counts as answered too. Raises `StoreAway`.

        Nothing may leave the spool while this runs for the first time.
        """
        try:
            lines, answered, latest = await asyncio.to_thread(self._ask)
        except (Unreachable, psycopg.OperationalError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreAway(
                f"the head-end cannot ask the database which meters there are: {said[-1]}"
            ) from error
        before = self.seats
        self.lines = [line for line in lines if line.modem.link is not ModemLink.MQTT]
        self.gateways = {line.modem.registration: line for line in lines if line.modem.link is ModemLink.MQTT}
        self.seats = {}
        for line in lines:
            for meter in line.meters:
                self.seats[meter.meter_id] = self._seat(line, meter, before.get(meter.meter_id))
        self.by_serial = {seat.meter.serial: seat for seat in self.seats.values()}
        for (meter_id, item), periods in answered.items():
            self.seats[meter_id].known.answered_before(item, periods)
        for meter_id, fresh in latest.items():
            self.seats[meter_id].known.fresh(fresh.last_register, fresh.last_instant)
        if not before:
            await self._learn_from(spool)

    async def _learn_from(self, spool: Spool) -> None:
        after = 0
        while batch := await spool.oldest(after=after):
            after = batch[-1].id
            for record in batch:
                if record.meter_id in self.seats:
                    self.seats[record.meter_id].known.note(record.readout)
        for seat in self.seats.values():
            seat.known.forgive()

    def _ask(self) -> Loaded:
        settings = self._settings
        with connect(settings.dsn, statement_timeout_s=60) as connection:
            return ask(connection, settings)

    def _seat(self, line: Line, meter: LineMeter, before: Seat | None) -> Seat:
        if before is not None and before.meter == meter and before.line.modem == line.modem:
            before.line = line
            return before
        try:
            abilities, problem = abilities_of(meter.model), ""
        except (UnknownModel, ProtocolError) as error:
            abilities, problem = Abilities(), f"meter {meter.serial} cannot be read: {error}"
        # What is known of the meter outlives a change of its password or modem; its failures do not.
        known = before.known if before is not None else Known()
        known.forgive()
        return Seat(line, meter, abilities, known, problem)


def ask(connection: Connection[TupleRow], settings: HeadEndSettings) -> Loaded:
    """Lines (limited to `settings.only`), answered periods and freshness of their meters."""
    lines = fleet.lines(connection, settings.unwrap)
    if settings.only is not None:
        chosen = settings.only
        lines = [
            Line(line.modem, tuple(meter for meter in line.meters if meter.serial in chosen))
            for line in lines
        ]
    ids = [meter.meter_id for line in lines for meter in line.meters]
    return lines, fleet.answered(connection, ids), fleet.latest(connection, ids)
