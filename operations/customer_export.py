"""The customer file as it stands: what `ami import customers` would bring in again unchanged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from analytics.billing.given import UNDECLARED
from model.grid import Customer, Point, ReadingBook, Register, Role, Supply
from model.period import midnight
from operations.customer_columns import COLUMNS
from operations.vietnamese import day

_WORDS: Final = {UNDECLARED: "chưa khai báo", True: "có", False: "không", None: ""}


def table(known: Register) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and a row for every customer's point, with the supply that was agreed last."""
    customers = {one.code: one for one in known.customers}
    books = {one.code: one for one in known.books}
    stations = {one.code: one.name for one in known.stations}
    rows = []
    for point in known.points:
        if point.role is not Role.CUSTOMER or not point.supplies:
            continue
        customer, last = customers[point.customer], point.supplies[-1]
        row = _row(point, last, customer, books[customer.book], stations[point.station])
        rows.append(tuple(_text(row[column.key]) for column in COLUMNS))
    return tuple(column.heading for column in COLUMNS), rows


def _row(point: Point, supply: Supply, customer: Customer, book: ReadingBook, station: str) -> dict[str, Any]:
    begins = midnight(supply.valid_from)
    multipliers = [item.value for item in point.multipliers if item.valid_from <= begins]
    return {
        "customer": customer.code,
        "name": customer.name,
        "address": customer.address,
        "phone": customer.phone,
        "email": customer.email,
        "tax_code": customer.tax_code,
        "book": book.code,
        "reading_day": str(book.reading_day),
        "station": point.station,
        "station_name": station,
        "point": point.code,
        "plan": supply.plan,
        "households": supply.households,
        "tenants": UNDECLARED if supply.undeclared else supply.tenants,
        "multiplier": multipliers[-1] if multipliers else Decimal(1),
        "voltage_kv": supply.voltage_kv,
        "one_rate": supply.one_rate,
        "three_rate_refused": supply.three_rate_refused,
        "contract_kw": supply.contract_kw,
        "transformer_kva": supply.transformer_kva,
        "buys_reactive": supply.buys_reactive,
        "since": day(supply.valid_from),
    }


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}".replace(".", ",")
    if isinstance(value, bool) or value in (None, UNDECLARED):
        return _WORDS[value]
    return str(value)
