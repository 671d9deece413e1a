"""A station's nights: days are scored, who stands out is accused once, within the knob; killed runs go on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from model.alert import Alert, AlertKind
from model.period import midnight
from model.quality import Quality, Severity
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.inspections import judging, learning, nightly, scoring, station
from storage import absences, alerts, days, inspection_sheet, score_models, scores
from storage.days import DayRows
from storage.errors import Unknown
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.inspections import InspectionState
from storage.pool import Pool, open_pool
from tests.storage_samples import HUNG, grid

METERS, DAYS, ONSET = 14, 62, 47
FIRST = HUNG.date()
NOW = midnight(FIRST + timedelta(DAYS)) + timedelta(hours=9)
NIGHT = FIRST + timedelta(DAYS - 1)
THIEF = "M004"
MINH = Viewer("minh", UserRole.ENGINEER)
KNOB = 10.0


def used() -> np.ndarray:
    """(m, d, 48) Wh: fridge, a morning and an evening of each home's own."""
    random, slot = np.random.default_rng(26), np.arange(48)
    homes = []
    for _ in range(METERS):
        wake, size = random.uniform(11, 16), random.uniform(150, 700)
        at = wake + random.normal(0, 0.7, (DAYS, 1))
        busy = np.exp(-0.5 * ((slot - at) / 1.2) ** 2) + 2 * np.exp(-0.5 * ((slot - at - 26) / 3.5) ** 2)
        fridge = random.uniform(25, 60) * (1 + ((slot + random.integers(0, 3, (DAYS, 1))) % 3 == 0))
        homes.append(np.round(fridge + size * busy * random.gamma(3, 1 / 3, (DAYS, 48))))
    return np.stack(homes)


def save(
    pool: Pool,
    serials: list[str],
    wh: np.ndarray,
    first: date = FIRST,
    at: datetime = NOW,
    channel: Channel = Channel.ACTIVE_IMPORT,
) -> None:
    """(m, d, slots) Wh of the days from `first`, all of them measured."""
    with pool.connection() as conn:
        ids = meter_ids(conn)
        m, count, slots = wh.shape
        rows = DayRows(
            meter_id=np.repeat([ids[serial] for serial in serials], count).astype(np.int32),
            channel=np.full(m * count, channel, np.int16),
            day=np.tile(np.arange(np.datetime64(first, "D"), np.datetime64(first, "D") + count), m),
            energy=wh.reshape(-1, slots).astype(np.int32),
            quality=np.full((m * count, slots), Quality.ACTUAL, np.uint8),
            interval_s=86_400 // slots,
        )
        days.save_days(conn, rows, at)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    """A station of fourteen homes and its head meter, two months; one counts a third since two weeks."""
    with open_pool(database, 3) as opened:
        with opened.connection() as conn:
            save_register(conn, grid(METERS), bytes)
        accounts.add_user(opened, "minh", UserRole.ENGINEER, "một mật khẩu dài", now=NOW)
        true = used()
        counted = true.copy()
        counted[3, ONSET:] = np.round(0.3 * true[3, ONSET:])
        save(opened, [f"M{n + 1:03}" for n in range(METERS)], counted)
        save(opened, ["M000"], np.round(1.03 * true.sum(axis=0))[None])
        yield opened


def listed(pool: Pool) -> list[Any]:
    with pool.connection() as conn:
        return inspection_sheet.inspections(conn, MINH)


def kept(pool: Pool) -> dict[str, list[Any]]:
    """Everything that a run may write."""
    with pool.connection() as conn:
        return {
            table: conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in (
                *("day_score", "score_reference", "suspicion", "inspection", "inspection_step"),
                *("inspection_round", "station_night"),
            )
        }


def judged(pool: Pool, number: int, verdict: Any, now: datetime = NOW) -> None:
    judging.assign(pool, MINH, number, "minh", now=now)
    judging.visit(pool, MINH, number, now=now)
    verdict(pool, MINH, number, reason="đã xem", now=now)


