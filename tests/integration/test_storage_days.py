"""Validated days: saved by version, read back exactly, seen by those who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from ami import load_document, load_figures
from analytics.profiles.curve import INTERVALS
from analytics.vee.methods import Method, usual
from model.day import Finding
from model.grid import Installation, Register
from model.period import HALF_HOUR, Period, midnight
from model.quality import Quality, Severity
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations.errors import LoadRefused
from operations.loads import Whose, loads
from storage import day_runs, days, fleet, observed, profiles
from storage.errors import StorageError, Unknown
from storage.grid import save_register
from storage.pool import connect
from tests.storage_samples import DAY, HUNG, NOW, grid

STAFF = Viewer("ky.su", UserRole.ENGINEER)
OWNER = Viewer("khach1", UserRole.CUSTOMER, "C001")
_EVERY = "SELECT " + day_runs.COLUMNS + " FROM profile_day WHERE meter_id = %(meter)s ORDER BY day"
STRANGER = Viewer("khach2", UserRole.CUSTOMER, "C002")


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(), bytes)
        yield connection


@pytest.fixture
def meter(conn: Connection[TupleRow]) -> int:
    return fleet.meter_ids(conn)["M001"]


def _rows(
    meter: int, values: np.ndarray, quality: np.ndarray, first: date = DAY, **kinds: int
) -> days.DayRows:
    n = len(values)
    return days.DayRows(
        np.full(n, meter, np.int32),
        np.full(n, Channel.ACTIVE_IMPORT, np.int16),
        np.datetime64(first, "D") + np.arange(n),
        values.astype(np.int32),
        quality.astype(np.uint8),
        **kinds,
    )


def _full(n: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n * 48).reshape(n, 48), np.full((n, 48), Quality.ACTUAL)


def test_days_come_back_as_a_matrix(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full(3)
    assert days.save_days(conn, _rows(meter, values, quality), NOW) == days.SaveCounts(new=3)
    found = days.matrix(conn, [7777, meter], Channel.ACTIVE_IMPORT, DAY - timedelta(1), DAY + timedelta(2))
    assert found.energy.shape == (2, 3, 48)
    assert found.energy.dtype == np.int32
    np.testing.assert_array_equal(found.energy[1, 1:], values[:2])
    np.testing.assert_array_equal(found.quality[1, 1:], quality[:2])
    assert not found.quality[0].any()
    assert not found.quality[1, 0].any()


def test_saving_again_changes_nothing(conn: Connection[TupleRow], meter: int) -> None:
    rows = _rows(meter, *_full(3))
    days.save_days(conn, rows, NOW)
    assert days.save_days(conn, rows, NOW + timedelta(hours=1)) == days.SaveCounts(unchanged=3)
    assert conn.execute("SELECT DISTINCT computed_at FROM profile_day").fetchall() == [(NOW,)]


def test_a_superseded_day_is_kept(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full(2)
    quality[0, 5] = Quality.LINEAR
    days.save_days(conn, _rows(meter, values, quality), NOW)
    better, surer = values.copy(), quality.copy()
    better[0, 5], surer[0, 5] = 99, Quality.ACTUAL
    later = _rows(meter, better, surer)
    assert days.save_days(conn, later, NOW) == days.SaveCounts(changed=1, unchanged=1)
    past = conn.execute("SELECT day, version, energy[6] FROM profile_day_past").fetchall()
    assert past == [(DAY, 1, 5)]
    now = conn.execute("SELECT version, energy[6] FROM profile_day ORDER BY day").fetchall()
    assert now == [(2, 99), (1, 53)]


def test_a_day_that_grows_is_the_same_version(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full()
    quality[0, 20:] = Quality.MISSING
    values[0, 20:] = 0
    days.save_days(conn, _rows(meter, values, quality), NOW)
    assert days.save_days(conn, _rows(meter, *_full()), NOW) == days.SaveCounts(extended=1)
    assert conn.execute("SELECT version FROM profile_day").fetchall() == [(1,)]
    assert conn.execute("SELECT count(*) FROM profile_day_past").fetchall() == [(0,)]


def test_methods_are_kept_where_they_are_not_the_usual_ones(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full(2)
    quality[:, 5] = Quality.LIKE_DAY
    quality[:, 20:28] = list(Quality)
    how = usual(quality)
    how[1, 5] = Method.CHECK_METER
    days.save_days(conn, replace(_rows(meter, values, quality), method=how), NOW)
    kept = conn.execute("SELECT method IS NULL, get_byte(method, 5) FROM profile_day ORDER BY day").fetchall()
    assert kept == [(True, None), (False, Method.CHECK_METER)]
    found = [row.method for row in profiles.rows(conn, "M001") if row.quality is Quality.LIKE_DAY]
    assert found == [Method.LIKE_DAY, Method.LIKE_DAY, Method.CHECK_METER, Method.LIKE_DAY]
    curve = profiles.load_curve(conn, STAFF, "M001", Period.of_days(DAY, DAY + timedelta(2)))
    assert curve is not None
    assert curve.method is not None
    assert curve.method[[4, 5, 53]].tolist() == [Method.NONE, Method.LIKE_DAY, Method.CHECK_METER]
    view = "SELECT array_agg(method ORDER BY at) FROM interval_reading GROUP BY day ORDER BY day"
    assert [row for (row,) in conn.execute(view)] == how.tolist()
    how[0, 5], how[1, 5] = Method.AVERAGE_DAY, Method.LIKE_DAY
    days.save_days(conn, replace(_rows(meter, values, quality), method=how), NOW)
    kept = conn.execute("SELECT version, get_byte(method, 5) FROM profile_day ORDER BY day").fetchall()
    assert kept == [(1, Method.AVERAGE_DAY), (1, None)], "the same figures, made otherwise"


def test_a_day_that_comes_twice_is_refused(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full()
    twice = _rows(meter, np.concatenate([values] * 2), np.concatenate([quality] * 2))
    twice.day[1] = twice.day[0]
    with pytest.raises(StorageError, match="twice"):
        days.save_days(conn, twice, NOW)


def test_quarter_hours_become_half_hours(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = np.full((1, 96), 5), np.full((1, 96), Quality.ACTUAL)
    quality[0, 3], quality[0, 5], quality[0, 6] = Quality.LINEAR, Quality.MISSING, Quality.SUSPECT
    days.save_days(conn, _rows(meter, values, quality, interval_s=900, scaler=-1), NOW)
    days.save_days(
        conn, _rows(meter, values[:, :24], quality[:, :24], DAY + timedelta(1), interval_s=3600), NOW
    )
    found = days.matrix(conn, [meter], Channel.ACTIVE_IMPORT, DAY, DAY + timedelta(2))
    assert found.energy[0, 0, :4].tolist() == [1, 1, 0, 1]
    assert found.quality[0, 0, :5].tolist() == [1, Quality.LINEAR, Quality.MISSING, Quality.SUSPECT, 1]
    assert found.unfit == ((meter, DAY + timedelta(1)),), "named, not dropped"


def test_days_of_many_layouts_come_back_in_pieces(conn: Connection[TupleRow], meter: int) -> None:
    """Slots, interval and scaler change from day to day, as where meters were exchanged; one day is empty."""
    chance = np.random.default_rng(3)
    for number in range(140):
        slots = int(chance.choice([48, 48, 48, 96, 24]))
        values, quality = chance.integers(0, 900, (1, slots)), chance.integers(0, 8, (1, slots))
        layout = {"interval_s": 86_400 // slots, "scaler": int(chance.integers(-1, 2))}
        days.save_days(conn, _rows(meter, values, quality, DAY + timedelta(number), **layout), NOW)
    conn.execute("UPDATE profile_day SET method = quality WHERE extract(day FROM day)::integer % 7 = 3")
    conn.execute(
        "UPDATE profile_day SET energy = '{}', method = NULL, quality = '' WHERE day = %s",
        [DAY + timedelta(9)],
    )
    found = [
        (
            int(piece.meter_id[n]), date.fromordinal(int(piece.day[n])), int(piece.interval_s[n]),
            int(piece.scaler[n]), piece.energy[n].tolist(), piece.quality[n].tobytes(),
            b"" if piece.method is None else piece.method[n].tobytes(),
        )
        for piece in day_runs.read(conn, _EVERY, {"meter": meter})
        for n in range(len(piece))
    ]  # fmt: skip
    assert found == conn.execute(_EVERY, {"meter": meter}).fetchall()
    assert list(day_runs.read(conn, _EVERY, {"meter": meter + 1})) == []
    whole = profiles.load_curve(conn, STAFF, "M001", Period.of_days(DAY, DAY + timedelta(140)))
    assert whole is not None
    assert (np.diff(whole.at.astype(np.int64)) > 0).all()
    assert len(whole.at) == sum(len(row[4]) for row in found)


def test_the_load_of_a_station_and_of_a_meter(conn: Connection[TupleRow], meter: int) -> None:
    """Together at one instant; a station that a third of is known has no Pmax; the head is no customer."""
    first, end = HUNG.date() - timedelta(1), HUNG.date() + timedelta(2)
    values, quality = _full(3)
    values[2, 40] = 5000
    days.save_days(conn, _rows(meter, values, quality, first), NOW)
    alone = loads(conn, Whose(meters=("M001",)), first, end)
    assert (alone.serials, alone.load.pmax_w) == (("M001",), 10_000.0)
    assert alone.load.pmax_at == midnight(first) + timedelta(days=2, hours=20)
    assert alone.load.wh == int(values[1:].sum()), "on the first day it did not hang there"
    document = load_document.document(loads(conn, Whose(meters=("M001",)), first, end, interval="day"), 5)
    assert [point["w"] is None for point in document["profile"]] == [True, False, False]
    assert (document["coincidence_factor"], document["diversity_factor"]) == (1.0, 1.0)
    assert loads(conn, Whose(station="T1"), first, end).load.pmax_w is None
    for other, scale in (("M002", 1), ("M003", 2)):
        ids = fleet.meter_ids(conn, [other])
        days.save_days(conn, _rows(ids[other], scale * _full(3)[0], quality, first), NOW)
    for whose in (
        Whose(station="T1"),
        Whose(feeder="T1-1"),
        Whose(book="S1"),
        Whose(customer_class="household"),
    ):
        found = loads(conn, whose, first, end)
        assert found.serials == ("M001", "M002", "M003")
        assert found.load.pmax_w == 2 * (5000 + 3 * 136)
        assert found.load.sum_of_pmax_w == 2 * (5000 + 3 * 143)
    assert [one["meter"] for one in load_document.document(found, 2)["top"]] == ["M001", "M003"]
    with pytest.raises(LoadRefused, match="No meter of book NOBODY hung anywhere from"):
        loads(conn, Whose(book="NOBODY"), first, end)
    with pytest.raises(LoadRefused, match="No meter NOBODY is registered"):
        loads(conn, Whose(meters=("M001", "NOBODY")), first, end)


def test_quarter_hours_half_hours_and_hours_at_one_station(conn: Connection[TupleRow]) -> None:
    """M001 tells quarters, M002 half-hours, M003 hours and nothing on the second day: each interval is told
    of those who tell it, the others are named."""
    ids, first, end = fleet.meter_ids(conn), DAY, DAY + timedelta(2)
    for serial, slots in (("M001", 96), ("M002", 48), ("M003", 24)):
        values, quality = np.full((2, slots), 9600 // slots), np.full((2, slots), Quality.ACTUAL)
        if serial == "M003":
            quality[1] = Quality.LINEAR
        rows = _rows(ids[serial], values, quality, first, interval_s=86_400 // slots)
        days.save_days(conn, rows, NOW)
    station = Whose(station="T1")
    told = {}
    for interval in INTERVALS:
        found = loads(conn, station, first, end, interval=interval, by="month")
        document = load_document.document(found, 5)
        told[interval] = (
            found.minutes,
            {one["w"] for one in document["profile"]},
            [one["meter"] for one in document["left_out"]],
            [one["meter"] for one in document["profile_left_out"]],
            len(document["profile"]),
        )
        assert json.dumps(document, allow_nan=False)
        assert len(document["by"]) == 1
        load_figures.show(found, 5)
    each, three = 400.0, ["M001", "M002", "M003"]
    assert told == {
        "5": (30, {None}, three[2:], three, 576),
        "15": (30, {each}, three[2:], three[1:], 192),
        "30": (30, {2 * each}, three[2:], three[2:], 96),
        "60": (60, {3 * each}, [], [], 48),
        "day": (60, {3 * each}, [], [], 2),
        "month": (60, {3 * each}, [], [], 1),
    }
    by_day = load_document.document(loads(conn, station, first, end, interval="day"), 5)
    assert [one["estimated"] for one in by_day["profile"]] == [0.0, 0.3333]
    assert [one["wh"] for one in by_day["profile"]] == [28_800] * 2
    hourly = load_document.document(loads(conn, Whose(meters=("M003",)), first, end), 5)
    assert (hourly["minutes"], hourly["pmax"]["w"]) == (60, each), "no half-hours: told by hours"
    assert {one["w"] for one in hourly["profile"]} == {None}, "nor is a half-hour made of an hour"


def test_the_view_has_a_row_for_every_slot(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full()
    quality[0, 1] = Quality.MISSING
    days.save_days(conn, _rows(meter, values, quality, scaler=-1), NOW)
    rows = conn.execute("SELECT meter, at, kwh, quality FROM interval_reading ORDER BY at").fetchall()
    assert len(rows) == 48
    assert rows[:3] == [
        ("M001", midnight(DAY), 0, 1),
        ("M001", midnight(DAY) + HALF_HOUR, None, 0),
        ("M001", midnight(DAY) + 2 * HALF_HOUR, Decimal("0.0002"), 1),
    ]


def test_intervals_are_counted_against_installations(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full(2)
    quality[1, :10] = Quality.LIKE_DAY
    quality[1, 30:] = Quality.MISSING
    days.save_days(conn, _rows(meter, values, quality), NOW)
    now = midnight(DAY) + timedelta(days=1, hours=15, minutes=10)
    counts = days.interval_counts(conn, now)
    assert counts == days.IntervalCounts(expected=4 * (48 + 30), stored=48 + 20, estimated=10)
    assert days.interval_counts(conn, now, midnight(DAY) + timedelta(days=1)).expected == 4 * 30


def test_findings_of_a_day_are_replaced_when_it_is_validated(conn: Connection[TupleRow], meter: int) -> None:
    gap = Finding("gap", "M001", DAY, Severity.BLUE, {"slots": 3})
    rollover = Finding("rollover", "M001", DAY, Severity.INFO)
    assert days.save_findings(conn, [(meter, gap), (meter, rollover)], [(meter, DAY)]) == 2
    conn.execute("INSERT INTO finding VALUES (%s, %s, 'differing_reread', 2, '{}', 'evidence')", [meter, DAY])
    assert days.save_findings(conn, [(meter, gap)], [(meter, DAY)]) == 0
    kept = [finding.kind for _, finding in observed.findings(conn, [meter], DAY, DAY + timedelta(1))]
    assert kept == ["differing_reread", "gap"]
    days.save_findings(conn, [], [(meter, DAY)])
    kept = [finding.kind for _, finding in observed.findings(conn, [meter], DAY, DAY + timedelta(1))]
    assert kept == ["differing_reread"]


def test_a_curve_has_its_gaps_and_its_viewer(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full(2)
    quality[0, 1] = Quality.MISSING
    quality[0, 2] = Quality.LINEAR
    days.save_days(conn, _rows(meter, values, quality), NOW)
    period = Period(midnight(DAY) + HALF_HOUR, midnight(DAY) + timedelta(days=1))
    for viewer in (STAFF, OWNER):
        curve = profiles.load_curve(conn, viewer, "M001", period)
        assert curve is not None
        assert curve.at[0] == np.datetime64("2026-09-09T17:30:00")
        assert len(curve.at) == 47
        assert np.isnan(curve.wh[0])
        assert curve.wh[1:].tolist() == list(range(2, 48))
    assert profiles.load_curve(conn, STRANGER, "M001", period) is None
    assert profiles.load_curve(conn, STAFF, "M404", period) is None
    totals = profiles.daily(conn, OWNER, "M001", DAY, DAY + timedelta(5))
    assert totals == [
        profiles.DayTotal(DAY, sum(range(48)) - 1, 48, 1, 1),
        profiles.DayTotal(DAY + timedelta(1), sum(range(48, 96)), 48, 0, 0),
    ]
    empty = profiles.load_curve(conn, OWNER, "M001", Period.of_days(date(2020, 1, 1), date(2020, 1, 2)))
    assert empty is not None
    assert len(empty.at) == 0
    assert profiles.daily(conn, OWNER, "M001", date(2020, 1, 1), date(2020, 1, 2)) == []


def test_a_customer_sees_a_meter_while_it_was_theirs(conn: Connection[TupleRow], meter: int) -> None:
    moved = midnight(DAY) + timedelta(hours=12)
    conn.execute("UPDATE installation SET until = %s WHERE point = 'P002'", [HUNG + timedelta(days=1)])
    moves = (
        Installation("P001", "M001", HUNG, moved),
        Installation("P002", "M001", moved),
    )
    save_register(conn, Register(installations=moves), bytes)
    days.save_days(conn, _rows(meter, *_full()), NOW)
    mine = profiles.load_curve(conn, OWNER, "M001", Period.of_day(DAY))
    theirs = profiles.load_curve(conn, STRANGER, "M001", Period.of_day(DAY))
    assert mine is not None
    assert theirs is not None
    assert mine.wh.tolist() == list(range(24))
    assert theirs.wh.tolist() == list(range(24, 48))


def test_rows_for_export(conn: Connection[TupleRow], meter: int) -> None:
    values, quality = _full()
    quality[0, 0] = Quality.MISSING
    quality[0, 1] = Quality.LINEAR
    days.save_days(conn, _rows(meter, values, quality), NOW)
    first, second, third, *_ = list(profiles.rows(conn, "M001"))
    assert (first.at, first.wh, first.quality) == (midnight(DAY), None, Quality.MISSING)
    assert first.at.isoformat() == "2026-09-10T00:00:00+07:00"
    assert (second.wh, second.quality.word) == (1, "estimated")
    assert isinstance(third.wh, int)
    assert len(list(profiles.rows(conn, "M001", quality=[Quality.ACTUAL]))) == 46
    part = Period(midnight(DAY), midnight(DAY) + timedelta(hours=2))
    assert len(list(profiles.rows(conn, "M001", part))) == 4
    with pytest.raises(Unknown, match="M404"):
        list(profiles.rows(conn, "M404"))


def test_shards_share_out_what_is_due(conn: Connection[TupleRow]) -> None:
    ids = sorted(fleet.meter_ids(conn).values())
    assert days.mark_due(conn, ids, [DAY, DAY + timedelta(1)]) == 8
    shards = [days.take_due(conn, 100, (number, 3)) for number in range(3)]
    taken = [row for shard in shards for row in shard]
    assert sorted(taken) == days.take_due(conn, 100)
    assert len(days.take_due(conn, 3)) == 3
    assert days.clear_due(conn, taken) == 8
    assert days.take_due(conn, 100) == []
