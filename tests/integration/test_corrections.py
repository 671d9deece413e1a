"""Bills that went out wrong are adjusted or replaced by others that name them; the first stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import psycopg
import pytest

from model.bill import BillLine, ClosingIndex
from model.period import LOCAL, Period, midnight
from model.readout import RegisterRead
from model.series import Channel, Rate, ReadingSource, Unit
from model.viewer import UserRole, Viewer
from operations import bill, bill_print, close, corrections
from operations.bill_sheets import printed
from operations.errors import RunRefused
from storage import bills, closing, traces
from storage import corrections as kept
from storage.bills import BillSheet
from storage.errors import Unknown
from storage.pool import Pool
from tests.billing_run_steps import october_closed
from tests.operations_grid import NOW, OCTOBER, bring, read
from tests.storage_samples import SUPPLIER

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
LATER = datetime(2026, 11, 20, 9, tzinfo=LOCAL)
JANUARY = datetime(2027, 1, 5, 9, tzinfo=LOCAL)
ON = date(2027, 1, 5)  # no VAT rate is known for that day: the original's holds


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with october_closed(database) as pool:
        bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)
        yield pool


def _sheet(pool: Pool, number: int) -> BillSheet:
    with pool.connection() as conn:
        found = bills.bill(conn, LAN, number)
    assert found is not None
    return found


def _of(pool: Pool, point: str) -> list[BillSheet]:
    with pool.connection() as conn:
        return [_sheet(pool, row.id) for row in reversed(bills.bills(conn, LAN, point=point))]


def _house(wh: int) -> ClosingIndex:
    """The index that HOUSE's October really ended with."""
    return ClosingIndex("HOUSE", "H1", Channel.ACTIVE_IMPORT, Rate.TOTAL, OCTOBER.end, wh, 0)


def _order(pool: Pool, kind: str, wh: int) -> kept.Correction:
    [first] = _of(pool, "HOUSE")
    return corrections.order(
        pool, LAN, first.id, kind, "đọc nhầm chỉ số", LATER, indices=[_house(wh)], invoice_date=ON
    )


def _sums(pool: Pool) -> tuple[int, int, int]:
    """What the page of October's bills says they come to."""
    with pool.connection() as conn:
        return bills.sums(conn, LAN, OCTOBER.start.date())


def test_an_adjustment_is_the_difference_and_names_the_bill(pool: Pool) -> None:
    [first] = _of(pool, "HOUSE")
    number, kwh, total = _sums(pool)
    ordered = _order(pool, "adjusts", 1_100_400)  # 100 kWh instead of 135: 35 of tier 3 less
    assert (ordered.total_before, ordered.total_after) == (307_800, 217_836)
    assert _of(pool, "HOUSE") == [first]
    with pytest.raises(RunRefused, match="was ordered by lan: a second person has to approve it"):
        corrections.approve(pool, LAN, ordered.id, LATER)
    corrections.approve(pool, MINH, ordered.id, LATER)
    before, adjustment = _of(pool, "HOUSE")
    assert before == replace(first, corrected_by=(adjustment.id,))
    assert adjustment.corrects == bills.Corrects(False, first.id, date(2026, 11, 2), "đọc nhầm chỉ số")
    made = adjustment.bill
    assert made.lines == (BillLine("bậc 3", -35, 2380, -83_300),)
    assert (made.kwh, made.wh, made.subtotal, made.vat, made.total) == (
        -35, Decimal(-34_200), -83_300, -6_664, -89_964,
    )  # fmt: skip
    assert _sums(pool) == (number, kwh - 35, total - 89_964)
    assert (made.invoice_date, adjustment.rated_on) == (ON, date(2026, 11, 2))
    again = bill.run(pool, OCTOBER, date(2026, 11, 3), LATER)
    assert (again.issued, again.unchanged, again.conflicts) == (0, 4, ())
    with pool.connection() as conn:
        [sheet] = printed(conn, LAN, [adjustment], SUPPLIER)
        [past] = conn.execute("SELECT raw, correction FROM closing_index_past").fetchall()
        [index] = closing.at(conn, OCTOBER.end, ["HOUSE"])
    assert f"giấy báo số {bill_print.number_of(first.id)}" in bill_print.text(sheet)
    assert past == (1_134_600, ordered.id)
    assert (index.raw, index.method) == (1_100_400, "correction")


