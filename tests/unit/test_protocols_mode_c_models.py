"""What a model file may say about a mode C meter, and one sentence for what it may not."""

import pytest

from model.series import Channel, ProfileKind, Rate
from protocols.errors import LocalError
from protocols.iec62056_21.characters import Parity
from protocols.iec62056_21.profile import StampAt
from protocols.meter_models import load
from protocols.meter_models.mode_c import Access, DeviceAddress, ModeCSettings
from protocols.meter_models.model import Place, Speech
from protocols.meter_models.reading import read_model
from protocols.obis import obis

SMALL = """
name = "x"
title = "t"
maker = "m"
source = "s"
protocol = "iec62056-21"
phases = 1
values = "primary"
[mode_c]
[[register]]
channel = "active_import"
obis = "1.0.1.8.0"
unit = "Wh"
"""


def test_the_meter_after_the_a1700() -> None:
    model = load("dk-a1700")
    assert model.speech is Speech.MODE_C
    assert model.simulated
    assert "not public" not in model.source  # the file says in its remarks what it does not know
    how = model.mode_c
    assert (how.device_address, how.access, how.read_profile) == (DeviceAddress.SERIAL, Access.COMMANDS, "R6")
    assert (how.block_lines, how.stamp_at) == (48, StampAt.END)
    assert model.register(Channel.ACTIVE_IMPORT, Rate.OFFPEAK).place.named == obis("1.0.1.8.3")
    assert model.profile is not None
    assert [column.kind for column in model.profile.columns] == [ProfileKind.INTERVAL_ENERGY] * 2
    for wrong in (lambda: model.dlms, lambda: model.modbus, lambda: model.registers[0].place.dlms):
        with pytest.raises(LocalError):
            wrong()
    with pytest.raises(LocalError, match="does not speak IEC 62056-21"):
        load("dk-1p").mode_c  # noqa: B018


def test_an_empty_table_is_enough() -> None:
    model = read_model("x", SMALL)
    assert model.mode_c == ModeCSettings()
    assert (model.clock, model.serial, model.profile) == (None, None, None)


def test_everything_a_table_may_say() -> None:
    table = (
        '[mode_c]\ndevice_address = "number"\naccess = "readout"\npassword_level = "2"\nread = "R1"\n'
        'read_profile = "R5"\nstamp = "begin"\ndate = "0.9.4"\ntime = "0.9.3"\nserial = ""\n'
        'parity = "even"\nopening_bps = 9600\nbaud = "5"'
    )
    how = read_model("x", SMALL.replace("[mode_c]", table)).mode_c
    assert how == ModeCSettings(
        DeviceAddress.NUMBER, Access.READ_OUT, "2", "R1", "R5", None, StampAt.BEGIN, "0.9.4", "0.9.3", "",
        Parity.EVEN, 9600, "5",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[mode_c]\n", "", "[mode_c] table belongs to"),
        ("[mode_c]", "[mode_c]\ncolour = 1", "'colour' means nothing here"),
        ("[mode_c]", '[mode_c]\nread = "R9"', "'read' is one of"),
        ("[mode_c]", '[mode_c]\nbaud = "7"', "'baud' is one of"),
        ("[mode_c]", "[mode_c]\nblock_lines = 0", "1 to 999 lines"),
        ("[mode_c]", '[mode_c]\ntime = "noon"', "'noon' is no address"),
        ('unit = "Wh"', 'unit = "Wh"\nclass = 3', "'class' means nothing here"),
        ('values = "primary"', 'values = "primary"\nserial = "0.0.0.0.0"', "the serial to [mode_c]"),
        (
            "[mode_c]",
            '[mode_c]\n[billing]\nobis = "1.0.98.1.0"\nentries = 1\nregisters = ["active_import KT"]',
            "closing profile belongs to DLMS",
        ),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(old: str, new: str, why: str) -> None:
    assert old in SMALL
    with pytest.raises(LocalError) as told:
        read_model("x", SMALL.replace(old, new))
    assert why in told.value.reason
    assert told.value.reason.startswith("meter model x")


def test_a_field_of_a_logger_has_no_name() -> None:
    with pytest.raises(LocalError, match="no OBIS code"):
        Place(0, load("dk-a1700").registers[0].place.unit).named  # noqa: B018
