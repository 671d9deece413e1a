"""Loads as an office asks about them: what moving use would save, shapes of days, the day ahead."""

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

from ami import load_ahead, load_document, load_figures, load_savings, load_shapes
from analytics.billing import Request, rate
from analytics.profiles.curve import Interval
from analytics.tariffs import schedule
from model.bill import RegisterUse
from model.grid import Supply
from model.period import Period
from model.quality import Quality
from model.series import Channel, Rate
from model.viewer import UserRole, Viewer
from operations.day_ahead import ahead
from operations.errors import LoadRefused
from operations.loads import Whose, limits, loads
from operations.runs.counting import billed
from operations.savings import savings
from operations.shapes import shapes_of
from storage import bills, days, fleet
from storage.grid import save_register
from storage.pool import connect
from tests.storage_samples import HUNG, NOW, grid

STAFF = Viewer("ky.su", UserRole.ENGINEER)
OWNER, STRANGER = (Viewer(code, UserRole.CUSTOMER, code) for code in ("C001", "C002"))
AUGUST = Period.of_month(2026, 8)
FIRST = date(2026, 8, 1)


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    """C001 on three rates, C002 a household, C003 a business with a single-rate meter."""
    register = grid()
    agreed = Decimal("1.6")
    plans = (
        ("vn-production", False, agreed),
        ("vn-household", True, None),
        ("vn-business", True, None),
    )
    points = [
        replace(point, supplies=(Supply(HUNG.date(), plan, one_rate=one_rate, contract_kw=agreed),))
        for point, (plan, one_rate, agreed) in zip(register.points[1:], plans, strict=True)
    ]
    with connect(database) as connection:
        save_register(connection, replace(register, points=(register.points[0], *points)), bytes)
        yield connection


