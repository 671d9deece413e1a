"""The tree that A-XDR `Data` is (IEC 62056-5-3, clause 8): tags, values, compact arrays with their shape."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

MAX_DEPTH: Final = 16
_SHOWN: Final = 120


class Tag(IntEnum):
    """The choices of `Data`."""

    NULL = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DONT_CARE = 255


class Data(NamedTuple):
    """One value with its tag.

    `value` is None (null, dont-care), bool, int, float, bytes (octet-string), str (visible, utf8, and
    bit-string as "0"/"1" digits), CosemDate/CosemTime/CosemDateTime, a tuple of `Data` (array, structure) or
    a `CompactArray`.
    """

    tag: Tag
    value: Any

    def __repr__(self) -> str:
        # Short whatever a meter sent: it stands in the reasons of errors.
        shown: list[str] = []
        _show(self, shown, _SHOWN)
        return "".join(shown)


class Shape(NamedTuple):
    """A type description of a compact array: an array has `size` of one part, a structure its `parts`."""

    tag: Tag
    parts: tuple["Shape", ...] = ()
    size: int = 0


class CompactArray(NamedTuple):
    """An array whose element type is written once; `items` are the elements as ordinary `Data`."""

    shape: Shape
    items: tuple[Data, ...]


INTEGERS: Final[Mapping[int, tuple[int, bool]]] = MappingProxyType(
    {
        Tag.DOUBLE_LONG: (4, True),
        Tag.DOUBLE_LONG_UNSIGNED: (4, False),
        Tag.BCD: (1, False),
        Tag.INTEGER: (1, True),
        Tag.LONG: (2, True),
        Tag.UNSIGNED: (1, False),
        Tag.LONG_UNSIGNED: (2, False),
        Tag.LONG64: (8, True),
        Tag.LONG64_UNSIGNED: (8, False),
        Tag.ENUM: (1, False),
    }
)
"""Octets and sign of every tag whose value is an integer."""

NULL: Final = Data(Tag.NULL, None)


def _show(data: Data, shown: list[str], room: int) -> int:
    """Append `data` as words while there is room for them; what room is left."""
    name = data.tag.name.lower()
    value = data.value.items if isinstance(data.value, CompactArray) else data.value
    if not isinstance(value, tuple):
        text = f"{name}({value[: room // 4]!r})" if isinstance(value, (bytes, str)) else f"{name}({value!r})"
        shown.append(text)
        return room - len(text)
    shown.append(f"{name}(")
    room -= len(name) + 2
    for at, item in enumerate(value):
        if room <= 0:
            shown.append(f"… {len(value) - at} more")
            break
        if at:
            shown.append(", ")
        room = _show(item, shown, room)
    shown.append(")")
    return room
