"""The grid is saved once, however often it is brought, and told back as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Installation, Meter, Modem, ModemLink, Register, Supply
from storage import fleet
from storage.errors import RegisterUnusable
from storage.grid import register, save_register
from storage.pool import connect
from storage.register import hung
from storage.secrets import WrappingKey
from tests.storage_samples import HUNG, grid


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        yield connection


@pytest.fixture
def key(tmp_path: Path) -> WrappingKey:
    return WrappingKey.load_or_create(tmp_path / "keys" / "wrapping.key")


def _sorted(register: Register) -> Register:
    without = tuple(dataclasses.replace(meter, password=None) for meter in register.meters)
    return dataclasses.replace(register, meters=without)


def test_a_register_comes_back_as_it_was_brought(conn: Connection[TupleRow], key: WrappingKey) -> None:
    brought = grid()
    counts = save_register(conn, brought, key.wrap)
    assert counts.added["meters"] == 4
    assert counts.added["passwords"] == 1
    assert register(conn) == _sorted(brought)


def test_bringing_it_again_changes_nothing(conn: Connection[TupleRow], key: WrappingKey) -> None:
    save_register(conn, grid(), key.wrap)
    counts = save_register(conn, grid(), key.wrap)
    assert set(counts.added.values()) == set(counts.changed.values()) == {0}
    assert counts.unchanged["customers"] == 3
    assert counts.unchanged["passwords"] == 1


def test_what_differs_is_changed_and_counted(conn: Connection[TupleRow], key: WrappingKey) -> None:
    save_register(conn, grid(), key.wrap)
    brought = grid()
    moved = dataclasses.replace(brought.customers[0], address="Thôn 9, Điện Bàn")
    more = dataclasses.replace(
        brought.points[1],
        supplies=(*brought.points[1].supplies, Supply(HUNG.date() + timedelta(days=31), "vn-business")),
    )
    counts = save_register(
        conn,
        dataclasses.replace(brought, customers=(moved,), points=(more,)),
        key.wrap,
    )
    assert (counts.changed["customers"], counts.added["supplies"]) == (1, 1)
    assert register(conn).customers[0] == moved
    assert len(register(conn).customers) == 3, "what an import does not name stays"


def test_the_meter_hung_twice_is_refused(conn: Connection[TupleRow], key: WrappingKey) -> None:
    save_register(conn, grid(), key.wrap)
    later = HUNG + timedelta(days=10)
    with pytest.raises(RegisterUnusable, match="two places at one time"):
        save_register(conn, Register(installations=(Installation("P002", "M001", later),)), key.wrap)


def test_a_swap_is_one_import(conn: Connection[TupleRow], key: WrappingKey) -> None:
    save_register(conn, grid(), key.wrap)
    swapped = HUNG + timedelta(days=40)
    swap = Register(
        meters=(Meter("M900", "dk-1p", "D2", 9),),
        installations=(
            Installation("P001", "M001", HUNG, swapped, {"KT": 0}, {"KT": 1234}),
            Installation("P001", "M900", swapped, None, {"KT": 5}),
        ),
    )
    counts = save_register(conn, swap, key.wrap)
    assert (counts.added["installations"], counts.changed["installations"]) == (1, 1)
    both = hung(conn, points=["P001"])
    assert [(meter.serial, meter.until) for meter in both] == [("M001", swapped), ("M900", None)]
    assert both[0].last_index == {"KT": 1234}
    assert both[0].supplies[0].households == Decimal(1)


def test_what_leans_on_nothing_is_refused_by_name(conn: Connection[TupleRow], key: WrappingKey) -> None:
    with pytest.raises(RegisterUnusable, match=r"D7.*not present"):
        save_register(conn, Register(meters=(Meter("M1", "dk-1p", "D7"),)), key.wrap)


def test_the_same_code_twice_is_refused(conn: Connection[TupleRow], key: WrappingKey) -> None:
    modem = Modem("D1", ModemLink.DIAL_OUT, host="h", port=1)
    with pytest.raises(RegisterUnusable, match="D1 among its modems more than once"):
        save_register(conn, Register(modems=(modem, modem)), key.wrap)


def test_an_unknown_meter_cannot_hang(conn: Connection[TupleRow], key: WrappingKey) -> None:
    save_register(conn, grid(), key.wrap)
    with pytest.raises(RegisterUnusable, match="installations"):
        save_register(conn, Register(installations=(Installation("P001", "M9", HUNG),)), key.wrap)


def test_lines_carry_their_meters_and_passwords(
    conn: Connection[TupleRow], key: WrappingKey, tmp_path: Path
) -> None:
    save_register(conn, grid(), key.wrap)
    first, second = fleet.lines(conn, key.unwrap)
    assert [meter.serial for meter in first.meters] == ["M000", "M002"]
    assert first.meters[0].password == "12345678"
    assert "12345678" not in repr(first)
    assert second.modem.registration == "IMEI-2"
    assert (second.meters[0].since, second.meters[0].until) == (HUNG, None)
    stored = conn.execute("SELECT wrapped FROM meter_secret").fetchall()
    assert b"12345678" not in b"".join(wrapped for (wrapped,) in stored)
    other = WrappingKey.load_or_create(tmp_path / "other.key")
    sealed = [meter for line in fleet.lines(conn, other.unwrap) for meter in line.meters if meter.sealed]
    assert [(meter.serial, meter.password) for meter in sealed] == [("M000", None)]


def test_nothing_is_kept_when_the_caller_does_not_commit(database: str, key: WrappingKey) -> None:
    with connect(database) as conn:
        save_register(conn, grid(), key.wrap)
        conn.rollback()
    with psycopg.connect(database) as other:
        assert register(other) == Register()
