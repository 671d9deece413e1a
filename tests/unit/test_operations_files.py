"""The customer file and the spreadsheets it comes in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.period import midnight
from operations import customer_file, file_columns, meter_file, meter_template, supplied
from operations.customer_columns import COLUMNS, Column, plain
from operations.errors import FileRefused
from operations.spreadsheet import csv_text, escaped, read_rows, unescaped, write_csv, write_xlsx

PLANS = frozenset({"vn-household", "vn-business"})
HEADINGS = [column.heading for column in COLUMNS]


def _file(tmp_path: Path, *rows: dict[str, str], headings: list[str] | None = None) -> Path:
    path = tmp_path / "khach-hang.csv"
    base = {column.heading: column.example for column in COLUMNS}
    write_csv(path, headings or HEADINGS, [[{**base, **row}[h] for h in HEADINGS] for row in rows])
    return path


@pytest.mark.parametrize("name", ["mau.csv", "mau.xlsx"])
def test_the_template_reads_back_as_its_example(tmp_path: Path, name: str) -> None:
    customer_file.write_template(tmp_path / name)
    register = customer_file.read(tmp_path / name, PLANS).register
    [customer], [point] = register.customers, register.points
    assert (customer.code, customer.name, customer.book) == ("HTX01000001", "Nguyễn Thị Hoa", "S01")
    assert customer.phone == "0912345678"  # a leading zero survives a spreadsheet
    assert (point.code, point.customer) == ("HTX01000001001", "HTX01000001")
    assert point.supplies[0].valid_from == date(2026, 9, 1)
    assert point.supplies[0].voltage_kv == Decimal("0.4")
    assert point.multipliers[0].valid_from == midnight(date(2026, 9, 1))


def test_what_more_decides_a_bill_is_read(tmp_path: Path) -> None:
    others = [
        {"Số người thuê": "5"},
        {"Số người thuê": "chưa khai báo"},
        {"Biểu giá": "vn-business", "Từ chối ba giá": "có", "Mua CSPK": "không"},
        {"Biểu giá": "vn-business", "Công suất hợp đồng (kW)": "45,5", "MBA riêng (kVA)": "100"},
    ]
    rows = [{"Mã khách hàng": f"KH{n}", **row} for n, row in enumerate(others)]
    points = customer_file.read(_file(tmp_path, *rows), PLANS).register.points
    one, two, three, four = (point.supplies[0] for point in points)
    assert (one.tenants, one.undeclared, one.buys_reactive) == (5, False, None)
    assert (two.tenants, two.undeclared) == (None, True)
    assert (three.three_rate_refused, three.buys_reactive) == (True, False)
    assert (four.contract_kw, four.transformer_kva) == (Decimal("45.5"), Decimal(100))
    assert [supplied.buys_reactive(one) for one in (one, three, four)] == [False, False, True]
    with pytest.raises(FileRefused) as refused:
        customer_file.read(
            _file(tmp_path, {"Số người thuê": "0"}, {"Số người thuê": "3", "Số hộ": "2"}), PLANS
        )
    assert [str(one) for one in refused.value.errors] == [
        "line 2, column “Số người thuê”: “0” is not a number of people such as 5, or “chưa khai báo”: "
        "correct it",
        "line 3, column “Số người thuê”: tenants and households both stand there: keep the one by which the "
        "tiers are shared",
    ]


@pytest.mark.parametrize("name", ["mau.csv", "mau.xlsx"])
def test_the_templates_own_line_may_stay_above_those_of_the_office(tmp_path: Path, name: str) -> None:
    customer_file.write_template(tmp_path / name)
    with pytest.raises(FileRefused, match="line 2: this is still the template's example customer, and there"):
        customer_file.read(tmp_path / name, PLANS, example=False)
    found = customer_file.read(
        _file(tmp_path, {}, {"Mã khách hàng": "KH2", "Tên khách hàng": "Lê Văn Tám", "Mã điểm đo": ""}),
        PLANS,
        example=False,
    )
    assert [customer.code for customer in found.register.customers] == ["KH2"]
    assert [(one.line, "left out" in one.sentence) for one in found.remarks] == [(2, True)]


def test_headings_are_known_with_and_without_accents_and_in_the_trades_own_words() -> None:
    for heading in ("Mã khách hàng", "ma khach hang", "MA_KHANG", "MÃ KHÁCH HÀNG ", "customer code"):
        assert file_columns.found(1, [heading], COLUMNS, [])[0] is COLUMNS[0]
    assert len({plain(column.heading) for column in COLUMNS}) == len(COLUMNS)


def test_every_error_is_told_by_line_and_column_and_nothing_is_read(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {},
        {"Mã khách hàng": "", "Số hộ": "nhiều"},
        {"Mã khách hàng": "KH3", "Biểu giá": "vn-moon", "Từ ngày": "31/02/2026"},
        {"Mã khách hàng": "KH4", "Ngày ghi": "31"},
        {"Tên khách hàng": "Người khác"},
    )
    with pytest.raises(FileRefused) as refused:
        customer_file.read(path, PLANS)
    found = [(error.line, error.column) for error in refused.value.errors]
    assert found == [
        (3, "Mã khách hàng"),
        (3, "Số hộ"),
        (4, "Từ ngày"),
        (4, "Biểu giá"),
        (5, "Ngày ghi"),
        (6, "Mã khách hàng"),
        (6, "Mã điểm đo"),
    ]
    assert "nothing was stored" in str(refused.value)
    assert str(refused.value.errors[1]) == (
        "line 3, column “Số hộ”: “nhiều” is not a number of households such as 1 or 1,25: correct it"
    )


@pytest.mark.parametrize(
    ("cell", "taken"),
    [
        ("0100100079", "0100100079"),
        ("100100079", "0100100079"),  # a spreadsheet took it for a number
        ("0100100079-001", "0100100079-001"),
        ("1099012345", "1099012345"),
        ("01099012345", "001099012345"),
    ],
)
def test_a_tax_code_is_one_or_has_lost_its_zero(tmp_path: Path, cell: str, taken: str) -> None:
    found = customer_file.read(_file(tmp_path, {"Mã số thuế": cell}), PLANS)
    assert found.register.customers[0].tax_code == taken
    assert len(found.remarks) == (cell != taken)
    with pytest.raises(FileRefused, match=r"“12345” is not a tax code of 10 digits"):
        customer_file.read(_file(tmp_path, {"Mã số thuế": "12345"}), PLANS)


def test_a_telephone_that_lost_its_zero_is_put_right_and_told(tmp_path: Path) -> None:
    path = _file(tmp_path, {"Điện thoại": "912345678"})
    found = customer_file.read(path, PLANS)
    assert found.register.customers[0].phone == "0912345678"
    [remark] = found.remarks
    assert str(remark) == (
        "line 2, column “Điện thoại”: “912345678” has lost its leading zero: taken as 0912345678"
    )


def test_a_telephone_that_a_spreadsheet_holds_as_a_number(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(HEADINGS)
    book.active.append([912345678 if c.key == "phone" else c.example for c in COLUMNS])
    book.save(tmp_path / "x.xlsx")
    assert customer_file.read(tmp_path / "x.xlsx", PLANS).register.customers[0].phone == "0912345678"


@pytest.mark.parametrize("phone", ["2283822822", "91234567", "9.12E+08", "412345678", "abc", "0912"])
def test_a_telephone_that_may_be_anything_is_refused(tmp_path: Path, phone: str) -> None:
    with pytest.raises(FileRefused, match=r"line 2, column “Điện thoại”: “.*” is not a telephone number"):
        customer_file.read(_file(tmp_path, {"Điện thoại": phone}), PLANS)


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "0912 345 678",
        "+84 912.345.678",
        "(0228) 3822822",
        "0912345678 / 0987654321",
        "02438220220",
        "19006769",
    ],
)
def test_telephones_as_people_write_them(tmp_path: Path, phone: str) -> None:
    found = customer_file.read(_file(tmp_path, {"Điện thoại": phone}), PLANS)
    assert (found.register.customers[0].phone, found.remarks) == (phone, ())


def test_a_missing_an_unknown_and_a_doubled_column_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write_csv(path, ["Mã khách hàng", "MA_KHANG", "Màu sắc"], [["A", "A", "đỏ"]])
    with pytest.raises(FileRefused) as refused:
        customer_file.read(path, PLANS)
    said = [str(error) for error in refused.value.errors]
    assert "line 1, column “MA_KHANG”: the column stands there twice: keep one of them" in said
    assert "line 1, column “Màu sắc”: no such column is known: use the template's headings" in said
    assert any("“Tên khách hàng”: the column is missing" in line for line in said)


def test_semicolons_commas_tabs_and_unicode_text_are_all_read(tmp_path: Path) -> None:
    rows = [["Tên", "Số"], ["Đỗ, Văn; Tám", "1,5"]]
    for number, (text, encoding) in enumerate(
        [
            ('Tên,Số\n"Đỗ, Văn; Tám","1,5"\n', "utf-8"),
            ('Tên;Số\r\n"Đỗ, Văn; Tám";1,5\r\n', "utf-8-sig"),
            ("Tên\tSố\r\nĐỗ, Văn; Tám\t1,5\r\n", "utf-16"),
        ]
    ):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(text.encode(encoding))
        assert [cells for _, cells in read_rows(path)] == rows


def test_line_numbers_survive_blank_lines_and_cells_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n\n"one\ntwo",x\nlast,y\n', encoding="utf-8")
    assert read_rows(path) == [(1, ["a", "b"]), (3, ["one\ntwo", "x"]), (5, ["last", "y"])]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("Mã\nđ\n".encode("cp1258", errors="replace") + b"\xe3\xff", "not UTF-8"),
        (b"PK\x03\x04 not a workbook", "no XLSX workbook"),
        (b"", "nothing in it"),
        (b'a,b\n"x', "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, raw: bytes, told: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(raw)
    with pytest.raises(FileRefused, match=told):
        read_rows(path)


def test_an_absent_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be opened"):
        read_rows(tmp_path / "none.csv")


def test_no_cell_leaves_as_a_formula(tmp_path: Path) -> None:
    bad = ["=1+1", "+84912", "-5", "@SUM(A1)", "\tx", "plain"]
    write_xlsx(tmp_path / "x.xlsx", "t", ["c"], [[text] for text in bad])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]
    assert [cell.data_type for cell in sheet["A"]] == ["s"] * 7
    lines = csv_text(["c"], [[text] for text in bad]).split("\r\n")
    assert lines[1:4] == ["'=1+1", "'+84912", "'-5"]
    assert csv_text(["c"], [[-5]]).split("\r\n")[1] == "-5"  # a number is no formula


@given(st.text(max_size=20).filter(lambda text: not text.startswith("'")))
def test_escaping_is_undone_by_reading(text: str) -> None:
    assert unescaped(escaped(text)) == text


def test_a_customer_workbook_with_a_formula_is_refused_by_its_cell(tmp_path: Path) -> None:
    customer_file.write_template(tmp_path / "mau.xlsx")
    book = openpyxl.load_workbook(tmp_path / "mau.xlsx")
    book.worksheets[0]["B2"] = '=HYPERLINK("http://x")'
    book.save(tmp_path / "mau.xlsx")
    with pytest.raises(FileRefused, match="line 2: cell B2 holds a formula"):
        customer_file.read(tmp_path / "mau.xlsx", PLANS)


@pytest.mark.parametrize(
    ("write", "columns"),
    [(customer_file.write_template, COLUMNS), (meter_template.write, meter_file.COLUMNS)],
)
def test_a_template_explains_each_of_its_columns(
    tmp_path: Path, write: Callable[[Path], None], columns: Sequence[Column]
) -> None:
    write(tmp_path / "mau.xlsx")
    sheet, guide = openpyxl.load_workbook(tmp_path / "mau.xlsx").worksheets
    headings = [column.heading for column in columns]
    assert [cell.value for cell in sheet[1]] == headings
    told = list(guide.iter_rows(min_row=2, max_row=len(columns) + 1, values_only=True))
    assert [row[0] for row in told] == headings
    assert all(row[2] for row in told)


def test_the_template_of_meters_reads_back_as_no_meter(tmp_path: Path) -> None:
    meter_template.write(tmp_path / "mau.xlsx")
    with pytest.raises(FileRefused, match="there is no line below the headings: enter the meters"):
        meter_file.read(tmp_path / "mau.xlsx")


def test_a_sheet_is_called_what_a_sheet_may_be_called(tmp_path: Path) -> None:
    for title in ("HTX/01", "[a]:*?", "", "đ" * 60, "a\\b"):
        write_xlsx(tmp_path / "a.xlsx", title, ("x",), [("bell\x07",)])
        [sheet] = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets
        assert 1 <= len(sheet.title) <= 31


def test_tables_go_out_through_the_one_place_that_escapes_them() -> None:
    """Whoever writes CSV or XLSX elsewhere has to escape formulas there too, and to be named here."""
    repository = Path(__file__).resolve().parents[2]
    rooms = (
        "ami",
        "dashboard",
        "operations",
        "collector",
        "simulators",
        "storage",
        "analytics",
        "protocols",
        "model",
    )
    writing = re.compile(r"csv\.(writer|DictWriter)\(|\bWorkbook\(|to_csv\(|to_excel\(|exportDataAsCsv")
    found = {
        path.relative_to(repository).as_posix()
        for room in rooms
        for path in (repository / room).rglob("*.py")
        if writing.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"operations/spreadsheet.py", "operations/template_book.py"}
