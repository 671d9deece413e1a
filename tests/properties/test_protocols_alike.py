"""Answers that differ in their values alone are read as the decoder of all answers reads them."""

from __future__ import annotations

from datetime import UTC

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.axdr import INTEGERS, Tag
from protocols.dlms.profile import decode_rows
from protocols.dlms.profile_alike import KINDS, LENGTHS, Alike
from protocols.dlms.profile_server import encode_rows
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.errors import DecodeError
from protocols.obis import Obis

COLUMNS = tuple(CaptureObject(3, Obis(1, 0, number, 29, 0)) for number in (1, 2, 3))
TAGS = [Tag(tag) for tag in INTEGERS]
FIRST = 1_790_000_000


def written(tags: list[Tag], values: list[list[int]], first: int = FIRST) -> bytes:
    stamps = np.array([first + 1800 * row for row in range(len(values[0]))], np.int64)
    columns = zip(tags, values, strict=True)
    return encode_rows(stamps, [(tag, np.array(column, np.int64)) for tag, column in columns], 420)


def fitting(tag: Tag) -> st.SearchStrategy[int]:
    octets, signed = INTEGERS[tag]
    highest = (1 << min(63, 8 * octets - signed)) - 1
    return st.integers(-highest - 1 if signed else 0, highest)


@st.composite
def two_answers(draw: st.DrawFn) -> tuple[list[Tag], bytes, bytes]:
    tags = draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=3))
    count = draw(st.integers(1, 60))
    answers = [
        written(tags, [draw(st.lists(fitting(tag), min_size=count, max_size=count)) for tag in tags])
        for _ in range(2)
    ]
    return tags, answers[0], answers[1]


@given(two_answers())
def test_the_second_answer_of_a_kind_is_read_as_the_first_was(given: tuple[list[Tag], bytes, bytes]) -> None:
    tags, first, second = given
    captures = (CLOCK_COLUMN, *COLUMNS[: len(tags)])
    alike: Alike[str] = Alike(captures)
    assert alike.read(first) is None
    alike.learn(first, decode_rows(first, captures, UTC), "kept")
    found = alike.read(second)
    if found is None:  # of numbers of 64 bits nothing is remembered
        assert {Tag.LONG64, Tag.LONG64_UNSIGNED} & set(tags)
        return
    kept, columns = found
    rows = decode_rows(second, captures, UTC)
    assert kept == "kept"
    assert [list(column) for column in columns] == [column.values.tolist() for column in rows.columns]
    assert rows.stamps.tolist() == decode_rows(first, captures, UTC).stamps.tolist()


@given(st.integers(2, 60), st.data())
def test_an_answer_with_anything_else_in_it_is_none_of_the_kind(count: int, data: st.DataObject) -> None:
    captures = (CLOCK_COLUMN, COLUMNS[0])
    first = written([Tag.DOUBLE_LONG_UNSIGNED], [list(range(count))])
    alike: Alike[str] = Alike(captures)
    alike.learn(first, decode_rows(first, captures, UTC), "kept")
    at = data.draw(st.integers(0, len(first) - 1))
    other = bytearray(first)
    other[at] ^= data.draw(st.integers(1, 255))
    found = alike.read(bytes(other))
    try:
        rows = decode_rows(bytes(other), captures, UTC)
    except DecodeError:
        assert found is None
        return
    if found is not None:
        assert list(found[1][0]) == rows.columns[0].values.tolist()
        assert rows.stamps.tolist() == decode_rows(first, captures, UTC).stamps.tolist()
    assert alike.read(first[:-1]) is None
    assert alike.read(b"") is None


def test_what_is_remembered_is_bounded() -> None:
    captures = (CLOCK_COLUMN, COLUMNS[0])
    alike: Alike[int] = Alike(captures)
    for number in range(3 * KINDS):
        raw = written([Tag.UNSIGNED], [[1, 2]], FIRST + 1800 * number)
        alike.learn(raw, decode_rows(raw, captures, UTC), number)
        assert alike.read(raw) == (number, ((1, 2),))
    for count in range(1, 2 * LENGTHS):
        raw = written([Tag.UNSIGNED], [[1] * count])
        alike.learn(raw, decode_rows(raw, captures, UTC), count)
        assert alike.read(raw) is not None
    assert len(alike._forms) <= LENGTHS
    assert all(len(form.kept) <= KINDS for form in alike._forms.values())
