"""The index of every register at any instant, by the best way there is, and how it came about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from model.bill import ClosingIndex
from model.period import LOCAL
from model.quality import Quality
from model.series import Channel, Rate, ReadingSource, Unit
from model.viewer import UserRole, Viewer
from operations import bill_print, importing, instant_close
from operations.bill_sheets import printed
from operations.errors import InputError
from operations.runs import stages
from storage import billing_runs, bills, closing, days
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, bring, grid, read, read_month
from tests.storage_samples import SUPPLIER

AT = datetime(2026, 10, 15, tzinfo=LOCAL)
LAN = Viewer("lan", UserRole.BILLING)
HALF_OCTOBER = timedelta(days=14) / timedelta(days=31)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        yield pool


def _at(pool: Pool, point: str, at: datetime = AT) -> list[ClosingIndex]:
    with pool.connection() as conn:
        return closing.at(conn, at, [point])


def _half_hours(
    pool: Pool,
    serial: str,
    wh: int | np.ndarray,
    quality: Quality | np.ndarray = Quality.ACTUAL,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> None:
    """Validated half-hours of the first fourteen days of October; one figure, or those of a day."""
    with pool.connection() as conn:
        rows = days.DayRows(
            meter_id=np.full(14, meter_ids(conn, [serial])[serial], np.int32),
            channel=np.full(14, int(channel), np.int16),
            day=np.arange("2026-10-01", "2026-10-15", dtype="datetime64[D]"),
            energy=np.broadcast_to(wh, (14, 48)).astype(np.int32),
            quality=np.broadcast_to(quality, (14, 48)).astype(np.uint8),
            unit=Unit.WATT_HOUR if channel is Channel.ACTIVE_IMPORT else Unit.VAR_HOUR,
        )
        days.save_days(conn, rows, NOW)


def test_what_was_read_at_the_instant_goes_first(database: str, pool: Pool) -> None:
    bring(database, read("H1", AT, 1_060_000, source=ReadingSource.MANUAL))
    instant_close.run(pool, AT, None, NOW)
    [index] = _at(pool, "HOUSE")
    assert (index.raw, index.method, index.quality) == (1_060_000, "manual", Quality.ACTUAL)


def test_an_earlier_index_and_the_half_hours_since(pool: Pool) -> None:
    _half_hours(pool, "H1", 90)
    instant_close.run(pool, AT, None, NOW)
    [index] = _at(pool, "HOUSE")
    assert (index.raw, index.method, index.quality) == (
        1_000_000 + 90 * 48 * 14,
        "interpolated",
        Quality.ACTUAL,
    )


def test_an_estimated_half_hour_is_told(pool: Pool) -> None:
    _half_hours(pool, "H1", 90, Quality.LIKE_DAY)
    report = instant_close.run(pool, AT, None, NOW)
    assert _at(pool, "HOUSE")[0].quality is Quality.LIKE_DAY
    assert report.methods["interpolated"] == 1


def test_else_evenly_between_two_readings_for_every_register(pool: Pool) -> None:
    report = instant_close.run(pool, AT, None, NOW)
    [house] = _at(pool, "HOUSE")
    assert (house.raw, house.method, house.quality) == (
        1_000_000 + round(134_600 * HALF_OCTOBER),
        "between",
        Quality.LINEAR,
    )
    shop = {index.rate.code: index.raw for index in _at(pool, "SHOP")}
    # Of the peak hours that lie between the readings (Monday to Saturday), and of the other hours likewise.
    normal, peak = 12 * 13 * 2 + 2 * 18 * 2, 12 * 5 * 2
    normal_all, peak_all = 27 * 13 * 2 + 4 * 18 * 2, 27 * 5 * 2
    assert shop == {
        "BT": 100_000 + round(1_013 * normal / normal_all),
        "CD": 100_000 + round(1_013 * 2 * peak / peak_all),
        "TD": 100_000 + round(1_013 * 3 * HALF_OCTOBER),
    }
    assert _at(pool, "ROLL") == []  # its register went round in between: what lies there nobody knows
    assert {told[0] for told in report.closed.missing} == {"ROLL", "BLIND", "SWAP"}


def test_each_register_goes_by_the_half_hours_of_its_own_hours(database: str, pool: Pool) -> None:
    sg, vc = read("CT", OCTOBER.start, 500_000), read("CT", OCTOBER.start, 70_000)
    vc = (vc[0], replace(vc[1], channel=Channel.REACTIVE_IMPORT, unit=Unit.VAR_HOUR))
    bring(database, sg, vc)
    quality = np.full((14, 48), int(Quality.ACTUAL))
    quality[3, 0] = int(Quality.EDITED)  # at night
    quality[3, 1] = int(Quality.UNSCALED)  # which is worse, however the numbers run
    quality[4, 19] = int(Quality.LIKE_DAY)  # 9:30 of a Monday
    day = np.arange(48) * 40
    _half_hours(pool, "CT", day, quality)
    _half_hours(pool, "CT", 4_000, channel=Channel.REACTIVE_IMPORT)
    instant_close.run(pool, AT, None, NOW)
    found = {(i.channel, i.rate.code): i for i in _at(pool, "SHOP")}
    peak = [*range(19, 23), *range(34, 40)]  # 9:30-11:30, 17:00-20:00, twelve of the fourteen days
    off = [*range(8), *range(44, 48)]  # 22:00-4:00
    cd, td = 12 * sum(peak), 14 * sum(off)  # Wh on the meter's side, multiplier 40
    assert {key: (i.raw, i.quality) for key, i in found.items()} == {
        (Channel.ACTIVE_IMPORT, "KT"): (500_000 + 14 * sum(range(48)), Quality.UNSCALED),
        (Channel.ACTIVE_IMPORT, "BT"): (100_000 + 14 * sum(range(48)) - cd - td, Quality.ACTUAL),
        (Channel.ACTIVE_IMPORT, "CD"): (100_000 + cd, Quality.LIKE_DAY),
        (Channel.ACTIVE_IMPORT, "TD"): (100_000 + td, Quality.UNSCALED),
        (Channel.REACTIVE_IMPORT, "KT"): (70_000 + 14 * 48 * 100, Quality.ACTUAL),
    }
    assert {i.method for i in found.values()} == {"interpolated"}


def test_half_hours_across_a_change_of_multiplier_count_for_nothing(pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("INSERT INTO point_multiplier VALUES ('SHOP', '2026-10-09T00:00+07:00', 60)")
    _half_hours(pool, "CT", 4_000)
    instant_close.run(pool, AT, None, NOW)
    assert {index.method for index in _at(pool, "SHOP")} == {"between"}


def test_an_estimate_only_where_it_is_asked_for(database: str, pool: Pool) -> None:
    at = datetime(2026, 11, 2, tzinfo=LOCAL)
    assert _made_at(pool, at, estimate=False) == []
    [index] = _made_at(pool, at, estimate=True)
    assert (index.raw, index.method, index.quality) == (
        1_134_600 + round(134_600 / 31), "estimate", Quality.UNSCALED,
    )  # fmt: skip


def _made_at(pool: Pool, at: datetime, *, estimate: bool) -> list[ClosingIndex]:
    instant_close.run(pool, at, None, NOW, estimate=estimate)
    return _at(pool, "HOUSE", at)


def test_an_index_once_closed_stands_and_a_book_is_closed_alone(database: str, pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("INSERT INTO reading_book (code, name) VALUES ('S2', 'Sổ 2')")
        conn.execute("UPDATE customer SET book = 'S2' WHERE code = 'KH-SHOP'")
    instant_close.run(pool, AT, "S2", NOW)
    assert _at(pool, "HOUSE") == []
    before = _at(pool, "SHOP")
    assert len(before) == 3
    again = instant_close.run(pool, AT, "S2", NOW)
    assert (again.closed.closed, _at(pool, "SHOP")) == (0, before)
    with pytest.raises(InputError, match="no reading book S9"):
        instant_close.run(pool, AT, "S9", NOW)
    with pytest.raises(InputError, match="is still to come"):
        instant_close.run(pool, NOW + timedelta(days=1), None, NOW)


def _checked(pool: Pool, point: str) -> tuple[int, billing_runs.Item]:
    """What a checked run of October says of a point."""
    run = stages.begin(pool, LAN, OCTOBER, date(2026, 11, 2), None, NOW)
    stages.open_draft(pool, run.id, "lan", NOW)
    stages.draft_shard(pool, run.id, (0, 1), NOW)
    stages.finish_draft(pool, run.id, NOW)
    stages.check(pool, LAN, run.id, NOW)
    with pool.connection() as conn:
        [item] = billing_runs.items(conn, run.id, points=[point])
    return run.id, item


def test_a_bill_upon_a_counted_index_waits_and_says_so(pool: Pool) -> None:
    instant_close.run(pool, OCTOBER.start, None, NOW)
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE raw = 1134600")
    bring_later = datetime(2026, 11, 1, 12, tzinfo=LOCAL)
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO register_read (meter_id, channel, rate, at, raw, scaler, unit, status, source, "
            "received_at) SELECT id, 1, 0, %s, 1137000, 0, 30, 0, 'poll', %s FROM meter WHERE serial = 'H1'",
            [bring_later, NOW],
        )
    instant_close.run(pool, OCTOBER.end, None, NOW)
    run, house = _checked(pool, "HOUSE")
    assert (house.outcome, house.kind) == ("held", "counted_index")
    assert "was not read but counted between two readings" in house.reason
    stages.accept(pool, LAN, run, "HOUSE", "nobody at home", NOW)
    stages.check(pool, LAN, run, NOW)
    stages.approve(pool, Viewer("minh", UserRole.BILLING), run, NOW)
    stages.issue_shard(pool, run, (0, 1), NOW)
    with pool.connection() as conn:
        [status] = conn.execute("SELECT status FROM bill_use WHERE serial = 'H1'").fetchall()
        sheets = [bills.bill(conn, LAN, row.id) for row in bills.bills(conn, LAN, point="HOUSE")]
        [sheet] = printed(conn, LAN, [one for one in sheets if one is not None], SUPPLIER)
    assert status == ("~",)
    said = "Đã xem lại trước khi phát hành: có chỉ số được tính, không phải đọc từ công tơ – nobody at home."
    assert said in bill_print.text(sheet)
    assert said in bill_print.html(sheet)


@pytest.mark.parametrize(
    ("quality", "read_later", "held"),
    [(Quality.ACTUAL, False, False), (Quality.LIKE_DAY, False, True), (Quality.LIKE_DAY, True, False)],
)
def test_the_gate_holds_a_bill_that_rests_on_estimates(
    database: str, pool: Pool, quality: Quality, read_later: bool, held: bool
) -> None:
    """The half-hours before a reading carry nothing: what was counted of them is read."""
    if read_later:
        bring(database, read("H1", OCTOBER.start + timedelta(days=20), 1_086_400))
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE raw = 1134600")
        rows = days.DayRows(
            meter_id=np.full(31, meter_ids(conn, ["H1"])["H1"], np.int32),
            channel=np.ones(31, np.int16),
            day=np.arange("2026-10-01", "2026-11-01", dtype="datetime64[D]"),
            energy=np.full((31, 48), 90, np.int32),
            quality=np.ones((31, 48), np.uint8),
        )
        rows.quality[10:14] = int(quality)  # four days of 31
        days.save_days(conn, rows, NOW)
    for at in (OCTOBER.start, OCTOBER.end):
        instant_close.run(pool, at, None, NOW)
    assert _at(pool, "HOUSE", OCTOBER.end)[0].method == "interpolated"
    _, house = _checked(pool, "HOUSE")
    assert (house.outcome, house.kind) == (("held", "gate") if held else ("bill", ""))
    assert not held or "KT: 12.9% estimated, more than 10.0%" in house.reason


@pytest.mark.parametrize(("lost", "held"), [(Rate.TOTAL, False), (Rate.PEAK, True)])
def test_only_registers_that_bill_hold_a_bill(database: str, pool: Pool, lost: Rate, held: bool) -> None:
    """The sum of three rates may be counted; a rate that is billed may not."""
    bring(database, read("CT", OCTOBER.start, 500_000))
    noon = datetime(2026, 11, 1, 12, tzinfo=LOCAL)
    bring(database, read("CT", noon, 506_100 if lost is Rate.TOTAL else 102_100, rate=lost))
    with pool.connection() as conn:
        conn.execute("DELETE FROM register_read WHERE rate = %s AND at = %s", [int(lost), OCTOBER.end])
    for at in (OCTOBER.start, OCTOBER.end):
        instant_close.run(pool, at, None, NOW)
    [index] = [one for one in _at(pool, "SHOP", OCTOBER.end) if one.method == "between"]
    assert index.rate is lost
    _, shop = _checked(pool, "SHOP")
    assert (shop.outcome, shop.kind) == (("held", "counted_index") if held else ("bill", ""))
