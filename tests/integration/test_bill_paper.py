"""Bills out of the store on paper: the months before, whose they are, the command and the page's link."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dashboard.app import WebSettings, create_app
from model.einvoice import EInvoice
from model.period import Period
from model.viewer import UserRole, Viewer
from operations import accounts, bill_print
from operations.bill_sheets import printed
from storage import bill_history, bills, einvoices
from storage.bill_history import MonthUse
from storage.einvoices import EInvoiceConflict
from storage.grid import save_register
from storage.pool import connect, open_pool
from storage.register import register
from tests.bill_pages import seen
from tests.dashboard_asks import asking
from tests.integration.conftest import Ami
from tests.storage_samples import NOW, SUPPLIER, bill_of_august, grid

PASSWORD = "mua-xuan-den-roi"
OFFICE = Viewer("ami", UserRole.BILLING)


def _months(database: str) -> list[int]:
    """August of this year, four months of it before in two bills, August a year ago and one too old, by
    number."""
    august = bill_of_august()
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
        for period, kwh in (
            (Period.of_month(2025, 7), 70),
            (Period.of_month(2025, 8), 80),
            (Period.of_month(2026, 5), 50),
            (Period(Period.of_month(2026, 7).start, Period.of_day(date(2026, 7, 9)).end), 20),
            (Period(Period.of_day(date(2026, 7, 9)).end, Period.of_month(2026, 7).end), 50),
        ):
            bills.save(conn, replace(august, period=period, kwh=kwh), NOW)
        bills.save(conn, august, NOW)
        bills.save(conn, replace(august, period=Period.of_month(2026, 6), kwh=60, customer="C002"), NOW)
        return [row.id for row in bills.bills(conn, OFFICE, point=august.point)]


def test_the_months_before_are_the_customers_own(database: str) -> None:
    numbers = _months(database)
    with connect(database) as conn:
        found = bill_history.before(conn, OFFICE, numbers)
        assert found[6] == (
            MonthUse(date(2025, 8, 1), 80),
            MonthUse(date(2026, 5, 1), 50),
            MonthUse(date(2026, 7, 1), 70),
            MonthUse(date(2026, 8, 1), bill_of_august().kwh),
        )
        assert found[7] == (MonthUse(date(2026, 6, 1), 60),), "what another used there is not told"
        theirs = Viewer("khach", UserRole.CUSTOMER, "C002")
        assert list(bill_history.before(conn, theirs, numbers)) == [7]


def test_a_bill_and_a_month_of_them_are_written_as_pdf(ami: Ami, database: str, tmp_path: Path) -> None:
    _months(database)
    one, many = tmp_path / "bill.PDF", tmp_path / "month"
    (ami.home).mkdir()
    (ami.home / "ami.toml").write_text(
        '[office]\nname = "HTX điện"\nbank_bin = "970416"\nbank_account = "257678859"\nbank = "ACB"\n'
    )
    ami("bill", "print", "6", "--output", str(one))
    (page,) = seen(one.read_bytes())
    assert "TK 257678859" in page.text
    assert "P001 – Trạm Đông Phú 1" in page.text
    assert page.code.startswith("000201010212")
    for month in ("05/26", "07/26"):
        assert month in page.text
    ami("bill", "print", "--month", "2026-07", "--pdf", "--output", str(many))
    assert len(seen(many.read_bytes())) == 2
    assert (
        "leave out --paper"
        in ami("bill", "print", "6", "--pdf", "--paper", "A5", "--output", str(tmp_path / "x"), code=2).stderr
    )
    (ami.home / "ami.toml").write_text('[office]\nname = "HTX"\nbank_account = "257678859"\n')
    assert "needs both bank_bin and bank_account" in ami("status", code=2).stderr


def test_a_customer_takes_home_their_own_bill_alone(database: str) -> None:
    _months(database)
    pool = open_pool(database, 1)
    accounts.add_user(pool, "khach", UserRole.CUSTOMER, PASSWORD, customer="C001", now=NOW)
    pool.close()
    with asking(create_app(WebSettings(database, SUPPLIER, clock=lambda: NOW))) as asks:
        assert asks("/paper/bills/6.pdf").status_code in (302, 303, 401)
        token = re.search(r'name="token" value="([^"]+)"', asks("/sign-in").text)
        assert token
        asks("/sign-in", "POST", data={"login": "khach", "password": PASSWORD, "token": token[1]})
        answer = asks("/paper/bills/6.pdf")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == 'attachment; filename="tien-dien-0000006.pdf"'
        (page,) = seen(answer.content)
        assert "Số 0000006" in page.text
        for other in ("7", "99", "6x", "%C2%B2"):
            assert asks(f"/paper/bills/{other}.pdf").status_code == 404, other


OFFICE_FILE = """[office]
name = "HTX điện"
address = "Thôn Đông"
tax_code = "0100100079"
[einvoice]
series = "C26TDK"
provider_tax_code = "0100109106"
"""


def test_a_month_goes_out_to_the_provider_and_its_numbers_come_back(
    ami: Ami, database: str, tmp_path: Path
) -> None:
    _months(database)
    out, told = tmp_path / "out" / "2026-07", tmp_path / "numbers.csv"
    assert "needs [office] address" in ami("bill", "einvoice", "6", "--out", str(out), code=5).stderr
    assert not out.exists(), "nothing half-written"
    ami.home.mkdir(exist_ok=True)
    (ami.home / "ami.toml").write_text(OFFICE_FILE)
    written = ami.json("bill", "einvoice", "--month", "2026-07", "--out", str(out), "--json")["files"]
    assert [Path(file).name for file in written] == ["0000004.xml", "0000005.xml"]
    with connect(database) as conn:
        sheet = bills.bill(conn, OFFICE, 4)
        assert sheet is not None
        again = bills.save_correction(conn, sheet.bill, NOW, corrects=4, kind="replaces", reason="sai tên")
    month = ("bill", "einvoice", "--month", "2026-07", "--out", str(out), "--force", "--json")
    went = ami.json(*month, code=3)
    why = f"bill {bill_print.number_of(again)} corrects bill 0000004, whose e-invoice is not known"
    assert went["files"] == written, "what can go out does"
    [left] = went["refused"]
    assert (left["invoice"], why in left["why"]) == (bill_print.number_of(again), True)
    assert why[1:] in ami("bill", "einvoice", str(again), "--out", str(out), code=5).stderr
    assert "exists already" in ami("bill", "einvoice", "4", "--out", str(out), code=5).stderr
    told.write_text("bill,series,number,date,code\n4,C26TDK,1,2026-09-13,00AB\n5,C26TDK,2,2026-09-13,\n")
    assert ami.json("bill", "einvoiced", str(told), "--json") == {"new": 2, "unchanged": 0}
    assert ami.json("bill", "einvoiced", str(told), "--json") == {"new": 0, "unchanged": 2}
    told.write_text("bill,series,number,date\n6,C26TDK,3,2026-09-13\n4,C26TDK,9,2026-09-13\n")
    refused = ami("bill", "einvoiced", str(told), code=5).stderr
    assert "numbers.csv was not taken: bill 4 is e-invoice C26TDK 1 already" in refused
    told.write_text("bill,series,number,date\n99,C26TDK,7,2026-09-13\n")
    assert "taken: there is no bill 99." in ami("bill", "einvoiced", str(told), code=5).stderr
    told.write_text("bill,series,number,date\n6,C26TDK,x,2026-09-13\n7,C26TDK,8,the 13th\n")
    refused = ami("bill", "einvoiced", str(told), code=5).stderr
    assert "line 2: “x” is not an e-invoice's number: correct it" in refused
    assert "line 3: “the 13th” is" in refused
    with connect(database) as conn, pytest.raises(EInvoiceConflict, match="C26TDK 2 is another bill's"):
        einvoices.record(conn, {6: EInvoice("C26TDK", 2, date(2026, 9, 13))}, NOW)
    ami("bill", "einvoice", "4", "--out", str(out), "--force")
    assert "<SHDon>1</SHDon>" in (out / "0000004.xml").read_text(encoding="utf-8")
    with connect(database) as conn:
        sheet = bills.bill(conn, OFFICE, 4)
        assert sheet is not None
        (paper,) = printed(conn, OFFICE, [sheet], SUPPLIER)
        assert bill_print.einvoice_of(paper) == "1C26TDK số 00000001"
        assert list(einvoices.of(conn, [4, 5, 6])) == [4, 5], "a refused file leaves nothing"


def test_a_bill_of_nothing_is_left_out(ami: Ami, database: str, tmp_path: Path) -> None:
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
        nothing = replace(bill_of_august(), lines=(), kwh=0, subtotal=0, vat=0, total=0)
        bills.save(conn, nothing, NOW)
    ami.home.mkdir()
    (ami.home / "ami.toml").write_text(OFFICE_FILE)
    said = ami("bill", "einvoice", "1", "--out", str(tmp_path / "out"), code=3).stderr
    assert "1 bill of 0 kWh left out: 1." in said
    ami("bill", "print", "1", "--output", str(tmp_path / "1.pdf"))
    assert "Không đồng" in seen((tmp_path / "1.pdf").read_bytes())[0].text


def test_a_customers_tax_code_comes_from_the_file_and_stands_on_the_bill(database: str) -> None:
    changed = grid()
    with connect(database) as conn:
        first = replace(changed.customers[0], tax_code="0100100079")
        save_register(conn, replace(changed, customers=(first, *changed.customers[1:])), bytes)
        assert register(conn).customers[0] == first
        bills.save(conn, bill_of_august(), NOW)
        sheet = bills.bill(conn, OFFICE, 1)
        assert sheet is not None
        assert sheet.customer.tax_code == "0100100079"
