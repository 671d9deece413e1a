"""NEM12 and NEM13: what a file may look like, and the line that is named when it does not."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from decimal import Decimal

import pytest

from operations.formats import nem12
from operations.formats.values import FileReadings, Unusable

ZONE = timezone(timedelta(hours=10))
HEAD = "100,NEM12,200402020130,MDA1,Ret1"
CHANNEL = "200,VABD000163,E1Q1,1,E1,N1,METSER123,kWh,30,"
VALUES = ",".join(f"{slot}.5" for slot in range(48))
DAY = f"300,20040201,{VALUES},A,,,20040202120025,"


def text(*lines: str) -> bytes:
    return "\n".join([*lines, ""]).encode()


def read(*lines: str) -> FileReadings:
    return nem12.read(text(*lines), ZONE)


def test_the_specifications_own_example_is_read() -> None:
    """Values of a day with substituted intervals, as the format's specification shows them."""
    found = read(
        "100,NEM12,200301011534,MDP1,Retailer1",
        "200,VABD000163,E1Q1,1,E1,N1,METSER123,kWh,30,20040120",
        f"300,20040201,{VALUES},V,,,20030101153445,20030102023012",
        "400,1,20,F14,76,",
        "400,21,24,A,,",
        "400,25,48,S14,76,",
        "500,S,RETNSRVCEORD1,20031220154500,001123.5",
        "900",
    )
    [one] = found.intervals
    assert (one.meter, one.channel, one.serial, one.unit, one.interval_s) == (
        "VABD000163", "E1", "METSER123", "kWh", 1800,
    )  # fmt: skip
    assert [one.flag.count(flag) for flag in ("F14", "A", "S14")] == [20, 4, 24]
    assert sum(value or 0 for value in one.value) == Decimal(1152)
    assert one.at[1] - one.at[0] == 1800
    assert found.rejected == []


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_marks_and_padding_make_no_difference(ends: str, mark: bytes) -> None:
    lines = ["", HEAD + ",,,", '"200","N","E1","1","E1","","S","KWH","30",""', DAY + ",,,", "900,,,", ""]
    [one] = nem12.read(mark + ends.join(lines).encode(), ZONE).intervals
    assert (one.meter, one.unit, len(one.at)) == ("N", "KWH", 48)
    [wide] = nem12.read(ends.join(lines).encode("utf-16"), ZONE).intervals
    assert wide.value == one.value


@pytest.mark.parametrize(("minutes", "values"), [(5, 288), (15, 96), (1, 1440)])
def test_every_interval_length_of_the_format(minutes: int, values: int) -> None:
    day = f"300,20040201,{','.join(['1'] * values)},A,,,,"
    [one] = read(HEAD, f"200,N,E1,1,E1,,S,kWh,{minutes},", day, "900").intervals
    assert (len(one.at), one.interval_s) == (values, minutes * 60)


def test_null_data_is_missing_and_no_zero() -> None:
    nulls = f"300,20040201,{','.join(['0'] * 48)},N,,,,"
    some = f"300,20040202,{','.join([''] * 4 + ['1'] * 44)},V,,,,"
    [one] = read(HEAD, CHANNEL, nulls, some, "400,1,4,N,,", "400,5,48,A,,", "900").intervals
    assert one.value == [None] * 52 + [Decimal(1)] * 44


def test_files_behind_each_other_are_read_through() -> None:
    later = DAY.replace("20040201", "20040202")
    [one] = read(HEAD, CHANNEL, DAY, "900", HEAD, CHANNEL, later, "900").intervals
    assert len(one.at) == 96


