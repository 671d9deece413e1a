"""Data (class 1), register (3), extended register (4), demand register (5)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, date_time_of, integer_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.objects.held import (
    Attributes,
    double_long_unsigned_of,
    known,
    long_unsigned_of,
    needed,
    optional,
)
from protocols.dlms.objects.interface import InterfaceClass, ScalerUnit
from protocols.obis import Obis


@dataclass(frozen=True, slots=True)
class DataObject:
    """Class 1: any value."""

    CLASS_ID: ClassVar[int] = InterfaceClass.DATA
    VERSION: ClassVar[int] = 0
    obis: Obis
    value: Data

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(obis, needed(attributes, 2, "value"))

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        return {2: self.value}


@dataclass(frozen=True, slots=True)
class Register:
    """Class 3: a value with its scaler and unit."""

    CLASS_ID: ClassVar[int] = InterfaceClass.REGISTER
    VERSION: ClassVar[int] = 0
    RESET: ClassVar[int] = 1
    obis: Obis
    value: Data
    scaler_unit: ScalerUnit

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        scale = ScalerUnit.from_data(needed(attributes, 3, "scaler and unit"))
        return cls(obis, needed(attributes, 2, "value"), scale)

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        return {2: self.value, 3: self.scaler_unit.to_data()}

    @property
    def scaled(self) -> Decimal:
        """The value in its unit; raises `DecodeError` when it is no integer."""
        return self.scaler_unit.value(integer_of(self.value, f"value of {self.obis}"))


@dataclass(frozen=True, slots=True)
class ExtendedRegister:
    """Class 4: a register with a status and the time its value is of."""

    CLASS_ID: ClassVar[int] = InterfaceClass.EXTENDED_REGISTER
    VERSION: ClassVar[int] = 0
    RESET: ClassVar[int] = 1
    obis: Obis
    value: Data
    scaler_unit: ScalerUnit
    status: Data | None = None
    captured: CosemDateTime | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            needed(attributes, 2, "value"),
            ScalerUnit.from_data(needed(attributes, 3, "scaler and unit")),
            attributes.get(4),
            optional(attributes, 5, date_time_of, "capture time"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        captured = None if self.captured is None else axdr.date_time(self.captured)
        return known({2: self.value, 3: self.scaler_unit.to_data(), 4: self.status, 5: captured})

    @property
    def scaled(self) -> Decimal:
        """The value in its unit; raises `DecodeError` when it is no integer."""
        return self.scaler_unit.value(integer_of(self.value, f"value of {self.obis}"))


@dataclass(frozen=True, slots=True)
class DemandRegister:
    """Class 5: a sliding demand: the average running now, the last one finished; `period` in seconds."""

    CLASS_ID: ClassVar[int] = InterfaceClass.DEMAND_REGISTER
    VERSION: ClassVar[int] = 0
    RESET: ClassVar[int] = 1
    NEXT_PERIOD: ClassVar[int] = 2
    obis: Obis
    current_average: Data
    last_average: Data
    scaler_unit: ScalerUnit
    status: Data | None = None
    captured: CosemDateTime | None = None
    started: CosemDateTime | None = None
    period: int | None = None
    periods: int | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            needed(attributes, 2, "current average"),
            needed(attributes, 3, "last average"),
            ScalerUnit.from_data(needed(attributes, 4, "scaler and unit")),
            attributes.get(5),
            optional(attributes, 6, date_time_of, "capture time"),
            optional(attributes, 7, date_time_of, "start of the period"),
            optional(attributes, 8, double_long_unsigned_of, "period"),
            optional(attributes, 9, long_unsigned_of, "number of periods"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        return known(
            {
                2: self.current_average,
                3: self.last_average,
                4: self.scaler_unit.to_data(),
                5: self.status,
                6: None if self.captured is None else axdr.date_time(self.captured),
                7: None if self.started is None else axdr.date_time(self.started),
                8: None if self.period is None else axdr.double_long_unsigned(self.period),
                9: None if self.periods is None else axdr.long_unsigned(self.periods),
            }
        )
