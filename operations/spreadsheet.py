"""Tables in and out of CSV and XLSX files, safe against formulas and against spreadsheets' own encodings."""

from __future__ import annotations

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from operations.errors import FileError, FileRefused
from operations.letters import NoLetters, decoded

MAX_ROWS = 200_000
LARGEST_WORKBOOK = 128 * 1024 * 1024  # bytes, unpacked
# What openpyxl and the libraries under it raise for a damaged workbook; none of these is ours.
_NO_WORKBOOK = (
    InvalidFileException, ParseError, zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError,
    AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
_NO_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f]")  # what a sheet may not be called
_FROM_1904 = re.compile(rb"""date1904\s*=\s*["'](1|true)["']""")
_PARTED_BY = re.compile(r"sep=([;,\t])\r?\n", re.IGNORECASE)
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


def csv_cells(raw: bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV document (comma, semicolon or tab; UTF-8 or UTF-16), each with its first line.

    Raises `FileRefused` for other letters and for quotes that do not close.
    """
    try:
        text = decoded(raw, "save the sheet as “CSV UTF-8” or as XLSX")
    except NoLetters as error:
        raise FileRefused(name, (FileError(error.line, "", error.why),)) from error
    before = 0
    if said := _PARTED_BY.match(text):  # Excel's own first line
        text, before = text[said.end() :], 1
    first = text.split("\n", 1)[0]
    delimiter = said[1] if said else max(";\t,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    above = before
    try:
        for cells in reader:
            yield before + 1, cells
            before = above + reader.line_num
    except csv.Error as error:
        raise FileRefused(
            name,
            (
                FileError(
                    above + reader.line_num, "", f"the line cannot be read as CSV ({error}): check its quotes"
                ),
            ),
        ) from error


def workbook_cells(raw: bytes, name: str, *, most: int) -> Iterator[tuple[int, list[object]]]:
    """The rows of a workbook's first sheet, at most `most`, with their numbers; cells as Excel keeps them.

    Raises `FileRefused` for what is no workbook, unpacks to more than `LARGEST_WORKBOOK` bytes, declares
    entities, or has a formula.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST_WORKBOOK:
                size = LARGEST_WORKBOOK // 1024**2
                raise _refuse(name, f"the workbook unpacks to more than {size} MB: split it")
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
        try:
            for number, row in enumerate(book.worksheets[0].iter_rows(max_row=most), 1):
                for cell in row:
                    if cell.data_type == "f":
                        said = (
                            f"cell {cell.coordinate} holds a formula: put its value there (paste as values)"
                        )
                        raise FileRefused(name, (FileError(number, "", said),))
                yield number, [cell.value for cell in row]
        finally:
            book.close()
    except _NO_WORKBOOK as error:
        if _is_bomb(error):
            raise _refuse(
                name, "the workbook declares entities, which no table needs: save it again"
            ) from error
        raise _refuse(name, "this is no XLSX workbook: save it again as XLSX or as CSV UTF-8") from error


def counts_from_1904(raw: bytes) -> bool:
    """Whether a workbook's days are numbered from 1904 (Excel for Mac, long ago) and not from 1900."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive, archive.open("xl/workbook.xml") as file:
            return _FROM_1904.search(file.read(1 << 20)) is not None
    except _NO_WORKBOOK:
        return False


def _is_bomb(error: BaseException | None) -> bool:
    """Whether entities are at the bottom of it; openpyxl wraps what its parser raises."""
    while error is not None and not isinstance(error, DefusedXmlException):
        error = error.__cause__ or error.__context__
    return error is not None


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Every row that is not blank, with its line number from 1, of the first sheet or of the CSV file.

    CSV may be parted by comma, semicolon or tab, in UTF-8 or UTF-16. Days come as `dd/MM/yyyy`, whole numbers
    without decimals. Raises `FileRefused`.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _refuse(path.name, f"the file cannot be opened ({error.strerror}): check its path") from error
    found: Iterable[tuple[int, Sequence[object]]] = csv_cells(raw, path.name)
    if raw.startswith(b"PK\x03\x04"):
        found = workbook_cells(raw, path.name, most=MAX_ROWS + 2)
    texts = ((line, [_cell(cell) for cell in cells]) for line, cells in found)
    rows = [(line, cells) for line, cells in texts if any(cells)]
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
    sheet.title = _NO_TITLE.sub("-", title)[:31] or "1"
    sheet.append(list(headings))
    for row in rows:
        sheet.append(
            [ILLEGAL_CHARACTERS_RE.sub("\ufffd", escaped(c)) if isinstance(c, str) else c for c in row]
        )
    for number, heading in enumerate(headings, 1):
        cell = sheet.cell(row=1, column=number)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDEBF7")
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = max(12, len(heading) + 4)
        for below in sheet[letter][1:]:
            if isinstance(below.value, str):
                below.number_format = "@"  # codes and telephone numbers keep their leading zeros
    sheet.freeze_panes = "A2"
    book.save(path)
