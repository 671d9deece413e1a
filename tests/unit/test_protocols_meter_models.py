"""Meter model files: what they must say, and one sentence for what they may not."""

import pytest

from model.series import Channel, ProfileKind, Rate, Unit
from protocols.dlms.enums import Mechanism
from protocols.errors import LocalError
from protocols.meter_models import load, names
from protocols.meter_models.model import MeterModel, Quantity, Speech
from protocols.meter_models.reading import read_model

SMALL = """
name = "x"
title = "t"
maker = "m"
source = "s"
protocol = "dlms"
phases = 1
digits = 6
values = "primary"
[dlms]
auth = "none"
client = 16
[[register]]
channel = "active_import"
obis = "1.0.1.8.0"
unit = "Wh"
"""


@pytest.mark.parametrize("name", names())
def test_every_model_is_whole(name: str) -> None:
    model = load(name)
    assert model.source
    total = model.register(Channel.ACTIVE_IMPORT)
    assert total.place.unit is Unit.WATT_HOUR
    if model.speech is Speech.DLMS:
        assert model.serial is not None
        assert model.clock is not None
        assert total.place.dlms.class_id == 3
        keyed = name == "dk-1p-s"
        opens = (Mechanism.HLS_GMAC, 1) if keyed else (Mechanism.LLS, 17)
        assert (model.dlms.mechanism, model.dlms.client) == opens
        assert (model.dlms.keyed is not None) is keyed
        with pytest.raises(LocalError):
            total.place.modbus  # noqa: B018
        with pytest.raises(LocalError):
            model.modbus  # noqa: B018
    elif model.speech is Speech.MODBUS:
        assert total.place.modbus.type.words in (2, 4)
        with pytest.raises(LocalError):
            model.dlms  # noqa: B018
    quantities = {item.quantity for item in model.instants}
    assert {Quantity.VOLTAGE_1, Quantity.CURRENT_1, Quantity.POWER} <= quantities
    assert (Quantity.VOLTAGE_3 in quantities) == (model.phases == 3)


def test_the_kinds_of_profile_there_are() -> None:
    kinds = {name: load(name).profile for name in ("dk-1p", "dk-1p-5", "dk-3p", "dk-head", "dk-mb")}
    found = {name: profile and profile.columns[0].kind for name, profile in kinds.items()}
    assert found == {
        "dk-1p": ProfileKind.INTERVAL_ENERGY,
        "dk-1p-5": ProfileKind.INDEX,
        "dk-3p": ProfileKind.MEAN_POWER,
        "dk-head": ProfileKind.INTERVAL_ENERGY,
        "dk-mb": None,
    }
    demand = load("dk-3p").profile
    assert demand is not None
    assert [(column.class_id, column.attribute) for column in demand.captures] == [
        (8, 2),
        (1, 2),
        (5, 3),
        (5, 3),
    ]


def test_secondary_values_belong_to_meters_behind_transformers() -> None:
    assert {name for name in names() if load(name).values_secondary} == {
        "dk-3p-ct",
        "dk-a1700",
        "dk-head",
    }


def test_registers_start_again_where_their_digits_end() -> None:
    five, six = load("dk-1p-5"), load("dk-1p")
    assert five.modulus(five.registers[0].place) == 100_000 * 100  # in tens of Wh
    assert six.modulus(six.registers[0].place) == 1_000_000 * 1000
    assert six.modulus(six.registers[0].place, 5) == 100_000 * 1000
    assert six.modulus(six.instants[0].place) is None
    real = load("eastron-sdm630")
    assert real.modulus(real.registers[0].place) is None


def test_three_rates_are_there_and_in_the_billing_profile() -> None:
    model = load("dk-3p")
    assert {item.key.rate for item in model.registers if item.key.channel is Channel.ACTIVE_IMPORT} == set(
        Rate
    )
    assert model.billing is not None
    assert [str(column.obis) for column in model.billing.captures[:3]] == [
        "0.0.1.0.0.255",
        "1.0.1.8.0.255",
        "1.0.1.8.1.255",
    ]
    with pytest.raises(LocalError, match="has no register ACTIVE_EXPORT"):
        model.register(Channel.ACTIVE_EXPORT)


def test_a_small_file_is_enough() -> None:
    model = read_model("x", SMALL)
    assert isinstance(model, MeterModel)
    assert model.profile is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("digits = 6", "digits = 6\ncolour = 1", "'colour' means nothing here"),
        ("digits = 6", 'digits = "6"', "'digits' must be int"),
        ("digits = 6", "digits = 60", "4 to 9"),
        ("phases = 1", "phases = 2", "1 or 3 phases"),
        ("phases = 1\n", "", "'phases' is missing"),
        ('unit = "Wh"', 'unit = "kWh"', "'unit' is one of"),
        ('unit = "Wh"', 'unit = "Wh"\naddress = 1', "'address' means nothing"),
        ("1.0.1.8.0", "1.0.1.8", "is not an OBIS code"),
        ('name = "x"', 'name = "y"', "not the name of the file"),
        ('protocol = "dlms"', 'protocol = "modbus"', "means nothing|is missing"),
        ("[dlms]", "[dlms", "no TOML"),
        (
            "[[register]]",
            '[billing]\nobis = "1.0.98.1.0"\nentries = 1\nregisters = ["a"]\n[[register]]',
            "none of the",
        ),
        (
            "[[register]]",
            '[profile]\nobis = "1.0.99.1.0"\nentries = 1\ninterval_seconds = 7\n[[register]]',
            "divides",
        ),
        (
            "[[register]]",
            '[profile]\nstamp = "begin"\n[[register]]',
            "stamped at the end",
        ),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(old: str, new: str, why: str) -> None:
    assert old in SMALL
    with pytest.raises(LocalError, match=why) as told:
        read_model("x", SMALL.replace(old, new))
    assert told.value.reason.startswith("meter model x")
    assert "\n" not in told.value.reason


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with pytest.raises(LocalError, match="dk-1p, dk-1p-5"):
        load("a1700")
