"""The file of stations: what feeds them, taken over as it stands and written as it was."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from model.grid import Station, Transformer
from operations import station_file
from operations.errors import FileError, FileRefused
from operations.spreadsheet import read_rows, write_csv

HEADINGS = [column.heading for column in station_file.COLUMNS]


def written(path: Path, *rows: str) -> Path:
    write_csv(path, HEADINGS, [row.split("|") for row in rows])
    return path


@pytest.mark.parametrize("name", ["s.csv", "s.xlsx"])
def test_the_template_is_taken_with_its_example_left_out(tmp_path: Path, name: str) -> None:
    station_file.write_template(tmp_path / name)
    heard: list[FileError] = []
    with pytest.raises(FileRefused, match="there is no line below the headings"):
        station_file.read(tmp_path / name, heard.append)
    assert [one.sentence for one in heard] == ["this is still the template's example station: left out"]


def test_an_exchanged_transformer_is_one_more_line_and_comes_out_again(tmp_path: Path) -> None:
    file = written(
        tmp_path / "s.csv",
        "T1|Trạm 1|250|340|2600|4,5|có|01/10/2026",
        "T1||100|||||2024-01-01",
        "T2||||||||".removesuffix("|"),
    )
    found = station_file.read(file)
    old = Transformer(date(2024, 1, 1), Decimal(100))
    new = Transformer(
        date(2026, 10, 1), Decimal(250), Decimal(340), Decimal(2600), Decimal("4.5"), head_behind=True
    )
    assert found == (Station("T1", "Trạm 1", (old, new)), Station("T2", ""))
    assert [found[0].transformer_on(day) for day in (date(2023, 1, 1), date(2026, 9, 30))] == [None, old]
    assert found[0].transformer_on(date(2026, 10, 1)) == new
    columns, rows = station_file.table(found)
    write_csv(tmp_path / "again.csv", columns, rows)
    assert station_file.read(tmp_path / "again.csv") == found
    assert len(read_rows(tmp_path / "again.csv")) == 4


def test_what_is_wrong_is_told_by_line(tmp_path: Path) -> None:
    file = written(
        tmp_path / "s.csv",
        "T1|Một|250|||||01/10/2026",
        "T1|Hai|250|||||01/11/2026",
        "T1||100|||||01/10/2026",
        "T2||0|||||01/10/2026",
        "T3|||340||||01/10/2026",
        "T4||250|||||",
        "T5||250|||||32/10/2026",
        "T6||250||260000|||01/10/2026",
        "|Trạm|250|||||01/10/2026",
        "T7||250||||maybe|01/10/2026",
    )
    with pytest.raises(FileRefused) as refused:
        station_file.read(file)
    told = [(one.line, one.column) for one in refused.value.errors]
    kva, since = "Công suất MBA (kVA)", "Từ ngày"
    behind = "Công tơ tổng sau MBA"
    assert told == [
        (3, "Tên trạm"), (4, since), (5, ""), (6, kva), (7, since), (8, since), (9, ""), (10, "Mã trạm"),
        (11, behind),
    ]  # fmt: skip
    (tmp_path / "odd.csv").write_text("Mã trạm;Màu sắc\nT1;xanh\n", encoding="utf-8")
    with pytest.raises(FileRefused, match="no such column"):
        station_file.read(tmp_path / "odd.csv")
    (tmp_path / "few.csv").write_text("MA_TRAM;kVA;since\nT1;250;01/10/2026\n", encoding="utf-8")
    assert station_file.read(tmp_path / "few.csv")[0].transformers[0].kva == 250
