"""The meter room's file of meters to be hung: a line a meter, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from model.grid import Register
from operations import file_columns
from operations.customer_columns import Column
from operations.errors import FileError, FileRefused, MeterRefused
from operations.formats.cells import value_of
from operations.importing import NewMeter, Wrap, hang
from operations.meter_changes import raw_indices, usual_port
from operations.multipliers import refuse_contradictions
from storage.grid import RegisterCounts, save_register
from storage.grid import register as known_register
from storage.pool import Pool

COLUMNS: Final = (
    Column(
        "serial",
        "Số công tơ",
        "20269999",
        True,
        "the serial on the name plate",
        ("SERY_CTO", "serial", "meter"),
    ),
    Column("model", "Kiểu công tơ", "dk-1p", True, "a model of `ami meter models`", ("model",)),
    Column("since", "Ngày treo", "01/09/2026 08:30", True, "a day such as 01/09/2026", ("since", "ngày lắp")),
    Column(
        "customer", "Mã khách hàng", "HTX01000001", False, "the customer's code", ("MA_KHANG", "customer")
    ),
    Column("point", "Mã điểm đo", "", False, "the measurement point's code", ("MA_DDO", "point")),
    Column("multiplier", "Hệ số nhân", "", False, "CT × VT, such as 1 or 40", ("HSN", "multiplier")),
    Column(
        "digits", "Số chữ số", "", False, "digits of the register before the point", ("SO_CHU_SO", "digits")
    ),
    Column("modem", "Mã modem", "", False, "the modem's code", ("modem",)),
    Column("host", "Địa chỉ IP", "10.8.0.14", False, "a name or IP address", ("host", "ip")),
    Column("port", "Cổng", "4059", False, "a port such as 4059", ("port",)),
    Column(
        "registration", "Tên đăng ký", "", False, "the name a modem dials in with", ("registration", "imei")
    ),
    Column("dialect", "Cách đăng ký", "", False, "how it registers, such as text-once", ("dialect",)),
    Column("device", "Cổng nối tiếp", "", False, "a serial port such as /dev/ttyUSB0", ("device",)),
    Column("dials", "Số gọi", "", False, "the telephone number of its modem", ("dials",)),
    Column("address", "Địa chỉ công tơ", "1", False, "a whole number such as 1", ("address",)),
    Column("password", "Mật khẩu", "", False, "the meter's password", ("password",)),
    *(
        Column(
            code,
            f"Chỉ số {code}",
            "",
            False,
            "what it showed when it was hung, in kWh",
            (code, f"index {code}"),
        )
        for code in ("KT", "BT", "CD", "TD")
    ),
)
_WHOLE: Final = ("port", "address", "digits")
_INDICES: Final = ("KT", "BT", "CD", "TD")
_LARGEST: Final = 65_535


def read(path: Path, remark: Callable[[FileError], None] = lambda _: None) -> list[tuple[int, NewMeter]]:
    """The meters of a filled-in file with their lines; `remark` hears of the template's line, which is left
    out. Raises `FileRefused` with every error by column."""
    errors: list[FileError] = []
    found: list[tuple[int, NewMeter]] = []
    for line, values in file_columns.lines(path, COLUMNS, "meter", _is_example, _meant, errors, remark):
        meter = _meter(line, values, errors)
        found += [] if meter is None else [(line, meter)]
    if errors:
        raise FileRefused(path.name, tuple(errors))
    return found


def _is_example(cells: Sequence[str]) -> bool:
    return COLUMNS[0].example in cells


def _meant(column: Column, text: str) -> Any:
    if column.key == "since":
        return file_columns.moment(text)
    if column.key not in (*_WHOLE, "multiplier", *_INDICES):
        return text
    found = value_of(text)
    if found is None or found < 0 or (column.key == "multiplier" and not found):
        return None
    if column.key in _WHOLE:
        return int(found) if found == int(found) and found <= _LARGEST else None
    return found


def _meter(line: int, values: dict[str, Any], errors: list[FileError]) -> NewMeter | None:
    indices: list[tuple[str, Decimal]] = [(c, values.pop(c)) for c in _INDICES if values[c] is not None]
    for code in _INDICES:
        values.pop(code, None)
    given = {name: value for name, value in values.items() if value is not None}
    try:
        if given.get("host") and "port" not in given and not given.get("dials"):
            given["port"] = usual_port(given["model"])
        return NewMeter(**given, indices=raw_indices(given["serial"], given["model"], indices))
    except MeterRefused as refused:
        errors.append(FileError(line, "", refused.sentence))
        return None


def bring_in(
    pool: Pool, path: Path, wrap: Wrap, remark: Callable[[FileError], None] = lambda _: None
) -> tuple[RegisterCounts, list[str]]:
    """Hang every meter of the file, or none; what was added, and the serials. `remark` as of `read`.

    Raises `FileRefused` with every error by line, or `storage.errors.RegisterUnusable` against the grid.
    """
    lines = read(path, remark)
    errors: list[FileError] = []
    with pool.connection() as conn:
        known, touched = known_register(conn), Register()
        for line, new in lines:
            try:
                part, _ = hang(new, known)
            except MeterRefused as refused:
                errors.append(FileError(line, "", refused.sentence))
            else:
                known, touched = _joined(known, part), _joined(touched, part)
        if errors:
            raise FileRefused(path.name, tuple(errors))
        counts = save_register(conn, touched, wrap)
        refuse_contradictions(conn, touched)
    return counts, [new.serial for _, new in lines]


def _joined(one: Register, more: Register) -> Register:
    """Both; what stands in both stands once."""
    changes: dict[str, tuple[Any, ...]] = {}
    for noun in fields(Register):
        new = tuple(item for item in getattr(more, noun.name) if item not in getattr(one, noun.name))
        if new:
            changes[noun.name] = getattr(one, noun.name) + new
    return replace(one, **changes) if changes else one
