"""A fleet on its sockets, read with our own codecs: this proves the plumbing, not the protocols."""

import asyncio
import contextlib
import io
import json
import os
from datetime import datetime, timedelta

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from model.grid import ModemLink, Register
from model.jsonform import from_json
from model.period import LOCAL
from model.series import Channel, Rate
from protocols import meter_models
from protocols.dlms import axdr, objects
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.clock import read_clock
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import Got, Send
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import AssociationRefused, DecodeError, ProtocolError
from protocols.modem.stream import Heartbeat, ModemStream, Payload, Registered
from simulators import fleet, halfhours, modems
from simulators.errors import ReplayError, SimulatorError
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
async def running(port, **options):
    paper, pen = os.pipe()
    out = Lines()
    settings = Options(**{"seed": 7, "epoch": EPOCH, "as_of": EPOCH, "port_from": port, **options})
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


async def test_a_dlms_meter_tells_its_serial_clock_registers_and_month(free_port):
    async with running(free_port) as served:
        for model in ("dk-1p", "dk-1p-5", "dk-3p", "dk-3p-ct", "dk-head"):
            meter = served.reachable(model)
            async with reading(served, meter) as talk:
                assert (await talk.number(talk.model.serial)).decode() == meter.serial
                assert read_clock(await talk.number(talk.model.clock)) == EPOCH
                for item in talk.model.registers:
                    assert await talk.number(item.place.dlms) > 0
                    scaler = axdr.decode(await talk.get(objects.scaler_unit(item.place.dlms.obis)))
                    assert objects.ScalerUnit.from_data(scaler) == objects.ScalerUnit(
                        item.place.scaler, item.place.unit
                    )
                for item in talk.model.instants:
                    assert await talk.number(item.place.dlms) >= 0
                listed = axdr.decode(await talk.get(objects.capture_objects(talk.model.profile.obis)))
                assert objects.read_capture_objects(listed) == talk.model.profile.captures
                raw = await talk.get(objects.buffer(talk.model.billing.obis))
                rows = decode_rows(raw, talk.model.billing.captures, LOCAL)
                months = [datetime(2026, month, 1, tzinfo=LOCAL) for month in (8, 9, 10)]
                assert [halfhours.at_second(int(stamp)) for stamp in rows.stamps] == months


@pytest.mark.parametrize("model", ["dk-1p", "dk-1p-5", "dk-3p", "dk-3p-ct", "dk-head"])
async def test_the_columns_of_a_profile_tell_scaler_unit_and_their_last_value(free_port, model):
    async with running(free_port) as served:
        meter = served.reachable(model)
        async with reading(served, meter) as talk:
            rows = await talk.profile(EPOCH - timedelta(hours=1), EPOCH)
            for column in talk.model.profile.columns:
                at = column.place.dlms
                said = axdr.decode(await talk.get(objects.scaler_unit(at.obis, at.class_id)))
                assert objects.ScalerUnit.from_data(said) == objects.ScalerUnit(
                    column.place.scaler, column.place.unit
                )
                last = rows.column(str(at.obis), at.number).values[-1]
                if column.kind.value == "index":  # goes on counting after the half-hour
                    assert await talk.number(at) >= last
                else:
                    assert await talk.number(at) == last


