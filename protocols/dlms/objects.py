"""What the attributes of the common interface classes hold (IEC 62056-6-2)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final, Self

from model.series import Unit
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, integer_of
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


class InterfaceClass(IntEnum):
    """Numbers of the interface classes a head-end meets."""

    DATA = 1
    REGISTER = 3
    EXTENDED_REGISTER = 4
    DEMAND_REGISTER = 5
    PROFILE_GENERIC = 7
    CLOCK = 8
    ASSOCIATION_LN = 15
    DISCONNECT_CONTROL = 70


CLOCK_TIME: Final = Attribute(InterfaceClass.CLOCK, CLOCK_OBIS, VALUE)


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """value = raw × 10^scaler `unit`; `unit` is the DLMS code (`model.series.Unit`)."""

    scaler: int
    unit: int

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read the structure {integer, enum}; raises `DecodeError`."""
        if data.tag is not Tag.STRUCTURE or len(data.value) != 2 or data.value[1].tag is not Tag.ENUM:
            raise DecodeError(f"scaler and unit are a structure of integer and enum, found {data!r}")
        return cls(integer_of(data.value[0], "scaler"), data.value[1].value)

    def to_data(self) -> Data:
        """The structure {integer, enum}."""
        return axdr.structure(axdr.integer(self.scaler), Data(Tag.ENUM, self.unit))

    def value(self, raw: int) -> Decimal:
        """The exact value of a raw number in `unit`."""
        return Decimal(raw).scaleb(self.scaler)

    def known_unit(self) -> Unit:
        """The unit as one this product knows; raises `DecodeError` for another."""
        try:
            return Unit(self.unit)
        except ValueError as unknown:
            raise DecodeError(f"unit {self.unit} of DLMS is not one that is read here") from unknown


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
    if data.tag is not Tag.ARRAY:
        raise DecodeError(f"capture objects are an array, found {data.tag.name}")
    return tuple(CaptureObject.from_data(item) for item in data.value)
