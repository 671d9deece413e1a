"""Bringing customers and meters in, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from model.period import LOCAL
from operations import customer_file, importing, meter_changes
from operations.errors import FileRefused, MeterRefused
from operations.importing import NewMeter
from operations.spreadsheet import read_rows, write_csv
from storage.grid import register
from storage.pool import Pool, open_pool

SINCE = datetime(2026, 9, 1, 8, tzinfo=LOCAL)


def _wrap(raw: bytes) -> bytes:
    return raw[::-1]


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        yield pool


def _template(tmp_path: Path, *, name: str = "mau.xlsx", **cells: str) -> Path:
    path = tmp_path / name
    customer_file.write_template(path)
    (_, headings), (_, example) = read_rows(path)
    # the template's own line would be left out: here its customer has another name
    example = [
        "Lê Thị Sen" if heading == "Tên khách hàng" else text
        for heading, text in zip(headings, example, strict=True)
    ]
    changed = [cells.get(heading, text) for heading, text in zip(headings, example, strict=True)]
    write_csv(tmp_path / "kh.csv", headings, [example, changed] if cells else [example])
    return tmp_path / "kh.csv"


def test_a_customer_file_brings_station_book_customer_and_point(pool: Pool, tmp_path: Path) -> None:
    counts = customer_file.bring_in(pool, _template(tmp_path), _wrap)
    assert {noun: n for noun, n in counts.added.items() if n} == {
        "stations": 1, "books": 1, "customers": 1, "points": 1, "multipliers": 1, "supplies": 1,
    }  # fmt: skip
    again = customer_file.bring_in(pool, _template(tmp_path), _wrap)
    assert not any(again.added.values())
    assert not any(again.changed.values())


def test_one_bad_line_and_nothing_is_stored(pool: Pool, tmp_path: Path) -> None:
    path = _template(tmp_path, **{"Mã khách hàng": "KH2", "Số hộ": "0"})
    with pytest.raises(FileRefused, match="line 3, column “Số hộ”"):
        customer_file.bring_in(pool, path, _wrap)
    with pool.connection() as conn:
        assert register(conn).customers == ()


def _new(**given: Any) -> NewMeter:
    base: dict[str, Any] = {
        "serial": "26000001",
        "model": "dk-1p",
        "since": SINCE,
        "host": "127.0.0.1",
        "port": 4059,
        "customer": "HTX01000001",
        "password": "12345678",
        "indices": {"KT": 15},
    }
    return NewMeter(**{**base, **given})


def test_a_meter_hangs_at_the_point_of_its_customer(pool: Pool, tmp_path: Path) -> None:
    customer_file.bring_in(pool, _template(tmp_path), _wrap)
    point = importing.add_meter(pool, _new(), _wrap)
    assert point.code == "HTX01000001001"
    with pool.connection() as conn:
        known = register(conn)
    assert [(i.point, i.serial, i.first_index) for i in known.installations] == [
        ("HTX01000001001", "26000001", {"KT": 15})
    ]
    assert known.meters[0].modem == known.modems[0].code == "M-26000001"


def test_a_meter_may_bring_its_customer_and_station(pool: Pool) -> None:
    point = importing.add_meter(pool, _new(customer="KH9", customer_name="Đỗ Văn Tám", station="T09"), _wrap)
    assert (point.code, point.station) == ("KH9001", "T09")
    second = _new(serial="26000002", customer="KH9", point="KH9002", modem="M-26000001", host="", port=0)
    assert importing.add_meter(pool, second, _wrap).code == "KH9002"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"serial": " "}, "needs its serial"),
        ({"model": "abacus"}, "no model is called “abacus”"),
        ({"dialect": "blah"}, "no modem dialect is called “blah”: use one of .*transparent"),
        ({"plan": "vn-moon"}, "no plan is called “vn-moon”"),
        ({"indices": {"ZZ": 1}}, "no register is called 'ZZ'"),
        ({"customer": ""}, "name the point it hangs at"),
        ({"host": "", "port": 0}, "give host and port"),
        ({"host": "", "port": 0, "modem": "M7"}, "there is no modem M7 yet"),
        ({"port": 0}, "needs a host and a port"),
        ({}, "there is no customer HTX01000001 yet"),
        ({"customer": "", "point": "P1"}, "there is no point P1 yet"),
    ],
)
def test_what_will_not_do_is_refused_in_one_sentence(pool: Pool, given: dict[str, Any], told: str) -> None:
    with pytest.raises(MeterRefused, match=told):
        importing.add_meter(pool, _new(**given), _wrap)
    with pool.connection() as conn:
        assert register(conn).meters == ()


def test_a_serial_is_registered_once_and_a_point_holds_one_meter(pool: Pool) -> None:
    importing.add_meter(pool, _new(customer_name="Bà Hoa"), _wrap)
    with pytest.raises(MeterRefused, match="registered already"):
        importing.add_meter(pool, _new(), _wrap)
    with pytest.raises(MeterRefused, match=r"meter .* still hangs there: take it down first"):
        importing.add_meter(pool, _new(serial="26000003", port=4060), _wrap)


def test_a_modem_that_is_there_keeps_its_address(pool: Pool) -> None:
    """Another meter's address is no word about the modem of all."""
    importing.add_meter(pool, _new(customer_name="Bà Hoa"), _wrap)
    second = {"serial": "26000002", "customer": "KH9", "customer_name": "Ông Tám", "modem": "M-26000001"}
    with pytest.raises(MeterRefused, match=r"modem M-26000001 is there already \(127\.0\.0\.1:4059\)"):
        importing.add_meter(pool, _new(**second, port=4060), _wrap)
    importing.add_meter(pool, _new(**second, port=4059), _wrap)


