"""What is usual of a meter, when it is asked anew, what an inspection shows: by days drawn at random."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.suspicion import MeterSeen, StationSeen, worth_a_morning
from analytics.suspicion.arranged import arranged
from model.quality import Quality
from operations.inspections import evidence, learning, rounds, scoring, stake
from operations.inspections.halves import WholeDays
from storage.score_models import Verdict
from storage.scores import StoredReference
from storage.suspicions import Suspicion

FIRST = date(2026, 1, 1)
AT = datetime(2026, 6, 1, tzinfo=UTC)


def known(whole: np.ndarray) -> WholeDays:
    days = len(whole)
    return WholeDays("M1", FIRST, np.ones((days, 48)), whole, np.zeros(days, np.int64))


@given(st.lists(st.booleans(), max_size=200), st.integers(0, 60), st.integers(1, 220))
@settings(max_examples=150, deadline=None)
def test_what_is_usual_lies_before_the_night(flags: list[bool], begun: int, night: int) -> None:
    whole, tonight = np.array(flags, bool), FIRST + timedelta(night)
    found = scoring.usual_days(known(whole), FIRST + timedelta(begun), tonight)
    there = [n for n in np.flatnonzero(whole).tolist() if begun <= n < night]
    if found is None:
        assert len(there) < 28
        return
    first, until = ((day - FIRST).days for day in found)
    chosen = [n for n in there if first <= n < until]
    assert 28 <= len(chosen) <= scoring.MOST_DAYS
    assert until <= night
    old = [n for n in there if n <= night - scoring.ASIDE]
    if len(old) >= 28:
        assert chosen == old[-scoring.MOST_DAYS :]


def test_a_theft_never_becomes_usual() -> None:
    theft = FIRST + timedelta(100), FIRST + timedelta(130)
    night = FIRST + timedelta(170)
    whole = known(np.ones(171, bool))
    first, until = scoring.usual_days(whole, FIRST, night, [theft]) or (None, None)
    assert (first, until) == (
        theft[1] + timedelta(1),
        theft[1] + timedelta(29),
    )  # what came after, once there is enough
    before = scoring.usual_days(whole, FIRST, theft[1] + timedelta(10), [theft])
    assert before is not None
    assert before[1] <= theft[0]


def reference(until: int, days: int = 84) -> StoredReference:
    return StoredReference(FIRST, FIRST + timedelta(until), days, np.zeros(1), AT)


@pytest.mark.parametrize(
    ("kept", "night", "frozen", "due"),
    [
        (None, 100, False, True),
        (reference(60), 100, False, False),
        (reference(60), 60 + 35 + 28, False, True),
        (reference(60), 60 + 35 + 28, True, False),
        (reference(60), 60 + 181, True, True),  # a habit of half a year is one
        (reference(60, days=28), 60 + 35 + 7, False, True),  # more days are known by now
    ],
)
def test_when_it_is_asked_anew(kept: StoredReference | None, night: int, frozen: bool, due: bool) -> None:
    assert scoring.is_due(kept, FIRST, FIRST + timedelta(night), frozen) is due
    assert scoring.is_due(
        kept, FIRST + timedelta(5), FIRST + timedelta(night), frozen
    )  # another customer's days


def test_a_confirmed_theft_lasts_until_it_was_found() -> None:
    verdicts = [
        Verdict(7, True, FIRST, FIRST + timedelta(3), AT),
        Verdict(8, False, FIRST, FIRST + timedelta(3), AT),
    ]
    assert learning.spans(verdicts) == {7: [(FIRST, AT.date())]}


ODD = st.sampled_from(["zeros", "missing", "constant", "home", "back"])


@given(st.lists(ODD, min_size=1, max_size=5), st.booleans(), st.integers(0, 9), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_what_is_shown_is_json_whatever_is_known(kinds: list[str], head: bool, day: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    meters = []
    for number, kind in enumerate(kinds):
        slots = 24 if number == 2 else 48
        wh = random.gamma(1, 200, (10, slots)) if kind in ("home", "back") else np.zeros((10, slots))
        wh = np.full((10, slots), 40.0) if kind == "constant" else wh
        quality = np.full((10, slots), Quality.MISSING if kind == "missing" else Quality.ACTUAL, np.uint8)
        back = np.full((10, slots), 10.0) if kind == "back" else None
        logits = np.where(random.random(10) < 0.5, np.nan, 1.0)
        meters.append(MeterSeen(f"M{number}", wh, quality, logits, exported=back))
    into = random.gamma(2, 500, (10, 48)) if head else None
    station = StationSeen("T1", FIRST, meters, into, None if into is None else np.ones((10, 48), np.uint8))
    found = arranged(station)
    for at in range(len(meters)):
        shown = evidence.drawn_up(station, found, at, FIRST + timedelta(day))
        json.dumps(shown, allow_nan=False)
        assert len(shown["days"]["kwh"]) == len(shown["days"]["peers"]) == 10
        assert (shown["balance"] is None) == (not head)


def test_peers_are_told_in_percent_of_their_own_usual_day() -> None:
    daily = np.array([[1.0] * 4, [10, 10, 20, 20], [5, 5, 10, 10], [1, 1, 2, np.nan], [0, 0, 0, 0]])
    assert evidence.listed(evidence.peers(daily, 0, 2), 0) == [100, 100, 200, None]
    assert evidence.listed(evidence.peers(daily[:2], 0, 2), 0) == [None] * 4  # one neighbour is none
    assert evidence.listed(evidence.peers(daily, 0, 0), 0) == [None] * 4


def test_what_is_at_stake_without_a_price_is_not_told() -> None:
    assert stake.document(None, 2.5, 10)["dong"] is None
    assert stake.document(stake.Price(2000.0, "next_kwh"), 2.5, 10)["dong"] == 50_000


def suspicion(strength: float, *kinds: str) -> Suspicion:
    clues = [{"kind": k, "first": "2026-01-01", "last": "2026-01-09", "figures": {}} for k in kinds]
    return Suspicion(1, "M1", "T1", "P1", FIRST, strength, FIRST, clues, 1.0, None, {"stake": {"dong": None}})


@pytest.mark.parametrize(
    ("found", "red"),
    [
        (suspicion(5.0, "fall"), False),
        (suspicion(5.0, "balance", "fall"), True),
        (suspicion(1.5, "balance"), False),
        (suspicion(5.0, "dark_phase"), True),
    ],
)
def test_red_is_what_is_likely_and_no_mere_habit(found: Suspicion, red: bool) -> None:
    assert (rounds.severity(found).name == "RED") is red


def test_a_clue_is_kept_and_told_again() -> None:
    kept = suspicion(2.0, "balance", "shape")
    told = rounds.as_suspect(kept)
    assert [rounds.as_json(clue) for clue in told.clues] == list(kept.clues)


@pytest.mark.parametrize(("kwh", "worth"), [(None, True), (0.0, True), (0.4, False), (1.0, True)])
def test_a_morning_is_not_spent_on_a_lamp(kwh: float | None, worth: bool) -> None:
    one = rounds.as_suspect(replace(suspicion(9.0, "balance"), kwh_a_day=kwh))
    assert worth_a_morning([one], []) == [one] * worth
