"""A village behind a real server, and a real browser in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from psycopg import sql

from analytics import warm_up
from dashboard.app import WebSettings, create_app
from model.supplier import Supplier
from storage.embedded import ports

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desk": (1440, 900), "phone": (390, 844)}

GO = """path => {
    history.pushState({}, '', path);
    window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));
}"""


def _module(name: str) -> ModuleType:
    """A file beside this one; tests are imported one by one, not as packages."""
    spec = importlib.util.spec_from_file_location(f"browser_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


village_module = _module("village")


@pytest.fixture(scope="module")
def village_database(cluster: str, template: str) -> Iterator[str]:
    """A migrated database for the tests of one file."""
    name = f"village_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(cluster, autocommit=True) as conn:
        conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    yield cluster.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(cluster, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def village(village_database: str) -> Any:
    """Two stations, sixteen customers, two and a half months of half-hours, bills, alerts, three sign-ins."""
    planted = village_module.plant(village_database)
    # In a thread of its own: playwright's loop runs in this one.
    reading = threading.Thread(target=lambda: asyncio.run(village_module.read_meters(village_database)))
    reading.start()
    reading.join()
    return planted


@contextlib.contextmanager
def serving(dsn: str, port: int, **settings: Any) -> Iterator[str]:
    """The web server in a thread of its own."""
    clock = settings.pop("clock", lambda: village_module.NOW.astimezone(UTC))
    app = create_app(WebSettings(dsn, Supplier("HTX điện Bình Minh", "1900 1234"), clock=clock, **settings))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def site(village: Any, village_database: str, module_port: int) -> Iterator[str]:
    """The address of the pages, with what they draw curves with compiled."""
    warm_up()
    with serving(village_database, module_port) as address:
        yield address


@pytest.fixture
def serve(free_port: int) -> Callable[..., Any]:
    """`with serve(dsn) as address:` is another server, for this test alone."""
    return lambda dsn, **settings: serving(dsn, free_port, **settings)


@pytest.fixture(scope="module")
def module_port() -> int:
    return ports.choose()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, needs_tool: Callable[..., str]) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=needs_tool("chromium"), args=FLAGS)
    yield started
    started.close()


class Visitor:
    """A browser window of one size, and what went wrong in it."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context = context
        self.site = site
        self.wrong: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on("request", lambda request: self._request(request.url))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.site, "data:", "blob:")):
            self.wrong.append(f"request to another origin: {url}")

    def sign_in(self, login: str, password: str = "mot-mat-khau-dai") -> None:
        self.page.goto(f"{self.site}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector("#page h1")

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)
        self.page.wait_for_selector("#page h1")
        self.page.wait_for_load_state("networkidle")

    def go(self, path: str) -> None:
        """To a page as a link within the product goes: without a reload."""
        if self.page.url == self.site + path:
            return
        with self.page.expect_response(lambda answer: "_dash-update-component" in answer.url):
            self.page.evaluate(GO, path)
        self.page.wait_for_timeout(300)

    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.fixture
def visitor(browser: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """`visitor("phone")` is a new window, which shares nothing with others."""
    windows: list[BrowserContext] = []

    def come(size: str = "desk", **options: Any) -> Visitor:
        width, height = SIZES[size]
        phone = size == "phone"
        context = browser.new_context(
            viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone, **options
        )
        windows.append(context)
        return Visitor(context, site)

    yield come
    for window in windows:
        window.close()