def test_the_thief_is_accused_once_by_energy_and_balance(pool: Pool) -> None:
    learned = learning.run(pool, NOW, trees=40)
    assert (learned.version, learned.in_force, learned.meters) == (1, True, METERS - 2)
    assert learned.auc_day is not None
    report = nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    assert (report.stations, report.meters, report.young, report.opened) == (1, METERS, 0, 1)
    assert report.scored == METERS * (DAYS - 28)
    (row,) = listed(pool)
    assert (row.serial, row.state, row.severity) == (THIEF, InspectionState.NEW, Severity.RED)
    assert abs((row.since - FIRST).days - ONSET) <= 1
    assert {clue["kind"] for clue in row.clues} >= {"balance", "fall"}
    with pool.connection() as conn:
        evidence = judging.sheet(conn, MINH, row.id).evidence
        worth = evidence["stake"]
        logits = scores.of_meter(conn, MINH, THIEF, FIRST, NIGHT)
        assert scores.of_meter(conn, Viewer("x", UserRole.CUSTOMER, "C004"), THIEF, FIRST, NIGHT) == []
    assert worth["by"] == "next_kwh"
    assert 1_900 < worth["dong_a_kwh"] < 4_000
    assert (
        row.stake == worth["dong"] == pytest.approx(worth["kwh_a_day"] * 15 * worth["dong_a_kwh"], rel=0.01)
    )
    assert len(evidence["days"]["kwh"]) == len(evidence["balance"]["unexplained_kwh"]) == DAYS + 28
    assert evidence["curve"]["usual"][40] > 2 * evidence["curve"]["accused"][40]
    since = [one.logit for one in logits if one.day >= row.since and one.logit is not None]
    before = [one.logit for one in logits if one.day < row.since and one.logit is not None]
    assert np.mean(since) > np.mean(before) + 1.5
    json.dumps(evidence, allow_nan=False)

    once = kept(pool)
    again = nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    assert not again
    assert kept(pool) == once
    assert nightly.shards_due(pool, NOW, 4) == []
    # As if it had been looked through before anything was learned: it is again, and the same is found.
    with pool.connection() as conn:
        conn.execute("UPDATE station_night SET model = NULL")
    assert len(nightly.shards_due(pool, NOW, 4)) == 1
    nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    assert kept(pool) == once

    with pool.connection() as conn:
        ids = meter_ids(conn)
        lately = NIGHT - timedelta(days=28)
        assert scores.frozen(conn, ids.values(), lately, 1.0) == {ids[THIEF]}
        conn.execute("UPDATE score_model SET content = 'x'")
        assert scoring.model_in_force(conn) is None  # another version of the program made it
    assert learning.is_due(pool, NOW)
    judged(pool, row.id, judging.confirm)
    taught = learning.run(pool, NOW + timedelta(days=31), trees=5)
    assert (taught.version, taught.judged) == (2, 15)
    with pool.connection() as conn:
        assert [one.in_force for one in score_models.models(conn)] == [True, False]
        assert not learning.is_due(pool, NOW + timedelta(days=60))
        score_models.put_in_force(conn, 1)
        assert [one.in_force for one in score_models.models(conn)] == [False, True]
        with pytest.raises(Unknown):
            score_models.put_in_force(conn, 9)
    # By a version that cannot be used nobody is looked through again; by one that can be, once, the same
    # night.
    assert nightly.shards_due(pool, NOW, 4) == []
    assert not nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    with pool.connection() as conn:
        score_models.put_in_force(conn, 2)
    assert len(nightly.shards_due(pool, NOW, 4)) == 1
    report = nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    assert (report.stations, report.scored, report.opened, report.nights) == (1, METERS * (DAYS - 28), 0, 0)
    assert nightly.shards_due(pool, NOW, 4) == []
    assert not nightly.run(pool, NOW, per_1000=KNOB, anyway=True)


def test_a_killed_night_goes_on_and_a_day_that_changes_is_scored_again(pool: Pool) -> None:
    learning.run(pool, NOW, trees=20)
    with pytest.raises(RuntimeError, match="killed"), pool.connection() as conn:
        model = scoring.model_in_force(conn)
        nightly.look_through(conn, "T1", NIGHT, NOW, model, {})
        raise RuntimeError("killed")
    assert kept(pool)["day_score"] == []
    assert len(nightly.shards_due(pool, NOW, 4)) == 1
    # Of a knob that allows nothing, nothing is opened; the station is looked through all the same.
    report = nightly.run(pool, NOW, per_1000=0.0)
    assert (report.scored, report.opened, report.waiting) == (METERS * (DAYS - 28), 0, 1)
    assert listed(pool) == []
    wh = used()[:1, -1:]
    save(pool, ["M001"], np.round(0.1 * wh), NIGHT, NOW + timedelta(hours=1))
    save(pool, [f"M{n + 1:03}" for n in range(METERS)], used()[:, :1], NIGHT + timedelta(1))
    before = {row[:2]: row[3] for row in kept(pool)["day_score"]}
    report = nightly.run(pool, NOW + timedelta(days=1), per_1000=0.0)
    assert report.scored == METERS + 1
    after = {row[:2]: row[3] for row in kept(pool)["day_score"]}
    (changed,) = [key for key in before if before[key] != after[key]]
    assert changed[1] == NIGHT


def test_who_was_found_honest_is_not_accused_of_the_same(pool: Pool) -> None:
    with ThreadPoolExecutor(2) as both:  # of two workers at once one opens it
        reports = list(both.map(lambda _: nightly.run(pool, NOW, per_1000=KNOB), range(2)))
    assert sum(one.opened for one in reports) == 1
    (row,) = listed(pool)
    assert row.model is None  # nothing was learned: the balance alone told it
    judged(pool, row.id, judging.dismiss)
    later = NOW + timedelta(days=1)
    true = used()[:, :1]
    counted = true.copy()
    counted[3] = np.round(0.3 * true[3])
    save(pool, [f"M{n + 1:03}" for n in range(METERS)], counted, NIGHT + timedelta(1))
    save(pool, ["M000"], np.round(1.03 * true.sum(axis=0))[None], NIGHT + timedelta(1))
    assert nightly.run(pool, later, per_1000=KNOB).opened == 0
    assert [one.state for one in listed(pool)] == [InspectionState.FALSE]


