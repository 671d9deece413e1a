"""The workbook of a template: a sheet to fill in, and a sheet that says what goes where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from operations.customer_columns import Column
from operations.spreadsheet import escaped, write_csv

GUIDE = "Hướng dẫn"
_NEEDED = PatternFill("solid", fgColor="F8CBAD")
_OPTIONAL = PatternFill("solid", fgColor="DDEBF7")
_ROWS = 5000  # below these headings the choices of a cell are offered


@dataclass(frozen=True, slots=True)
class Template:
    """What the office fills in: `meaning` of each column by its key, `choices` offered by the key of theirs,
    and below the columns' meaning a list of codes (headings, then code and what it stands for)."""

    sheet: str
    columns: Sequence[Column]
    meaning: Mapping[str, str]
    choices: Mapping[str, Sequence[str]]
    listed: tuple[str, str]
    codes: Sequence[tuple[str, str]]


def write(path: Path, template: Template, example: Sequence[str]) -> None:
    """Write the empty file with one example line; the ending `.csv` makes CSV, any other XLSX."""
    if path.suffix.lower() == ".csv":
        write_csv(path, [column.heading for column in template.columns], [example])
        return
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    _fill(sheet, template, example)
    _explain(book.create_sheet(GUIDE), template)
    book.save(path)


def _fill(sheet: Worksheet, template: Template, example: Sequence[str]) -> None:
    sheet.title = template.sheet
    sheet.freeze_panes = "A2"
    for number, (column, text) in enumerate(zip(template.columns, example, strict=True), 1):
        letter = get_column_letter(number)
        heading = sheet.cell(1, number, column.heading)
        heading.font = Font(bold=True)
        heading.fill = _NEEDED if column.required else _OPTIONAL
        sheet.column_dimensions[letter].width = max(12, len(column.heading) + 3, len(text) + 3)
        # Codes and telephone numbers keep their leading zeros, days stay as they were typed.
        sheet.column_dimensions[letter].number_format = "@"
        sheet.cell(2, number, escaped(text)).number_format = "@"
        if choices := template.choices.get(column.key):
            offered = DataValidation("list", formula1=f'"{",".join(choices)}"', allow_blank=True)
            offered.add(f"{letter}2:{letter}{_ROWS}")
            sheet.add_data_validation(offered)


def _explain(sheet: Worksheet, template: Template) -> None:
    sheet.append(["Cột", "Bắt buộc", "Điền gì", "Ví dụ", "Tên khác được nhận"])
    for column in template.columns:
        needed, others = "có" if column.required else "", ", ".join(column.aliases)
        sheet.append([column.heading, needed, template.meaning[column.key], column.example, others])
    sheet.append([])
    sheet.append([template.listed[0], "", template.listed[1]])
    for code, text in template.codes:
        sheet.append([code, "", text])
    for letter, width in zip("ABCDE", (22, 10, 62, 24, 36), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows():
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for heading in (*sheet[1], *sheet[len(template.columns) + 3]):
        heading.font = Font(bold=True)
