"""A fleet on its sockets, read with our own codecs: this proves the plumbing, not the protocols."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from model.period import LOCAL
from model.series import Channel, Rate
from protocols.dlms import axdr, objects
from protocols.dlms.clock import read_clock
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import AssociationRefused
from protocols.obis import Obis
from simulators import halfhours
from simulators.errors import ReplayError, SimulatorError
from tests.served_fleet import EPOCH, reading, running, truth_of


async def test_a_dlms_meter_tells_its_serial_clock_registers_and_month():
    async with running() as served:
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
async def test_the_columns_of_a_profile_tell_scaler_unit_and_their_last_value(model):
    async with running() as served:
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
async def test_the_half_hours_of_a_month_are_what_the_registers_moved(model):
    month = (datetime(2026, 9, 1, tzinfo=LOCAL), datetime(2026, 10, 1, tzinfo=LOCAL))
    async with running() as served:
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


async def test_entries_ranges_and_refusals():
    async with running() as served:
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
            unknown = objects.register(Obis.parse("1.0.99.9.9"))
            assert await talk.get(unknown) is DataAccessResult.OBJECT_UNDEFINED
        with pytest.raises(AssociationRefused):
            async with reading(served, meter, password=b"WRONGONE"):
                pass


async def test_the_removed_meter_on_the_bench_still_tells_its_past():
    async with running() as served:
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


async def test_three_rates_add_up():
    async with running() as served:
        async with reading(served, served.reachable("dk-3p-ct")) as talk:
            by_rate = {
                item.key.rate: await talk.number(item.place.dlms)
                for item in talk.model.registers
                if item.key.channel is Channel.ACTIVE_IMPORT
            }
        assert by_rate[Rate.TOTAL] == by_rate[Rate.NORMAL] + by_rate[Rate.PEAK] + by_rate[Rate.OFFPEAK]


async def test_a_replayed_file_comes_back_value_for_value(tmp_path):
    path = tmp_path / "house.csv"
    start = datetime(2024, 5, 6, tzinfo=LOCAL)
    rng = np.random.default_rng(5)
    wh = rng.integers(0, 3000, 3000)
    kept = [i for i in range(3000) if not 700 <= i < 760]
    path.write_text(
        "meter,timestamp,kwh\n"
        + "".join(f"H-1,{(start + i * timedelta(minutes=30)).isoformat()},{wh[i] / 1000}\n" for i in kept)
    )
    async with running(replay=path) as served:
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
        async with running(replay=bad):
            pass
    with pytest.raises(SimulatorError, match="no address of this machine"):
        async with running(host="192.0.2.1"):
            pass
    monkeypatch.setattr("simulators.ports.HIGHEST_PORT", free_port + 3)
    with pytest.raises(SimulatorError, match="ports are free"):
        async with running(port_from=free_port):
            pass


async def test_two_fleets_pass_each_other_by():
    async with running(customers=20) as one, running(customers=20) as other:
        ports = [m.port for each in (one, other) for m in each.register.modems]
        assert len(set(ports)) == len(ports)


async def test_a_fleet_can_be_started_again_on_the_same_ports(free_port):
    async with running(port_from=free_port, customers=20) as served:
        first = served.register
        async with reading(served, served.reachable("dk-1p")):
            pass
    async with running(port_from=free_port, customers=20) as served:
        assert served.register == first
