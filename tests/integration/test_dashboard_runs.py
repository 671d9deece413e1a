"""Billing runs in the dashboard: staff look at them, a second person of the billing office approves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dashboard.app import WebSettings, create_app
from model.viewer import UserRole
from operations import accounts
from operations.runs import stages
from storage import billing_runs, bills
from storage.billing_runs import RunState
from storage.pool import open_pool
from tests.billing_run_steps import LAN, drafted, october_closed
from tests.dashboard_asks import Asks, asking
from tests.operations_grid import NOW
from tests.storage_samples import SUPPLIER

PASSWORD = "mot-mat-khau-dai"
PEOPLE = {"lan": UserRole.BILLING, "minh": UserRole.BILLING, "ky": UserRole.ENGINEER, "ba": UserRole.CUSTOMER}


@pytest.fixture
def run(database: str) -> int:
    with october_closed(database) as pool:
        for login, role in PEOPLE.items():
            customer = "KH-HOUSE" if role is UserRole.CUSTOMER else ""
            accounts.add_user(pool, login, role, PASSWORD, customer=customer, now=NOW)
        run = drafted(pool)
        stages.check(pool, LAN, run.id, NOW)
    return run.id


@contextmanager
def _as(database: str, login: str) -> Iterator[Asks]:
    with asking(create_app(WebSettings(database, SUPPLIER, clock=lambda: NOW))) as asks:
        token = re.search(r'name="token" value="([^"]+)"', asks("/sign-in").text)
        assert token
        form = {"login": login, "password": PASSWORD, "token": token[1]}
        assert asks("/sign-in", "POST", data=form).status_code == 303
        yield asks


def _page(asks: Asks, path: str) -> str:
    answer = asks.callback("page.children", {"address.pathname": path, "address.search": ""})
    assert answer.status_code == 200
    return str(answer.text).replace(r"\u002f", "/")


def _press(asks: Asks, shown: Any) -> str:
    return str(
        asks.callback("run-body.children", {"run-approve.n_clicks": 1}, {"run-shown.data": shown}).text
    )


def _state(database: str, number: int) -> RunState:
    with open_pool(database, 1) as pool, pool.connection() as conn:
        return billing_runs.find(conn, number).state


def test_a_second_person_approves_on_the_page(database: str, run: int) -> None:
    with _as(database, "lan") as lan:
        assert f"/runs/{run}" in _page(lan, "/runs")
        mine = _page(lan, f"/runs/{run}")
        assert "run-approve" not in mine
        assert "KH-BLIND" in mine
        assert '"children":"ami meter index ' in mine  # a command stands apart, and in no backticks
        assert "`" not in mine
        assert "a second person has to approve it" in _press(lan, run)
    assert _state(database, run) is RunState.CHECKED
    with _as(database, "ky") as engineer:
        assert "run-approve" not in _page(engineer, f"/runs/{run}")
        _press(engineer, run)
    assert _state(database, run) is RunState.CHECKED
    why = "a new cooler since July"
    with open_pool(database, 1) as pool, pool.connection() as conn:
        billing_runs.accept(conn, run, "HOUSE", "read_again", "lan", NOW, why)
    with _as(database, "minh") as minh:
        assert "run-approve" in _page(minh, f"/runs/{run}")
        assert "run-approve" not in _press(minh, run)
        for nonsense in (None, "x", -1, 2**70, [run]):
            _press(minh, nonsense)
        assert _state(database, run) is RunState.APPROVED
        with open_pool(database) as pool:
            stages.issue_shard(pool, run, (0, 1), NOW)
            with pool.connection() as conn:
                [bill] = bills.bills(conn, LAN, point="HOUSE")
        assert why in _page(minh, f"/bills/{bill.id}")


def test_runs_are_not_for_customers_and_no_run_is_not_found(database: str, run: int) -> None:
    with _as(database, "ba") as customer:
        assert customer("/runs").status_code == customer(f"/runs/{run}").status_code == 404
        _press(customer, run)
    assert _state(database, run) is RunState.CHECKED
    with _as(database, "lan") as lan:
        assert [lan(f"/runs/{name}").status_code for name in (run, run + 1, "x", "%00")] == [
            200,
            404,
            404,
            404,
        ]
