"""Clock (class 8): the time, where it stands to UTC, and when daylight saving begins and ends."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, date_time_of, enum_of
from protocols.dlms.clock import ClockStatus, CosemDateTime
from protocols.dlms.objects.held import (
    Attributes,
    integer8_of,
    known,
    long_of,
    needed,
    optional,
    unsigned_of,
)
from protocols.dlms.objects.interface import InterfaceClass
from protocols.errors import DecodeError
from protocols.obis import Obis


class ClockBase(IntEnum):
    """What drives the clock."""

    NOT_DEFINED = 0
    CRYSTAL = 1
    MAINS_50_HZ = 2
    MAINS_60_HZ = 3
    GPS = 4
    RADIO = 5


@dataclass(frozen=True, slots=True)
class ClockObject:
    """Class 8: `zone_minutes` from local time to UTC without daylight saving (UTC+7 is −420).

    Begin and end of daylight saving may hold wildcards; `saving_minutes` is how far it moves the clock.
    """

    CLASS_ID: ClassVar[int] = InterfaceClass.CLOCK
    VERSION: ClassVar[int] = 0
    ADJUST_TO_QUARTER: ClassVar[int] = 1
    ADJUST_TO_MEASURING_PERIOD: ClassVar[int] = 2
    ADJUST_TO_MINUTE: ClassVar[int] = 3
    ADJUST_TO_PRESET_TIME: ClassVar[int] = 4
    PRESET_ADJUSTING_TIME: ClassVar[int] = 5
    SHIFT_TIME: ClassVar[int] = 6
    """Parameter: seconds as a long, −900 to 900."""
    obis: Obis
    time: CosemDateTime
    zone_minutes: int | None = None
    status: ClockStatus | None = None
    saving_begins: CosemDateTime | None = None
    saving_ends: CosemDateTime | None = None
    saving_minutes: int | None = None
    saving: bool | None = None
    base: ClockBase | int | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            date_time_of(needed(attributes, 2, "time"), "time"),
            optional(attributes, 3, long_of, "time zone"),
            optional(attributes, 4, lambda data, what: ClockStatus(unsigned_of(data, what)), "status"),
            optional(attributes, 5, date_time_of, "begin of daylight saving"),
            optional(attributes, 6, date_time_of, "end of daylight saving"),
            optional(attributes, 7, integer8_of, "daylight saving's deviation"),
            optional(attributes, 8, _boolean, "daylight saving"),
            optional(attributes, 9, _base, "clock base"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        begins, ends = self.saving_begins, self.saving_ends
        return known(
            {
                2: axdr.date_time(self.time),
                3: None if self.zone_minutes is None else Data(Tag.LONG, self.zone_minutes),
                4: None if self.status is None else axdr.unsigned(self.status),
                5: None if begins is None else axdr.date_time(begins),
                6: None if ends is None else axdr.date_time(ends),
                7: None if self.saving_minutes is None else axdr.integer(self.saving_minutes),
                8: None if self.saving is None else Data(Tag.BOOLEAN, self.saving),
                9: None if self.base is None else axdr.enum(self.base),
            }
        )


def _boolean(data: Data, what: str) -> bool:
    if data.tag is not Tag.BOOLEAN:
        raise DecodeError(f"{what}: a boolean was expected, found {data!r}")
    return bool(data.value)


def _base(data: Data, what: str) -> ClockBase | int:
    number = enum_of(data, what)
    return ClockBase(number) if number in ClockBase.__members__.values() else number
