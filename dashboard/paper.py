"""A bill on paper: the office's own sheet to print, or as a PDF to keep, for whoever may see the bill."""

from __future__ import annotations

from collections.abc import Callable

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
from operations.bill_sheets import printed
from operations.paper import document


def paper(office: Office) -> APIRouter:
    """The routes /paper/bills/{number} and /paper/bills/{number}.pdf."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/paper/bills/{number}.pdf")
    async def bill_as_pdf(number: str) -> Response:
        return await anyio.to_thread.run_sync(_bill, office, number, _pdf)

    @routes.get("/paper/bills/{number}")
    async def bill_on_paper(number: str) -> Response:
        return await anyio.to_thread.run_sync(_bill, office, number, _html)

    return routes


def _bill(office: Office, number: str, written: Callable[[PrintedBill], Response]) -> Response:
    visit = office.visit(f"/paper/bills/{number}", {})
    try:
        with office.pool.connection() as conn:
            found = sheet(conn, visit, number)
            (page,) = printed(conn, visit.viewer, [found], office.supplier)
    except Refused as refused:
        write_down(office, visit, refused)
        return HTMLResponse(refusal_page(visit, SESSION.get().theme), status_code=404)
    return written(page)


def _html(page: PrintedBill) -> Response:
    return HTMLResponse(bill_print.html(page))


def _pdf(page: PrintedBill) -> Response:
    name = f"tien-dien-{bill_print.number_of(page.number)}.pdf"
    return Response(
        document([page]),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
