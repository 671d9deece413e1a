"""Slots that people decide: versions, the meter's own block untouched, late data that contradicts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from analytics.vee.methods import Method
from model.period import midnight
from model.quality import Quality
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import decided, edits, evidence, validate
from operations.edits import Way
from operations.errors import EditRefused
from storage import days, observed
from storage import edits as stored
from storage.edits import EditedMeanwhile, EditKind
from storage.pool import Pool, open_pool
from tests.edited_days import (
    DAY,
    LAN,
    MINH,
    NOW,
    blocks_of,
    by,
    day_of,
    key,
    people_and_meters,
    place,
    say,
)
from tests.operations_grid import bring, read

CHANNEL = Channel.ACTIVE_IMPORT


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        people_and_meters(pool)
        yield pool


def _findings(pool: Pool) -> dict[str, dict[str, object]]:
    meter = key(pool)[0]
    with pool.connection() as conn:
        found = observed.findings(conn, [meter], DAY, DAY + timedelta(days=1))
    return {finding.kind: dict(finding.detail) for _, finding in found}


def test_figures_that_somebody_states_stand_with_who_when_why_before_and_after(
    database: str, pool: Pool
) -> None:
    say(database, [100] * 48)
    validate.run(pool, NOW)
    sent = blocks_of(pool)
    with pool.connection() as conn:
        made = edits.values(conn, place(10, 3), by(why="đứt dây"), [5, 6, 7])
    assert (made.version, made.login, made.at, made.reason) == (1, "lan", NOW, "đứt dây")
    assert (made.decision.before_energy, made.after_energy) == ((100, 100, 100), (5, 6, 7))
    assert made.decision.before_quality == bytes([Quality.ACTUAL] * 3)
    assert made.after_quality == bytes([Quality.EDITED] * 3)
    energy, quality = day_of(pool)
    assert energy == [100] * 10 + [5, 6, 7] + [100] * 35
    assert [i for i, one in enumerate(quality) if one == Quality.EDITED] == [10, 11, 12]
    assert blocks_of(pool) == sent
    validate.run(pool, NOW)
    assert day_of(pool) == (energy, quality)


def test_taking_an_edit_back_is_a_version_and_may_be_taken_back_itself(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    validate.run(pool, NOW)
    with pool.connection() as conn:
        edits.values(conn, place(0, 2), by(), [1, 2])
        edits.values(conn, place(1, 2), by(MINH), [8, 9])
        assert edits.undo(conn, "H1", DAY, 2, by(), CHANNEL).after_energy == (2, 100)
        with pytest.raises(EditRefused, match="edit 2 of 20/10/2026 of meter H1 was taken back before"):
            edits.undo(conn, "H1", DAY, 2, by(), CHANNEL)
        assert edits.undo(conn, "H1", DAY, 3, by(), CHANNEL).after_energy == (8, 9)
        versions = stored.of_meters(conn, [key(pool)[0]], DAY, DAY + timedelta(days=1))[key(pool)]
    assert day_of(pool)[0][:4] == [1, 8, 9, 100]
    assert [(one.version, one.decision.undoes) for one in versions] == [(1, None), (2, None), (3, 2), (4, 3)]


def test_an_estimate_keeps_what_the_registers_counted_and_gives_way_to_what_the_meter_says(
    database: str, pool: Pool
) -> None:
    after = DAY + timedelta(days=1)
    bring(database, read("H1", midnight(DAY), 0), read("H1", midnight(after), 48 * 60))
    say(database, [60] * 20 + [9_000] + [60] * 7)
    say(database, [60] * 10, first_slot=38)
    validate.run(pool, NOW)
    with pool.connection() as conn:  # one slot is nonsense: without it the registers hold what is missing
        made = edits.estimate(conn, place(20, 1), by(), Way.BEST)
    energy, quality = day_of(pool)
    assert made.decision.kind is EditKind.ESTIMATE
    assert made.decision.method != (int(Method.NONE),)
    assert quality[20] == Quality.EDITED
    assert sum(energy) == 48 * 60
    with pool.connection() as conn:
        edits.estimate(conn, place(30, 2), by(), Way.ZERO)
    energy, quality = day_of(pool)
    assert energy[30:32] == [0, 0]
    assert sum(energy) == 48 * 60
    say(database, [70, 50], first_slot=30, minute=5)
    validate.run(pool, NOW)
    energy, quality = day_of(pool)
    assert (energy[30:32], quality[30:32]) == ([70, 50], [Quality.ACTUAL] * 2)
    assert quality[20] == Quality.EDITED
    assert "edit_contradicted" not in _findings(pool)


@pytest.mark.parametrize("way", [Way.LINEAR, Way.LIKE_DAY])
def test_an_estimate_by_name_is_that_one(database: str, pool: Pool, way: Way) -> None:
    for back in range(4):
        say(database, list(range(100, 148)), day=DAY - timedelta(days=back))
    validate.run(pool, NOW)
    with pool.connection() as conn:
        made = edits.estimate(conn, place(10, 3), by(), way)
    assert made.after_energy == (110, 111, 112)
    assert set(made.decision.method) == {Method.LINEAR if way is Way.LINEAR else Method.LIKE_DAY}


def test_what_the_meter_said_is_accepted_although_it_is_doubted(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    say(database, [100] * 5 + [130] + [100] * 42, minute=5)
    validate.run(pool, NOW)
    assert day_of(pool)[1][5] == Quality.SUSPECT
    with pool.connection() as conn:
        made = edits.accept(conn, place(5, 1), by())
    assert (made.after_energy, made.after_quality) == ((130,), bytes([Quality.EDITED]))
    say(database, [130], first_slot=5, minute=9)  # the same once more: nothing new
    validate.run(pool, NOW)
    assert day_of(pool)[1][5] == Quality.EDITED


def test_late_data_that_contradicts_stands_as_doubtful_and_is_told(database: str, pool: Pool) -> None:
    say(database, [100] * 10)
    say(database, [100] * 30, first_slot=18)
    validate.run(pool, NOW)
    with pool.connection() as conn:
        edits.values(conn, place(10, 8), by(), [40] * 8)
    say(database, [40, 40, 40, 77], first_slot=10, minute=5)
    validate.run(pool, NOW)
    energy, quality = day_of(pool)
    assert energy[10:18] == [40, 40, 40, 77, 40, 40, 40, 40]
    assert quality[10:18] == [Quality.EDITED] * 3 + [Quality.SUSPECT] + [Quality.EDITED] * 4
    told = _findings(pool)["edit_contradicted"]
    assert (told["slots"], told["first_slot"], told["edited_wh"], told["said_wh"]) == (1, 13, 40, 77)
    with pool.connection() as conn:  # whoever decides anew, knowing it, is not contradicted by it
        edits.values(conn, place(13, 1), by(MINH), [41])
    assert day_of(pool)[0][13] == 41
    assert "edit_contradicted" not in _findings(pool)


def test_the_second_of_two_who_edit_one_day_at_once_is_told(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    validate.run(pool, NOW)
    outcome: dict[str, object] = {}
    start = threading.Barrier(2)

    def edit(viewer: Viewer, figure: int) -> None:
        start.wait()
        try:
            with pool.connection() as conn:
                outcome[viewer.login] = edits.values(conn, place(4, 1), by(viewer, seen=0), [figure]).version
        except EditedMeanwhile as refused:
            outcome[viewer.login] = str(refused)

    both = [threading.Thread(target=edit, args=pair) for pair in ((LAN, 1), (MINH, 2))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(map(type, outcome.values()), key=str) == [int, str]
    first = next(login for login, told in outcome.items() if told == 1)
    second = next(told for told in outcome.values() if told != 1)
    assert f"Meter H1, 20/10/2026: {first} has edited it meanwhile (version 1)" in str(second)
    assert day_of(pool)[0][4] == (1 if first == "lan" else 2)


def test_a_validation_that_had_not_seen_the_edit_does_not_take_it_away(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    validate.run(pool, NOW)
    meter = key(pool)[0]
    with pool.connection() as slow:
        days.mark_due(slow, [meter], [DAY])
        slow.commit()
        due = days.take_due(slow, 10)
        inputs = evidence.inputs_of(slow, due)
        unknowing = decided.outputs(slow, inputs)
        with pool.connection() as conn:
            edits.values(conn, place(4, 1), by(), [1])
        for rows in validate._day_rows(unknowing):
            days.save_days(slow, rows, NOW)
        days.clear_due(slow, due)
    assert day_of(pool)[0][4] == 100  # for as long as it takes to validate again what is due
    validate.run(pool, NOW)
    assert day_of(pool)[0][4] == 1


def test_what_cannot_be_edited_is_one_sentence_and_nothing_changes(database: str, pool: Pool) -> None:
    say(database, [100] * 48)
    validate.run(pool, NOW)
    before = day_of(pool)
    bad = [
        (place(0, 2), by(), [1], "2 slots need 2 figures of at least 0 Wh, 1 were given"),
        (place(0, 1), by(), [-1], "of at least 0 Wh"),
        (place(0, 1), by(why=" "), [1], "an edit needs a reason"),
        (place(47, 2), by(), [1, 1], "has the slots 0 to 47"),
        (place(0, 1, DAY - timedelta(days=9)), by(), [1], "was never validated"),
        (edits.Place("H9", DAY, 0, 1), by(), [1], "there is no meter H9"),
        (place(0, 1), by(case=99), [1], "case 99 is not about meter H1"),
        (place(0, 1), by(Viewer("kh", UserRole.CUSTOMER, "KH-HOUSE")), [1], "by the staff alone"),
    ]
    for where, who, wh, sentence in bad:
        with pytest.raises(EditRefused, match=sentence), pool.connection() as conn:
            edits.values(conn, where, who, wh)
    say(database, [1], day=DAY + timedelta(days=2))
    validate.run(pool, NOW)
    with pytest.raises(EditRefused, match="the meter did not say all"), pool.connection() as conn:
        edits.values(conn, place(3, 1), by(), [7])
        edits.accept(conn, place(40, 1, DAY + timedelta(days=2)), by())
    assert day_of(pool) == before
    with pytest.raises(EditRefused, match="has no edit 1"), pool.connection() as conn:
        edits.undo(conn, "H1", DAY, 1, by(), CHANNEL)