@pytest.mark.parametrize("model", ["dk-1p", "dk-1p-5", "dk-3p", "dk-3p-ct", "dk-head"])
async def test_the_half_hours_of_a_month_are_what_the_registers_moved(free_port, model):
    month = (datetime(2026, 9, 1, tzinfo=LOCAL), datetime(2026, 10, 1, tzinfo=LOCAL))
    async with running(free_port) as served:
        meter = served.reachable(model)
        told = await served.ask(do="truth", **{"from": month[0].isoformat(), "to": month[1].isoformat()})
        point = next(i.point for i in served.register.installations if i.serial == meter.serial)
        multiplier = next(int(p.multipliers[0].value) for p in served.register.points if p.code == point)
        async with reading(served, meter) as talk:
            begin = month[0] if model == "dk-1p-5" else month[0] + timedelta(minutes=30)
            rows = await talk.profile(begin, month[1])
            assert talk.frames > 5  # came in blocks
            column = talk.model.profile.columns[0]
            values = rows.column(str(column.place.dlms.obis), column.place.dlms.number).values
            assert np.all(np.diff(rows.stamps) == 1800)
            match column.kind.value:
                case "index":
                    modulus = talk.model.modulus(column.place)
                    wh = int((np.diff(values) % modulus).sum()) * 10
                case "mean_power":
                    wh = int(values.sum()) // 2
                case _:
                    wh = int(values.sum())
            assert len(values) == 30 * 48 + (model == "dk-1p-5")
            assert wh * multiplier == truth_of(told, meter.serial)


async def test_entries_ranges_and_refusals(free_port):
    async with running(free_port) as served:
        meter = served.reachable("dk-1p")
        async with reading(served, meter) as talk:
            buffer = objects.buffer(talk.model.profile.obis)
            oldest = decode_rows(
                await talk.get(buffer, EntrySelection(1, 3)), talk.model.profile.captures, LOCAL
            )
            assert [halfhours.at_second(int(s)) for s in oldest.stamps] == [
                datetime(2026, 8, 1, hour, minute, tzinfo=LOCAL)
                for hour, minute in ((0, 30), (1, 0), (1, 30))
            ]
            nothing = await talk.profile(EPOCH, EPOCH + timedelta(days=1))
            assert len(nothing.stamps) == 0
            newest = await talk.profile(EPOCH - timedelta(hours=1), EPOCH + timedelta(days=1))
            assert halfhours.at_second(int(newest.stamps[-1])) == datetime(2026, 10, 20, 9, 0, tzinfo=LOCAL)
            wrong_form = RangeSelection(EPOCH - timedelta(hours=1), EPOCH, deviation=False)
            assert await talk.get(buffer, wrong_form) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
            unknown = objects.register(objects.Obis.parse("1.0.99.9.9"))
            assert await talk.get(unknown) is DataAccessResult.OBJECT_UNDEFINED
        with pytest.raises(AssociationRefused):
            async with reading(served, meter, password=b"WRONGONE"):
                pass


async def test_the_removed_meter_on_the_bench_still_tells_its_past(free_port):
    async with running(free_port) as served:
        (removed,) = [i for i in served.register.installations if i.until is not None]
        meter = served.meter(removed.serial)
        assert meter.modem == "BENCH-1"
        successor = next(
            i
            for i in served.register.installations
            if i.point == removed.point and i.serial != removed.serial
        )
        assert successor.since == removed.until
        async with reading(served, meter) as talk:
            rows = await talk.profile(removed.since, EPOCH)
            assert halfhours.at_second(int(rows.stamps[-1])) == removed.until
            register = talk.model.register(Channel.ACTIVE_IMPORT).place.dlms
            assert await talk.number(register) == removed.last_index["KT"]
            values = rows.column("1.0.1.29.0.255").values
            assert values.sum() == removed.last_index["KT"] - removed.first_index["KT"]


async def test_three_rates_add_up(free_port):
    async with running(free_port) as served:
        async with reading(served, served.reachable("dk-3p-ct")) as talk:
            by_rate = {
                item.key.rate: await talk.number(item.place.dlms)
                for item in talk.model.registers
                if item.key.channel is Channel.ACTIVE_IMPORT
            }
        assert by_rate[Rate.TOTAL] == by_rate[Rate.NORMAL] + by_rate[Rate.PEAK] + by_rate[Rate.OFFPEAK]


async def test_one_answer_is_spoiled_so_that_it_shows(free_port):
    async with running(free_port) as served:
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


async def test_a_silent_modem_takes_everything_and_answers_nothing(free_port):
    async with running(free_port) as served:
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


