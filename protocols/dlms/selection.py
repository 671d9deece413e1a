"""Which part of a profile's buffer is meant: by range of time (selector 1) or by entry (selector 2).

IEC 62056-6-2, profile generic, selective access to attribute 2.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Self

from model.light import light
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
        class_id, name, attribute, index = axdr.items_of(data, Tag.STRUCTURE, "a capture object", 4)
        return cls(
            integer_of(class_id, "class of a capture object", Tag.LONG_UNSIGNED),
            Obis.from_bytes(axdr.octets_of(name, "name of a capture object")),
            integer_of(attribute, "attribute of a capture object", Tag.INTEGER),
            integer_of(index, "data index of a capture object", Tag.LONG_UNSIGNED),
        )

    @property
    def is_clock(self) -> bool:
        """The column of the stamps."""
        return self.class_id == CLOCK_CLASS and self.attribute == 2


CLOCK_COLUMN: Final = CaptureObject(CLOCK_CLASS, CLOCK_OBIS)


@light
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
        return _range(self)

    def _access(self) -> Access:
        if self.first.tzinfo is None or self.last.tzinfo is None or self.last < self.first:
            raise LocalError(f"a range needs two aware times in order, not {self.first} to {self.last}")
        times = [
            axdr.octet_string(CosemDateTime.from_datetime(at, deviation=self.deviation).to_bytes())
            for at in (self.first, self.last)
        ]
        columns = axdr.array(*(column.to_data() for column in self.columns))
        parameters = axdr.structure(CLOCK_COLUMN.to_data(), *times, columns)
        return Access(1, parameters, axdr.encode(parameters))


# A fleet is asked for the same hours; equal instants of different offsets are written differently.
@lru_cache(maxsize=64)
def _range_once(selection: RangeSelection, offsets: tuple[timedelta | None, ...]) -> Access:
    return selection._access()


def _range(selection: RangeSelection) -> Access:
    return _range_once(selection, (selection.first.utcoffset(), selection.last.utcoffset()))


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
    if access.selector not in (1, 2):
        raise DecodeError(f"selector {access.selector} is none of a profile")
    items = axdr.items_of(access.parameters, Tag.STRUCTURE, "the selection of a profile", 4)
    if access.selector == 2:
        return EntrySelection(*(integer_of(item, "entry", Tag.DOUBLE_LONG_UNSIGNED) for item in items))
    columns = tuple(
        [
            CaptureObject.from_data(item)
            for item in axdr.items_of(items[3], Tag.ARRAY, "the columns of a range")
        ]
    )
    first, last = (axdr.date_time_of(item, "the border of a range") for item in items[1:3])
    return RangeAsked(CaptureObject.from_data(items[0]), first, last, columns)