def test_a_second_adjustment_starts_from_the_first(pool: Pool) -> None:
    corrections.approve(pool, MINH, _order(pool, "adjusts", 1_100_400).id, LATER)
    first = _of(pool, "HOUSE")[0]
    ordered = corrections.order(
        pool, LAN, first.id, "adjusts", "còn nhầm", LATER, indices=[_house(1_134_600)], invoice_date=ON
    )
    assert (ordered.total_before, ordered.total_after) == (217_836, 307_800)
    corrections.approve(pool, MINH, ordered.id, LATER)
    sheets = _of(pool, "HOUSE")
    assert sum(sheet.bill.total for sheet in sheets) == 307_800
    with pytest.raises(RunRefused, match=f"is an adjustment of bill {first.id}: correct that one"):
        corrections.order(pool, LAN, sheets[1].id, "adjusts", "x", LATER, indices=[], invoice_date=ON)


def test_a_replacement_holds_instead_of_the_bill(pool: Pool) -> None:
    number, kwh, total = _sums(pool)
    done = corrections.approve(pool, MINH, _order(pool, "replaces", 1_100_400).id, LATER)
    first, instead = _of(pool, "HOUSE")
    assert (instead.id, instead.bill.total, instead.bill.kwh) == (done.issued_bill, 217_836, 100)
    assert instead.corrects is not None
    assert (instead.corrects.replaces, instead.corrects.number) == (True, first.id)
    assert first.bill.total == 307_800
    assert _sums(pool) == (number, kwh - 35, total - 307_800 + 217_836)
    again = bill.run(pool, OCTOBER, date(2026, 11, 3), LATER)
    assert (again.issued, again.unchanged, again.conflicts) == (0, 4, ())
    with pool.connection() as conn:
        rows = {row.id: row for row in bills.bills(conn, LAN, point="HOUSE")}
    assert (rows[first.id].replaced_by, rows[instead.id].corrects) == (instead.id, first.id)
    with pytest.raises(RunRefused, match=f"was replaced by bill {instead.id}: correct that one"):
        corrections.order(pool, LAN, first.id, "adjusts", "x", LATER, indices=[], invoice_date=ON)
    with pytest.raises(psycopg.errors.UniqueViolation), pool.connection() as conn:
        bills.save_correction(conn, instead.bill, LATER, corrects=first.id, kind="replaces", reason="twice")


@pytest.mark.parametrize("kind", corrections.KINDS)
def test_the_fraction_of_a_corrected_month_goes_on(database: str, pool: Pool, kind: str) -> None:
    corrections.approve(pool, MINH, _order(pool, kind, 1_100_400).id, LATER)  # 0.4 kWh are left over
    december = datetime(2026, 12, 2, tzinfo=LOCAL)
    bring(database, read("H1", midnight(date(2026, 12, 1)), 1_200_500), now=december)
    november = Period.of_month(2026, 11)
    close.run(pool, november, december)
    bill.run(pool, november, date(2026, 12, 2), december)
    [use] = _of(pool, "HOUSE")[-1].bill.uses
    assert (use.carried_wh, use.wh, use.kwh) == (Decimal(400), Decimal(100_100), 101)


def _november(database: str, pool: Pool) -> None:
    """November's bill goes out too, upon the index that October ended with."""
    december = datetime(2026, 12, 2, tzinfo=LOCAL)
    bring(database, read("H1", midnight(date(2026, 12, 1)), 1_300_100), now=december)
    close.run(pool, Period.of_month(2026, 11), december)
    bill.run(pool, Period.of_month(2026, 11), date(2026, 12, 2), december)


@contextmanager
def _moved(pool: Pool, wh: int) -> Iterator[None]:
    """While the index that November ended with is another."""
    for by in (wh, -wh):
        with pool.connection() as conn:
            conn.execute(
                "UPDATE closing_index SET raw = raw + %s WHERE point = 'HOUSE' AND raw >= 1300100", [by]
            )
        if by == wh:
            yield