def _save(
    conn: Connection[TupleRow],
    serial: str,
    wh: np.ndarray,
    quality: np.ndarray | None = None,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> None:
    n = len(wh)
    days.save_days(
        conn,
        days.DayRows(
            np.full(n, fleet.meter_ids(conn)[serial], np.int32),
            np.full(n, channel, np.int16),
            np.datetime64(FIRST, "D") + np.arange(n),
            wh.astype(np.int32),
            (np.full(wh.shape, Quality.ACTUAL) if quality is None else quality).astype(np.uint8),
        ),
        NOW,
    )


def test_savings_of_a_month_by_half_hours_then_by_its_bill(conn: Connection[TupleRow]) -> None:
    chance = np.random.default_rng(4)
    wh = chance.integers(0, 4000, (31, 48))
    _save(conn, "M001", wh)
    by_rate = dict.fromkeys((1, 2, 3), 0)
    hours = schedule("TT16-2014")
    for number, energy in enumerate(wh):
        for each, rated in zip(energy.tolist(), hours.day_rates(FIRST + timedelta(number)), strict=True):
            by_rate[rated] += each
    kwh = {Rate(one).code: round(total / 1000) for one, total in by_rate.items()}
    found = savings(conn, OWNER, "M001", AUGUST)
    assert found is not None
    assert (found.source, found.known, found.kwh, found.reason) == ("half_hours", 1.0, kwh, "")
    assert (found.peak, found.offpeak) == (((570, 690), (1020, 1200)), ((1320, 240),))
    assert [move.percent for move in found.moves] == [10, 20, 30]
    assert sum(used for _, used in found.hours) == pytest.approx(by_rate[Rate.PEAK] / 1000, abs=1)
    assert json.dumps(load_savings.document(found))

    rated = rate(Request("vn-production", FIRST, date(2026, 9, 1), date(2026, 9, 3), {"BT": 9, "CD": 50}))
    made = billed(rated, "P001", "C001", "vn-production", AUGUST, date(2026, 9, 3))
    uses = tuple(
        RegisterUse("M001", Rate.from_code(code), 0, used, 1, used * 1000, used)  # type: ignore[arg-type]
        for code, used in (("BT", 9), ("CD", 50), ("TD", 0))
    )
    bills.save(conn, replace(made, uses=uses), NOW)
    found = savings(conn, STAFF, "M001", AUGUST)
    assert found is not None
    assert (found.source, found.kwh, found.total) == ("bill", {"BT": 9, "CD": 50, "TD": 0}, made.total)
    assert [(move.kwh, move.saved) for move in found.moves] == [(5, 12_636), (10, 25_272), (15, 37_908)]

    assert savings(conn, STRANGER, "M001", AUGUST) is None
    for serial, reason in (("M002", "tiers"), ("M003", "one_rate"), ("M000", "not_hung")):
        told = savings(conn, STAFF, serial, AUGUST)
        assert told is not None
        assert (told.reason, told.moves) == (reason, ())
        assert load_savings.document(told)["why"]["vi"]
    later = savings(conn, STAFF, "M001", Period.of_month(2026, 10))
    assert later is not None
    assert (later.reason, later.kwh) == ("unknown_use", {}), "no half-hour of it is known"
    load_savings.show(later)


def test_shapes_of_a_handful_of_meters(conn: Connection[TupleRow]) -> None:
    """One at night, one of which three days are known, one that uses nothing."""
    night = np.full((31, 48), 100)
    night[:, :10] = 900
    _save(conn, "M001", night)
    _save(conn, "M002", night[:3])
    _save(conn, "M003", 0 * night)
    found = shapes_of(conn, Whose(station="T1"), FIRST, FIRST + timedelta(31))
    document = load_shapes.document(found)
    assert json.dumps(document, allow_nan=False)
    assert (document["reason"], [one["name"] for one in document["groups"]]) == ("few_meters", ["night"])
    assert "8" in document["why"]["vi"]
    assert document["left_out"] == [
        {"meter": "M002", "reason": "few_days"},
        {"meter": "M003", "reason": "no_use"},
    ]
    load_shapes.show(found, 5)
    nobody = shapes_of(conn, Whose(meters=("M003",)), FIRST, FIRST + timedelta(31))
    assert (nobody.reason, nobody.groups, nobody.members) == ("nothing", (), ())
    load_shapes.show(nobody, 0)


def test_the_day_ahead_of_a_station_with_a_dead_meter(conn: Connection[TupleRow]) -> None:
    """M002 and M003 tell 31 days, M001 nothing: too many are silent; then it tells too, but for some."""
    chance = np.random.default_rng(6)
    usual = np.tile(1000 + 800 * np.sin(np.arange(48) / 7.6), (31, 1))
    station, day = Whose(station="T1"), FIRST + timedelta(32)
    for serial in ("M002", "M003"):
        _save(conn, serial, usual * chance.normal(1, 0.05, (31, 48)))
    _save(conn, "M003", np.full((1, 48), -9_000))  # nobody uses less than nothing: a day that is not known
    found = ahead(conn, station, day)
    assert (found.reason, found.known) == ("few_days", 0), "a third of the meters say nothing"
    quality = np.full((31, 48), Quality.ACTUAL)
    quality[3] = Quality.MISSING
    _save(conn, "M001", usual, quality)
    found = ahead(conn, station, day)
    document = load_ahead.document(found)
    assert json.dumps(document, allow_nan=False)
    assert (found.reason, found.known, found.until) == ("", 29, FIRST + timedelta(30))
    np.testing.assert_allclose(found.mean_w, 6 * usual[0], rtol=0.1)
    assert found.highest is not None
    load_ahead.show(found)
    late = ahead(conn, station, FIRST + timedelta(45))
    said = load_ahead.document(late)["why"]["en"]
    assert late.reason == "too_far"
    assert said.startswith("Readings are known until 31/08/2026 only, too far from 15/09/2026:")
    load_ahead.show(late)
    with pytest.raises(LoadRefused, match="No meter of feeder NONE hung"):
        ahead(conn, Whose(feeder="NONE"), day)
    some = loads(conn, Whose(meters=("M000", "M001", "M002", "M003")), FIRST, day)
    assert some.silent == (), "one in four is no few"
    save_register(conn, grid(6), bytes)
    for serial in ("M004", "M005"):
        _save(conn, serial, usual)
    for known in (0, 13, 15):
        if known:
            _save(conn, "M006", usual[:known])
        few = loads(conn, station, FIRST + timedelta(10), FIRST + timedelta(31))
        silent = ("M006",) if known < 15 else ()
        assert few.silent == silent, "one in six is, while less than a fifth of its days are known"
    few = loads(conn, station, FIRST + timedelta(16), FIRST + timedelta(31))
    assert (few.silent, few.load.known) == (("M006",), 1.0)
    assert few.load.pmax_w == pytest.approx(10 * usual.max(), rel=0.1), "told of five"
    assert "M006" in limits(few, "vi")[0]


def test_loads_of_little_and_of_nothing(conn: Connection[TupleRow]) -> None:
    """A class of one that draws the same all along, zeros, three days, nothing, and what panels feed back:
    an answer each, in JSON and on the terminal, whatever is asked for."""
    _save(conn, "M001", np.full((31, 48), 500))
    _save(conn, "M002", np.zeros((31, 48)))
    _save(conn, "M003", np.full((3, 48), 100))
    sun = np.zeros((31, 48))
    sun[:, 14:34] = 700
    _save(conn, "M001", sun, channel=Channel.ACTIVE_EXPORT)
    end = FIRST + timedelta(31)
    constant, both = Whose(customer_class="production"), (Channel.ACTIVE_EXPORT, Channel.ACTIVE_IMPORT)
    asked: list[tuple[Interval, Channel]] = [("5", both[1]), *(("day", channel) for channel in both)]
    cases = (constant, *(Whose(meters=(serial,)) for serial in ("M000", "M001", "M002", "M003")))
    for whose in (*cases, Whose(station="T1"), Whose(book="S1")):
        for interval, channel in asked:
            found = loads(conn, whose, FIRST, end, interval=interval, by="year", channel=channel)
            assert json.dumps(load_document.document(found, 5), allow_nan=False)
        load_figures.show(found, 5)
        load_shapes.show(shapes_of(conn, whose, FIRST, end), 5)
    for whose in (constant, Whose(meters=("M002",)), Whose(meters=("M000",))):
        load_ahead.show(ahead(conn, whose, end))
    document = load_document.document(loads(conn, constant, FIRST, end), 5)
    assert (document["pmax"]["w"], document["load_factor"], document["diversity_factor"]) == (
        1000.0,
        1.0,
        1.0,
    )
    assert (document["contract_kw"], document["utilisation_factor"]) == (1.6, 0.625)
    (shape,) = load_shapes.document(shapes_of(conn, constant, FIRST, end))["groups"]
    assert (shape["name"], shape["meters"]) == ("flat", 1)
    fed_back = loads(conn, Whose(meters=("M001",)), FIRST, end, channel=Channel.ACTIVE_EXPORT)
    assert fed_back.load.wh == 31 * 20 * 700
    zeros = load_document.document(loads(conn, Whose(meters=("M002",)), FIRST, end), 5)
    assert (zeros["pmax"]["w"], zeros["wh"], zeros["load_factor"], zeros["use_hours"]) == (0.0, 0, None, None)
    nothing = load_document.document(loads(conn, Whose(meters=("M000",)), FIRST, end), 5)
    assert (nothing["wh"], nothing["pmax"], nothing["sum_of_pmax_w"], nothing["known"]) == (
        None,
        None,
        None,
        0,
    )
    assert nothing["limits"]["vi"][0].startswith("Chưa biết gì")
    three = load_document.document(loads(conn, Whose(meters=("M003",)), FIRST, end, interval="month"), 5)
    assert [one["w"] for one in three["profile"]] == [None], "three days are no month"
    assert three["profile"][0]["wh"] == 3 * 48 * 100
    for slots in (46, 50):  # days on which a clock is set, elsewhere
        _save(conn, "M003", np.full((1, slots), 100))
        odd = loads(conn, Whose(meters=("M003", "M001")), FIRST, end, interval="60")
        assert (odd.minutes, odd.unfit) == (30, 1), "nobody tells hours alone"
        assert limits(odd, "en")[0] == (
            "Left out are days that do not have a day's number of intervals: M003 (30 min, days: 1)."
        )
        assert odd.load.each.total_wh.tolist() == [31 * 48 * 500, 2 * 48 * 100]
