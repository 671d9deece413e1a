"""The meters a head-end is responsible for, and what it knows of each: the store's word, and the spool's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar
from uuid import UUID

import psycopg

from collector.errors import StoreAway, UnknownModel
from collector.exchange.abilities import abilities_of
from collector.exchange.scales import Scales
from collector.polling.known import Known
from collector.polling.plan import NOTHING, Abilities, Wanted, wanted
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool
from model.grid import Modem, ModemLink
from model.period import HALF_HOUR, Period
from protocols.errors import ProtocolError
from storage import fleet, leases
from storage.errors import Unreachable
from storage.fleet import Line, LineMeter, MeterLatest
from storage.pool import connect

__all__ = ["Roster", "Seat", "StoreAway"]


LASTING = timedelta(seconds=1)


@dataclass(slots=True)
class Seat:
    """One meter in its line. `problem` is the sentence why it cannot be read at all, empty as a rule."""

    line: Line
    meter: LineMeter
    abilities: Abilities
    known: Known
    problem: str = ""
    scales: Scales = field(default_factory=Scales)
    read_every: timedelta = HALF_HOUR
    _planned: tuple[Known, int, timedelta, datetime, datetime, Wanted] | None = None

    def live_every(self, usual: timedelta) -> timedelta | None:
        """How often its instant values are wanted; None: never."""
        own = self.meter.live_every_s
        if own is None:
            return usual
        return timedelta(seconds=own) if own else None

    def wants(self, now: datetime, live_every: timedelta) -> Wanted:
        """What is missing of this meter at `now`; of one that hangs nowhere or behind a gateway: nothing.

        `live_every`: how often instant values are usually wanted.
        """
        if self._planned is not None:
            # Asked again and again around one conversation: a plan lasts until something is learnt.
            known, changes, usual, at, until, plan = self._planned
            learnt = known is not self.known or changes != self.known.changes
            if not learnt and usual == live_every and at <= now < until:
                return plan
        if self.problem or self.meter.since is None or self.line.modem.link is ModemLink.MQTT:
            return NOTHING
        plan = self._plan(now, live_every)
        self._planned = (self.known, self.known.changes, live_every, now, now + LASTING, plan)
        return plan

    def _plan(self, now: datetime, live_every: timedelta) -> Wanted:
        assert self.meter.since is not None
        return wanted(
            self.abilities,
            self.known.state(now),
            since=self.meter.since,
            until=self.meter.until,
            now=now,
            live_every=self.live_every(live_every),
            every=self.read_every,
            reading_day=self.meter.reading_day,
        )


P = ParamSpec("P")
T = TypeVar("T")
Heard = tuple[dict[tuple[int, str], list[Period]], dict[int, MeterLatest]]


class Roster:
    """Every seat by meter id, in the order of modems and addresses. `lines` are those that can be called or
    that call; gateways, which nobody asks anything, stand beside them by the id they send under.

    `load` is for a head-end that reads everything; a node takes and drops lines as it comes to hold them.
    """

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
        """Ask the store for all there is; what waits in the spool counts as answered. Raises StoreAway."""
        lines = await self.take(spool)
        self.lines = [line for line in lines if line.modem.link is not ModemLink.MQTT]
        here = {meter.meter_id for line in lines for meter in line.meters}
        self._forget(self.seats.keys() - here)

    async def take(
        self,
        spool: Spool,
        *,
        shards: Collection[int] | None = None,
        modems: Collection[str] | None = None,
        links: Collection[ModemLink] | None = None,
        anew: bool = False,
        from_scratch: bool = False,
    ) -> list[Line]:
        """Seat the meters of these lines, all without a choice, as the store knows them; the lines.

        What is known of a meter that has its seat already is not asked for again, unless `anew`; it is
        forgotten first to learn `from_scratch`. Raises StoreAway, and WrappingKeyUnusable when nothing of the
        store's secrets opens here.
        """
        lines = await self._store(self._lines, shards, modems, links)
        found = [meter.meter_id for line in lines for meter in line.meters]
        fresh = [meter_id for meter_id in found if anew or from_scratch or meter_id not in self.seats]
        # The spool before the store: what leaves the one meanwhile is found in the other.
        waiting = [record async for record in spool.of_meters(fresh)] if fresh else []
        answered, latest = await self._store(self._known, fresh) if fresh else ({}, {})
        if self._settings.ours is not None:
            for meter_id in fresh:
                self._settings.ours.forget(meter_id)
        for line in lines:
            for meter in line.meters:
                self._take_seat(line, meter)
            if line.modem.link is ModemLink.MQTT:
                self.gateways[line.modem.registration] = line
        if from_scratch:
            for meter_id in fresh:
                self.seats[meter_id].known = Known()
        for (meter_id, item), periods in answered.items():
            self.seats[meter_id].known.answered_before(item, periods)
        for meter_id, known in latest.items():
            self.seats[meter_id].known.fresh(known.last_register, known.last_instant)
        for record in waiting:
            self.seats[record.meter_id].known.note(record.readout)
        for meter_id in fresh:
            self.seats[meter_id].known.forgive()
        return lines

    def drop(self, line: Line) -> None:
        """Forget a line and what is known of its meters: others may come to know more."""
        self._forget({meter.meter_id for meter in line.meters})

    def _forget(self, meter_ids: Collection[int]) -> None:
        for meter_id in list(meter_ids):
            seat = self.seats.pop(meter_id, None)
            if seat is not None and self.by_serial.get(seat.meter.serial) is seat:
                del self.by_serial[seat.meter.serial]

    async def prove(self) -> None:
        """Raises WrappingKeyUnusable when nothing of the store's secrets opens here, and StoreAway."""
        await self._store(self._settings.prove)

    async def callers(self) -> list[Modem]:
        """Every modem that dials in. Raises StoreAway."""
        return await self._store(self._callers)

    async def modems_of(self, serials: Collection[str]) -> dict[str, str]:
        """Behind which modem each of these meters is, held here or not. Raises StoreAway."""
        return await self._store(self._modems_of, serials)

    async def nodes_at_work(self, spool: Spool) -> list[str]:
        """The nodes that live at this database; whoever had our spool does not. Raises StoreAway."""
        return await self._store(self._nodes, spool.identity)

    async def _store(self, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(ask, *args, **kwargs)
        except (Unreachable, psycopg.OperationalError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreAway(
                f"the head-end cannot ask the database which meters there are: {said[-1]}"
            ) from error

    def _lines(
        self,
        shards: Collection[int] | None,
        modems: Collection[str] | None,
        links: Collection[ModemLink] | None,
    ) -> list[Line]:
        with connect(self._settings.dsn, statement_timeout_s=60) as connection:
            found = fleet.lines(connection, self._settings.unwrap, shards=shards, modems=modems, links=links)
        if any(meter.sealed for line in found for meter in line.meters):
            self._settings.prove()  # one that was spoilt is that meter's matter alone
        return chosen(found, self._settings)

    def _known(self, meter_ids: Collection[int]) -> Heard:
        with connect(self._settings.dsn, statement_timeout_s=60) as connection:
            return fleet.answered(connection, meter_ids), fleet.latest(connection, meter_ids)

    def _callers(self) -> list[Modem]:
        with connect(self._settings.dsn, statement_timeout_s=60) as connection:
            return fleet.callers(connection)

    def _modems_of(self, serials: Collection[str]) -> dict[str, str]:
        with connect(self._settings.dsn, statement_timeout_s=60) as connection:
            return fleet.modems_of(connection, serials)

    def _nodes(self, ours: UUID) -> list[str]:
        with connect(self._settings.dsn, statement_timeout_s=60) as connection:
            return leases.at_work(connection, [ours])

    def _take_seat(self, line: Line, meter: LineMeter) -> None:
        before = self.seats.get(meter.meter_id)
        if before is not None and before.meter == meter and before.line.modem == line.modem:
            before.line = line
            return
        try:
            abilities, problem = abilities_of(meter.model), ""
        except (UnknownModel, ProtocolError) as error:
            abilities, problem = Abilities(), f"meter {meter.serial} cannot be read: {error}"
        # What is known of the meter outlives a change of its password or modem; its failures do not.
        known = before.known if before is not None else Known()
        known.forgive()
        seat = Seat(line, meter, abilities, known, problem, read_every=self._settings.read_every)
        self.seats[meter.meter_id] = self.by_serial[meter.serial] = seat


def chosen(lines: list[Line], settings: HeadEndSettings) -> list[Line]:
    """The lines, with only those meters on them that `settings.only` names, if it names any."""
    only = settings.only
    if only is None:
        return lines
    return [
        replace(line, meters=tuple(meter for meter in line.meters if meter.serial in only)) for line in lines
    ]
