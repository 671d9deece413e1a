"""Tables of readings: columns by name, times with and without an offset, and cells that are refused."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from operations.formats import table
from operations.formats.opening import opened
from operations.formats.reading import READERS
from operations.formats.values import FileReadings, Unusable
from operations.spreadsheet import csv_text, write_xlsx

ZONE = timezone(timedelta(hours=7))


def read(text: str) -> FileReadings:
    return table.read(text.encode(), ZONE)


def test_columns_are_found_by_their_names() -> None:
    for text in (
        "meter,timestamp,kwh\nA,2026-10-01T00:00:00+07:00,0.5\nA,2026-10-01T00:30:00+07:00,1",
        "﻿kWh;Số công tơ;Thời điểm\n0,5;A;01/10/2026 00:00\n1;A;01/10/2026 00:30:00\n",
        "quality\tat\twh\tmeter\nactual\t2026-09-30T17:00Z\t500\tA\n\t2026-09-30 17:30:00+00:00\t1000\tA",
        "meter,at,value,unit,channel\n'=A,x,,,\nA,2026-10-01 00:00,0.0005,MWh,active_import\n"
        "A,2026-10-01 00:30,.001,MWh,",
    ):
        one = read(text).intervals[0]
        assert (one.meter, one.channel, one.interval_s, len(one.at)) == ("A", "active_import", 1800, 2)
        assert one.at[0] == int(datetime(2026, 10, 1, tzinfo=ZONE).timestamp())
        scale = {"kWh": 1000, "Wh": 1, "MWh": 1_000_000}[one.unit]
        assert [value and value * scale for value in one.value] == [500, 1000]


def test_gaps_stay_gaps_and_empty_is_missing() -> None:
    [one] = read(
        "meter,timestamp,kwh,quality\nA,2026-10-01T00:00,1,\nA,2026-10-01T00:15,2,like_day\n"
        "A,2026-10-01T01:00,,\nA,2026-10-01T01:15,9,missing\nA,2026-10-01T01:30,3,suspect"
    ).intervals
    assert one.interval_s == 900
    assert one.value == [1, 2, None, None, 3]
    assert Counter(one.flag) == {"actual": 1, "like_day": 1, "missing": 2, "suspect": 1}


ROWS = {
    "no meter": (",2026-10-01T00:30,1", "does not name its meter"),
    "no time": ("A,soon,1", "is no time"),
    "a week": ("A,2026-W40,1", "is no time"),
    "a number for a time": ("A,46296,1", "is no time"),
    "a time of no meter": ("A,9999-12-31T23:30,1", "is no time"),
    "a time that cannot be": ("A,31/02/2026 00:30,1", "is no time"),
    "a word": ("A,2026-10-01T00:30,much", "“much” is no number"),
    "no number": ("A,2026-10-01T00:30,nan", "is no number"),
    "without end": ("A,2026-10-01T00:30,inf", "is no number"),
    "below zero": ("A,2026-10-01T00:30,-1", "not below zero"),
    "the same time": ("A,2026-10-01T00:00,2", "stands there already"),
    "off the step": ("A,2026-10-01T00:07,2", "does not begin an interval of 30 minutes"),
    "an unknown quality": ("A,2026-10-01T00:30,1,,good", "is no quality"),
    "another unit": ("A,2026-10-01T00:30,1,kvarh", "the column of values is called kWh"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_with_a_fault_is_left_out_with_its_line(case: str) -> None:
    row, why = ROWS[case]
    good = "A,2026-10-01T00:00,1\nA,2026-10-01T01:00,1\nA,2026-10-01T01:30,1\nA,2026-10-01T02:00,1"
    found = read(f"meter,timestamp,kwh,unit,quality\n{good}\n{row}\n")
    [one] = found.rejected
    assert why in one.why
    assert one.line == 6
    assert sum(len(channel.at) for channel in found.intervals) == 4


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("meter,timestamp\nA,2026-10-01T00:00", 1, "no column is called “kwh”"),
        ("timestamp,kwh\n2026-10-01T00:00,1", 1, "no column is called “meter”"),
        ("meter,timestamp,value\nA,2026-10-01T00:00,1", 1, "no column says the unit"),
        ("meter,timestamp,kwh,serial\nA,2026-10-01T00:00,1,B", 1, "say the same"),
        ("meter,timestamp,kwh\n", 0, "there is no reading"),
        ('meter,timestamp,kwh\nA,"2026', 2, "cannot be read as CSV"),
        ("\n\n", 1, "there is no row"),
        ("meter,timestamp,kwh\nA\0,2026-10-01T00:00,1", 2, "zero bytes"),
        ("sep=;\nmeter;timestamp;kwh\nA;x;1", 3, "is no time"),
        (
            "meter,timestamp,kwh\nA,2026-10-01T00:00,1\nA,2026-10-01T00:07,1\nA,2026-10-01T00:14,1",
            2,
            "rows stand 7 minutes apart",
        ),
        ("meter,timestamp,kwh\nA,x,1\nA,y,1", 2, r"is no time.*\(and 1 more line\)"),
    ],
)
def test_a_table_that_is_none_is_refused(text: str, line: int, why: str) -> None:
    with pytest.raises(Unusable, match=why) as refused:
        read(text)
    assert refused.value.line == line


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows_of(start: str, minutes: int, count: int, value: str) -> str:
    at = datetime.fromisoformat(start).replace(tzinfo=ZONE)
    return "".join(f"A,{(at + timedelta(minutes=minutes * i)).isoformat()},{value}\n" for i in range(count))


@pytest.mark.parametrize("quarters", [40, 200])
def test_half_hours_and_quarters_of_one_meter_keep_their_lengths(quarters: int) -> None:
    """Whichever of both is more, and with a hole in either."""
    text = "meter,timestamp,kwh\n" + rows_of("2026-10-01T00:00", 30, 96, "2")
    text += rows_of("2026-10-03T00:00", 15, quarters, "1") + rows_of("2026-10-07T00:00", 15, 20, "1")
    found = read(text)
    assert found.rejected == []
    assert sorted(
        (one.interval_s, len(one.at), sum(v or 0 for v in one.value)) for one in found.intervals
    ) == [
        (900, quarters + 20, quarters + 20),
        (1800, 96, 192),
    ]
    back = (
        "meter,timestamp,kwh\n"
        + rows_of("2026-10-01T00:00", 15, 40, "1")
        + rows_of("2026-10-01T10:00", 30, 90, "2")
    )
    assert sorted((one.interval_s, len(one.at)) for one in read(back).intervals) == [(900, 40), (1800, 90)]


def test_a_few_missing_rows_are_gaps_and_no_longer_intervals() -> None:
    text = "meter,timestamp,kwh\n" + rows_of("2026-10-01T00:00", 15, 40, "1")
    [one] = read(text + rows_of("2026-10-01T10:30", 30, 5, "1")).intervals
    assert (one.interval_s, len(one.at)) == (900, 45)


def test_days_are_days_however_they_are_written() -> None:
    for days in (("2026-10-01", "2026-10-02"), ("01/10/2026", "2/10/2026")):
        [one] = read("sep=;\nmeter;timestamp;kwh\n" + "".join(f"A;{day};5\n" for day in days)).intervals
        assert (one.interval_s, one.value) == (86_400, [5, 5])
        assert one.at[0] == int(datetime(2026, 10, 1, tzinfo=ZONE).timestamp())


def test_a_workbooks_numbers_of_days_are_times_unless_they_count_from_1904() -> None:
    rows = [("meter", "timestamp", "kwh"), *(("A", 46296 + half / 48, 1) for half in range(48))]
    raw = workbook(*rows)
    [one] = READERS["xlsx"](raw, ZONE).intervals
    first = int(datetime(2026, 10, 1, tzinfo=ZONE).timestamp())
    assert one.at.tolist() == [first + 1800 * half for half in range(48)]
    book = openpyxl.load_workbook(io.BytesIO(raw))
    book.epoch = CALENDAR_MAC_1904
    book.save(out := io.BytesIO())
    with pytest.raises(Unusable, match="46296” is no time"):
        READERS["xlsx"](out.getvalue(), ZONE)


def test_a_workbook_is_read_as_the_csv_is(tmp_path: Path) -> None:
    at = datetime(2026, 10, 1)  # noqa: DTZ001 - a cell bears no offset
    raw = workbook(
        ("meter", "timestamp", "kWh"),
        (20260001, at, 0.1 + 0.2),
        (20260001, at + timedelta(minutes=30), 1),
        (20260001, "2026-10-01T01:00:00+07:00", "1,5"),
    )
    [one] = READERS["xlsx"](raw, ZONE).intervals
    assert (one.meter, one.value) == ("20260001", [Decimal("0.3"), 1, Decimal("1.5")])
    headings, rows = ("meter", "timestamp", "kwh"), [("=A", "2026-10-01T00:00:00+07:00", Decimal("0.25"))]
    write_xlsx(tmp_path / "out.xlsx", "a", headings, rows)
    for raw, form in (
        ((tmp_path / "out.xlsx").read_bytes(), "xlsx"),
        (csv_text(headings, rows).encode(), "csv"),
    ):
        [one] = READERS[form](raw, ZONE).intervals
        assert (one.meter, one.value) == ("=A", [Decimal("0.25")])


@pytest.mark.parametrize("form", ["csv", "nem12", "greenbutton"])
def test_a_workbook_under_another_name_is_called_so(form: str) -> None:
    with pytest.raises(Unusable, match="is a workbook: say --format xlsx"):
        READERS[form](workbook(("meter",)), ZONE)


def test_a_formula_is_refused_by_its_cell() -> None:
    raw = workbook(
        ("meter", "timestamp", "kwh"), ("A", "2026-10-01T00:00", 1), ("A", "2026-10-01T00:30", "=1+1")
    )
    with pytest.raises(Unusable, match="cell C3 holds a formula") as refused:
        READERS["xlsx"](raw, ZONE)
    assert refused.value.line == 3


def rewritten(raw: bytes, part: str, text: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, text if name == part else old.read(name))
    return out.getvalue()


def test_workbooks_that_are_bombs_or_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = workbook(("meter", "timestamp", "kwh"), ("A", "2026-10-01T00:00", 1))
    sheet = "xl/worksheets/sheet1.xml"
    laughs = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><sheetData>&a;</sheetData></worksheet>'
    for bad, why in (
        (rewritten(raw, sheet, laughs), "declares entities"),
        (rewritten(raw, sheet, b"<worksheet><sheetData>"), "no XLSX workbook"),
        (raw[: len(raw) // 2], "no XLSX workbook"),
        (b"meter,timestamp,kwh\n", "no XLSX workbook"),
    ):
        with pytest.raises(Unusable, match=why):
            READERS["xlsx"](bad, ZONE)
    monkeypatch.setattr("operations.spreadsheet.LARGEST_WORKBOOK", 1000)
    with pytest.raises(Unusable, match="unpacks to more than"):
        READERS["xlsx"](raw, ZONE)
    with pytest.raises(Unusable, match="say --format xlsx"):
        READERS["csv"](raw, ZONE)


@pytest.mark.parametrize("name", ["london-households", "uk-household"])
def test_real_households_give_the_sums_a_plain_loop_gives(shared_dir: Path, name: str) -> None:
    path = shared_dir / "data" / f"{name}.csv.gz"
    sums: dict[str, Decimal] = {}
    seen: set[tuple[str, str]] = set()
    for text in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]:
        meter, at, kwh = text.split(",")
        if (meter, at) not in seen:
            seen.add((meter, at))
            sums[meter] = sums.get(meter, Decimal(0)) + Decimal(kwh)
    found = table.read(opened(path), ZONE)
    assert {one.meter: sum(value or 0 for value in one.value) for one in found.intervals} == sums
    assert sum(len(one.at) for one in found.intervals) == len(seen)
