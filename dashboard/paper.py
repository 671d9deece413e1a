"""A bill on paper: the office's own sheet, for whoever may see the bill."""

from __future__ import annotations

import anyio.to_thread
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from dashboard.answers import write_down
from dashboard.errors import Refused
from dashboard.pages.bill import sheet
from dashboard.plain_pages import refusal_page
from dashboard.visit import SESSION, Office
from operations import bill_print
from operations.bill_print import PrintedBill


def paper(office: Office) -> APIRouter:
    """The route /paper/bills/{number}."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/paper/bills/{number}")
    async def bill_on_paper(number: str) -> Response:
        return await anyio.to_thread.run_sync(_bill, office, number)

    return routes


def _bill(office: Office, number: str) -> Response:
    visit = office.visit(f"/paper/bills/{number}", {})
    try:
        with office.pool.connection() as conn:
            found = sheet(conn, visit, number)
    except Refused as refused:
        write_down(office, visit, refused)
        return HTMLResponse(refusal_page(visit, SESSION.get().theme), status_code=404)
    return HTMLResponse(
        bill_print.html(
            PrintedBill(found.id, found.bill, found.customer, office.supplier, households=found.households)
        )
    )
