"""Closing indices, bills and holds: kept once, never rewritten, seen by those they concern."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex, Hold
from model.grid import Installation, Register
from model.period import Period, midnight
from model.series import Channel, ProfileKind, Rate
from model.viewer import UserRole, Viewer
from storage import bill_holds, bills, closing, evidence, fleet
from storage.errors import BillConflict, Unknown
from storage.grid import save_register
from storage.pool import connect, session
from tests.storage_samples import (
    AUGUST,
    DAY,
    HUNG,
    NOW,
    answer,
    bill_of_august,
    grid,
    profile,
    readout,
    total,
)

STAFF = Viewer("ke.toan", UserRole.BILLING)
OWNER = Viewer("khach1", UserRole.CUSTOMER, "C001")
STRANGER = Viewer("khach2", UserRole.CUSTOMER, "C002")


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(), bytes)
        connection.commit()
        yield connection


def test_a_bill_is_issued_once_and_comes_back_to_the_dong(conn: Connection[TupleRow]) -> None:
    hold = Hold("P001", "C001", "M001", AUGUST, "no_closing_index", "Chưa có chỉ số chốt")
    bill_holds.save(conn, [hold], NOW)
    assert bills.save(conn, bill_of_august(), NOW) == "issued"
    assert bill_holds.holds(conn, STAFF) == [], "it goes when the bill comes"
    again = dataclasses.replace(bill_of_august(), invoice_date=date(2026, 9, 9))
    assert bills.save(conn, again, NOW + timedelta(days=7)) == "unchanged"
    (row,) = bills.bills(conn, STAFF)
    assert (row.customer_name, row.total, row.serials) == ("Nguyễn Thị Hồng", 220_000, ("M001",))
    found = bills.bill(conn, STAFF, row.id)
    assert found is not None
    assert found.bill == bill_of_august()
    assert found.issued_at == NOW
    assert found.households == 1


def test_an_issued_bill_is_never_rewritten(conn: Connection[TupleRow]) -> None:
    bills.save(conn, bill_of_august(), NOW)
    with pytest.raises(
        BillConflict, match=r"P001 .* 01/08/2026 – 31/08/2026 .*\(uses, kwh, subtotal, total\)"
    ):
        bills.save(conn, bill_of_august(kwh=103, total=230_000), NOW)
    assert bills.bills(conn, STAFF)[0].total == 220_000


def test_billing_again_uses_up_no_number(conn: Connection[TupleRow]) -> None:
    for _ in range(3):
        bills.save(conn, bill_of_august(), NOW)
    end = AUGUST.end + timedelta(days=30)
    bills.save(conn, dataclasses.replace(bill_of_august(), period=Period(AUGUST.end, end)), NOW)
    later, first = bills.bills(conn, STAFF)
    assert later.id == first.id + 1


def test_a_customer_sees_their_bills_alone(conn: Connection[TupleRow]) -> None:
    bills.save(conn, bill_of_august(), NOW)
    (mine,) = bills.bills(conn, OWNER)
    assert bills.bill(conn, OWNER, mine.id) is not None
    assert bills.bills(conn, STRANGER) == []
    assert bills.bills(conn, STRANGER, customer="C001") == []
    assert bills.bill(conn, STRANGER, mine.id) is None
    assert bills.bills(conn, Viewer("nobody", UserRole.CUSTOMER)) == []


def test_bills_by_month_and_point(conn: Connection[TupleRow]) -> None:
    bills.save(conn, bill_of_august(), NOW)
    assert len(bills.bills(conn, STAFF, month=date(2026, 8, 20))) == 1
    assert bills.bills(conn, STAFF, month=date(2026, 9, 1)) == []
    assert bills.bills(conn, STAFF, point="P002") == []


def test_a_hold_says_why_and_since_when(conn: Connection[TupleRow]) -> None:
    hold = Hold("P001", "C001", "M001", AUGUST, "no_closing_index", "first")
    bill_holds.save(conn, [hold], NOW)
    same = dataclasses.replace(hold, reason="second")
    bill_holds.save(conn, [same], NOW + timedelta(days=1))
    (row,) = bill_holds.holds(conn, OWNER)
    assert (row.hold, row.held_at) == (same, NOW)
    assert bill_holds.holds(conn, STRANGER) == []
    with pytest.raises(Unknown, match="M404"):
        bill_holds.save(conn, [dataclasses.replace(hold, serial="M404")], NOW)
    assert bill_holds.drop(conn, "P001", AUGUST)
    assert not bill_holds.drop(conn, "P001", AUGUST)


def test_a_hold_may_name_no_meter(conn: Connection[TupleRow]) -> None:
    bare = Hold("P001", "C001", "", AUGUST, "no_meter", "none hangs")
    bill_holds.save(conn, [bare], NOW)
    (row,) = bill_holds.holds(conn, OWNER)
    assert (row.hold, row.hold.named) == (bare, "P001")
    assert bill_holds.drop_kind(conn, AUGUST, "no_supply", but=[]) == 0
    assert bill_holds.drop_kind(conn, AUGUST, "no_meter", but=["P001"]) == 0
    assert bill_holds.drop_kind(conn, AUGUST, "no_meter", but=["P002"]) == 1


def test_closing_indices_stand(conn: Connection[TupleRow]) -> None:
    at = AUGUST.end
    index = ClosingIndex("P001", "M001", Channel.ACTIVE_IMPORT, Rate.TOTAL, at, 102_400, 0)
    other = dataclasses.replace(index, serial="M002", point="P002", status="Q")
    assert closing.save(conn, [index, other], NOW) == closing.ClosingCounts(2, 0, ())
    assert closing.save(conn, [index], NOW) == closing.ClosingCounts(0, 1, ())
    moved = dataclasses.replace(index, raw=1)
    assert closing.save(conn, [moved], NOW) == closing.ClosingCounts(0, 0, (moved,))
    assert closing.at(conn, at) == [index, other]
    assert closing.at(conn, at, ["P002"]) == [other]
    assert closing.history(conn, "P001") == [index]
    with pytest.raises(Unknown, match="M404"):
        closing.save(conn, [dataclasses.replace(index, serial="M404")], NOW)


async def test_what_may_close_a_register(database: str, conn: Connection[TupleRow]) -> None:
    ids = fleet.meter_ids(conn)
    at = midnight(DAY)
    index = profile(at - timedelta(hours=2), [10, 11, 12, 13, 14, 15], kind=ProfileKind.INDEX)
    holey = profile(at - timedelta(hours=2), [20, 21, 22, 23, 24, 25], kind=ProfileKind.INDEX, without=[2])
    away = profile(at - timedelta(hours=2), [1, 1, 1, 1, 1], kind=ProfileKind.INDEX, without=[2, 4])
    said = [
        ("M001", readout("M001", total(at, 14), total(at - timedelta(days=3), 2), answer(index))),
        ("M002", readout("M002", answer(holey), answer(away))),
    ]
    async with await AsyncConnection.connect(database, **session()) as writer:
        await evidence.store(writer, [(ids[serial], "D2", NOW, item) for serial, item in said])
    found = closing.candidates(conn, None, at)
    assert [(item.serial, item.raw, item.source, item.at) for item in found] == [
        ("M001", 14, "load_profile", at),
        ("M001", 14, "poll", at),
        ("M002", 24, "load_profile", at),
    ]
    assert [item.serial for item in closing.candidates(conn, ["P001"], at)] == ["M001", "M001"]
    # a meter taken down before the instant closes nothing there
    gone = Installation("P001", "M001", HUNG, at - timedelta(days=1))
    save_register(conn, Register(installations=(gone,)), bytes)
    assert [item.serial for item in closing.candidates(conn, None, at)] == ["M002"]


def test_a_bill_names_the_households_of_the_supply_it_was_counted_by(conn: Connection[TupleRow]) -> None:
    bills.save(conn, bill_of_august(), NOW)
    (row,) = bills.bills(conn, STAFF)
    conn.execute("UPDATE point_supply SET households = 2 WHERE point = 'P001'")
    conn.execute(
        "INSERT INTO point_supply (point, valid_from, plan, households, tou_schedule)"
        " VALUES ('P001', '2026-08-02', 'vn-household', 3, '')"
    )
    found = bills.bill(conn, OWNER, row.id)
    assert found is not None
    assert found.households == 2


def test_months_are_those_with_bills_and_for_staff_with_held_ones(conn: Connection[TupleRow]) -> None:
    assert bills.months(conn, STAFF, with_holds=True) == []
    bills.save(conn, bill_of_august(), NOW)
    part = Period(AUGUST.end, AUGUST.end + timedelta(days=9))
    bill_holds.save(conn, [Hold("P001", "C001", "M001", part, "no_closing_index", "…")], NOW)
    assert bills.months(conn, OWNER) == [date(2026, 8, 1)], (
        "it ends with August, at September's first instant"
    )
    assert bills.months(conn, STAFF, with_holds=True) == [date(2026, 9, 1), date(2026, 8, 1)]
    assert bills.months(conn, STRANGER, with_holds=True) == []
    for month in bills.months(conn, STAFF, with_holds=True):
        assert bills.bills(conn, STAFF, month=month) or bill_holds.holds(conn, STAFF, month=month)
