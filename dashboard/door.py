"""Signing in and out: server-rendered, throttled, each form with its token."""

from __future__ import annotations

import hmac
import math
import secrets
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboard.plain_pages import sign_in_page
from dashboard.sessions import COOKIE, CSRF_COOKIE, language, theme
from dashboard.visit import SESSION, Office
from dashboard.words import words
from operations import accounts

DOOR_COOKIE = "door"  # the sign-in form's own token: there is no session yet to hang one on
TWELVE_HOURS = 12 * 3600


def onward(address: str) -> str:
    """Where to go after the door: an address of ours, never another site's."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours and len(address) < 500 else "/"


def door(office: Office, *, secure: bool) -> APIRouter:
    """The routes /sign-in and /sign-out."""
    routes = APIRouter(include_in_schema=False)

    def page(request: Request, status: int, *, to: str, login: str = "", error: str = "") -> Response:
        token = request.cookies.get(DOOR_COOKIE) or secrets.token_urlsafe(24)
        html = sign_in_page(
            words(language(request)),
            theme(request),
            office.supplier,
            onward=to,
            token=token,
            login=login,
            error=error,
        )
        answer = HTMLResponse(html, status_code=status)
        answer.set_cookie(
            DOOR_COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/sign-in"
        )
        return answer

    @routes.get("/sign-in")
    async def ask(request: Request, next: str = "/") -> Response:
        signed_in = SESSION.get(None) is not None
        return RedirectResponse("/", 303) if signed_in else page(request, 200, to=onward(next))

    @routes.post("/sign-in")
    async def enter(
        request: Request,
        login: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=400)] = "",
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",
    ) -> Response:
        say = words(language(request))
        if not hmac.compare_digest(token.encode(), request.cookies.get(DOOR_COOKIE, "-").encode()):
            return page(request, 403, to=onward(next), login=login, error=say("refused.stale_form"))
        address = request.client.host if request.client else ""
        found = await anyio.to_thread.run_sync(
            accounts.sign_in, office.pool, login.strip(), password, address, office.clock()
        )
        if not isinstance(found, accounts.SignIn):
            minutes = math.ceil(found.retry_after_s / 60)
            status, said = (
                (429, say("door.throttled", minutes=minutes))
                if found.kind == "throttled"
                else (401, say("door.refused"))
            )
            return page(request, status, to=onward(next), login=login, error=said)
        answer = RedirectResponse(onward(next), 303)
        for name, value, hidden in ((COOKIE, found.token, True), (CSRF_COOKIE, found.csrf, False)):
            answer.set_cookie(
                name, value, max_age=TWELVE_HOURS, httponly=hidden, samesite="lax", secure=secure
            )
        answer.delete_cookie(DOOR_COOKIE, path="/sign-in")
        return answer

    @routes.post("/sign-out")
    async def leave(request: Request, token: Annotated[str, Form()] = "") -> Response:
        session = SESSION.get()
        if not hmac.compare_digest(token.encode(), session.csrf.encode()):
            return Response(words(session.lang)("refused.stale_form"), status_code=403)
        await anyio.to_thread.run_sync(
            accounts.sign_out, office.pool, request.cookies.get(COOKIE, ""), office.clock()
        )
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE)
        answer.delete_cookie(CSRF_COOKIE)
        return answer

    return routes
