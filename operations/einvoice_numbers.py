"""What a provider tells after signing: which series, number and date each bill's e-invoice got."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from model.einvoice import EInvoice
from model.errors import ModelError
from operations.customer_columns import plain
from operations.errors import FileError, FileRefused
from operations.spreadsheet import read_rows

_NAMES: Final = {
    "bill": ("bill", "Số giấy báo"),
    "series": ("series", "Ký hiệu", "KHHDon", "Ký hiệu hóa đơn"),
    "number": ("number", "Số hóa đơn", "SHDon"),
    "date": ("date", "Ngày lập", "NLap", "Ngày hóa đơn"),
    "code": ("code", "Mã CQT", "MCCQT", "Mã của cơ quan thuế"),
}
_BY_HEADING: Final = {plain(name): key for key, names in _NAMES.items() for name in names}
NEEDED: Final = ("bill", "series", "number", "date")


_SURCHARGE: Final = re.compile(r"[ -]*VC\s*$")  # as its file is called: 0000017-VC


@dataclass(frozen=True, slots=True)
class Told:
    """E-invoices by bill, and those of surcharges for reactive energy by bill."""

    bills: dict[int, EInvoice]
    surcharges: dict[int, EInvoice]


def read(path: Path) -> Told:
    """By bill, `17-VC` its surcharge. CSV or XLSX with the columns bill, series, number, date (dd/mm/yyyy or
    yyyy-mm-dd) and, where there is one, code; columns of other names are the provider's own.

    Raises FileRefused with every line that cannot be used.
    """
    rows = read_rows(path)
    if not rows:
        raise FileRefused(path.name, (FileError(0, "", "it is empty: export the numbers again"),))
    line, headings = rows[0]
    places = {_BY_HEADING[plain(cell)]: at for at, cell in enumerate(headings) if plain(cell) in _BY_HEADING}
    errors = [
        FileError(line, key, "the column is missing: add it under this name")
        for key in NEEDED
        if key not in places
    ]
    told = Told({}, {})
    seen: dict[tuple[str, int], int] = {}
    for line, cells in [] if errors else rows[1:]:
        try:
            row = {key: cells[at] if at < len(cells) else "" for key, at in places.items()}
            apart = _SURCHARGE.search(row["bill"])
            known = told.bills if apart is None else told.surcharges
            bill, invoice = _row(row | {"bill": _SURCHARGE.sub("", row["bill"])})
            if bill in known:
                raise ValueError(f"bill {bill} stands there twice: keep one of them")
            first = seen.setdefault((invoice.series, invoice.number), line)
            if first != line:
                raise ValueError(f"{invoice.series} {invoice.number} stands in line {first} already")
            known[bill] = invoice
        except (ValueError, ModelError) as error:
            errors.append(FileError(line, "", str(error)))
    if errors:
        raise FileRefused(path.name, tuple(errors))
    return told


def _row(cells: dict[str, str]) -> tuple[int, EInvoice]:
    bill = _whole(cells["bill"], "a bill's number")
    number = _whole(cells["number"], "an e-invoice's number")
    dated = _day(cells["date"].strip())
    return bill, EInvoice(cells["series"].strip(), number, dated, cells.get("code", "").strip())


def _whole(text: str, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,17}", text.strip()):
        raise ValueError(f"“{text}” is not {what}: correct it")
    return int(text)


def _day(text: str) -> date:
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  a day, no instant
        except ValueError:
            continue
    raise ValueError(f"“{text}” is no day: write it like 01/11/2026")
