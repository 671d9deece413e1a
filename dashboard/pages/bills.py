"""Bills that were issued, and for staff the ones that were not, with what to do about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dash import dcc, html
from psycopg import Connection

from dashboard.addresses import EVERYBODY, Page
from dashboard.parts.corrected import corrected
from dashboard.parts.days_range import EARLIEST
from dashboard.parts.elements import Part, badge, card, chips, empty, figure, heading, link, table
from dashboard.parts.held import task
from dashboard.visit import Visit
from model.period import LOCAL, Period, add_months
from operations import bill_words
from storage import bill_holds, bills
from storage.bill_holds import HoldRow
from storage.bills import BillRow

MOST = 500


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    """The bills of a month, the newest first."""
    month = _month(visit.query.get("month"), visit.today)
    found = bills.bills(conn, visit.viewer, month=month, limit=MOST)
    held = bill_holds.holds(conn, visit.viewer, month=month) if visit.viewer.is_staff else []
    months = bills.months(conn, visit.viewer, with_holds=visit.viewer.is_staff)
    sums = bills.sums(conn, visit.viewer, month) if visit.viewer.is_staff and found else None
    about = "bills.about" if visit.viewer.is_staff else "bills.about_customer"
    return html.Div(
        [
            heading(visit.say("bills.title"), [visit.say(about)], _runs(visit)),
            html.Div(_months(visit, months, month), className="bar-row"),
            _sums(visit, *sums) if sums else None,
            _held(visit, held) if held else None,
            card(
                "",
                [_list(visit, found) if found else _nothing(visit, month, bool(held))],
                foot=_issued(visit, found) if found else None,
            ),
        ]
    )


def _runs(visit: Visit) -> list[Part]:
    return [link(visit.say("runs.title"), "/runs", "button")] if visit.viewer.is_staff else []


def _issued(visit: Visit, found: Sequence[BillRow]) -> str:
    """When the last of them went out; where there may be more than are shown, that too."""
    said: str = visit.say("bill.issued", at=visit.fmt.instant(max(row.issued_at for row in found)))
    more = visit.say("bills.first", n=visit.fmt.number(MOST)) if len(found) == MOST else ""
    return f"{said} · {more}" if more else said


def _month(text: str | None, today: date) -> date | None:
    """The month in the address; None where there is none, or none that can have bills."""
    try:
        month = date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        return None
    return month if month and EARLIEST <= month <= today else None


def _months(visit: Visit, months: Sequence[date], month: date | None) -> Part:
    """The months that have something to show, and the one that is shown."""
    options = sorted({*months, month} - {None}, reverse=True) if month else months
    every = (visit.say("bills.every_month"), "/bills", month is None)
    return chips(
        [every, *((visit.fmt.month(day), f"/bills?month={day:%Y-%m}", day == month) for day in options)],
        visit.say("bills.month"),
    )


def _sums(visit: Visit, number: int, kwh: int, total: int) -> Part:
    say, fmt = visit.say, visit.fmt
    return html.Div(
        [
            html.Section(figure(say("bills.sum_bills"), fmt.number(number)), className="card w4"),
            html.Section(figure(say("bills.sum_kwh"), fmt.number(kwh), "kWh"), className="card w4"),
            html.Section(figure(say("bills.sum_money"), fmt.number(total), "₫"), className="card w4"),
        ],
        className="grid thirds",
    )


def _held(visit: Visit, held: Sequence[HoldRow]) -> Part:
    rows = [
        html.Div(
            [
                html.Div(
                    [
                        html.Div(
                            [_named(row), f" · {row.customer_name}"],
                            className="row-name",
                        ),
                        html.Div(_span(visit, row.hold.period), className="row-under"),
                        *task(visit, row.hold.kind, row.hold.named, row.hold.reason),
                    ],
                    className="row-main",
                ),
            ],
            className="row",
        )
        for row in held
    ]
    beside = badge(visit.say("bills.held_note", n=len(held)), "warn")
    return html.Div(
        card(visit.say("bills.held"), [html.Div(rows, className="rows")], beside=beside), className="grid"
    )


def _named(row: HoldRow) -> Part:
    serial = row.hold.serial
    return link(serial, f"/meters/{serial}") if serial else row.hold.named


def _span(visit: Visit, period: Period) -> str:
    return visit.fmt.span(period.start.astimezone(LOCAL).date(), period.end.astimezone(LOCAL).date())


def _nothing(visit: Visit, month: date | None, held: bool) -> Part:
    """Why no bill is listed, as far as the page knows."""
    say = visit.say
    none = say("bills.none_of", month=visit.fmt.month(month)) if month else say("bills.none")
    if held:
        return empty(none, say("bills.none_held"))
    running = month is None or add_months(month, 1) > visit.today
    return empty(none, say("bills.none_more") if running else "")


def _list(visit: Visit, found: Sequence[BillRow]) -> Part:
    return (
        html.Div([_row(visit, row) for row in found], className="rows")
        if visit.phone
        else _table(visit, found)
    )


def _row(visit: Visit, row: BillRow) -> Part:
    title = (
        row.customer_name
        if visit.viewer.is_staff
        else visit.fmt.month(row.period.start.astimezone(LOCAL).date())
    )
    return dcc.Link(
        [
            html.Div(
                [
                    html.Div(title, className="row-name"),
                    html.Div(_span(visit, row.period), className="row-under"),
                    _corrects(visit, row),
                ],
                className="row-main",
            ),
            html.Div(
                [
                    visit.fmt.money(row.total),
                    html.Div(f"{visit.fmt.number(row.kwh)} kWh", className="row-under"),
                ],
                className="row-end",
            ),
        ],
        href=f"/bills/{row.id}",
        className="row",
    )


def _corrects(visit: Visit, row: BillRow) -> Part:
    said = corrected(visit, row)
    return html.Div(said, className="row-under") if said else None


def _table(visit: Visit, found: Sequence[BillRow]) -> Part:
    say, fmt = visit.say, visit.fmt
    heads = [
        say("bills.customer"),
        say("bills.period"),
        say("bills.plan"),
        say("bills.kwh"),
        say("bills.total"),
    ]
    rows = [
        [
            html.Div(
                [
                    link(row.customer_name, f"/bills/{row.id}", "link row-name"),
                    html.Div(f"{row.customer} · {row.point}", className="row-under"),
                    _corrects(visit, row),
                ]
            ),
            _span(visit, row.period),
            bill_words.plan(row.plan, visit.lang),
            fmt.number(row.kwh),
            fmt.money(row.total),
        ]
        for row in found
    ]
    return table(heads, rows, numeric=(3, 4))


PAGE = Page("bills", "/bills", EVERYBODY, show, nav="bills")
