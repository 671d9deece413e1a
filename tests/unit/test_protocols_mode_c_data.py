"""What mode C meters write: data sets, codes, numbers with units, times, load profiles."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from model.series import Unit
from protocols.errors import DecodeError, LocalError
from protocols.iec62056_21.characters import block_check
from protocols.iec62056_21.codes import code_of, same, text_of
from protocols.iec62056_21.data_sets import MAX_SETS, DataSet, read_lines, write_lines
from protocols.iec62056_21.profile import (
    MAX_HEADERS,
    MAX_VALUES,
    Column,
    ProfileRange,
    StampAt,
    read_profile,
    write_profile,
)
from protocols.iec62056_21.quantities import (
    Quantity,
    read_number,
    read_quantity,
    unit_of,
    word_of,
    write_quantity,
)
from protocols.iec62056_21.stamps import read_clock, read_stamp, write_clock, write_stamp
from protocols.obis import Obis, obis

LOCAL, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")
HEAD = "P.01(0261120003000)(00)(30)(2)(1.29.0)(kWh)(3.29.0)(kvarh)\r\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.8.0", "1.0.1.8.0.255"), ("1-0:1.8.0*255", "1.0.1.8.0.255"), ("1.8.2*04", "1.0.1.8.2.4"),
        ("1.8.2.4", "1.0.1.8.2.4"), ("1.5", "1.0.1.5.0.255"), ("1-1:1.29", "1.1.1.29.0.255"),
        ("P.01", "1.0.99.1.0.255"), ("C.1.0", "0.0.96.1.0.255"), ("F.F", "0.0.97.97.0.255"),
        ("0-0:F.F.0*255", "0.0.97.97.0.255"), ("L.1.0", "1.0.98.1.0.255"), (" 0.9.1 ", "1.0.0.9.1.255"),
    ],
)  # fmt: skip
def test_codes(text: str, code: str) -> None:
    assert str(code_of(text)) == code
    assert same(text, text_of(obis(code)))


def test_what_is_no_code() -> None:
    for text in ("507", "999.1.1", "A.1", "", "1.8.0.4.5", "(1)"):
        assert code_of(text) is None
    assert same("507", "507")
    assert not same("507", "508")
    assert not same("1.8.0", "1.8.1")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (Obis(1, 0, 1, 8, 0), "1.8.0"), (Obis(1, 0, 99, 1, 0), "P.01"), (Obis(1, 0, 99, 98, 0), "P.98"),
        (Obis(0, 0, 97, 97, 0), "F.F"), (Obis(1, 1, 1, 29, 0), "1-1:1.29.0"), (Obis(1, 0, 99, 1, 2), "P.1.2"),
        (Obis(0, 0, 96, 1, 0), "C.1.0"), (Obis(1, 0, 1, 8, 1, 12), "1.8.1*12"),
        (Obis(0, 1, 24, 2, 1), "0-1:24.2.1"), (Obis(0, 0, 1, 0, 0), "0-0:1.0.0"),
    ],
)  # fmt: skip
def test_codes_as_meters_write_them(code: Obis, text: str) -> None:
    assert text_of(code) == text
    assert code_of(text) == code


def test_data_sets_and_what_is_none() -> None:
    (found,) = read_lines(b"1.6.1(0.50262*kW)(2211120730)\r\n")
    assert (found.value(0), found.value(1)) == (("0.50262", "kW"), ("2211120730", ""))
    with pytest.raises(DecodeError, match="has 2 values, not 3"):
        found.value(2)
    assert read_lines(b"") == ()
    for raw in (b"1.8.0", b"1.8.0(1", b"1.8.0 1)", b"1.8.0((1))", b"a!b(1)", b"1.8.0(\x07)", b"\xc4(1)"):
        with pytest.raises(DecodeError):
            read_lines(raw)
    with pytest.raises(DecodeError, match="more than"):
        read_lines(b"a(1)" * (MAX_SETS + 1))


@pytest.mark.parametrize("wrong", [DataSet("a(", ("1",)), DataSet("a", ("1)",)), DataSet(" a", ("số",))])
def test_data_sets_that_cannot_stand_on_a_line(wrong: DataSet) -> None:
    with pytest.raises(LocalError, match="cannot stand"):
        write_lines([[wrong]])


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("kWh", (Unit.WATT_HOUR, 3)), ("Wh", (Unit.WATT_HOUR, 0)), ("MWh", (Unit.WATT_HOUR, 6)),
        ("kVArh", (Unit.VAR_HOUR, 3)), ("GWh", (Unit.WATT_HOUR, 9)), ("W", (Unit.WATT, 0)),
        ("Hz", (Unit.HERTZ, 0)),
        ("", (Unit.NONE, 0)), ("kV", (Unit.VOLT, 3)), ("m3", None), ("k", None), ("Imp/kWh", None),
    ],
)  # fmt: skip
def test_units(word: str, unit: tuple[Unit, int] | None) -> None:
    assert unit_of(word) == unit


def test_numbers() -> None:
    assert read_number("-001.50") == (-150, 2)
    assert read_number("1,5") == (15, 1)
    assert read_quantity("0012.3", "kWh") == Quantity(123, 2, Unit.WATT_HOUR)
    for text in ("", "1.2.3", "0x1", "1e3", "----", "9" * 40):
        with pytest.raises(DecodeError, match="no number"):
            read_number(text)
    with pytest.raises(DecodeError, match="unit not known"):
        read_quantity("1", "m3")


@pytest.mark.parametrize(
    ("quantity", "digits", "text"),
    [
        (Quantity(12345, 0, Unit.WATT_HOUR), 6, "000012.345"),
        (Quantity(12345, 1, Unit.WATT_HOUR), 6, "000123.45"),
        (Quantity(-5, 0, Unit.WATT), 0, "-0.005"), (Quantity(2183, -1, Unit.VOLT), 0, "218.3"),
        (Quantity(7, 4, Unit.WATT_HOUR), 6, "000070"), (Quantity(7, 3, Unit.WATT_HOUR), 0, "7"),
        (Quantity(950, -3, Unit.NONE), 0, "0.950"),
    ],
)  # fmt: skip
def test_numbers_as_meters_write_them(quantity: Quantity, digits: int, text: str) -> None:
    assert write_quantity(quantity, digits) == text


def test_units_as_meters_write_them() -> None:
    assert [word_of(unit) for unit in (Unit.WATT_HOUR, Unit.VOLT, Unit.NONE)] == ["kWh", "V", ""]


def test_a_number_no_meter_shows() -> None:
    with pytest.raises(LocalError, match="more digits"):
        write_quantity(Quantity(10**20, 0, Unit.VOLT))


def test_stamps_with_and_without_their_season() -> None:
    at = datetime(2026, 11, 21, 8, 30, tzinfo=LOCAL)
    for text in ("2611210830", "02611210830", "261121083000", "0261121083000", "2261121013000"):
        assert read_stamp(text, LOCAL) == at
    assert read_stamp("1261121093000", LOCAL) == at  # an hour ahead, where there is no summer time
    twice = [read_stamp(f"{season}261025023000", BERLIN).astimezone(UTC) for season in "10"]
    assert twice == [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert read_stamp("2611212400", LOCAL) == datetime(2026, 11, 22, tzinfo=LOCAL)
    assert write_stamp(at, LOCAL) == "0261121083000"
    assert write_stamp(datetime(2026, 7, 1, tzinfo=UTC), BERLIN, seconds=False) == "12607010200"
    for text in ("", "26112108", "3261121083000", "0261321083000", "0261121250000", "02611212430", "x" * 13):
        with pytest.raises(DecodeError):
            read_stamp(text, LOCAL)


def test_clocks() -> None:
    at = datetime(2026, 11, 21, 8, 30, 5, tzinfo=LOCAL)
    assert read_clock(*write_clock(at, LOCAL), LOCAL) == at
    assert read_clock("26-11-21", "08:30:05", LOCAL) == at
    assert read_clock("0261121", "0083005", LOCAL) == at
    fixed = timezone(timedelta(hours=7))
    assert read_clock("261121", "1093005", fixed) == at
    for day, hour in (("2611", "083005"), ("261121", "0830"), ("261321", "083005")):
        with pytest.raises(DecodeError):
            read_clock(day, hour, LOCAL)


def rows_of(text: str, **more: StampAt) -> object:
    return read_profile(read_lines(text.encode()), "P.01", LOCAL, **more)


def test_a_profile_with_a_gap_a_status_and_an_absent_value() -> None:
    text = HEAD + "(0.100)(0.010)\r\n(0.200)(----)\r\n" + HEAD.replace("0030", "0230").replace("(00)", "(08)")
    rows = read_profile(read_lines((text + "(0.3)(0.030)(0.4)(0.040)\r\n").encode()), "P.01", LOCAL)
    first = datetime(2026, 11, 20, 0, 30, tzinfo=LOCAL).timestamp()
    assert (rows.stamps - first).tolist() == [0, 1800, 7200, 9000]
    assert rows.status.tolist() == [0, 0, 8, 8]
    assert rows.values[0].tolist() == [100, 200, 300, 400]
    assert (rows.values[1].tolist(), rows.present[1].tolist()) == ([10, 0, 30, 40], [True, False, True, True])
    assert rows.places == (3, 3)
    assert rows.interval_seconds == 1800


def test_values_on_the_header_s_own_line_and_a_stamp_at_the_beginning() -> None:
    text = HEAD.rstrip() + "(0.1)(0.2)\r\n(0.3)(0.4)\r\n"
    began, ended = rows_of(text, stamp_at=StampAt.BEGIN), rows_of(text)
    assert (began.stamps - ended.stamps).tolist() == [1800, 1800]  # type: ignore[attr-defined]
    assert ended.values[1].tolist() == [2, 4]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "P.01()\r\n", HEAD])
def test_a_profile_of_no_rows(text: str) -> None:
    assert rows_of(text).stamps.tolist() == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(1)(2)\r\n", "without a header"),
        ("P.02" + HEAD[4:], "P.02 stands in an answer about P.01"),
        (HEAD + "(0.1)\r\n(0.2)\r\n", "1 values are no row of 2 columns"),
        (HEAD.replace("(30)", "(0)"), "every 0 minutes"),
        (HEAD.replace("(30)", "(x)"), "no interval"),
        (HEAD.replace("(2)", "(99)"), "a profile of 99 columns"),
        (HEAD.replace("(2)", "(3)"), "not all of them named"),
        (HEAD.replace("(00)", "(##)"), "no status"),
        (HEAD.replace("0261120003000", "026112000300"), "no stamp|no time"),
        ("P.01(0261120003000)(00)\r\n", "4 fields"),
        (HEAD + "(0.1)(a)\r\n", "no number"),
        (HEAD + "(0.1)(123456789012345678.0)\r\n(0.1)(1.123456789)\r\n", "more digits"),
        (HEAD + HEAD.replace("(30)", "(15)"), "changes its columns or its interval"),
        (HEAD + HEAD.replace("3.29.0", "4.29.0"), "changes its columns or its interval"),
        (HEAD * (MAX_HEADERS + 1), "more than"),
        (HEAD + "(1)(2)" * (MAX_VALUES // 2 + 1), "more than"),
    ],
)
def test_profiles_that_make_no_sense(text: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        rows_of(text)


def test_a_profile_is_written_as_it_is_read() -> None:
    stamps = [datetime(2026, 11, 20, 0, 30, tzinfo=LOCAL) + at * timedelta(minutes=30) for at in (0, 1, 4)]
    columns = [(Column("1.29.0", "kWh"), ["0.100", "0.200", "0.300"])]
    for stamp_at in StampAt:
        lines = write_profile("P.01", stamps, [0, 0, 0], 30, columns, LOCAL, stamp_at)
        assert len(lines) == 5
        rows = read_profile([each for line in lines for each in line], "P.01", LOCAL, stamp_at)
        assert rows.stamps.tolist() == [at.timestamp() for at in stamps]
        assert rows.values[0].tolist() == [100, 200, 300]
    assert write_lines(write_profile("P.01", [], [], 30, columns, LOCAL)) == b"P.01()\r\n"


def test_ranges() -> None:
    first, last = datetime(2026, 11, 20, tzinfo=LOCAL), datetime(2026, 11, 21, tzinfo=LOCAL)
    for wanted, text in (
        (ProfileRange(), ";"),
        (ProfileRange(first), "02611200000;"),
        (ProfileRange(first, last), "02611200000;02611210000"),
        (ProfileRange(first, last, 24), "02611200000;02611210000;24"),
    ):
        assert wanted.to_text(LOCAL) == text
        assert ProfileRange.from_text(text, LOCAL) == wanted
    assert ProfileRange.from_text("", LOCAL) == ProfileRange()
    for text in (";;x", "a;b", ";;1;2", ";;12345"):
        with pytest.raises(DecodeError):
            ProfileRange.from_text(text, LOCAL)


def test_the_check_of_nothing_and_of_many() -> None:
    assert block_check(b"") == 0
    assert block_check(bytes(range(256)) * 3) == 0
    assert np.frombuffer(b"\x05", np.uint8)[0] == block_check(b"\x05")
