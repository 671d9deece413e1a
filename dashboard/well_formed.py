"""What the page's script would never send is refused before Dash stumbles over it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALLBACK = "/_dash-update-component"
MALFORMED = PlainTextResponse(
    "This is no question that a page of ours asks: load the page again.", status_code=400
)


class WellFormed:
    """Pure ASGI, around Dash: a callback's body has its shape and names a callback there is, or gets a 400.

    Expects a request whose body comes whole, as `SecurityHeaders` hands it on. `callbacks` are Dash's own,
    by their output.
    """

    def __init__(self, app: ASGIApp, callbacks: Mapping[str, Mapping[str, Any]]) -> None:
        self.app = app
        self.callbacks = callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CALLBACK or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        message = await receive()
        if message["type"] == "http.request" and not self._asks(message.get("body", b"")):
            await MALFORMED(scope, receive, send)
            return
        left = [message]

        async def give() -> Message:
            return left.pop() if left else await receive()

        await self.app(scope, give, send)

    def _asks(self, body: bytes) -> bool:
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if not isinstance(asked, dict) or not isinstance(asked.get("output"), str):
            return False
        callback = self.callbacks.get(asked["output"])
        if callback is None or "callback" not in callback:  # what runs in the browser is not asked of us
            return False
        changed = asked.get("changedPropIds", [])
        return (
            _wires(asked.get("inputs", []), len(callback["inputs"]))
            and _wires(asked.get("state", []), len(callback["state"]))
            and _outputs(asked["output"], asked.get("outputs"))
            and isinstance(changed, list)
            and all(isinstance(name, str) for name in changed)
        )


def _outputs(output: str, given: object) -> bool:
    """Whether these are the places that the output names: `..a.x...b.y..` several, else one or a pattern."""
    if output.startswith(".."):
        return _wires(given, output.count("...") + 1)
    return _wire(given) or _wires(given)


def _wires(given: object, count: int | None = None) -> bool:
    """Whether these are as many places on the page as the callback has; a pattern names several at once."""
    return (
        isinstance(given, list)
        and (count is None or len(given) == count)
        and all(_wire(one) or (isinstance(one, list) and all(map(_wire, one))) for one in given)
    )


def _wire(given: object) -> bool:
    return (
        isinstance(given, dict)
        and isinstance(given.get("id"), str | dict)
        and isinstance(given.get("property"), str)
    )
