"""What is doubted of a meter as it stands: told once while it lasts, and over when it is over."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from model.period import midnight
from model.quality import Severity
from model.series import Rate
from operations import cases, importing, validate
from storage import case_sheet, observed
from storage.cases import CaseState
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.edited_days import DAY, LAN, NOW, people_and_meters, say
from tests.operations_grid import bring, grid, read

Told = dict[str, list[tuple[date, Severity]]]


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


@pytest.fixture
def peopled(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        people_and_meters(pool)
        yield pool


def _validated(pool: Pool, serial: str = "H1") -> Told:
    """What is noticed about the meter once what is due is validated."""
    validate.run(pool, NOW)
    found: Told = {}
    with pool.connection() as conn:
        meter = meter_ids(conn, [serial])[serial]
        listed = observed.findings(conn, [meter], DAY - timedelta(90), DAY + timedelta(90))
    for _, one in listed:
        found.setdefault(one.kind, []).append((one.day, one.severity))
    return found


def _states(pool: Pool) -> dict[str, CaseState]:
    with pool.connection() as conn:
        return {row.cause: row.state for row in case_sheet.rows(conn, LAN)}


def _asked(pool: Pool, at: datetime, offset_s: float) -> None:
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO poll (id, meter_id, modem, started, ended, outcome, clock_offset_s)"
            " SELECT %s, id, 'M1', %s, %s, 'ok', %s FROM meter WHERE serial = 'H1'",
            [uuid.uuid4(), at, at, offset_s],
        )


def test_a_clock_that_is_off_is_one_case_until_it_is_right_again(database: str, peopled: Pool) -> None:
    for day in range(3):
        _asked(peopled, midnight(DAY) + timedelta(days=day, hours=9), 1000 + day)
    say(database, [100] * 48)
    first = _validated(peopled)["clock_drift"]
    assert first == [(DAY + timedelta(2), Severity.AMBER)]
    assert _states(peopled) == {"clock_drift": CaseState.OPEN}
    with peopled.connection() as conn:
        (row,) = case_sheet.rows(conn, LAN)
    cases.accept(peopled, LAN, row.id, reason="sẽ chỉnh", now=NOW)
    _asked(peopled, midnight(DAY) + timedelta(days=3), 1010)
    say(database, [100] * 48, day=DAY + timedelta(1))
    assert _validated(peopled)["clock_drift"] == first, "told as it was noticed, not anew every night"
    assert _states(peopled) == {"clock_drift": CaseState.ACCEPTED}
    say(database, [100] * 47, day=DAY - timedelta(2))  # late data of days before says nothing of today
    assert _validated(peopled)["clock_drift"] == first
    for hour in range(3):
        _asked(peopled, midnight(DAY) + timedelta(days=4, hours=hour), 1)
    say(database, [100] * 48, day=DAY + timedelta(2))
    assert "clock_drift" not in _validated(peopled)
    assert _states(peopled) == {"clock_drift": CaseState.CLOSED}


def test_a_meter_that_was_cut_off_is_not_doubted_for_using_nothing_but_for_using_something(
    database: str, peopled: Pool
) -> None:
    for day in range(6):
        say(database, [0 if day else 100] * 48, day=DAY + timedelta(day))
    assert "zero_use" in _validated(peopled)
    cut = midnight(DAY) + timedelta(hours=30)
    with peopled.connection() as conn:
        conn.execute(
            """
            INSERT INTO remote_order (meter_id, kind, reason, requested_by, requested_at, expires_at, state)
            SELECT id, 'disconnect', 'nợ', 'lan', %(at)s, %(late)s, 'requested'
            FROM meter WHERE serial = 'H1'""",
            {"at": cut, "late": cut + timedelta(hours=1)},
        )
        conn.execute(
            "UPDATE remote_order SET state = 'approved', approved_by = 'minh', approved_at = %s", [cut]
        )
        conn.execute(
            "UPDATE remote_order SET state = 'sent', sent_at = %s, claimed_at = %s, epoch = 1", [cut, cut]
        )
        conn.execute("UPDATE remote_order SET state = 'done', finished_at = %s", [cut])
    say(database, [0] * 48, day=DAY + timedelta(6))
    assert [day for day, _ in _validated(peopled)["zero_use"]] == [DAY + timedelta(5)], (
        "as it was told before"
    )
    say(database, [100] * 48, day=DAY + timedelta(7))
    assert _validated(peopled)["inactive_with_use"] == [(DAY + timedelta(7), Severity.RED)]


def test_registers_that_contradict_each_other_are_red(database: str, pool: Pool) -> None:
    """SHOP: a three-rate meter of 6 digits behind transformers, its registers in Wh."""
    start, end = midnight(DAY), midnight(DAY + timedelta(1))
    rates = (Rate.TOTAL, Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
    bring(database, *(read("CT", start, 1_000, rate=rate) for rate in rates))
    used = dict(zip(rates, (40_000, 20_000, 10_000, 10_000), strict=True))
    bring(database, *(read("CT", end, 1_000 + wh, rate=rate) for rate, wh in used.items()))
    assert {"tou_sum", "dial_count"} & _validated(pool, "CT").keys() == set()
    after = end + timedelta(days=1)
    used[Rate.PEAK] -= 5_000
    bring(database, *(read("CT", after, 1_000 + 2 * wh, rate=rate) for rate, wh in used.items()))
    assert _validated(pool, "CT")["tou_sum"] == [(DAY + timedelta(1), Severity.RED)]
    later = after + timedelta(days=1)
    bring(database, read("H1", start, 1_000), read("H1", later, 10**9 + 5_000))
    assert _validated(pool)["dial_count"] == [(DAY + timedelta(2), Severity.RED)]


def test_what_others_are_heard_on_a_channel_is_missed(database: str, pool: Pool) -> None:
    for day in range(5):
        say(database, [100] * 48, day=DAY + timedelta(day))
    validate.run(pool, NOW)
    with pool.connection() as conn:  # a reactive channel that stopped after two days
        conn.execute(
            """
            INSERT INTO profile_day (meter_id, channel, day, interval_s, scaler, unit, energy, quality,
                computed_at)
            SELECT meter_id, 3, day, interval_s, scaler, 32, energy, quality, computed_at FROM profile_day
            WHERE day < %s""",
            [DAY + timedelta(2)],
        )
    say(database, [100] * 48, day=DAY + timedelta(5))
    assert _validated(pool)["missing_channel"] == [(DAY + timedelta(5), Severity.AMBER)]


def test_weeks_of_nothing_a_new_peak_and_weeks_of_estimates_are_told(database: str, pool: Pool) -> None:
    first = DAY - timedelta(40)
    say(database, [100] * 48 * 30, day=first)
    assert _validated(pool) == {}
    say(database, [100] * 40 + [4000] + [100] * 7, day=first + timedelta(30))
    assert _validated(pool)["peak_change"] == [(first + timedelta(30), Severity.BLUE)]
    say(database, [100] * 48, day=first + timedelta(31))
    assert len(_validated(pool)["peak_change"]) == 1, "on its day alone"
    for day in (32, 40):
        at = midnight(first + timedelta(day))
        bring(database, read("H1", at, 200_000 + 4_800 * day))
    assert _validated(pool)["prolonged_estimation"] == [(first + timedelta(32), Severity.AMBER)]
    say(database, [100] * 48, day=first + timedelta(40))
    assert "prolonged_estimation" not in _validated(pool), "it tells its half-hours again"


def test_a_month_without_any_use_is_told_in_blue(database: str, pool: Pool) -> None:
    first = DAY - timedelta(40)
    say(database, [0] * 48 * 28, day=first)
    assert "active_without_use" not in _validated(pool)
    for day in (28, 29):
        say(database, [0] * 48, day=first + timedelta(day))
    assert _validated(pool)["active_without_use"] == [(first + timedelta(29), Severity.BLUE)]
    assert set(_states(pool)) == {"zero_use"}
    say(database, [50] * 48, day=first + timedelta(30))
    assert "active_without_use" not in _validated(pool)
