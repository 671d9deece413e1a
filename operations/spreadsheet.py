"""Tables in and out of CSV and XLSX files, safe against formulas and against spreadsheets' own encodings."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from operations.errors import FileError, FileRefused

MAX_ROWS = 200_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escaped(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula (OWASP, CSV injection): an apostrophe leads it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def unescaped(text: str) -> str:
    """What `escaped` made, as it was."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return repr(value).replace(".", ",")  # as the office would have typed it
    return unescaped(str(value).strip())


def _refuse(name: str, sentence: str) -> FileRefused:
    return FileRefused(name, (FileError(0, "", sentence),))


def _csv_text(raw: bytes, name: str) -> str:
    # UTF-16 is a spreadsheet's “Unicode text”.
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileRefused(
            name,
            (FileError(line, "", "the letters are not UTF-8: save the sheet as “CSV UTF-8” or as XLSX"),),
        ) from error


def _read_csv(raw: bytes, name: str) -> list[tuple[int, list[str]]]:
    text = _csv_text(raw, name)
    first = text.split("\n", 1)[0]
    delimiter = max(";\t,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        before = 0
        for cells in reader:
            rows.append((before + 1, [_cell(cell) for cell in cells]))
            before = reader.line_num
    except csv.Error as error:
        raise FileRefused(
            name,
            (FileError(reader.line_num, "", f"the line cannot be read as CSV ({error}): check its quotes"),),
        ) from error
    return rows


def _read_xlsx(raw: bytes, name: str) -> list[tuple[int, list[str]]]:
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _refuse(name, "this is no XLSX workbook: save it again as XLSX or as CSV UTF-8") from error
    try:
        sheet = book.worksheets[0]
        return [
            (number, [_cell(cell) for cell in row])
            for number, row in enumerate(sheet.iter_rows(values_only=True, max_row=MAX_ROWS + 2), 1)
        ]
    finally:
        book.close()


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Every row that is not blank, with its line number from 1, of the first sheet or of the CSV file.

    CSV may be parted by comma, semicolon or tab, in UTF-8 or UTF-16. Days come as `dd/MM/yyyy`, whole numbers
    without decimals. Raises `FileRefused`.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _refuse(path.name, f"the file cannot be opened ({error.strerror}): check its path") from error
    rows = _read_xlsx(raw, path.name) if raw.startswith(b"PK\x03\x04") else _read_csv(raw, path.name)
    rows = [(line, cells) for line, cells in rows if any(cells)]
    if len(rows) > MAX_ROWS:
        raise _refuse(path.name, f"there are more than {MAX_ROWS} lines: split the file")
    if not rows:
        raise _refuse(path.name, "there is nothing in it: fill in the template and try again")
    return rows


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV document with CRLF line ends; text cells are escaped, numbers are left as they are."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([escaped(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `csv_text` with the mark by which spreadsheets know UTF-8."""
    path.write_bytes(b"\xef\xbb\xbf" + csv_text(headings, rows).encode())


def write_xlsx(path: Path, title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write one sheet with a frozen heading; a text that looks like a formula stays a text."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.append(list(headings))
    for row in rows:
        sheet.append([escaped(cell) if isinstance(cell, str) else cell for cell in row])
    for number, heading in enumerate(headings, 1):
        cell = sheet.cell(row=1, column=number)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDEBF7")
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = max(12, len(heading) + 4)
        for below in sheet[letter][1:]:
            below.number_format = "@"  # codes and telephone numbers keep their leading zeros
    sheet.freeze_panes = "A2"
    book.save(path)