def test_who_told_to_be_away_is_known_to_be(pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("DELETE FROM profile_day WHERE meter_id = %s", [meter_ids(conn)["M000"]])
        onset = FIRST + timedelta(ONSET)
        number = absences.add(conn, "P004", onset, NIGHT, note="về quê", login="minh", at=NOW)
        with pytest.raises(Unknown):
            absences.add(conn, "P999", NIGHT, NIGHT, note="", login="minh", at=NOW)
        assert [one.note for one in absences.told(conn, "P004")] == ["về quê"]
        places = station.places_of(conn, "T1", NIGHT)
        away = station.gather(conn, "T1", places, NIGHT).seen.meters
        assert [one.serial for one in away if one.absent is not None] == [THIEF]
        assert away[3].absent is not None
        assert away[3].absent.sum() == DAYS - ONSET
        assert absences.withdraw(conn, number, NOW)
        assert not absences.withdraw(conn, number, NOW)
        again = station.gather(conn, "T1", places, NIGHT).seen
        assert all(one.absent is None for one in again.meters)
        assert again.head is None  # nothing is known of it


def test_what_rules_have_told_already_is_known(pool: Pool) -> None:
    """A stuck meter's figures are nobody's use; a by-pass that was seen in the currents is a clue."""
    began = midnight(FIRST + timedelta(ONSET))
    with pool.connection() as conn:
        ids = meter_ids(conn)
        told = [
            ("M005", AlertKind.STUCK_METER),
            ("M006", AlertKind.PHASE_BYPASS),
            ("M007", AlertKind.VACANCY),
        ]
        raised = [(ids[serial], Alert(kind, serial, Severity.RED, began)) for serial, kind in told]
        alerts.raise_alerts(conn, raised, NOW)
        seen = station.gather(conn, "T1", station.places_of(conn, "T1", NIGHT), NIGHT).seen
    known = [(one.quality[-(DAYS - ONSET) :] != Quality.MISSING).all() for one in seen.meters]
    assert [n for n, there in enumerate(known) if not there] == [4]
    assert (seen.meters[4].quality[-(DAYS - ONSET) :] == Quality.MISSING).all()
    assert (seen.meters[4].quality[-(DAYS - ONSET) - 1] != Quality.MISSING).all()
    assert [list(one.events) for one in seen.meters if one.events] == [[(began.date(), "phase_bypass")]]


def test_what_little_or_odd_is_known_is_told_as_that(pool: Pool) -> None:
    """Three days of history, zeros, nothing, hours for half-hours, a constant load, panels, one meter."""
    with pool.connection() as conn:
        ids = meter_ids(conn)

        def without(serial: str, more: str = "true") -> None:
            conn.execute(f"DELETE FROM profile_day WHERE meter_id = {ids[serial]} AND {more}")

        without("M001", f"day < '{NIGHT - timedelta(2)}'")
        for serial in ("M002", "M003", "M005", "M006", "M008"):
            without(serial)
    hours = used()[4].reshape(DAYS, 24, 2).sum(axis=2)
    save(pool, ["M003"], np.zeros((1, DAYS, 48)))
    save(pool, ["M005"], hours[None])
    save(pool, ["M008"], np.repeat(used()[7:8] / 2, 2, axis=2))  # quarters of an hour
    save(pool, ["M006"], np.full((1, DAYS, 48), 40))
    save(pool, ["M007"], np.full((1, DAYS, 48), 100), channel=Channel.ACTIVE_EXPORT)
    learning.run(pool, NOW, trees=20)
    report = nightly.run(pool, NOW, per_1000=KNOB)
    assert (report.stations, report.meters, report.young) == (1, METERS, 2)
    for row in listed(pool):
        json.dumps([row.clues, row.stake], allow_nan=False)
        assert row.serial not in ("M001", "M002", "M003")
    with pool.connection() as conn:
        conn.execute("UPDATE installation SET until = %s WHERE point NOT IN ('P000', 'P001')", [NOW])
        conn.execute("DELETE FROM station_night; DELETE FROM inspection_round")
    report = nightly.run(pool, NOW + timedelta(days=1), per_1000=KNOB)
    assert (report.meters, report.young) == (1, 1)  # a class of one
    assert not learning.run(pool, NOW + timedelta(days=1))


def test_instants_are_asked_by_phase_and_day(pool: Pool) -> None:
    with pool.connection() as conn:
        meter = meter_ids(conn)[THIEF]
        for day in range(ONSET, DAYS):
            conn.execute(
                "INSERT INTO instant_read VALUES (%s, %s, %s, %s, NULL, NULL, NULL, NULL, %s, %s)",
                [meter, midnight(FIRST + timedelta(day)) + timedelta(hours=8), [230.0, 231.0, 229.0],
                 [2.0, 0.01, 3.0], NOW, uuid.uuid4()],
            )  # fmt: skip
    nightly.run(pool, NOW, per_1000=KNOB)
    (row,) = listed(pool)
    (dark,) = [clue for clue in row.clues if clue["kind"] == "dark_phase"]
    assert dark["figures"]["phase"] == 2
    assert dark["figures"]["days"] == DAYS - ONSET