def test_a_meter_of_primary_values_does_not_hang_at_a_multiplier(pool: Pool) -> None:
    """By hanging it, by changing the model, by a register: each time nothing is stored."""
    transformers = {
        "customer": "KH9",
        "customer_name": "Đỗ Văn Tám",
        "multiplier": Decimal(20),
        "indices": None,
    }
    with pytest.raises(MeterRefused, match=r"multiplier 20, while its model dk-3p says .* dk-3p-ct"):
        importing.add_meter(pool, _new(model="dk-3p", **transformers), _wrap)
    with pool.connection() as conn:
        assert register(conn).meters == ()
    importing.add_meter(pool, _new(model="dk-3p-ct", **transformers), _wrap)
    with pytest.raises(MeterRefused, match="multiplier 20"):
        meter_changes.change(pool, "26000001", meter_changes.Change(model="dk-3p"), _wrap)
    with pool.connection() as conn:
        known = register(conn)
    assert known.meters[0].model == "dk-3p-ct"
    with pytest.raises(MeterRefused, match="multiplier 20"):
        importing.import_register(
            pool, replace(known, meters=(replace(known.meters[0], model="dk-3p"),)), _wrap
        )
    with pool.connection() as conn:
        assert register(conn) == known


def test_a_name_other_than_the_customers_is_refused(pool: Pool) -> None:
    importing.add_meter(pool, _new(customer="KH9", customer_name="Đỗ Văn Tám"), _wrap)
    other = _new(serial="26000002", customer="KH9", point="KH9002", customer_name="Đỗ Văn Chín")
    with pytest.raises(
        MeterRefused, match="KH9 is called “Đỗ Văn Tám”, not “Đỗ Văn Chín”: leave the name out"
    ):
        importing.add_meter(pool, other, _wrap)
    importing.add_meter(pool, replace(other, customer_name="Đỗ Văn Tám"), _wrap)


def test_a_changed_dialect_is_one_there_is(pool: Pool) -> None:
    importing.add_meter(pool, _new(customer="KH9", customer_name="Đỗ Văn Tám"), _wrap)
    with pytest.raises(MeterRefused, match="no modem dialect is called “blah”"):
        meter_changes.change(pool, "26000001", meter_changes.Change(dialect="blah"), _wrap)
