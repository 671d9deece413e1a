"""Bills out of the store on paper: the months before, whose they are, the command and the page's link."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

from dashboard.app import WebSettings, create_app
from model.period import Period
from model.viewer import UserRole, Viewer
from operations import accounts
from storage import bill_history, bills
from storage.bill_history import MonthUse
from storage.grid import save_register
from storage.pool import connect, open_pool
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