@pytest.mark.parametrize("kind", corrections.KINDS)
def test_every_bill_upon_a_wrong_index_is_corrected_with_it(database: str, pool: Pool, kind: str) -> None:
    _november(database, pool)
    october, november = _of(pool, "HOUSE")
    assert [one.bill.kwh for one in (october, november)] == [135, 165]
    asked = {"indices": [_house(1_100_700)], "invoice_date": ON}
    ordered = corrections.order(pool, LAN, november.id, kind, "đọc nhầm", JANUARY, **asked)  # type: ignore[arg-type]
    with pool.connection() as conn:
        listed = kept.together(conn, ordered.id)
    assert [(one.bill_id, one.total_before) for one in listed] == [
        (october.id, october.bill.total),
        (november.id, november.bill.total),
    ]
    assert ordered == listed[1]
    with pytest.raises(
        RunRefused, match=f"correction {listed[0].id} of bill {october.id} waits for approval"
    ):
        corrections.order(pool, LAN, october.id, kind, "x", JANUARY, **asked)  # type: ignore[arg-type]
    corrections.withdraw(pool, LAN, listed[0].id, JANUARY)
    with pool.connection() as conn:
        assert kept.orders(conn, waiting=True) == []  # taken back as one
    ordered = corrections.order(pool, LAN, november.id, kind, "đọc nhầm", JANUARY, **asked)  # type: ignore[arg-type]
    with (
        _moved(pool, 9_000),
        pytest.raises(RunRefused, match=r"something else now .* for 2 bills instead of"),
    ):
        corrections.approve(pool, MINH, ordered.id, JANUARY)
    assert [sheet.corrected_by for sheet in _of(pool, "HOUSE")] == [(), ()]
    corrections.approve(pool, MINH, ordered.id, JANUARY)
    sheets = _of(pool, "HOUSE")
    made = [sheet for sheet in sheets if sheet.corrects is not None]
    assert [sheet.corrects.number for sheet in made if sheet.corrects] == [october.id, november.id]
    # 100.7 kWh are 101; 0.3 of them are owed to November, whose 199.4 are 199 then; as much in all as before.
    whole = [101, 199]
    assert [sheet.bill.kwh for sheet in made] == (whole if kind == "replaces" else [101 - 135, 199 - 165])
    holds = made if kind == "replaces" else sheets
    assert sum(sheet.bill.kwh for sheet in holds) == 300
    uses = [use for sheet in holds for use in sheet.bill.uses if sheet.bill.period.start == OCTOBER.end]
    assert sum(use.wh + use.carried_wh - use.kwh * 1000 for use in uses) == 100
    with pool.connection() as conn:
        assert conn.execute("SELECT count(*) FROM closing_index_past").fetchone() == (1,)
        assert {one.state for one in kept.together(conn, ordered.id)} == {"issued"}
        carried = [
            traces.carried(conn, "HOUSE", OCTOBER.end, made[1].issued_at),
            traces.carried(conn, "HOUSE", OCTOBER.end, NOW),
        ]
    assert carried == [{Rate.TOTAL: -300}, {Rate.TOTAL: -400}]  # as it is now, and as it was then


def test_a_late_reading_that_differs_leads_to_a_correction(database: str, pool: Pool) -> None:
    bring(database, read("CT", OCTOBER.end, 105_000, rate=Rate.NORMAL), now=LATER)
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE raw = 101013")  # what the first look said is gone
    report = close.run(pool, OCTOBER, LATER)
    assert "closed at 101013, now it reads 105000" in report.differing[0]
    close.run(pool, OCTOBER, LATER)
    with pool.connection() as conn:
        [conflict] = kept.conflicts(conn)
    [shop] = _of(pool, "SHOP")
    assert (conflict.point, conflict.rate, conflict.closed, conflict.read) == (
        "SHOP",
        Rate.NORMAL,
        101_013,
        105_000,
    )
    assert conflict.bills == (shop.id,)
    ordered = corrections.order(pool, LAN, shop.id, "replaces", "đọc muộn", LATER, invoice_date=ON)
    done = corrections.approve(pool, MINH, ordered.id, LATER)
    assert done.issued_bill is not None
    assert _sheet(pool, done.issued_bill).bill.uses[0].wh == Decimal(5_000 * 40)
    with pool.connection() as conn:
        assert kept.conflicts(conn) == []
    assert close.run(pool, OCTOBER, LATER).differing == ()


