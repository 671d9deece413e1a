"""Data sets: ADDRESS(VALUE*UNIT)(VALUE…), in data lines (IEC 62056-21, clause 6.3.4, items 14 to 16)."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from protocols.errors import DecodeError, LocalError
from protocols.iec62056_21.characters import END_OF_DATA, END_OF_LINE

MAX_SETS: Final = 8_192
_SET: Final = re.compile(r"([^()!\x00-\x1f]*)((?:\([^()\x00-\x1f]*\))+)")
_VALUE: Final = re.compile(r"\(([^()]*)\)")
_BETWEEN: Final = re.compile(r"[ \r\n]*")
_UNWRITABLE: Final = re.compile(r"[()\x00-\x1f\x7f-\U0010ffff]")
_UNWRITABLE_ADDRESS: Final = re.compile(r"^ |[()!\x00-\x1f\x7f-\U0010ffff]")


class Value(NamedTuple):
    """What stands in one pair of brackets; `unit` is empty where there is none."""

    text: str
    unit: str = ""


class DataSet(NamedTuple):
    """`address` is empty where the values go on from the set before, or answer a question of one thing.

    `values` are as they stand in their brackets, unit included.
    """

    address: str
    values: tuple[str, ...]

    def value(self, at: int = 0) -> Value:
        """One value and its unit; a value that is not there is `DecodeError`."""
        if at >= len(self.values):
            name = self.address[:40] or "a data set"
            raise DecodeError(f"{name} has {len(self.values)} values, not {at + 1}")
        text, _, unit = self.values[at].partition("*")
        return Value(text, unit)

    def __str__(self) -> str:
        return self.address + "".join(f"({value})" for value in self.values)


def read_lines(raw: bytes) -> tuple[DataSet, ...]:
    """The data sets of a block, in order; anything that is none is `DecodeError`."""
    if not raw.isascii():
        raise DecodeError("a data block holds characters that are not ASCII", raw)
    text = raw.decode("ascii")
    sets: list[DataSet] = []
    at = _after_space(text, 0)
    while at < len(text):
        match = _SET.match(text, at)
        if match is None:
            raise DecodeError(f"no data set: {text[at : at + 40]!r} (at character {at} of {len(text)})", raw)
        if len(sets) == MAX_SETS:
            raise DecodeError(f"a block of more than {MAX_SETS} data sets", raw)
        sets.append(DataSet(match[1], tuple(_VALUE.findall(match[2]))))
        at = _after_space(text, match.end())
    return tuple(sets)


def _after_space(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return at if match is None else match.end()


def read_out_lines(raw: bytes) -> tuple[DataSet, ...]:
    """The data sets of a read-out, which "!" ends; without it something is missing."""
    body = raw.rstrip(b"\r\n")
    if not body.endswith(b"!"):
        raise DecodeError("a read-out without the ! that ends it", raw)
    return read_lines(body[:-1])


def write_lines(lines: Iterable[Iterable[DataSet]]) -> bytes:
    """Data lines as they go out, each with its end; characters that would break one are `LocalError`."""
    return b"".join(_write_line(line) for line in lines)


def _write_line(line: Iterable[DataSet]) -> bytes:
    sets = tuple(line)
    for each in sets:
        if _UNWRITABLE_ADDRESS.search(each.address) or any(map(_UNWRITABLE.search, each.values)):
            raise LocalError(f"{str(each)[:80]!r} cannot stand in a data line")
    return "".join(map(str, sets)).encode("ascii") + END_OF_LINE


def write_out_lines(lines: Iterable[Iterable[DataSet]]) -> bytes:
    """A read-out's data block."""
    return write_lines(lines) + END_OF_DATA
