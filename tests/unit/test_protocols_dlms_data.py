"""Data, clocks and codes: bounds, wildcards and what is refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from protocols.dlms import axdr
from protocols.dlms.axdr import CompactArray, Data, Shape, Tag
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime, read_clock, write_clock
from protocols.dlms.objects import ScalerUnit, buffer, capture_objects, read_capture_objects, scaler_unit
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import DecodeError, LocalError, RemoteError
from protocols.obis import Obis, obis


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing"),
        ("07", "not a tag"),
        ("0600", "announced"),
        ("060000000100", "too many"),
        ("0984ffffffff", "announced"),
        ("0985ffffffffff", "length of 5 bytes"),
        ("0980", "length of 0 bytes"),
        ("01843b9aca00" + "00" * 20, "1000000000 elements"),
        ("0c02ff00", "not UTF-8"),
        ("1907ea0d01ff00000000fe5c00", "not a date"),
        ("1b18000000", "not a time"),
        ("13130100", "does not describe"),
        ("1301ffff01ffff000101", "more elements"),
        ("13020001" + "00", "without bytes"),
    ],
)
def test_bad_data_is_told_with_its_bytes(text: str, why: str) -> None:
    raw = bytes.fromhex(text)
    with pytest.raises(DecodeError, match=why) as wrong:
        axdr.decode(raw)
    assert wrong.value.raw is not None


def test_nesting_ends_at_its_bound() -> None:
    deepest = bytes.fromhex("0101" * axdr.MAX_DEPTH) + b"\x00"
    assert axdr.encode(axdr.decode(deepest)) == deepest
    for depth in (axdr.MAX_DEPTH + 1, 10_000):
        with pytest.raises(DecodeError, match="nested deeper"):
            axdr.decode(bytes.fromhex("0101" * depth) + b"\x00")
    value = axdr.NULL
    for _ in range(axdr.MAX_DEPTH + 1):
        value = axdr.array(value)
    with pytest.raises(LocalError, match="nested deeper"):
        axdr.encode(value)


@pytest.mark.parametrize(
    "value",
    [
        Data(Tag.UNSIGNED, 256),
        Data(Tag.INTEGER, "x"),
        Data(Tag.NULL, 1),
        Data(Tag.BIT_STRING, "012"),
        Data(Tag.COMPACT_ARRAY, CompactArray(Shape(Tag.UNSIGNED), (axdr.long_unsigned(1),))),
        Data(
            Tag.COMPACT_ARRAY, CompactArray(Shape(Tag.STRUCTURE, (Shape(Tag.UNSIGNED),)), (axdr.structure(),))
        ),
    ],
)
def test_what_does_not_fit_its_tag_is_our_mistake(value: Data) -> None:
    with pytest.raises(LocalError):
        axdr.encode(value)


def test_seven_hours_east_is_a_deviation_of_minus_420() -> None:
    moment = datetime(2026, 10, 1, 6, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=7)))
    raw = write_clock(moment)
    assert raw.hex() == "07ea0a0104061e0f19fe5c00"
    assert read_clock(raw) == moment
    with pytest.raises(LocalError, match="no zone"):
        write_clock(datetime(2026, 10, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["ffff0101ff0000000000 0000", "07eafd01ff000000000000 00", "07ea0a01ffffffffff800000"]
)
def test_a_wildcard_is_never_an_instant(text: str) -> None:
    stamp = read_clock(bytes.fromhex(text), UTC)
    assert isinstance(stamp, CosemDateTime)
    assert not stamp.exact
    assert stamp.to_bytes() == bytes.fromhex(text)
    with pytest.raises(DecodeError, match="leaves fields open"):
        stamp.to_datetime(UTC)


def test_days_that_do_not_exist_are_refused() -> None:
    stamp = CosemDateTime(CosemDate(2026, 2, 30), CosemTime(0, 0, 0), 0, 0)
    with pytest.raises(DecodeError, match="does not exist"):
        stamp.to_datetime()
    with pytest.raises(DecodeError, match="deviation"):
        CosemDateTime.from_bytes(bytes.fromhex("07ea0a01ff0000000005a000"))


@pytest.mark.parametrize(
    "text", ["1.0.1.8.0", "1.0.1.8.0.255", "1-0:1.8.0", "1-0:1.8.0*255", " 1-0:1.8.0.255 "]
)
def test_codes_are_read_in_every_way_people_write_them(text: str) -> None:
    assert obis(text) == Obis(1, 0, 1, 8, 0, 255)
    assert str(obis(text)) == "1.0.1.8.0.255"
    assert Obis.from_bytes(obis(text).to_bytes()) == obis(text)


@pytest.mark.parametrize("text", ["", "1.8.0", "1.0.1.8.0.255.1", "1.0.1.8.256", "a.b.c.d.e"])
def test_what_is_no_code_is_told(text: str) -> None:
    with pytest.raises(LocalError, match="OBIS"):
        Obis.parse(text)


def test_codes_are_ordered() -> None:
    assert sorted([obis("1.0.2.8.0"), obis("0.0.1.0.0"), obis("1.0.1.8.1"), obis("1.0.1.8.0")])[1] == obis(
        "1.0.1.8.0"
    )
    with pytest.raises(DecodeError):
        Obis.from_bytes(b"12345")


def test_scalers_stand_elsewhere_in_demand_registers() -> None:
    assert scaler_unit(obis("1.0.1.8.0")).number == 3
    assert scaler_unit(obis("1.0.1.4.0"), 5).number == 4
    with pytest.raises(DecodeError, match="structure of 2"):
        ScalerUnit.from_data(axdr.structure(axdr.integer(0)))
    with pytest.raises(DecodeError, match="unit 9"):
        ScalerUnit(0, 9).known_unit()
    with pytest.raises(DecodeError, match="array"):
        read_capture_objects(axdr.NULL)


def test_frames_that_are_none_are_refused_with_their_bytes() -> None:
    with pytest.raises(RemoteError, match="begin no wrapper frame") as wrong:
        Unwrapper().feed(b"HTTP/1.1 400")
    assert wrong.value.raw == b"HTTP/1.1 400"
    with pytest.raises(RemoteError, match="at most 100"):
        Unwrapper(100).feed(bytes.fromhex("0001000100100065"))
    with pytest.raises(RemoteError, match="0 bytes"):
        Unwrapper().feed(bytes.fromhex("0001000100100000"))
    unwrapper = Unwrapper()
    frame = Frame(1, 16, b"x")
    assert unwrapper.feed(frame.to_bytes() + b"garbage") == [frame]
    with pytest.raises(RemoteError):
        unwrapper.feed(b"")
    for wrongly in (Frame(1, 16, b""), Frame(70_000, 1, b"x")):
        with pytest.raises(LocalError):
            wrongly.to_bytes()


def test_the_hour_of_summer_is_told_by_a_bit() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for month, status, deviation in ((7, 0x80, -120), (1, 0x00, -60)):
        moment = datetime(2026, month, 1, 12, tzinfo=berlin)
        stamp = CosemDateTime.from_datetime(moment)
        assert (stamp.status, stamp.deviation) == (status, deviation)
        assert stamp.to_datetime() == moment


def test_an_attribute_holds_only_what_fits_it() -> None:
    """A small number may come under a larger tag; one beyond the attribute is none."""
    assert axdr.integer_of(Data(Tag.LONG64, -128), "scaler", Tag.INTEGER) == -128
    for value in (-129, 128):
        with pytest.raises(DecodeError, match=f"scaler: {value} does not fit integer"):
            axdr.integer_of(Data(Tag.LONG, value), "scaler", Tag.INTEGER)
    with pytest.raises(DecodeError, match="does not fit long unsigned"):
        axdr.integer_of(axdr.integer(-1), "class", Tag.LONG_UNSIGNED)


def test_where_the_attributes_of_a_profile_stand() -> None:
    name = obis("1.0.99.1.0")
    assert [
        (place.class_id, place.obis, place.number) for place in (buffer(name), capture_objects(name))
    ] == [
        (7, name, 2),
        (7, name, 3),
    ]
