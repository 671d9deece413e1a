"""Taking shards: whose jobs begin together are leased and loaded together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from collector.errors import StoreAway
from collector.nodes.desk import Desk
from collector.nodes.shards import GiveBack
from collector.nodes.store_line import StoreLine
from collector.polling.roster import Roster
from collector.spool.spool import Spool
from collector.watch.metrics import SHARD_EPOCH, SHARD_TAKEOVERS
from model.grid import ASKED
from storage import leases
from storage.errors import WrappingKeyUnusable
from storage.fleet import Line

log = logging.getLogger("ami.node")

PAUSE_S: Final = 1.0  # before a shard that could not be taken is tried again
SHARDS_AT_ONCE: Final = 40

Jobs = Mapping[int, asyncio.Future[None]]
"""Shards, and what their jobs wait for."""


def _refuse(wanted: Jobs, error: Exception) -> None:
    for job in wanted.values():
        if not job.done():
            job.set_exception(error)


class Taking:
    """`take` for each shard's job; `keyless` is told where what meters are opened with does not open here."""

    def __init__(
        self, name: str, line: StoreLine, desk: Desk, roster: Roster, spool: Spool,
        keyless: Callable[[WrappingKeyUnusable], None],
    ) -> None:  # fmt: skip
        self._name, self._line, self._desk, self._roster, self._spool = name, line, desk, roster, spool
        self._keyless = keyless
        self._wanted: dict[int, asyncio.Future[None]] = {}  # shards whose jobs have begun
        self._taking: asyncio.Task[None] | None = None

    async def take(self, shard: int) -> None:
        """Return when the shard is ours; those that come meanwhile are taken together. Raises StoreAway."""
        taken = self._wanted[shard] = asyncio.get_running_loop().create_future()
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take_wanted())
        await taken

    async def _take_wanted(self) -> None:
        while self._wanted:
            batch = {shard: self._wanted.pop(shard) for shard in list(self._wanted)[:SHARDS_AT_ONCE]}
            if await self._taken({shard: job for shard, job in batch.items() if not job.done()}):
                continue
            for shard, job in batch.items():  # one of them cannot be had: not for the others
                if not job.done():
                    await self._taken({shard: job})

    async def _taken(self, wanted: Jobs) -> bool:
        """Take them; what went wrong is told to each job, unless it may be the matter of one of many."""
        try:
            if wanted:
                await self._take_batch(wanted)
        except StoreAway as away:
            _refuse(wanted, away)
        except WrappingKeyUnusable as wrong:
            self._keyless(wrong)
            _refuse(wanted, GiveBack(str(wrong), PAUSE_S))
        except Exception as error:
            if len(wanted) > 1:
                return False
            log.exception("shard %d cannot be taken", *wanted)
            _refuse(wanted, error)
        return True

    async def _take_batch(self, wanted: Jobs) -> None:
        await self._roster.prove()
        async with self._line.turn() as conn:
            leased = await leases.take_shards(conn, wanted, self._name)
        for shard, taken in leased.items():
            if taken.before in ("", self._name):
                continue
            if taken.was_silent:
                SHARD_TAKEOVERS.inc()
            how = "taken over from node" if taken.was_silent else "handed over by node"
            lease = {"shard": shard, "epoch": taken.epoch}
            log.warning("shard %d was %s %s, epoch %d", shard, how, taken.before, taken.epoch, extra=lease)
            self._desk.drop(shard)
        found: dict[int, list[Line]] = {shard: [] for shard in leased}
        for line in await self._roster.take(self._spool, shards=list(leased), links=ASKED):
            found[line.shard].append(line)
        for shard, taken in leased.items():
            if wanted[shard].done():
                continue  # the job has been broken off meanwhile
            await self._desk.take(shard, taken.epoch, found[shard])
            SHARD_EPOCH.labels(str(shard)).set(taken.epoch)
            if not wanted[shard].done():
                wanted[shard].set_result(None)

    async def end(self) -> None:
        """Nobody waits any more."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