UNUSABLE = {
    "no header": ([CHANNEL, DAY, "900"], 1, "begins with a 200 record"),
    "another version": ([HEAD.replace("NEM12", "NEM99"), "900"], 1, "names the version 'NEM99'"),
    "values before their channel": ([HEAD, DAY, "900"], 2, "a 300 record stands before any 200 record"),
    "event before values": ([HEAD, CHANNEL, "400,1,48,A,,", "900"], 3, "before any 300 record"),
    "two headers": ([HEAD, CHANNEL, DAY, HEAD, "900"], 4, "a 100 record cannot stand"),
    "records of the other version": ([HEAD, "250,N,1", "900"], 2, "a 250 record cannot stand in a NEM12"),
    "strange record": ([HEAD, CHANNEL, "hello there", "900"], 3, "'hello there' cannot stand"),
    "cut off": ([HEAD, CHANNEL, DAY], 3, "ends without its 900 record"),
    "seven minutes": ([HEAD, CHANNEL.replace(",30,", ",7,"), DAY, "900"], 2, "intervals of 7 minutes"),
    "no suffix": ([HEAD, "200,N,,,,,,kWh,30,", DAY, "900"], 2, "the 200 record is too short"),
    "something after the end": ([HEAD, CHANNEL, DAY, "900", "300,"], 5, "goes on after its 900 record"),
    "nothing at all": ([HEAD, CHANNEL, "900"], 0, "there is no reading in the file"),
    "empty": ([""], 1, "there is no record"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_out_of_order_is_refused_with_its_line(case: str) -> None:
    lines, line, why = UNUSABLE[case]
    with pytest.raises(Unusable, match=why) as refused:
        read(*lines)
    assert refused.value.line == line


REJECTED = {
    "no day": (["300,20040231," + VALUES + ",A,,,,"], 3, "is no day"),
    "the first day of all": (["300,00010101," + VALUES + ",A,,,,"], 3, "is no day"),
    "the last day of all": (["300,99991231," + VALUES + ",A,,,,"], 3, "is no day"),
    "day as a word": (["300,yesterday," + VALUES + ",A,,,,"], 3, "is no day"),
    "the same day again": ([DAY.replace("0.5", "9.5", 1), DAY], 4, "stands already in line 3"),
    "too few values": (["300,20040201,1,2,3,A,,,,"], 3, "3 values stand where"),
    "too many values": ([f"300,20040201,{VALUES},7,A,,,,"], 3, "49 values stand where"),
    "no quality": ([f"300,20040201,{VALUES}"], 3, "no quality stands behind"),
    "a word among the values": ([DAY.replace("7.5", "high", 1)], 3, "value 8, “high”, is no number"),
    "not a number": ([DAY.replace("7.5", "NaN", 1)], 3, "value 8, “NaN”, is no number"),
    "python's own numbers": ([DAY.replace("7.5", "1_0", 1)], 3, "is no number"),
    "below zero": ([DAY.replace(",7.5", ",-7.5", 1)], 3, "value 8 is -7.5"),
    "a hole that is none": ([DAY.replace(",7.5", ",", 1)], 3, "value 8, “”, is no number"),
    "an unknown quality": ([DAY.replace(",A,", ",X,")], 3, "“X” behind the 48 values is no quality"),
    "something behind": ([DAY + ",,7"], 3, "more stands behind the 48 values"),
    "variable, and nothing said": ([DAY.replace(",A,", ",V,")], 3, "no 400 record speaks of interval 1"),
    "a hole between events": ([DAY.replace(",A,", ",V,"), "400,1,4,A,,", "400,6,48,A,,"], 5, "of interval 5"),
    "events over each other": (
        [DAY.replace(",A,", ",V,"), "400,1,9,A,,", "400,5,48,A,,"],
        5,
        "quality already",
    ),
    "an event too far": ([DAY.replace(",A,", ",V,"), "400,1,49,A,,"], 4, "do not lie between 1 and 48"),
    "an event backwards": ([DAY.replace(",A,", ",V,"), "400,9,1,A,,"], 4, "do not lie between"),
    "an event of no quality": ([DAY.replace(",A,", ",V,"), "400,1,48,V,,"], 4, "is no quality"),
    "an event of no numbers": ([DAY.replace(",A,", ",V,"), "400,a,b,A,,"], 4, "does not say from which"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_a_day_with_a_fault_is_left_out_with_its_line(case: str) -> None:
    """The other days of the channel, and the other channels, are as they were."""
    lines, line, why = REJECTED[case]
    other = CHANNEL.replace("E1,N1", "Q1,")
    found = read(HEAD, CHANNEL, *lines, other, DAY, "900")
    [one] = found.rejected
    assert (one.line, one.meter, one.channel) == (line, "VABD000163", "E1")
    assert re.search(why, one.why), one.why
    kept = {channel.channel: len(channel.at) for channel in found.intervals}
    assert kept == {"E1": 48 if case == "the same day again" else 0, "Q1": 48}


def test_a_file_of_nothing_but_faults_is_refused_as_a_whole() -> None:
    with pytest.raises(
        Unusable, match=r"value 8.*nothing else in the file can be used \(and 1 more line\)"
    ) as no:
        read(HEAD, CHANNEL, DAY.replace("7.5", "x", 1), "300,2004,1,A", "900")
    assert no.value.line == 3


PAIR = (
    "250,VABC005890,11,1,11,11,METSER123,E,006342.8,20031005093055,A,,,007654.9,20040107100333,A,,,"
    "1312.1,kWh,20040407,20040108100333,20040108091133"
)


def test_a_pair_of_readings_is_read() -> None:
    found = read("100,NEM13,200401101030,MDA1,Ret1", PAIR, "550,N,,A,", "900")
    [pair] = found.indices
    assert (pair.meter, pair.channel, pair.serial, pair.unit) == ("VABC005890", "11", "METSER123", "kWh")
    assert (pair.previous, pair.current, pair.quantity) == (
        Decimal("6342.8"),
        Decimal("7654.9"),
        Decimal("1312.1"),
    )
    assert pair.end.isoformat() == "2004-01-07T10:03:33+10:00"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("006342.8", "six", "is no number"),
        ("20031005093055", "20031305093055", "bears no day"),
        ("20040107100333", "20020107100333", "is not after"),
        (",A,,,1312.1", ",B7,,,1312.1", "is no quality of a reading"),
        (",E,0", ",X,0", "the direction is “X”"),
    ],
)
def test_a_pair_with_a_fault_is_left_out(old: str, new: str, why: str) -> None:
    found = read("100,NEM13,200401101030,MDA1,Ret1", PAIR.replace(old, new, 1), PAIR, "900")
    [one] = found.rejected
    assert (one.line, why in one.why) == (2, True), one.why
    assert len(found.indices) == 1
    with pytest.raises(Unusable, match="needs 20"):
        read("100,NEM13,200401101030,MDA1,Ret1", "250,N,1,1,E1", "900")
