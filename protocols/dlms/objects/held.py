"""What all objects as values share."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Final, Protocol, Self, TypeVar, runtime_checkable

from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.errors import DecodeError
from protocols.obis import Obis

Attributes = Mapping[int, Data]
"""The attributes of one object by number; 1, the logical name, is not among them."""
T = TypeVar("T")

integer8_of: Final = partial(integer_of, fits=Tag.INTEGER)
long_of: Final = partial(integer_of, fits=Tag.LONG)
unsigned_of: Final = partial(integer_of, fits=Tag.UNSIGNED)
long_unsigned_of: Final = partial(integer_of, fits=Tag.LONG_UNSIGNED)
double_long_unsigned_of: Final = partial(integer_of, fits=Tag.DOUBLE_LONG_UNSIGNED)


@runtime_checkable
class CosemObject(Protocol):
    """One object: its class and version, its name, and its attributes both ways."""

    CLASS_ID: ClassVar[int]
    VERSION: ClassVar[int]

    @property
    def obis(self) -> Obis:
        """The logical name."""

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """The object that holds these; raises `DecodeError` for what is missing or of another kind."""

    def to_attributes(self) -> dict[int, Data]:
        """The attributes that are known, by number."""


def needed(attributes: Attributes, number: int, what: str) -> Data:
    """An attribute without which the object makes no sense; raises `DecodeError` naming `what`."""
    found = attributes.get(number)
    if found is None:
        raise DecodeError(f"{what} (attribute {number}) was not read")
    return found


def known(attributes: dict[int, Data | None]) -> dict[int, Data]:
    """Those that are there."""
    return {number: data for number, data in attributes.items() if data is not None}


def optional(attributes: Attributes, number: int, read: Callable[[Data, str], T], what: str) -> T | None:
    """What `read(data, what)` makes of an attribute, None where it was not read."""
    found = attributes.get(number)
    return None if found is None else read(found, what)
