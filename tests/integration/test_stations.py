"""What a station carries and loses, from the store: head meter or none, exchanged meters, who feeds in, hours
beside half-hours, and who is suspected."""

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

from ami import meter_quality, station_document
from ami import station as shown
from analytics.losses import Technical
from dashboard.pages import station as station_page
from dashboard.pages import stations as stations_page
from dashboard.parts.days_range import DaysRange
from dashboard.parts.supply_cards import quality_cards
from model.grid import Feeder, Installation, Meter, Register, Station
from model.period import midnight
from model.quality import Quality, Severity
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import station_watch, wording
from operations.errors import LoadRefused
from operations.station_sides import Source
from operations.stations import StationSheet, station, stations
from operations.supply_quality import supply_quality
from storage import alerts, days, fleet, station_peaks
from storage.errors import Unknown
from storage.grid import save_register
from storage.pool import connect
from tests.dashboard_parts import text_of, visit
from tests.storage_samples import HUNG, NOW, grid

FIRST, DAYS, PEOPLE = HUNG.date(), 14, 8
END = FIRST + timedelta(DAYS)


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        known = grid(PEOPLE)
        save_register(connection, replace(known, stations=(*known.stations, Station("T9", "Trạm 9"))), bytes)
        yield connection


def put(
    conn: Connection[TupleRow],
    serial: str,
    values: np.ndarray,
    quality: np.ndarray | int = 1,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> None:
    """Days from the first, by as many slots as there are."""
    meter = fleet.meter_ids(conn, [serial])[serial]
    n, slots = values.shape
    rows = days.DayRows(
        np.full(n, meter, np.int32),
        np.full(n, channel, np.int16),
        np.datetime64(FIRST, "D") + np.arange(n),
        values.astype(np.int32),
        np.broadcast_to(quality, values.shape).astype(np.uint8),
        interval_s=86_400 // slots,
    )
    days.save_days(conn, rows, NOW)


def drawn(seed: int = 3) -> np.ndarray:
    """(customers, days, 48) Wh, each with habits of their own."""
    chance = np.random.default_rng(seed)
    return np.round(500 * chance.gamma(1.2, 1, (PEOPLE, DAYS, 48)) * chance.uniform(0.5, 2, (PEOPLE, 1, 1)))


def told(sheet: StationSheet) -> dict[str, object]:
    """What the terminal, the page and a program are answered: never NaN."""
    shown.show(sheet, by_day=True)
    for language in ("vi", "en"):
        text_of(station_page.body(visit(language), sheet, DaysRange(FIRST, END)))
    return dict(json.loads(json.dumps(station_document.document(sheet, intervals=True), allow_nan=False)))


def test_load_and_balance_of_a_station_with_a_head(conn: Connection[TupleRow]) -> None:
    """50 kVA behind which lines lose; one steals half; one is unknown for a day; the head tells varh."""
    used = drawn()
    counted = used.copy()
    counted[3] = np.round(used[3] / 2)
    into = used.sum(axis=0)
    per_square = 0.045 / (50_000 * 0.9) / 0.5  # in half-hours; behind the transformer, so its own is not told
    head = np.round(into + per_square * into**2 * (1 + per_square * into) ** 2)
    said = np.ones(head.shape)
    estimated = np.unravel_index(head.argmax(), head.shape)
    said[estimated] = Quality.FLAT
    put(conn, "M000", head, said)
    measured = np.where(said == 1, head, 0)
    put(conn, "M000", np.round(head * 0.75), channel=Channel.REACTIVE_IMPORT)
    for person in range(PEOPLE):
        quality = np.ones((DAYS, 48))
        quality[5] = person != 0
        put(conn, f"M{person + 1:03}", counted[person], quality)
    sheet = station(conn, "T1", FIRST, END)
    load, side = sheet.load, sheet.balance
    peak = int(measured.argmax())
    assert (load.source, load.heads, load.customers) == (Source.HEAD, ("M000",), PEOPLE)
    assert load.rated.pmax_w == 2 * measured.max()
    assert load.rated.pmax_at == midnight(FIRST) + timedelta(minutes=30 * peak)
    assert load.rated.smax_share == pytest.approx(2 * measured.max() * 1.25 / 50_000, rel=1e-3)
    assert load.rated.above[0].hours == (2 * head * 1.25 > 40_000).sum() / 2
    assert side.total is not None
    assert (side.total.intervals, side.technical_days) == (48 * (DAYS - 1), DAYS)
    stolen = (used[3] - counted[3])[np.arange(DAYS) != 5].sum()
    assert side.total.unexplained_wh == pytest.approx(stolen, rel=0.01)
    assert side.unexplained_percent == pytest.approx(100 * stolen / side.total.delivered_wh, abs=0.2)
    assert side.lacking == (("M001", 24.0),)
    assert [day for day, one in side.by_day if not one.intervals] == [FIRST + timedelta(5)]
    assert sheet.suspects[0].serial == "M004"
    assert sheet.suspects[0].stands_out
    assert sheet.largest[0].wh == int(counted.sum(axis=(1, 2)).max())
    document = told(sheet)
    assert len(document["intervals"]) == DAYS * 48  # type: ignore[arg-type]
    hottest = stations(conn, FIRST, END)
    assert [row.load.station.code for row in hottest] == ["T1", "T9"]
    assert (hottest[0].load.rated.above, hottest[0].balance.total) == (load.rated.above, side.total)
    assert hottest[0].load.days == load.days
    shown.show_all(hottest)
    json.dumps(station_document.rows(hottest), allow_nan=False)


def test_without_a_head_the_customers_are_added_up(
    conn: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hours where one of them tells no half-hours; what they feed in is taken off; three days are few."""
    used = drawn()
    for person in range(PEOPLE):
        halves = used[person]
        put(conn, f"M{person + 1:03}", halves.reshape(DAYS, 24, 2).sum(axis=2) if person == 1 else halves)
    fed = np.zeros((DAYS, 48))
    fed[:, 20:28] = 900
    put(conn, "M002", fed.reshape(DAYS, 24, 2).sum(axis=2), channel=Channel.ACTIVE_EXPORT)
    sheet = station(conn, "T1", FIRST, FIRST + timedelta(3))
    hourly = (used.sum(axis=0) - fed)[:3].reshape(3, 24, 2).sum(axis=2)
    assert (sheet.load.source, sheet.load.minutes) == (Source.SILENT_HEAD, 60)
    loss = Technical.of_transformer(50, 100, 800.5, 4.5)
    assert sheet.load.w - loss.wh(sheet.load.w) == pytest.approx(hourly), "with what is lost on the way"
    monkeypatch.setattr("operations.stations.HELD", 1)
    listed = {row.load.station.code: row.load for row in stations(conn, FIRST, FIRST + timedelta(3))}
    assert (listed["T1"].minutes, listed["T9"].minutes) == (60, 30)
    assert listed["T1"].w == pytest.approx(sheet.load.w)
    assert (sheet.balance.total, sheet.why_no_suspects) == (None, "no_balance")
    told(sheet)
    put(conn, "M000", used.sum(axis=0) - fed)
    whole = station(conn, "T1", FIRST, FIRST + timedelta(3))
    assert whole.balance.total is not None
    assert whole.balance.total.delivered_wh == used[:, :3].sum()
    assert whole.balance.total.sold_wh == used[:, :3].sum()
    assert whole.balance.fed_in_wh == fed[:3].sum()
    assert whole.why_no_suspects == "few_days"
    told(whole)


def test_feeders_and_customers_of_whom_nothing_is_known(conn: Connection[TupleRow]) -> None:
    """Two feeders with heads of their own; one customer gives nothing and was not billed."""
    known = grid(PEOPLE)
    moved = tuple(
        replace(point, feeder="T1-2" if point.code in ("P000", "P007", "P008") else "T1-1")
        for point in known.points
    )
    save_register(
        conn, replace(known, feeders=(*known.feeders, Feeder("T1-2", "Lộ 2", "T1")), points=moved), bytes
    )
    used = drawn()
    for person in range(PEOPLE - 1):
        put(conn, f"M{person + 1:03}", used[person])
    put(conn, "M000", used[6:].sum(axis=0))
    sheet = station(conn, "T1", FIRST, END)
    assert (sheet.load.source, sheet.balance.total) == (Source.UNCLEAR_HEADS, None), "a head of a part of it"
    assert (sheet.load.silent, sheet.load.at_mean) == (1, True), "one in eight hides no load"
    loss = Technical.of_transformer(50, 100, 800.5, 4.5)
    without_loss = sheet.load.w / 2 - loss.wh(sheet.load.w / 2)
    assert without_loss == pytest.approx(used[:7].sum(axis=0) * 8 / 7)
    one, two = sheet.feeders
    assert (one.feeder, one.source, one.total) == ("T1-1", Source.NO_HEAD, None)
    assert two.total is not None
    assert two.source is Source.HEAD
    assert (two.heads, two.apart, two.at_most) == (("M000",), (("M008", None),), True)
    assert two.total.unexplained_wh == used[7].sum()
    told(sheet)


def test_odd_stations_have_an_answer(conn: Connection[TupleRow]) -> None:
    nobody = station(conn, "T9", FIRST, END)
    assert (nobody.load.source, nobody.load.customers, nobody.load.rated.known) == (Source.NO_HEAD, 0, 0.0)
    page = text_of(station_page.body(visit(), nobody, DaysRange(FIRST, END)))
    assert "Trạm không có công tơ tổng." in page
    assert "Chưa khai công suất máy biến áp" in page
    silent = station(conn, "T1", FIRST, END)
    assert (silent.load.source, silent.load.silent) == (Source.SILENT_HEAD, PEOPLE)
    assert silent.load.transformer is not None
    assert silent.load.transformer.kva == Decimal(50)
    flat = np.full((DAYS, 48), 100)
    for person in range(PEOPLE):
        put(conn, f"M{person + 1:03}", flat * (person > 0))
    put(conn, "M000", flat * (PEOPLE + 1))
    constant = station(conn, "T1", FIRST, END)
    put(conn, "M000", flat * 0)
    for person in range(PEOPLE):
        put(conn, f"M{person + 1:03}", flat * 0)
    zeros = station(conn, "T1", FIRST, END)
    assert zeros.balance.total is not None
    assert (zeros.balance.total.loss_percent, zeros.balance.unexplained_percent) == (None, None)
    for sheet in (nobody, silent, constant, zeros):
        told(sheet)
    with pytest.raises(Unknown, match="There is no station T7"):
        station(conn, "T7", FIRST, END)
    with pytest.raises(LoadRefused, match="no 1 to 366 days"):
        station(conn, "T1", FIRST, date(2028, 1, 1))


def test_cos_phi_and_phases_of_a_meter(conn: Connection[TupleRow]) -> None:
    """By energies of half-hours that tell both; a day without varh has none; moments few, or of a month."""
    empty = supply_quality(conn, "M001", FIRST, END)
    assert (empty.has_reactive, empty.whole.value, empty.voltages, empty.few) == (False, None, (), True)
    wh = np.full((DAYS, 48), 400)
    lacking = np.ones((DAYS, 48))
    lacking[3] = 0
    put(conn, "M000", wh)
    put(conn, "M000", np.full((DAYS, 48), 300), lacking, Channel.REACTIVE_IMPORT)
    meter = fleet.meter_ids(conn, ["M000"])["M000"]
    conn.execute(
        """INSERT INTO instant_read (meter_id, at, voltage_v, current_a, cos_phi, received_at, poll_id)
        SELECT %s, %s + n * interval '3 hours', ARRAY[220, CASE WHEN n = 7 THEN 190 ELSE 222 END, 218],
            ARRAY[10, 10, CASE WHEN n = 9 THEN 0 ELSE 10 END], 0.8, now(), gen_random_uuid()
        FROM generate_series(0, 79) n""",
        [meter, midnight(FIRST)],
    )
    found = supply_quality(conn, "M000", FIRST, END)
    assert [str(one.value) for _, one in found.by_day] == [*["0.80"] * 3, "None", *["0.80"] * (DAYS - 4)]
    assert (found.by_month[0].found.intervals, found.by_month[0].k_percent) == (
        (DAYS - 1) * 48,
        Decimal("12.5"),
    )
    assert (found.reads, found.read_days, found.few, found.nominal_v) == (80, 10, False, 220.0)
    assert [one.outside for one in found.voltages] == [0.0, 1 / 80, 0.0]
    assert found.voltages[1].lowest == (190.0, 7)
    assert found.at[7] == midnight(FIRST) + timedelta(hours=21)
    assert found.current_imbalance is not None
    assert (found.current_imbalance.highest, found.current_imbalance.at) == (pytest.approx(100.0), 9)
    for one in (empty, found):
        meter_quality.show(one)
        text_of(quality_cards(visit(), one))
        json.dumps(meter_quality.document(one), allow_nan=False)
    conn.execute(
        """INSERT INTO instant_read (meter_id, at, voltage_v, current_a, received_at, poll_id)
        SELECT %s, %s, ARRAY[57.7, 57.9, 58.0], ARRAY[1, 1, 1], now(), gen_random_uuid()""",
        [fleet.meter_ids(conn, ["M001"])["M001"], midnight(FIRST)],
    )
    assert (found.own, empty.own) == (None, None)
    put(conn, "M001", wh * 200)
    conn.execute("UPDATE point_supply SET transformer_kva = 160 WHERE point = 'P001'")
    behind = supply_quality(conn, "M001", FIRST, END)
    assert behind.own is not None
    assert behind.own_kva == 160
    assert behind.own.smax_share == pytest.approx(160 / 0.9 / 160)
    assert [one.share for one in behind.own.above] == [1.0, 1.0, 1.0, 0.0]
    json.dumps(meter_quality.document(behind), allow_nan=False)
    assert (behind.nominal_v, behind.voltages[0].outside) == (None, None), "through a voltage transformer"
    meter_quality.show(behind)
    with pytest.raises(Unknown, match="There is no meter M999"):
        supply_quality(conn, "M999", FIRST, END)
    with pytest.raises(LoadRefused, match="no 1 to 92 days"):
        supply_quality(conn, "M000", FIRST, FIRST)


def test_who_gives_no_half_hours_is_counted_by_his_bill(conn: Connection[TupleRow]) -> None:
    """Half of the time, half of the bill; a bill of other days does not count."""
    used = drawn()
    for person in range(PEOPLE - 1):
        put(conn, f"M{person + 1:03}", used[person, : DAYS // 2])
    put(conn, "M000", used.sum(axis=0))
    bill = """INSERT INTO bill (point, customer, from_at, to_at, invoice_date, plan, decisions, kwh, wh,
            subtotal, vat_percent, vat, total, issued_at)
        VALUES ('P008', 'C008', %s, %s, %s, 'vn-household', '{}', 1, %s, 0, 8, 0, 0, now())"""
    start, middle = midnight(FIRST), midnight(FIRST + timedelta(9))
    conn.execute(bill, [start, middle, END, 600_000])
    lacking = station(conn, "T1", FIRST, END).balance
    assert (lacking.apart, lacking.at_most) == ((("M008", None),), True)
    conn.execute(bill, [middle, midnight(END), END, 40_000])
    found = station(conn, "T1", FIRST, END).balance
    assert lacking.total is not None
    assert found.total is not None
    assert (found.apart, found.at_most) == ((("M008", 640_000),), False)
    assert (found.total.intervals, found.total.of) == (24 * DAYS, 48 * DAYS)
    assert found.total.sold_wh - lacking.total.sold_wh == 320_000
    assert lacking.total.unexplained_wh - found.total.unexplained_wh == 320_000
    told(station(conn, "T1", FIRST, END))


def test_who_came_later_and_whose_meter_was_exchanged(conn: Connection[TupleRow]) -> None:
    """Nothing is missing of a customer before he came; the half-hours of hanging and exchange are unknown."""
    came, off = midnight(FIRST) + timedelta(days=2, minutes=10), midnight(FIRST) + timedelta(days=4, hours=9)
    on = off + timedelta(minutes=20)
    conn.execute("DELETE FROM installation WHERE point IN ('P001', 'P008')")
    changed = Register(
        meters=(Meter("N001", "dk-1p", "D1", 99),),
        installations=(
            Installation("P008", "M008", came),
            Installation("P001", "M001", HUNG, off),
            Installation("P001", "N001", on),
        ),
    )
    save_register(conn, changed, bytes)
    used = drawn()
    used[7, :2], used[7, 2, 0] = 0, 250
    for person in range(PEOPLE):
        put(conn, f"M{person + 1:03}", used[person])
    put(conn, "N001", used[0])
    put(conn, "M000", used.sum(axis=0))
    found = station(conn, "T1", FIRST, END)
    assert found.balance.total is not None
    assert found.balance.residue is not None
    unknown = np.argwhere(np.isnan(found.balance.residue.unexplained)).tolist()
    assert unknown == [[2, 0], [4, 18]]
    assert found.balance.total.delivered_wh == found.balance.total.sold_wh
    assert found.balance.lacking == (("N001", 0.5), ("M008", 0.5))
    assert [one.serial for one in found.largest if one.point == "P001"] == ["N001"]


def test_the_hottest_of_all_come_first_and_an_overload_is_told_until_it_is_over(
    conn: Connection[TupleRow],
) -> None:
    """T1 is the last but one by code; its 50 kVA carry 66.7 on the eleventh day for an hour and a half."""
    save_register(conn, Register(stations=tuple(Station(f"A{n:02}", f"Trạm A{n}") for n in range(40))), bytes)
    staff, customer = visit(now=(now := midnight(END) + timedelta(hours=7))), Viewer("x", UserRole.CUSTOMER)
    nobody = station_peaks.ranked(conn, staff.viewer, FIRST, END)
    assert (nobody.codes[-2:], nobody.unknown, nobody.since) == (("T1", "T9"), 42, None)
    last = replace(staff, query={"page": "9"})
    assert "trên 42: theo mã, vì chưa trạm nào được tính" in text_of(stations_page.show(conn, last, {}))
    head = np.full((DAYS, 48), 3000)
    head[10, 38:41] = 30_000
    put(conn, "M000", head)
    ((meter, alert),) = station_watch.loads(conn, ["A00", "T1", "T9"], now)
    assert (alert.serial, alert.severity, alert.since) == (
        "M000",
        Severity.RED,
        midnight(FIRST) + timedelta(10),
    )
    assert "133 % so với 50 kVA" in wording.alert(alert.kind, alert.evidence)
    assert alerts.raise_alerts(conn, [(meter, alert)], now) == 1
    assert alerts.close_unseen_of_stations(conn, ["T9"], now + timedelta(1)) == 0
    order = station_peaks.ranked(conn, staff.viewer, END - timedelta(7), END)
    assert (order.codes[0], order.codes[-1], order.unknown) == ("T1", "A39", 39)
    shown = text_of(stations_page.show(conn, last, {}))
    assert "Trạm 26–42 trên 42: tải cao nhất so với kVA đứng trước; 39 trạm chưa tính được" in shown
    assert "Trạm A38" in shown
    assert station_peaks.ranked(conn, customer, FIRST, END).codes == ()
    head[10, 39:41] = 3000
    put(conn, "M000", head)
    assert station_watch.loads(conn, ["T1"], now) == [], "half an hour is none"
    assert alerts.close_unseen_of_stations(conn, ["T1"], now + timedelta(1)) == 1
    peaks = dict(
        conn.execute("SELECT day, pmax_w FROM station_peak WHERE station = 'T1' AND pmax_w > 0").fetchall()
    )
    assert (len(peaks), peaks[FIRST], peaks[FIRST + timedelta(10)]) == (DAYS, 6000.0, 60_000.0)
    assert station_watch.loads(conn, ["T1"], now + timedelta(9)) == []
    assert station_peaks.last_days(conn, ["T1", "A01"]) == {"T1": END + timedelta(8)}
