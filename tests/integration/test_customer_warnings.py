"""Warnings in the store: told once, to whom they belong, whatever the intervals of the meters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import Bill
from model.clock import frozen
from model.grid import Customer
from model.period import Period, midnight
from model.quality import Quality
from model.series import Channel
from model.viewer import UserRole, Viewer
from model.warning import LimitSpan, LimitUnit, WarningKind
from operations import customer_warnings, jobs
from operations.warning_homes import homes
from storage import bills, days, fleet, usage_limits, use_warnings, warnings_due
from storage.grid import save_register
from storage.pool import connect, open_pool
from tests.storage_samples import bill_of_august, grid

HUNG = date(2026, 8, 1)
TODAY = date(2026, 11, 9)  # a Monday
NOW = midnight(TODAY) + timedelta(hours=9)
STAFF, MINE = Viewer("ky.thuat", UserRole.ENGINEER), Viewer("khach", UserRole.CUSTOMER, "C001")
HOMES = 9


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(HOMES), bytes)
        yield connection


def save(
    conn: Connection[TupleRow], serial: str, wh: np.ndarray, *, interval_s: int = 1800,
    quality: np.ndarray | None = None, last: date = TODAY - timedelta(1),
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> None:  # fmt: skip
    """The days up to `last`, each of so many Wh, spread evenly."""
    slots = 86_400 // interval_s
    meter = fleet.meter_ids(conn)[serial]
    n = len(wh)
    good = np.full((n, slots), Quality.ACTUAL, np.uint8) if quality is None else quality
    at = np.array([last - timedelta(n - 1 - day) for day in range(n)], "datetime64[D]")
    energy = np.where(good == Quality.MISSING, 0, np.repeat(wh[:, None] / slots, slots, 1).round())
    rows = days.DayRows(
        np.full(n, meter, np.int32), np.full(n, channel, np.int16), at, energy.astype(np.int32), good,
        interval_s,
    )  # fmt: skip
    days.save_days(conn, rows, NOW)


def village(conn: Connection[TupleRow], rise: float = 1.0) -> None:
    """Nine weeks of nine homes on meters of 15, 30 and 60 minutes; M001 leaps yesterday, others `rise`."""
    for number in range(1, HOMES + 1):
        wh = np.random.default_rng(number).normal(9_600, 900, 63).round()
        wh[-1] = 28_800 if number == 1 else 9_600 * rise
        save(conn, f"M{number:03}", wh, interval_s=(1800, 900, 3600)[number % 3])


def told(conn: Connection[TupleRow], *serials: str) -> list[tuple[WarningKind, date]]:
    ids = fleet.meter_ids(conn)
    found, later = customer_warnings.look(conn, [ids[one] for one in serials], NOW)
    assert not later
    return [(one.warning.kind, one.warning.first) for one in found]


def test_a_leap_is_told_once_and_to_its_customer_alone(database: str, conn: Connection[TupleRow]) -> None:
    village(conn)
    ids = fleet.meter_ids(conn)
    marked = [(ids[f"M{n:03}"], TODAY - timedelta(back)) for n in range(HOMES + 1) for back in (1, 2)]
    assert warnings_due.mark(conn, marked, NOW) == HOMES  # the head meter has no customer
    assert warnings_due.mark(conn, [(ids["M001"], TODAY - timedelta(9))], NOW) == 0
    conn.commit()
    report = jobs.run_now(database, "warnings", clock=frozen(NOW))
    assert report.told == 1
    rows = use_warnings.told(conn, MINE)
    assert [row.warning.kind for row in rows] == [WarningKind.LEAP_DAY]  # its night is a part of it
    assert {(row.serial, row.point, row.read_at) for row in rows} == {("M001", "P001", None)}
    assert all(row.warning.evidence["homes"] == HOMES - 1 for row in rows)
    assert warnings_due.take(conn, 9, NOW) == []
    warnings_due.mark(conn, marked, NOW)
    conn.commit()
    assert jobs.run_now(database, "warnings", clock=frozen(NOW)).told == 0
    for nobody in (replace(MINE, customer="C002"), replace(MINE, customer="")):
        assert use_warnings.told(conn, nobody) == []
        assert not use_warnings.mark_read(conn, nobody, rows[0].id, NOW)
    assert not use_warnings.mark_read(conn, STAFF, rows[0].id, NOW)
    assert use_warnings.mark_read(conn, MINE, rows[0].id, NOW)
    assert use_warnings.mark_read(conn, MINE, rows[0].id, NOW + timedelta(1))
    assert [row.read_at for row in use_warnings.told(conn, STAFF, customer="C001")].count(NOW) == 1
    assert use_warnings.told(conn, MINE, unread=True) == []
    bills.save(conn, billed("P001", "C001", date(2026, 8, 1), date(2026, 11, 1), 900), NOW)
    # Another customer moves in: what the tenant before was told, and how they lived, is none of theirs.
    save_register(conn, moved_in(), bytes)
    assert use_warnings.told(conn, replace(MINE, customer="C100")) == []
    assert use_warnings.told(conn, MINE) == []
    assert len(use_warnings.told(conn, STAFF, serial="M001")) == 1
    known = homes(conn, [ids["M001"]], NOW)
    (row,) = known.asked
    assert np.isnan(known.use(row).wh).tolist() == [day < 55 for day in range(63)] + [True]
    assert told(conn, "M001") == []


def billed(point: str, customer: str, first: date, end: date, kwh: int) -> Bill:
    period = Period.of_days(first, end)
    return replace(bill_of_august(kwh, 2_000 * kwh), point=point, customer=customer, period=period)


def test_a_period_above_the_last_bill_is_foretold_in_money_too(conn: Connection[TupleRow]) -> None:
    village(conn)
    bills.save(conn, billed("P004", "C004", date(2026, 9, 27), date(2026, 10, 27), 120), NOW)
    bills.save(conn, billed("P005", "C005", date(2026, 9, 27), date(2026, 10, 27), 270), NOW)
    bills.save(
        conn, billed("P006", "C001", date(2026, 9, 27), date(2026, 10, 27), 120), NOW
    )  # who lives elsewhere
    ids = fleet.meter_ids(conn)
    found, _ = customer_warnings.look(conn, [ids[f"M00{n}"] for n in (4, 5, 6)], NOW)
    assert [(one.customer, one.warning.kind, one.warning.first) for one in found] == [
        ("C004", WarningKind.ABOVE_LAST_BILL, date(2026, 10, 27))
    ]
    evidence = found[0].warning.evidence
    assert (evidence["last_kwh"], evidence["last_dong"], evidence["until"]) == (120, 240_000, "2026-11-26")
    assert evidence["forecast_kwh"] == pytest.approx(9.6 * 31, rel=0.1)
    assert evidence["forecast_dong"] == pytest.approx(700_000, rel=0.25)


def moved_in():  # type: ignore[no-untyped-def]
    whole = grid(HOMES)
    points = tuple(replace(one, customer="C100") if one.code == "P001" else one for one in whole.points)
    return replace(
        whole, points=points, customers=(*whole.customers, Customer("C100", "Người mới", "", "S1"))
    )


def test_a_hot_day_is_said_so_and_the_homes_that_come_late_are_waited_for(conn: Connection[TupleRow]) -> None:
    village(conn, rise=2.9)
    assert told(conn, "M001") == [(WarningKind.WITH_EVERYBODY, TODAY - timedelta(1))]
    conn.execute("DELETE FROM profile_day d USING meter m WHERE m.id = d.meter_id AND m.serial > 'M002'"
                 " AND d.day = %s", [TODAY - timedelta(1)])  # fmt: skip
    meter = fleet.meter_ids(conn)["M001"]
    assert customer_warnings.look(conn, [meter], NOW) == ([], {meter})
    warnings_due.mark(conn, [(meter, TODAY - timedelta(1))], NOW)
    due = warnings_due.take(conn, 9, NOW)
    warnings_due.put_off(conn, due, NOW + timedelta(hours=1))
    assert warnings_due.take(conn, 9, NOW) == []
    assert warnings_due.take(conn, 9, NOW + timedelta(hours=1)) == due


def test_what_is_estimated_fed_in_or_new_warns_nobody(conn: Connection[TupleRow]) -> None:
    village(conn)
    wh = np.full(63, 9_600.0)
    wh[-1] = 30_000
    guessed = np.full((63, 48), Quality.ACTUAL, np.uint8)
    guessed[-1, 7] = Quality.LIKE_DAY
    save(conn, "M003", wh, quality=guessed)
    save(conn, "M006", wh[-3:])
    conn.execute("DELETE FROM profile_day d USING meter m WHERE m.id = d.meter_id AND m.serial = 'M006'"
                 " AND d.day < %s", [TODAY - timedelta(3)])  # fmt: skip
    save(conn, "M009", wh)
    save(conn, "M009", np.full(5, 4_800.0), channel=Channel.ACTIVE_EXPORT)
    conn.execute("DELETE FROM profile_day d USING meter m WHERE m.id = d.meter_id AND m.serial = 'M004'")
    save(conn, "M005", np.zeros(63), interval_s=900)
    save(conn, "M007", np.full(63, -4_800.0))  # one that is out of its mind keeps nobody from being looked at
    assert told(conn, "M003", "M004", "M005", "M006", "M007", "M009", "M000") == []
    assert told(conn) == []


def test_own_limits_by_the_day_so_far_and_the_period(database: str, conn: Connection[TupleRow]) -> None:
    village(conn)
    today = np.full((1, 48), Quality.MISSING, np.uint8)
    today[0, :18] = Quality.ACTUAL
    save(conn, "M002", np.full(1, 48_000.0), quality=today, last=TODAY)
    meter, other = (fleet.meter_ids(conn)[one] for one in ("M002", "M004"))
    assert warnings_due.mark(conn, [(meter, TODAY), (other, TODAY)], NOW) == 0  # nobody set a limit
    hers = Viewer("chi.hai", UserRole.CUSTOMER, "C002")
    assert usage_limits.set_limit(conn, hers, "P002", LimitSpan.DAY, (LimitUnit.KWH, 15_000), NOW)
    assert usage_limits.set_limit(conn, hers, "P002", LimitSpan.MONTH, (LimitUnit.DONG, 250_000), NOW)
    assert not usage_limits.set_limit(conn, hers, "P001", LimitSpan.DAY, (LimitUnit.KWH, 1), NOW)
    assert not usage_limits.set_limit(conn, STAFF, "P000", LimitSpan.DAY, (LimitUnit.KWH, 1), NOW)
    assert [one for one, _ in warnings_due.take(conn, 9, NOW)] == [meter]
    assert warnings_due.mark(conn, [(meter, TODAY), (other, TODAY)], NOW) == 1
    assert told(conn, "M002") == [
        (WarningKind.DAY_LIMIT, TODAY),
        (WarningKind.MONTH_LIMIT_NEAR, date(2026, 11, 1)),
    ]
    conn.commit()
    with open_pool(database) as pool:
        assert customer_warnings.run(pool, NOW).told == 2
        warnings_due.mark(conn, [(meter, TODAY)], NOW)
        conn.commit()
        assert customer_warnings.run(pool, NOW).told == 0
        # A limit set anew is another one: what passes it is told again.
        usage_limits.set_limit(conn, hers, "P002", LimitSpan.MONTH, (LimitUnit.DONG, 100_000), NOW)
        usage_limits.set_limit(conn, hers, "P002", LimitSpan.DAY, None, NOW)
        usage_limits.set_limit(conn, hers, "P002", LimitSpan.DAY, None, NOW)
        conn.commit()
        assert customer_warnings.run(pool, NOW).told == 1
    assert use_warnings.told(conn, hers)[0].warning.kind is WarningKind.MONTH_LIMIT
    assert [entry.value for entry in usage_limits.history(conn, hers, "P002")] == [
        None,
        100_000,
        250_000,
        15_000,
    ]
    assert usage_limits.current(conn, hers, ["P002"])["P002"][0].value == 100_000
    assert usage_limits.current(conn, MINE, ["P002"]) == {}
