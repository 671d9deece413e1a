"""A rated period as a document (`answer.schema.json`) and as lines to read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from analytics.billing import Rated, RatedLine, Request
from model.bill import RegisterUse
from operations import bill_words
from operations.bill_words import money, price, say, shown


def document(request: Request, rated: Rated, language: str) -> dict[str, Any]:
    """The answer: lines, sums, reactive apart, notes; kWh, prices and amounts whole numbers."""
    percent = rated.vat_percent
    return {
        "plan": request.plan,
        "from": request.start,
        "to": request.end,
        "invoice_date": request.invoice_date,
        "what_if": request.what_if or None,
        "currency": rated.currency.code,
        "decisions": rated.decisions,
        "kwh": rated.kwh,
        "pmax_kw": request.pmax_kw,
        "uses": [_use_document(use) for use in rated.uses],
        "lines": [_line_document(line, rated, language) for line in rated.lines],
        "subtotal": rated.subtotal,
        "vat_percent": int(percent) if percent == int(percent) else str(percent),
        "vat": rated.vat,
        "total": rated.total,
        "vat_why": bill_words.vat(rated.vat_because, language),
        "reactive": _reactive_document(rated),
        "reactive_why": bill_words.reactive(rated.reactive, language) if rated.reactive else None,
        "notes": [bill_words.noted(why, language) for why in rated.notes],
    }


def _use_document(use: RegisterUse) -> dict[str, Any]:
    return {
        "register": use.rate.code,
        "serial": use.serial,
        "previous": use.previous,
        "current": use.current,
        "multiplier": use.multiplier,
        "kwh": use.kwh,
        "wh": use.wh,
        "status": use.status,
        "removed": use.removed,
    }


def _line_document(line: RatedLine, rated: Rated, language: str) -> dict[str, Any]:
    what: dict[str, Any] = {"tier": line.tier} if line.tier is not None else {"band": line.band}
    if line.voltage:
        what["voltage"] = line.voltage
    if line.kw is not None:
        what["kw"] = line.kw.normalize() + 0
    return {
        "decision": line.decision,
        **what,
        "kwh": line.kwh,
        "price": rated.currency.shown_price(line.price),
        "amount": line.amount,
        "from": line.start,
        "to": line.end,
        "prorated": line.because.prorated or None,
        "why": bill_words.line(line, language),
    }


def _reactive_document(rated: Rated) -> dict[str, Any] | None:
    found = rated.reactive
    if found is None:
        return None
    return {
        "cos_phi": found.cos_phi,
        "k_percent": found.k_percent,
        "subtotal": found.subtotal,
        "vat": found.vat,
        "total": found.total,
    }


def text(request: Request, rated: Rated, language: str) -> Iterator[str]:
    """The same, line by line, for a person."""
    days, currency = (request.end - request.start).days, rated.currency
    named = bill_words.plan(request.plan, language)
    yield say("sheet", "head", language, plan=named, first=request.start, last=request.last_day, days=days)
    for use in rated.uses:
        yield "  " + _use(use, language)
    for (decision, start, end), lines in groupby(rated.lines, lambda one: (one.decision, one.start, one.end)):
        last = end.fromordinal(end.toordinal() - 1)
        yield say("sheet", "part", language, decision=decision, first=start, last=last)
        for line in lines:
            yield "  " + _line(line, rated, language)
    yield f"{say('sheet', 'subtotal', language)}: {money(rated.subtotal, currency, language)}"
    percent = say("sheet", "vat", language, percent=rated.vat_percent)
    yield f"{percent}: {money(rated.vat, currency, language)} – {bill_words.vat(rated.vat_because, language)}"
    yield f"{say('sheet', 'total', language)}: {money(rated.total, currency, language)}"
    if rated.reactive is not None:
        found = rated.reactive
        sums = f"{money(found.subtotal, currency, language)} + {money(found.vat, currency, language)}"
        yield f"{say('sheet', 'reactive', language)}: {sums} = {money(found.total, currency, language)}"
        yield "  " + bill_words.reactive(found, language)
    for why in rated.notes:
        yield f"{say('sheet', 'note', language)}: {bill_words.noted(why, language)}"


def _use(use: RegisterUse, language: str) -> str:
    said = say(
        "sheet", "use", language, register=f"{use.serial} {use.rate.code}".strip(), previous=use.previous,
        current=use.current, multiplier=use.multiplier, kwh=use.kwh,
    )  # fmt: skip
    marks = [use.status] if use.status else []
    marks += [say("sheet", "removed", language)] if use.removed else []
    return f"{said} ({', '.join(marks)})" if marks else said


def _line(line: RatedLine, rated: Rated, language: str) -> str:
    currency = rated.currency
    name = bill_words.name(line, language)
    quantity = f"{shown(line.kwh, language)} kWh"
    if not line.kwh:
        quantity = "1" if line.kw is None else f"{shown(line.kw, language)} kW"
    sums = f"{quantity} × {price(line.price, currency, language)} = {money(line.amount, currency, language)}"
    return f"{name[:1].upper()}{name[1:]}: {sums} – {bill_words.line(line, language)}"
