"""Which part of a profile's buffer is meant: by range of time (selector 1) or by entry (selector 2).

IEC 62056-6-2, profile generic, selective access to attribute 2.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.reference import Access
from protocols.errors import DecodeError, LocalError
from protocols.obis import Obis

CLOCK_CLASS: Final = 8
CLOCK_OBIS: Final = Obis(0, 0, 1, 0, 0, 255)


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """One column of a profile: class, logical name, attribute, and the element of it (0 for all)."""

    class_id: int
    obis: Obis
    attribute: int = 2
    data_index: int = 0

    def to_data(self) -> Data:
        """The structure of four that stands for it."""
        return axdr.structure(
            axdr.long_unsigned(self.class_id),
            axdr.octet_string(self.obis.to_bytes()),
            axdr.integer(self.attribute),
            axdr.long_unsigned(self.data_index),
        )

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read the structure of four; raises `DecodeError`."""
        if data.tag is not Tag.STRUCTURE or len(data.value) != 4 or data.value[1].tag is not Tag.OCTET_STRING:
            raise DecodeError(f"a capture object is a structure of four, found {data!r}")
        class_id, name, attribute, index = data.value
        return cls(
            integer_of(class_id, "class of a capture object"),
            Obis.from_bytes(name.value),
            integer_of(attribute, "attribute of a capture object"),
            integer_of(index, "data index of a capture object"),
        )

    @property
    def is_clock(self) -> bool:
        """The column of the stamps."""
        return self.class_id == CLOCK_CLASS and self.attribute == 2


CLOCK_COLUMN: Final = CaptureObject(CLOCK_CLASS, CLOCK_OBIS)


@dataclass(frozen=True, slots=True)
class RangeSelection:
    """Rows whose stamp lies in [`first`, `last`], both included; aware. `columns` empty means all.

    `deviation=False` sends the times without deviation, in the offset they bear: some meters refuse the one
    form, some the other, so the meter model says which.
    """

    first: datetime
    last: datetime
    columns: tuple[CaptureObject, ...] = ()
    deviation: bool = True

    def to_access(self) -> Access:
        """The selective access parameters; naive times raise `LocalError`."""
        if self.first.tzinfo is None or self.last.tzinfo is None or self.last < self.first:
            raise LocalError(f"a range needs two aware times in order, not {self.first} to {self.last}")
        times = [
            axdr.octet_string(CosemDateTime.from_datetime(at, deviation=self.deviation).to_bytes())
            for at in (self.first, self.last)
        ]
        columns = axdr.array(*(column.to_data() for column in self.columns))
        return Access(1, axdr.structure(CLOCK_COLUMN.to_data(), *times, columns))


@dataclass(frozen=True, slots=True)
class EntrySelection:
    """Rows `first` to `last`, counted from 1 at the oldest; `last` 0 is the end. Columns likewise."""

    first: int
    last: int = 0
    first_column: int = 1
    last_column: int = 0

    def to_access(self) -> Access:
        """The selective access parameters."""
        return Access(
            2,
            axdr.structure(
                axdr.double_long_unsigned(self.first),
                axdr.double_long_unsigned(self.last),
                axdr.long_unsigned(self.first_column),
                axdr.long_unsigned(self.last_column),
            ),
        )


@dataclass(frozen=True, slots=True)
class RangeAsked:
    """A range as a server receives it: the times are what the client wrote, deviation or not."""

    restricting: CaptureObject
    first: CosemDateTime
    last: CosemDateTime
    columns: tuple[CaptureObject, ...]


def read_selection(access: Access) -> RangeAsked | EntrySelection:
    """What a client asked for; any other selector or form raises `DecodeError`."""
    items = access.parameters.value
    if access.parameters.tag is not Tag.STRUCTURE or len(items) != 4 or access.selector not in (1, 2):
        raise DecodeError(
            f"selector {access.selector} with {access.parameters!r} is no selection of a profile"
        )
    if access.selector == 2:
        return EntrySelection(*(integer_of(item, "entry") for item in items))
    if items[3].tag is not Tag.ARRAY:
        raise DecodeError("the columns of a range are an array")
    columns = tuple(CaptureObject.from_data(item) for item in items[3].value)
    return RangeAsked(CaptureObject.from_data(items[0]), _time(items[1]), _time(items[2]), columns)


def _time(data: Data) -> CosemDateTime:
    if data.tag is Tag.DATE_TIME:
        stamp: CosemDateTime = data.value
        return stamp
    if data.tag is not Tag.OCTET_STRING:
        raise DecodeError(f"the border of a range is a date-time, found {data!r}")
    return CosemDateTime.from_bytes(data.value)
