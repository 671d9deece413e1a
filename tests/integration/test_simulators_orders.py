"""What a fleet is told on stdin, and modems that stay silent or dial in."""

import asyncio
import contextlib
import os
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from model.grid import ModemLink
from protocols.dlms.clock import read_clock
from protocols.errors import DecodeError, ProtocolError
from protocols.modem.stream import Heartbeat, ModemStream, Payload, Registered
from tests.served_fleet import EPOCH, Reading, reading, running


async def test_one_answer_is_spoiled_so_that_it_shows():
    async with running() as served:
        meter = served.reachable("dk-1p")
        whole = (EPOCH - timedelta(days=2), EPOCH)
        async with reading(served, meter) as talk:
            clean = await talk.profile(*whole)
            assert await served.ask(do="corrupt", answers=1) == {"corrupt": 1}
            await talk.number(talk.model.clock)  # other answers stay whole
            with pytest.raises(DecodeError):
                await talk.profile(*whole)
        async with reading(served, meter) as talk:
            again = await talk.profile(*whole)
        assert np.array_equal(again.stamps, clean.stamps)
        assert np.array_equal(again.columns[-1].values, clean.columns[-1].values)


async def test_a_silent_modem_takes_everything_and_answers_nothing():
    async with running() as served:
        serial = served.ready["register"]["meters"][0]["serial"]
        planted = (await served.ask(do="truth", **{"from": "2026-09-01", "to": "2026-10-01"}))["truth"][
            "planted"
        ]
        (serial,) = [fault["meter"] for fault in planted if fault["kind"] == "modem_silent"]
        meter = served.meter(serial)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), reading(served, meter):
                pass
        assert await served.ask(do="silence", modems="planted", on=False) == {"silence": {meter.modem: False}}
        async with reading(served, meter):
            pass
        assert await served.ask(do="silence", modems=[meter.modem], on=True) == {
            "silence": {meter.modem: True}
        }
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), reading(served, meter):
                pass


async def test_before_its_time_the_silent_modem_answers():
    async with running(as_of=EPOCH - timedelta(days=4)) as served:
        planted = (await served.ask(do="truth", **{"from": "2026-09-01", "to": "2026-10-01"}))["truth"][
            "planted"
        ]
        (serial,) = [fault["meter"] for fault in planted if fault["kind"] == "modem_silent"]
        async with reading(served, served.meter(serial)) as talk:
            assert read_clock(await talk.number(talk.model.clock)) == EPOCH - timedelta(days=4)
            await served.ask(do="clock", at=(EPOCH - timedelta(days=3, hours=2)).isoformat())
            assert read_clock(await talk.number(talk.model.clock)) == EPOCH - timedelta(days=3, hours=2)


async def test_orders_that_make_no_sense_are_answered_with_a_sentence():
    async with running() as served:
        for order in (
            {"do": "dance"},
            {"do": "clock", "at": "soon"},
            {"do": "silence", "modems": ["MD-99"], "on": True},
            {"do": "corrupt", "answers": -1},
            {"do": "truth", "from": "2026-10-01", "to": "2026-09-01"},
        ):
            answer = await served.ask(**order)
            assert list(answer) == ["error"]
        os.write(served.pen, b"not json\n")
        assert "error" in await asyncio.wait_for(served.out.documents.get(), 5)


async def test_modems_dial_in_with_their_dialect_and_live_by_heartbeats(free_ports):
    calls: asyncio.Queue = asyncio.Queue()
    accepted = []

    async def accept(reader, writer):
        accepted.append(writer)
        await calls.put((reader, writer))

    listener = await asyncio.start_server(accept, "127.0.0.1", port := free_ports())
    async with running(dial_in_to=("127.0.0.1", port), heartbeat_s=0.05) as served:
        expected = {m.registration: m for m in served.register.modems if m.link is ModemLink.DIAL_IN}
        assert len(expected) > 3
        assert {m.dialect for m in expected.values()} == {"text-once", "hex-once", "text-every-packet"}
        silent = (await served.ask(do="silence", modems="planted", on=False))["silence"]
        seen: dict[str, Any] = {}
        while len(seen) < len(expected):
            reader, writer = await asyncio.wait_for(calls.get(), 10)
            head = await reader.read(256)
            (modem,) = [m for m in expected.values() if _registers(m, head)]
            seen[modem.registration] = (modem, reader, writer, head)
        for modem, reader, writer, head in seen.values():
            meter = next(m for m in served.register.meters if m.modem == modem.code)
            talk = Dialled(reader, writer, meter, modem.dialect, head)
            await talk.exchange(talk.client.associate())
            rows = await talk.profile(EPOCH - timedelta(days=20), EPOCH)
            assert len(rows.stamps) > 900
            await asyncio.sleep(0.12)
            assert (await talk.number(talk.model.serial)).decode() == meter.serial
            assert talk.beats > 0
        assert silent
    for writer in accepted:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    listener.close()


def _registers(modem, head):
    try:
        events = ModemStream(modem.dialect).feed(head)
    except ProtocolError:
        return False
    return bool(events) and events[0] == Registered(modem.registration)


class Dialled(Reading):
    """A conversation through a modem that speaks in between."""

    def __init__(self, reader, writer, meter, dialect, head):
        super().__init__(self, writer, meter)
        self.wire, self.stream, self.beats = reader, ModemStream(dialect), 0
        self.pending = b""
        self._sort(self.stream.feed(head))

    def _sort(self, events):
        for event in events:
            if isinstance(event, Payload):
                self.pending += event.raw
            elif isinstance(event, Heartbeat):
                self.beats += 1
                if event.reply:
                    self.writer.write(event.reply)

    async def read(self, limit):
        while not self.pending:
            chunk = await self.wire.read(limit)
            assert chunk
            self._sort(self.stream.feed(chunk))
        taken, self.pending = self.pending, b""
        return taken
