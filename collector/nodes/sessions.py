"""The modems that called this node: which of them are its own, and which another node has.

Whom no other node has is taken at once. From a node that lives a modem is taken only when a meter behind the
caller has answered as ours; until then the line is in doubt, and tried (`collector/nodes/trial.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Final

from collector.errors import StoreAway
from collector.links.kinds import DialIn
from collector.nodes.desk import Desk
from collector.nodes.store_line import StoreLine
from collector.polling.roster import Roster
from collector.spool.spool import Spool
from storage import leases
from storage.errors import WrappingKeyUnusable
from storage.leases import Conn

log = logging.getLogger("ami.node")

CALLS_AT_ONCE: Final = 500
AGAIN_S: Final = 2.0  # while the store is away
KEYLESS: Final = "what its meters are opened with does not open here"
CLAIM_S: Final = 5.0  # how long who has proved to be a modem waits until the store knows


def _unsaid(wrong: WrappingKeyUnusable) -> None:
    """Nobody wants to know that nothing opens here."""


class Sessions:
    """`settled` is the listener's word; run `serve` as a task; `look` and `seen` are part of the beat."""

    def __init__(self, node: str, line: StoreLine, desk: Desk, roster: Roster, spool: Spool) -> None:
        self._node, self._line, self._desk, self._roster, self._spool = node, line, desk, roster, spool
        self.epochs: dict[str, int] = {}  # of the modems that are ours
        self._called: dict[str, DialIn] = {}
        self._calls = asyncio.Event()
        self._proofs: dict[str, asyncio.Future[None]] = {}
        self._in_doubt: dict[str, DialIn] = {}
        self._gone: set[str] = set()
        self.keyless: Callable[[WrappingKeyUnusable], None] = _unsaid

    def settled(self, link: DialIn) -> None:
        """A modem is connected here, or connected anew."""
        self._called[link.modem.code] = link
        self._calls.set()

    async def prove(self, modem: str) -> None:
        """A meter behind the caller has answered as ours: return when the modem is, or the store is away."""
        link = self._desk.calls.get(modem)
        if link is None:
            return
        proof = self._proofs[modem] = asyncio.get_running_loop().create_future()
        self.settled(link)
        try:
            await asyncio.wait([proof], timeout=CLAIM_S)
        finally:
            del self._proofs[modem]

    async def serve(self) -> None:
        """Until cancelled: see whose they are that called."""
        while True:
            await self._calls.wait()
            self._calls.clear()
            batch = {code: self._called.pop(code) for code in list(self._called)[:CALLS_AT_ONCE]}
            proofs = {code: self._proofs[code] for code in batch.keys() & self._proofs.keys()}
            try:
                await self._take(
                    {code: link for code, link in batch.items() if link.connected}, proofs.keys()
                )
            except StoreAway:
                self._called = {**batch, **self._called}
                self._calls.set()
                await asyncio.sleep(AGAIN_S)
                continue
            except WrappingKeyUnusable as wrong:
                self.keyless(wrong)
                for link in batch.values():
                    link.send_away(KEYLESS)
            for proof in proofs.values():
                if not proof.done():
                    proof.set_result(None)
            if self._called:
                self._calls.set()

    async def _take(self, batch: Mapping[str, DialIn], proved: Collection[str]) -> None:
        if not batch:
            return
        async with self._line.turn() as conn:
            calls = await leases.called(conn, self._node, batch, proved)
        known = {code for code, call in calls.items() if self._knows(code, call)}
        known |= {code for code in batch if code not in calls and code in self._desk.lines}
        lines = [self._desk.lines[code].line for code in known]
        if news := sorted(batch.keys() - known):
            try:
                lines += await self._roster.take(self._spool, modems=news, anew=True)
            except WrappingKeyUnusable:
                async with self._line.turn() as conn:
                    await leases.hung_up(conn, {code: call.epoch for code, call in calls.items()})
                raise
        for line in lines:
            code, link = line.modem.code, batch[line.modem.code]
            if not link.connected:
                continue
            if code in calls:
                self._in_doubt.pop(code, None)
                self.epochs[code] = calls[code].epoch
                await self._desk.called(line, link, calls[code].epoch)
            else:
                self._in_doubt[code] = link
                self._desk.doubt(line, link)

    def _knows(self, code: str, call: leases.Call) -> bool:
        """Whether what is known here of a modem's meters is all there is: nobody else had it since."""
        return code in self._desk.lines and call.node_before in ("", self._node)

    # In the beat

    async def look(self, conn: Conn) -> dict[str, bool]:
        """Tell the store who has hung up, and hear which sessions are no longer ours (see `leases.lost`)."""
        gone = {code: epoch for code, epoch in self.epochs.items() if not self._connected(code)}
        if gone:
            await leases.hung_up(conn, gone)
        self._gone = {*gone, *(code for code in self._in_doubt if not self._connected(code))}
        return await leases.lost(conn, self._node, self.epochs)

    def seen(self, lost: Mapping[str, bool]) -> None:
        """What `look` has found, once the store has kept it."""
        for code in {*self._gone, *lost}:
            self.epochs.pop(code, None)
            self._in_doubt.pop(code, None)
            self._desk.hung_up(code)
        for code, proved in lost.items():
            link = self._desk.calls.get(code)
            if link is None or code in self._gone:
                continue
            if proved:
                log.info("modem %s has called another node, and was itself", code)
                link.hang_up(f"modem {code} has called another node")
            if link.connected:
                self.settled(link)  # whoever is still here may be the modem all the same
        for link in self._in_doubt.values():
            self.settled(link)  # nobody may have the modem any more

    def _connected(self, code: str) -> bool:
        link = self._desk.calls.get(code)
        return link is not None and link.connected
