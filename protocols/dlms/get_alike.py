"""Lists of values that lie in their bytes where those of an answer before lay: taken apart at one stroke.

Meters of a kind that are asked for the same answer with numbers, short strings and scalers of the same
lengths. The next answer is looked at where the last had its presence bytes, tags and lengths; only if they
are the same are its values cut out there. What lies otherwise is read value by value, as the first one was.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

from protocols.dlms.axdr_types import INTEGERS, Tag
from protocols.reader import Reader

MOST_VALUES: Final = 64
KINDS: Final = 256
"""Layouts that are remembered, by where the list begins, its count and the length of the whole."""
_SCALER: Final = bytes((Tag.STRUCTURE, 2, Tag.INTEGER))
_STRINGS: Final = (Tag.OCTET_STRING, Tag.VISIBLE_STRING)


class Layout:
    """Where values lie that follow each other, each behind a presence byte."""

    def __init__(self, marks: list[tuple[int, int]], spans: list[slice], structures: int) -> None:
        self.end: int = spans[-1].stop
        self.structures = structures
        """How many of the values are structures: `axdr.skip` counts them."""
        self._marked = tuple([octet for _, octet in marks])
        self._marks: Callable[[bytes], tuple[int, ...]] = itemgetter(*[at for at, _ in marks])
        self._values: Callable[[bytes], tuple[bytes, ...]] = itemgetter(*spans)

    def values(self, raw: bytes) -> tuple[bytes, ...] | None:
        """The values of an answer of the same length; None where they lie otherwise."""
        return self._values(raw) if self._marks(raw) == self._marked else None


def layout_of(raw: bytes, at: int, values: Sequence[object]) -> Layout | None:
    """How these values lie, the first behind the presence byte `at`; None where that may change with them."""
    marks: list[tuple[int, int]] = []
    spans: list[slice] = []
    structures = 0
    for value in values:
        within = _within(value)
        if not isinstance(value, bytes) or not within:
            return None
        marks += [(place, raw[place]) for place in (at, *[at + 1 + octet for octet in within])]
        spans.append(slice(at + 1, at + 1 + len(value)))
        structures += value[0] == Tag.STRUCTURE
        at += 1 + len(value)
    return Layout(marks, spans, structures)


def _within(value: object) -> tuple[int, ...]:
    """The bytes of a value that say what and how long it is; nothing for what is not remembered."""
    match value:
        case bytes() if value[0] in INTEGERS:
            return (0,)
        case bytes() if value[0] in _STRINGS and value[1] < 0x80:
            return 0, 1
        case bytes() if value[:3] == _SCALER and value[4] == Tag.ENUM:
            return 0, 1, 2, 4
    return ()


class Layouts:
    """Those that have been met; the first of a kind stays, even where it is none that can be used again."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], Layout | None] = {}

    def find(self, reader: Reader, count: int) -> Layout | None:
        """How `count` values lay that began and ended where these do."""
        return self._known.get((reader.at, count, len(reader.raw)))

    def learn(self, raw: bytes, at: int, values: Sequence[object]) -> None:
        """These lie so; one value is read as quickly as it is looked up, and for very many nobody asks."""
        key = at, len(values), len(raw)
        if key in self._known or not 1 < len(values) <= MOST_VALUES:
            return
        if len(self._known) >= KINDS:
            self.forget()
        self._known[key] = layout_of(raw, at, values)

    def forget(self) -> None:
        """None has been met yet."""
        self._known.clear()
