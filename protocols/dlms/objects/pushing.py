"""Push setup (class 40): what a meter sends of its own accord, where to, and when it may."""

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, date_time_of, enum_of, items_of, octets_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.objects.held import (
    Attributes,
    integer8_of,
    known,
    long_unsigned_of,
    needed,
    optional,
    unsigned_of,
)
from protocols.dlms.objects.interface import InterfaceClass
from protocols.obis import Obis


@dataclass(frozen=True, slots=True)
class PushObject:
    """One attribute that is sent, whole (`index` 0) or one element of it."""

    class_id: int
    obis: Obis
    attribute: int
    index: int = 0

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {class_id, logical_name, attribute_index, data_index}."""
        class_id, name, attribute, index = items_of(data, Tag.STRUCTURE, "a pushed object", 4)
        return cls(
            long_unsigned_of(class_id, "class"),
            Obis.from_bytes(octets_of(name, "logical name")),
            integer8_of(attribute, "attribute"),
            long_unsigned_of(index, "data index"),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            axdr.long_unsigned(self.class_id),
            axdr.octet_string(self.obis.to_bytes()),
            axdr.integer(self.attribute),
            axdr.long_unsigned(self.index),
        )


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where to: `service` 0 is TCP, 1 UDP, 4 SMS, 5 HDLC; `message` 0 is A-XDR, 1 XML."""

    service: int
    destination: bytes
    message: int = 0

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {transport_service, destination, message}."""
        service, destination, message = items_of(data, Tag.STRUCTURE, "destination and method", 3)
        return cls(
            enum_of(service, "transport service"),
            octets_of(destination, "destination"),
            enum_of(message, "message type"),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            axdr.enum(self.service), axdr.octet_string(self.destination), axdr.enum(self.message)
        )


@dataclass(frozen=True, slots=True)
class PushWindow:
    """When the meter may send: from `start` to `end`, wildcards as every day, every month."""

    start: CosemDateTime
    end: CosemDateTime

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {start_time, end_time}."""
        start, end = items_of(data, Tag.STRUCTURE, "communication window", 2)
        return cls(date_time_of(start, "start of the window"), date_time_of(end, "end of the window"))

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(axdr.date_time(self.start), axdr.date_time(self.end))


@dataclass(frozen=True, slots=True)
class PushSetup:
    """Class 40, version 0; no window means always. Spread and delay in seconds."""

    CLASS_ID: ClassVar[int] = InterfaceClass.PUSH_SETUP
    VERSION: ClassVar[int] = 0
    PUSH: ClassVar[int] = 1
    obis: Obis
    objects: tuple[PushObject, ...]
    target: PushTarget
    windows: tuple[PushWindow, ...] | None = None
    spread: int | None = None
    retries: int | None = None
    delay: int | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        listed = items_of(needed(attributes, 2, "push object list"), Tag.ARRAY, "push object list")
        return cls(
            obis,
            tuple([PushObject.from_data(item) for item in listed]),
            PushTarget.from_data(needed(attributes, 3, "destination and method")),
            optional(attributes, 4, _windows, "communication window"),
            optional(attributes, 5, long_unsigned_of, "randomisation interval"),
            optional(attributes, 6, unsigned_of, "number of retries"),
            optional(attributes, 7, long_unsigned_of, "repetition delay"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        windows = self.windows
        return known(
            {
                2: axdr.array(*[pushed.to_data() for pushed in self.objects]),
                3: self.target.to_data(),
                4: None if windows is None else axdr.array(*[window.to_data() for window in windows]),
                5: None if self.spread is None else axdr.long_unsigned(self.spread),
                6: None if self.retries is None else axdr.unsigned(self.retries),
                7: None if self.delay is None else axdr.long_unsigned(self.delay),
            }
        )


def _windows(data: Data, what: str) -> tuple[PushWindow, ...]:
    return tuple([PushWindow.from_data(item) for item in items_of(data, Tag.ARRAY, what)])
