"""Who has no session reaches the door and its files, and is refused everything else without a fuss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.app import WebSettings, create_app
from dashboard.headers import LARGEST_BODY, SecurityHeaders
from dashboard.parts.days_range import DaysRange, asked
from dashboard.visit import Visit
from model.viewer import UserRole, Viewer
from tests.dashboard_asks import Asks, asking
from tests.storage_samples import SUPPLIER

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def stranger() -> Iterator[Asks]:
    with asking(create_app(WebSettings(NOWHERE, SUPPLIER))) as asks:
        yield asks


@pytest.mark.parametrize(
    "path",
    [
        "/sign-inxyz",
        "/sign-in/",
        "/livezfoo",
        "/livez/",
        "/livez%3Fx",
        "/livez%23x",
        "/readyzz/..%2f",
        "/favicon.icoX",
        "/assets",
        "/_favicon.ico",
        "/%00",
    ],
)
def test_what_only_begins_like_the_door_is_not_the_door(stranger: Asks, path: str) -> None:
    answer = stranger(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")
    assert stranger(path, "POST").status_code == 401


@pytest.mark.parametrize("path", ["/assets/none.css", "/assets/%00", "/assets/..%2fapp.py", "/assets//livez"])
def test_a_file_that_is_not_there_is_not_found(stranger: Asks, path: str) -> None:
    assert stranger(path).status_code == 404


@pytest.mark.parametrize("host", ["x/assets/", "x/livez?", "x/sign-in#"])
def test_the_host_a_stranger_claims_opens_nothing(stranger: Asks, host: str) -> None:
    answer = stranger("/_dash-dependencies", headers={"host": host})
    assert answer.status_code == 401
    assert stranger("/meters", headers={"host": host}).status_code == 303


def test_the_door_and_its_files_are_open(stranger: Asks) -> None:
    for path in ("/sign-in", "/sign-in?next=%00", "/livez", "/favicon.ico", "/assets/ui.js"):
        assert stranger(path).status_code == 200, path


def _carries(headers: Any) -> bool:
    return headers["x-content-type-options"] == "nosniff" and "frame-ancestors" in headers.get(
        "content-security-policy", ""
    )


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 65_536


def test_a_body_too_large_is_refused_however_it_comes(stranger: Asks) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for headers, content in (
        (form, b"x" * (LARGEST_BODY + 1)),  # says how long it is
        (form | {"content-length": "0"}, _chunks(8)),
        (form, _chunks(480)),  # says nothing, and comes in chunks
    ):
        answer = stranger("/sign-in", "POST", content=content, headers=headers)
        assert answer.status_code == 413
        assert _carries(answer.headers)
        assert "256 KB" in answer.text
    assert stranger("/sign-in", "POST", content=_chunks(4), headers=form).status_code == 403


def test_no_more_of_a_large_body_is_read_than_is_allowed() -> None:
    read, sent = [], []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def never(*_: Any) -> None:
        raise AssertionError("the application is not asked")

    scope = {"type": "http", "path": "/sign-in", "method": "POST", "headers": []}
    asyncio.run(SecurityHeaders(never, "", strict_transport=False)(scope, receive, send))
    assert len(read) == LARGEST_BODY // 65_536 + 1
    assert sent[0]["status"] == 413


@pytest.mark.parametrize(
    "query",
    [
        {"from": "0001-01-01", "to": "0001-01-01"},
        {"from": "0001-01-01", "to": "0002-06-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"from": "2026-10-02", "to": "2026-10-01"},
        {"from": "x"},
    ],
)
def test_a_range_without_sense_is_the_usual_one(query: dict[str, str]) -> None:
    assert _range(query) == _range({})


def test_a_range_that_is_too_long_is_cut() -> None:
    long = _range({"from": "0001-01-01", "to": "2026-10-01"})
    assert (long.end - long.first).days == 366


def _range(query: dict[str, str]) -> DaysRange:
    now = datetime(2026, 10, 14, 3, tzinfo=UTC)
    visit = Visit(Viewer("ky.su", UserRole.ENGINEER), "vi", "", False, now, "/", query)
    return asked(visit, timedelta(days=7))
