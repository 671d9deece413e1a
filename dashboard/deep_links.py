"""Addresses opened directly: a page of the viewer's gets the frame, anything else a 404 that says so."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.addresses import Page
from dashboard.answers import may_see, query_of
from dashboard.plain_pages import refusal_page
from dashboard.sessions import FILES, FOR_STRANGERS
from dashboard.visit import SESSION, Office

# What answers for itself: the routes of app.py, to the letter; Dash, its files, and bills on paper.
ROUTES = FOR_STRANGERS | {"/sign-out", "/_reload-hash", "/_favicon.ico"}
FOLDERS = ("/_dash-", FILES, "/paper/bills/")


def answers_for_itself(path: str) -> bool:
    """Whether the address has a route of its own."""
    return path in ROUTES or path.startswith(FOLDERS)


class DeepLinks:
    """Pure ASGI. Dash answers any address with the frame of the page; this asks first whether the viewer
    may see it,
    then lets Dash answer as for its root."""

    def __init__(self, app: ASGIApp, office: Office, pages: tuple[Page, ...]) -> None:
        self.app = app
        self.office = office
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or answers_for_itself(scope["path"]):
            await self.app(scope, receive, send)
            return
        refusal = await self._refusal(HTTPConnection(scope))
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self.app({**scope, "path": "/", "raw_path": b"/"}, receive, send)

    async def _refusal(self, connection: HTTPConnection) -> Response | None:
        path = connection.scope["path"]
        if path == "/api" or path.startswith("/api/"):
            return JSONResponse({"error": "There is nothing at this address."}, status_code=404)
        if connection.scope["method"] not in ("GET", "HEAD"):
            return JSONResponse({"error": "This address only answers GET."}, status_code=405)
        visit = self.office.visit(path, query_of(connection.scope["query_string"].decode("latin-1")))
        if await may_see(self.office, self.pages, visit):
            return None
        return HTMLResponse(refusal_page(visit, SESSION.get().theme), status_code=404)
