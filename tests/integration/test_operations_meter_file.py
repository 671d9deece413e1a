"""The meter room's file: every meter hung as its line says, or none and every line's fault named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from model.grid import Customer, Register
from model.period import LOCAL
from operations import importing, meter_file
from operations.errors import FileRefused
from operations.spreadsheet import read_rows, write_csv, write_xlsx
from storage.grid import register
from storage.pool import Pool, open_pool
from tests.operations_grid import grid

from .conftest import Ami

HEADINGS = [column.heading for column in meter_file.COLUMNS]
LINE = {"Số công tơ": "A1", "Kiểu công tơ": "dk-1p", "Ngày treo": "01/09/2026", "Địa chỉ IP": "10.8.0.14"}


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    known = grid()
    more = (Customer("KH-1", "Bà Một", "", "S1"), Customer("KH-2", "Ông Hai", "", "S1"))
    with open_pool(database) as pool:
        importing.import_register(pool, replace(known, customers=known.customers + more), lambda raw: raw)
        yield pool


def written(path: Path, *lines: dict[str, str]) -> Path:
    rows = [[line.get(heading, "") for heading in HEADINGS] for line in lines]
    (write_xlsx if path.suffix == ".xlsx" else lambda p, _, h, r: write_csv(p, h, r))(
        path, "m", HEADINGS, rows
    )
    return path


def known(pool: Pool) -> Register:
    with pool.connection() as conn:
        return register(conn)


@pytest.mark.parametrize("name", ["m.csv", "m.xlsx"])
def test_meters_hang_as_their_lines_say(pool: Pool, tmp_path: Path, name: str) -> None:
    first = {**LINE, "Mã khách hàng": "KH-1", "Chỉ số KT": "12,5", "Mật khẩu": "secret", "Số chữ số": "5"}
    second = {
        "Số công tơ": "A2", "Kiểu công tơ": "dk-3p-ct", "Ngày treo": "02/09/2026 08:30", "Mã modem": "M-A1",
        "Mã khách hàng": "KH-2", "Hệ số nhân": "40", "Địa chỉ công tơ": "2",
    }  # fmt: skip
    counts, serials = meter_file.bring_in(
        pool, written(tmp_path / name, first, second), lambda raw: raw[::-1]
    )
    assert serials == ["A1", "A2"]
    assert (counts.added["meters"], counts.added["modems"], counts.added["points"]) == (2, 1, 2)
    assert (counts.added["passwords"], counts.added["installations"]) == (1, 2)
    found = known(pool)
    meters = {meter.serial: meter for meter in found.meters}
    hung = {one.serial: one for one in found.installations}
    assert (meters["A1"].modem, meters["A1"].digits, meters["A2"].modem, meters["A2"].address) == (
        "M-A1",
        5,
        "M-A1",
        2,
    )
    assert (hung["A1"].point, hung["A1"].first_index) == ("KH-1001", {"KT": 12_500})
    assert hung["A2"].since == datetime(2026, 9, 2, 8, 30, tzinfo=LOCAL)
    with pytest.raises(FileRefused, match="meter A1 is registered already and hangs at KH-1001"):
        meter_file.bring_in(pool, written(tmp_path / name, first), lambda raw: raw)


def test_one_bad_line_and_no_meter_hangs(pool: Pool, tmp_path: Path) -> None:
    good = {**LINE, "Mã khách hàng": "KH-1"}
    before = known(pool)
    for bad, why in (
        ({**good, "Số công tơ": ""}, "line 3, column “Số công tơ”: the cell is empty"),
        ({**good, "Số công tơ": "A2", "Ngày treo": "31/09/2026"}, "column “Ngày treo”: “31/09/2026” is not"),
        ({**good, "Số công tơ": "A2", "Cổng": "70000"}, "column “Cổng”: “70000” is not a port"),
        ({**good, "Số công tơ": "A2", "Chỉ số KT": "-1"}, "“-1” is not what it showed"),
        ({**good, "Số công tơ": "A2", "Kiểu công tơ": "dk-0"}, "no model is called “dk-0”"),
        ({**good, "Số công tơ": "A2", "Chỉ số CD": "1"}, "line 3: meter A2"),
        ({**good, "Số công tơ": "A2"}, "line 3: meter A2 at KH-1001: meter A1 still hangs there"),
        (good, "line 3: meter A1 is registered already"),
        ({**good, "Số công tơ": "A2", "Mã khách hàng": "KH-9"}, "there is no customer KH-9 yet"),
        ({**good, "Số công tơ": "A2", "Mã khách hàng": ""}, "name the point it hangs at"),
    ):
        with pytest.raises(FileRefused) as refused:
            meter_file.bring_in(pool, written(tmp_path / "m.csv", good, bad), lambda raw: raw)
        assert why in str(refused.value), why
    assert known(pool) == before


def test_the_template_alone_is_no_file_and_its_line_may_stay(pool: Pool, tmp_path: Path, ami: Ami) -> None:
    file = tmp_path / "công tơ.xlsx"
    ami("import", "template", str(file), "--of", "meters")
    done = ami("import", "meters", str(file), code=5)
    assert "there is no line below the headings" in done.stderr
    (_, headings), (_, example) = read_rows(file)
    line = {**LINE, "Mã khách hàng": "KH-1"}
    write_xlsx(file, "m", headings, [example, [line.get(heading, "") for heading in headings]])
    done = ami("import", "meters", str(file))
    assert "1 meter, 1 point" in done.stderr
    assert "still the template's example meter: left out" in done.stderr
    assert "Nobody has given a password for meter A1" in done.stderr
