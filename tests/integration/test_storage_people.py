"""Who signs in, what they see of meters and alerts, and what is written down about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from model.alert import Alert, AlertKind
from model.grid import Installation, Meter, Register
from model.period import midnight
from model.quality import Quality, Severity
from model.series import Channel
from model.viewer import UserRole, Viewer
from storage import alerts, days, evidence, fleet, meters, people
from storage.errors import AlreadyThere, StorageError, Unknown
from storage.grid import save_register
from storage.overview import overview
from storage.pool import connect, session
from tests.storage_samples import DAY, HUNG, NOW, answer, grid, profile, readout, total

STAFF = Viewer("ky.su", UserRole.ENGINEER)
OWNER = Viewer("khach1", UserRole.CUSTOMER, "C001")
STRANGER = Viewer("khach2", UserRole.CUSTOMER, "C002")


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(), bytes)
        connection.commit()
        yield connection


def test_a_user_is_added_once(conn: Connection[TupleRow]) -> None:
    people.add_user(conn, "khach1", UserRole.CUSTOMER, "$argon2id$x", NOW, customer="C001")
    found = people.user(conn, "khach1")
    assert found is not None
    assert found.viewer == OWNER
    assert "argon2id" not in repr(found)
    with pytest.raises(AlreadyThere, match="khach1"):
        people.add_user(conn, "khach1", UserRole.ENGINEER, "x", NOW)
    with pytest.raises(Unknown, match="C404"):
        people.add_user(conn, "khach9", UserRole.CUSTOMER, "x", NOW, customer="C404")
    with pytest.raises(StorageError, match="needs the code of a customer"):
        people.add_user(conn, "khach9", UserRole.CUSTOMER, "x", NOW)
    assert [user.login for user in people.users(conn)] == ["khach1"], "the transaction lives on"
    assert people.user(conn, "nobody") is None


def test_a_session_ends_by_time_idleness_and_hand(conn: Connection[TupleRow]) -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    people.add_user(conn, "ky.su", UserRole.ENGINEER, "x", NOW)
    people.create_session(conn, b"one", "ky.su", "csrf", NOW, NOW + day)
    found = people.find_session(conn, b"one", NOW, hour)
    assert found is not None
    assert (found.viewer, found.csrf, found.language) == (STAFF, "csrf", "vi")
    assert people.find_session(conn, b"one", NOW + hour, hour) is None, "idle"
    people.touch_session(conn, b"one", NOW + hour)
    assert people.find_session(conn, b"one", NOW + hour, hour) is not None
    assert people.find_session(conn, b"one", NOW + day, day * 9) is None, "over"
    assert people.rotate_session(conn, b"one", b"two", "csrf2", NOW + hour)
    assert people.find_session(conn, b"one", NOW + hour, hour) is None
    assert people.find_session(conn, b"two", NOW + hour, hour) is not None
    people.set_disabled(conn, "ky.su", True)
    assert people.find_session(conn, b"two", NOW + hour, hour) is None
    assert not people.drop_session(conn, b"two")


def test_a_new_password_ends_every_session(conn: Connection[TupleRow]) -> None:
    people.add_user(conn, "ky.su", UserRole.ENGINEER, "x", NOW)
    people.create_session(conn, b"one", "ky.su", "csrf", NOW, NOW + timedelta(days=1))
    people.rehash(conn, "ky.su", "y")
    assert people.find_session(conn, b"one", NOW, timedelta(hours=1)) is not None
    people.set_password_hash(conn, "ky.su", "z")
    assert people.find_session(conn, b"one", NOW, timedelta(hours=1)) is None
    with pytest.raises(Unknown):
        people.set_password_hash(conn, "nobody", "z")


def test_failures_count_per_login_and_per_address(conn: Connection[TupleRow]) -> None:
    minute = timedelta(minutes=1)
    for i, (login, address, ok) in enumerate(
        [("a", "1", False), ("a", "2", False), ("b", "1", False), ("a", "1", True), ("a\0", "1", False)]
    ):
        people.record_attempt(conn, login, address, NOW + i * minute, ok)
    since = NOW - minute
    assert people.recent_failures(conn, "a", "1", since) == people.Failures(login=0, address=3)
    assert people.recent_failures(conn, "b", "9", since) == people.Failures(login=1, address=0)
    assert people.recent_failures(conn, "b", "1", NOW + 3 * minute).address == 1


def test_deeds_are_written_down(conn: Connection[TupleRow]) -> None:
    people.audit(conn, NOW, "ky.su", "denied", "M001", {"path": "/meters/M001"})
    people.audit(conn, NOW + timedelta(seconds=1), "ky.su", "signed_in")
    first, second = people.audited(conn)
    assert (first.action, second.action, second.detail) == ("signed_in", "denied", {"path": "/meters/M001"})
    assert len(people.audited(conn, action="denied")) == 1


@pytest.mark.parametrize(
    ("text", "serials"),
    [
        ("nguyen hong", ["M001"]),
        ("NGUYỄN", ["M001"]),
        ("Nguyê\u0303n", ["M001"]),  # as a Mac's keyboard composes it
        ("dien ban", ["M001", "M002", "M003"]),
        ("Đức", ["M002"]),
        ("duc on", ["M002"]),
        ("m003", ["M003"]),
        ("p002", ["M002"]),
        ("d2 hong", ["M001"]),
        ("nguyen duc", []),
        ("100%", []),
        ("_", []),
        ("", ["M000", "M001", "M002", "M003"]),
    ],
)
def test_search_needs_no_diacritics(conn: Connection[TupleRow], text: str, serials: list[str]) -> None:
    assert [meter.serial for meter in meters.find(conn, STAFF, text)] == serials
    assert meters.count(conn, STAFF, text) == len(serials)


async def _fill(database: str, conn: Connection[TupleRow]) -> int:
    """Readings, a validated day and an alert of M001; returns its id."""
    meter = fleet.meter_ids(conn)["M001"]
    said = [
        readout("M001", answer(profile(midnight(DAY), [10] * 48)), total(NOW, 480), at=NOW),
        readout("M001", outcome="timeout", at=NOW + timedelta(hours=1)),
    ]
    async with await AsyncConnection.connect(database, **session()) as writer:
        await evidence.store(writer, [(meter, "D2", NOW, item) for item in said])
    energy = np.full((1, 48), 10, np.int32)
    rows = days.DayRows(
        np.array([meter], np.int32),
        np.array([Channel.ACTIVE_IMPORT], np.int16),
        np.array([DAY], "datetime64[D]"),
        energy,
        np.full((1, 48), Quality.ACTUAL, np.uint8),
    )
    days.save_days(conn, rows, NOW)
    alert = Alert(AlertKind.STUCK_METER, "M001", Severity.AMBER, midnight(DAY), {"days": 7})
    assert alerts.raise_alerts(conn, [(meter, alert)], NOW) == 1
    conn.commit()
    return meter


def test_search_follows_the_grid(conn: Connection[TupleRow]) -> None:
    """A customer renamed, a meter moved, one that never hung: each is found as it is now."""
    renamed = dataclasses.replace(grid().customers[0], name="Phạm Văn Ếch")
    save_register(conn, Register(customers=(renamed,)), bytes)
    assert [meter.serial for meter in meters.find(conn, STAFF, "ech")] == ["M001"]
    assert meters.find(conn, STAFF, "hong") == []
    moved = HUNG + timedelta(days=30)
    swap = (
        Installation("P001", "M001", HUNG, moved),
        Installation("P002", "M002", HUNG, moved),
        Installation("P002", "M001", moved),
    )
    save_register(conn, Register(installations=swap), bytes)
    assert [(meter.serial, meter.removed) for meter in meters.find(conn, STAFF, "p002")] == [
        ("M001", False),
        ("M002", True),
    ]
    assert meters.find(conn, STAFF, "ech") == [], "it hangs elsewhere now"
    assert [meter.serial for meter in meters.of_customer(conn, OWNER)] == ["M001"], "but it did hang there"
    save_register(conn, Register(meters=(Meter("M900", "dk-1p", "D2", 9),)), bytes)
    (spare,) = meters.find(conn, STAFF, "m900")
    assert (spare.point, spare.removed) == (None, True)
    save_register(conn, Register(installations=(Installation("P001", "M900", moved),)), bytes)
    (hung,) = meters.find(conn, STAFF, "m900")
    assert (hung.point, hung.customer_name, hung.removed) == ("P001", "Phạm Văn Ếch", False)
    assert meters.count(conn, STAFF) == 5
    assert meters.count(conn, STAFF, station="T1") == 5


async def test_a_list_shows_how_a_meter_is(database: str, conn: Connection[TupleRow]) -> None:
    await _fill(database, conn)
    (row,) = meters.find(conn, STAFF, "m001", today=DAY)
    assert row.today_wh == 480
    assert row.last_contact == NOW + timedelta(seconds=2)
    assert (row.last_outcome, row.alerts, row.removed) == ("timeout", 1, False)
    later = NOW + timedelta(minutes=1)
    for since, unread in ((NOW - timedelta(hours=1), ["M000", "M002", "M003"]), (later, ["M000", "M001"])):
        found = meters.find(conn, STAFF, unread_since=since, limit=len(unread))
        assert [meter.serial for meter in found][:2] == unread[:2]
    assert meters.count(conn, STAFF, unread_since=NOW - timedelta(hours=1)) == 3
    assert meters.count(conn, STAFF, unread_since=later) == 4, "the read before does not count"
    assert (row.customer_name, row.station_name) == ("Nguyễn Thị Hồng", "Trạm Đông Phú 1")
    assert [meter.serial for meter in meters.find(conn, STAFF, limit=2, offset=1)] == ["M001", "M002"]
    assert [meter.serial for meter in meters.find(conn, STAFF, station="T9")] == []


def _save_day(conn: Connection[TupleRow], serial: str, energy: int, kinds: list[Quality]) -> None:
    """A validated day of a meter; every slot bears the energy, also the missing ones."""
    rows = days.DayRows(
        np.array([fleet.meter_ids(conn)[serial]], np.int32),
        np.array([Channel.ACTIVE_IMPORT], np.int16),
        np.array([DAY], "datetime64[D]"),
        np.full((1, 48), energy, np.int32),
        np.array([kinds], np.uint8),
    )
    days.save_days(conn, rows, NOW)


def test_what_is_missing_is_not_nought(conn: Connection[TupleRow]) -> None:
    """A day of which no slot is known has no sum; of one known in part, the known slots are summed."""
    half = [Quality.MISSING] * 24 + [Quality.ACTUAL] * 20 + [Quality.FLAT] * 4
    next_day = midnight(DAY) + timedelta(days=1, hours=3)
    for kinds, own, both in (
        ([Quality.MISSING] * 48, None, None),
        (half, 24 * 7, 24 * 7),
        ([Quality.ACTUAL] * 48, 48 * 7, 48 * 7),
    ):
        _save_day(conn, "M001", 7, kinds)
        _save_day(conn, "M002", 7, [Quality.MISSING] * 48)
        (row,) = meters.find(conn, STAFF, "m001", today=DAY)
        assert row.today_wh == own
        assert [meter.today_wh for meter in meters.of_customer(conn, STRANGER, today=DAY)] == [None]
        for now, day in ((midnight(DAY) + timedelta(hours=9), "today"), (next_day, "yesterday")):
            seen = overview(conn, STAFF, now)
            assert seen is not None
            (station,) = seen.stations
            assert getattr(station, f"customers_{day}_wh") == both
            assert getattr(station, f"head_{day}_wh") is None
    _save_day(conn, "M000", 7, [Quality.MISSING] * 48)
    seen = overview(conn, STAFF, next_day)
    assert seen is not None
    assert (seen.stations[0].head_yesterday_wh, seen.stations[0].customers_today_wh) == (None, None)


def test_a_loss_is_told_of_a_day_known_of_every_meter(conn: Connection[TupleRow]) -> None:
    known, next_day = [Quality.ACTUAL] * 48, midnight(DAY) + timedelta(days=1, hours=3)

    def told() -> tuple[int, float | None]:
        seen = overview(conn, STAFF, next_day)
        assert seen is not None
        return seen.stations[0].unknown_yesterday, seen.stations[0].loss_yesterday

    assert told() == (4, None)
    _save_day(conn, "M000", 100, known)
    for serial in ("M001", "M002"):
        _save_day(conn, serial, 30, known)
    assert told() == (1, None), "nothing is known of M003: its use is no loss"
    _save_day(conn, "M003", 30, [Quality.MISSING, *known[1:]])
    assert told() == (1, None)
    _save_day(conn, "M003", 30, [Quality.LINEAR, *known[1:]])
    assert told() == (0, pytest.approx(0.1))
    conn.execute(
        "INSERT INTO point (code, role, station, feeder) VALUES ('F1', 'station_head', 'T1', 'T1-1')"
    )
    conn.execute("UPDATE installation SET point = 'F1' WHERE point = 'P003'")
    assert told() == (0, pytest.approx(0.4)), "what a feeder's head counts is counted by the station's, too"
    conn.execute("UPDATE installation SET point = 'P003' WHERE point = 'F1'")
    conn.execute("DELETE FROM point WHERE code = 'F1'")
    conn.execute("UPDATE point SET feeder = 'T1-1' WHERE code = 'P000'")
    assert told() == (0, pytest.approx(0.1)), "the head of the only feeder"
    conn.execute("UPDATE point SET feeder = NULL WHERE code = 'P003'")
    assert told() == (0, None), "who hangs at no feeder is behind no head"
    conn.execute("UPDATE point SET role = 'customer', customer = 'C001' WHERE code = 'P000'")
    assert told() == (0, None), "no head meter"


async def test_a_customer_sees_their_meter_alone(database: str, conn: Connection[TupleRow]) -> None:
    await _fill(database, conn)
    assert [(meter.serial, meter.alerts) for meter in meters.of_customer(conn, OWNER)] == [("M001", 0)]
    assert [meter.serial for meter in meters.find(conn, STRANGER, "hong")] == []
    assert meters.of_customer(conn, STAFF) == []
    assert meters.sheet(conn, STRANGER, "M001") is None
    mine, staffs = meters.sheet(conn, OWNER, "M001"), meters.sheet(conn, STAFF, "M001")
    assert mine is not None
    assert staffs is not None
    assert [register.raw for register in mine.registers] == [480]
    assert (mine.modem, mine.polls, mine.events) == (None, (), ())
    assert staffs.modem is not None
    assert [(poll.outcome, poll.modem, poll.link) for poll in staffs.polls] == [
        ("timeout", "D2", "dial_in"),
        ("ok", "D2", "dial_in"),
    ]
    assert staffs.installations[0].supplies[0].plan == "vn-household"
    assert meters.sheet(conn, STAFF, "M404") is None
    assert overview(conn, OWNER, NOW) is None


async def test_who_had_the_meter_before_sees_nothing_newer(database: str, conn: Connection[TupleRow]) -> None:
    await _fill(database, conn)
    gone = Installation("P001", "M001", HUNG, midnight(DAY))
    elsewhere = Installation("P002", "M001", midnight(DAY))
    conn.execute("UPDATE installation SET until = %s WHERE point = 'P002'", [HUNG + timedelta(days=1)])
    save_register(conn, Register(installations=(gone, elsewhere)), bytes)
    mine = meters.sheet(conn, OWNER, "M001")
    assert mine is not None
    assert (mine.registers, mine.last_contact) == ((), None)
    assert [place.point for place in mine.installations] == ["P001"], "not where it hangs now"
    assert [(meter.serial, meter.removed) for meter in meters.of_customer(conn, OWNER)] == [("M001", True)]


async def test_alerts_are_raised_once_and_seen_again(database: str, conn: Connection[TupleRow]) -> None:
    meter = await _fill(database, conn)
    later = NOW + timedelta(days=1)
    worse = Alert(AlertKind.STUCK_METER, "M001", Severity.RED, midnight(DAY), {"days": 8})
    (row,) = alerts.alerts(conn, STAFF)
    assert alerts.acknowledge(conn, STAFF, row.id, NOW)
    assert not alerts.acknowledge(conn, STAFF, row.id, NOW), "only once"
    assert alerts.raise_alerts(conn, [(meter, worse)], later) == 0
    (row,) = alerts.alerts(conn, STAFF, state="acknowledged", kind=AlertKind.STUCK_METER, serial="M001")
    assert (row.alert, row.raised_at, row.seen_at) == (worse, NOW, later)
    assert (row.customer, row.point, row.acknowledged_by) == ("C001", "P001", "ky.su")
    assert alerts.alerts(conn, OWNER) == []
    assert not alerts.acknowledge(conn, OWNER, row.id, NOW)
    assert alerts.close_unseen(conn, [AlertKind.VACANCY], later + timedelta(days=1)) == 0
    assert alerts.close_unseen(conn, [AlertKind.STUCK_METER], later) == 0
    assert alerts.close_unseen(conn, [AlertKind.STUCK_METER], later + timedelta(days=1)) == 1
    assert alerts.alerts(conn, STAFF, state="open") == []


async def test_the_overview_adds_up(database: str, conn: Connection[TupleRow]) -> None:
    await _fill(database, conn)
    at = midnight(DAY) + timedelta(days=1, hours=3)
    seen = overview(conn, STAFF, at)
    assert seen is not None
    assert (seen.meters, seen.slots_expected_yesterday, seen.slots_actual_yesterday) == (4, 4 * 48, 48)
    assert seen.complete_yesterday == 0.25
    assert seen.read_rate_24h is None
    assert {modem.modem for modem in seen.silent_modems} == {"D1"}
    assert seen.open_alerts == {AlertKind.STUCK_METER: 1}
    (station,) = seen.stations
    assert (station.customers_yesterday_wh, station.head_yesterday_wh) == (480, None)
    fresh = overview(conn, STAFF, NOW + timedelta(hours=2))
    assert fresh is not None
    assert (fresh.read_rate_24h, fresh.meters_read_24h) == (0.5, 1)
