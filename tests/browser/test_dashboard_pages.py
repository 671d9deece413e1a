"""Every role opens every page, at both sizes, in a real browser: nothing breaks, nothing leaves us."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROW = ".ag-center-cols-container .ag-row"
STAFF = ("/", "/meters", "/meters/{own_serial}", "/bills", "/bills/{own_bill}", "/alerts", "/cases")
GRID = ("/load", "/stations", "/stations/T1", "/inspections", "/inspections/{inspection}")
PAGES = {
    "engineer": (*STAFF, *GRID),
    "billing": (*STAFF, *GRID[-1:]),
    "customer": ("/", "/meters/{own_serial}", "/bills", "/bills/{own_bill}"),
}


def vars_of(village: Any) -> dict[str, Any]:
    """What is planted, by name."""
    return {name: getattr(village, name) for name in ("own_serial", "own_bill", "inspection")}


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("role", PAGES)
def test_every_page_of_every_role(visitor: Callable[..., Any], village: Any, role: str, size: str) -> None:
    window = visitor(size)
    window.sign_in(getattr(village, role))
    for pattern in PAGES[role]:
        path = pattern.format_map(vars_of(village))
        # Billing sees what an engineer sees: here links within, elsewhere each address by itself.
        (window.go if role == "billing" else window.open)(path)
        assert window.page.locator(".refusal").count() == 0, path
        assert window.sideways() <= 0, path
        expect(window.page.locator(".nav-link[aria-current]")).to_have_count(1)
        if role == "customer" and path == "/":
            foretold = window.page.locator("p", has_text="Ước cả kỳ, đến 31/10/2026:").inner_text()
            assert re.search(r"khoảng \d+ kWh, thường trong khoảng \d+–\d+, chừng \d+\.000 ₫\.$", foretold)
        if "/meters/" in path:
            title = window.page.inner_text("#page h1")
            assert title == ("Công tơ nhà tôi" if role == "customer" else "Trần Thị Mai")
            assert window.page.locator(".back").get_attribute("href") == (
                f"/?meter={village.own_serial}" if role == "customer" else "/meters"
            )
    assert window.wrong == []


def test_fingers_find_every_control_of_a_phone(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor("phone")
    window.sign_in(village.customer)
    for path in ("/", f"/meters/{village.own_serial}", "/bills"):
        window.open(path)
        small = window.page.evaluate(
            """[...document.querySelectorAll('button, .nav a, .chip, a.row, a.button')]
            .filter(e => e.offsetParent && (e.offsetHeight < 44 || e.offsetWidth < 40))
            .map(e => `${e.className}: ${e.offsetWidth}×${e.offsetHeight}`)"""
        )
        assert small == [], path


def test_a_customer_reads_warnings_and_sets_limits_on_a_phone(
    visitor: Callable[..., Any], village: Any
) -> None:
    window = visitor("phone")
    window.sign_in(village.customer)
    window.open("/")
    page = window.page
    expect(page.locator(".warning")).to_have_count(2)
    assert "gấp 6,1 lần" in page.locator(".warning").first.inner_text()
    curve = page.locator(".warning a").first.get_attribute("href")
    assert curve == f"/meters/{village.own_serial}?from=2026-10-12&to=2026-10-12"
    page.locator(".warning button").first.click()
    expect(page.locator(".warning")).to_have_count(1)
    expect(page.locator(".earlier summary")).to_have_text("Cảnh báo trước đây (1)")
    page.fill("#limit-day", "nhiều")
    page.click("#limits-save")
    expect(page.locator("#own-limits [role=alert]")).to_contain_text("Hãy ghi một số lớn hơn 0")
    page.fill("#limit-day", "12,5")
    page.fill("#limit-month", "500.000")
    page.locator("#limit-month-unit label").nth(1).click()
    page.click("#limits-save")
    expect(page.locator("#own-limits [role=status]")).to_have_text("Đã lưu.")
    window.open("/")
    assert (page.input_value("#limit-day"), page.input_value("#limit-month")) == ("12,5", "500.000")
    expect(page.locator(".warning")).to_have_count(1)
    assert window.sideways() <= 0
    assert window.wrong == []


def test_a_search_without_diacritics_finds_the_name_with_them(
    visitor: Callable[..., Any], village: Any
) -> None:
    window = visitor()
    window.sign_in(village.engineer)
    window.open("/meters")
    window.page.fill("#meters-text", "nguyen van hoa")
    expect(window.page.locator(ROW)).to_have_count(1)
    assert "Nguyễn Văn Hòa" in window.page.inner_text(ROW)
    assert "q=nguyen" in window.page.url
    expect(window.page.locator("#meters-pages")).to_contain_text("1–1 trên 1 công tơ")
    window.page.reload()
    expect(window.page.locator(ROW)).to_have_count(1)
    assert window.wrong == []


def test_a_search_on_a_phone_narrows_the_cards(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor("phone")
    window.sign_in(village.engineer)
    window.open("/meters")
    assert window.page.locator(".tile").count() > 10
    window.page.fill("#meters-text-phone", "dang minh")
    expect(window.page.locator(".tile")).to_have_count(1)
    assert "Đặng Minh Tuấn" in window.page.inner_text(".tile")


def test_gaps_are_gaps_and_estimates_are_told_apart(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor()
    window.sign_in(village.engineer)
    window.open("/meters/26100074")
    window.page.wait_for_selector("#meter-curve .js-plotly-plot .scatterlayer")
    drawn = window.page.evaluate(
        """(() => { const plot = document.querySelector('#meter-curve .js-plotly-plot');
        return {bands: plot.layout.shapes.length, line: [...plot._fullData[1].y]}; })()"""
    )
    assert drawn["bands"] == 2
    known = [value for value in drawn["line"] if value == value and value is not None]
    assert min(known) > 0, "a missing half-hour must not be drawn as zero"
    assert window.page.inner_text("#page").count("Thiếu 62 nửa giờ") >= 1


def test_an_absence_is_written_down_and_taken_back(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor("phone")
    window.sign_in(village.billing)
    window.open(f"/meters/{village.own_serial}")
    page, told = window.page, window.page.locator("#absences-told")
    page.get_by_label("Vắng từ ngày").fill("09/10/2026")
    page.get_by_label("đến hết ngày").fill("05/10/2026")
    told.get_by_role("button", name="Ghi lại").click()
    expect(told.get_by_role("alert")).to_contain_text("Ngày về đứng trước ngày đi")
    box = page.get_by_label("đến hết ngày")
    assert (box.bounding_box() or {"width": 0})["width"] > 120
    box.fill("12/10/2026")
    told.get_by_role("button", name="Ghi lại").click()
    expect(told.locator(".row")).to_contain_text("09/10/2026 – 12/10/2026")
    told.get_by_role("button", name="Bỏ lần báo vắng").click()
    expect(told.locator(".row")).to_contain_text("đã bỏ ngày")
    assert window.sideways() <= 0
    assert window.wrong == []


def test_the_range_stays_in_the_address_over_reload_and_back(
    visitor: Callable[..., Any], village: Any
) -> None:
    window = visitor()
    window.sign_in(village.engineer)
    window.open(f"/meters/{village.own_serial}")
    window.page.click("text=Tháng trước")
    window.page.wait_for_selector(".chip-on:has-text('Tháng trước')")
    assert "from=2026-09-01" in window.page.url
    window.page.reload()
    window.page.wait_for_selector(".chip-on:has-text('Tháng trước')")
    window.page.fill("#range-from", "05/10/2026")
    window.page.fill("#range-to", "06/10/2026")
    window.page.press("#range-to", "Enter")
    window.page.wait_for_url("**from=2026-10-05&to=2026-10-06")
    window.page.go_back()
    window.page.wait_for_selector(".chip-on:has-text('Tháng trước')")
    assert window.wrong == []


def test_an_engineer_acknowledges_an_alert_and_billing_cannot(
    visitor: Callable[..., Any], village: Any
) -> None:
    office = visitor()
    office.sign_in(village.billing)
    office.open("/alerts")
    assert office.page.locator(".alert").count() == 5
    assert office.page.locator(".alert button").count() == 0
    window = visitor()
    window.sign_in(village.engineer)
    window.open("/alerts?kind=clock_drift")
    window.page.click(".alert button")
    window.page.wait_for_selector("text=Không có cảnh báo nào")
    window.open("/alerts?state=acknowledged")
    assert window.page.locator(".alert").count() == 1
    assert window.wrong == []


def test_a_bill_prints_on_the_offices_own_sheet(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor()
    window.sign_in(village.customer)
    window.page.goto(f"{window.site}/paper/bills/{village.own_bill}")
    assert "Bằng chữ" in window.page.inner_text("body")
    assert window.page.goto(f"{window.site}/paper/bills/{village.foreign_bill}").status == 404


def test_an_inspection_is_gone_to_and_answered(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor("phone")
    window.sign_in(village.engineer)
    window.open("/inspections?station=T2")
    tile = window.page.locator(".round article")
    expect(tile).to_have_count(0)
    window.page.select_option("#inspections-station", "T1")
    expect(tile).to_contain_text("ít hơn 55 %")
    expect(tile).to_contain_text("khoảng 323.000 ₫")
    window.page.select_option("#inspections-station", "")
    window.page.wait_for_url("**/inspections")
    expect(tile).to_have_count(1)
    tile.locator("h2 a").click()
    body = window.page.locator("#inspection-body")
    window.page.get_by_role("button", name="Tôi đi").click()
    expect(body).to_contain_text("Giao cho ky.thuat")
    window.page.get_by_role("button", name="Đã đến xem").click()
    window.page.get_by_role("button", name="Đúng: có điện không được đếm").click()
    expect(body.get_by_role("alert")).to_contain_text("Hãy ghi đã thấy gì")
    window.page.get_by_label("Ghi chú").fill("nối tắt trước công tơ")
    for day, refused in (("32/13/2026", "ngày/tháng/năm"), ("01/01/2001", "chưa được treo")):
        window.page.get_by_label("Bắt đầu từ ngày").fill(day)
        window.page.get_by_role("button", name="Đúng: có điện không được đếm").click()
        expect(body.get_by_role("alert")).to_contain_text(refused)
        expect(window.page.get_by_label("Ghi chú")).to_have_value("nối tắt trước công tơ")
    window.page.get_by_label("Bắt đầu từ ngày").fill("")
    window.page.get_by_role("button", name="Đúng: có điện không được đếm").click()
    expect(body).to_contain_text("Việc này đã khép")
    expect(body).to_contain_text("nối tắt trước công tơ")
    assert window.wrong == []
