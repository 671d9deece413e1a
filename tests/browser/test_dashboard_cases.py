"""Doubtful readings in a real browser: the queue, the curve around them, and what somebody decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from model.day import Finding
from model.period import LOCAL
from model.quality import Severity
from model.series import Channel
from storage import cases, days, edits
from storage.fleet import meter_ids
from storage.pool import connect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SERIAL = "26100074"
NOW = datetime(2026, 10, 14, 10, tzinfo=LOCAL)
DAY = date(2026, 10, 12)
SLOW_MS = 20_000  # what is compiled once may be compiled now


@pytest.fixture
def case(village: Any, village_database: str) -> int:
    """A red case of one day, its slots 34 to 37."""
    detail = {"slots": 4, "first_slot": 34, "registers_wh": 6_400, "profile_wh": 9_100}
    found = Finding("sum_mismatch", SERIAL, DAY, Severity.RED, detail)
    with connect(village_database) as conn:
        meter = meter_ids(conn, [SERIAL])[SERIAL]
        for table in ("day_edit", "case_step", "case_day", "validation_case"):
            conn.execute(f"DELETE FROM {table}".encode())
        days.save_findings(conn, [(meter, found)], {(meter, DAY)})
        cases.take(conn, {(meter, DAY)}, NOW)
        row = conn.execute("SELECT id FROM validation_case WHERE meter_id = %s", [meter]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_case_is_found_looked_at_and_judged(
    visitor: Callable[..., Any], village: Any, case: int, size: str
) -> None:
    window = visitor(size)
    window.sign_in(village.billing)
    window.open("/cases")
    tile = window.page.locator(".tiles article")
    expect(tile).to_have_count(1)
    expect(tile).to_contain_text("chưa ai nhận")
    assert window.sideways() <= 0
    tile.locator("h2 a").click()
    window.page.wait_for_selector("#case-curve .js-plotly-plot .scatterlayer")
    assert window.page.inner_text("#page h1") == f"Việc {case}"
    bands = window.page.evaluate(
        "document.querySelector('#case-curve .js-plotly-plot').layout.shapes.map(s => s.fillcolor)"
    )
    assert "rgba(194,69,45,0.20)" in bands
    assert window.sideways() <= 0
    window.page.get_by_role("button", name="Số liệu đúng").click()
    expect(window.page.locator("#case-body [role=alert]")).to_contain_text("Hãy ghi lý do trước")
    window.page.get_by_role("button", name="Nhận việc").click()
    expect(window.page.locator("#case-body")).to_contain_text(f"Giao cho {village.billing}")
    window.page.fill("#case-reason", "đã gọi hỏi: hàn cửa sắt")
    window.page.get_by_role("button", name="Số liệu đúng").click()
    expect(window.page.locator("#case-body")).to_contain_text("Chấp nhận số liệu")
    expect(window.page.locator("#case-body")).to_contain_text("đã gọi hỏi: hàn cửa sắt")
    expect(window.page.get_by_role("button", name="Số liệu đúng")).to_have_count(0)
    assert window.wrong == []


def test_the_second_of_two_who_edit_a_day_is_told_on_the_page(
    visitor: Callable[..., Any], village: Any, village_database: str, case: int
) -> None:
    with connect(village_database) as conn:
        key = meter_ids(conn, [SERIAL])[SERIAL], Channel.ACTIVE_IMPORT, DAY
        assert edits.stored(conn, key) is not None
    first, second = visitor(), visitor("phone")
    for window, login in ((first, village.billing), (second, village.engineer)):
        window.sign_in(login)
        window.open(f"/cases/{case}")
        window.page.fill("#case-reason", f"{login} đọc tại chỗ")
        window.page.locator(".case-form summary").click()
        window.page.get_by_label("Nhập số").check()
        window.page.fill("#case-wh", "100, 110, 120, 130")
        assert window.sideways() <= 0
    first.page.get_by_role("button", name="Sửa", exact=True).click()
    expect(first.page.locator(".edits")).to_contain_text("17:00–19:00", timeout=SLOW_MS)
    expect(first.page.locator(".edits")).to_contain_text("→ 460 Wh")
    second.page.get_by_role("button", name="Sửa", exact=True).click()
    expect(second.page.locator("#case-body [role=alert]")).to_contain_text(
        f"{village.billing} vừa sửa ngày 12/10/2026 (phiên bản 1): chưa thay đổi gì", timeout=SLOW_MS
    )
    second.page.fill("#case-reason", "nhầm")
    second.page.get_by_role("button", name="Bỏ lần sửa").click()
    expect(second.page.locator(".edits")).to_contain_text("bỏ lần 1", timeout=SLOW_MS)
    assert first.wrong == second.wrong == []
