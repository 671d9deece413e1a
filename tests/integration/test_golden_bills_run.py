"""The worked bills through the database: the same customers, their indices closed, billed by a run.

Left out: a tariff that is not in force, which a run refuses; and a cooperative's bulk meter, whose households
with use and other retail the register does not hold: it is held with that reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.billing import Request, rate
from model.bill import Bill
from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
)
from model.period import LOCAL, Period, midnight
from model.readout import RegisterRead
from model.series import Rate
from model.viewer import UserRole, Viewer
from operations import bill, close, importing
from storage import bills
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, bring, read

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden_bills.json").read_text(encoding="utf-8"))
CASES = [case for case in GOLDEN["cases"] if "what_if" not in case["request"]]
STAFF = Viewer("hoadon", UserRole.BILLING)
LONG_AGO = datetime(2024, 1, 1, tzinfo=LOCAL)
FIRST_KWH = 1000  # what a register shows at the start where only its use is told


class Worked:
    """One worked bill as a customer: a point with its supply, one meter or two, their indices."""

    def __init__(self, case: dict[str, Any]) -> None:
        request = case["request"]
        self.case, self.request, self.code = case, request, case["id"]
        self.period = Period(*(midnight(date.fromisoformat(request[end])) for end in ("from", "to")))
        used = request.get("kwh") or {}
        self.parts = request.get("registers") or [
            {"register": name, "previous": str(FIRST_KWH), "current": str(FIRST_KWH + kwh)}
            for name, kwh in used.items()
        ]
        self.three = any(part["register"] == "BT" for part in self.parts)
        self.swapped = any(part.get("removed") for part in self.parts)
        self.wraps = any(Decimal(part["current"]) < Decimal(part["previous"]) for part in self.parts)

    @property
    def model(self) -> str:
        return "dk-3p-ct" if self.three else "dk-1p-5" if self.wraps else "dk-1p"

    @property
    def changed(self) -> datetime:
        return self.period.start + timedelta(days=13, hours=9)

    def point(self) -> Point:
        request = self.request
        people = request.get("tenants")
        supply = Supply(
            LONG_AGO.date(),
            request["plan"],
            households=Decimal(people) / 4 if people else Decimal(request.get("households", 1)),
            voltage_kv=Decimal(request.get("voltage_kv", "0.4")),
            one_rate=not self.three,
        )
        multiplier = Multiplier(LONG_AGO, Decimal(request.get("multiplier", 1)))
        return Point(
            self.code,
            Role.CUSTOMER,
            "T1",
            customer=f"KH-{self.code}",
            multipliers=(multiplier,),
            supplies=(supply,),
        )

    def installations(self) -> list[Installation]:
        if not self.swapped:
            return [Installation(self.code, f"M-{self.code}", LONG_AGO)]
        old, new = (round(Decimal(self.parts[n][key]) * 1000) for n, key in ((0, "current"), (1, "previous")))
        return [
            Installation(self.code, f"M-{self.code}", LONG_AGO, self.changed, last_index={"KT": old}),
            Installation(
                self.code, f"N-{self.code}", self.changed + timedelta(minutes=20), first_index={"KT": new}
            ),
        ]

    def reads(self) -> Iterator[tuple[str, RegisterRead]]:
        scaler = 1 if self.wraps else 0
        for part in self.parts:
            serial = f"{'M' if part.get('removed') or not self.swapped else 'N'}-{self.code}"
            for at, key in ((self.period.start, "previous"), (self.period.end, "current")):
                hung = (at == self.period.start) == serial.startswith("M") or not self.swapped
                if hung:
                    raw = int(Decimal(part[key]) * 1000) // 10**scaler
                    yield read(serial, at, raw, rate=Rate.from_code(part["register"]), scaler=scaler)


WORKED = [Worked(case) for case in CASES]


def grid() -> Register:
    points = tuple(one.point() for one in WORKED)
    installations = tuple(each for one in WORKED for each in one.installations())
    models = {f"{mark}-{one.code}": one.model for one in WORKED for mark in "MN"}
    return Register(
        stations=(Station("T1", "Trạm 1"),),
        books=(ReadingBook("S1", "Sổ 1"),),
        customers=tuple(Customer(point.customer, f"Bà {point.code}", "", "S1") for point in points),
        modems=(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059),),
        meters=tuple(Meter(one.serial, models[one.serial], "M1") for one in installations),
        points=points,
        installations=installations,
    )


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        bring(database, *(each for one in WORKED for each in one.reads()))
        yield pool


def issued(pool: Pool, customer: Worked) -> Bill:
    with pool.connection() as conn:
        [row] = [
            row for row in bills.bills(conn, STAFF, point=customer.code) if row.period == customer.period
        ]
        sheet = bills.bill(conn, STAFF, row.id)
    assert sheet is not None
    return sheet.bill


def test_every_worked_bill_to_the_dong_through_a_run(pool: Pool) -> None:
    held = {}
    for period in dict.fromkeys(one.period for one in WORKED):
        close.run(pool, period, NOW)
        report = bill.run(pool, period, period.end.astimezone(LOCAL).date(), NOW)
        held |= {(hold.point, period): hold.kind for hold in report.held}
    assert {one.code: held[one.code, one.period] for one in WORKED if (one.code, one.period) in held} == {
        "D11": "households"
    }
    for one in WORKED:
        if one.code == "D11":
            continue
        made, expect = issued(pool, one), one.case["expect"]
        lines = [{"kwh": line.kwh, "price": line.price, "amount": line.amount} for line in made.lines]
        if one.three:  # a request's registers stand in its own order, a run's as BT, CD, TD
            lines, expect = by_price(lines), expect | {"lines": by_price(expect["lines"])}
        sums = ("subtotal", "vat_percent", "vat", "total")
        assert {name: getattr(made, name) for name in sums} | {"lines": lines} == expect, one.code


def by_price(lines: list[dict[str, int]]) -> list[dict[str, int]]:
    return sorted(lines, key=lambda line: line["price"])


def test_a_household_read_from_afar_when_its_price_changed_is_not_interpolated(
    database: str, pool: Pool
) -> None:
    """TT 60/2025/TT-BCT, 12.8: the real kWh of each part, as the same request with that reading says."""
    [one] = [one for one in WORKED if one.code == "D04"]
    bring(database, read(f"M-{one.code}", midnight(date(2025, 5, 10)), (FIRST_KWH + 250) * 1000))
    report = close.run(pool, one.period, NOW)
    assert "D04" not in {point for point, _, _ in report.missing}
    bill.run(pool, one.period, one.period.end.astimezone(LOCAL).date(), NOW)
    made = issued(pool, one)
    told = rate(Request.from_document(one.request | {"readings_at_change": {"KT": 250}}))
    assert [(line.kwh, line.price) for line in made.lines] == [(line.kwh, line.price) for line in told.lines]
    assert (made.total, [use.kwh for use in made.uses]) == (told.total, [250, 50])
    assert told.total != one.case["expect"]["total"]
