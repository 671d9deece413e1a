"""`ami read --profile`: every value stands in its column, and an answer to another question is none."""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

import pytest

from collector.single.address import parse
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.read import read
from model.period import LOCAL
from protocols.iec62056_21.data_sets import DataSet
from tests.rude_meter import RudeMeter, Values, scale, serving, u32
from tests.unit.test_collector_mode_c import Book, meter
from tests.unit.test_collector_mode_c import serving as answering

PROFILE = "1.0.99.1.0"
FIRST, LAST = datetime(2026, 10, 19, tzinfo=LOCAL), datetime(2026, 10, 19, 12, tzinfo=LOCAL)


def stamp(year: int, hour: int) -> bytes:
    return b"\x09\x0c" + struct.pack(">HBBBBBBBhB", year, 10, 19, 255, hour, 0, 0, 0, -420, 0)


def array(*items: bytes) -> bytes:
    return bytes((1, len(items))) + b"".join(items)


def structure(*items: bytes) -> bytes:
    return bytes((2, len(items))) + b"".join(items)


def captured(class_id: int, name: str) -> bytes:
    code = bytes((9, 6)) + bytes(map(int, name.split(".")))
    return structure(b"\x12" + struct.pack(">H", class_id), code, b"\x0f\x02", b"\x12\x00\x00")


CLOCK, OTHER_CLOCK = captured(8, "0.0.1.0.0.255"), captured(8, "0.0.1.1.0.255")
ENERGY = captured(3, "1.0.1.8.0.255")


def profile(columns: bytes, rows: bytes) -> Values:
    return {
        (7, PROFILE, 3): b"\0" + columns,
        (7, PROFILE, 2): b"\0" + rows,
        (7, PROFILE, 4): u32(3600),
        (3, "1.0.1.8.0", 3): scale(0, 30),
    }


HOURS = profile(
    array(CLOCK, ENERGY), array(*[structure(stamp(2026, hour), u32(hour)[1:]) for hour in range(12)])
)


async def asked(values: Values, port: int, question: ProfileAsked) -> Found:
    async with serving(RudeMeter(values), port) as url:
        return await read(parse(url, {}), Asked(profile=question))


@pytest.mark.parametrize("behind", [False, True])
async def test_a_second_clock_is_a_column_of_its_own(free_port: int, behind: bool) -> None:
    """Some meters capture when a row was written beside the interval it is about."""
    columns = array(CLOCK, ENERGY, OTHER_CLOCK) if behind else array(CLOCK, OTHER_CLOCK, ENERGY)
    cells = [[stamp(2026, hour), stamp(2020, hour), u32(100 + hour)[1:]] for hour in range(3)]
    rows = [[row[0], row[2], row[1]] if behind else row for row in cells]
    found = await asked(
        profile(columns, array(*[structure(*row) for row in rows])), free_port, ProfileAsked(PROFILE)
    )
    assert found.profile is not None
    energy = 1 if behind else 2
    assert found.profile["columns"][energy]["item"] == "1.0.1.8.0.255"
    for hour, row in enumerate(found.profile["rows"]):
        assert row[0] == f"2026-10-19T0{hour}:00:00+07:00"
        assert row[energy] == 100 + hour
        assert row[3 - energy] == f"2020-10-19T0{hour}:00:00+07:00"


QUESTIONS: dict[str, tuple[ProfileAsked, str]] = {
    "a range within": (
        ProfileAsked(PROFILE, FIRST, datetime(2026, 10, 19, 6, tzinfo=LOCAL)), "2026-10-19T11:00+07:00"
    ),
    "a range before": (
        ProfileAsked(PROFILE, datetime(2020, 1, 1, tzinfo=LOCAL), FIRST), "2026-10-19T11:00+07:00"
    ),
    "entries": (ProfileAsked(PROFILE, entries=(1, 5)), "12 rows came where 5 were asked for"),
}  # fmt: skip


@pytest.mark.parametrize(("question", "why"), QUESTIONS.values(), ids=QUESTIONS)
async def test_a_meter_that_ignores_what_was_asked_is_not_believed(
    free_port: int, question: ProfileAsked, why: str
) -> None:
    found = await asked(HOURS, free_port, question)
    assert found.profile is None
    (refused,) = found.refused
    assert refused["reason"].startswith("the meter ignored the selection: ")
    assert why in refused["reason"]


@pytest.mark.parametrize(
    "question",
    [ProfileAsked(PROFILE), ProfileAsked(PROFILE, FIRST, LAST), ProfileAsked(PROFILE, entries=(1, 12))],
)
async def test_what_was_asked_is_shown(free_port: int, question: ProfileAsked) -> None:
    found = await asked(HOURS, free_port, question)
    assert found.refused == []
    assert found.profile is not None
    assert [row[1] for row in found.profile["rows"]] == list(range(12))


async def test_a_profile_without_a_clock_has_rows_without_times(free_port: int) -> None:
    values = profile(array(ENERGY), array(*[structure(u32(5 + row)[1:]) for row in range(3)]))
    found = await asked(values, free_port, ProfileAsked(PROFILE, entries=(1, 3)))
    assert found.profile is not None
    assert [column["item"] for column in found.profile["columns"]] == ["1.0.1.8.0.255"]
    assert found.profile["rows"] == [[5], [6], [7]]
    found = await asked(values, free_port, ProfileAsked(PROFILE, FIRST, LAST))
    assert found.profile is None
    assert "ask by --entries" in found.refused[0]["reason"]


async def mode_c(book: Book, question: Asked, query: str = "password=secret") -> Found:
    async with answering(meter(book)) as port:
        return await read(parse(f"iec62056-21://127.0.0.1:{port}?{query}&timeout=2", {}), question)


async def test_a_mode_c_meter_that_ignores_the_range_is_not_believed() -> None:
    book = Book()
    stamps = await mode_c(book, Asked(profile=ProfileAsked(PROFILE)))
    assert stamps.profile is not None
    first = datetime.fromisoformat(stamps.profile["rows"][0][0])
    last = datetime.fromisoformat(stamps.profile["rows"][-1][0])
    right = await mode_c(book, Asked(profile=ProfileAsked(PROFILE, first, last)))
    assert right.profile == stamps.profile
    wrong = await mode_c(
        book, Asked(profile=ProfileAsked(PROFILE, datetime(2020, 1, 1, tzinfo=LOCAL), first))
    )
    assert wrong.profile is None
    assert "ignored the selection" in wrong.refused[0]["reason"]


class Channels(Book):
    """Writes the channel of every register."""

    def read_out(self, letter: str) -> Any:
        return [
            [DataSet("1-1:1.8.0", ("000123.456*kWh",))],
            [DataSet("1-1:2.8.0", ("1*kWh",))],
            [DataSet("1-2:2.8.0", ("2*kWh",))],
        ]


async def test_a_reduced_code_finds_the_only_channel_that_has_it() -> None:
    found = await mode_c(Channels(), Asked(("1.8.0", "2.8.0", "1-2:2.8.0", "3.8.0")), "")
    assert [(one["item"], one["value"]) for one in found.registers] == [
        ("1.8.0", "123456"),
        ("1-2:2.8.0", "2000"),
    ]
    reasons = {one["item"]: one["reason"] for one in found.refused}
    assert "1-1:2.8.0, 1-2:2.8.0" in reasons["2.8.0"]
    assert "not in the meter's read-out" in reasons["3.8.0"]
