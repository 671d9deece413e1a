"""Bills counted set by set are those counted one by one, over random customers, plain and odd."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from model.bill import Bill, ClosingIndex
from model.grid import Customer, Installation, Meter, Multiplier, Point, Register, Role, Supply
from model.period import midnight
from model.series import Channel, Rate
from model.viewer import UserRole, Viewer
from operations import bill
from operations.runs import counting, setwise, stages
from operations.runs.setwise import Law, Plain
from storage import billing_runs, bills, closing, days, determinants
from storage.determinants import Columns
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.pool import Pool, open_pool
from tests.operations_grid import LONG_AGO, NOW, OCTOBER, SEPTEMBER, grid

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
INVOICE = date(2026, 11, 2)
MANY = 240
THREE = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
PLANS = ["vn-household"] * 6 + [
    "vn-business",
    "vn-production",
    "vn-lighting-admin",
    "vn-wholesale-htx",
    "vn-nothing",
]


@dataclass(slots=True)
class Drawn:
    """A customer: what is entered of the grid, and the indices that were closed."""

    point: Point
    meters: list[Meter]
    installations: list[Installation]
    indices: list[ClosingIndex] = field(default_factory=list)


def _draw(n: int, dice: random.Random) -> Drawn:
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
        multipliers.append(Multiplier(midnight(date(2026, 10, 9)), Decimal(60)))
    if dice.random() < 0.05:
        supplies.append(Supply(date(2026, 10, 12), "vn-business", one_rate=not three))
    meters = [Meter(f"M{n:04}", model, "M1")]
    swapped = midnight(date(2026, 10, 20)) if dice.random() < 0.05 else None
    since = midnight(date(2026, 10, 5)) if dice.random() < 0.04 else LONG_AGO
    installations = [Installation(code, meters[0].serial, since, swapped)]
    if swapped is not None:
        meters.append(Meter(f"N{n:04}", model, "M1"))
        installations.append(Installation(code, meters[1].serial, swapped))
    drawn = Drawn(
        Point(code, Role.CUSTOMER, "T1", customer=f"KH-{code}", multipliers=tuple(multipliers),
              supplies=tuple(supplies)),
        meters, installations,
    )  # fmt: skip
    _close(drawn, THREE if three else (Rate.TOTAL,), 1 if model == "dk-1p-5" else 0, dice)
    return drawn


def _close(drawn: Drawn, rates: tuple[Rate, ...], scaler: int, dice: random.Random) -> None:
    """Indices of September's beginning, October's and November's; now and then one is odd or missing."""
    for rate in rates:
        at = dice.randrange(0, 5_000_000)
        for instant in (SEPTEMBER.start, OCTOBER.start, OCTOBER.end):
            if dice.random() < 0.01:
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
def pool(database: str) -> Iterator[Pool]:
    dice = random.Random(20261122)
    customers = [_draw(n, dice) for n in range(MANY)]
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
            _half_hours(conn, customers[:60], ids, dice)
        yield pool


def _half_hours(conn: object, customers: list[Drawn], ids: dict[str, int], dice: random.Random) -> None:
    """Of some customers all half-hours of October: as the registers say, or something else."""
    for one in customers:
        sign = {OCTOBER.start: -1, OCTOBER.end: 1}
        used = sum(sign.get(index.at, 0) * index.raw * 10**index.scaler for index in one.indices)
        told = used * int(one.point.multipliers[0].value)
        wh = max(0, told) // (31 * 48) if dice.random() < 0.5 else 97
        quality = np.ones((31, 48), np.uint8)
        quality[3, 4] = dice.choice([1, 1, 1, 2])
        rows = days.DayRows(
            meter_id=np.full(31, ids[one.meters[0].serial], np.int32),
            channel=np.ones(31, np.int16),
            day=np.arange("2026-10-01", "2026-11-01", dtype="datetime64[D]"),
            energy=np.full((31, 48), wh, np.int32),
            quality=quality,
        )
        days.save_days(conn, rows, NOW)  # type: ignore[arg-type]


