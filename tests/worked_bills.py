"""Requests of `ami bill explain` as customers of a database: their supply, their meters, what they showed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from model.bill import Bill, Hold
from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    PeriodFacts,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
)
from model.period import LOCAL, Period, midnight
from model.readout import RegisterRead
from model.series import ReadingSource, RegisterKey, Unit
from model.viewer import UserRole, Viewer
from operations import bill, close, importing, period_words
from storage import bills
from storage.pool import Pool
from tests.operations_grid import NOW, bring

STAFF = Viewer("hoadon", UserRole.BILLING)
LONG_AGO = datetime(2018, 1, 1, tzinfo=LOCAL)
FIRST_KWH = 1000  # what a register shows at the start where only its use is told
UNDECLARED = "undeclared"
Read = tuple[str, RegisterRead]


@dataclass(frozen=True)
class Worked:
    """One request as a customer: a point with its supply, one meter or two, their indices."""

    code: str
    request: Mapping[str, Any]

    @property
    def period(self) -> Period:
        return Period(*(midnight(date.fromisoformat(self.request[end])) for end in ("from", "to")))

    @property
    def invoice_date(self) -> date:
        return date.fromisoformat(self.request.get("invoice_date", self.request["to"]))

    @property
    def parts(self) -> list[dict[str, Any]]:
        request = self.request
        multiplier = Decimal(request.get("multiplier", 1))
        found = list(request.get("registers") or _registers(request.get("kwh") or {}, multiplier))
        if "kvarh" in request:
            found += self._reactive(_registers({"VC": request["kvarh"]}, multiplier), found)
        return found

    @staticmethod
    def _reactive(bought: list[dict[str, Any]], energy: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Where the meter was changed, all of it is the first one's."""
        if not any(part.get("removed") for part in energy):
            return bought
        nothing = {"register": "VC", "previous": "7", "current": "7"}
        return [*(part | {"removed": True} for part in bought), nothing]

    @property
    def three(self) -> bool:
        return any(part["register"] == "BT" for part in self.parts)

    @property
    def swapped(self) -> bool:
        return any(part.get("removed") for part in self.parts)

    @property
    def model(self) -> str:
        """Of five digits, or three-phase: behind transformers, or with registers beyond the total."""
        beyond = self.three or "kvarh" in self.request or Decimal(self.request.get("multiplier", 1)) != 1
        if beyond or self.request.get("buys_reactive"):
            return "dk-3p-ct"
        return "dk-1p-5" if self.digits == 5 and not self.swapped else "dk-1p"

    @property
    def digits(self) -> int | None:
        return next((part["digits"] for part in self.parts if "digits" in part), None)

    @property
    def changed(self) -> datetime:
        return self.period.start + timedelta(days=13, hours=9)

    def point(self) -> Point:
        request = self.request
        people = request.get("tenants")
        supply = Supply(
            LONG_AGO.date(),
            request["plan"],
            households=Decimal(request.get("households", 1)),
            voltage_kv=Decimal(request.get("voltage_kv", "0.4")),
            one_rate=request.get("one_rate", not self.three),
            tenants=None if people == UNDECLARED else people,
            undeclared=people == UNDECLARED,
            three_rate_refused=request.get("three_rate_refused", False),
            buys_reactive=request.get("buys_reactive"),
        )
        multiplier = Multiplier(LONG_AGO, Decimal(request.get("multiplier", 1)))
        customer = f"KH-{self.code}"
        return Point(
            self.code, Role.CUSTOMER, "T1", customer=customer, multipliers=(multiplier,), supplies=(supply,)
        )

    def installations(self) -> list[Installation]:
        if not self.swapped:
            return [Installation(self.code, f"M-{self.code}", LONG_AGO)]
        down, up = ({}, {})
        for part in self.parts:
            taken, key = (down, "current") if part.get("removed") else (up, "previous")
            taken[part["register"]] = round(Decimal(part[key]) * 1000)
        begun = self.changed + timedelta(minutes=20)
        return [
            Installation(self.code, f"M-{self.code}", LONG_AGO, self.changed, last_index=down),
            Installation(self.code, f"N-{self.code}", begun, first_index=up),
        ]

    def reads(self) -> Iterator[Read]:
        scaler = 1 if self.model == "dk-1p-5" else 0
        for part in self.parts:
            serial = f"{'M' if part.get('removed') or not self.swapped else 'N'}-{self.code}"
            for at, key in ((self.period.start, "previous"), (self.period.end, "current")):
                hung = (at == self.period.start) == serial.startswith("M") or not self.swapped
                if hung:
                    yield _read(serial, at, Decimal(part[key]), part["register"], scaler)
        for register, used in (self.request.get("readings_at_change") or {}).items():
            [part] = [part for part in self.parts if part["register"] == register]
            multiplier = Decimal(self.request.get("multiplier", 1))
            shown = Decimal(part["previous"]) + Decimal(used) / multiplier
            yield _read(f"M-{self.code}", midnight(self._change()), shown, register, scaler)

    def _change(self) -> date:
        """The day within the period from which another decision holds."""
        first, end = (date.fromisoformat(self.request[key]) for key in ("from", "to"))
        [day] = [day for day in CHANGES if first < day < end]
        return day

    def said(self) -> PeriodFacts | None:
        """What staff has to say of the period."""
        request = self.request
        bulk = request.get("households_with_use")
        if bulk is None and "reason" not in request:
            return None
        first, end = (date.fromisoformat(request[key]) for key in ("from", "to"))
        retail = None if bulk is None else request.get("retail_other_kwh", 0)
        return PeriodFacts(self.code, first, end, request.get("reason", ""), bulk, retail)


