"""Where the attributes stand that a head-end reads."""

from typing import Final

from protocols.dlms.axdr import Data, Tag, items_of
from protocols.dlms.objects.interface import InterfaceClass
from protocols.dlms.reference import Attribute
from protocols.dlms.selection import CLOCK_OBIS, CaptureObject
from protocols.errors import DecodeError
from protocols.obis import Obis

LOGICAL_NAME: Final = 1
VALUE: Final = 2
"""Attribute 2: value of a register, time of a clock, buffer of a profile, running average of a demand."""
CAPTURE_OBJECTS: Final = 3
CAPTURE_PERIOD: Final = 4
ENTRIES_IN_USE: Final = 7
PROFILE_ENTRIES: Final = 8
MAX_COLUMNS: Final = 512
"""Columns a profile may have: more than any meter captures."""

CLOCK_TIME: Final = Attribute(InterfaceClass.CLOCK, CLOCK_OBIS, VALUE)


def scaler_attribute(class_id: int) -> int:
    """Where scaler and unit stand: attribute 3 of (extended) registers, 4 of demand registers."""
    return 4 if class_id == InterfaceClass.DEMAND_REGISTER else 3


def register(obis: Obis, class_id: int = InterfaceClass.REGISTER) -> Attribute:
    """The value of a register."""
    return Attribute(class_id, obis, VALUE)


def scaler_unit(obis: Obis, class_id: int = InterfaceClass.REGISTER) -> Attribute:
    """Scaler and unit of a register."""
    return Attribute(class_id, obis, scaler_attribute(class_id))


def buffer(obis: Obis) -> Attribute:
    """The rows of a profile."""
    return Attribute(InterfaceClass.PROFILE_GENERIC, obis, VALUE)


def capture_objects(obis: Obis) -> Attribute:
    """The columns of a profile."""
    return Attribute(InterfaceClass.PROFILE_GENERIC, obis, CAPTURE_OBJECTS)


def read_capture_objects(data: Data) -> tuple[CaptureObject, ...]:
    """Attribute 3 of a profile decoded; raises `DecodeError`."""
    items = items_of(data, Tag.ARRAY, "capture objects")
    if len(items) > MAX_COLUMNS:
        raise DecodeError(f"a profile of {len(items)} columns, {MAX_COLUMNS} are taken")
    return tuple([CaptureObject.from_data(item) for item in items])
