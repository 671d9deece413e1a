"""What a node knows of its meters and of those who may call it, loaded anew as it changes in the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Final

from collector.errors import StoreAway
from collector.links.kinds import DialIn
from collector.nodes.desk import Desk
from collector.polling.roster import Roster
from collector.spool.spool import Spool
from model.grid import ASKED, ModemLink

CALLERS_AT_ONCE: Final = 2000


def _nobody_listens(calls: Mapping[str, DialIn]) -> None:
    """No modem can dial in here."""


class Relearning:
    """`reload` with every beat: the register now and then; `learn_anew`: what was read and not let in."""

    def __init__(self, desk: Desk, roster: Roster, spool: Spool) -> None:
        self._desk, self._roster, self._spool = desk, roster, spool
        self._unlearnt: set[str] = set()  # modems of which the store has less than we know
        self._loaded = time.monotonic()
        self.expected: Callable[[Mapping[str, DialIn]], None] = _nobody_listens

    def unlearn(self, modems: Collection[str]) -> None:
        """Something that was read behind these modems was not let in: what is still ours is asked again."""
        self._unlearnt.update(modems)

    async def learn_anew(self) -> None:
        """Forget what is known of those modems and ask the store. Raises StoreAway."""
        modems, self._unlearnt = self._unlearnt & self._desk.lines.keys(), set()
        if not modems:
            return
        try:
            await self._roster.take(self._spool, modems=modems, from_scratch=True)
        except StoreAway:
            self._unlearnt |= modems
            raise
        for code in modems:
            self._desk.wake(code)

    async def reload(self) -> None:
        """Every so often: the register as it is now."""
        settings = self._desk.office.settings
        if time.monotonic() - self._loaded < settings.reload_every_s:
            return
        self._loaded = time.monotonic()
        with suppress(StoreAway):
            await self.expect_calls()
            for shard, epoch in list(self._desk.shards.items()):
                lines = await self._roster.take(self._spool, shards=[shard], links=ASKED)
                if self._desk.shards.get(shard) == epoch:
                    self._desk.refresh(lines)
                    await self._desk.take(shard, epoch, lines)
            if settings.broker is not None:
                await self._roster.take(self._spool, links=[ModemLink.MQTT])
            called = [code for code, held in self._desk.lines.items() if held.shard is None]
            if called:
                self._desk.refresh(await self._roster.take(self._spool, modems=called))

    async def expect_calls(self) -> None:
        """Links for all modems that may dial in here. Raises StoreAway."""
        modems = {modem.code: modem for modem in await self._roster.callers()}
        calls = self._desk.calls
        others = [code for code, link in calls.items() if modems.get(code) != link.modem]
        for code in others:
            calls.pop(code).close()
        new = [modem for code, modem in modems.items() if code not in calls]
        for number, modem in enumerate(new):
            calls[modem.code] = DialIn(modem)
            if number % CALLERS_AT_ONCE == CALLERS_AT_ONCE - 1:
                await asyncio.sleep(0)  # there may be half a million
        if new or others:
            self.expected(calls)
