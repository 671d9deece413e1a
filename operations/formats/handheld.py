"""The meter-reader's route: a file out to the device, and the same file back with what was read.

Its fields bear the names of the reading trade (records of the readers' applications of two regional power
companies); those in `OURS` are additions that no such record has. One line is one register.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final

from operations.errors import FileRefused
from operations.formats.cells import instant, text_of, value_of
from operations.formats.handheld_rules import UNREAD, Line, refusal
from operations.formats.numbers import plain
from operations.formats.opening import lines_of
from operations.formats.values import FileReadings, IndexPair, Rejected, Unread, Unusable
from operations.spreadsheet import csv_cells, workbook_cells

FIELDS: Final = (
    "MA_QUYEN", "MA_TRAM", "MA_GC", "MA_KHANG", "MA_DDO", "SERY_CTO", "LOAI_BCS", "LOAI_CS", "HSN", "SO_HO",
    "CHUOI_GIA", "KY", "THANG", "NAM", "NGAY_CU", "NGAY_MOI", "CS_CU", "CS_MOI", "SL_CU", "SL_MOI", "SL_THAO",
    "SL_TTIEP", "SLUONG_1", "SLUONG_2", "SLUONG_3", "TTR_CU", "TTR_MOI", "MA_COT", "SO_HOM", "MA_NVGCS",
    "NGUOI_GCS", "GHICHU",
)  # fmt: skip
OURS: Final = (
    "TEN_KHANG", "DIA_CHI", "SO_CHU_SO", "CAP_DIEN_AP", "CACH_TINH", "SL_CUNG_KY", "CS_DOC_LAI", "ANH"
)  # fmt: skip
"""Name and address to find the meter by, digits of its register, kV, what else decides the price, kWh of the
same month last year, the index as read a second time, and a reference of the photo."""
REGISTERS: Final = ("KT", "BT", "CD", "TD", "SG", "VC")
_NUMBERS: Final = (
    "CS_CU", "CS_MOI", "HSN", "SL_CU", "SL_MOI", "SL_THAO", "SL_TTIEP", "SO_CHU_SO", "CS_DOC_LAI",
    "SL_CUNG_KY",
)  # fmt: skip
_NO_LETTER: Final = re.compile("[\0\ud800-\udfff]")  # JSON can escape what no text holds
_MOST_ROWS: Final = 1_048_576


def read(raw: bytes, zone: timezone, *, workbook: bool = False) -> FileReadings:
    """What a device brought back, CSV, XLSX or JSON; a line that breaks a rule is rejected with its reason.

    Raises `Unusable` for a file without the columns a reading needs, or that is no such file.
    """
    readings: list[IndexPair] = []
    rejected: list[Rejected] = []
    unread: list[Unread] = []
    seen: dict[tuple[str, str, str], int] = {}
    found = False
    for number, record in _records(raw, workbook=workbook):
        found = True
        got = _line(number, record, zone)
        if isinstance(got, Rejected):
            rejected.append(got)
            continue
        key = (got.serial, got.register, text_of(record.get("MA_GC")))
        why = refusal(got)
        if key in seen:
            why = f"register {got.register} of meter {got.serial} stands already in line {seen[key]}"
        elif got.status in UNREAD and (got.current is None or not why):
            unread.append(_unread(got, record))
        seen.setdefault(key, number)
        if why:
            rejected.append(Rejected(number, why, got.serial, got.register, got.unit))
        else:
            readings.append(_pair(got, record))
    if not found:
        raise Unusable(0, "there is no line below the headings: the device brought nothing back")
    return FileReadings((), readings, rejected, unread)


def _records(raw: bytes, *, workbook: bool) -> Iterator[tuple[int, Mapping[str, object]]]:
    if not workbook and raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        yield from enumerate(_json(raw), 1)
        return
    try:
        rows: Iterator[tuple[int, Sequence[object]]]
        rows = workbook_cells(raw, "route", most=_MOST_ROWS) if workbook else csv_cells(raw, "route")
        headings: list[str] = []
        for line, cells in rows:
            if not any(text_of(cell) for cell in cells):
                continue
            if headings:
                yield line, dict(zip(headings, cells, strict=False))
            else:
                headings = [text_of(cell).upper() for cell in cells]
                _refuse_headings(line, headings)
    except FileRefused as refused:
        raise Unusable(refused.errors[0].line, refused.errors[0].sentence) from refused


def _refuse_headings(line: int, headings: Sequence[str]) -> None:
    for name in ("SERY_CTO", "LOAI_BCS", "NGAY_CU", "NGAY_MOI", "CS_CU", "CS_MOI"):
        if headings.count(name) != 1:
            what = "stands there twice" if name in headings else "is missing"
            raise Unusable(
                line, f"the column {name} {what}: bring back the file that `ami export route` wrote"
            )


def _json(raw: bytes) -> Iterator[Mapping[str, object]]:
    try:
        document = json.loads("\n".join(lines_of(raw)), parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise Unusable(error.lineno, f"the file is no whole JSON ({error.msg}): fetch it again") from error
    except RecursionError as error:
        raise Unusable(1, "the JSON is nested too deeply: it is no list of readings") from error
    rows = document.get("rows") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unusable(
            1, "the JSON is no list of readings: bring back the file that `ami export route` wrote"
        )
    for number, row in enumerate(rows, 1):
        if any(isinstance(text, str) and _NO_LETTER.search(text) for pair in row.items() for text in pair):
            raise Unusable(number, "it holds a zero byte or half a letter, which is no text: export it again")
        yield {str(name).upper(): _cell(value) for name, value in row.items()}


def _cell(value: object) -> object:
    return str(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _line(number: int, record: Mapping[str, object], zone: timezone) -> Line | Rejected:
    serial, register = text_of(record.get("SERY_CTO")), text_of(record.get("LOAI_BCS")).upper()
    unit = "kvarh" if register == "VC" else "kWh"

    def reject(why: str) -> Rejected:
        return Rejected(number, why, serial, register, unit)

    if not serial:
        return reject("the line does not name its meter (SERY_CTO)")
    if register not in REGISTERS:
        return reject(f"“{register[:10]}” is no register that is read (LOAI_BCS): use {', '.join(REGISTERS)}")
    if not text_of(record.get("CS_CU")):
        why = f"no previous index (CS_CU) is known of register {register} of meter {serial}"
        return reject(f"{why}: enter it first (`ami meter index`)")
    days = [_day(record.get(name), zone) for name in ("NGAY_CU", "NGAY_MOI")]
    if days[0] is None or days[1] is None:
        return reject("NGAY_CU or NGAY_MOI is no day like 01/11/2026")
    if days[1] <= days[0]:
        return reject("NGAY_MOI is not after NGAY_CU")
    numbers: dict[str, Decimal | None] = {}
    for name in _NUMBERS:
        cell = record.get(name)
        numbers[name] = value_of(cell) if text_of(cell) else None
        if text_of(cell) and numbers[name] is None:
            return reject(f"{name} “{text_of(cell)[:20]}” is no number")
    multiplier = Decimal(1) if numbers["HSN"] is None else numbers["HSN"]
    digits = numbers["SO_CHU_SO"]
    if multiplier <= 0:
        return reject(f"the multiplier HSN is {multiplier}: it is above zero")
    if digits is not None and (digits != int(digits) or not 1 <= digits <= 12):
        return reject(f"SO_CHU_SO is {digits}: a register has 1 to 12 digits before the point")
    return Line(
        number=number, serial=serial, register=register, unit=unit, start=days[0], end=days[1],
        previous=numbers["CS_CU"] or Decimal(0), current=numbers["CS_MOI"], again=numbers["CS_DOC_LAI"],
        multiplier=multiplier, digits=None if digits is None else int(digits),
        status=text_of(record.get("TTR_MOI")).upper(), before_kwh=numbers["SL_CU"],
        last_year_kwh=numbers["SL_CUNG_KY"], said_kwh=numbers["SL_MOI"],
        beside_kwh=(numbers["SL_THAO"] or Decimal(0)) + (numbers["SL_TTIEP"] or Decimal(0)),
        plan=text_of(record.get("CHUOI_GIA")),
    )  # fmt: skip


def _day(cell: object, zone: timezone) -> datetime | None:
    """A day's 00:00, or the time of reading where one is given."""
    text = text_of(cell)
    is_iso_day = isinstance(cell, str) and len(text) == 10 and text[4:5] == "-"
    at = instant(f"{text}T00:00" if is_iso_day else cell, zone)
    return None if at is None else datetime.fromtimestamp(at, zone)


