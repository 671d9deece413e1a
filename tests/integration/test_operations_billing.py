"""From stored readings to closing indices, bills and holds, on a real TimescaleDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from model.bill import Bill, Hold
from model.period import LOCAL, Period, midnight
from model.series import Rate, ReadingSource
from model.viewer import UserRole, Viewer
from operations import bill, close, hand_reads, importing, wording
from operations.errors import InputError
from storage import bill_holds, bills, closing, days
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, SEPTEMBER, bring, grid, read, read_month

STAFF = Viewer("hoadon", UserRole.BILLING)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def _bill(pool: Pool, point: str, period: Period = OCTOBER) -> Bill:
    with pool.connection() as conn:
        [row] = [row for row in bills.bills(conn, STAFF, point=point) if row.period == period]
        sheet = bills.bill(conn, STAFF, row.id)
    assert sheet is not None
    return sheet.bill


def _run(pool: Pool, period: Period = OCTOBER, invoice: date = date(2026, 11, 2)) -> bill.BillReport:
    close.run(pool, period, NOW)
    return bill.run(pool, period, invoice, NOW)


def test_a_change_of_price_is_read_by_hand_where_the_meter_told_nothing(database: str, pool: Pool) -> None:
    """Decision 1279 of 10 May 2025: a shop's registers are read on that day, not interpolated."""
    may, three = Period.of_month(2025, 5), ("BT", "CD", "TD")
    reads = [(may.start, 100_000), (may.end, 200_000)]
    bring(database, *(read("CT", at, raw, rate=Rate.from_code(code)) for at, raw in reads for code in three))
    [held] = [hold for hold in _run(pool, may, date(2025, 6, 2)).held if hold.point == "SHOP"]
    assert held.kind == "no_reading_at_change"
    assert "`ami meter index CT BT=… CD=… TD=… --at 2025-05-10T00:00`" in held.reason
    changed = midnight(date(2025, 5, 10))
    shown = [(code, Decimal(130)) for code in three]
    hand_reads.enter(pool, "CT", changed, shown, rolled_over=False, by="ami", now=NOW)
    again = _run(pool, may, date(2025, 6, 2))
    assert (again.issued, [hold for hold in again.held if hold.point == "SHOP"]) == (1, [])
    made = _bill(pool, "SHOP", may)
    assert made.kwh == 3 * 40 * 100
    assert [(line.label, line.kwh, line.price) for line in made.lines] == [
        ("BT", 1200, 3007), ("CD", 1200, 5174), ("TD", 1200, 1830),
        ("BT", 2800, 3152), ("CD", 2800, 5422), ("TD", 2800, 1918),
    ]  # fmt: skip
    assert _run(pool, may, date(2025, 6, 2)).conflicts == ()


def test_every_kind_of_point_is_billed_by_its_register_differences(database: str, pool: Pool) -> None:
    read_month(database)
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
    read_month(database)
    _run(pool)
    swapped = _bill(pool, "SWAP")
    assert [(use.serial, use.removed, use.status, use.kwh) for use in swapped.uses] == [
        ("OLD", True, "X", 70),
        ("NEW", False, "", 60),
    ]
    assert [line.kwh for line in swapped.lines] == [50, 50, 30]
    assert swapped.wh == Decimal(70_400 + 60_100)


def test_without_both_indices_nobody_is_billed(database: str, pool: Pool) -> None:
    read_month(database)
    report = _run(pool)
    [held] = report.held
    assert (held.point, held.serial, held.kind) == ("BLIND", "MB", "no_opening_index")
    assert held.reason == (
        "Meter MB has no opening index of register KT at 00:00 on 01/10/2026: read it by hand and enter what "
        "it showed (`ami meter index MB KT=… --at 2026-10-01T00:00`), then close and bill again."
    )
    with pool.connection() as conn:
        assert [row.hold.serial for row in bill_holds.holds(conn, STAFF)] == ["MB"]


def test_a_meter_that_was_never_read_is_to_be_read(pool: Pool) -> None:
    """Which is no advice for one that keeps no past."""
    held = {hold.serial: hold for hold in _run(pool).held}
    assert (held["H1"].kind, held["MB"].kind) == ("never_read", "no_opening_index")
    assert held["H1"].reason == (
        "Meter H1 was never read: read it (`ami collect --once`), then close and bill again."
    )
    said = wording.hold("never_read", "H1", held["H1"].reason, "vi")
    assert said.startswith("Công tơ H1 chưa được đọc lần nào: hãy đọc")


