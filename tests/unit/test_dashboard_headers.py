"""What every answer carries, even that of a page that failed."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from dashboard.headers import SecurityHeaders, content_security_policy


def _failing() -> FastAPI:
    api = FastAPI()

    @api.get("/fails")
    async def fails() -> None:
        raise ZeroDivisionError("nobody caught this")

    api.add_middleware(SecurityHeaders, policy=content_security_policy([]), strict_transport=True)
    return api


async def _get(path: str, *, raises: bool) -> httpx.Response:
    transport = httpx.ASGITransport(_failing(), raise_app_exceptions=raises)
    async with httpx.AsyncClient(transport=transport, base_url="http://dienke.example") as client:
        return await client.get(path)


@pytest.mark.parametrize(("path", "status"), [("/fails", 500), ("/nowhere", 404)])
def test_an_answer_nobody_meant_carries_what_every_answer_carries(path: str, status: int) -> None:
    answer = asyncio.run(_get(path, raises=False))
    assert answer.status_code == status
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["cache-control"] == "no-store"
    assert "nobody caught" not in answer.text


def test_what_failed_is_said_and_still_goes_to_the_log() -> None:
    assert "hãy thử lại" in asyncio.run(_get("/fails", raises=False)).text
    with pytest.raises(ZeroDivisionError):
        asyncio.run(_get("/fails", raises=True))