async def test_before_its_time_the_silent_modem_answers(free_port):
    async with running(free_port, as_of=EPOCH - timedelta(days=4)) as served:
        planted = (await served.ask(do="truth", **{"from": "2026-09-01", "to": "2026-10-01"}))["truth"][
            "planted"
        ]
        (serial,) = [fault["meter"] for fault in planted if fault["kind"] == "modem_silent"]
        async with reading(served, served.meter(serial)) as talk:
            assert read_clock(await talk.number(talk.model.clock)) == EPOCH - timedelta(days=4)
            await served.ask(do="clock", at=(EPOCH - timedelta(days=3, hours=2)).isoformat())
            assert read_clock(await talk.number(talk.model.clock)) == EPOCH - timedelta(days=3, hours=2)


async def test_orders_that_make_no_sense_are_answered_with_a_sentence(free_port):
    async with running(free_port) as served:
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


async def test_modbus_meters_answer_pymodbus(free_port):
    async with running(free_port) as served:
        for name in ("dk-mb", "dk-mb-log"):
            meter, model = served.reachable(name), meter_models.load(name)
            modem = served.modem(meter.modem)
            async with AsyncModbusTcpClient(modem.host, port=modem.port, timeout=2, retries=0) as client:
                place = model.register(Channel.ACTIVE_IMPORT).place
                answer = await client.read_holding_registers(
                    place.modbus.address, count=2, device_id=meter.address
                )
                wh = place.decode(answer.registers)
                told = await served.ask(do="truth", **{"from": "2026-08-01", "to": EPOCH.isoformat()})
                assert wh == told["truth"]["registers"][meter.serial]["to"]
                block = await client.read_holding_registers(0, count=17, device_id=meter.address)
                assert not block.isError()
                assert 2000 < block.registers[10] < 2400  # tenths of a volt
                text = await client.read_holding_registers(
                    model.modbus.serial, count=model.modbus.serial_words, device_id=meter.address
                )
                raw = b"".join(word.to_bytes(2, "big") for word in text.registers)
                assert raw.rstrip(b"\0").decode() == meter.serial
                assert (await client.read_holding_registers(5000, count=1, device_id=meter.address)).isError()
                assert (await client.read_input_registers(0, count=2, device_id=meter.address)).isError()


async def test_a_silent_modbus_modem_recovers(free_port):
    async with running(free_port) as served:
        meter = served.reachable("dk-mb")
        modem = served.modem(meter.modem)
        await served.ask(do="silence", modems=[meter.modem], on=True)
        async with AsyncModbusTcpClient(modem.host, port=modem.port, timeout=0.2, retries=0) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(0, count=2, device_id=meter.address)
        await served.ask(do="silence", modems=[meter.modem], on=False)
        async with AsyncModbusTcpClient(modem.host, port=modem.port, timeout=0.2, retries=0) as client:
            assert not (await client.read_holding_registers(0, count=2, device_id=meter.address)).isError()
            # A unit nobody has is silent, as on a bus, and costs its neighbours nothing.
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(0, count=2, device_id=77)


async def test_the_logger_of_a_modbus_meter_holds_its_half_hours(free_port):
    async with running(free_port) as served:
        meter, model = served.reachable("dk-mb-log"), meter_models.load("dk-mb-log")
        log, modem = model.modbus.logger, served.modem(meter.modem)
        async with AsyncModbusTcpClient(modem.host, port=modem.port, timeout=2, retries=0) as client:

            async def words(address, count):
                answer = await client.read_holding_registers(address, count=count, device_id=meter.address)
                assert not answer.isError()
                return answer.registers

            oldest = log.pointer(log.oldest).decode(await words(log.oldest, 2))
            newest = log.pointer(log.newest).decode(await words(log.newest, 2))
            indices = []
            for first in range(oldest, newest + 1, log.window_records):
                select = list(log.pointer(log.select).encode(first))
                assert not (
                    await client.write_registers(log.select, select, device_id=meter.address)
                ).isError()
                block = log.block(min(log.window_records, newest + 1 - first))
                rows = log.decode(await words(block.address, block.count), LOCAL)
                if first == oldest:
                    began = halfhours.at_second(int(rows.stamps[0]))
                indices += rows.columns["index"].tolist()
            assert began == datetime(2026, 8, 1, tzinfo=LOCAL)
            assert halfhours.at_second(int(rows.stamps[-1])) == datetime(2026, 10, 20, 9, 0, tzinfo=LOCAL)
            told = await served.ask(do="truth", **{"from": "2026-08-01", "to": "2026-10-20T09:00"})
            assert indices[-1] - indices[0] == truth_of(told, meter.serial)
            await served.ask(do="corrupt", answers=1)
            spoiled = await client.read_holding_registers(log.window, count=50, device_id=meter.address)
            assert spoiled.isError() or len(spoiled.registers) == 49


