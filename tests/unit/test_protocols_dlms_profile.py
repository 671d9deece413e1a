"""Profiles: the fast decoder against the strict one, selections, null compression, and nothing in part."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from protocols.dlms import axdr
from protocols.dlms.axdr import CompactArray, Data, Shape, Tag
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime, write_clock
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.profile import _fast, decode_rows, decode_rows_strictly
from protocols.dlms.profile_server import ProfileBuffer, encode_rows
from protocols.dlms.selection import (
    CLOCK_COLUMN,
    CaptureObject,
    EntrySelection,
    RangeAsked,
    RangeSelection,
    read_selection,
)
from protocols.errors import DecodeError, LocalError
from protocols.obis import obis

VIETNAM = timezone(timedelta(hours=7))
IMPORT = CaptureObject(3, obis("1.0.1.29.0"))
EXPORT = CaptureObject(3, obis("1.0.2.29.0"))
CAPTURES = (CLOCK_COLUMN, IMPORT, EXPORT)
FIRST = int(datetime(2026, 10, 1, 0, 30, tzinfo=VIETNAM).timestamp())


def stamps(count: int) -> np.ndarray:
    return FIRST + np.arange(count, dtype=np.int64) * 1800


def buffer(count: int = 96, *, deviation: bool = True) -> ProfileBuffer:
    values = np.arange(count, dtype=np.int64)
    return ProfileBuffer(
        CAPTURES,
        (Tag.DOUBLE_LONG_UNSIGNED, Tag.LONG),
        stamps(count),
        (values, -values),
        420,
        deviation=deviation,
    )


def whole(profile: ProfileBuffer) -> bytes:
    raw = profile.select(None)
    assert isinstance(raw, bytes)
    return raw


def test_the_clock_is_written_as_the_standard_says() -> None:
    raw = encode_rows(stamps(1), [(Tag.LONG_UNSIGNED, np.array([7]))], 420)
    # 2026-10-01 is a Thursday; UTC+7 is a deviation of -420 minutes.
    assert raw.hex() == "01010202090c07ea0a0104001e0000fe5c00120007"


@pytest.mark.parametrize("deviation", [True, False])
@pytest.mark.parametrize("count", [1, 48, 127, 128, 256, 3000])
def test_fast_and_strict_agree(count: int, deviation: bool) -> None:
    raw = whole(buffer(count, deviation=deviation))
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    fast = _fast(raw, CAPTURES, 0, zone)
    assert fast is not None
    strict = decode_rows_strictly(raw, CAPTURES, zone)
    for rows in (fast, strict):
        assert rows.stamps.tolist() == stamps(count).tolist()
        assert rows.column("1.0.1.29.0.255").values.tolist() == list(range(count))
        assert rows.column("1.0.2.29.0.255").values.tolist() == [-value for value in range(count)]
        assert rows.status.tolist() == [0 if deviation else 255] * count


def test_every_cut_and_every_extra_byte_is_refused() -> None:
    raw = whole(buffer(3))
    for end in range(len(raw)):
        with pytest.raises(DecodeError):
            decode_rows(raw[:end], CAPTURES)
    with pytest.raises(DecodeError):
        decode_rows(raw + b"\x00", CAPTURES)


def test_a_wrong_tag_in_a_late_row_is_found() -> None:
    raw = bytearray(whole(buffer(48)))
    size = (len(raw) - 2) // 48
    raw[2 + 47 * size] = Tag.ARRAY
    assert _fast(bytes(raw), CAPTURES, 0, None) is None
    with pytest.raises(DecodeError, match="row 48"):
        decode_rows(bytes(raw), CAPTURES)


@pytest.mark.parametrize(("place", "octet"), [(4, 13), (5, 32), (7, 24), (8, 60), (9, 60), (11, 0x7F)])
def test_an_impossible_stamp_is_refused_by_both(place: int, octet: int) -> None:
    raw = bytearray(whole(buffer(2)))
    # Array head 2, row head 2, tag and length 2: the stamp's bytes follow.
    raw[4 + place] = octet
    with pytest.raises(DecodeError):
        decode_rows(bytes(raw), CAPTURES)


def test_a_stamp_without_deviation_needs_a_zone() -> None:
    with pytest.raises(DecodeError, match="no deviation"):
        decode_rows(whole(buffer(2, deviation=False)), CAPTURES)


def test_a_day_of_two_offsets_is_read_by_its_dst_bit() -> None:
    # Berlin, 2026-10-25: 02:30 happens twice; the status bit 0x80 tells the first from the second.
    def row(status: int) -> Data:
        stamp = bytes.fromhex("07ea0a1907021e00008000") + bytes((status,))
        return axdr.structure(axdr.octet_string(stamp), axdr.long_unsigned(1))

    raw = axdr.encode(axdr.array(row(0x80), row(0x00)))
    rows = decode_rows(raw, (CLOCK_COLUMN, IMPORT), ZoneInfo("Europe/Berlin"))
    assert rows.stamps[1] - rows.stamps[0] == 3600


def test_null_means_the_same_and_one_interval_later() -> None:
    first = axdr.structure(
        axdr.octet_string(write_clock(datetime.fromtimestamp(FIRST, VIETNAM))),
        axdr.long_unsigned(5),
        axdr.NULL,
    )
    second = axdr.structure(axdr.NULL, axdr.NULL, Data(Tag.LONG, -3))
    raw = axdr.encode(axdr.array(first, second))
    rows = decode_rows(raw, CAPTURES, interval_seconds=1800)
    assert rows.stamps.tolist() == [FIRST, FIRST + 1800]
    assert rows.columns[0].values.tolist() == [5, 5]
    assert rows.columns[1].present.tolist() == [False, True]
    with pytest.raises(DecodeError, match="nothing to count it from"):
        decode_rows(raw, CAPTURES)


def test_a_compact_array_is_rows_too() -> None:
    stamp = axdr.octet_string(write_clock(datetime.fromtimestamp(FIRST, VIETNAM)))
    shape = Shape(Tag.STRUCTURE, (Shape(Tag.OCTET_STRING), Shape(Tag.LONG_UNSIGNED)))
    items = (axdr.structure(stamp, axdr.long_unsigned(9)),)
    raw = axdr.encode(Data(Tag.COMPACT_ARRAY, CompactArray(shape, items)))
    rows = decode_rows(raw, (CLOCK_COLUMN, IMPORT))
    assert rows.columns[0].values.tolist() == [9]


def test_values_beyond_63_bits_and_texts_are_kept_whole() -> None:
    stamp = axdr.octet_string(write_clock(datetime.fromtimestamp(FIRST, VIETNAM)))
    row = axdr.structure(stamp, Data(Tag.LONG64_UNSIGNED, (1 << 64) - 1), axdr.octet_string(b"A"))
    rows = decode_rows(axdr.encode(axdr.array(row)), CAPTURES)
    assert rows.columns[0].values.tolist() == [(1 << 64) - 1]
    assert rows.columns[1].values.tolist() == [b"A"]


def ask(first: datetime, last: datetime, *, deviation: bool = True) -> bytes | DataAccessResult:
    wish = RangeSelection(first, last, deviation=deviation)
    return buffer().select(read_selection(wish.to_access()))


@pytest.mark.parametrize("deviation", [True, False])
def test_a_range_holds_both_ends(deviation: bool) -> None:
    first = datetime(2026, 10, 1, 1, 0, tzinfo=VIETNAM)
    raw = ask(first, first + timedelta(hours=2), deviation=deviation)
    assert isinstance(raw, bytes)
    rows = decode_rows(raw, CAPTURES)
    assert rows.columns[0].values.tolist() == [1, 2, 3, 4, 5]


def test_an_empty_range_is_an_empty_array() -> None:
    first = datetime(2025, 1, 1, tzinfo=VIETNAM)
    assert ask(first, first) == b"\x01\x00"
    assert decode_rows(b"\x01\x00", CAPTURES).stamps.tolist() == []


def test_a_range_may_name_its_columns() -> None:
    first = datetime.fromtimestamp(FIRST, VIETNAM)
    columns = (CLOCK_COLUMN, EXPORT)
    wish = RangeSelection(first, first, columns)
    raw = buffer().select(read_selection(wish.to_access()))
    assert isinstance(raw, bytes)
    assert decode_rows(raw, columns).columns[0].values.tolist() == [0]
    strange = RangeSelection(first, first, (CaptureObject(3, obis("1.0.9.8.0")),))
    refusal = buffer().select(read_selection(strange.to_access()))
    assert refusal is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_entries_count_from_one_at_the_oldest() -> None:
    raw = buffer().select(read_selection(EntrySelection(2, 4).to_access()))
    assert isinstance(raw, bytes)
    assert decode_rows(raw, CAPTURES).columns[0].values.tolist() == [1, 2, 3]
    raw = buffer().select(EntrySelection(95, 0, 1, 2))
    assert isinstance(raw, bytes)
    assert decode_rows(raw, CAPTURES[:2]).columns[0].values.tolist() == [94, 95]
    assert buffer().select(EntrySelection(0, 1)) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_a_naive_range_and_a_value_too_big_are_our_mistakes() -> None:
    naive = datetime(2026, 10, 1)  # noqa: DTZ001
    with pytest.raises(LocalError, match="aware"):
        RangeSelection(naive, naive).to_access()
    with pytest.raises(LocalError, match="does not fit"):
        encode_rows(stamps(1), [(Tag.UNSIGNED, np.array([256]))], 420)


def stamped(stamp: Data, *values: Data) -> Data:
    return axdr.structure(stamp, *(values or (axdr.unsigned(1), axdr.unsigned(2))))


def test_stamps_under_their_own_tag_are_read_by_both() -> None:
    """Some meters write a date-time with tag 25 instead of the octet-string of twelve bytes."""
    moments = [datetime(2026, 10, 1, hour, 30, tzinfo=VIETNAM) for hour in range(3)]
    written = [CosemDateTime.from_datetime(moment) for moment in moments]
    raw = axdr.encode(axdr.array(*[stamped(Data(Tag.DATE_TIME, stamp)) for stamp in written]))
    fast = _fast(raw, CAPTURES, 0, VIETNAM)
    assert fast is not None
    strict = decode_rows_strictly(raw, CAPTURES, VIETNAM)
    due = [int(moment.timestamp()) for moment in moments]
    assert fast.stamps.tolist() == strict.stamps.tolist() == due
    assert fast.status.tolist() == strict.status.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (stamped(axdr.unsigned(7)), "a stamp is a date-time"),
        (stamped(axdr.octet_string(bytes(5))), "the stamp of row 1: a date-time has 12 bytes"),
        (stamped(axdr.NULL), "a row without a stamp"),
        (axdr.structure(axdr.NULL), "1 columns where 3 are captured"),
        (axdr.unsigned(1), "no structure of columns"),
    ],
)
def test_rows_that_are_none(row: Data, why: str) -> None:
    raw = axdr.encode(axdr.array(row))
    with pytest.raises(DecodeError, match=why) as wrong:
        decode_rows(raw, CAPTURES, VIETNAM, 1800)
    assert wrong.value.raw == raw


def test_a_profile_needs_a_clock_and_rows() -> None:
    with pytest.raises(DecodeError, match="without a clock column"):
        decode_rows(whole(buffer(2)), (IMPORT, EXPORT))
    with pytest.raises(DecodeError, match="an array of rows"):
        decode_rows(axdr.encode(axdr.unsigned(1)), CAPTURES)
    rows = decode_rows(whole(buffer(2)), CAPTURES)
    assert rows.column("1.0.1.29.0.255").capture == IMPORT
    with pytest.raises(DecodeError, match=r"no column 1\.0\.9\.29\.0\.255"):
        rows.column("1.0.9.29.0.255")


def test_the_clock_may_stand_in_any_column() -> None:
    captures = (IMPORT, CLOCK_COLUMN, EXPORT)
    values = [(Tag.DOUBLE_LONG_UNSIGNED, np.arange(5)), (Tag.LONG, -np.arange(5))]
    raw = encode_rows(stamps(5), values, 420, clock_at=1)
    for rows in (_fast(raw, captures, 1, VIETNAM), decode_rows_strictly(raw, captures, VIETNAM)):
        assert rows is not None
        assert rows.stamps.tolist() == stamps(5).tolist()
        assert [column.values.tolist() for column in rows.columns] == [[0, 1, 2, 3, 4], [0, -1, -2, -3, -4]]
    bare = encode_rows(stamps(2), [(Tag.UNSIGNED, np.array([7, 8]))], 420, clock_at=None)
    assert axdr.decode(bare) == axdr.array(axdr.structure(axdr.unsigned(7)), axdr.structure(axdr.unsigned(8)))
    assert axdr.decode(encode_rows(stamps(1), [], 420)).value[0].value[0].tag is Tag.OCTET_STRING


def test_a_range_that_makes_no_sense_is_refused() -> None:
    first, last = datetime(2026, 10, 1, tzinfo=VIETNAM), datetime(2026, 10, 2, tzinfo=VIETNAM)
    asked = read_selection(RangeSelection(first, last).to_access())
    profile = buffer()
    assert isinstance(asked, RangeAsked)
    assert isinstance(profile.select(asked), bytes)
    for wrong in (
        replace(asked, restricting=IMPORT),
        replace(asked, first=CosemDateTime(CosemDate(), CosemTime())),
        replace(asked, columns=(CaptureObject(3, obis("1.0.9.8.0")),)),
    ):
        assert profile.select(wrong) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
