"""Corrected bills, and a district drawn at random: counted again from the stored bytes each is the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from model.bill import ClosingIndex
from model.grid import Installation, Meter, Multiplier, Point, Role, Supply
from model.period import LOCAL, Period
from model.series import Rate
from model.viewer import UserRole, Viewer
from operations import bill, close, corrections, importing, proof
from operations.proof import Proof
from storage import bills
from storage.pool import Pool, open_pool
from tests.heard_bytes import EARLY, IMPORT, THREE, hear, snapshot, words
from tests.operations_grid import LONG_AGO, NOW, OCTOBER, SEPTEMBER, grid

LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.BILLING)
LATER = datetime(2026, 11, 20, 9, tzinfo=LOCAL)
CUSTOMERS = 40
KINDS = {"dk-1p": 0, "dk-1p-5": 1, "dk-3p-ct": 0, "dk-mb": 1}  # model → scaler of its registers


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def _proofs(pool: Pool, point: str | None = None) -> list[Proof]:
    with pool.connection() as conn:
        rows = bills.bills(conn, LAN, point=point, limit=1000)
        sheets = [bills.bill(conn, LAN, row.id) for row in sorted(rows, key=lambda row: row.id)]
        return [proof.prove(conn, LAN, sheet) for sheet in sheets if sheet is not None]


def _bill(pool: Pool, period: Period) -> None:
    close.run(pool, period, NOW)
    bill.run(pool, period, date(2026, 11, 2), NOW)


@pytest.mark.parametrize("kind", ["adjusts", "replaces"])
def test_a_corrected_bill_and_its_correction_are_both_proven(database: str, pool: Pool, kind: str) -> None:
    for at, value in ((OCTOBER.start, 1_000_000), (OCTOBER.end, 1_134_600)):
        hear(database, ("H1", NOW, snapshot("dk-1p", at, {Rate.TOTAL: value})))
    _bill(pool, OCTOBER)
    [first] = _proofs(pool, "HOUSE")
    right = ClosingIndex("HOUSE", "H1", IMPORT, Rate.TOTAL, OCTOBER.end, 1_100_400, 0)
    given = {"indices": [right], "invoice_date": date(2026, 11, 20)}
    ordered = corrections.order(pool, LAN, first.sheet.id, kind, "đọc nhầm", LATER, **given)  # type: ignore[arg-type]
    corrections.approve(pool, MINH, ordered.id, LATER)
    original, correcting = _proofs(pool, "HOUSE")
    assert (original.contradictions, original.proven) == ((), True)
    assert original.steps[-1].index.raw == 1_134_600
    assert (correcting.contradictions, correcting.why, correcting.proven) == ((), "", True)
    last = correcting.steps[-1]
    assert last.entry is not None
    assert (last.source, last.index.raw, last.entry.login) == ("correction", 1_100_400, "lan")
    assert last.entry.detail["approved_by"] == "minh"


def _district(draw: random.Random) -> list[tuple[str, str, int, Decimal]]:
    """Serial, model, digits and multiplier of each customer."""
    return [
        (f"R{n:03}", model, draw.choice([5, 6]), Decimal(draw.choice([1, 20, 40]) if "ct" in model else 1))
        for n in range(CUSTOMERS)
        for model in [draw.choice(list(KINDS))]
    ]


def _hang(pool: Pool, district: list[tuple[str, str, int, Decimal]], draw: random.Random) -> None:
    base = grid()
    plans = ["vn-household", "vn-production", "vn-business", "vn-lighting-admin"]
    points, meters, hung, customers = [], [], [], []
    for serial, model, digits, multiplier in district:
        three = model == "dk-3p-ct"
        plan = draw.choice(plans[1:3]) if three else draw.choice(plans)
        supply = Supply(
            LONG_AGO.date(), plan, one_rate=not three, households=Decimal(draw.choice(["1", "1.25", "3"]))
        )
        code = f"P-{serial}"
        customers.append(replace(base.customers[0], code=f"KH-{code}"))
        changed = (Multiplier(LONG_AGO, multiplier),)
        points.append(
            Point(code, Role.CUSTOMER, "T1", customer=f"KH-{code}", multipliers=changed, supplies=(supply,))
        )
        meters.append(Meter(serial, model, "M1", digits=digits))
        hung.append(Installation(code, serial, LONG_AGO))
    more = replace(
        base, customers=tuple(customers), points=tuple(points), meters=tuple(meters),
        installations=tuple(hung),
    )  # fmt: skip
    importing.import_register(pool, more, lambda raw: raw)


def test_a_district_drawn_at_random_comes_out_of_its_bytes_again(database: str, pool: Pool) -> None:
    draw = random.Random(20261101)
    district = _district(draw)
    _hang(pool, district, draw)
    heard = []
    for serial, model, digits, _ in district:
        scaler = KINDS[model]
        span = 10 ** (digits + 3 - scaler)
        rates = THREE if model == "dk-3p-ct" else (Rate.TOTAL,)
        # some begin so high that they go round
        now = {
            rate: draw.choice([draw.randrange(span // 2), span - draw.randrange(1, 90_000)]) for rate in rates
        }
        for at in (SEPTEMBER.start, SEPTEMBER.end, OCTOBER.end):
            if model == "dk-mb":
                heard.append((serial, at + EARLY, words(model, at + EARLY, now[Rate.TOTAL])))
            else:
                heard.append((serial, NOW, snapshot(model, at, now, scaler)))
            used = draw.choice([0, draw.randrange(span // 20), draw.randrange(300_000) // 10**scaler])
            now = {rate: (value + used) % span for rate, value in now.items()}
    hear(database, *heard)
    _bill(pool, SEPTEMBER)
    _bill(pool, OCTOBER)
    proofs = _proofs(pool)
    assert len(proofs) > CUSTOMERS  # the ±30 % rule holds some of the second month
    for one in proofs:
        assert (one.why, one.contradictions) == ("", ()), one.sheet.bill.point
        assert one.proven
        assert one.recomputed == one.sheet.bill
    assert any(use.carried_wh for one in proofs for use in one.sheet.bill.uses)
    assert any("Q" in use.status for one in proofs for use in one.sheet.bill.uses)
