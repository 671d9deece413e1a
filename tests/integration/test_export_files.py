"""What `ami export` writes for other programs comes back as it was, and opens as numbers and texts."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import fastjsonschema
import openpyxl
import pytest

from ami.export_files import OFFICE
from model.clock import frozen
from model.period import Period
from operations import bills_out, closing_sheet, file_readings, formats, importing, jobs, readings_out
from operations.formats.reading import READERS
from operations.formats.values import FileReadings
from operations.spreadsheet import write_csv, write_xlsx
from storage import profiles
from storage.pool import open_pool
from tests.operations_grid import NOW, OCTOBER, bring, grid, read, read_month

from .conftest import Ami
from .test_file_readings import DAY, ZONE, channel, nem12


@pytest.fixture
def billed(database: str) -> str:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
    read_month(database)
    bring(database, read("MB", OCTOBER.start, 7_543_200), read("MB", OCTOBER.end, 7_643_200))
    jobs.run_now(database, "validate", clock=frozen(NOW))
    jobs.run_now(database, "close", clock=frozen(NOW), period=OCTOBER)
    jobs.run_now(database, "bill", clock=frozen(NOW), period=OCTOBER, invoice_date=date(2026, 11, 2))
    return database


def bring_back(dsn: str, file: Path, form: str) -> FileReadings:
    """As `ami import` does."""
    raw = file.read_bytes()
    source = file_readings.Source(file.name, form, hashlib.sha256(raw).hexdigest())
    return file_readings.store(dsn, source, READERS[form](raw, ZONE), by="test", now=NOW)


def fits(name: str, document: object) -> None:
    """By the schema that `ami export schema` shows."""
    text = (Path(formats.__file__).parent / f"{name}.schema.json").read_text(encoding="utf-8")
    fastjsonschema.compile(json.loads(text))(document)


def test_readings_that_went_out_come_back_unchanged(database: str, ami: Ami, tmp_path: Path) -> None:
    """Two days with estimates and a gap that validation filled, in every format, over what is stored."""
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
    bring_back(
        database, nem12(tmp_path / "brought.csv", channel("H1"), channel("H1", "Q1", "kvarh")), "nem12"
    )
    jobs.run_now(database, "validate", clock=frozen(NOW))
    span = Period(DAY, DAY + timedelta(days=2))
    with open_pool(database) as pool, pool.connection() as conn:
        stored = list(profiles.rows(conn, "H1", span))
        assert len({row.quality for row in stored}) >= 3
        (tmp_path / "r.xml").write_text(readings_out.greenbutton(conn, "H1", span, NOW), encoding="utf-8")
        write_csv(tmp_path / "r.csv", readings_out.TABLE, readings_out.table(conn, "H1", span))
        write_xlsx(tmp_path / "r.xlsx", "H1", readings_out.TABLE, readings_out.table(conn, "H1", span))
    options = ("--meter", "H1", "--from", "2026-10-05", "--to", "2026-10-07", "--format", "nem12")
    ami("export", "readings", *options, "--output", str(tmp_path / "r.nem12"))
    fits("intervals", ami.json("export", "intervals", *options[:6], "--json"))
    nothing = ami("export", "readings", "--meter", "R5", "--format", "csv", code=5)
    assert "Meter R5 cannot be written so: no validated interval of it is stored" in nothing.stderr
    wh = sum(row.wh or 0 for row in stored)
    for form, name, scale in (
        ("nem12", "r.nem12", 1000),
        ("greenbutton", "r.xml", 1),
        ("csv", "r.csv", 1000),
        ("xlsx", "r.xlsx", 1000),
    ):
        found = bring_back(database, tmp_path / name, form)
        assert [len(one.at) for one in found.intervals] == [96, 96], form
        assert sum(value or 0 for value in found.intervals[0].value) * scale == wh
        report = jobs.run_now(database, "validate", clock=frozen(NOW))
        assert (report.new, report.changed) == (0, 0), form
    with open_pool(database) as pool, pool.connection() as conn:
        assert list(profiles.rows(conn, "H1", span)) == stored


def test_closed_indices_go_out_as_nem13(billed: str) -> None:
    with open_pool(billed) as pool, pool.connection() as conn:
        for serial, total in (("H1", "134.6"), ("R5", "270"), ("CT", "243.12")):
            text = readings_out.nem13(conn, serial, OCTOBER, NOW)
            pairs = READERS["nem13"](text.encode(), ZONE).indices
            assert sum(pair.quantity for pair in pairs) == Decimal(total), serial


def test_a_route_goes_out_and_its_indices_come_back(billed: str, ami: Ami, tmp_path: Path) -> None:
    file = tmp_path / "route.csv"
    ami("export", "route", "--book", "S1", "--month", "2026-11", "--output", str(file))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    fits("route", {"columns": list(rows[0]), "rows": rows})
    by_key = {(row["SERY_CTO"], row["LOAI_BCS"]): row for row in rows}
    house, shop = by_key["H1", "KT"], by_key["CT", "CD"]
    told = ("MA_DDO", "NGAY_CU", "NGAY_MOI", "CS_CU", "SL_CU", "SO_CHU_SO", "CHUOI_GIA", "HSN", "CS_MOI")
    assert [house[name] for name in told] == [
        "HOUSE", "01/11/2026", "01/12/2026", "1134.6", "135", "6", "vn-household", "1", "",
    ]  # fmt: skip
    assert (shop["HSN"], shop["SL_CU"], shop["CS_CU"]) == ("40", "81", "102.026")
    assert by_key["NEW", "KT"]["CS_CU"] == "61.3"
    house["CS_MOI"], house["ANH"] = "1270.6", "p1.jpg"
    back = tmp_path / "back.json"
    back.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    entries = ami.json("import", str(back), "--format", "handheld", "--dry-run", "--json", code=3)
    fits("readings", entries)
    assert (entries[0]["meter"], entries[0]["total"], entries[0]["photo"]) == ("H1", 136, "p1.jpg")
    whys = [entry["rejected"][0]["why"] for entry in entries[1:]]
    assert all("without an index" in why or "no previous index" in why for why in whys), whys
    again = ami("export", "route", "--book", "S1", "--output", str(file), code=5).stderr
    assert "exists already: name another file, or write over it with --force." in again
    done = ami("export", "route", "--book", "S9", code=5)
    assert "There is no reading book S9" in done.stderr


def test_bills_and_closing_indices_open_as_numbers_and_texts(billed: str, ami: Ami, tmp_path: Path) -> None:
    file = tmp_path / "out.xlsx"

    def opened() -> list[dict[str, object]]:
        headings, *rows = openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True)
        return [dict(zip(map(str, headings), row, strict=True)) for row in rows]

    ami("export", "closing", "--xlsx", "--month", "2026-10", "--output", str(file))
    assert {type(row["CS_MOI"]) for row in opened()} <= {int, float}
    whole = ami.json("export", "bills", "--month", "2026-10", "--format", "json")
    fits("bills", whole)
    document = whole["bills"]
    assert all(sum(line["amount"] for line in one["lines"]) == one["subtotal"] for one in document)
    with open_pool(billed) as pool, pool.connection() as conn:
        closed = closing_sheet.sheet(pool, OCTOBER)
        rows = [dict(zip(closed.columns, row, strict=True)) for row in closed.rows]
        fits("closing", {"columns": list(closed.columns), "rows": rows})
        sheets = bills_out.month(conn, OFFICE, OCTOBER.start.date())
    write_xlsx(file, "bills", *bills_out.table(sheets))
    assert [row["TONG_TIEN"] for row in opened()] == [one["total"] for one in document]
    assert {type(row["MA_KHANG"]) for row in opened()} == {str}
    write_xlsx(file, "bills", *bills_out.lines(sheets))
    assert sum(int(str(row["SO_TIEN"])) for row in opened()) == sum(one["subtotal"] for one in document)
    ami("export", "bills", "--format", "xlsx", code=2)
