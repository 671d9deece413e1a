"""The file of stations and what feeds them: a line a transformer, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from model.errors import ModelError
from model.grid import Register, Station, Transformer
from model.period import local_day
from operations import file_columns, template_book
from operations.customer_columns import Column, plain
from operations.errors import FileError, FileRefused
from operations.formats.cells import value_of
from operations.importing import Wrap, import_register
from operations.template_book import Template
from operations.vietnamese import day as shown_day
from storage.grid import RegisterCounts
from storage.pool import Pool
from storage.register import stations

COLUMNS: Final = (
    Column("station", "Mã trạm", "T01", True, "the transformer station's code", ("MA_TRAM", "station")),
    Column("name", "Tên trạm", "Trạm Bình Minh 1", False, "the station's name", ("TEN_TRAM", "station name")),
    Column(
        "kva",
        "Công suất MBA (kVA)",
        "250",
        False,
        "a size in kVA such as 250",
        ("CONG_SUAT", "kva", "dung lượng MBA", "MBA (kVA)"),
    ),
    Column(
        "no_load_w",
        "Tổn hao không tải P0 (W)",
        "340",
        False,
        "watts such as 340",
        ("P0", "no load w", "tổn hao không tải"),
    ),
    Column(
        "load_w",
        "Tổn hao ngắn mạch Pk (W)",
        "2600",
        False,
        "watts such as 2600",
        ("PK", "load w", "tổn hao có tải", "tổn hao ngắn mạch"),
    ),
    Column(
        "line_percent",
        "Tổn hao đường dây (%)",
        "",
        False,
        "a share in percent such as 4,5",
        ("line percent", "tổn hao đường dây"),
    ),
    Column(
        "head_behind",
        "Công tơ tổng sau MBA",
        "không",
        False,
        "có or không",
        ("head behind", "đo phía hạ áp"),
    ),
    Column("since", "Từ ngày", "01/09/2026", False, "a day such as 01/09/2026", ("since", "ngày đóng điện")),
)
_MEANING: Final = {
    "station": "Mã trạm biến áp",
    "name": "Tên trạm; để trống: giữ tên đã có",
    "kva": "Công suất đặt của máy biến áp trên nhãn máy; trạm có nhiều máy vận hành cùng lúc thì ghi tổng",
    "no_load_w": "Tổn hao không tải ghi trên nhãn máy hoặc biên bản thử nghiệm; để trống nếu không biết",
    "load_w": "Tổn hao ngắn mạch (có tải, ở tải định mức); để trống nếu không biết",
    "line_percent": "Tổn hao trên lưới hạ áp sau máy khi đầy tải, tính theo phần trăm công suất định mức",
    "head_behind": "có: công tơ tổng lắp phía hạ áp, tổn hao của máy không đi qua nó; để trống là không",
    "since": "Ngày máy vận hành ở trạm, dd/mm/yyyy; thay máy thì thêm một dòng với ngày mới",
}
_YES: Final = {"co": True, "yes": True, "x": True, "1": True, "khong": False, "no": False, "0": False}
_NUMBERS: Final = ("kva", "no_load_w", "load_w", "line_percent")
_OF_TRANSFORMER: Final = (*_NUMBERS, "head_behind", "since")


def write_template(path: Path) -> None:
    """Write the empty file with one example line; the ending `.csv` makes CSV, any other XLSX."""
    template = Template(
        "Trạm biến áp", COLUMNS, _MEANING, {"head_behind": ["có", "không"]}, ("Cách tính", "Dùng để làm gì"),
        [
            ("kVA", "Mức mang tải: 80, 100, 110, 130 % công suất đặt"),
            ("P0, Pk, %", "Tổn hao kỹ thuật ước tính trong cân bằng điện năng của trạm"),
        ],
    )  # fmt: skip
    template_book.write(path, template, [column.example for column in COLUMNS])


def read(path: Path, remark: Callable[[FileError], None] = lambda _: None) -> tuple[Station, ...]:
    """The stations of a filled-in file (CSV or XLSX), their names empty where the file has none; `remark`
    hears of the template's line, which is left out. Raises `FileRefused` with every error by line."""
    errors: list[FileError] = []
    found: dict[str, Station] = {}
    for line, row in file_columns.lines(path, COLUMNS, "station", _is_example, _meant, errors, remark):
        _take(line, row, found, errors)
    if errors:
        raise FileRefused(path.name, tuple(errors))
    return tuple(found.values())


def _is_example(cells: Sequence[str]) -> bool:
    return list(cells) == [column.example for column in COLUMNS]


def _meant(column: Column, text: str) -> Any:
    if column.key == "since":
        at = file_columns.moment(text)
        return None if at is None else local_day(at)
    if column.key in _NUMBERS:
        return value_of(text)
    return _YES.get(plain(text)) if column.key == "head_behind" else text


def _take(line: int, row: dict[str, Any], found: dict[str, Station], errors: list[FileError]) -> None:
    code, name = row["station"], row["name"] or ""
    known = found.get(code, Station(code, name))
    if name and known.name not in ("", name):
        said = f"station {code} is called “{known.name}” further up: give it one name"
        errors.append(FileError(line, "Tên trạm", said))
        return
    fed = known.transformers
    if any(row[key] is not None for key in _OF_TRANSFORMER):
        for key, heading in (("kva", "Công suất MBA (kVA)"), ("since", "Từ ngày")):
            if row[key] is None:
                said = "the cell is empty: a transformer needs its size and the day it began"
                errors.append(FileError(line, heading, said))
                return
        try:
            new = Transformer(
                row["since"], row["kva"], row["no_load_w"], row["load_w"], row["line_percent"],
                bool(row["head_behind"]),
            )  # fmt: skip
        except ModelError as error:
            errors.append(FileError(line, "", str(error)))
            return
        if any(one.valid_from == new.valid_from for one in fed):
            said = f"station {code} gets two transformers on {shown_day(new.valid_from)}: give their sum once"
            errors.append(FileError(line, "Từ ngày", said))
            return
        fed = tuple(sorted((*fed, new), key=lambda one: one.valid_from))
    found[code] = Station(code, known.name or name, fed)


def bring_in(
    pool: Pool, path: Path, wrap: Wrap, remark: Callable[[FileError], None] = lambda _: None
) -> RegisterCounts:
    """Take over the stations of the file, or none; a station without a name keeps the one it has.

    Raises `FileRefused` with every error by line.
    """
    brought = read(path, remark)
    with pool.connection() as conn:
        names = {one.code: one.name for one in stations(conn, [one.code for one in brought])}
    named = (Station(s.code, s.name or names.get(s.code, s.code), s.transformers) for s in brought)
    return import_register(pool, Register(stations=tuple(named)), wrap)


def table(known: tuple[Station, ...] | list[Station]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows as `ami import stations` takes them again: a row a transformer, or a station of which
    nobody said what feeds it."""
    rows: list[tuple[str, ...]] = []
    for one in known:
        for fed in one.transformers:
            figures = (fed.kva, fed.no_load_w, fed.load_w, fed.line_percent)
            behind = "có" if fed.head_behind else "không"
            rows.append((one.code, one.name, *map(_text, figures), behind, shown_day(fed.valid_from)))
        if not one.transformers:
            rows.append((one.code, one.name, *[""] * len(_OF_TRANSFORMER)))
    return tuple(column.heading for column in COLUMNS), rows


def _text(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}".replace(".", ",")
