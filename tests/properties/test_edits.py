"""Edits, their undoing and late data in any order: no value is lost, versions come in order, the last word
counts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from model.quality import Quality
from model.series import Channel
from operations import edits, validate
from storage import edits as stored
from storage.edits import EditKind, in_force, standing
from storage.pool import Pool, open_pool
from tests.edited_days import DAY, NOW, blocks_of, by, day_of, key, people_and_meters, place, say

SLOTS = 6  # of the day: what happens to few slots happens to each of them often
FIGURES = st.integers(0, 3)
SPANS = st.integers(0, SLOTS - 1).flatmap(lambda a: st.tuples(st.just(a), st.integers(1, SLOTS - a)))
EDIT = st.tuples(st.just("edit"), SPANS, st.lists(FIGURES, min_size=SLOTS, max_size=SLOTS))
LATE = st.tuples(st.just("late"), SPANS, st.lists(FIGURES, min_size=SLOTS, max_size=SLOTS))
_DAYS = (timedelta(days=number) for number in itertools.count())
UNDO = st.tuples(st.just("undo"), st.integers(0, 9), st.none())


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        people_and_meters(pool)
        yield pool


@dataclass
class Model:
    """What should stand: what the meter said last of each slot, and every decision with what it knew."""

    said: list[int | None] = field(default_factory=lambda: [None] * SLOTS)
    edits: dict[int, tuple[int, list[int], list[int | None]]] = field(default_factory=dict)
    undoes: dict[int, int] = field(default_factory=dict)

    def in_force(self) -> set[int]:
        alive: set[int] = set()
        undone: set[int] = set()
        for version in range(len(self.edits) + len(self.undoes), 0, -1):
            if version not in undone:
                alive.add(version)
                undone |= {self.undoes[version]} if version in self.undoes else set()
        return alive

    def slot(self, i: int) -> int | None:
        """The figure, None where nothing is known."""
        owners = [
            v
            for v in sorted(self.in_force() & set(self.edits))
            if 0 <= i - self.edits[v][0] < len(self.edits[v][1])
        ]
        if not owners:
            return self.said[i]
        first, figures, knew = self.edits[owners[-1]]
        new = self.said[i] is not None and self.said[i] != knew[i - first]
        return self.said[i] if new else figures[i - first]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("late", (0, 2), [0, 3, *[0] * 4]), ("late", (0, 6), [0] * 6), ("late", (0, 4), [0, 3, *[0] * 4])])
@given(st.lists(st.one_of(EDIT, EDIT, LATE, UNDO), min_size=1, max_size=7))
def test_whatever_comes_in_whatever_order(
    database: str, pool: Pool, story: list[tuple[str, object, list[int]]]
) -> None:
    day = DAY - 2 * next(_DAYS)  # a day of its own for each story
    model = Model()
    say(database, [9] * (48 - SLOTS), first_slot=SLOTS, day=day)
    validate.run(pool, NOW)
    for minute, (what, where, figures) in enumerate(story, 1):
        sent = blocks_of(pool)
        version = len(model.edits) + len(model.undoes) + 1
        if what == "undo":
            choice = sorted(model.in_force())
            if not choice:
                continue
            undone = choice[int(str(where)) % len(choice)]
            with pool.connection() as conn:
                edits.undo(conn, "H1", day, undone, by(), Channel.ACTIVE_IMPORT)
            model.undoes[version] = undone
        else:
            assert isinstance(where, tuple)
            first, count = where
            if what == "late":
                say(database, figures[:count], first_slot=first, minute=minute, day=day)
                model.said[first : first + count] = figures[:count]
                validate.run(pool, NOW)
            else:
                with pool.connection() as conn:
                    edits.values(conn, place(first, count, day), by(), figures[:count])
                model.edits[version] = (first, figures[:count], model.said[first : first + count])
        assert set(sent) <= set(blocks_of(pool))  # what the meter sent is only ever added to
        energy, quality = day_of(pool, day)
        shown = [None if grade == Quality.MISSING or 2 <= grade <= 5 else figure
                 for figure, grade in zip(energy, quality, strict=True)][:SLOTS]  # fmt: skip
        assert shown == [model.slot(i) for i in range(SLOTS)]
    validate.run(pool, NOW)
    again = day_of(pool, day)
    validate.run(pool, NOW)
    assert day_of(pool, day) == again
    _nothing_is_lost(pool, model, day)


def _nothing_is_lost(pool: Pool, model: Model, day: date) -> None:
    with pool.connection() as conn:
        kept = stored.of_meters(conn, [key(pool)[0]], day, day + timedelta(days=1)).get(key(pool, day), [])
    assert [one.version for one in kept] == list(range(1, len(model.edits) + len(model.undoes) + 1))
    for one in kept:
        if one.decision.kind is EditKind.UNDO:
            assert one.decision.undoes == model.undoes[one.version]
        else:
            assert list(one.decision.energy) == model.edits[one.version][1]
    assert {one.version for one in in_force(kept)} == model.in_force()
    assert {one.version for one in standing(kept)} == model.in_force() & set(model.edits)
