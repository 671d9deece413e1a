"""What a kind of meter sends of its own accord: the [push] table of its model file."""

from dataclasses import dataclass, field
from typing import Final

from protocols.dlms.objects import InterfaceClass
from protocols.dlms.reference import Attribute
from protocols.errors import LocalError
from protocols.meter_models.table import Table
from protocols.obis import Obis, obis

EVENT_CODES: Final = range(1, 256)
PUSH_SETUP: Final = 1
"""The attribute of a push setup that says which one it is: its logical name."""


@dataclass(frozen=True, slots=True)
class PushList:
    """One data-notification: the attributes that stand in its structure, in this order (class 40)."""

    objects: tuple[Attribute, ...]

    @property
    def setup(self) -> Obis | None:
        """The push setup that the list begins with, where it does."""
        first = self.objects[0]
        is_setup = first.class_id == InterfaceClass.PUSH_SETUP and first.number == PUSH_SETUP
        return first.obis if is_setup else None


@dataclass(frozen=True, slots=True)
class Pushes:
    """`lists` is empty for a meter that sends nothing. `plain`: what it sends without a cipher is believed.

    `events` are the words for the codes that its event objects hold.
    """

    lists: tuple[PushList, ...] = ()
    plain: bool = False
    events: dict[int, str] = field(default_factory=dict)


def read_push(table: Table | None) -> Pushes:
    """The table, read; `LocalError` says what is wrong with it."""
    if table is None:
        return Pushes()
    plain = table.take("plain", bool, False)
    lists = tuple(_list(each) for each in table.subs("list"))
    codes = table.take("events", dict, {})
    table.finish()
    if not lists:
        raise LocalError("a [push] table has at least one list")
    return Pushes(lists, plain, {event_code(code): str(word) for code, word in codes.items()})


def _list(table: Table) -> PushList:
    objects = table.take("objects", list)
    table.finish()
    if not objects:
        raise LocalError("a list of pushed objects is not empty")
    return PushList(tuple(_attribute(str(each)) for each in objects))


def _attribute(text: str) -> Attribute:
    """`3 1.0.1.8.0 2`: class, logical name, attribute."""
    words = text.split()
    if len(words) != 3 or not words[0].isdecimal() or not words[2].isdecimal():
        raise LocalError(f"{text!r} is no pushed object: write class, OBIS code and attribute")
    return Attribute(int(words[0]), obis(words[1]), int(words[2]))


def event_code(text: str) -> int:
    """The number of an event, as the key of a table."""
    if not text.isdecimal() or int(text) not in EVENT_CODES:
        raise LocalError(f"{text!r} is no event code: they are 1 to 255")
    return int(text)
