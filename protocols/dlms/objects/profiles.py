"""Profile generic (class 7): what it captures, how often, how much; its buffer stays bytes or Data."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, enum_of
from protocols.dlms.objects.addresses import read_capture_objects
from protocols.dlms.objects.held import Attributes, double_long_unsigned_of, known, needed, optional
from protocols.dlms.objects.interface import InterfaceClass
from protocols.dlms.selection import CaptureObject
from protocols.obis import Obis


class SortMethod(IntEnum):
    """In which order the rows stand."""

    FIFO = 1
    LIFO = 2
    LARGEST = 3
    SMALLEST = 4
    NEAREST_TO_ZERO = 5
    FARTHEST_FROM_ZERO = 6


@dataclass(frozen=True, slots=True)
class ProfileGeneric:
    """Class 7, version 1: `period` in seconds, 0 where something else captures.

    `buffer` is attribute 2 where it was read with the rest; rows are mostly read by selection, and go
    through `protocols.dlms.profile`.
    """

    CLASS_ID: ClassVar[int] = InterfaceClass.PROFILE_GENERIC
    VERSION: ClassVar[int] = 1
    RESET: ClassVar[int] = 1
    CAPTURE: ClassVar[int] = 2
    obis: Obis
    captures: tuple[CaptureObject, ...]
    period: int | None = None
    sorting: SortMethod | int | None = None
    sort_object: CaptureObject | None = None
    in_use: int | None = None
    capacity: int | None = None
    buffer: Data | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            read_capture_objects(needed(attributes, 3, "capture objects")),
            optional(attributes, 4, double_long_unsigned_of, "capture period"),
            optional(attributes, 5, _sorting, "sort method"),
            optional(attributes, 6, lambda data, _: CaptureObject.from_data(data), "sort object"),
            optional(attributes, 7, double_long_unsigned_of, "entries in use"),
            optional(attributes, 8, double_long_unsigned_of, "profile entries"),
            attributes.get(2),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        return known(
            {
                2: self.buffer,
                3: axdr.array(*[capture.to_data() for capture in self.captures]),
                4: None if self.period is None else axdr.double_long_unsigned(self.period),
                5: None if self.sorting is None else axdr.enum(self.sorting),
                6: None if self.sort_object is None else self.sort_object.to_data(),
                7: None if self.in_use is None else axdr.double_long_unsigned(self.in_use),
                8: None if self.capacity is None else axdr.double_long_unsigned(self.capacity),
            }
        )


def _sorting(data: Data, what: str) -> SortMethod | int:
    number = enum_of(data, what)
    return SortMethod(number) if number in SortMethod.__members__.values() else number
