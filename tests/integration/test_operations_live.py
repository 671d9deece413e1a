"""The office by itself: a worker under a set clock validates, closes, bills, watches, and is asked by nobody.

What falls due by the wall clock is queued here by hand, as its cron would; that it has one is tested too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from procrastinate.exceptions import AlreadyEnqueued

from model.alert import AlertKind
from model.period import LOCAL, Period
from model.readout import RegisterRead
from model.viewer import UserRole, Viewer
from operations import importing, jobs, tasks
from storage import alerts, bill_holds, bills, days
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, bring, grid, read, read_month

STAFF = Viewer("hoa.don", UserRole.BILLING)
NOVEMBER = Period.of_month(2026, 11)
DECEMBER = datetime(2026, 12, 1, 0, 25, tzinfo=LOCAL)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


class Office:
    """A worker at work, whose clock is set by the test."""

    def __init__(self, database: str, pool: Pool, now: datetime) -> None:
        self.database, self.pool = database, pool
        self.now = now

    async def fall_due(self, name: str) -> None:
        """Queued as its cron would; where that just did, it is."""
        async with tasks.office_app(self.database).open_async() as app:
            with suppress(AlreadyEnqueued):
                await app.configure_task(name, queueing_lock=name).defer_async(timestamp=0)

    async def until(self, done: Callable[[], bool]) -> None:
        for _ in range(300):
            if await asyncio.to_thread(done):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("30 s went by and it was not done")

    async def brought(self, *reads: tuple[str, RegisterRead]) -> None:
        await asyncio.to_thread(bring, self.database, *reads, now=self.now)

    def nothing_due(self) -> bool:
        with self.pool.connection() as conn:
            return not days.take_due(conn, 1)

    def bills(self, month: date) -> tuple[int, int]:
        """How many of a month are issued, how many held."""
        with self.pool.connection() as conn:
            return len(bills.bills(conn, STAFF, month=month)), len(bill_holds.holds(conn, STAFF, month=month))

    def silent(self, state: alerts.State) -> set[str]:
        with self.pool.connection() as conn:
            kind = AlertKind.MODEM_SILENT
            return {row.alert.serial for row in alerts.alerts(conn, STAFF, kind=kind, state=state)}

    async def ran(self, *names: str) -> None:
        """Wait until none of these jobs waits or is at work."""

        def idle() -> bool:
            with self.pool.connection() as conn:
                (busy,) = conn.execute(
                    "SELECT count(*) FROM procrastinate_jobs"
                    " WHERE task_name = ANY (%s) AND status IN ('todo', 'doing')",
                    [list(names)],
                ).fetchone() or (0,)
            return bool(busy == 0)

        await self.until(idle)


@pytest.fixture
async def office(request: pytest.FixtureRequest, database: str, pool: Pool) -> AsyncIterator[Office]:
    """The worker's crons go by the wall clock and may fall due at once: the office's own is set before."""
    office, stop = Office(database, pool, getattr(request, "param", NOW)), asyncio.Event()
    working = asyncio.create_task(jobs.run_worker(database, lambda: office.now, stop=stop))
    yield office
    stop.set()
    await asyncio.wait_for(working, 20)


@pytest.mark.long
async def test_a_new_month_is_validated_closed_and_billed(office: Office, database: str) -> None:
    await asyncio.to_thread(read_month, database)
    await office.until(office.nothing_due)  # the worker's own clock sees to it, every ten seconds
    await office.fall_due("close_due")
    await office.until(lambda: office.bills(date(2026, 10, 1)) == (4, 1))

    # The month turns; two of the meters have answered by twenty-five past midnight.
    office.now = DECEMBER
    await office.brought(read("H1", NOVEMBER.end, 1_250_000), read("R5", NOVEMBER.end, 31_000, scaler=1))
    await office.until(office.nothing_due)
    await office.fall_due("close_due")
    await office.until(lambda: office.bills(date(2026, 11, 1)) == (2, 3))
    # A late one is billed as it comes, the others stay as they are.
    office.now += timedelta(hours=9)
    await office.brought(read("NEW", NOVEMBER.end, 161_300))
    await office.fall_due("close_due")
    await office.until(lambda: office.bills(date(2026, 11, 1)) == (3, 2))
    with office.pool.connection() as conn:
        rows = bills.bills(conn, STAFF, month=date(2026, 11, 1))
    assert {row.invoice_date for row in rows} == {date(2026, 12, 1)}
    assert office.bills(date(2026, 10, 1)) == (4, 1)


@pytest.mark.parametrize("office", [datetime(2026, 11, 9, 11, 5, tzinfo=LOCAL)], indirect=True)
async def test_past_the_first_days_once_a_day_is_enough(office: Office, database: str) -> None:
    await asyncio.to_thread(read_month, database)
    await office.fall_due("close_due")
    await office.ran("close_due", "close", "bill")
    assert office.bills(date(2026, 10, 1)) == (0, 0)
    office.now = datetime(2026, 11, 10, 3, 5, tzinfo=LOCAL)
    await office.fall_due("close_due")
    await office.until(lambda: office.bills(date(2026, 10, 1)) == (4, 1))


async def test_a_silent_modem_is_told_and_closed_when_it_speaks(office: Office, database: str) -> None:
    await asyncio.to_thread(read_month, database)
    office.now = NOW + timedelta(days=2)
    await office.fall_due("watch_due")
    await office.until(lambda: "H1" in office.silent("open"))
    await office.brought(read("H1", office.now - timedelta(minutes=1), 1_150_000))
    office.now += timedelta(minutes=2)
    await office.ran("watch_due", "watch")
    await office.fall_due("watch_due")
    # The modem's meters lie in several shards, each looked at in its turn.
    await office.until(lambda: "H1" in office.silent("closed") and not office.silent("open"))


def test_each_has_its_hour(database: str) -> None:
    app = tasks.office_app(database)
    crons = {name: periodic.cron for (name, _), periodic in app.periodic_registry.periodic_tasks.items()}
    assert crons["validate_due"].endswith("*/10"), "seconds"
    assert crons["watch_due"] == "*/2 * * * *"
    assert crons["close_due"] == "5 * * * *"
