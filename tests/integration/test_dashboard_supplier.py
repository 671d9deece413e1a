"""The office of ami.toml stands on what its customers see: the sign-in, every page, the bill on paper."""

from __future__ import annotations

import re

from dashboard.app import WebSettings, create_app
from model.supplier import Supplier
from model.viewer import UserRole
from operations import accounts
from storage import bills
from storage.grid import save_register
from storage.pool import connect, open_pool
from tests.dashboard_asks import asking
from tests.storage_samples import NOW, SUPPLIER, bill_of_august, grid

PASSWORD = "mua-xuan-den-roi"
OFFICE = Supplier("HTX <Điện> Ý Yên", "(0228) 3 822 822", "Thị trấn Lâm", "0600000000")


def test_the_office_stands_on_sign_in_pages_and_paper(database: str) -> None:
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
        bills.save(conn, bill_of_august(), NOW)
    pool = open_pool(database, 1)
    accounts.add_user(pool, "khach", UserRole.CUSTOMER, PASSWORD, customer="C001", now=NOW)
    pool.close()
    with asking(create_app(WebSettings(database, OFFICE, clock=lambda: NOW))) as asks:
        door = asks("/sign-in").text
        assert "HTX &lt;Điện&gt; Ý Yên" in door
        assert '<a href="tel:02283822822">(0228) 3 822 822</a>' in door
        token = re.search(r'name="token" value="([^"]+)"', door)
        assert token
        form = {"login": "khach", "password": PASSWORD, "token": token[1]}
        assert asks("/sign-in", "POST", data=form).status_code == 303
        layout = str(asks("/_dash-layout").json())
        assert "HTX <Điện> Ý Yên" in layout
        assert "tel:02283822822" in layout
        paper = asks("/paper/bills/1").text
        for shown in ("HTX &lt;Điện&gt; Ý Yên", "(0228) 3 822 822", "Thị trấn Lâm", "MST 0600000000"):
            assert shown in paper


def test_without_a_hotline_nobody_is_told_to_call(database: str) -> None:
    with asking(create_app(WebSettings(database, Supplier("HTX"), clock=lambda: NOW))) as asks:
        assert "tel:" not in asks("/sign-in").text
    with asking(create_app(WebSettings(database, SUPPLIER, clock=lambda: NOW))) as asks:
        assert 'href="tel:19001234"' in asks("/sign-in").text
