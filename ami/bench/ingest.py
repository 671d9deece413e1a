"""What meters said into TimescaleDB, beside a row per interval: for the first time, and again.

Blocks of four weeks are what files bring, of a week what is read back from a meter, of a day what is read
every morning: digest, COPY, what is there already or says otherwise, `ON CONFLICT`. `conversations` are four
such weeks with their answers' bytes, the poll, and the days that become due for validation, in batches as the
head-end brings them. The peer upserts the same half-hours as rows. All tables have their indexes and
constraints.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Final, Generic, TypeVar
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ami.bench import store as stores
from ami.bench.engine import Figures, Outcome, Prepare, Run
from ami.failure import Contradiction
from collector.spool.ingest import BATCH
from model.grid import Meter, Modem, ModemLink, Register
from model.period import Period, midnight
from model.readout import Answer, ProfileBlock, Readout
from model.series import Channel, ProfileKind, Unit
from storage import evidence, fleet, grid, row_store
from storage.evidence import StoreCounts
from storage.evidence_rows import Brought, Incoming
from storage.pool import connect, session

SIZE = 500  # meters
UNIT = "intervals/s"
WANTED: Final = 20.0  # times rows, where half-hours come for the first time
DAYS, SLOTS, WEEK = 28, 48, 7
AT_ONCE: Final = 2000  # blocks in a transaction
HALF_HOUR: Final = timedelta(minutes=30)
ROW_BYTES: Final = bytes.fromhex("0204090c07ea0101ffffffffff800000110006")
"""What a row of a profile has besides its value, on the line."""

LINES: Final = ExitStack()
"""The connections that stay open until the engine's process ends."""
atexit.register(LINES.close)

T = TypeVar("T")
Store = Callable[[AsyncConnection[TupleRow], Sequence[T]], Awaitable[StoreCounts]]
surroundings = stores.surroundings


class _Fleet:
    """Meters with four weeks of half-hours; each call of `blocks` or `readouts` may be of other meters."""

    def __init__(self, size: int, days: int = WEEK) -> None:
        self.dsn, self.days = stores.dsn(), days
        self.data = stores.Meters(size * DAYS, DAYS)
        first = midnight(stores.FIRST)
        self._stamps = [
            tuple([first + day * timedelta(days=1) + slot * HALF_HOUR for slot in range(SLOTS * days)])
            for day in range(0, DAYS, days)
        ]

    def blocks_of(self, number: int) -> list[ProfileBlock]:
        """Of one meter, the oldest first."""
        values = self.data.energy[number].reshape(len(self._stamps), -1).tolist()
        zeros = (0,) * (SLOTS * self.days)
        return [
            ProfileBlock(
                Channel.ACTIVE_IMPORT, ProfileKind.INTERVAL_ENERGY, "1.0.1.29.0.255", HALF_HOUR, stamps,
                tuple(raw), zeros, 0, Unit.WATT_HOUR,
            )
            for stamps, raw in zip(self._stamps, values, strict=True)
        ]  # fmt: skip

    def brought(self) -> list[Brought]:
        """Every block of new meters; a poll is one meter's."""
        found: list[Brought] = []
        for number, meter_id in enumerate(self.data.ids().tolist()):
            poll: UUID = uuid4()
            found += [
                (meter_id, block.stamps[-1] + HALF_HOUR, poll, block) for block in self.blocks_of(number)
            ]
        return found

    def readouts(self) -> list[Incoming]:
        """A conversation with each of as many meters, which are registered for it."""
        serials = [f"B{number}" for number in self.data.ids().tolist()]
        meters = tuple(Meter(serial, "dk-1p", "BENCH") for serial in serials)
        modem = Modem("BENCH", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059)
        with connect(self.dsn) as conn:
            grid.save_register(conn, Register(modems=(modem,), meters=meters), lambda raw: raw)
            ids = fleet.meter_ids(conn, serials)
        return [self._readout(number, serial, ids[serial]) for number, serial in enumerate(serials)]

    def _readout(self, number: int, serial: str, meter_id: int) -> Incoming:
        blocks = self.blocks_of(number)
        answers = tuple(
            Answer("load_profile", _raw(block), Period(block.stamps[0], block.stamps[-1] + HALF_HOUR), True,
                   (block,))
            for block in blocks
        )  # fmt: skip
        at = blocks[-1].stamps[-1] + HALF_HOUR
        return meter_id, "BENCH", at, Readout(serial, str(uuid4()), at, at, "ok", answers=answers)

    def outcome(self, counts: StoreCounts | None = None, *, again: bool = False) -> Outcome:
        """Raises `Contradiction` where not every block was new, or where one was that was there already."""
        if counts is not None:
            blocks = self.data.count * len(self._stamps)
            wanted = (0, blocks, 0) if again else (blocks, 0, 0)
            if (counts.blocks, counts.identical, counts.differing) != wanted:
                raise Contradiction(f"Of {blocks} blocks brought the store says {counts}")
        return self.data.outcome(self.data.energy, self.data.quality)


