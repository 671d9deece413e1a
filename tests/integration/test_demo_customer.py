"""The demo's customer is somebody ordinary, as far as there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from psycopg import AsyncConnection

from ami.demo_customer import ordinary_customer
from model.alert import Alert, AlertKind
from model.period import HALF_HOUR
from model.quality import Severity
from operations import bill, close, importing, validate
from storage import alerts
from storage.evidence import store
from storage.fleet import meter_ids
from storage.pool import Pool, connect, open_pool, session
from tests.operations_grid import NOW, OCTOBER, grid, read_month
from tests.storage_samples import answer, profile, readout


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def chosen(database: str) -> str:
    with connect(database) as conn:
        return ordinary_customer(conn, grid(), OCTOBER)


def odd(pool: Pool, serial: str) -> None:
    with pool.connection() as conn:
        alert = Alert(AlertKind.STUCK_METER, serial, Severity.RED, NOW - timedelta(days=5))
        alerts.raise_alerts(conn, [(meter_ids(conn)[serial], alert)], NOW)


async def whole_month(database: str, serial: str) -> None:
    """Every half-hour of October from a meter, 270 kWh in all, as its register went on by."""
    with connect(database) as conn:
        meter = meter_ids(conn)[serial]
    slots = OCTOBER.duration // HALF_HOUR
    async with await AsyncConnection.connect(database, **session()) as writer:
        evenly = [(slot + 1) * 270_000 // slots - slot * 270_000 // slots for slot in range(slots)]
        said = readout(serial, answer(profile(OCTOBER.start, evenly)), at=NOW)
        await store(writer, [(meter, "M1", NOW, said)])


async def test_a_household_with_a_bill_a_whole_month_and_nothing_odd(database: str, pool: Pool) -> None:
    assert chosen(database) == "KH-HOUSE", "the first of the register, when nobody has a bill"
    await asyncio.to_thread(read_month, database)
    await whole_month(database, "R5")
    validate.run(pool, NOW)
    close.run(pool, OCTOBER, NOW)
    bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)
    assert chosen(database) == "KH-ROLL", "the only one whose half-hours are all there"
    odd(pool, "R5")
    assert chosen(database) == "KH-HOUSE"
    odd(pool, "H1")
    assert chosen(database) == "KH-SWAP"
    odd(pool, "NEW")
    assert chosen(database) == "KH-HOUSE", "all are odd: a bill is better than none"