def _unread(line: Line, record: Mapping[str, object]) -> Unread:
    return Unread(line.number, line.serial, line.register, line.unit, line.end, line.status, _beside(record))


def _beside(record: Mapping[str, object]) -> dict[str, str]:
    """What stands with a reading: a photo, who read, a note."""
    return {
        "photo": text_of(record.get("ANH")),
        "reader": text_of(record.get("NGUOI_GCS")) or text_of(record.get("MA_NVGCS")),
        "note": text_of(record.get("GHICHU")),
    }


def _pair(line: Line, record: Mapping[str, object]) -> IndexPair:
    band = line.change
    told: dict[str, Any] = {
        "status": line.status,
        **_beside(record),
        "point": text_of(record.get("MA_DDO")),
        "customer": text_of(record.get("MA_KHANG")),
        "change_percent": None if band is None else round(float(band) * 100, 1),
        "customer_signs": line.is_to_be_signed,
        "plan": text_of(record.get("CHUOI_GIA")),
        "households": text_of(record.get("SO_HO")),
        "voltage_kv": text_of(record.get("CAP_DIEN_AP")),
        "special": text_of(record.get("CACH_TINH")),
        "multiplier": plain(line.multiplier) if text_of(record.get("HSN")) else "",
    }
    assert line.current is not None
    return IndexPair(
        line.serial, line.register, line.unit, line.start, line.end, line.previous, line.current,
        Decimal(line.kwh), line.status or "read", serial=line.serial, line=line.number, told=told,
        digits=line.digits or 0,
    )  # fmt: skip


__all__ = ["FIELDS", "OURS", "REGISTERS", "UNREAD", "read"]