def test_a_late_reading_of_reactive_energy_is_no_reading_of_active_energy(database: str, pool: Pool) -> None:
    def kvarh(at: datetime, raw: int) -> tuple[str, RegisterRead]:
        serial, told = read("CT", at, raw)
        return serial, replace(told, channel=Channel.REACTIVE_IMPORT, unit=Unit.VAR_HOUR)

    bring(database, kvarh(OCTOBER.start, 50_000), kvarh(OCTOBER.end, 60_000))
    close.run(pool, OCTOBER, NOW)
    bring(database, kvarh(OCTOBER.end, 61_000), now=LATER)
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE raw = 60000")
    report = close.run(pool, OCTOBER, LATER)
    assert "meter CT, register VC: closed at 60000, now it reads 61000" in report.differing[0]
    with pool.connection() as conn:
        [conflict] = kept.conflicts(conn)
    assert (conflict.register, conflict.index.channel) == ("VC", Channel.REACTIVE_IMPORT)
    [shop] = _of(pool, "SHOP")
    with pytest.raises(RunRefused, match="comes to the same"):  # it buys no reactive energy
        corrections.order(pool, LAN, shop.id, "adjusts", "đọc muộn", LATER, invoice_date=ON)


def test_a_reading_may_be_dismissed(database: str, pool: Pool) -> None:
    bring(database, read("H1", OCTOBER.end, 1_200_000), now=LATER)
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE raw = 1134600")
    close.run(pool, OCTOBER, LATER)
    with pool.connection() as conn:
        [conflict] = kept.conflicts(conn)
    with pytest.raises(RunRefused, match="needs a reason"):
        corrections.dismiss(pool, LAN, conflict.id, "", LATER)
    corrections.dismiss(pool, LAN, conflict.id, "công tơ khác", LATER)
    with pytest.raises(Unknown, match="no open conflict"):
        corrections.dismiss(pool, LAN, conflict.id, "again", LATER)
    close.run(pool, OCTOBER, LATER)
    with pool.connection() as conn:
        assert kept.conflicts(conn) == []


def test_what_is_approved_is_what_was_ordered(pool: Pool) -> None:
    ordered = _order(pool, "adjusts", 1_100_400)
    with pytest.raises(RunRefused, match=f"correction {ordered.id} of bill .* waits for approval already"):
        _order(pool, "adjusts", 1_100_500)
    with pool.connection() as conn:
        conn.execute(
            "UPDATE closing_index SET raw = raw - 5000 WHERE point = 'HOUSE' AND at = %s", [OCTOBER.start]
        )
    with pytest.raises(RunRefused, match="comes to something else now"):
        corrections.approve(pool, MINH, ordered.id, LATER)
    assert len(_of(pool, "HOUSE")) == 1
    corrections.withdraw(pool, LAN, ordered.id, LATER)
    with pytest.raises(RunRefused, match="is withdrawn: it waits for no approval"):
        corrections.approve(pool, MINH, ordered.id, LATER)


def test_who_may_and_what_is_nothing(pool: Pool) -> None:
    [first] = _of(pool, "HOUSE")
    ask = {"indices": [], "invoice_date": ON}
    with pytest.raises(RunRefused, match=r"comes to the same 307,800\u00a0₫ when it is counted again"):
        corrections.order(pool, LAN, first.id, "adjusts", "why not", LATER, **ask)  # type: ignore[arg-type]
    with pytest.raises(RunRefused, match="needs a reason"):
        corrections.order(pool, LAN, first.id, "adjusts", " ", LATER, **ask)  # type: ignore[arg-type]
    with pytest.raises(RunRefused, match="is for the role billing, not for ky"):
        corrections.order(pool, Viewer("ky", UserRole.ENGINEER), first.id, "adjusts", "x", LATER, **ask)  # type: ignore[arg-type]
    with pytest.raises(Unknown, match="no bill 999"):
        corrections.order(pool, LAN, 999, "adjusts", "x", LATER, **ask)  # type: ignore[arg-type]


def test_how_an_index_came_about_is_kept(database: str, pool: Pool) -> None:
    bring(database, read("MB", OCTOBER.start, 10_000, source=ReadingSource.MANUAL))
    close.run(pool, OCTOBER, NOW)
    with pool.connection() as conn:
        methods = {(index.serial, index.at): index.method for index in closing.at(conn, OCTOBER.start)}
        [*swapped] = closing.history(conn, "SWAP")
    assert methods["H1", OCTOBER.start] == "billing_profile"
    assert methods["MB", OCTOBER.start] == "manual"
    assert [index.method for index in swapped if index.status == "X"] == ["work_sheet", "work_sheet"]
