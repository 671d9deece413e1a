"""The web server: FastAPI with Dash on it, nobody let in without a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import psycopg
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from psycopg_pool import PoolTimeout
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection

from dashboard.callbacks import Guarded
from dashboard.deep_links import DeepLinks
from dashboard.door import door
from dashboard.frame import Pages, frame
from dashboard.headers import SecurityHeaders, content_security_policy
from dashboard.pages import PAGES, connect
from dashboard.paper import paper
from dashboard.sessions import LOG, SignedIn, language, store_is_away, theme
from dashboard.visit import Office, Session
from dashboard.well_formed import WellFormed
from model.clock import Clock
from model.supplier import Supplier
from operations import accounts
from operations.orders import Rules
from storage.pool import open_pool

PATIENCE_S = 5.0  # how long a page waits for the store before it says that it is away
ASSETS = Path(__file__).parent / "assets"


def _real_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`dsn` of the store; `supplier` is whose pages they are; `secure_cookies` behind TLS; `clock` is the
    time the pages go by; `rules` say how many orders there may be.
    """

    dsn: str = field(repr=False)
    supplier: Supplier
    secure_cookies: bool = False
    clock: Clock = _real_clock
    connections: int = 8
    rules: Rules = field(default_factory=Rules)


def create_app(settings: WebSettings) -> FastAPI:
    """The application, ready for an ASGI server. The store may come later: until then every page
    says that it is away.
    """
    pool = open_pool(settings.dsn, settings.connections)
    pool.timeout = PATIENCE_S
    office = Office(pool, settings.clock, settings.supplier, settings.rules)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        office.pool.close()

    api = FastAPI(title="Điện kế", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @api.get("/api/{rest:path}")
    async def no_such_address(rest: str) -> Response:
        return JSONResponse({"error": f"There is nothing at /api/{rest}."}, status_code=404)

    @api.get("/livez")
    async def alive() -> Response:
        return Response("ok", media_type="text/plain")

    @api.get("/readyz")
    async def ready() -> Response:
        here = await anyio.to_thread.run_sync(_store_answers, office)
        return Response(
            "ok" if here else "the store does not answer", 200 if here else 503, media_type="text/plain"
        )

    @api.get("/favicon.ico")
    async def icon() -> Response:
        return FileResponse(ASSETS / "favicon.svg", media_type="image/svg+xml")

    @api.exception_handler(psycopg.OperationalError)
    @api.exception_handler(PoolTimeout)
    async def away(request: Request, error: Exception) -> Response:
        LOG.error("the store did not answer for %.200s: %s", request.url.path, error)
        return store_is_away(request)

    api.include_router(door(office, secure=settings.secure_cookies))
    api.include_router(paper(office))
    dash = _dash(api, office)
    policy = content_security_policy(list(dash.csp_hashes()))
    api.add_middleware(WellFormed, callbacks=dash.callback_map)
    api.add_middleware(DeepLinks, office=office, pages=PAGES)
    api.add_middleware(SignedIn, find=_finder(office))
    api.add_middleware(GZipMiddleware, minimum_size=800, compresslevel=6)
    api.add_middleware(SecurityHeaders, policy=policy, strict_transport=settings.secure_cookies)
    return api


def _dash(api: FastAPI, office: Office) -> Pages:
    """Puts Dash on `api`."""
    dash = Pages(
        __name__,
        server=api,  # type: ignore[arg-type]  # any server Dash has a backend for
        title="Điện kế",
        update_title=None,  # type: ignore[arg-type]  # the title stays
        suppress_callback_exceptions=True,
        assets_folder=str(ASSETS),
        enable_mcp=False,
        add_log_handler=False,
        csrf_token_name="_csrf_token",
        csrf_header_name="X-CSRFToken",
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1, viewport-fit=cover"}
        ],
    )
    guarded = Guarded(dash, office)
    connect(guarded)
    guarded.seal()
    dash.layout = lambda: frame(office, PAGES)
    return dash


def _store_answers(office: Office) -> bool:
    try:
        with office.pool.connection(timeout=2):  # tried before it is handed out
            return True
    except (psycopg.Error, PoolTimeout):
        return False


def _finder(office: Office) -> Callable[[str, HTTPConnection], Awaitable[Session | None]]:
    async def find(token: str, connection: HTTPConnection) -> Session | None:
        found = await anyio.to_thread.run_sync(accounts.session, office.pool, token, office.clock())
        if found is None:
            return None
        cookies = connection.cookies
        return Session(
            viewer=found.viewer,
            csrf=found.csrf,
            lang=language(connection, found.language),
            phone=cookies.get("screen") == "phone",
            theme=theme(connection),
            address=connection.client.host if connection.client else "",
        )

    return find
