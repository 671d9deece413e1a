"""Meters by the names they push under: asked of the store, remembered for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection
from typing import Final

import psycopg

from collector.errors import StoreAway
from storage import pushers
from storage.errors import Unreachable
from storage.pool import connect
from storage.pushers import Pusher, by_serial

REMEMBERED: Final = 100_000
KNOWN_S: Final = 300.0  # a meter may be hung on another modem
STRANGER_S: Final = 60.0  # and a stranger registered


class Directory:
    """One question to the store for all names of a message that are not remembered."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._found: OrderedDict[str, tuple[float, Pusher | None]] = OrderedDict()

    async def look_up(self, names: Collection[str]) -> dict[str, Pusher]:
        """Those that are meters of ours. Raises StoreAway when one has to be asked for and cannot be; a meter
        that is remembered is found all the same."""
        now = time.monotonic()
        asked = [name for name in names if not self._remembers(name, now)]
        if asked:
            try:
                found = await asyncio.to_thread(self._ask, asked)
            except (Unreachable, psycopg.Error) as error:
                if not any(self._found.get(name, (0.0, None))[1] for name in names):
                    said = str(error).strip().splitlines() or [type(error).__name__]
                    raise StoreAway(said[-1]) from error
            else:
                for name in asked:
                    self._remember(name, found.get(name), now)
        known = {name: self._found[name][1] for name in names if name in self._found}
        return {name: pusher for name, pusher in known.items() if pusher is not None}

    async def at(self, place: tuple[str, int]) -> Pusher | None:
        """The meter at an address behind a modem. Raises StoreAway."""
        now, name = time.monotonic(), f"{place[0]}\0{place[1]}"
        if not self._remembers(name, now):
            try:
                self._remember(name, await asyncio.to_thread(self._ask_at, place), now)
            except (Unreachable, psycopg.Error) as error:
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise StoreAway(said[-1]) from error
        return self._found[name][1]

    def keyed(self, serial: str) -> bool:
        """Whether a meter that was looked up has keys."""
        pusher = self._found.get(serial, (0.0, None))[1]
        return pusher is not None and pusher.keyed

    def _remembers(self, name: str, now: float) -> bool:
        until, _ = self._found.get(name, (0.0, None))
        return now < until

    def _remember(self, name: str, pusher: Pusher | None, now: float) -> None:
        self._found[name] = (now + (STRANGER_S if pusher is None else KNOWN_S), pusher)
        self._found.move_to_end(name)
        if len(self._found) > REMEMBERED:
            self._found.popitem(last=False)

    def _ask(self, names: list[str]) -> dict[str, Pusher]:
        with connect(self._dsn, statement_timeout_s=10) as conn:
            return by_serial(conn, names)

    def _ask_at(self, place: tuple[str, int]) -> Pusher | None:
        with connect(self._dsn, statement_timeout_s=10) as conn:
            return pushers.at(conn, *place)
