"""Orders carried out by the head-end that holds the line: claimed in the store, sent once, settled.

An order waits in the store until its line is held here. A command is claimed after the meter has proved to be
the right one and right before the command goes out; from then on it is never sent again. What became of one
whose sender fell silent is found out by reading the meter, no earlier than the sender could still send.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from collector.context import about
from collector.errors import CollectorError, LinkDown, SpoolError, StoreAway
from collector.exchange.command import SEND_WITHIN_S, Claim, Outcome, command, settle
from collector.exchange.facts import facts_of
from collector.exchange.on_demand import read_on_demand
from collector.exchange.rotating import rotate
from collector.keys.fleet_keys import OurSide
from collector.keys.vault import StoredVault
from collector.links.kinds import Link
from collector.nodes.store_line import StoreLine
from collector.polling.clock_limits import ClockLimits
from collector.polling.roster import Seat
from collector.polling.urgency import Urgency
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool, Spooled
from collector.watch.metrics import ONDEMAND_SECONDS
from model.clock import Clock
from model.readout import Readout
from storage import order_claims
from storage.order_claims import Holder
from storage.orders import Order, OrderKind, OrderState

log = logging.getLogger("ami.orders")

LOOK_S: Final = 10.0  # whoever wakes us may have failed to: look now and then all the same
FORSAKEN_S: Final = 3 * SEND_WITHIN_S
AGAIN_S: Final = (10.0, 600.0)  # between two tries at a meter that cannot be told now
TELL_S: Final = 60.0  # for so long the store is told of an outcome; later it is found out by reading


class Lines(Protocol):
    """The lines held here."""

    def link_of(self, modem: str) -> Link | None:
        """The link to a modem whose line is held."""

    def seat_of(self, meter_id: int) -> Seat | None:
        """A meter behind one of them."""

    def epoch_of(self, modem: str) -> int | None:
        """Under which epoch the line is held (0: there are no nodes); None when it is not."""


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """How orders are carried out; `forsaken_s`: after so long nobody is going to send any more."""

    answer_s: float
    limits: ClockLimits = field(default_factory=ClockLimits)
    cuts_an_hour: int = 20
    forsaken_s: float = FORSAKEN_S
    ours: OurSide | None = None
    unwrap: Callable[[bytes], bytes] | None = field(default=None, repr=False)
    wrap: Callable[[bytes], bytes] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: HeadEndSettings) -> OrderSettings:
        """As this head-end is told."""
        limits = settings.clock_limits or ClockLimits()
        return cls(
            settings.answer_s, limits, settings.disconnections_per_hour, ours=settings.ours,
            unwrap=settings.unwrap, wrap=settings.wrap,
        )  # fmt: skip


class Orders:
    """`serve` carries out what waits for the lines held here; `waiting_for` says that something may."""

    def __init__(
        self, node: str, store: StoreLine, lines: Lines, spool: Spool, clock: Clock, settings: OrderSettings
    ) -> None:
        self._node, self._store, self._lines, self._spool = node, store, lines, spool
        self._clock, self._settings = clock, settings
        self._woken = asyncio.Event()
        self._asked: set[str] = set()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._tries: defaultdict[int, int] = defaultdict(int)
        self._not_before: dict[int, float] = {}
        self._told: dict[int, str] = {}
        self.carried = 0

    async def waiting_for(self, modems: Collection[str]) -> None:
        """Orders may wait for these modems, whose lines are ours: look at once."""
        self._asked.update(modems)
        self._woken.set()

    async def serve(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOK_S * random.uniform(0.8, 1.0)):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()
                asked, self._asked = self._asked, set()
                try:
                    await self._look(asked)
                except StoreAway as away:
                    log.info("orders wait: %s", away.sentence)
                    await asyncio.sleep(1.0)
                    self._asked |= asked
        finally:
            await self._end()

    async def once(self) -> int:
        """Carry out all that waits and can be, then end; how many were tried."""
        try:
            found = await self._waiting(None)
            for order in found:
                if self._lines.epoch_of(order.modem) is not None:
                    await self._try(order)
            return len(found)
        finally:
            await self._end()

    async def _end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._store.close()

    async def _look(self, asked: Collection[str]) -> None:
        """`asked` alone, where somebody said for whom; else for all that are held.

        Orders of one modem wait for its line side by side: it lets them in one after the other.
        """
        for number in [number for number, task in self._tasks.items() if task.done()]:
            self._tasks.pop(number).result()
        now = time.monotonic()
        for order in await self._waiting(asked or None):
            if order.id in self._tasks or self._lines.epoch_of(order.modem) is None:
                continue
            if order.modem in asked or self._not_before.get(order.id, 0.0) <= now:
                self._tasks[order.id] = asyncio.create_task(self._carry(order))

    async def _waiting(self, modems: Collection[str] | None) -> list[Order]:
        async with self._store.turn() as conn:
            return await order_claims.waiting(conn, modems, self._clock(), self._settings.forsaken_s)

    async def _carry(self, order: Order) -> None:
        try:
            await self._try(order)
        except StoreAway as away:
            log.info("order %d waits: %s", order.id, away.sentence)
            self._later(order)
        except Exception:
            # The edge of one order: whatever is wrong with it must not cost the others theirs.
            log.exception("carrying out order %d went wrong", order.id)
            self._later(order)

    def _later(self, order: Order) -> None:
        tries = self._tries[order.id] = self._tries[order.id] + 1
        pause = min(AGAIN_S[0] * 2 ** min(tries - 1, 8), AGAIN_S[1]) * random.uniform(0.5, 1.0)
        self._not_before[order.id] = time.monotonic() + pause

    async def _try(self, order: Order) -> None:
        """Carry out one order, or find out what became of it."""
        link, seat = self._lines.link_of(order.modem), self._lines.seat_of(order.meter_id)
        epoch = self._lines.epoch_of(order.modem)
        if link is None or seat is None or epoch is None:
            return
        holder = Holder(self._node, epoch)
        with about(modem=order.modem, meter=order.serial):
            if order.kind is OrderKind.ROTATE_KEYS:
                await self._rotate(order, holder, link, seat)
            elif order.state is not OrderState.APPROVED:
                await self._find_out(order, holder, link, seat)
            elif order.kind is OrderKind.READ:
                await self._read(order, holder, link, seat)
            else:
                await self._tell(order, holder, link, seat)

    async def _read(self, order: Order, holder: Holder, link: Link, seat: Seat) -> None:
        """Somebody waits for it: claimed at once, and a line that is down is an answer."""
        if not await self._claim(order, holder):
            return
        telling: list[asyncio.Task[None]] = []

        def heard(readout: Readout) -> None:
            telling.append(asyncio.create_task(self._answer(order, holder, seat, readout, facts_of(readout))))

        said = ""
        try:
            await link.ready(0.0)
            async with link.lease(Urgency.ON_DEMAND) as stream:
                readout, facts = await read_on_demand(
                    stream, seat.meter, order.parameters.get("items", []), seat.abilities, clock=self._clock,
                    answer_s=self._settings.answer_s, scales=seat.scales, heard=heard,
                    ours=self._settings.ours,
                )  # fmt: skip
            if not telling:
                await self._answer(order, holder, seat, readout, facts)
        except CollectorError as error:
            said = error.sentence
        finally:
            _rest(link)
            await asyncio.gather(*telling)
        if said and not telling:
            await self._finish(order, holder, Outcome(OrderState.FAILED, said))

    async def _answer(
        self, order: Order, holder: Holder, seat: Seat, readout: Readout, facts: Mapping[str, Any]
    ) -> None:
        """What was read, on the disk and then with who asked for it."""
        state, said = OrderState.FAILED, readout.detail
        if readout.outcome in ("ok", "partial"):
            state, said = OrderState.DONE, said or f"meter {order.serial} was read"
        try:
            await self._keep(order, seat, readout)
        except SpoolError as error:
            state, said = OrderState.FAILED, error.sentence
        ONDEMAND_SECONDS.observe(max(0.0, (self._clock() - order.requested_at).total_seconds()))
        await self._finish(order, holder, Outcome(state, said, facts))

    async def _tell(self, order: Order, holder: Holder, link: Link, seat: Seat) -> None:
        try:
            await link.ready(0.0)
            async with link.lease(Urgency.ON_DEMAND) as stream:
                outcome, readout = await command(
                    stream, seat.meter, order, clock=self._clock, answer_s=self._settings.answer_s,
                    limits=self._settings.limits, claim=self._claiming(order, holder),
                    ours=self._settings.ours,
                )  # fmt: skip
        except LinkDown as down:
            outcome, readout = Outcome(OrderState.APPROVED, down.sentence), None
        finally:
            _rest(link)
        await self._done(order, holder, seat, outcome, readout)

    async def _rotate(self, order: Order, holder: Holder, link: Link, seat: Seat) -> None:
        """Change the meter's keys, or find out whether they were."""
        settings, settling = self._settings, order.state is not OrderState.APPROVED
        if settings.ours is None or settings.wrap is None or settings.unwrap is None:
            return  # a head-end without a home changes no keys
        vault = StoredVault(self._store, order, holder, self._clock, settings.wrap, settings.unwrap)
        try:
            await link.ready(0.0)
            async with link.lease(Urgency.ON_DEMAND) as stream:
                outcome, readout = await rotate(
                    stream, seat.meter, order, clock=self._clock, answer_s=settings.answer_s,
                    ours=settings.ours, vault=vault, claim=self._claiming(order, holder), settle=settling,
                )  # fmt: skip
        except LinkDown as down:
            state = OrderState.UNKNOWN if settling else OrderState.APPROVED
            outcome, readout = Outcome(state, down.sentence), None
        finally:
            _rest(link)
            if vault.last is not None:
                seat.meter = replace(seat.meter, keys=vault.last)
        await self._done(order, holder, seat, outcome, readout)

    def _claiming(self, order: Order, holder: Holder) -> Claim:
        async def claim() -> bool:
            try:
                return await self._claim(order, holder)
            except StoreAway as away:
                # Whether it was claimed is not known: so nothing is sent, and a reading settles it.
                log.warning("order %d is not sent: %s", order.id, away.sentence)
                return False

        return claim

    async def _find_out(self, order: Order, holder: Holder, link: Link, seat: Seat) -> None:
        if order.kind is OrderKind.READ:
            said = f"head-end {order.node or 'once'} ended before it could say what the meter said"
            await self._finish(order, holder, Outcome(OrderState.FAILED, said))
            return
        try:
            await link.ready(0.0)
            async with link.lease(Urgency.ON_DEMAND) as stream:
                outcome, readout = await settle(
                    stream, seat.meter, order, clock=self._clock, answer_s=self._settings.answer_s,
                    limits=self._settings.limits, ours=self._settings.ours,
                )  # fmt: skip
        except LinkDown as down:
            outcome, readout = Outcome(OrderState.UNKNOWN, down.sentence), None
        finally:
            _rest(link)
        await self._done(order, holder, seat, outcome, readout)

    async def _done(
        self, order: Order, holder: Holder, seat: Seat, outcome: Outcome, readout: Readout | None
    ) -> None:
        """Keep the evidence, say what became of the order."""
        facts = dict(outcome.facts)
        if readout is not None and (readout.answers or readout.rejected):
            facts = {**facts_of_command(readout), **facts}
            try:
                await self._keep(order, seat, readout)
            except SpoolError as error:
                log.error("what meter %s said is not kept: %s", order.serial, error.sentence)
        if outcome.state in (OrderState.APPROVED, OrderState.UNKNOWN):
            self._later(order)
        if outcome.state is OrderState.APPROVED or order.state is outcome.state:
            await self._waits(order, outcome.said)
            return
        await self._finish(order, holder, Outcome(outcome.state, outcome.said, facts))

    async def _claim(self, order: Order, holder: Holder) -> bool:
        async with self._store.turn() as conn:
            return await order_claims.claim(conn, order, holder, self._clock(), self._settings.cuts_an_hour)

    async def _waits(self, order: Order, said: str) -> None:
        if not said or self._told.get(order.id) == said:
            return
        self._told[order.id] = said
        log.info("order %d waits: %s", order.id, said)
        async with self._store.turn() as conn:
            await order_claims.waits(conn, order, said)

    async def _finish(self, order: Order, holder: Holder, outcome: Outcome) -> None:
        """Say it, also to a store that is away for a little while."""
        result: Mapping[str, Any] = {"said": outcome.said, **outcome.facts}
        give_up = time.monotonic() + TELL_S
        while True:
            try:
                async with self._store.turn() as conn:
                    await order_claims.finish(conn, order, outcome.state, result, holder, self._clock())
                break
            except StoreAway:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(1.0)
        self.carried += 1
        for known in (self._tries, self._not_before, self._told):
            if outcome.state is not OrderState.UNKNOWN:
                known.pop(order.id, None)
        level = logging.INFO if outcome.state is OrderState.DONE else logging.WARNING
        log.log(level, "order %d (%s of meter %s): %s: %s", order.id, order.kind.value, order.serial,
                outcome.state.value, outcome.said)  # fmt: skip

    async def _keep(self, order: Order, seat: Seat, readout: Readout) -> None:
        """Evidence like any other."""
        record = Spooled(order.meter_id, order.modem, self._clock(), readout)
        await self._spool.append([record])
        if readout.outcome == "ok":
            seat.known.note(readout)


def facts_of_command(readout: Readout) -> dict[str, Any]:
    """What was read beside a command: the index at the cut or at the reconnection."""
    return {name: value for name, value in facts_of(readout).items() if name in ("registers", "rejected")}


def _rest(link: Link) -> None:
    """Hang up, unless somebody else goes on on the line."""
    if not link.busy and link.wanted_by is None:
        link.rest()
