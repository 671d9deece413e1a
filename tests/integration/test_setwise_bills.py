"""Bills counted set by set are those counted one by one, over random customers, plain and odd, in a month
with one price and in one in which it changed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from model.bill import Bill, ClosingIndex
from model.grid import Customer, Installation, Meter, Multiplier, Point, Register, Role, Supply
from model.period import LOCAL, Period, midnight
from model.series import Channel, Rate
from model.viewer import UserRole, Viewer
from operations import bill
from operations.runs import counting, setwise, stages
from operations.runs.setwise import Law, Plain
from storage import bill_holds, billing_runs, bills, closing, days, determinants
from storage.determinants import Columns
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.pool import Pool, open_pool
from tests.billing_run_steps import items_of
from tests.operations_grid import LONG_AGO, NOW, OCTOBER, SEPTEMBER, grid

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
MANY = 240
THREE = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
PLANS = ["vn-household"] * 6 + [
    "vn-business",
    "vn-production",
    "vn-lighting-admin",
    "vn-wholesale-htx",
    "vn-nothing",
]


@dataclass(frozen=True, slots=True)
class Months:
    """The month that is billed, and the one before it."""

    before: Period
    month: Period
    change: datetime | None = None  # of the price

    @property
    def invoice(self) -> date:
        return self.month.end.date() + timedelta(days=1)

    def on(self, day: int) -> date:
        return self.month.start.date().replace(day=day)

    def closings(self) -> list[datetime]:
        """When indices are closed."""
        return sorted(
            {self.before.start, self.month.start, self.month.end, *([self.change] if self.change else [])}
        )


ONE_PRICE = Months(SEPTEMBER, OCTOBER)
TWO_PRICES = Months(
    Period.of_month(2025, 4), Period.of_month(2025, 5), datetime(2025, 5, 10, tzinfo=LOCAL)
)  # QĐ 1279/QĐ-BCT


@pytest.fixture(params=[ONE_PRICE, TWO_PRICES], ids=["one price", "two prices"])
def months(request: pytest.FixtureRequest) -> Months:
    found = request.param
    assert isinstance(found, Months)
    return found


@dataclass(slots=True)
class Drawn:
    """A customer: what is entered of the grid, and the indices that were closed."""

    point: Point
    meters: list[Meter]
    installations: list[Installation]
    indices: list[ClosingIndex] = field(default_factory=list)


def _draw(n: int, months: Months, dice: random.Random) -> Drawn:
    code = f"P{n:04}"
    plan = dice.choice(PLANS)
    three = plan != "vn-household" and dice.random() < 0.6
    model = "dk-3p-ct" if three or dice.random() < 0.2 else dice.choice(["dk-1p", "dk-1p-5"])
    secondary = model == "dk-3p-ct"
    multipliers = [Multiplier(LONG_AGO, Decimal(dice.choice([1, 1, 40, 120]) if secondary else 1))]
    supplies = [
        Supply(
            LONG_AGO.date(),
            plan,
            Decimal(dice.choice(["1", "1", "1", "2", "0.5", "3.25"])),
            Decimal(dice.choice(["0.4", "6", "22", "110"])),
            one_rate=not three,
        )
    ]
    if dice.random() < 0.05:
        multipliers.append(Multiplier(midnight(months.on(9)), Decimal(60)))
    if dice.random() < 0.05:
        supplies.append(Supply(months.on(12), "vn-business", one_rate=not three))
    meters = [Meter(f"M{n:04}", model, "M1")]
    swapped = midnight(months.on(20)) if dice.random() < 0.05 else None
    since = midnight(months.on(5)) if dice.random() < 0.04 else LONG_AGO
    installations = [Installation(code, meters[0].serial, since, swapped)]
    if swapped is not None:
        meters.append(Meter(f"N{n:04}", model, "M1"))
        installations.append(Installation(code, meters[1].serial, swapped))
    drawn = Drawn(
        Point(code, Role.CUSTOMER, "T1", customer=f"KH-{code}", multipliers=tuple(multipliers),
              supplies=tuple(supplies)),
        meters, installations,
    )  # fmt: skip
    _close(drawn, THREE if three else (Rate.TOTAL,), 1 if model == "dk-1p-5" else 0, months, dice)
    return drawn


def _close(drawn: Drawn, rates: tuple[Rate, ...], scaler: int, months: Months, dice: random.Random) -> None:
    """Indices of both months' ends, and of the change of price where the meter is read from afar; now and
    then one is odd or missing."""
    household = drawn.point.supplies[0].plan == "vn-household"
    afar = dice.random() < (0.5 if household else 0.9)
    for rate in rates:
        at = dice.randrange(0, 5_000_000)
        for instant in months.closings():
            if dice.random() < 0.01 or (instant == months.change and not afar):
                continue
            status = "X" if dice.random() < 0.02 else ""
            method = dice.choice(["billing_profile"] * 20 + ["between", "interpolated"])
            key = (drawn.point.code, drawn.meters[0].serial, Channel.ACTIVE_IMPORT, rate)
            drawn.indices.append(ClosingIndex(*key, instant, at, scaler, status, method))
            used = int(dice.gammavariate(1.5, 90_000)) if dice.random() > 0.05 else 0
            at += used // 500 * 500 if dice.random() < 0.6 else used  # half a kWh is where rounding shows
            if dice.random() < 0.03:
                at = max(0, at - 3_000_000)


@pytest.fixture
def pool(database: str, months: Months) -> Iterator[Pool]:
    dice = random.Random(20261122)
    customers = [_draw(n, months, dice) for n in range(MANY)]
    small = grid()
    register = Register(
        stations=small.stations,
        books=small.books,
        modems=small.modems,
        customers=tuple(Customer(c.point.customer, f"Bà {c.point.code}", "", "S1") for c in customers),
        meters=tuple(meter for c in customers for meter in c.meters),
        points=tuple(c.point for c in customers),
        installations=tuple(one for c in customers for one in c.installations),
    )
    with open_pool(database) as pool:
        with pool.connection() as conn:
            save_register(conn, register, bytes)
            closing.save(conn, [index for c in customers for index in c.indices], NOW)
            ids = meter_ids(conn, [c.meters[0].serial for c in customers[:60]])
            _half_hours(conn, customers[:60], ids, months.month, dice)
        yield pool


def _half_hours(
    conn: object, customers: list[Drawn], ids: dict[str, int], month: Period, dice: random.Random
) -> None:
    """Of some customers all half-hours of the month: as the registers say, or something else."""
    for one in customers:
        sign = {month.start: -1, month.end: 1}
        used = sum(sign.get(index.at, 0) * index.raw * 10**index.scaler for index in one.indices)
        told = used * int(one.point.multipliers[0].value)
        wh = max(0, told) // (31 * 48) if dice.random() < 0.5 else 97
        quality = np.ones((31, 48), np.uint8)
        quality[3, 4] = dice.choice([1, 1, 1, 2])
        rows = days.DayRows(
            meter_id=np.full(31, ids[one.meters[0].serial], np.int32),
            channel=np.ones(31, np.int16),
            day=np.array(list(month.days()), "datetime64[D]"),
            energy=np.full((31, 48), wh, np.int32),
            quality=quality,
        )
        days.save_days(conn, rows, NOW)  # type: ignore[arg-type]


def _draft(pool: Pool, months: Months) -> int:
    run = stages.begin(pool, LAN, months.month, months.invoice, None, NOW)
    stages.open_draft(pool, run.id, "lan", NOW)
    stages.draft_shard(pool, run.id, (0, 1), NOW)
    stages.finish_draft(pool, run.id, NOW)
    return run.id


def _issued(pool: Pool, month: Period) -> dict[str, Bill]:
    with pool.connection() as conn:
        rows = [row for row in bills.bills(conn, LAN, limit=10_000) if row.period.end == month.end]
        sheets = [bills.bill(conn, LAN, row.id) for row in rows]
    return {sheet.bill.point: sheet.bill for sheet in sheets if sheet is not None}


def _one_by_one(pool: Pool, months: Months, points: list[str]) -> dict[str, Bill]:
    with pool.connection() as conn:
        found = {one.point: one.made for one in counting.count(conn, points, months.month, months.invoice)}
    return {point: made for point, made in found.items() if isinstance(made, Bill)}


def test_sets_and_objects_come_to_the_same(
    pool: Pool, months: Months, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[str] = Counter()
    by_sets = setwise.rate

    def counted(columns: Columns, of: Law) -> tuple[list[Plain], list[str]]:
        groups, odd = by_sets(columns, of)
        seen.update(plain=sum(len(group.row) for group in groups), odd=len(odd))
        return groups, odd

    # The month before first: its bills leave fractions of a kWh over.
    with monkeypatch.context() as patch:
        patch.setattr(setwise, "law", lambda *_: None)
        bill.run(pool, months.before, months.on(2), NOW)
        number = _draft(pool, months)
        by_objects = items_of(pool, number)
        with pool.connection() as conn:
            holds = bill_holds.holds(conn, LAN)
    with monkeypatch.context() as patch:
        patch.setattr("operations.runs.portions.setwise.rate", counted)
        patch.setattr(determinants, "FETCHED", 37)
        with pool.connection() as conn:
            conn.execute("DELETE FROM billing_run WHERE id = %s", [number])
        number = _draft(pool, months)
    assert items_of(pool, number) == by_objects
    assert seen["plain"] > MANY / 3
    assert seen["odd"] > MANY / 20
    with pool.connection() as conn:
        assert [row.hold for row in bill_holds.holds(conn, LAN)] == [row.hold for row in holds]
    outcomes = Counter(item.outcome for item in by_objects.values())
    assert outcomes["held"] > 10
    assert any(item.confirmed for item in by_objects.values())
    assert any(item.kind == "sum_mismatch" for item in by_objects.values())


def test_what_is_issued_by_sets_is_what_objects_say(pool: Pool, months: Months) -> None:
    bill.run(pool, months.before, months.on(2), NOW)
    number = _draft(pool, months)
    wanted = _one_by_one(
        pool, months, [point for point, item in items_of(pool, number).items() if item.outcome == "bill"]
    )
    with pool.connection() as conn:
        billing_runs.check(conn, number, "lan", NOW)
    stages.approve(pool, MINH, number, NOW)
    stages.ready_to_issue(pool, number)
    stages.issue_shard(pool, number, (0, 1), NOW)
    stages.finish_issue(pool, number, "lan", NOW)
    issued = _issued(pool, months.month)
    assert len(issued) > MANY / 3
    assert issued == wanted
    assert {str(use.previous) for b in issued.values() for use in b.uses} == {
        str(use.previous) for b in wanted.values() for use in b.uses
    }
    assert any(use.carried_wh for b in issued.values() for use in b.uses)
    assert any(b.pmax_kw for b in issued.values())
    decisions = Counter(len(one.decisions) for one in issued.values())
    twice = [one for one in issued.values() if len(one.uses) > len({use.rate for use in one.uses})]
    if months.change is None:
        assert decisions == {1: len(issued)}
        assert not twice
    else:
        assert decisions == {2: len(issued)}
        assert len(issued) / 5 < len(twice) < len(issued)
