"""The keys under which meters of the fleet push, found by the system title a meter proved when it was read.

Pending keys are tried as well, for a meter may have taken them; keys that open nothing are asked for anew,
for another head-end may have changed them.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

import psycopg

from collector.errors import StoreAway, UnknownModel
from collector.exchange.abilities import model_of
from collector.keys.fleet_keys import OurSide
from collector.push.directory import KNOWN_S, REMEMBERED, STRANGER_S, Directory
from collector.push.heard_counters import HeardCounters
from collector.push.judge import TitleKeys
from protocols.dlms.security import SecuritySetup, Suite
from protocols.errors import ProtocolError
from storage import pushers
from storage.errors import Unreachable
from storage.pool import connect
from storage.pushers import KeyedPusher

ANEW_S: Final = 5.0  # keys are not asked for again sooner, however much comes that they do not open


class FleetKeys:
    """`Keys` over the store of a fleet; a title is asked for once in a while, many at once."""

    def __init__(
        self, dsn: str, unwrap: Callable[[bytes], bytes], ours: OurSide, counters: HeardCounters,
        directory: Directory,
    ) -> None:  # fmt: skip
        self._dsn, self._unwrap, self._ours, self._counters = dsn, unwrap, ours, counters
        self._directory = directory
        self._found: OrderedDict[bytes, tuple[float, tuple[TitleKeys, ...]]] = OrderedDict()

    async def meet(self, titles: Collection[bytes]) -> None:
        """See `Keys`."""
        now = time.monotonic()
        asked = {title for title in titles if not self._remembers(title, now)}
        if asked:
            await self._ask_for(asked)

    async def of_title(self, title: bytes, *, anew: bool = False) -> Sequence[TitleKeys]:
        """See `Keys`."""
        now = time.monotonic()
        if anew:
            asked_at, _ = self._found.get(title, (-ANEW_S, ()))
            if now - asked_at < ANEW_S:
                return ()
        if anew or not self._remembers(title, now):
            await self._ask_for({title})
        return self._found[title][1]

    def has(self, serial: str) -> bool:
        """See `Keys`."""
        return self._directory.keyed(serial)

    def save(self) -> None:
        """See `Keys`."""
        self._counters.save()

    def close(self) -> None:
        """See `Keys`."""
        self._counters.close()

    def _remembers(self, title: bytes, now: float) -> bool:
        asked_at, found = self._found.get(title, (0.0, ()))
        return title in self._found and now - asked_at < (KNOWN_S if found else STRANGER_S)

    async def _ask_for(self, titles: Collection[bytes]) -> None:
        try:
            found = await asyncio.to_thread(self._ask, titles)
        except (Unreachable, psycopg.Error) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            if not all(self._found.get(title, (0.0, ()))[1] for title in titles):
                raise StoreAway(said[-1]) from error
            return  # what was known before serves on
        now = time.monotonic()
        for title in titles:
            self._found[title] = now, tuple(self._candidates(title, found.get(title, [])))
            self._found.move_to_end(title)
        while len(self._found) > REMEMBERED:
            self._found.popitem(last=False)

    def _ask(self, titles: Collection[bytes]) -> dict[bytes, list[KeyedPusher]]:
        with connect(self._dsn, statement_timeout_s=10) as conn:
            return pushers.by_title(conn, titles, self._unwrap)

    def _candidates(self, title: bytes, found: Sequence[KeyedPusher]) -> Iterator[TitleKeys]:
        for one in found:
            try:
                keyed = model_of(one.pusher.model).dlms.keyed
                if keyed is None:
                    continue
                for pair in one.keys.candidates:
                    setup = SecuritySetup(
                        self._ours.title, pair.encryption, pair.authentication, Suite(keyed.suite),
                        general=True, peer_system_title=title,
                    )  # fmt: skip
                    yield TitleKeys(one.pusher.serial, setup, self._counters)
            except (UnknownModel, ProtocolError):
                continue  # said of its line; keys that do not fit its suite open nothing
