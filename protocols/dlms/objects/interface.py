"""Numbers of the interface classes, and scaler and unit."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Self

from model.series import Unit
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, enum_of, integer_of, items_of
from protocols.errors import DecodeError


class InterfaceClass(IntEnum):
    """Numbers of the interface classes a head-end meets."""

    DATA = 1
    REGISTER = 3
    EXTENDED_REGISTER = 4
    DEMAND_REGISTER = 5
    PROFILE_GENERIC = 7
    CLOCK = 8
    ASSOCIATION_LN = 15
    ACTIVITY_CALENDAR = 20
    PUSH_SETUP = 40
    SECURITY_SETUP = 64
    DISCONNECT_CONTROL = 70
    LIMITER = 71


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """value = raw × 10^scaler `unit`; `unit` is the DLMS code (`model.series.Unit`)."""

    scaler: int
    unit: int

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read the structure {integer, enum}; raises `DecodeError`."""
        scaler, unit = items_of(data, Tag.STRUCTURE, "scaler and unit", 2)
        return cls(integer_of(scaler, "scaler", Tag.INTEGER), enum_of(unit, "unit"))

    def to_data(self) -> Data:
        """The structure {integer, enum}."""
        return axdr.structure(axdr.integer(self.scaler), axdr.enum(self.unit))

    def value(self, raw: int) -> Decimal:
        """The exact value of a raw number in `unit`."""
        return Decimal(raw).scaleb(self.scaler)

    def known_unit(self) -> Unit:
        """The unit as one this product knows; raises `DecodeError` for another."""
        try:
            return Unit(self.unit)
        except ValueError as unknown:
            raise DecodeError(f"unit {self.unit} of DLMS is not one that is read here") from unknown
