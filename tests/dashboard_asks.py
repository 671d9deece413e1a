"""The dashboard's application asked without a network, as a forger would ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import FastAPI


class Asks:
    """Requests to one application; one that is not answered, or with a traceback, is a 500."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://dashboard.test"
        )

    def __call__(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **more))

    def callback(self, output: str, wires: dict[str, Any], states: dict[str, Any] | None = None) -> Any:
        """A callback as the page's script would send it; half characters and all."""
        body = {
            "output": output,
            "outputs": dict(zip(("id", "property"), output.rsplit(".", 1), strict=True)),
            "inputs": [_wire(name, value) for name, value in wires.items()],
            "state": [_wire(name, value) for name, value in (states or {}).items()],
            "changedPropIds": list(wires)[:1],
        }
        return self.send(json.dumps(body))

    def send(self, body: str) -> httpx.Response:
        headers = {
            "x-csrftoken": self.client.cookies.get("_csrf_token", ""),
            "content-type": "application/json",
        }
        return self("/_dash-update-component", "POST", content=body, headers=headers)


def _wire(name: str, value: Any) -> dict[str, Any]:
    place, prop = name.rsplit(".", 1)
    return {"id": place, "property": prop, "value": value}


@contextmanager
def asking(app: FastAPI) -> Iterator[Asks]:
    """The application between its start and its end."""
    with asyncio.Runner() as runner:
        orders: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        answers: asyncio.Queue[Any] = asyncio.Queue()

        async def tell(order: str) -> None:
            orders.put_nowait({"type": order})
            assert (await answers.get())["type"] == f"{order}.complete"

        async def start() -> asyncio.Task[None]:
            life = asyncio.ensure_future(app({"type": "lifespan", "asgi": {}}, orders.get, answers.put))
            await tell("lifespan.startup")
            return life

        async def end(life: asyncio.Task[None]) -> None:
            await tell("lifespan.shutdown")
            await life

        life = runner.run(start())
        asks = Asks(app, runner)
        try:
            yield asks
        finally:
            runner.run(asks.client.aclose())
            runner.run(end(life))
