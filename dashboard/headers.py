"""What every answer carries: no sniffing, no framing, no script that is not ours, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 256 * 1024  # the largest callback is some kilobytes
TOO_LARGE = PlainTextResponse(
    f"This request is larger than {LARGEST_BODY // 1024} KB and was refused: send less at once.",
    status_code=413,
)

FAILED = PlainTextResponse(
    "Máy chủ gặp lỗi và đã ghi lại: hãy thử lại, nếu vẫn lỗi hãy báo hợp tác xã.\n"
    "The server failed and wrote it down: try again, and tell the cooperative if it happens again.\n",
    status_code=500,
)


def content_security_policy(script_hashes: Sequence[str]) -> str:
    """Scripts: our files and the inline ones named by hash. Styles may be inline: charts and grid
    write theirs at run time.
    """
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


class SecurityHeaders:
    """Pure ASGI middleware around everything. What nobody caught is answered here, since what lies further
    out would answer it bare; then it goes on, to be logged."""

    def __init__(self, app: ASGIApp, policy: str, *, strict_transport: bool) -> None:
        self.app = app
        self.fixed = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }
        if strict_transport:
            self.fixed["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        versioned = scope["path"].startswith(("/assets/", "/_dash-component-suites/"))
        cached = "public, max-age=31536000, immutable" if versioned else "no-store"

        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self.fixed.items():
                    headers[name] = value
                headers["cache-control"] = cached if message["status"] == 200 else "no-store"
            await send(message)

        whole = await _whole(Headers(scope=scope), receive)
        if whole is None:
            await TOO_LARGE(scope, receive, with_headers)
        else:
            try:
                await self.app(scope, _again(whole, receive), with_headers)
            except Exception:
                if not begun:
                    await FAILED(scope, receive, with_headers)
                raise


async def _whole(headers: Headers, receive: Receive) -> Message | None:
    """A request with its whole body, whose bytes are counted as they come, whatever length was said before:
    None where they are too many. Or that the client went away before all had come."""
    said = headers.get("content-length", "0")
    if said.isdecimal() and (len(said) > len(str(LARGEST_BODY)) or int(said) > LARGEST_BODY):
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}


def _again(whole: Message, receive: Receive) -> Receive:
    """Gives the message once more, then what comes after it."""
    left = iter((whole,))

    async def give() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return give
