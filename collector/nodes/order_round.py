"""Carrying out orders once, without a head-end that stays: for an office whose collector runs by the hour."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

from collector.errors import LinkDown
from collector.headend import HeadEnd
from collector.links.kinds import DialIn, Link
from collector.nodes.orders import Orders, OrderSettings
from collector.nodes.store_line import StoreLine
from collector.polling.roster import Seat
from collector.settings import HeadEndSettings, unseen
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool
from model.clock import Clock

NAME = "orders"


class _Lines:
    """All lines, under no lease: there are no nodes."""

    def __init__(self, head_end: HeadEnd) -> None:
        self._head_end = head_end

    def link_of(self, modem: str) -> Link | None:
        return self._head_end.links.get(modem)

    def seat_of(self, meter_id: int) -> Seat | None:
        return self._head_end.roster.seats.get(meter_id)

    def epoch_of(self, modem: str) -> int | None:
        return 0 if modem in self._head_end.links else None


async def carry_out(settings: HeadEndSettings, *, clock: Clock) -> int:
    """Carry out what waits for the meters `settings.only`; how many orders were tried.

    A modem that dials in is waited for. What was read is in the store when this returns, or in the spool.
    """
    async with AsyncExitStack() as stack:
        spool = Spool(settings.spool_path, settings.spool_limit_bytes)
        stack.callback(spool.close)
        head_end = HeadEnd(settings, spool, Ingest(spool, settings.dsn, ours=settings.ours), clock, unseen)
        stack.push_async_callback(head_end.close)
        await head_end.open(once=True)
        calling = [
            head_end.links[line.modem.code]
            for line in head_end.roster.lines
            if head_end.roster.of(line) and isinstance(head_end.links[line.modem.code], DialIn)
        ]
        if head_end.listener is not None:
            await asyncio.gather(*(_ready(link, settings.dial_in_wait_s) for link in calling))
        store = StoreLine(settings.dsn, NAME)
        tried = await Orders("", store, _Lines(head_end), spool, clock, OrderSettings.of(settings)).once()
        await head_end.drain()
        return tried


async def _ready(link: Link, wait_s: float) -> None:
    with suppress(LinkDown):
        await link.ready(wait_s)
