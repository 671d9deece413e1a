"""The Modbus meters of a fleet, read by pymodbus."""

from datetime import datetime

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from model.period import LOCAL
from model.series import Channel
from protocols import meter_models
from simulators import halfhours
from tests.served_fleet import EPOCH, running, truth_of


async def test_modbus_meters_answer_pymodbus():
    async with running() as served:
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


async def test_a_silent_modbus_modem_recovers():
    async with running() as served:
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


async def test_the_logger_of_a_modbus_meter_holds_its_half_hours():
    async with running() as served:
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
