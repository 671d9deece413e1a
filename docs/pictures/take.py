"""Takes the pictures of the README from a running `ami demo`; passwords are read from its home.

python docs/pictures/take.py http://127.0.0.1:8050 var/demo.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def enter(browser: Browser, base: str, login: str, password: str, size: dict[str, int]) -> Page:
    page = browser.new_context(viewport=size, locale="vi-VN").new_page()  # type: ignore[arg-type]
    page.goto(base)
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_selector("h1")
    return page


def main(base: str, home: Path) -> None:
    passwords = json.loads(home.read_text(encoding="utf-8"))["passwords"]
    pictures = [
        ("overview", "kythuat", "/"),
        ("meters", "kythuat", "/meters"),
        ("meter", "kythuat", "meter"),
        ("bills", "hoadon", "/bills"),
        ("alerts", "kythuat", "/alerts"),
        ("load", "kythuat", "/load"),
        ("station", "kythuat", "/stations/TBA-01"),
        ("inspection", "kythuat", "/inspections/1"),
        ("home", "khach", "/"),
        ("bill", "khach", "bill"),
    ]
    with sync_playwright() as playwright:
        for suffix, size in (("", DESK), ("-phone", PHONE)):
            for name, login, place in pictures:
                # A browser for each picture: a second one of the same page can wait for ever.
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
                page = enter(browser, base, login, passwords[login], size)
                if place in ("meter", "bill"):
                    page.goto(base + f"/{place}s")
                    link = page.locator(f"main a[href*='/{place}s/']").nth(4 if login == "kythuat" else 0)
                    link.wait_for()
                    page.goto(base + str(link.get_attribute("href")))
                else:
                    page.goto(base + place)
                page.wait_for_timeout(5000)
                page.screenshot(path=HERE / f"{name}{suffix}.png")
                browser.close()
                print(f"{name}{suffix}.png")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
