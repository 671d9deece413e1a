"""Maps of Modbus meters: every register has its code, place and source; what makes no sense is told."""

import pytest

from model.series import Channel, Rate, Unit
from protocols.errors import LocalError
from protocols.meter_models import load, names
from protocols.meter_models.model import MeterModel, Quantity, Speech
from protocols.meter_models.reading import read_model
from protocols.modbus.framing import Carrier
from protocols.modbus.registers import WordOrder
from protocols.obis import Obis, obis

MODBUS = [name for name in names() if load(name).speech is Speech.MODBUS]
REAL = [name for name in MODBUS if not load(name).simulated]
CODES = {
    Quantity.VOLTAGE_1: {"1.0.32.7.0"},
    Quantity.VOLTAGE_2: {"1.0.52.7.0"},
    Quantity.VOLTAGE_3: {"1.0.72.7.0"},
    Quantity.CURRENT_1: {"1.0.31.7.0"},
    Quantity.CURRENT_2: {"1.0.51.7.0"},
    Quantity.CURRENT_3: {"1.0.71.7.0"},
    Quantity.POWER: {"1.0.16.7.0", "1.0.1.7.0"},
    Quantity.REACTIVE: {"1.0.3.7.0"},
    Quantity.COS_PHI: {"1.0.13.7.0"},
    Quantity.FREQUENCY: {"1.0.14.7.0"},
}
SMALL = """
name = "x"
title = "t"
maker = "m"
source = "s"
protocol = "modbus"
phases = 1
values = "primary"
[modbus]
[[register]]
channel = "active_import"
obis = "1.0.1.8.0"
address = 0
type = "u32"
unit = "Wh"
"""
INSTANT = """[[instant]]
quantity = "power"
obis = "1.0.1.8.0"
address = 9
type = "u16"
unit = "W"
"""
LOGGER = """[modbus.logger]
oldest = 1
newest = 3
select = 5
window = 10
window_records = 1
record_words = 2
interval_seconds = 1800
epoch = 2000-01-01T00:00:00
"""
AGAIN = """[[register]]
channel = "active_import"
obis = "1.0.1.8.1"
address = 4
type = "u32"
unit = "Wh"
"""


def test_eight_families_of_real_meters_beside_the_first_one() -> None:
    makers = {load(name).maker for name in REAL} - {"Eastron"}
    assert len(makers) >= 8
    assert all("volkszaehler/mbmd" in load(name).source for name in REAL)


@pytest.mark.parametrize("name", MODBUS)
def test_every_register_has_the_code_of_what_it_measures(name: str) -> None:
    model = load(name)
    for item in model.registers:
        channel, rate = item.key.channel, item.key.rate
        assert item.place.obis == Obis(1, 0, channel.value, 8, rate.value)
        active = channel in (Channel.ACTIVE_IMPORT, Channel.ACTIVE_EXPORT)
        assert item.place.unit is (Unit.WATT_HOUR if active else Unit.VAR_HOUR)
    for quantity in model.instants:
        assert quantity.place.obis in {obis(code) for code in CODES[quantity.quantity]}
    for _, column in model.logger_columns:
        assert column.place.obis == Obis(1, 0, column.channel.value, 8, Rate.TOTAL.value)


@pytest.mark.parametrize("name", MODBUS)
def test_no_register_lies_in_another_and_every_read_is_allowed(name: str) -> None:
    model = load(name)
    places = [item.place for item in model.registers] + [item.place for item in model.instants]
    taken = [at for p in places for at in range(p.modbus.address, p.modbus.address + p.modbus.type.words)]
    assert len(set(taken)) == len(taken)
    plan = model.modbus.plan(places)
    assert all(block.count <= model.modbus.max_count for block in plan)
    assert all(any(block.holds(place.modbus) for block in plan) for place in places)


@pytest.mark.parametrize("name", MODBUS)
def test_its_numbers_come_back(name: str) -> None:
    model = load(name)
    for item in model.registers:
        assert item.place.decode(item.place.encode(123_456)) == 123_456
    for quantity in model.instants:
        assert quantity.place.decode(quantity.place.encode(999)) == 999


def test_what_meters_are_particular_about_is_in_their_files() -> None:
    assert load("carlo-gavazzi-em340").registers[0].place.modbus.order is WordOrder.LITTLE
    assert load("saia-ale3").modbus.max_count == 20
    assert load("abb-b23").registers[0].place.modbus.highest_is_none
    assert not load("eastron-sdm120").registers[0].place.modbus.highest_is_none
    carriers = {name: load(name).modbus.carrier for name in MODBUS}
    assert {name for name, carrier in carriers.items() if carrier is Carrier.MBAP} == {
        name for name in MODBUS if load(name).simulated
    }


def small(old: str = "", new: str = "") -> MeterModel:
    assert old in SMALL
    return read_model("x", SMALL.replace(old, new, 1))


def test_a_register_may_differ_from_its_file() -> None:
    assert small().modbus.max_count == 125
    assert small().registers[0].place.modbus.order is WordOrder.BIG
    swapped = small('unit = "Wh"', 'unit = "Wh"\nword_order = "little"')
    assert swapped.registers[0].place.modbus.order is WordOrder.LITTLE
    long = small('type = "u32"', 'type = "i48"').registers[0].place
    assert long.decode((0xFFFF, 0xFFFF, 0xFFFE)) == -2
    assert long.encode(1 << 40) == (0x100, 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('obis = "1.0.1.8.0"\n', "", "'obis' is missing"),
        ("[modbus]\n", "[modbus]\nmax_count = 126\n", "4 to 125 registers"),
        ("[modbus]\n", '[modbus]\nframing = "ascii"\n', "'framing' is one of 'mbap', 'rtu'"),
        ("[modbus]\n", "[modbus]\nclock_address = 1\n", "a clock needs its epoch"),
        ("[modbus]\n", "[modbus]\nserial_address = 1\n", "a serial its number of words"),
        ('unit = "Wh"', 'unit = "Wh"\nexponent = 3', "belongs to a float"),
        ("address = 0", "address = 65535", "cannot be read"),
        ('type = "u32"', 'type = "u24"', "'type' is one of"),
        ("[modbus]\n", "", "belongs to a meter that speaks it"),
        ("[[register]]", INSTANT + "[[register]]", "each OBIS code"),
        ("[[register]]", '[dlms]\nauth = "none"\nclient = 16\n[[register]]', "a .dlms. table belongs"),
        ("[[register]]", LOGGER + "[[register]]", "a record needs a stamp"),
        ("values", 'serial = "0.0.96.1.0"\nvalues', "belong to DLMS meters"),
        ("[[register]]", AGAIN + "[[register]]", "described once"),
    ],
)
def test_what_makes_no_sense_is_told(old: str, new: str, why: str) -> None:
    with pytest.raises(LocalError, match=why):
        small(old, new)
