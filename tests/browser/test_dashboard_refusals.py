"""What nobody may do: look without a session, change without a token, see what is somebody else's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

GUESSED = {"X-CSRFToken": "guessed"}


class Client(httpx.Client):
    """A signed-in stranger to the browser: what a forger would use."""

    def enter(self, login: str, password: str = "mot-mat-khau-dai") -> httpx.Response:
        token = re.search(r'name="token" value="([^"]+)"', self.get("/sign-in").text)
        assert token
        return self.post("/sign-in", data={"login": login, "password": password, "token": token[1]})

    def call(self, output: str, inputs: list[Any], state: list[Any] = (), **headers: str) -> httpx.Response:  # type: ignore[assignment]
        """A Dash callback as the page's script would send it."""
        name, prop = output.split(".")
        body = {
            "output": output,
            "outputs": {"id": name, "property": prop},
            "inputs": [{"id": i, "property": p, "value": v} for i, p, v in inputs],
            "state": [{"id": i, "property": p, "value": v} for i, p, v in state],
            "changedPropIds": [f"{inputs[0][0]}.{inputs[0][1]}"],
        }
        sent = {"X-CSRFToken": self.cookies.get("_csrf_token", "")} | headers
        return self.post("/_dash-update-component", json=body, headers=sent)


def page_of(path: str) -> list[tuple[str, str, str]]:
    return [("address", "pathname", path), ("address", "search", "")]


@pytest.fixture
def client(site: str) -> Iterator[Client]:
    with Client(base_url=site) as one:
        yield one


