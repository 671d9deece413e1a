"""A node: one of the head-ends at a database, with the shards it holds and the modems that called it.

It beats every few seconds: says that it lives, hears which leases are still its own and who else there is.
Its worker runs the shards' jobs. While the database is away it goes on polling what it held, into its spool.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from collector.errors import CollectorError, StoreAway
from collector.nodes import shards
from collector.nodes.desk import GIVE_BACK_S, Desk, Hooks
from collector.nodes.orders import Orders
from collector.nodes.relearning import Relearning
from collector.nodes.sessions import KEYLESS, Sessions
from collector.nodes.shards import GiveBack
from collector.nodes.store_line import AWAY, StoreLine
from collector.nodes.taking import PAUSE_S, Taking
from collector.polling.roster import Roster
from collector.spool.spool import Spool
from collector.watch.metrics import SHARD_EPOCH
from storage import leases
from storage.errors import WrappingKeyUnusable
from storage.leases import Arrival, Beat
from storage.queue import STALLED_S, take_over

log = logging.getLogger("ami.node")

PERIOD_S: Final = 6 * 3600.0
BEAT_S: Final = 2.0
LOOK_AWAY_S: Final = 2 * shards.LOOK_S  # who leaves a shard to others; each of them looks meanwhile
BOUNCES: Final = 5  # so often a shard is left to those who have less
ORPHAN_BOUNCES: Final = 1  # and one that nobody polls: fair shares come later
KEY_AGAIN_S: Final = 10.0  # before a key that opened nothing is tried again
STOP_S: Final = 3.0

_KEY, _SPOOL = "key", "spool"  # why a node rests: `metrics.STOPS`


class NodeGone(CollectorError):
    """Somebody else works under this node's name."""


