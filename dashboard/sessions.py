"""Nobody passes without a session: pure ASGI, before every page, callback and file that is not for
strangers.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.plain_pages import away_page
from dashboard.visit import SESSION, Session
from dashboard.words import LANGUAGES, words

LOG = logging.getLogger("dashboard")
STORE_AWAY = (psycopg.OperationalError, PoolTimeout)
COOKIE = "session"
CSRF_COOKIE = "_csrf_token"  # Dash's own page script copies it into the header below
CSRF_HEADER = "x-csrftoken"
FILES = "/assets/"  # styles, script and drawings: nobody's figures
FOR_STRANGERS = frozenset({"/sign-in", "/livez", "/readyz", "/favicon.ico"})  # these addresses, to the letter
SAFE = ("GET", "HEAD", "OPTIONS")


def for_strangers(path: str) -> bool:
    """Whether an address answers whoever asks."""
    return path in FOR_STRANGERS or path.startswith(FILES)


def language(connection: HTTPConnection, otherwise: str = LANGUAGES[0]) -> str:
    """What the visitor chose on this device; without a choice, what their account says, or Vietnamese."""
    chosen = connection.cookies.get("lang", "")
    return chosen if chosen in LANGUAGES else otherwise


def theme(connection: HTTPConnection) -> str:
    """Light or dark, as chosen; empty: as the device says."""
    chosen = connection.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


def store_is_away(connection: HTTPConnection) -> Response:
    """503 with a page that says so: a store that is away signs nobody out."""
    return HTMLResponse(away_page(words(language(connection)), theme(connection)), status_code=503)


def from_elsewhere(connection: HTTPConnection) -> bool:
    """Whether a browser says that another site sent this request."""
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != connection.headers.get("host")


class SignedIn:
    """Lets strangers reach the sign-in page and its files; everything else needs a session, and a change
    its token.

    `find` turns the cookie's token into (login's session) or None; it is asked anew at each request, so
    a session that was ended
    elsewhere is over at once.
    """

    def __init__(
        self, app: ASGIApp, find: Callable[[str, HTTPConnection], Awaitable[Session | None]]
    ) -> None:
        self.app = app
        self.find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page of ours speaks websocket: refused before it is accepted
            await send({"type": "websocket.close", "code": 4003})
            return
        connection = HTTPConnection(scope)
        refusal = await self._refusal(connection)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _refusal(self, connection: HTTPConnection) -> Response | None:
        changes = connection.scope["method"] not in SAFE
        if changes and from_elsewhere(connection):
            return PlainTextResponse("This request came from another site and was refused.", status_code=403)
        # What the routes go by. The address put together again would hold the host a stranger claims.
        path: str = connection.scope["path"]
        token = connection.cookies.get(COOKIE, "")
        try:
            session = await self.find(token, connection) if token and not path.startswith(FILES) else None
        except STORE_AWAY as error:
            LOG.error("the store did not answer for %s: %s", path, error)
            return store_is_away(connection)
        if session is None:
            return None if for_strangers(path) else self._sign_in_first(connection, path)
        SESSION.set(session)
        if path.startswith("/_dash-") and changes:
            sent = connection.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
                return JSONResponse({"error": words(session.lang)("refused.stale_form")}, status_code=403)
        return None

    @staticmethod
    def _sign_in_first(connection: HTTPConnection, path: str) -> Response:
        wants_page = connection.scope["method"] in SAFE and not path.startswith(("/api/", "/_dash-"))
        if not wants_page:
            return JSONResponse({"error": words(language(connection))("refused.no_session")}, status_code=401)
        query = connection.scope["query_string"].decode("latin-1")
        onward = path + (f"?{query}" if query else "")
        return RedirectResponse(
            "/sign-in" + (f"?next={quote(onward)}" if onward != "/" else ""), status_code=303
        )
