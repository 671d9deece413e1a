"""An index at an instant, and a bill that went out wrong, at the command line."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from ami.bill_correct import _index
from ami.failure import InputFailure
from model.bill import ClosingIndex
from model.period import LOCAL, Period, midnight
from model.series import Channel, Rate
from model.viewer import UserRole, Viewer
from operations import accounts, bill, close, hand_reads, importing
from operations.errors import MeterRefused
from storage import bills
from storage.pool import open_pool
from tests.integration.conftest import Ami
from tests.operations_grid import NOW, OCTOBER, bring, grid, read, read_month

LAN = Viewer("lan", UserRole.BILLING)
PASSWORD = "mot-mat-khau-dai"
DECEMBER = datetime(2026, 12, 2, 9, tzinfo=LOCAL)
AS_OF = ("--as-of", DECEMBER.isoformat())


def test_close_at_an_instant_then_correct_two_months(ami: Ami, database: str) -> None:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        bring(database, read("H1", midnight(date(2026, 12, 1)), 1_300_100), now=DECEMBER)
        hand_reads.enter(
            pool, "MB", midnight(date(2026, 12, 1)), [("KT", Decimal(500))], by="ami", now=DECEMBER
        )
        for month in (OCTOBER, Period.of_month(2026, 11)):
            close.run(pool, month, DECEMBER)
            bill.run(pool, month, month.end.date() + timedelta(days=1), DECEMBER)
        for login in ("lan", "minh"):
            accounts.add_user(pool, login, UserRole.BILLING, PASSWORD, now=NOW)
    ami.environment["AMI_PASSWORD"] = PASSWORD
    right = ("meter", "index", "MB", "KT=450", "--at", "2026-12-01", "--correct", *AS_OF)
    assert "say who puts it right: --as LOGIN" in ami(*right, code=2).stderr
    put = ami(*right, "--reason", "gõ nhầm", "--as", "lan").stderr
    assert "Meter MB at BLIND, 01/12/2026 00:00: KT 450 kWh put right." in put
    at = ("close", "--at", "2026-11-16T00:00", *AS_OF)
    closed = ami.json(*at, "--json", code=3)
    assert closed["methods"] == {"between": 1}
    assert (closed["closed"]["closed"], closed["closed"]["unchanged"]) == (1, 0)
    assert "SHOP" in {one[0] for one in closed["closed"]["missing"]}
    correct = ("bill", "correct", "--reason", "đọc nhầm", *AS_OF, "--as", "lan", "--json")
    with open_pool(database) as pool, pool.connection() as conn:
        october = next(row.id for row in bills.bills(conn, LAN, point="HOUSE") if row.period == OCTOBER)
    ordered = ami.json(*correct, str(october), "--index", "H1:KT@2026-11-01T00:00=1100.7")
    assert (ordered["bill_id"], ordered["state"], len(ordered["corrections"])) == (october, "ordered", 2)
    done = ami("bill", "approve-correction", str(ordered["id"]), *AS_OF, "--as", "minh").stderr
    for one in ordered["corrections"]:
        assert f"Bill {one['bill_id']} is adjusted by bill" in done
        assert f"{one['total_before']:,}\u00a0₫ before, {one['total_after']:,}\u00a0₫ after." in done
    [*listed] = ami.json("bill", "corrections", "--json")["corrections"]
    assert {one["state"] for one in listed} == {"issued"}
    assert {one["approved_by"] for one in listed} == {"minh"}


@pytest.mark.parametrize("kwh", ["NaN", "Infinity", "-5", "1e", ""])
def test_what_no_display_shows_is_no_index(kwh: str) -> None:
    known = ClosingIndex("HOUSE", "H1", Channel.ACTIVE_IMPORT, Rate.TOTAL, OCTOBER.end, 1_134_600, 0)
    with pytest.raises(InputFailure, match="is no index: write it like 24000017:KT@"):
        _index(f"H1:KT@2026-11-01T00:00={kwh}", [known])
    with pytest.raises(MeterRefused, match=r"steps of 0\.001 kWh, and 1134\.6001 has finer digits"):
        _index("H1:KT@2026-11-01T00:00=1134.6001", [known])