def test_a_customer_without_a_meter_is_held(database: str, pool: Pool) -> None:
    read_month(database)
    with pool.connection() as conn:
        for code, since in (("BARE", "2026-10-31"), ("LATER", "2026-11-01"), ("NEVER", None)):
            conn.execute(
                "INSERT INTO customer (code, name, address, book) VALUES (%s, %s, '', 'S1')", [code] * 2
            )
            conn.execute(
                "INSERT INTO point (code, role, station, customer) VALUES (%s, 'customer', 'T1', %s)",
                [code] * 2,
            )
            if since is not None:
                conn.execute(
                    "INSERT INTO point_supply (point, valid_from, plan, tou_schedule) "
                    "VALUES (%s, %s, 'vn-household', 'TT16-2014')",
                    [code, since],
                )
    bare, _ = _run(pool).held
    assert (bare.point, bare.serial, bare.kind) == ("BARE", "", "no_meter")
    assert bare.reason == "No meter hangs at point BARE: hang one (`ami meter add`), then bill again."
    assert "BARE" in wording.hold(bare.kind, bare.named, bare.reason, "vi")
    with pool.connection() as conn:
        assert [row.hold.named for row in bill_holds.holds(conn, STAFF)] == ["BARE", "MB"]
        conn.execute(
            "INSERT INTO installation (point, meter_id, since) "
            "SELECT 'BARE', id, %s FROM meter WHERE serial = 'OLD'",
            [NOW],
        )
    assert [hold.point for hold in _run(pool).held] == ["BLIND"]
    with pool.connection() as conn:
        assert [row.hold.named for row in bill_holds.holds(conn, STAFF)] == ["MB"]


def _save_month(pool: Pool, serial: str, wh: int, *, estimated: int = 0, month: str = "2026-10") -> None:
    """A half-hour of `wh` all the month, `estimated` of them not actual."""
    known = np.arange(np.datetime64(month, "D"), np.datetime64(month) + 1, dtype="datetime64[D]")
    quality = np.ones((len(known), 48), np.uint8)
    quality.reshape(-1)[:estimated] = 2
    with pool.connection() as conn:
        rows = days.DayRows(
            meter_id=np.full(len(known), meter_ids(conn, [serial])[serial], np.int32),
            channel=np.ones(len(known), np.int16),
            day=known,
            energy=np.full((len(known), 48), wh, np.int32),
            quality=quality,
        )
        days.save_days(conn, rows, NOW)


# R5 counted 270 kWh at the second look; with another turn of its 5 digits it would be 100,270 kWh.
@pytest.mark.parametrize(
    ("wh", "estimated", "held"),
    [(67_385, 0, True), (67_385, 1, False), (181, 0, False), (183, 0, False), (184, 0, True), (0, 0, True)],
)
def test_half_hours_that_contradict_the_register_hold_the_bill(
    database: str, pool: Pool, wh: int, estimated: int, held: bool
) -> None:
    read_month(database)
    _save_month(pool, "R5", wh, estimated=estimated)
    report = _run(pool)
    assert report.issued == (3 if held else 4)
    told = {hold.point: hold for hold in report.held}
    assert ("ROLL" in told) is held
    if held:
        assert (told["ROLL"].kind, told["ROLL"].serial) == ("sum_mismatch", "R5")
        assert told["ROLL"].reason.startswith(
            f"The half-hours of meter R5 add up to {wh * 31 * 48 / 1000:,.0f} kWh, "
            f"its indices to 270 kWh: see whether"
        )
        _save_month(pool, "R5", 181)
        assert [hold.point for hold in _run(pool).held] == ["BLIND"]


def test_a_bill_that_stands_is_not_held_for_half_hours_that_came_later(database: str, pool: Pool) -> None:
    read_month(database)
    _run(pool)
    _save_month(pool, "R5", 67_385)
    report = _run(pool)
    assert (report.unchanged, [hold.point for hold in report.held]) == (4, ["BLIND"])


def test_a_second_run_issues_nothing_and_changes_nothing(database: str, pool: Pool) -> None:
    read_month(database)
    first = _run(pool)
    second = _run(pool, invoice=date(2026, 11, 3))
    assert (second.issued, second.unchanged, second.conflicts) == (0, 4, ())
    assert (second.wh_billed, second.amount, second.held) == (first.wh_billed, first.amount, first.held)
    with pool.connection() as conn:
        assert len(bills.bills(conn, STAFF)) == 4


def test_the_fraction_of_a_kwh_goes_to_the_next_period(database: str, pool: Pool) -> None:
    september = SEPTEMBER.start
    read_month(database)
    bring(database, read("H1", september, 999_600))  # 0.4 kWh in September, none billed
    close.run(pool, SEPTEMBER, NOW)
    bill.run(pool, SEPTEMBER, date(2026, 10, 2), NOW)
    assert _bill(pool, "HOUSE", SEPTEMBER).kwh == 0
    _save_month(pool, "H1", 90)  # so much more than nothing goes out because the half-hours say so too
    _run(pool)
    october = _bill(pool, "HOUSE")
    assert october.uses[0].carried_wh == Decimal(400)
    assert (october.wh, october.kwh) == (Decimal(134_600), 135)
    later = datetime(2026, 12, 2, tzinfo=LOCAL)
    bring(database, read("H1", midnight(date(2026, 12, 1)), 1_135_100), now=later)
    november = Period.of_month(2026, 11)
    _save_month(pool, "H1", 0, month="2026-11")
    close.run(pool, november, later)
    bill.run(pool, november, date(2026, 12, 2), later)
    assert [(use.carried_wh, use.kwh) for use in _bill(pool, "HOUSE", november).uses] == [(Decimal(0), 1)]