def _draft(pool: Pool) -> int:
    run = stages.begin(pool, LAN, OCTOBER, INVOICE, None, NOW)
    stages.open_draft(pool, run.id, "lan", NOW)
    stages.draft_shard(pool, run.id, (0, 1), NOW)
    stages.finish_draft(pool, run.id, NOW)
    return run.id


def _items(pool: Pool, number: int) -> dict[str, billing_runs.Item]:
    with pool.connection() as conn:
        return {item.point: item for item in billing_runs.items(conn, number)}


def _issued(pool: Pool) -> dict[str, Bill]:
    with pool.connection() as conn:
        rows = [row for row in bills.bills(conn, LAN, limit=10_000) if row.period.end == OCTOBER.end]
        sheets = [bills.bill(conn, LAN, row.id) for row in rows]
    return {sheet.bill.point: sheet.bill for sheet in sheets if sheet is not None}


def _one_by_one(pool: Pool, points: list[str]) -> dict[str, Bill]:
    with pool.connection() as conn:
        found = {one.point: one.made for one in counting.count(conn, points, OCTOBER, INVOICE)}
    return {point: made for point, made in found.items() if isinstance(made, Bill)}


def test_sets_and_objects_come_to_the_same(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    by_sets = setwise.rate

    def counted(columns: Columns, of: Law) -> tuple[list[Plain], list[str]]:
        groups, odd = by_sets(columns, of)
        seen.update(plain=sum(len(group.row) for group in groups), odd=len(odd))
        return groups, odd

    # September first: its bills leave fractions of a kWh over.
    with monkeypatch.context() as patch:
        patch.setattr(setwise, "law", lambda *_: None)
        bill.run(pool, SEPTEMBER, date(2026, 10, 2), NOW)
        number = _draft(pool)
        by_objects = _items(pool, number)
        with pool.connection() as conn:
            holds = bills.holds(conn, LAN)
    with monkeypatch.context() as patch:
        patch.setattr("operations.runs.portions.setwise.rate", counted)
        patch.setattr(determinants, "FETCHED", 37)
        with pool.connection() as conn:
            conn.execute("DELETE FROM billing_run WHERE id = %s", [number])
        number = _draft(pool)
    assert _items(pool, number) == by_objects
    assert seen["plain"] > MANY / 3
    assert seen["odd"] > MANY / 20
    with pool.connection() as conn:
        assert [row.hold for row in bills.holds(conn, LAN)] == [row.hold for row in holds]
    outcomes = Counter(item.outcome for item in by_objects.values())
    assert outcomes["held"] > 10
    assert any(item.confirmed for item in by_objects.values())
    assert any(item.kind == "sum_mismatch" for item in by_objects.values())


def test_what_is_issued_by_sets_is_what_objects_say(pool: Pool) -> None:
    bill.run(pool, SEPTEMBER, date(2026, 10, 2), NOW)
    number = _draft(pool)
    wanted = _one_by_one(
        pool, [point for point, item in _items(pool, number).items() if item.outcome == "bill"]
    )
    with pool.connection() as conn:
        billing_runs.check(conn, number, "lan", NOW)
    stages.approve(pool, MINH, number, NOW)
    stages.ready_to_issue(pool, number)
    stages.issue_shard(pool, number, (0, 1), NOW)
    stages.finish_issue(pool, number, "lan", NOW)
    issued = _issued(pool)
    assert len(issued) > MANY / 3
    assert issued == wanted
    assert {str(use.previous) for b in issued.values() for use in b.uses} == {
        str(use.previous) for b in wanted.values() for use in b.uses
    }
    assert any(use.carried_wh for b in issued.values() for use in b.uses)
    assert timedelta(0) <= NOW - OCTOBER.end
