"""A simulated fleet served in the test's own process, and conversations with its meters."""

import asyncio
import contextlib
import io
import json
import os
from datetime import datetime

from model.grid import ModemLink, Register
from model.jsonform import from_json
from model.period import LOCAL
from protocols import meter_models
from protocols.dlms import axdr, objects
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.events import Got, Send
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import RangeSelection
from simulators import fleet
from simulators.options import Options

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)


class Lines(io.StringIO):
    """Standard output as a queue of documents."""

    def __init__(self):
        super().__init__()
        self.documents = asyncio.Queue()

    def write(self, text):
        self.documents.put_nowait(json.loads(text))
        return len(text)


class Running:
    """A fleet that serves, and the other ends of its stdin and stdout."""

    def __init__(self, pen, out, ready):
        self.pen, self.out, self.ready = pen, out, ready
        self.register = from_json(Register, ready["register"])

    async def ask(self, **order):
        os.write(self.pen, (json.dumps(order) + "\n").encode())
        return await asyncio.wait_for(self.out.documents.get(), 5)

    def meter(self, serial):
        return next(meter for meter in self.register.meters if meter.serial == serial)

    def modem(self, code):
        return next(modem for modem in self.register.modems if modem.code == code)

    def reachable(self, model):
        """The first meter of a model behind a modem that can be called."""
        for meter in self.register.meters:
            if meter.model == model and self.modem(meter.modem).link is ModemLink.DIAL_OUT:
                return meter
        raise AssertionError(model)


@contextlib.asynccontextmanager
async def running(**options):
    """A fleet in this process, on the ports from 20000 that are free."""
    paper, pen = os.pipe()
    out = Lines()
    settings = Options(**{"seed": 7, "epoch": EPOCH, "as_of": EPOCH, **options})
    serving = asyncio.create_task(fleet.serve(settings, stdin=paper, stdout=out))
    first = asyncio.create_task(out.documents.get())
    await asyncio.wait({serving, first}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        first.cancel()
        os.close(paper)
        os.close(pen)
        await serving
    try:
        yield Running(pen, out, first.result())
    finally:
        os.close(pen)
        await asyncio.wait_for(serving, 5)
        os.close(paper)


class Reading:
    """One DLMS conversation."""

    def __init__(self, reader, writer, meter, password=...):
        self.model = meter_models.load(meter.model)
        settings = self.model.dlms
        secret = meter.password.encode() if password is ... else password
        self.client = ClientConnection(
            ClientSettings(settings.client, meter.address, settings.mechanism, secret, max_pdu=1024)
        )
        self.reader, self.writer = reader, writer
        self.raw = b""

    async def exchange(self, request):
        self.writer.write(request)
        self.frames = 0
        while True:
            chunk = await asyncio.wait_for(self.reader.read(65536), 3)
            assert chunk, "the modem hung up"
            events = self.client.receive(chunk)
            self.frames += 1
            for event in events:
                if isinstance(event, Send):
                    self.writer.write(event.raw)
                else:
                    return event

    async def get(self, attribute, selection=None):
        event = await self.exchange(self.client.get(attribute, selection))
        assert isinstance(event, Got), event
        return event.result

    async def number(self, attribute):
        return axdr.decode(await self.get(attribute)).value

    async def profile(self, first, last):
        profile = self.model.profile
        selection = RangeSelection(first, last, deviation=self.model.dlms.range_with_deviation)
        raw = await self.get(objects.buffer(profile.obis), selection)
        return decode_rows(raw, profile.captures, LOCAL, profile.interval_seconds)


@contextlib.asynccontextmanager
async def reading(served, meter, **options):
    modem = served.modem(meter.modem)
    reader, writer = await asyncio.open_connection(modem.host, modem.port)
    try:
        talk = Reading(reader, writer, meter, **options)
        await talk.exchange(talk.client.associate())
        yield talk
    finally:
        writer.close()


def truth_of(answer, serial):
    found = answer["truth"]["registers"][serial]
    return found["to"] - found["from"]
