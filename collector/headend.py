"""The head-end: asks every meter for what is missing, keeps every answer, and brings it into the store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from collector.context import about, unrepeated
from collector.errors import NodesAtWork, SpoolError
from collector.links.kinds import DialIn, Link, link_to
from collector.links.local_links import Opened
from collector.listener.listener import Listener
from collector.mqtt.gateways import Gateways
from collector.nodes.desk import Desk
from collector.nodes.node import Node
from collector.nodes.orders import Orders, OrderSettings
from collector.nodes.store_line import StoreLine
from collector.polling.caller import Office, call_round
from collector.polling.permits import Permits
from collector.polling.plan import Wanted
from collector.polling.roster import Roster, Seat, StoreAway
from collector.push.receiver import PushReceiver, receiver
from collector.settings import CollectReport, HeadEndSettings, MeterOutcome, Progress, unseen
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool
from collector.watch.seen import seen
from model.clock import Clock
from model.grid import ModemLink
from model.readout import Readout
from storage.fleet import Line

log = logging.getLogger("ami.collect")

PARTING_S = 5.0  # how long a node that stops waits for the store to take what it has


def _unnoticed(port: int | None) -> None:
    """Nobody waits for the listener."""


async def run(
    settings: HeadEndSettings,
    *,
    clock: Clock,
    once: bool,
    progress: Progress = unseen,
    opened: Callable[[int | None], None] = _unnoticed,
) -> CollectReport:
    """Poll. `once`: until nothing that can be had is missing and the spool is empty; else until cancelled.

    `opened` is told the listener's port (None: there is none) once modems can dial in.

    Raises `StoreAway` when the database cannot be reached to begin with, `SpoolError` when the spool cannot
    be opened, `ListenerError` when the port is taken.
    """
    async with AsyncExitStack() as stack:
        spool = Spool(settings.spool_path, settings.spool_limit_bytes)
        stack.callback(spool.close)
        adopt(spool)
        ingest = Ingest(spool, settings.dsn, node="" if once else settings.node, ours=settings.ours)
        head_end = HeadEnd(settings, spool, ingest, clock, progress)
        stack.push_async_callback(head_end.close)
        if once:
            await head_end.open(once=True)
        else:
            stack.enter_context(about(node=settings.node))
            node = await head_end.open_node()
        opened(head_end.listener.port if head_end.listener is not None else None)
        if once:
            await head_end.read_everything()
            await head_end.drain()
        else:
            await stack.enter_async_context(
                seen(
                    head_end,
                    host=settings.metrics_host,
                    port=settings.metrics_port,
                    dsn=settings.dsn,
                    node=settings.node,
                    clock=clock,
                )
            )
            await head_end.live(node)
        return head_end.report()


def adopt(spool: Spool) -> None:
    """Take over what lies in the spools beside this one that nobody has open: of a head-end under another
    name that is no more, or of a time before heads-ends had names."""
    for other in sorted(spool.path.parent.glob("*.sqlite")):
        if other == spool.path:
            continue
        try:
            found = spool.adopt(other)
        except SpoolError as wrong:  # of somebody who is no more: no reason not to read meters
            log.error("what waits in another spool is not taken over: %s", wrong.sentence)
            continue
        if found:
            log.warning("%d readouts that waited in %s were taken over", found, other)


class HeadEnd:
    """One running head-end. `run` is its only user; tests look inside."""

    def __init__(
        self, settings: HeadEndSettings, spool: Spool, ingest: Ingest, clock: Clock, progress: Progress
    ) -> None:
        self.settings, self.spool, self.ingest, self.progress = settings, spool, ingest, progress
        self.roster = Roster(settings)
        self.links: dict[str, Link] = {}
        self.listener: Listener | None = None
        self.office = Office(
            settings,
            spool,
            clock,
            Permits(settings.concurrency, settings.calls_per_second, settings.cell_sessions),
            self._told,
            Counter(),
        )
        self.node: Node | None = None
        self._began = time.monotonic()
        self._open: dict[int, int] = {}
        self._total = self._left = 0  # questions in all, and those open
        self._ingesting: asyncio.Task[None] | None = None
        self.gateways: Gateways | None = None
        self._hearing: asyncio.Task[None] | None = None
        self.pushes: PushReceiver | None = None
        self._taking: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> str:
        """Why nothing is polled, empty while it is."""
        return self.office.stopped or (self.node.resting if self.node is not None else "")

    @property
    def stopped_by(self) -> str:
        """The same as a word."""
        return self.office.stopped_by or (self.node.rests_for if self.node is not None else "")

    @property
    def broker_away(self) -> str | None:
        """Why nothing comes from the MQTT broker, empty while it may; None where there is none."""
        return None if self.gateways is None else self.gateways.away

    async def open(self, *, once: bool = False) -> None:
        """Load the roster, start bringing in what an earlier run left in the spool, listen.

        One that reads all `once` wants the port only where a modem dials in; one that stays may get such a
        modem later.
        """
        await self._patiently(self._load)
        if once:
            await self._patiently(self._be_alone)
        self._ingesting = asyncio.create_task(self.ingest.serve())
        dials_in = any(isinstance(link, DialIn) for link in self.links.values())
        if self.settings.listen_port is not None and (dials_in or not once):
            self.listener = Listener(self.settings)
            self._tell_listener()
            await self.listener.open()
        if not once:
            self._hear_gateways()

    async def open_node(self) -> Node:
        """Listen, enter this head-end as a node, start bringing in what an earlier run left in the spool.

        It is entered last: one whose port is taken must not look alive to the others.
        """
        settings = self.settings
        desk = Desk(self.office, self.roster)
        node = self.node = Node(settings.node, settings.dsn, desk, self.roster, self.spool)
        node.orders = Orders(
            settings.node, StoreLine(settings.dsn, settings.node), desk, self.spool, self.office.clock,
            OrderSettings.of(settings),
        )  # fmt: skip
        self.spool.stamp = desk.stamp
        self.ingest.fenced = node.knows.unlearn
        listen = "" if settings.listen_port is None else f"{settings.listen_host}:{settings.listen_port}"
        await self._patiently(node.knows.expect_calls)
        if settings.broker is not None:
            await self._patiently(lambda: self.roster.take(self.spool, links=[ModemLink.MQTT]))
        self.pushes = receiver(settings, self.roster, self.spool, self.office.clock)
        if settings.push_port is not None:
            await self.pushes.open()
        if settings.listen_port is not None:
            self.listener = Listener(settings, node.sessions.settled)
            self.listener.told = self.pushes.told
            node.knows.expected = self._expect
            self._expect(desk.calls)
            await self.listener.open()
        await self._patiently(lambda: node.arrive(listen, settings.version))
        self._ingesting = asyncio.create_task(self.ingest.serve())
        self._hear_gateways()
        self._taking = asyncio.create_task(self.pushes.serve())
        return node

    def _expect(self, calls: Mapping[str, DialIn]) -> None:
        if self.listener is not None:
            self.listener.expect({link.modem.registration: link for link in calls.values()})

    def _hear_gateways(self) -> None:
        if self.settings.broker is not None:
            self.gateways = Gateways(self.settings.broker, self.roster, self.spool, self.office.clock)
            self._hearing = asyncio.create_task(self.gateways.serve())

    async def close(self) -> None:
        """Hang up everywhere. A conversation under way is as if never begun; every other is on the disk."""
        tasks = [*filter(None, (self._ingesting, self._hearing, self._taking))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.pushes is not None:
            await self.pushes.close()
        if self.listener is not None:
            await self.listener.close()
        for link in self.links.values():
            link.close()
        await Opened.all_let_go()
        await asyncio.sleep(0)  # the sockets close in the loop's next turn

    async def _patiently(self, ask: Callable[[], Awaitable[Any]]) -> None:
        """Ask the store, and wait a while for it when it is away. Raises StoreAway."""
        deadline = time.monotonic() + self.settings.store_patience_s
        pause = 0.2
        while True:
            try:
                await ask()
                return
            except StoreAway as away:
                if time.monotonic() > deadline:
                    raise
                if pause == 0.2:
                    log.warning("%s; waiting for it", away.sentence)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _be_alone(self) -> None:
        nodes = await self.roster.nodes_at_work(self.spool)
        if nodes:
            raise NodesAtWork(nodes)

    async def _load(self) -> None:
        await self.roster.load(self.spool)
        self._relink()

    def _relink(self) -> None:
        """A link for every modem of the roster; one whose particulars changed starts anew."""
        links: dict[str, Link] = {}
        for line in self.roster.lines:
            link = self.links.pop(line.modem.code, None)
            if link is not None and link.modem != line.modem:
                link.close()
                link = None
            links[line.modem.code] = link or link_to(line.modem, self.settings.connect_s)
        for gone in self.links.values():
            gone.close()
        self.links = links
        self._tell_listener()

    def _tell_listener(self) -> None:
        if self.listener is not None:
            self.listener.expect(
                {link.modem.registration: link for link in self.links.values() if isinstance(link, DialIn)}
            )

    def _count(self) -> None:
        """How many questions there are, for the progress."""
        now = self.office.clock()
        self._open = {
            meter_id: questions
            for meter_id, seat in self.roster.seats.items()
            if (questions := seat.wants(now, self.office.live_every).questions)
        }
        self._total = self._left = sum(self._open.values())
        meters = "meter" if len(self._open) == 1 else "meters"
        self.progress(0, self._total, f"{len(self._open)} {meters} to read")

    async def read_everything(self) -> None:
        """One round along every line."""
        self._count()
        async with asyncio.TaskGroup() as rounds:
            for line in self.roster.lines:
                rounds.create_task(self._round(line, self.settings.dial_in_wait_s))

    async def _round(self, line: Line, wait_s: float) -> None:
        seats = self.roster.of(line)
        link = self.links[line.modem.code]
        if isinstance(link, DialIn) and self.listener is None:
            wait_s = 0.0
        await call_round(self.office, line, link, seats, wait_s)
        for seat in seats:
            self._left -= self._open.pop(seat.meter.meter_id, 0)
        self._show(f"modem {line.modem.code} is done")

    def _told(self, seat: Seat, after: Wanted, readout: Readout) -> None:
        if (before := self._open.get(seat.meter.meter_id)) is not None:
            left = self._open[seat.meter.meter_id] = after.questions
            self._left += left - before
        serial = seat.meter.serial
        if readout.outcome == "ok":
            self._show(f"meter {serial}")
        else:
            known = {"meter": serial, "modem": seat.line.modem.code, "poll": readout.poll}
            detail = unrepeated(f"meter {serial}", readout.detail)
            log.warning("meter %s: %s: %s", serial, readout.outcome, detail, extra=known)
            self._show(f"meter {serial}: {readout.outcome}")

    def _show(self, text: str) -> None:
        self.progress(self._total - min(self._total, self._left), self._total, text)

    async def drain(self) -> None:
        """Wait until the store has everything; give up when the database stays away too long."""
        draining = asyncio.create_task(self.ingest.drained())
        try:
            while not draining.done():
                await asyncio.wait([draining], timeout=0.5)
                self._ingest_lives()
                away = self.ingest.away_since
                if away is not None and time.monotonic() - away > self.settings.store_patience_s:
                    self.office.stopped = self.office.stopped or (
                        f"the database stays away ({self.ingest.reason}): {self.spool.rows} readouts wait in "
                        f"{self.spool.path} and come in with the next run"
                    )
                    return
        finally:
            draining.cancel()

    async def live(self, node: Node) -> None:
        """Until cancelled; then what is held is handed over, and the store takes what it can at once."""
        serving = asyncio.create_task(node.serve())
        parts = [serving, *filter(None, (self._ingesting, self._hearing, self._taking))]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for task in parts:
                if task.done():
                    task.result()
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_S):
                    await self.ingest.drained()

    def _ingest_lives(self) -> None:
        for task in filter(None, (self._ingesting, self._hearing)):
            if task.done():
                task.result()

    def report(self) -> CollectReport:
        """How it stands."""
        counts = self.office.counts
        outcomes = tuple(
            MeterOutcome(seat.meter.serial, seat.line.modem.code, "unknown_model", seat.problem)
            if seat.problem
            else MeterOutcome(seat.meter.serial, seat.line.modem.code, seat.known.outcome, seat.known.detail)
            for seat in self.roster.seats.values()
        )
        return CollectReport(
            meters=outcomes,
            conversations=counts["conversations"],
            answers=counts["answers"],
            values=counts["values"],
            rejected=counts["rejected"],
            waiting=self.spool.rows,
            set_aside=self.spool.set_aside,
            seconds=time.monotonic() - self._began,
            stopped=self.office.stopped,
            listener_rejected=dict(self.listener.rejected) if self.listener else {},
            stored=dict(self.ingest.counts),
        )