CHANGES = (date(2023, 5, 4), date(2023, 11, 9), date(2024, 10, 11), date(2025, 5, 10))


def _registers(used: Mapping[str, int], multiplier: Decimal) -> list[dict[str, Any]]:
    return [
        {"register": name, "previous": str(FIRST_KWH), "current": str(FIRST_KWH + kwh / multiplier)}
        for name, kwh in used.items()
    ]


def _read(serial: str, at: datetime, kwh: Decimal, register: str, scaler: int) -> Read:
    key = RegisterKey.from_code(register)
    unit = Unit.VAR_HOUR if register == "VC" else Unit.WATT_HOUR
    raw = int(kwh * 1000) // 10**scaler
    source = ReadingSource.BILLING_PROFILE
    return serial, RegisterRead(key.channel, key.rate, at, raw, scaler, unit, source)


def enter(pool: Pool, database: str, customers: Sequence[Worked]) -> None:
    """Register these customers, a book a period and invoice date, with what meters and staff say of them."""
    importing.import_register(pool, grid_of(customers), lambda raw: raw)
    bring(database, *(each for one in customers for each in one.reads()))
    for facts in (said for one in customers if (said := one.said()) is not None):
        period_words.say(pool, STAFF, facts, NOW)


def _book(one: Worked) -> str:
    return f"{one.request['from']}/{one.request['to']}/{one.invoice_date}"


def grid_of(customers: Sequence[Worked]) -> Register:
    points = tuple(one.point() for one in customers)
    hung = [(one, each) for one in customers for each in one.installations()]
    return Register(
        stations=(Station("T1", "Trạm 1"),),
        books=tuple(ReadingBook(code, f"Sổ {code}") for code in dict.fromkeys(map(_book, customers))),
        customers=tuple(
            Customer(point.customer, f"Bà {one.code}", "", _book(one))
            for one, point in zip(customers, points, strict=True)
        ),
        modems=(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059),),
        meters=tuple(Meter(each.serial, one.model, "M1", digits=one.digits) for one, each in hung),
        points=points,
        installations=tuple(each for _, each in hung),
    )


def run(pool: Pool, customers: Sequence[Worked], now: datetime = NOW) -> dict[str, Bill | Hold]:
    """Close and bill every period, book by book: the bill of each customer, or why it is held."""
    found: dict[str, Bill | Hold] = {}
    books: dict[str, list[Worked]] = defaultdict(list)
    for one in customers:
        books[_book(one)].append(one)
    for book, some in books.items():
        close.run(pool, some[0].period, now)
        report = bill.run(pool, some[0].period, some[0].invoice_date, now, book=book)
        found |= {hold.point: hold for hold in report.held}
    with pool.connection() as conn:
        for one in customers:
            if one.code not in found:
                [row] = [row for row in bills.bills(conn, STAFF, point=one.code) if row.period == one.period]
                sheet = bills.bill(conn, STAFF, row.id)
                assert sheet is not None
                found[one.code] = sheet.bill
    return found
