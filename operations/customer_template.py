"""The customer file as the office gets it: a sheet to fill in, and a sheet that says what goes where."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from analytics.tariffs import PLANS
from operations.bill_print import PLAN_NAMES
from operations.customer_columns import COLUMNS, Column
from operations.spreadsheet import escaped, write_csv

SHEET, GUIDE = "Khách hàng", "Hướng dẫn"
_NEEDED = PatternFill("solid", fgColor="F8CBAD")
_OPTIONAL = PatternFill("solid", fgColor="DDEBF7")
_MEANING = {
    "customer": "Mã của khách hàng; một khách hàng có nhiều điểm đo thì mỗi điểm đo một dòng",
    "name": "Họ tên hoặc tên đơn vị, in trên hóa đơn",
    "address": "Địa chỉ, in trên hóa đơn",
    "phone": "Số điện thoại",
    "email": "Thư điện tử",
    "tax_code": "Mã số thuế (10 số, chi nhánh thêm 3 số) hoặc số định danh cá nhân (12 số), in trên hóa đơn",
    "book": "Sổ ghi chỉ số của khách hàng",
    "reading_day": "Ngày chốt chỉ số trong tháng, từ 1 đến 28; để trống là ngày 1",
    "station": "Mã trạm biến áp cấp điện",
    "station_name": "Tên trạm, chỉ cần ghi ở một dòng",
    "point": "Mã điểm đo; để trống là mã khách hàng thêm 001",
    "plan": "Biểu giá, chọn trong danh sách; để trống là vn-household (sinh hoạt)",
    "households": "Số hộ dùng chung công tơ; để trống là 1",
    "tenants": "Số người thuê nhà (4 người tính 1 hộ, thay cho số hộ); “chưa khai báo”: thuê dưới 12 tháng, "
    "chưa kê khai; để trống nếu không cho thuê",
    "multiplier": "Hệ số nhân CT × VT; công tơ trực tiếp là 1",
    "voltage_kv": "Cấp điện áp; để trống là 0,4",
    "one_rate": "có: một giá; không: ba giá theo giờ; để trống là có",
    "three_rate_refused": "có: đã hai lần thông báo mà không lắp công tơ ba giá (tính giá cao điểm); "
    "để trống là không",
    "contract_kw": "Công suất trong hợp đồng; từ 40 kW phải mua công suất phản kháng",
    "transformer_kva": "Dung lượng máy biến áp riêng của khách hàng; để trống nếu không có",
    "buys_reactive": "có hoặc không mua công suất phản kháng; để trống: theo công suất hợp đồng và máy "
    "biến áp riêng",
    "since": "Ngày bắt đầu tính tiền theo dòng này, dd/mm/yyyy",
}
_YES_OR_NO = ("one_rate", "three_rate_refused", "buys_reactive")
_ROWS = 5000  # below these headings the choices of a cell are offered


def write(path: Path, since: date | None = None) -> None:
    """Write the empty customer file with one example line, whose supply begins on the day `since`.

    The ending `.csv` makes CSV, any other XLSX.
    """
    example = [_example(column, since) for column in COLUMNS]
    if path.suffix.lower() == ".csv":
        write_csv(path, [column.heading for column in COLUMNS], [example])
        return
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    _fill(sheet, example)
    _explain(book.create_sheet(GUIDE))
    book.save(path)


def _example(column: Column, since: date | None) -> str:
    return f"{since:%d/%m/%Y}" if column.key == "since" and since is not None else column.example


def _fill(sheet: Worksheet, example: list[str]) -> None:
    sheet.title = SHEET
    sheet.freeze_panes = "A2"
    for number, (column, text) in enumerate(zip(COLUMNS, example, strict=True), 1):
        letter = get_column_letter(number)
        heading = sheet.cell(1, number, column.heading)
        heading.font = Font(bold=True)
        heading.fill = _NEEDED if column.required else _OPTIONAL
        sheet.column_dimensions[letter].width = max(12, len(column.heading) + 3, len(text) + 3)
        # Codes and telephone numbers keep their leading zeros, days stay as they were typed.
        sheet.column_dimensions[letter].number_format = "@"
        sheet.cell(2, number, escaped(text)).number_format = "@"
        choices = {"plan": list(PLANS), **{key: ["có", "không"] for key in _YES_OR_NO}}.get(column.key)
        if choices:
            offered = DataValidation("list", formula1=f'"{",".join(choices)}"', allow_blank=True)
            offered.add(f"{letter}2:{letter}{_ROWS}")
            sheet.add_data_validation(offered)


def _explain(sheet: Worksheet) -> None:
    sheet.append(["Cột", "Bắt buộc", "Điền gì", "Ví dụ", "Tên khác được nhận"])
    for column in COLUMNS:
        needed = "có" if column.required else ""
        sheet.append(
            [column.heading, needed, _MEANING[column.key], column.example, ", ".join(column.aliases)]
        )
    sheet.append([])
    sheet.append(["Biểu giá", "", "Mục đích sử dụng"])
    for plan in PLANS:
        sheet.append([plan, "", PLAN_NAMES.get(plan, plan)])
    for letter, width in zip("ABCDE", (22, 10, 62, 24, 36), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows():
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for heading in (*sheet[1], *sheet[len(COLUMNS) + 3]):
        heading.font = Font(bold=True)
