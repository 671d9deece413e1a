"""Indices read from a display and entered: what they may say, and that they close and bill a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from model.bill import Bill
from model.period import LOCAL
from model.series import ReadingSource
from model.viewer import UserRole, Viewer
from operations import bill, close, hand_reads, importing, index_put_right, route, wording
from operations.errors import MeterRefused, RunRefused
from operations.proof import prove
from storage import bills, closing, people, traces
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, SWAPPED, bring, grid, read, read_month

STAFF = Viewer("hoadon", UserRole.BILLING)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def _bill(pool: Pool, point: str) -> Bill:
    with pool.connection() as conn:
        [row] = bills.bills(conn, STAFF, point=point)
        sheet = bills.bill(conn, STAFF, row.id)
    assert sheet is not None
    return sheet.bill


def _run(pool: Pool) -> bill.BillReport:
    close.run(pool, OCTOBER, NOW)
    return bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)


def _enter(pool: Pool, serial: str, at: datetime, kwh: str, **given: bool) -> int:
    values = [("KT", Decimal(kwh))]
    return hand_reads.enter(pool, serial, at, values, by="ami", now=NOW, **given).new


def test_indices_written_down_bring_a_held_bill(database: str, pool: Pool) -> None:
    read_month(database)
    [(point, serial, why), *_] = close.run(pool, OCTOBER, NOW).missing
    [held] = bill.run(pool, OCTOBER, date(2026, 11, 2), NOW).held
    way = "read it by hand and enter what it showed (`ami meter index MB KT=… --at 2026-10-01T00:00`)"
    assert (point, serial, way in why, way in held.reason) == ("BLIND", "MB", True, True)
    vi = wording.hold(held.kind, held.serial, held.reason, "vi")
    assert "bằng `ami meter index MB KT=… --at 2026-10-01T00:00`, rồi chốt" in vi
    assert _enter(pool, "MB", OCTOBER.start, "7543.2") == 1
    assert _enter(pool, "MB", OCTOBER.start, "7543.2") == 0
    assert _enter(pool, "MB", OCTOBER.end, "9943.2") == 1
    assert _enter(pool, "MB", OCTOBER.end, "7643.2") == 1  # mistyped before: the last counts
    report = _run(pool)
    assert (report.held, report.issued) == ((), 1)
    assert _bill(pool, "BLIND").wh == 100_000
    with pool.connection() as conn:
        told = people.audited(conn, action="meter.index")
        due = conn.execute(
            "SELECT count(*) FROM validation_due JOIN meter ON id = meter_id WHERE serial = 'MB'"
        )
        assert due.fetchone() == (4,)
    assert [(row.login, row.object) for row in told] == [("ami", "MB")] * 3


def test_a_missing_snapshot_is_made_good_by_hand(database: str, pool: Pool) -> None:
    bring(database, read("H1", OCTOBER.start, 1_000_000))
    missing = {serial: why for _, serial, why in close.run(pool, OCTOBER, NOW).missing}
    assert (
        "collect from it again or enter what it showed (`ami meter index H1 KT=… --at 2026-11-01T00:00`)"
        in (missing["H1"])
    )
    _enter(pool, "H1", OCTOBER.end, "1134.6")
    _run(pool)
    assert _bill(pool, "HOUSE").wh == 134_600


def test_an_index_by_hand_lies_between_its_neighbours(database: str, pool: Pool) -> None:
    bring(database, read("MB", OCTOBER.start, 10_000_000, source=ReadingSource.POLL))
    bring(database, read("MB", OCTOBER.end, 20_000_000, source=ReadingSource.POLL))
    middle = datetime(2026, 10, 14, tzinfo=LOCAL)
    for at, kwh, told in [
        (middle, "999.9", "999.9 kWh of KT at 00:00 on 14/10/2026 is below the 10000 kWh"),
        (middle, "20000.1", "is above the 20000 kWh of 00:00 on 01/11/2026: .*--status Q"),
        (middle, "1000000", "more than the register's 6 digits"),
        (NOW + timedelta(days=1), "20001", "still to come"),
        (datetime(2024, 1, 1, tzinfo=LOCAL), "1", "hung nowhere"),
    ]:
        with pytest.raises(MeterRefused, match=told):
            _enter(pool, "MB", at, kwh)
    with pytest.raises(MeterRefused, match="not registered"):
        _enter(pool, "NIX", middle, "1")
    assert _enter(pool, "MB", middle, "12000") == 1
    close.run(pool, OCTOBER, NOW)
    with pytest.raises(MeterRefused, match="was closed at 20000 kWh, which stands"):
        _enter(pool, "MB", OCTOBER.end, "20000.5")


def test_an_index_entered_as_rolled_over_is_billed_across(database: str, pool: Pool) -> None:
    bring(database, read("MB", OCTOBER.start, 800_000_000, source=ReadingSource.POLL))
    with pytest.raises(MeterRefused, match="--status Q"):
        _enter(pool, "MB", OCTOBER.end, "1000")
    _enter(pool, "MB", OCTOBER.end, "1000", rolled_over=True)
    _run(pool)
    assert _bill(pool, "BLIND").wh == 201_000_000
    assert _bill(pool, "BLIND").uses[0].status == "Q"


def test_an_index_mistyped_at_hanging_is_put_right_while_no_bill_stands(database: str) -> None:
    differing: dict[str, dict[str, Any]] = {"NEW": {"first_index": {"KT": 612_000}}, "MB": {"since": SWAPPED}}
    october = replace(
        grid(),
        installations=tuple(replace(one, **differing.get(one.serial, {})) for one in grid().installations),
    )
    hung = SWAPPED + timedelta(minutes=20)
    with open_pool(database) as pool:
        importing.import_register(pool, october, lambda raw: raw)
        read_month(database)
        blind = [row for row in route.route(pool, "S1", OCTOBER).rows if row["SERY_CTO"] == "MB"]
        assert [(row["NGAY_CU"], row["CS_CU"]) for row in blind] == [("14/10/2026 09:30", "")]
        [held] = [one for one in _run(pool).held if one.point == "SWAP"]
        assert (held.kind, held.serial) == ("negative", "NEW")
        assert "put right by `ami meter index NEW KT=… --at … --correct`" in held.reason
        vi = wording.hold(held.kind, held.serial, held.reason, "vi")
        assert "chỉ số chốt nhầm thì sửa bằng `ami meter index NEW KT=… --at … --correct`" in vi
        with pytest.raises(MeterRefused, match=r"612 kWh, which stands: .* --at 2026-10-14T09:50 --correct"):
            _enter(pool, "NEW", hung, "1.2")
        put = partial(index_put_right.put_right, pool, STAFF, "NEW")
        for kwh, at, why, told in (
            ("1.2", hung, " ", "needs a reason"),
            ("1.2345", hung, "x", "counts in steps of 0.001 kWh, and 1.2345 has finer digits"),
            ("70", hung, "x", "is above the 61.3 kWh of 00:00 on 01/11/2026"),
            ("1.2", NOW, "x", "no index of KT is closed"),
        ):
            with pytest.raises((MeterRefused, RunRefused), match=told):
                put(at, [("KT", Decimal(kwh))], why, NOW)
        with pytest.raises(RunRefused, match="is for the role billing"):
            viewer = Viewer("kt", UserRole.ENGINEER)
            index_put_right.put_right(pool, viewer, "NEW", hung, [("KT", Decimal(1))], "x", NOW)
        right = [("KT", Decimal("1.2"))]
        assert put(hung, right, "nhầm dấu phẩy", NOW).new == 1
        assert put(hung, right, "nhầm dấu phẩy", NOW).new == 0
        assert [one.point for one in _run(pool).held] == ["BLIND"]
        assert _bill(pool, "SWAP").wh == 70_400 + 60_100
        with pool.connection() as conn:
            [index] = [i for i in closing.history(conn, "SWAP") if (i.serial, i.at) == ("NEW", hung)]
            past = conn.execute("SELECT raw, put_right_by, reason FROM closing_index_past").fetchall()
            [noted] = people.audited(conn, action="meter.index_put_right")
            entry = traces.corrected(conn, index)
            [row] = bills.bills(conn, STAFF, point="SWAP")
            sheet = bills.bill(conn, STAFF, row.id)
            assert sheet is not None
            proof = prove(conn, STAFF, sheet)
        assert (index.raw, index.method, index.status) == (1_200, "correction", "X")
        assert past == [(612_000, "hoadon", "nhầm dấu phẩy")]
        assert (noted.login, noted.detail["before"], noted.detail["after"]) == (
            "hoadon", {"KT": 612_000}, {"KT": 1_200},
        )  # fmt: skip
        assert entry is not None
        assert entry.detail == {"reason": "nhầm dấu phẩy", "before": 612_000}
        assert proof.contradictions == ()
        assert [step.entry for step in proof.steps if step.source == "correction"] == [entry]
        with pytest.raises(
            MeterRefused, match=f"bill {row.id} stands upon its index .*ami bill correct {row.id}"
        ):
            put(hung, [("KT", Decimal("1.3"))], "x", NOW)