class Node:
    """`arrive`, then `serve` until cancelled. The desk polls, the node says what."""

    def __init__(self, name: str, dsn: str, desk: Desk, roster: Roster, spool: Spool) -> None:
        self.name, self._dsn, self.desk, self._roster, self._spool = name, dsn, desk, roster, spool
        self.line = StoreLine(dsn, name)
        self.orders: Orders | None = None
        self.arrival: Arrival | None = None
        self.last: Beat | None = None
        self.sessions = Sessions(name, self.line, desk, roster, spool)
        self.sessions.keyless = self.keyless
        desk.hooks = Hooks(self._elsewhere, self._acquired, self._awake, self.sessions.prove)
        self._beaten = 0.0  # monotonic; when the last beat that came through began
        self._worker: Worker | None = None
        self._worker_id: int | None = None
        self._here = asyncio.Event()
        self._here_since = 0.0
        self._stopping = asyncio.Event()
        self._ends: dict[int, asyncio.Event] = {}  # of the shards' jobs that run here
        self._bounced: dict[int, int] = {}
        self._looks_again: asyncio.TimerHandle | None = None
        self._taking = Taking(name, self.line, desk, roster, spool, self.keyless)
        self._rests: dict[str, str] = {}  # why, and the sentence
        self._key_tried = 0.0  # monotonic
        self.knows = Relearning(desk, roster, spool)

    async def arrive(self, listen: str, version: str) -> None:
        """Enter the node; raises StoreAway, and NodeTaken when one of that name is at work."""
        async with self.line.turn() as conn:
            self.arrival = await leases.arrive(conn, self.name, self._spool.identity, listen, version)
        self._worker_id = self.arrival.worker

    async def serve(self) -> None:
        """Until cancelled; then what is held is handed over at once, as far as the database can be told."""
        working = asyncio.create_task(self._work_on())
        parts = [
            asyncio.create_task(part()) for part in (self._beat_on, self.sessions.serve, self.desk.serve)
        ]
        if self.orders is not None:
            parts.append(asyncio.create_task(self.orders.serve()))
        try:
            await asyncio.wait([working, *parts], return_when=asyncio.FIRST_COMPLETED)
            for task in (working, *parts):
                if task.done():
                    task.result()
        finally:
            self._stopping.set()
            rounds = self.desk.close()
            if self._worker is not None:
                self._worker.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait([working], timeout=STOP_S)
            for task in (working, *parts):
                task.cancel()
            await asyncio.gather(working, *parts, *rounds, self._taking.end(), return_exceptions=True)
            await self._leave()

    async def _leave(self) -> None:
        with suppress(StoreAway):
            if self.arrival is not None and self._here.is_set():
                async with self.line.turn() as conn:
                    await leases.leave(conn, self.name, self.arrival.started_at)
        await self.line.close()

    # Rest

    @property
    def resting(self) -> str:
        """The sentence why this node takes no shards; empty while it takes its share."""
        return next(iter(self._rests.values()), "")

    @property
    def rests_for(self) -> str:
        """The same as a word, as it was given to `rest`."""
        return next(iter(self._rests), "")

    def rest(self, why: str, sentence: str) -> bool:
        """Give the shards to others with the next beat and take none until `rest_over(why)`; False when it
        rests for that already. What dials in here stays here."""
        new = why not in self._rests
        self._rests[why] = sentence
        self._look_away()
        return new

    def rest_over(self, why: str) -> bool:
        """That reason is gone; False when there was none."""
        was = self._rests.pop(why, None)
        if was is not None and not self._rests and self._worker is not None:
            self._look(self._worker)
        return was is not None

    def keyless(self, wrong: WrappingKeyUnusable) -> None:
        """What meters are opened with does not open here: others are to have them."""
        self._key_tried, sentence = time.monotonic(), str(wrong).removesuffix(".")
        if self.rest(_KEY, sentence):
            log.error("this node takes no modems until its key is the right one: %s", sentence)
        for shard in list(self.desk.shards):
            self._lose(shard)
        for end in self._ends.values():  # nobody polls them here: their jobs are others' at once
            end.set()
        for code, link in self.desk.calls.items():
            if link.connected:
                link.send_away(KEYLESS)
                self.desk.hung_up(code)

    async def _try_key(self) -> None:
        if _KEY not in self._rests or time.monotonic() - self._key_tried < KEY_AGAIN_S:
            return
        self._key_tried = time.monotonic()
        with suppress(StoreAway):
            await self._roster.prove()
            self.rest_over(_KEY)
            log.warning("the key opens what meters are opened with: this node takes its share again")

    # The beat

    async def _beat_on(self) -> None:
        while True:
            try:
                await self.beat()
            except StoreAway as away:
                self._went_away(away)
            try:
                with suppress(StoreAway):
                    await self.knows.learn_anew()
                await self.knows.reload()
                await self._try_key()
            except WrappingKeyUnusable as wrong:
                self.keyless(wrong)
            await asyncio.sleep(BEAT_S * random.uniform(0.8, 1.0))

    async def beat(self) -> None:
        """Say that we live, hear what is ours. Raises StoreAway; NodeGone when the name is another's."""
        assert self.arrival is not None
        if not self.desk.idle:
            self.rest_over(_SPOOL)
        elif self.rest(_SPOOL, self.desk.office.stopped):
            log.warning("polling has stopped for %.0f s: others are to have this node's shards", GIVE_BACK_S)
        began, resting = time.monotonic(), self.resting
        async with self.line.turn() as conn:
            found = await leases.beat(conn, self.name, self.arrival.started_at, self._worker_id, resting)
            if found is None:
                raise NodeGone(
                    f"another head-end has taken the name {self.name} in this database: "
                    "stop one of the two, or give this one another name with --node"
                )
            lost = await self.sessions.look(conn)
        if not self._here.is_set():
            if self.last is not None:
                log.info("the database answers this node again")
            self._here_since = began
            self._here.set()
        self.last, self._beaten = found, began
        self.desk.skew_s = found.at.timestamp() - time.time()
        self.sessions.seen(lost)
        for shard in [one for one, epoch in self.desk.shards.items() if found.epochs.get(one) != epoch]:
            self._lose(shard)
            if shard in self._ends:
                self._ends[shard].set()
        if resting:  # and the others know
            for shard in self.desk.shards.keys() - self._ends.keys():
                self._lose(shard)
            for end in self._ends.values():
                end.set()
            return
        # What we hold, not what the leases say: one that was given back is ours until somebody takes it.
        held = {**found.held, self.name: len(self._ends)}
        for shard in sorted(self._ends, reverse=True)[: shards.surplus(self.name, held, len(found.shards))]:
            self._ends[shard].set()

    def _went_away(self, away: StoreAway) -> None:
        if self._here.is_set():
            self._here.clear()
            log.warning("%s; this node goes on with what it holds", away.sentence)

    async def _awake(self) -> None:
        """After a sleep: ask what is still ours; when nobody can be asked, go on."""
        with suppress(StoreAway):
            await self.beat()

    async def _elsewhere(self, modems: Collection[str]) -> set[str]:
        async with self.line.turn() as conn:
            return await leases.elsewhere(conn, self.name, modems)

    async def _acquired(self, modems: Collection[str]) -> None:
        """Lines came to us: whatever waits for them is to be done here now."""
        await self.wake(modems)

    async def wake(self, modems: Collection[str]) -> None:
        """Orders may wait for these modems."""
        if self.orders is not None:
            await self.orders.waiting_for(modems)

    # Shards

    async def _work_on(self) -> None:
        """Run the worker; when the database goes away it ends, and a new one begins when that is back."""
        while not self._stopping.is_set():
            await self._here.wait()
            try:
                async with shards.shard_app(self._dsn, self._hold, self.wake).open_async() as app:
                    await self._work(app)
            except (ConnectorException, *AWAY) as error:
                log.info("the queue is away: %s", error.__cause__ or error)
            if not self._stopping.is_set():
                await asyncio.sleep(BEAT_S * random.uniform(0.5, 1.0))

    async def _work(self, app: App) -> None:
        await self._reclaim(app)
        self._worker = worker = shards.worker(app, self.name)
        if self.resting:
            self._look_away()
        keeping = asyncio.create_task(self._keep_up(app, worker))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            keeping.cancel()
            self._worker_id = worker.worker_id or self._worker_id
            self._worker = None

    async def _reclaim(self, app: App) -> None:
        """The jobs of this node's last worker, which is no more, need not wait until that is noticed."""
        if self._worker_id is None:
            return
        for job in await app.job_manager.list_jobs_async(queue=shards.QUEUE, status="doing"):
            if job.worker_id == self._worker_id:
                await app.job_manager.retry_job(job)

    async def _keep_up(self, app: App, worker: Worker) -> None:
        """See to it that every shard has its job, and that the jobs of the dead are done by the living."""
        while True:
            self._worker_id = worker.worker_id or self._worker_id
            with suppress(ConnectorException):
                if self.last is not None:
                    await shards.ensure(app, self.last.shards)
                # Who was away himself gives others the time to be heard again.
                if (
                    time.monotonic() - self._here_since > STALLED_S
                    or len(self.last.held if self.last else ()) < 2
                ):
                    await take_over(app)
            await asyncio.sleep(BEAT_S * random.uniform(0.8, 1.0))

    async def _hold(self, shard: int) -> None:
        """A shard's job: take the lease, poll until the period ends or the lease does. Raises GiveBack."""
        if self._stopping.is_set():
            raise GiveBack("this node stops")
        if self.resting:
            raise GiveBack(self.resting, PAUSE_S)
        self._leave_to_others(shard)
        end = self._ends[shard] = asyncio.Event()
        try:
            await self._taking.take(shard)
            stopping = asyncio.create_task(self._stopping.wait())
            ending = asyncio.create_task(end.wait())
            try:
                await asyncio.wait(
                    {stopping, ending},
                    timeout=PERIOD_S * random.uniform(0.8, 1.0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                stopping.cancel()
                ending.cancel()
        except StoreAway as away:
            raise GiveBack(away.sentence, PAUSE_S) from away
        finally:
            del self._ends[shard]
        # Not reached when the worker breaks off because the database went away: then we go on polling.
        self._lose(shard)
        if end.is_set() or self._stopping.is_set():
            self._look_away()
            raise GiveBack("others are to have it")

    def _leave_to_others(self, shard: int) -> None:
        """Raise GiveBack when others have less than we; what we still poll we take again."""
        if shard in self.desk.shards or self.last is None:
            return
        mine = len({*self.desk.shards, *self._ends})
        if shards.may_take(self.name, mine, self.last.held, len(self.last.shards)):
            self._bounced.pop(shard, None)
            return
        self._bounced[shard] = self._bounced.get(shard, 0) + 1
        if self._bounced[shard] <= (ORPHAN_BOUNCES if shard in self.last.orphans else BOUNCES):
            self._look_away()
            raise GiveBack("others have less")
        del self._bounced[shard]

    def _look_away(self) -> None:
        """For shards, for a while: looking as often as the others, in step with them, we could be the first
        every time."""
        if self._looks_again is not None:
            self._looks_again.cancel()
        worker = self._worker
        if worker is not None:
            worker.queues = shards.queues(self.name, shards=False)
            self._looks_again = asyncio.get_running_loop().call_later(LOOK_AWAY_S, self._look, worker)

    def _look(self, worker: Worker) -> None:
        self._looks_again = None
        if self.resting:
            return
        worker.queues = shards.queues(self.name)

    def _lose(self, shard: int) -> None:
        self.desk.drop(shard)
        with suppress(KeyError):
            SHARD_EPOCH.remove(str(shard))