@pytest.mark.parametrize(("minutes", "closed"), [(-15, True), (15, True), (-16, False), (16, False)])
def test_a_timed_reading_closes_a_meter_without_memory_within_a_quarter_hour(
    database: str, pool: Pool, minutes: int, closed: bool
) -> None:
    off = timedelta(minutes=minutes)
    poll = ReadingSource.POLL
    bring(
        database,
        read("MB", OCTOBER.start + off, 10_000, source=poll),
        read("MB", OCTOBER.end + off, 55_000, source=poll),
        read("H1", OCTOBER.start + timedelta(minutes=5), 10_000, source=poll),
    )
    report = close.run(pool, OCTOBER, NOW)
    with pool.connection() as conn:
        assert [index.raw for index in closing.history(conn, "BLIND")] == ([10_000, 55_000] if closed else [])
        assert (
            closing.history(conn, "HOUSE") == []
        )  # it keeps snapshots: a reading beside the instant is none
    assert ("BLIND" in {point for point, _, _ in report.missing}) is not closed


def test_an_index_once_closed_stands(database: str, pool: Pool) -> None:
    read_month(database)
    assert close.run(pool, OCTOBER, NOW).differing == ()
    bring(database, read("H1", OCTOBER.end, 1_200_000))
    again = close.run(pool, OCTOBER, NOW)
    assert again.closed == 0
    with pool.connection() as conn:
        assert [index.raw for index in closing.at(conn, OCTOBER.end, ["HOUSE"])] == [1_134_600]


def test_no_vat_rate_holds_the_bill_and_names_the_file(database: str, pool: Pool) -> None:
    read_month(database)
    report = _run(pool, invoice=date(2027, 1, 5))
    assert report.issued == 0
    told = {hold.serial: hold for hold in report.held}
    assert told["H1"].kind == "no_vat_rate"
    assert "vat.toml" in told["H1"].reason
    assert "H1" in told["H1"].reason
    assert _run(pool).issued == 4  # the hold is over once the bill can be made
    with pool.connection() as conn:
        assert [row.hold.serial for row in bill_holds.holds(conn, STAFF)] == ["MB"]


def test_a_bill_that_stands_is_not_held_for_a_later_run(database: str, pool: Pool) -> None:
    """Neither for a day without a VAT rate nor for anything else that would hold it today."""
    read_month(database)
    first = _run(pool)
    with pool.connection() as conn:
        stale = Hold("HOUSE", "HOUSE", "H1", OCTOBER, "no_vat_rate", "No rate.")
        customer = bills.bills(conn, STAFF, point="HOUSE")[0].customer
        bill_holds.save(conn, [replace(stale, customer=customer)], NOW)
    again = _run(pool, invoice=date(2027, 2, 1))
    assert (again.issued, again.unchanged, again.conflicts) == (0, 4, ())
    assert [hold.serial for hold in again.held] == ["MB"]
    assert (again.wh_billed, again.amount) == (first.wh_billed, first.amount)
    with pool.connection() as conn:
        assert [row.hold.serial for row in bill_holds.holds(conn, STAFF)] == ["MB"]
        conn.execute("UPDATE meter SET model = 'no-such-model' WHERE serial = 'H1'")
    without = bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)
    assert (without.issued, without.unchanged) == (0, 4)
    assert [hold.serial for hold in without.held] == ["MB"]


def test_a_meter_taken_down_afterwards_does_not_make_a_second_bill(database: str, pool: Pool) -> None:
    read_month(database)
    _run(pool)
    with pool.connection() as conn:
        conn.execute(
            "UPDATE installation SET until = %s, last_index = %s WHERE point = 'HOUSE'",
            [midnight(date(2026, 10, 20)), Jsonb({"KT": 1_100_000})],
        )
    again = _run(pool)
    assert (again.issued, again.unchanged) == (0, 3)
    [told] = again.conflicts
    assert "HOUSE already has a bill" in told
    with pool.connection() as conn:
        assert len(bills.bills(conn, STAFF, point="HOUSE")) == 1


@pytest.mark.parametrize(
    ("invoice", "told"),
    [(date(2026, 10, 31), "last day is 31/10/2026"), (date(2226, 11, 2), "more than a year ahead")],
)
def test_an_invoice_date_that_cannot_be_is_refused(pool: Pool, invoice: date, told: str) -> None:
    with pytest.raises(InputError, match=told):
        bill.run(pool, OCTOBER, invoice, NOW)


def test_a_period_that_has_not_ended_is_refused(pool: Pool) -> None:
    november = Period.of_month(2026, 11)
    with pytest.raises(InputError, match="still to come"):
        close.run(pool, november, NOW)
    with pytest.raises(InputError, match="still to come"):
        bill.run(pool, november, date(2026, 12, 1), NOW.astimezone(UTC))


def test_the_closing_sheet_speaks_the_trades_words(database: str, pool: Pool) -> None:
    read_month(database)
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
