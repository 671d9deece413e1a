"""The customer file the office has filled in, read back all or nothing.

A spreadsheet that takes a telephone for a number drops its leading zero: what can be nothing else is put
right, and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from analytics.billing.given import UNDECLARED
from analytics.tariffs import PLANS
from model.errors import ModelError
from model.grid import Customer, Multiplier, Point, ReadingBook, Register, Role, Station, Supply
from model.period import midnight
from operations import file_columns
from operations.customer_columns import COLUMNS, Column, plain
from operations.customer_template import write as write_template
from operations.errors import FileError, FileRefused
from operations.importing import Wrap, import_register
from operations.spreadsheet import read_rows
from operations.vietnamese import day_written
from storage.grid import RegisterCounts
from storage.pool import Pool

__all__ = ["CustomerFile", "bring_in", "read", "write_template"]

_CODE = re.compile(r"[0-9A-Za-zĐđ][0-9A-Za-zĐđ./_-]{0,31}")
_EXAMPLE = [COLUMNS[0].example, COLUMNS[1].example]
Lines = list[tuple[int, list[str]]]

_YES = {"co", "yes", "true", "1", "x"}
_NO = {"khong", "no", "false", "0", ""}
_UNDECLARED = {"chuakhaibao", "chuakekhai", "undeclared"}
MOST_TENANTS = 10_000


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError
    return text


def _number(text: str) -> Decimal:
    value = Decimal(text.replace(".", "").replace(",", ".") if "," in text else text)
    if not value.is_finite() or value <= 0:
        raise ValueError
    return value


def _yes(text: str) -> bool:
    word = plain(text)
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def _tenants(text: str) -> int | str:
    """People, or that nobody declared them."""
    if plain(text) in _UNDECLARED:
        return UNDECLARED
    people = int(text)
    if not 1 <= people <= MOST_TENANTS:
        raise ValueError
    return people


def _reading_day(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 28:
        raise ValueError
    return value


# The numbering plan (TT 22/2014/TT-BTTTT): mobiles are 03, 05, 07, 08 or 09 and eight digits, land lines 02
# and nine; 1800 and 1900 stand alone.
_LOST_ZERO = {
    "phone": re.compile(r"[35789]\d{8}"),
    "tax_code": re.compile(r"\d{9}(-\d{3})?|\d{11}"),  # an MST has 10 digits, a person's number 12
}
_TAX_CODE = re.compile(r"\d{10}(-\d{3})?|\d{12}")
_TELEPHONE = re.compile(r"(0|\+?84)\d{9,10}|1[89]00\d{4,6}")


def _telephone(text: str) -> str:
    """As it was written; several may stand in a cell, parted by signs."""
    digits = re.sub(r"(?<=[\d+(])[ .()-]+(?=\d)|[()]", "", text)
    if not all(_TELEPHONE.fullmatch(one.strip()) for one in re.split(r"[,;/]", digits)):
        raise ValueError
    return text


def _tax_code(text: str) -> str:
    if not _TAX_CODE.fullmatch(text):
        raise ValueError
    return text


_READ: dict[str, Callable[[str], Any]] = {
    "customer": _code,
    "book": _code,
    "station": _code,
    "point": _code,
    "phone": _telephone,
    "tax_code": _tax_code,
    "reading_day": _reading_day,
    "households": _number,
    "multiplier": _number,
    "voltage_kv": _number,
    "one_rate": _yes,
    "tenants": _tenants,
    "three_rate_refused": _yes,
    "buys_reactive": _yes,
    "contract_kw": _number,
    "transformer_kva": _number,
    "since": day_written,
}
_DEFAULT: dict[str, Any] = {
    "reading_day": 1,
    "plan": "vn-household",
    "households": Decimal(1),
    "multiplier": Decimal(1),
    "voltage_kv": Decimal("0.4"),
    "one_rate": True,
    "tenants": None,
    "three_rate_refused": False,
    "buys_reactive": None,
    "contract_kw": None,
    "transformer_kva": None,
}


class _Reading:
    """What has been read so far; every line is looked at, so that all errors are told at once."""

    def __init__(self, plans: frozenset[str]) -> None:
        self.plans = plans
        self.errors: list[FileError] = []
        self.remarks: list[FileError] = []
        self.stations: dict[str, Station] = {}
        self.books: dict[str, ReadingBook] = {}
        self.customers: dict[str, tuple[int, Customer]] = {}
        self.points: dict[str, tuple[int, Point]] = {}

    def cell(self, line: int, column: Column, text: str) -> Any:
        """The value of a cell, or None when it is wrong or empty."""
        if not text:
            if column.required:
                self.errors.append(FileError(line, column.heading, f"the cell is empty: enter {column.hint}"))
            return _DEFAULT.get(column.key, "")
        if column.key in _LOST_ZERO and _LOST_ZERO[column.key].fullmatch(text):
            said = f"“{text}” has lost its leading zero: taken as 0{text}"
            self.remarks.append(FileError(line, column.heading, said))
            text = f"0{text}"
        try:
            return _READ.get(column.key, str)(text)
        except (ValueError, InvalidOperation):
            self.errors.append(FileError(line, column.heading, f"“{text}” is not {column.hint}: correct it"))
            return None

    def line(self, line: int, columns: list[Column | None], cells: list[str]) -> None:
        before = len(self.errors)
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        for extra in padded[len(columns) :]:
            if extra:
                self.errors.append(FileError(line, "", f"“{extra}” stands beyond the last column: remove it"))
        row: dict[str, Any] = dict(_DEFAULT)
        for column, text in zip(columns, padded, strict=False):
            if column is not None:
                row[column.key] = self.cell(line, column, text)
        if row.get("plan") is not None and row["plan"] not in self.plans:
            known = ", ".join(sorted(self.plans))
            self.errors.append(
                FileError(line, "Biểu giá", f"no plan is called “{row['plan']}”: use one of {known}")
            )
        if row["tenants"] is not None and row["households"] not in (None, 1):
            said = "tenants and households both stand there: keep the one by which the tiers are shared"
            self.errors.append(FileError(line, "Số người thuê", said))
        if len(self.errors) == before:
            self.take(line, row)

    def take(self, line: int, row: dict[str, Any]) -> None:
        station = Station(row["station"], row.get("station_name") or row["station"])
        known = self.stations.setdefault(station.code, station)
        if row.get("station_name") and known.name not in (station.name, station.code):
            said = f"station {station.code} is called “{known.name}” further up: give it one name"
            self.errors.append(FileError(line, "Tên trạm", said))
        elif row.get("station_name"):
            self.stations[station.code] = station
        book = ReadingBook(row["book"], f"Sổ {row['book']}", row["reading_day"])
        if self.books.setdefault(book.code, book) != book:
            day = self.books[book.code].reading_day
            said = f"book {book.code} is read on day {day} further up: give it one day"
            self.errors.append(FileError(line, "Ngày ghi", said))
        text = {key: row.get(key) or "" for key in ("address", "phone", "email", "tax_code")}
        customer = Customer(row["customer"], row["name"], book=book.code, **text)
        first, same = self.customers.setdefault(customer.code, (line, customer))
        if same != customer:
            said = f"customer {customer.code} differs from line {first}: make name, address and book the same"
            self.errors.append(FileError(line, "Mã khách hàng", said))
        self.point(line, row, customer)

    def point(self, line: int, row: dict[str, Any], customer: Customer) -> None:
        code = row.get("point") or f"{customer.code}001"  # the trade's MA_DDO: MA_KHANG and three digits
        point = Point(
            code=code,
            role=Role.CUSTOMER,
            station=row["station"],
            customer=customer.code,
            multipliers=(Multiplier(midnight(row["since"]), row["multiplier"]),),
            supplies=(_supply(row),),
        )
        first, _ = self.points.setdefault(code, (line, point))
        if first != line:
            said = f"point {code} stands already in line {first}: give this one its own in “Mã điểm đo”"
            self.errors.append(FileError(line, "Mã điểm đo", said))

    def register(self) -> Register:
        return Register(
            stations=tuple(self.stations.values()),
            books=tuple(self.books.values()),
            customers=tuple(customer for _, customer in self.customers.values()),
            points=tuple(point for _, point in self.points.values()),
        )


def _supply(row: dict[str, Any]) -> Supply:
    people = row["tenants"]
    return Supply(
        row["since"],
        row["plan"],
        row["households"],
        row["voltage_kv"],
        row["one_rate"],
        tenants=None if people == UNDECLARED else people,
        undeclared=people == UNDECLARED,
        three_rate_refused=row["three_rate_refused"],
        buys_reactive=row["buys_reactive"],
        contract_kw=row["contract_kw"],
        transformer_kva=row["transformer_kva"],
    )


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """What a file says, and what was put right in it, by line."""

    register: Register
    remarks: tuple[FileError, ...] = ()


def read(path: Path, plans: frozenset[str], *, example: bool = True) -> CustomerFile:
    """The stations, books, customers and points of a filled-in customer file (CSV or XLSX).

    `plans` are the tariff plans that can be billed; without `example` the line that the template came with is
    left out, and told. Raises `FileRefused` with every error by line and column.
    """
    (heading_line, headings), *lines = read_rows(path)
    reading = _Reading(plans)
    if not example:
        lines = _without_example(lines, reading)
    columns = file_columns.found(heading_line, headings, COLUMNS, reading.errors)
    if not reading.errors:
        if not lines:
            reading.errors.append(
                FileError(0, "", "there is no line below the headings: enter the customers")
            )
        for line, cells in lines:
            try:
                reading.line(line, columns, cells)
            except ModelError as error:
                reading.errors.append(FileError(line, "", str(error)))
    if reading.errors:
        raise FileRefused(path.name, tuple(reading.errors))
    return CustomerFile(reading.register(), tuple(reading.remarks))


def _without_example(lines: Lines, reading: _Reading) -> Lines:
    """A customer of the office's own may have the example's code, or live with his name, but hardly both."""
    found = [line for line, cells in lines if cells[:2] == _EXAMPLE]
    for line in found:
        said = "this is still the template's example customer: left out"
        reading.remarks.append(FileError(line, "", said))
    if found and len(found) == len(lines):
        said = "this is still the template's example customer, and there is no other: write yours over it"
        reading.errors.append(FileError(found[0], "", said))
    return [(line, cells) for line, cells in lines if line not in found]


def bring_in(
    pool: Pool, path: Path, wrap: Wrap, remark: Callable[[FileError], None] = lambda _: None
) -> RegisterCounts:
    """Take over a filled-in customer file (CSV or XLSX), or nothing of it; `remark` hears what was put right.

    Raises `FileRefused` with every error by line and column.
    """
    found = read(path, frozenset(PLANS), example=False)
    counts = import_register(pool, found.register, wrap)
    for one in found.remarks:
        remark(one)
    return counts
