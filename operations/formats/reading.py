"""One way in for every format: the bytes of a file, and what is in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timezone
from typing import Final

from operations.formats import greenbutton, handheld, nem12, table
from operations.formats.values import FileReadings, Unusable

Reader = Callable[[bytes, timezone], FileReadings]
_WORKBOOK: Final = b"PK\x03\x04"


def _no_workbook(raw: bytes) -> bytes:
    if raw.startswith(_WORKBOOK):
        raise Unusable(0, "the file is a workbook: say --format xlsx")
    return raw


def _nem(raw: bytes, zone: timezone) -> FileReadings:
    return nem12.read(_no_workbook(raw), zone)


def _green_button(raw: bytes, _: timezone) -> FileReadings:
    return greenbutton.read(_no_workbook(raw))


def _csv(raw: bytes, zone: timezone) -> FileReadings:
    return table.read(_no_workbook(raw), zone)


def _xlsx(raw: bytes, zone: timezone) -> FileReadings:
    if not raw.startswith(_WORKBOOK):
        raise Unusable(0, "the file is no XLSX workbook: save it again as XLSX, or say --format csv")
    return table.read(raw, zone, workbook=True)


def _handheld(raw: bytes, zone: timezone) -> FileReadings:
    return handheld.read(raw, zone, workbook=raw.startswith(_WORKBOOK))


READERS: Final[dict[str, Reader]] = {
    "nem12": _nem,
    "nem13": _nem,
    "csv": _csv,
    "greenbutton": _green_button,
    "xlsx": _xlsx,
    "handheld": _handheld,
}
"""By the name that `ami import --format` takes; NEM12 and NEM13 tell themselves apart by their header."""
