"""What the register knows of supplies beyond plan and voltage, on bills: reactive energy beside the bill, a
cooperative's bulk meter by what the office says of its month."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.pages import bill as page
from dashboard.visit import Visit
from model.bill import Bill, ClosingIndex, Hold
from model.grid import PeriodFacts
from model.period import Period
from model.series import Channel, Rate
from model.viewer import UserRole, Viewer
from operations import (
    bill_print,
    bills_out,
    close,
    corrections,
    customer_export,
    customer_file,
    einvoice,
    importing,
    period_words,
)
from operations.bill_sheets import printed
from operations.einvoice import Issuing
from operations.errors import InputError, RunRefused
from operations.proof import chain
from operations.runs import stages
from operations.spreadsheet import write_csv
from storage import bills, closing, period_facts
from storage.bills import BillSheet
from storage.grid import register
from storage.pool import Pool, open_pool
from tests.bill_pages import SUPPLIER
from tests.einvoice_format import faults
from tests.integration.conftest import Ami
from tests.operations_grid import NOW
from tests.worked_bills import STAFF, Worked, enter, grid_of, run

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
JUNE = Period.of_month(2025, 6)
DAYS = {"from": "2025-06-01", "to": "2025-07-01"}
INVOICED = date(2025, 7, 1)
SHOP = Worked("SHOP", {
    "plan": "vn-business", **DAYS, "voltage_kv": "22", "multiplier": "40", "kvarh": 3280,
    "buys_reactive": True, "kwh": {"BT": 4000, "CD": 1200, "TD": 800},
})  # fmt: skip
# Nobody has said of it how many households used something.
COOPERATIVE = Worked("HTX", {"plan": "vn-wholesale-htx", **DAYS, "kwh": {"KT": 18_000}})
FIGURES = PeriodFacts("HTX", date(2025, 6, 1), INVOICED, "", 12, 1500)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        yield pool


def _sheets(pool: Pool, point: str) -> list[BillSheet]:
    with pool.connection() as conn:
        found = [bills.bill(conn, STAFF, row.id) for row in reversed(bills.bills(conn, STAFF, point=point))]
    return [sheet for sheet in found if sheet is not None]


def test_reactive_energy_is_approved_issued_corrected_and_proven_beside_its_bill(
    database: str, pool: Pool
) -> None:
    shown = replace(SHOP, code="LACKS", request={**SHOP.request, "buys_reactive": True})
    silent = replace(shown, request={key: value for key, value in shown.request.items() if key != "kvarh"})
    mill = Worked("MILL", {"plan": "vn-production", **DAYS, "kwh": {"KT": 500}})
    enter(pool, database, [SHOP, silent, mill])
    with pool.connection() as conn:
        conn.execute(
            "UPDATE point_supply SET transformer_kva = 100, buys_reactive = false WHERE point = 'MILL'"
        )
    close.run(pool, JUNE, NOW)
    drafted = stages.begin(pool, LAN, JUNE, INVOICED, None, NOW)
    stages.open_draft(pool, drafted.id, "lan", NOW)
    stages.draft_shard(pool, drafted.id, (0, 1), NOW)
    stages.finish_draft(pool, drafted.id, NOW)
    found = stages.check(pool, LAN, drafted.id, NOW)
    assert [(one.object, one.kind, one.holds) for one in found] == [("MILL", "three_rate_due", False)]
    assert "has a transformer of 100 kVA and is billed at one rate: hang a meter of three" in found[0].said
    with pool.connection() as conn:
        [hold] = [row.hold for row in bills.bill_holds.holds(conn, LAN)]
    assert (hold.point, hold.kind) == ("LACKS", "no_reactive_index")
    assert "`ami meter index M-LACKS VC=… --at 2025-06-01T00:00`" in hold.reason
    approved = stages.approve(pool, MINH, drafted.id, NOW)
    with pool.connection() as conn:
        conn.execute("UPDATE closing_index SET raw = raw + 40 WHERE point = 'SHOP' AND channel = 3")
    with pytest.raises(RunRefused, match="closing indices are others"):
        stages.ready_to_issue(pool, approved.id)
    with pool.connection() as conn:
        conn.execute("UPDATE closing_index SET raw = raw - 40 WHERE point = 'SHOP' AND channel = 3")
    stages.ready_to_issue(pool, approved.id)
    stages.issue_shard(pool, approved.id, (0, 1), NOW)
    stages.finish_issue(pool, approved.id, "lan", NOW)

    [first] = _sheets(pool, "SHOP")
    asked = first.bill.reactive
    assert asked is not None
    assert (asked.kwh, asked.kvarh, asked.cos_phi, asked.k_percent) == (
        6000,
        3280,
        Decimal("0.88"),
        Decimal("2.27"),
    )
    assert asked.subtotal == round(first.bill.subtotal * Decimal("2.27") / 100)
    with pool.connection() as conn:
        proof = chain.prove(conn, LAN, first)
        [sheet] = printed(conn, LAN, [first], SUPPLIER)
    assert proof.differing == ()
    visits = [Visit(LAN, lang, "", False, NOW, "/") for lang in ("vi", "en")]
    with pool.connection() as conn:
        pages = [page.show(conn, visit, {"id": str(first.id)}) for visit in visits]
    parts = [part.to_plotly_json() for part in pages]
    shown_on_page = json.dumps(parts, default=lambda part: part.to_plotly_json(), ensure_ascii=False)
    assert "Công suất phản kháng (hóa đơn riêng)" in shown_on_page
    assert "6,000 kWh and 3,280 kvarh: cos φ = 0.88, below 0.9" in shown_on_page
    assert {step.index.code for step in proof.steps} == {"BT", "CD", "TD", "VC"}
    assert "6.000 kWh và 3.280 kvarh: cosφ = 0,88" in bill_print.text(sheet)

    # the register of reactive energy was misread: 2,400 kvarh, cos φ 0.93
    right = ClosingIndex("SHOP", "M-SHOP", Channel.REACTIVE_IMPORT, Rate.TOTAL, JUNE.end, 1_060_000, 0)
    ordered = corrections.order(
        pool, LAN, first.id, "adjusts", "đọc nhầm", NOW, indices=[right], invoice_date=INVOICED
    )
    corrections.approve(pool, MINH, ordered.id, NOW)
    _, adjusting = _sheets(pool, "SHOP")
    changed = adjusting.bill.reactive
    assert changed is not None
    assert (adjusting.bill.total, adjusting.bill.lines) == (0, ())
    assert (changed.kvarh, changed.k_percent) == (-880, 0)
    assert (changed.subtotal, changed.vat, changed.total) == (-asked.subtotal, -asked.vat, -asked.total)
    with pool.connection() as conn:
        assert chain.prove(conn, LAN, adjusting).differing == ()
        [sheet] = printed(conn, LAN, [adjusting], SUPPLIER)
        _, rows = bills_out.table(bills_out.month(conn, LAN, date(2025, 6, 1)))
    assert "nay cosφ = 0,93, k = 0 %" in bill_print.html(sheet).lower()
    assert sheet.corrects is not None
    assert sheet.corrects.surcharge
    assert [(row[7], row[14], row[18]) for row in rows if row[7] == "VC"] == [
        ("VC", 3280, asked.total), ("VC", -880, -asked.total)
    ]  # fmt: skip
    issuing = Issuing("C25TDK", "0100109106")
    with pool.connection() as conn:
        [sheet] = printed(conn, LAN, [first], SUPPLIER)
    assert faults(einvoice.xml(sheet, issuing, reactive=True)) == []


def test_a_bulk_meter_waits_for_what_the_office_says_of_its_month(database: str, ami: Ami) -> None:
    ami.environment["AMI_PASSWORD"] = "so-ho-co-dung-dien"
    with open_pool(database) as pool:
        enter(pool, database, [COOPERATIVE])
        held = run(pool, [COOPERATIVE])["HTX"]
        assert isinstance(held, Hold)
        assert held.kind == "no_bulk_figures"
        asked = "ami bill period HTX --from 2025-06-01 --to 2025-07-01 --households … --retail-kwh …"
        assert f"`{asked}`" in held.reason
        told = ("bill", "period", "HTX", "--month", "2025-06", "--as", "lan", "--as-of", "2026-11-02T08:30")
        ami("user", "add", "lan", "--role", "billing", "--password-stdin", stdin="so-ho-co-dung-dien\n")
        assert "go together" in ami(*told, "--households", "120", code=5).stderr
        with pytest.raises(InputError, match="nothing is said of point HTX: give --reason"):
            period_words.say(
                pool, LAN, replace(FIGURES, households_with_use=None, retail_other_kwh=None), NOW
            )
        with pytest.raises(InputError, match="no point HTX9 is registered"):
            period_words.say(pool, LAN, replace(FIGURES, point="HTX9"), NOW)
        with pytest.raises(RunRefused, match="is for the role billing, not for gs"):
            period_words.say(pool, Viewer("gs", UserRole.ENGINEER), FIGURES, NOW)
        assert not period_words.say(pool, LAN, FIGURES, NOW - timedelta(hours=1))
        last = ami.json(*told, "--households", "120", "--retail-kwh", "1500", "--json")
        assert last["households_with_use"] == 120
        made = run(pool, [COOPERATIVE])["HTX"]
        assert isinstance(made, Bill)
        assert made.total == 33_820_578
        [sheet] = _sheets(pool, "HTX")
        with pool.connection() as conn:
            [paper] = printed(conn, LAN, [sheet], SUPPLIER)
            said = period_facts.said(conn, ["HTX"], JUNE)
            assert closing.is_closed(conn, JUNE.end)
        assert len(said) == 1
        text = bill_print.html(paper)
        assert "120; bán lẻ mục đích khác 1.500 kWh" in text
        assert "bán lẻ ngoài sinh hoạt 1.500 kWh × 1,1 = 1.650 kWh" in text
        assert period_words.say(pool, LAN, FIGURES, NOW + timedelta(days=9)), "a bill went out already"
        assert _sheets(pool, "HTX") == [sheet], "what is said later changes no bill"


def test_supplies_come_back_as_they_were_registered(database: str, pool: Pool, tmp_path: Path) -> None:
    supply = replace(
        SHOP.point().supplies[0], tenants=5, three_rate_refused=True, buys_reactive=None,
        contract_kw=Decimal("45.5"), transformer_kva=Decimal(100),
    )  # fmt: skip
    later = replace(
        supply, valid_from=supply.valid_from + timedelta(days=9), tenants=None, undeclared=True,
        buys_reactive=False, contract_kw=None,
    )  # fmt: skip
    known = grid_of([SHOP])
    point = replace(known.points[0], supplies=(supply, later))
    importing.import_register(pool, replace(known, points=(point,)), lambda raw: raw)
    with pool.connection() as conn:
        assert register(conn).points == (point,)
        columns, rows = customer_export.table(register(conn))
    file = tmp_path / "customers.csv"
    write_csv(file, columns, rows)
    counts = customer_file.bring_in(pool, file, bytes)
    assert (sum(counts.changed.values()), counts.added["supplies"]) == (0, 0), "what went out comes back"
    [row] = rows
    changed = dict(zip(columns, row, strict=True)) | {"Từ ngày": "01/07/2025", "Số người thuê": "9"}
    write_csv(file, columns, [[changed[name] for name in columns]])
    assert customer_file.bring_in(pool, file, bytes).added["supplies"] == 1
    with pool.connection() as conn:
        assert register(conn).points[0].supplies[-1] == replace(
            later, valid_from=date(2025, 7, 1), tenants=9, undeclared=False
        )
