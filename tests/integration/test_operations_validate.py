"""From stored blocks to validated days, and again when more arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics.vee.methods import Method
from model.grid import Customer, Installation, Meter, Multiplier, Point, Register, Role, Supply
from model.period import HALF_HOUR, LOCAL, Period, midnight
from model.quality import Quality
from model.series import Channel, Rate
from operations import class_curves as curves
from operations import importing, validate
from operations.runs import counting
from storage import class_curves, days, observed, profiles
from storage.errors import RegisterUnusable
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from storage.register import register
from tests.operations_grid import bring, grid, half_hours, read, say

NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
FIRST = date(2026, 10, 20)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def _days(pool: Pool, serial: str, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    with pool.connection() as conn:
        meter = meter_ids(conn, [serial])[serial]
        end = FIRST + timedelta(days=count)
        found = days.matrix(conn, [meter], Channel.ACTIVE_IMPORT, FIRST, end)
    return found.energy[0], found.quality[0]


def test_what_the_meter_sent_is_actual_and_what_it_did_not_send_is_missing(database: str, pool: Pool) -> None:
    say(database, "H1", half_hours(FIRST, list(range(1, 11))))
    report = validate.run(pool, NOW)
    assert (report.days, report.new, report.changed) == (1, 1, 0)
    energy, quality = _days(pool, "H1")
    assert energy[0, :11].tolist() == [*range(1, 11), 0]
    assert set(quality[0, :10].tolist()) == {Quality.ACTUAL}
    assert set(quality[0, 10:].tolist()) == {Quality.MISSING}
    assert validate.run(pool, NOW) == validate.ValidateReport()


def test_late_blocks_make_their_day_due_and_a_gap_closes(database: str, pool: Pool) -> None:
    say(database, "H1", half_hours(FIRST, [10] * 10), half_hours(FIRST, [10] * 28, first_slot=20))
    validate.run(pool, NOW)
    with pool.connection() as conn:
        meter = meter_ids(conn)["H1"]
        kinds = [f.kind for _, f in observed.findings(conn, [meter], FIRST, FIRST + timedelta(days=1))]
    assert "gap" in kinds
    say(database, "H1", half_hours(FIRST, [10] * 10, first_slot=10))
    assert validate.run(pool, NOW).days == 1
    energy, quality = _days(pool, "H1")
    assert energy.sum() == 480
    assert set(quality[0].tolist()) == {Quality.ACTUAL}
    with pool.connection() as conn:
        assert observed.findings(conn, [meter], FIRST, FIRST + timedelta(days=1)) == []


@pytest.mark.parametrize("minutes", [5, 60])
def test_intervals_of_other_lengths_never_turn_half_hours_into_estimates(
    database: str, pool: Pool, minutes: int
) -> None:
    other, slots = timedelta(minutes=minutes), 1440 // minutes
    stamps = tuple(midnight(FIRST + timedelta(1)) + i * other for i in range(slots))
    block = replace(
        half_hours(FIRST, [7] * slots), interval=other, stamps=stamps, raw=(7,) * slots, status=(0,) * slots
    )
    say(database, "H1", half_hours(FIRST, list(range(48))), block)
    validate.run(pool, NOW)
    energy, quality = _days(pool, "H1", 2)
    assert energy[0].tolist() == list(range(48))
    assert set(quality[0].tolist()) == {Quality.ACTUAL}
    if minutes < 30:
        assert (energy[1].tolist(), set(quality[1].tolist())) == ([42] * 48, {Quality.ACTUAL})


def test_a_gap_of_days_gets_what_the_registers_counted_and_all_of_it_anew_when_part_arrives(
    database: str, pool: Pool
) -> None:
    counted = 3 * 48 * 50
    after = FIRST + timedelta(days=3)
    bring(database, read("H1", midnight(FIRST), 1_000), read("H1", midnight(after), 1_000 + counted))
    say(database, "H1", half_hours(FIRST, [50] * 24))
    validate.run(pool, NOW)
    energy, quality = _days(pool, "H1", 3)
    assert energy.sum() == counted
    assert (quality == Quality.ACTUAL).sum() == 24
    # The second day arrives, with more than was thought: what is estimated before and after it gives way.
    say(database, "H1", half_hours(FIRST + timedelta(days=1), [70] * 48))
    validate.run(pool, NOW)
    energy, quality = _days(pool, "H1", 3)
    assert energy.sum() == counted
    assert energy[1].tolist() == [70] * 48
    assert 0 < energy[0, 24:].sum() < 24 * 50
    assert 0 < energy[2].sum() < 48 * 50


def test_a_multiplier_counts_once_and_from_its_day_on(database: str, pool: Pool) -> None:
    second = FIRST + timedelta(days=1)
    longer = Point(
        "SHOP",
        Role.CUSTOMER,
        "T1",
        customer="KH-SHOP",
        multipliers=(Multiplier(midnight(second), Decimal(60)),),
        supplies=(Supply(date(2025, 1, 1), "vn-business", one_rate=False),),
    )
    importing.import_register(pool, Register(points=(longer,)), lambda raw: raw)
    say(database, "CT", half_hours(FIRST, [2] * 48), half_hours(second, [2] * 48))
    validate.run(pool, NOW)
    energy, _ = _days(pool, "CT", 2)
    assert energy[0].tolist() == [2 * 40] * 48
    assert energy[1].tolist() == [2 * 60] * 48


def test_a_meter_taken_down_in_mid_day_and_hung_elsewhere_keeps_both_halves(
    database: str, pool: Pool
) -> None:
    noon = midnight(FIRST) + 12 * timedelta(hours=1)
    moved = Register(
        installations=(
            Installation("HOUSE", "H1", datetime(2025, 1, 1, tzinfo=LOCAL), noon),
            Installation("BLIND", "MB", datetime(2025, 1, 1, tzinfo=LOCAL), noon),
            Installation("BLIND", "H1", noon + HALF_HOUR),
        )
    )
    importing.import_register(pool, moved, lambda raw: raw)
    say(database, "H1", half_hours(FIRST, [5] * 48))
    validate.run(pool, NOW)
    energy, quality = _days(pool, "H1")
    assert energy[0, :24].tolist() == [5] * 24
    assert energy[0, 25:].tolist() == [5] * 23
    assert quality[0, 24] == Quality.MISSING  # it hung nowhere


def test_timed_reads_of_a_meter_without_memory_make_its_half_hours(database: str, pool: Pool) -> None:
    start = midnight(FIRST)
    bring(database, *(read("MB", start + i * HALF_HOUR, 1_000 + 30 * i, rate=Rate.TOTAL) for i in range(5)))
    validate.run(pool, NOW)
    energy, quality = _days(pool, "MB")
    assert energy[0, :4].tolist() == [30] * 4
    assert set(quality[0, :4].tolist()) == {Quality.ACTUAL}
    assert set(quality[0, 4:].tolist()) == {Quality.MISSING}


def test_shards_part_the_meters(database: str, pool: Pool) -> None:
    for serial in ("H1", "R5", "NEW", "CT"):
        say(database, serial, half_hours(FIRST, [1] * 48))
    done = [validate.run(pool, NOW, shard=(number, 4)).days for number in range(4)]
    assert sum(done) == 4
    assert max(done) < 4


def test_progress_is_told(database: str, pool: Pool) -> None:
    told: list[tuple[int, int, str]] = []
    say(database, "H1", half_hours(FIRST, [1] * 48))
    validate.run(pool, NOW, progress=lambda *step: told.append(step))
    assert told == [(1, 1, "")]


def test_a_check_meter_tells_what_its_meter_did_not(database: str, pool: Pool) -> None:
    hung = datetime(2025, 1, 1, tzinfo=LOCAL)
    with pool.connection() as conn:
        (house,) = [one for one in register(conn).points if one.code == "HOUSE"]
    second = Register(
        meters=(Meter("K1", "dk-1p", "M1"),),
        points=(Point("HOUSE-KT", Role.CHECK, "T1"), replace(house, checked_by="HOUSE-KT")),
        installations=(Installation("HOUSE-KT", "K1", hung),),
    )
    importing.import_register(pool, second, lambda raw: raw)
    importing.import_register(pool, Register(points=(house,)), lambda raw: raw)  # silent about it
    with pool.connection() as conn:
        assert {one.code: one.checked_by for one in register(conn).points}["HOUSE"] == "HOUSE-KT"
    bring(database, read("H1", midnight(FIRST), 0), read("H1", midnight(FIRST + timedelta(1)), 4_800))
    say(database, "H1", half_hours(FIRST, [100] * 10), half_hours(FIRST, [100] * 18, first_slot=30))
    validate.run(pool, NOW)
    _, quality = _days(pool, "H1")
    assert not (quality == Quality.MISSING).any()
    say(database, "K1", half_hours(FIRST, [100] * 10 + [20] * 10 + [181] * 10 + [100] * 18))
    report = validate.run(pool, NOW + timedelta(minutes=1))
    assert (report.days, report.changed) == (2, 1), "its day, and the day that it fills"
    energy, quality = _days(pool, "H1")
    assert energy.sum() == 4_800, "as the register counted"
    assert energy[0, 10:20].tolist() == pytest.approx([20] * 10, abs=1)
    with pool.connection() as conn:
        rows = list(profiles.rows(conn, "H1", Period.of_day(FIRST)))
        issued = counting.never_metered_holds(conn, Period.of_month(2026, 10), None)
    assert {row.method for row in rows[10:30]} == {Method.CHECK_METER}
    assert issued == []
    with pytest.raises(RegisterUnusable, match="Point SHOP is checked by HOUSE, which is no check point"):
        shop = Point("SHOP", Role.CUSTOMER, "T1", customer="KH-SHOP", checked_by="HOUSE")
        importing.import_register(pool, Register(points=(shop,)), lambda raw: raw)


def test_the_curve_of_a_class_shapes_what_nothing_else_tells(database: str, pool: Pool) -> None:
    """Four households are no class; a fifth makes them one, for a meter without a past."""
    names = [f"N{number}" for number in range(6)]
    _hang_households(pool, names)
    by_day = [10] * 24 + [30] * 24
    for name in names[:4]:
        say(database, name, *(half_hours(FIRST + timedelta(day), by_day) for day in range(3)))
    validate.run(pool, NOW)
    assert not curves.run(pool, NOW)
    say(database, names[4], *(half_hours(FIRST + timedelta(day), by_day) for day in range(4)))
    validate.run(pool, NOW)
    assert curves.run(pool, NOW) == curves.CurvesReport(classes=1, meters=5, days=16)
    with pool.connection() as conn:
        (curve,) = class_curves.known(conn).values()
    assert curve.tolist() == [0.5] * 24 + [1.5] * 24
    new = names[5]
    bring(database, read(new, midnight(FIRST), 0), read(new, midnight(FIRST + timedelta(1)), 4_800))
    validate.run(pool, NOW + timedelta(days=1))
    energy, _ = _days(pool, new)
    assert energy[0].tolist() == [50] * 24 + [150] * 24
    with pool.connection() as conn:
        assert {row.method for row in profiles.rows(conn, new, Period.of_day(FIRST))} == {
            Method.CLASS_PROFILE
        }


def _hang_households(pool: Pool, names: list[str]) -> None:
    hung = datetime(2025, 1, 1, tzinfo=LOCAL)
    supplies = (Supply(hung.date(), "vn-household"),)
    importing.import_register(
        pool,
        Register(
            customers=tuple(Customer(f"KH-{name}", f"Bà {name}", "", "S1") for name in names),
            meters=tuple(Meter(name, "dk-1p", "M1") for name in names),
            points=tuple(
                Point(f"P-{name}", Role.CUSTOMER, "T1", customer=f"KH-{name}", supplies=supplies)
                for name in names
            ),
            installations=tuple(Installation(f"P-{name}", name, hung) for name in names),
        ),
        lambda raw: raw,
    )
