"""From stored readings to closing indices, bills and holds, on a real TimescaleDB."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from model.bill import Bill
from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
)
from model.period import LOCAL, Period, midnight
from model.readout import Answer, Readout, RegisterRead
from model.series import Channel, Rate, ReadingSource, Unit
from model.viewer import UserRole, Viewer
from operations import bill, close, importing
from operations.errors import InputError
from storage import bills, closing
from storage.evidence import store
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool

SEPTEMBER, OCTOBER = Period.of_month(2026, 9), Period.of_month(2026, 10)
NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
LONG_AGO = datetime(2025, 1, 1, tzinfo=LOCAL)
STAFF = Viewer("hoadon", UserRole.BILLING)
SWAPPED = datetime(2026, 10, 14, 9, 30, tzinfo=LOCAL)


def _meter(serial: str, model: str, **given: object) -> Meter:
    return Meter(serial, model, "M1", **given)  # type: ignore[arg-type]


def _point(code: str, plan: str = "vn-household", multiplier: int = 1, *, one_rate: bool = True) -> Point:
    return Point(
        code,
        Role.CUSTOMER,
        "T1",
        customer=f"KH-{code}",
        multipliers=(Multiplier(LONG_AGO, Decimal(multiplier)),),
        supplies=(Supply(LONG_AGO.date(), plan, one_rate=one_rate),),
    )


def _grid() -> Register:
    points = (
        _point("HOUSE"),
        _point("SWAP"),
        _point("ROLL"),
        _point("SHOP", "vn-business", 40, one_rate=False),
        _point("BLIND"),
    )
    return Register(
        stations=(Station("T1", "Trạm 1"),),
        books=(ReadingBook("S1", "Sổ 1"),),
        customers=tuple(Customer(point.customer, f"Bà {point.code}", "", "S1") for point in points),
        modems=(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059),),
        meters=(
            _meter("H1", "dk-1p"),
            _meter("OLD", "dk-1p"),
            _meter("NEW", "dk-1p"),
            _meter("R5", "dk-1p-5"),
            _meter("CT", "dk-3p-ct"),
            _meter("MB", "dk-mb"),
        ),
        points=points,
        installations=(
            Installation("HOUSE", "H1", LONG_AGO),
            Installation("SWAP", "OLD", LONG_AGO, SWAPPED, last_index={"KT": 5_070_400}),
            Installation("SWAP", "NEW", SWAPPED + timedelta(minutes=20), first_index={"KT": 1_200}),
            Installation("ROLL", "R5", LONG_AGO),
            Installation("SHOP", "CT", LONG_AGO),
            Installation("BLIND", "MB", LONG_AGO),
        ),
    )


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, _grid(), lambda raw: raw)
        yield pool


def _read(
    serial: str,
    at: datetime,
    raw: int,
    *,
    rate: Rate = Rate.TOTAL,
    scaler: int = 0,
    source: ReadingSource = ReadingSource.BILLING_PROFILE,
) -> tuple[str, RegisterRead]:
    return serial, RegisterRead(Channel.ACTIVE_IMPORT, rate, at, raw, scaler, Unit.WATT_HOUR, source)


def _store(database: str, *reads: tuple[str, RegisterRead], now: datetime = NOW) -> None:
    async def bring() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                ids = meter_ids(sync, [serial for serial, _ in reads])
            for serial, read in reads:
                answer = Answer("billing", repr(read).encode(), registers=(read,))
                readout = Readout(serial, str(uuid.uuid4()), now, now, "ok", answers=(answer,))
                await store(conn, [(ids[serial], "M1", now, readout)])

    asyncio.run(bring())


def _month(database: str) -> None:
    """A snapshot of every meter that keeps them, at both ends of October."""
    start, end = OCTOBER.start, OCTOBER.end
    three = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
    _store(
        database,
        _read("H1", start, 1_000_000),
        _read("H1", end, 1_134_600),
        _read("OLD", start, 5_000_000),
        _read("NEW", end, 61_300),
        _read("R5", start, 9_985_000, scaler=1),
        _read("R5", end, 12_000, scaler=1),
        *(_read("CT", start, 100_000, rate=rate) for rate in three),
        *(_read("CT", end, 100_000 + 1_013 * (1 + i), rate=rate) for i, rate in enumerate(three)),
    )


def _bill(pool: Pool, point: str, period: Period = OCTOBER) -> Bill:
    with pool.connection() as conn:
        [row] = [row for row in bills.bills(conn, STAFF, point=point) if row.period == period]
        sheet = bills.bill(conn, STAFF, row.id)
    assert sheet is not None
    return sheet.bill


def _run(pool: Pool, period: Period = OCTOBER, invoice: date = date(2026, 11, 2)) -> bill.BillReport:
    close.run(pool, period, NOW)
    return bill.run(pool, period, invoice, NOW)


def test_every_kind_of_point_is_billed_by_its_register_differences(database: str, pool: Pool) -> None:
    _month(database)
    report = _run(pool)
    assert report.issued == 4
    house = _bill(pool, "HOUSE")
    assert (house.wh, house.kwh) == (Decimal(134_600), 135)
    # 50 × 1984 + 50 × 2050 + 35 × 2380, VAT 8 %
    assert [(line.kwh, line.price) for line in house.lines] == [(50, 1984), (50, 2050), (35, 2380)]
    assert (house.subtotal, house.vat, house.total) == (285_000, 22_800, 307_800)
    assert _bill(pool, "ROLL").wh == Decimal(270_000)
    assert _bill(pool, "ROLL").uses[0].status == "Q"
    shop = _bill(pool, "SHOP")
    assert [(use.rate.code, use.wh) for use in shop.uses] == [
        ("BT", Decimal(1_013 * 40)),
        ("CD", Decimal(2 * 1_013 * 40)),
        ("TD", Decimal(3 * 1_013 * 40)),
    ]
    assert report.wh_billed == sum(_bill(pool, code).wh for code in ("HOUSE", "SWAP", "ROLL", "SHOP"))
    assert report.amount == sum(_bill(pool, code).total for code in ("HOUSE", "SWAP", "ROLL", "SHOP"))


def test_a_changed_meter_is_one_run_through_the_tiers(database: str, pool: Pool) -> None:
    _month(database)
    _run(pool)
    swapped = _bill(pool, "SWAP")
    assert [(use.serial, use.removed, use.status, use.kwh) for use in swapped.uses] == [
        ("OLD", True, "X", 70),
        ("NEW", False, "", 60),
    ]
    assert [line.kwh for line in swapped.lines] == [50, 50, 30]
    assert swapped.wh == Decimal(70_400 + 60_100)


def test_without_both_indices_nobody_is_billed(database: str, pool: Pool) -> None:
    _month(database)
    report = _run(pool)
    [held] = report.held
    assert (held.point, held.serial, held.kind) == ("BLIND", "MB", "no_opening_index")
    assert held.reason == (
        "meter MB has no opening index of register KT at 00:00 on 01/10/2026: "
        "read it again or enter the index, then bill again"
    )
    with pool.connection() as conn:
        assert [row.hold.serial for row in bills.holds(conn, STAFF)] == ["MB"]


def test_a_second_run_issues_nothing_and_changes_nothing(database: str, pool: Pool) -> None:
    _month(database)
    first = _run(pool)
    second = _run(pool, invoice=date(2026, 11, 3))
    assert (second.issued, second.unchanged, second.conflicts) == (0, 4, ())
    assert (second.wh_billed, second.amount, second.held) == (first.wh_billed, first.amount, first.held)
    with pool.connection() as conn:
        assert len(bills.bills(conn, STAFF)) == 4


def test_the_fraction_of_a_kwh_goes_to_the_next_period(database: str, pool: Pool) -> None:
    september = SEPTEMBER.start
    _month(database)
    _store(database, _read("H1", september, 999_600))  # 0.4 kWh in September, none billed
    close.run(pool, SEPTEMBER, NOW)
    bill.run(pool, SEPTEMBER, date(2026, 10, 2), NOW)
    assert _bill(pool, "HOUSE", SEPTEMBER).kwh == 0
    _run(pool)
    october = _bill(pool, "HOUSE")
    assert october.uses[0].carried_wh == Decimal(400)
    assert (october.wh, october.kwh) == (Decimal(134_600), 135)
    later = datetime(2026, 12, 2, tzinfo=LOCAL)
    _store(database, _read("H1", midnight(date(2026, 12, 1)), 1_135_100), now=later)
    november = Period.of_month(2026, 11)
    close.run(pool, november, later)
    bill.run(pool, november, date(2026, 12, 2), later)
    assert [(use.carried_wh, use.kwh) for use in _bill(pool, "HOUSE", november).uses] == [(Decimal(0), 1)]


@pytest.mark.parametrize(("minutes", "closed"), [(-15, True), (15, True), (-16, False), (16, False)])
def test_a_timed_reading_closes_a_meter_without_memory_within_a_quarter_hour(
    database: str, pool: Pool, minutes: int, closed: bool
) -> None:
    off = timedelta(minutes=minutes)
    poll = ReadingSource.POLL
    _store(
        database,
        _read("MB", OCTOBER.start + off, 10_000, source=poll),
        _read("MB", OCTOBER.end + off, 55_000, source=poll),
        _read("H1", OCTOBER.start + timedelta(minutes=5), 10_000, source=poll),
    )
    report = close.run(pool, OCTOBER, NOW)
    with pool.connection() as conn:
        assert [index.raw for index in closing.history(conn, "BLIND")] == ([10_000, 55_000] if closed else [])
        assert (
            closing.history(conn, "HOUSE") == []
        )  # it keeps snapshots: a reading beside the instant is none
    assert ("BLIND" in {point for point, _, _ in report.missing}) is not closed


def test_an_index_once_closed_stands(database: str, pool: Pool) -> None:
    _month(database)
    assert close.run(pool, OCTOBER, NOW).differing == ()
    _store(database, _read("H1", OCTOBER.end, 1_200_000))
    again = close.run(pool, OCTOBER, NOW)
    assert again.closed == 0
    with pool.connection() as conn:
        assert [index.raw for index in closing.at(conn, OCTOBER.end, ["HOUSE"])] == [1_134_600]


def test_no_vat_rate_holds_the_bill_and_names_the_file(database: str, pool: Pool) -> None:
    _month(database)
    report = _run(pool, invoice=date(2027, 1, 5))
    assert report.issued == 0
    told = {hold.serial: hold for hold in report.held}
    assert told["H1"].kind == "no_vat_rate"
    assert "vat.toml" in told["H1"].reason
    assert "H1" in told["H1"].reason
    assert _run(pool).issued == 4  # the hold is over once the bill can be made
    with pool.connection() as conn:
        assert [row.hold.serial for row in bills.holds(conn, STAFF)] == ["MB"]


def test_a_period_that_has_not_ended_is_refused(pool: Pool) -> None:
    november = Period.of_month(2026, 11)
    with pytest.raises(InputError, match="still to come"):
        close.run(pool, november, NOW)
    with pytest.raises(InputError, match="still to come"):
        bill.run(pool, november, date(2026, 12, 1), NOW.astimezone(UTC))


def test_the_closing_sheet_speaks_the_trades_words(database: str, pool: Pool) -> None:
    _month(database)
    close.run(pool, OCTOBER, NOW)
    sheet = close.sheet(pool, OCTOBER)
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]
    by_key = {(row["SERY_CTO"], row["LOAI_BCS"]): row for row in rows}
    assert len(by_key) == len(rows) == 7
    house = by_key["H1", "KT"]
    assert (house["MA_DDO"], house["MA_KHANG"], house["MA_QUYEN"]) == ("HOUSE", "KH-HOUSE", "S1")
    assert (house["CS_CU"], house["CS_MOI"], house["SL_MOI"]) == ("1000", "1134.6", "135")
    assert (house["NGAY_CU"], house["NGAY_MOI"], house["THANG"]) == ("01/10/2026", "01/11/2026", "10")
    assert (by_key["OLD", "KT"]["SL_THAO"], by_key["OLD", "KT"]["TTR_MOI"]) == ("70", "X")
    assert by_key["OLD", "KT"]["LOAI_CS"] == "DDN"
    assert (by_key["R5", "KT"]["SL_MOI"], by_key["R5", "KT"]["TTR_MOI"]) == ("270", "Q")
    assert (by_key["CT", "CD"]["HSN"], by_key["CT", "CD"]["SL_MOI"]) == ("40", "81")
