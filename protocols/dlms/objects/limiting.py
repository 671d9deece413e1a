"""Limiter (class 71): how much a customer may draw before the meter does something about it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, integer_of
from protocols.dlms.objects.held import Attributes, double_long_unsigned_of, known, needed, optional
from protocols.dlms.objects.interface import InterfaceClass
from protocols.obis import Obis


@dataclass(frozen=True, slots=True)
class Limiter:
    """Class 71 without its emergency profiles: thresholds are raw values of the register it watches.

    `active` is the one in force (attribute 3); `normal` (4) is what it follows outside an emergency;
    `over_s` (6) is for how long it must be exceeded.
    """

    CLASS_ID: ClassVar[int] = InterfaceClass.LIMITER
    VERSION: ClassVar[int] = 0
    THRESHOLD_ACTIVE: ClassVar[int] = 3
    THRESHOLD_NORMAL: ClassVar[int] = 4
    obis: Obis
    active: Data
    normal: Data
    over_s: int | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            _threshold(attributes, cls.THRESHOLD_ACTIVE, "active threshold"),
            _threshold(attributes, cls.THRESHOLD_NORMAL, "normal threshold"),
            optional(attributes, 6, double_long_unsigned_of, "time over the threshold"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        over = None if self.over_s is None else axdr.double_long_unsigned(self.over_s)
        return known({self.THRESHOLD_ACTIVE: self.active, self.THRESHOLD_NORMAL: self.normal, 6: over})


def _threshold(attributes: Attributes, number: int, what: str) -> Data:
    """As it came: when it is written again, it has to be of the same kind."""
    data = needed(attributes, number, what)
    integer_of(data, what)
    return data