def audited(dsn: str, login: str, action: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        found = conn.execute("SELECT object FROM audit WHERE login = %s AND action = %s", [login, action])
        return [row[0] for row in found]


@pytest.mark.parametrize(
    "path", ["/", "/meters", "/meters/26100037", "/bills/1", "/paper/bills/1", "/nowhere"]
)
def test_a_stranger_is_sent_to_the_door(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "path", ["/_dash-layout", "/_dash-dependencies", "/api/meters", "/_dash-component-suites/dash/x.js"]
)
def test_a_stranger_gets_no_layout_and_no_interface(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401


def test_a_stranger_reaches_no_callback(client: Client) -> None:
    assert client.call("page.children", page_of("/")).status_code == 401


def test_what_every_answer_carries(client: Client) -> None:
    headers = client.get("/sign-in").headers
    policy = headers["content-security-policy"]
    assert "unsafe-eval" not in policy
    assert re.search(r"script-src 'self'( 'sha256-[^']+')+;", policy)
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_the_session_cookie_is_opaque_and_out_of_reach_of_scripts(client: Client, village: Any) -> None:
    answer = client.enter(village.customer)
    assert answer.status_code == 303
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert village.customer not in cookie


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_the_door_leads_nowhere_else(client: Client, village: Any, onward: str) -> None:
    token = re.search(r'name="token" value="([^"]+)"', client.get("/sign-in").text)
    assert token
    data = {"login": village.customer, "password": "mot-mat-khau-dai", "token": token[1], "next": onward}
    assert client.post("/sign-in", data=data).headers["location"] == "/"


def test_a_form_without_its_token_or_from_elsewhere_is_refused(client: Client, village: Any) -> None:
    client.get("/sign-in")
    data = {"login": village.customer, "password": "mot-mat-khau-dai", "token": "guessed"}
    assert client.post("/sign-in", data=data).status_code == 403
    client.enter(village.customer)
    assert client.post("/sign-out", data={"token": "guessed"}).status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    assert client.post("/sign-out", data={"token": ""}, headers=elsewhere).status_code == 403
    assert client.get("/").status_code == 200


def test_a_callback_without_the_sessions_token_is_refused(client: Client, village: Any) -> None:
    client.enter(village.customer)
    assert client.call("page.children", page_of("/")).status_code == 200
    assert client.call("page.children", page_of("/"), **GUESSED).status_code == 403
    assert client.call("page.children", page_of("/"), Origin="https://evil.example").status_code == 403


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(client: Client, village: Any) -> None:
    client.enter(village.customer)
    kept = dict(client.cookies)
    client.post("/sign-out", data={"token": client.cookies["_csrf_token"]})
    with httpx.Client(base_url=str(client.base_url), cookies=kept) as thief:
        assert thief.get("/").status_code == 303


def test_wrong_passwords_close_the_door_for_a_while(client: Client) -> None:
    answers = [client.enter("nobody.here", "wrong-password").status_code for _ in range(6)]
    assert answers[:5] == [401] * 5
    assert answers[5] == 429


def test_a_foreign_meter_is_refused_by_address_by_callback_and_written_down(
    client: Client, village: Any, village_database: str
) -> None:
    client.enter(village.customer)
    foreign = f"/meters/{village.foreign_serial}"
    answer = client.get(foreign)
    assert answer.status_code == 404
    assert "thuộc về người khác" in answer.text
    forged = client.call("page.children", page_of(foreign))
    assert forged.status_code == 200
    assert "refusal" in forged.text
    assert "Hoàng Văn Thắng" not in forged.text
    for place in ("meter", "home"):
        out = "meter-live.children" if place == "meter" else "home-now.children"
        live = client.call(
            out, [(f"{place}-tick", "n_intervals", 1)], [(f"{place}-serial", "data", village.foreign_serial)]
        )
        assert "refusal" in live.text, out
        assert "V<" not in live.text
    written = audited(village_database, village.customer, "refused")
    assert sum(village.foreign_serial in line for line in written) >= 4


def test_a_foreign_bill_is_refused(client: Client, village: Any) -> None:
    client.enter(village.customer)
    for path in (f"/bills/{village.foreign_bill}", f"/paper/bills/{village.foreign_bill}", "/bills/999999"):
        assert client.get(path).status_code == 404
    assert client.get(f"/bills/{village.own_bill}").status_code == 200


@pytest.mark.parametrize("path", ["/meters", "/alerts", "/nowhere", "/meters/", "/api/x", "/bills/1e3"])
def test_a_customer_finds_no_page_of_staff(client: Client, village: Any, path: str) -> None:
    client.enter(village.customer)
    assert client.get(path).status_code == 404


def test_a_customer_calls_no_callback_of_staff(client: Client, village: Any) -> None:
    client.enter(village.customer)
    narrowed = [("meters-station", "data", ""), ("meters-unread", "data", "")]
    grid = client.call("meters-grid.rowData", [("meters-text", "value", "")], narrowed)
    assert grid.json()["response"]["meters-grid"]["rowData"] == []
    pages = client.call("meters-pages.children", [("meters-text", "value", "")], narrowed)
    assert pages.json()["response"]["meters-pages"]["children"] is None
    cards = client.call("meters-cards.children", [("meters-text-phone", "value", "")], narrowed)
    body = client.call("overview-body.children", [("overview-tick", "n_intervals", 1)])
    for answer in (cards, body):
        assert "refusal" in answer.text
        assert "Nguyễn" not in answer.text


def test_a_refusal_replaces_what_stood_on_the_screen(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor("phone")
    window.sign_in(village.customer)
    window.go(f"/meters/{village.foreign_serial}")
    expect(window.page.locator("#page .refusal h1")).to_have_text("Không có trang này cho bạn")
    expect(window.page.locator(".hero")).to_have_count(0)
    window.page.goto(f"{window.site}/meters/{village.foreign_serial}")
    expect(window.page.locator(".refusal")).to_contain_text("404")


def test_the_other_language_reaches_every_word_and_stays(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor()
    window.sign_in(village.customer)
    assert window.page.locator("html").get_attribute("lang") == "vi"
    assert "142.560" in window.page.inner_text(".hero")
    window.page.click(".side [data-set-lang=en]")
    expect(window.page.locator("#page h1")).to_have_text("My home")
    assert window.page.locator("html").get_attribute("lang") == "en"
    assert "142,560" in window.page.inner_text(".hero")
    for path in ("/bills", f"/meters/{village.own_serial}", f"/bills/{village.own_bill}"):
        window.open(path)
        text = window.page.inner_text("body")
        places = ("Thôn Đoài, xã Tân Lập", "TBA Tân Lập 2")
        for name in (*places, "Trần Thị Mai", "HTX điện Bình Minh", "Điện kế", "1279/QĐ-BCT"):
            text = text.replace(name, "")
        assert not re.search(
            r"[ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]", text.lower()
        ), path


def test_dark_and_light_change_without_a_new_page(visitor: Callable[..., Any], village: Any) -> None:
    window = visitor()
    window.sign_in(village.engineer)
    light = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    window.page.click(".side [data-set-theme]")
    dark = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    window.page.reload()
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert window.wrong == []


def test_a_store_that_is_away_is_said_and_signs_nobody_out(serve: Callable[..., Any]) -> None:
    with (
        serve("postgresql://nobody@127.0.0.1:1/nothing") as address,
        Client(base_url=address, timeout=30) as client,
    ):
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.enter("ky.thuat").status_code == 503
        client.cookies.set("session", "kept")
        answer = client.get("/meters")
        assert answer.status_code == 503
        assert "Chưa đọc được kho số liệu" in answer.text
