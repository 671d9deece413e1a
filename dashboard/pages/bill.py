"""One bill: what the registers said, how the money came about, down to the đồng. It prints as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from psycopg import Connection

from analytics.tariffs.plans import Pricing, plan
from dashboard import given
from dashboard.addresses import EVERYBODY, Page
from dashboard.errors import Refused
from dashboard.parts.elements import Part, card, facts, heading, link, table
from dashboard.visit import Visit
from model.bill import Bill, BillLine, RegisterUse
from model.period import LOCAL
from operations import bill_print, bill_reasons, bill_surcharge, bill_words, wording
from operations.supplied import sharing
from storage import bill_acceptances, bills
from storage.bill_acceptances import Acceptance
from storage.bills import BillSheet


def sheet(conn: Connection[Any], visit: Visit, text: str) -> BillSheet:
    """The bill of that number. Raises `Refused` for one that is not there or not the viewer's."""
    found = bills.bill(conn, visit.viewer, given.numbered("bill", text))
    if found is None:
        raise Refused("bill", text)
    return found


def owned(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> bool:
    """Whether the bill is the viewer's to see."""
    try:
        return bool(sheet(conn, visit, names["id"]).id)
    except Refused:
        return False


def show(conn: Connection[Any], visit: Visit, names: Mapping[str, str]) -> Part:
    found = sheet(conn, visit, names["id"])
    bill, say, fmt = found.bill, visit.say, visit.fmt
    first, end = (at.astimezone(LOCAL).date() for at in (bill.period.start, bill.period.end))
    print_link = html.A(
        say("bill.print"), href=f"/paper/bills/{found.id}", target="_blank", className="button"
    )
    pdf_link = html.A(say("bill.pdf"), href=f"/paper/bills/{found.id}.pdf", className="button")
    return html.Div(
        [
            heading(
                say("bill.title", month=fmt.month(first)),
                [html.Span(found.customer.name), html.Span(say("bill.period", span=fmt.span(first, end)))],
                [print_link, pdf_link],
            ),
            html.Div(
                [
                    html.Div(
                        [_lines(visit, found), _uses(visit, bill), *_apart(visit, found)],
                        className="w8 stack",
                    ),
                    _plate(visit, found, bill_acceptances.of(conn, [found.id]).get(found.id, ())),
                ],
                className="grid",
            ),
        ]
    )


def _plate(visit: Visit, found: BillSheet, accepted: Sequence[Acceptance]) -> Part:
    reviewed = [wording.held_for(one.kind, one.why, visit.lang) for one in accepted]
    say, bill = visit.say, found.bill
    pairs = [
        (say("bill.number"), bill_print.number_of(found.id)),
        (say("bill.customer"), html.Span([found.customer.name, html.Br(), bill.customer])),
        (say("meter.address"), found.customer.address),
        (say("bill.point"), bill.point),
        (say("meter.plan"), bill_words.plan(bill.plan, visit.lang)),
        (say("bill.households"), _households(visit, found)),
        (say("bill.with_use"), _behind_bulk_meter(visit, found)),
        (say("bill.pmax"), f"{visit.fmt.plain(bill.pmax_kw)} kW" if bill.pmax_kw is not None else None),
        (say("bill.correction"), _corrections(visit, found)),
        (say("bill.why_corrected"), found.corrects.reason if found.corrects else None),
        (say("bill.reviewed"), "; ".join(reviewed)),
        (say("bill.invoice", day="").strip(), visit.fmt.day(bill.invoice_date)),
    ]
    foot = [
        html.Div(say("bill.decisions", decisions=", ".join(bill.decisions))),
        html.Div(say("bill.issued", at=visit.fmt.instant(found.issued_at))),
    ]
    return card(say("meter.plates"), [facts(pairs)], foot=foot, kind="w4 short")


def _corrections(visit: Visit, found: BillSheet) -> Part:
    """Which bill this one corrects, and which correct it."""
    said: list[Part] = []
    if found.corrects is not None:
        key = "bill.replaces" if found.corrects.replaces else "bill.adjusts"
        number = bill_print.number_of(found.corrects.number)
        said.append(link(visit.say(key, n=number), f"/bills/{found.corrects.number}"))
    said += [
        link(visit.say("bill.corrected_by", n=bill_print.number_of(number)), f"/bills/{number}")
        for number in found.corrected_by
    ]
    return html.Span([part for one in said for part in (one, html.Br())]) if said else None


def _households(visit: Visit, found: BillSheet) -> str:
    """How many households the tiers were widened for; nothing where it is one, or there are no tiers."""
    households = sharing(found.households, found.tenants)
    if households == 1 or plan(found.bill.plan).pricing is not Pricing.TIERS:
        return ""
    said = visit.say("bill.shared", n=visit.fmt.plain(households.normalize() + 0))
    return said if found.tenants is None else f"{said} · {visit.say('bill.tenants', n=found.tenants)}"


def _behind_bulk_meter(visit: Visit, found: BillSheet) -> str:
    """What a cooperative's bill stands upon besides its meter."""
    said = found.said
    if said is None or said.households_with_use is None or said.retail_other_kwh is None:
        return ""
    fmt = visit.fmt
    return visit.say(
        "bill.bulk", n=fmt.number(said.households_with_use), kwh=fmt.number(said.retail_other_kwh)
    )


def _apart(visit: Visit, found: BillSheet) -> list[Part]:
    """The surcharge for reactive energy, an invoice of its own."""
    asked, say, fmt = found.bill.reactive, visit.say, visit.fmt
    if asked is None:
        return []
    adjusts = found.corrects is not None and not found.corrects.replaces
    heads = [say("bill.serial"), say("bill.previous"), say("bill.current"), say("bill.multiplier"), "kvarh"]
    rows = [
        [
            link(use.serial, f"/meters/{use.serial}"),
            fmt.plain(use.previous),
            fmt.plain(use.current),
            fmt.plain(use.multiplier.normalize() + 0),
            fmt.number(use.kwh),
        ]
        for use in asked.uses
    ]
    percent = fmt.plain(found.bill.vat_percent.normalize() + 0)
    sums = [
        _sum(say("bill.subtotal"), fmt.money(asked.subtotal)),
        _sum(say("bill.vat", percent=percent), fmt.money(asked.vat)),
        _sum(say("bill.total"), fmt.money(asked.total), "grand"),
    ]
    said = html.P(bill_surcharge.words(asked, visit.lang, adjusts=adjusts))
    body = [table(heads, rows, numeric=(1, 2, 3, 4)), said, html.Div(sums if asked.total else [])]
    return [card(say("bill.reactive" if asked.total else "meter.reactive_energy"), body)]


def line_name(visit: Visit, line: BillLine) -> str:
    """A tier, or a register of a three-rate meter, in words."""
    tier = line.label.removeprefix("bậc ")
    return visit.say("bill.tier", n=tier) if tier.isdigit() else visit.say.term("register", line.label)


def _lines(visit: Visit, found: BillSheet) -> Part:
    say, fmt, bill = visit.say, visit.fmt, found.bill
    households = sharing(found.households, found.tenants)
    reasons = bill_reasons.told(bill, households, visit.lang, found.said)
    heads = [say("bill.line"), "kWh", say("bill.price"), say("bill.amount")]
    rows = [
        [
            html.Div([line_name(visit, line), html.Div(why, className="row-under") if why else None]),
            fmt.number(line.kwh),
            fmt.number(line.price),
            fmt.number(line.amount),
        ]
        for line, why in zip(bill.lines, reasons, strict=True)
    ]
    sums = html.Div(
        [
            _sum(say("bill.subtotal"), fmt.money(bill.subtotal)),
            _sum(say("bill.vat", percent=fmt.plain(bill.vat_percent.normalize() + 0)), fmt.money(bill.vat)),
            _sum(say("bill.total"), fmt.money(bill.total), "grand"),
        ]
    )
    return card(say("bill.lines"), [table(heads, rows, numeric=(1, 2, 3)), sums])


def _sum(name: str, value: str, kind: str = "") -> Part:
    return html.Div([html.Span(name), html.Span(value)], className=f"total-line {kind}")


def _uses(visit: Visit, bill: Bill) -> Part:
    say, fmt = visit.say, visit.fmt
    heads = [
        say("bill.serial"),
        say("bill.rate"),
        say("bill.previous"),
        say("bill.current"),
        say("bill.multiplier"),
        "kWh",
    ]
    rows = [
        [
            html.Div([link(use.serial, f"/meters/{use.serial}"), _remarks(visit, use)]),
            use.rate.code,
            fmt.plain(use.previous),
            fmt.plain(use.current),
            fmt.plain(use.multiplier.normalize() + 0),
            fmt.number(use.kwh),
        ]
        for use in bill.uses
    ]
    return card(say("bill.registers"), [table(heads, rows, numeric=(2, 3, 4, 5))])


def _remarks(visit: Visit, use: RegisterUse) -> Part:
    said = [
        visit.say(key)
        for key, holds in (
            ("bill.removed", use.removed),
            ("bill.rolled", "Q" in use.status),
            ("bill.changed", "X" in use.status),
            ("bill.counted", "~" in use.status),
        )
        if holds
    ]
    if use.carried_wh:
        said.append(visit.say("bill.carried", wh=visit.fmt.number(use.carried_wh)))
    return html.Div(" · ".join(said), className="row-under") if said else None


PAGE = Page("bill", "/bills/{id}", EVERYBODY, show, owned=owned)