async def test_modems_dial_in_with_their_dialect_and_live_by_heartbeats(free_port, free_ports, monkeypatch):
    monkeypatch.setattr(modems, "HEARTBEAT_S", 0.05)
    calls: asyncio.Queue = asyncio.Queue()
    accepted = []

    async def accept(reader, writer):
        accepted.append(writer)
        await calls.put((reader, writer))

    listener = await asyncio.start_server(accept, "127.0.0.1", port := free_ports())
    async with running(free_port, dial_in_to=("127.0.0.1", port)) as served:
        expected = {m.registration: m for m in served.register.modems if m.link is ModemLink.DIAL_IN}
        assert len(expected) > 3
        assert {m.dialect for m in expected.values()} == {"text-once", "hex-once", "text-every-packet"}
        silent = (await served.ask(do="silence", modems="planted", on=False))["silence"]
        seen = {}
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


async def test_a_replayed_file_comes_back_value_for_value(free_port, tmp_path):
    path = tmp_path / "house.csv"
    start = datetime(2024, 5, 6, tzinfo=LOCAL)
    rng = np.random.default_rng(5)
    wh = rng.integers(0, 3000, 3000)
    kept = [i for i in range(3000) if not 700 <= i < 760]
    path.write_text(
        "meter,timestamp,kwh\n"
        + "".join(f"H-1,{(start + i * timedelta(minutes=30)).isoformat()},{wh[i] / 1000}\n" for i in kept)
    )
    async with running(free_port, replay=path) as served:
        (meter,) = served.register.meters
        assert (meter.serial, served.ready["replay"]["kept"]) == ("H-1", len(kept))
        (installation,) = served.register.installations
        shift = installation.since - start
        assert shift % timedelta(weeks=1) == timedelta(0)
        async with reading(served, meter) as talk:
            rows = await talk.profile(installation.since, EPOCH)
            values = rows.column("1.0.1.29.0.255").values
            got = {
                halfhours.at_second(int(s) - 1800) - shift: int(v)
                for s, v in zip(rows.stamps, values, strict=True)
            }
        assert got == {start + i * timedelta(minutes=30): int(wh[i]) for i in kept}


async def test_what_cannot_be_served_is_one_sentence(free_port, tmp_path, monkeypatch):
    bad = tmp_path / "bad.csv"
    bad.write_text("meter,kwh\n")
    with pytest.raises(ReplayError, match="no column timestamp"):
        async with running(free_port, replay=bad):
            pass
    with pytest.raises(SimulatorError, match="no address of this machine"):
        async with running(free_port, host="192.0.2.1"):
            pass
    monkeypatch.setattr("simulators.ports.HIGHEST_PORT", free_port + 3)
    with pytest.raises(SimulatorError, match="ports are free"):
        async with running(free_port):
            pass


async def test_two_fleets_pass_each_other_by(free_port):
    async with running(free_port, customers=20) as one, running(free_port, customers=20) as other:
        ports = [m.port for each in (one, other) for m in each.register.modems]
        assert len(set(ports)) == len(ports)


async def test_a_fleet_can_be_started_again_on_the_same_ports(free_port):
    async with running(free_port, customers=20) as served:
        first = served.register
        async with reading(served, served.reachable("dk-1p")):
            pass
    async with running(free_port, customers=20) as served:
        assert served.register == first