def _raw(block: ProfileBlock) -> bytes:
    return b"".join([ROW_BYTES + value.to_bytes(4, "big") for value in block.raw])


class _Line(Generic[T]):
    """One connection that stays open, as the head-end's does; `store` takes so many at once."""

    def __init__(self, dsn: str, at_once: int, store: Store[T]) -> None:
        self._runner = asyncio.Runner()
        self._conn = self._runner.run(AsyncConnection.connect(dsn, **session()))
        self._at_once, self._store = at_once, store
        LINES.callback(self._runner.close)
        LINES.callback(lambda: self._runner.run(self._conn.close()))

    def bring(self, rows: Sequence[T]) -> StoreCounts:
        """All rows, a transaction for so many at once."""
        return self._runner.run(self._bring(rows))

    async def _bring(self, rows: Sequence[T]) -> StoreCounts:
        blocks = identical = differing = 0
        for start in range(0, len(rows), self._at_once):
            async with self._conn.transaction():
                counts = await self._store(self._conn, rows[start : start + self._at_once])
            blocks += counts.blocks
            identical += counts.identical
            differing += counts.differing
        return StoreCounts(blocks=blocks, identical=identical, differing=differing)


def _measured(fleet_: _Fleet, line: _Line[T], draw: Callable[[], list[T]], *, again: bool) -> Run:
    """What is brought is made beforehand: for warming up and the measured run, or what is there already."""
    waiting = [draw() for _ in range(1 if again else 2)]
    if again:
        line.bring(waiting[0])

    def run() -> Outcome:
        return fleet_.outcome(line.bring(waiting[0] if again else waiting.pop()), again=again)

    return run


def blocks(size: int, days: int, *, again: bool = False) -> Run:
    """Profile blocks as the store keeps them."""
    fleet_ = _Fleet(size, days)
    line = _Line(fleet_.dsn, AT_ONCE, evidence.store_blocks)
    return _measured(fleet_, line, fleet_.brought, again=again)


def conversations(size: int, *, again: bool = False) -> Run:
    """Whole conversations, in the head-end's batches."""
    fleet_ = _Fleet(size)
    return _measured(fleet_, _Line(fleet_.dsn, BATCH, evidence.store), fleet_.readouts, again=again)


def rows(size: int, *, again: bool = False) -> Run:
    """A row an interval."""
    fleet_ = _Fleet(size)
    conn, ids, first = LINES.enter_context(connect(fleet_.dsn)), fleet_.data.ids(), stores.FIRST

    def upsert(of: stores.Ids) -> None:
        with conn.transaction():
            row_store.save(conn, of, first, fleet_.data.energy, fleet_.data.quality)

    if again:
        upsert(ids)

    def run() -> Outcome:
        upsert(ids if again else fleet_.data.ids())
        return fleet_.outcome()

    return run


LONG: Final = {DAYS: "blocks of four weeks", WEEK: "blocks of a week", 1: "blocks of a day"}


def _engines(task: str, *, again: bool) -> dict[str, Prepare]:
    found: dict[str, Prepare] = {
        f"{task}/{said}": partial(blocks, days=days, again=again) for days, said in LONG.items()
    }
    found[f"{task}/conversations"] = partial(conversations, again=again)
    found[f"{task}/rows"] = partial(rows, again=again)
    return found


ENGINES = _engines("first", again=False) | _engines("again", again=True)


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times faster than rows (wall clock: the server works too)."""
    return {
        f"{task}: {engine} vs rows": medians[f"{task}/rows"].seconds / figures.seconds
        for name, figures in medians.items()
        for task, _, engine in [name.partition("/")]
        if engine != "rows"
    }


def held(medians: Mapping[str, Figures]) -> dict[str, bool]:
    """Whether blocks come in `WANTED` times as fast as rows, by how long they are."""
    found = ratios(medians)
    return {f"{WANTED:g} x rows, {said}": found[f"first: {said} vs rows"] >= WANTED for said in LONG.values()}
