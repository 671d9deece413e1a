"""The simulated grid: what happens in it is physically so, and what is found is counted rightly."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from ami.bench.grid import grid, held, parted, together
from ami.bench.grid_lives import NIGHT, by_passed, life, phase_shares, sunshine
from ami.bench.grid_nights import TOGETHER, judged, nights
from ami.bench.grid_world import DAYS, FIRST, HISTORY, Customer, GridStation, destinies
from ami.failure import InputFailure
from analytics.abnormal import Household, Score
from analytics.abnormal.trees import Trees
from analytics.suspicion import Accused, ClueKind


def home(name: str, seed: int, weeks: int = 34) -> Household:
    chance = np.random.default_rng(seed)
    shape = 150 + 100 * np.sin(np.arange(48) / 48 * 2 * np.pi - chance.uniform(2, 5))
    days = chance.lognormal(0, 0.2, (weeks * 7, 1)) * shape * chance.gamma(3, 1 / 3, (weeks * 7, 48))
    rest = np.tile([0, 0, 0, 0, 0, 1, 1], weeks)
    return Household(name, np.round(days), rest)


def mute() -> Score:
    """A score that says nothing of anything."""
    one = np.zeros((1, 1))
    inner = np.full((1, 1), -1, np.int64)
    return Score(Trees(0.0, inner, one.astype(np.float32), np.zeros((1, 1), np.int64), one))


@cache
def world(seed: int = 5) -> tuple[GridStation, ...]:
    homes = [home("a", 1), home("b", 2)]
    return tuple(grid([(homes, mute())], seed, stations=3, customers=34))


@pytest.mark.parametrize("what", ["scaled", "phase by-passed", "nights"])
def test_a_thief_uses_as_before_and_is_counted_less(what: str) -> None:
    use = home("a", 1).wh[:DAYS]
    chance = np.random.default_rng(3)
    shares = phase_shares(DAYS, chance)
    lived = life(use, what, 60, shares, sunshine(DAYS, chance), chance)
    assert (lived.used == use).all()
    assert (lived.counted[:60] == use[:60]).all()
    assert lived.counted[60:].sum() < 0.95 * use[60:].sum()
    if what == "nights":
        assert (lived.counted[60:, ~NIGHT] == use[60:, ~NIGHT]).all()
    if what == "phase by-passed":
        assert (lived.counted[60:] <= use[60:] * (1 - shares[60:, :, by_passed(shares)]) + 1e-9).all()


def test_panels_feed_back_what_is_too_much() -> None:
    use = home("a", 1).wh[:DAYS]
    chance = np.random.default_rng(4)
    lived = life(use, "rooftop PV", 60, phase_shares(DAYS, chance), sunshine(DAYS, chance), chance)
    assert lived.fed[60:].sum() > 0
    assert (lived.counted == lived.used).all()
    assert not (lived.used * lived.fed).any()  # never both in a half-hour
    assert (lived.used[60:, 12:36] <= use[60:, 12:36]).all()
    assert (lived.used[:, NIGHT] == use[:, NIGHT]).all()


def test_the_head_sees_what_the_meters_do_not() -> None:
    """More goes in than is counted, by what lines and transformer lose, before anybody steals."""
    for one in world():
        if one.seen.head is None:
            continue
        counted = sum(meter.energy for meter in one.seen.meters)
        whole = np.all([(meter.quality != 0).all(axis=1) for meter in one.seen.meters], axis=0)
        lost = 1 - counted.sum(axis=1) / one.seen.head.sum(axis=1)
        assert (lost[:HISTORY][whole[:HISTORY]] > 0).all()
        assert (lost[:HISTORY][whole[:HISTORY]] < 0.09).all()


def test_fates_have_their_shares_and_stations_their_gaps() -> None:
    fates = destinies(2400, np.random.default_rng(1))
    assert sum(one.steals for one in fates) == 72
    assert sum(one.what == "vacancy" for one in fates) == 96
    assert all(HISTORY <= one.onset < HISTORY + 15 for one in fates)
    missing = np.mean([(meter.quality == 0).mean() for one in world() for meter in one.seen.meters])
    assert 0.02 < missing < 0.05
    replays = [meter.energy[:20].sum() for one in world() for meter in one.seen.meters]
    assert len(set(replays)) == len(replays)


def test_the_same_seed_is_the_same_grid() -> None:
    twice = [grid([([home("a", 1)], mute())], 5, stations=1, customers=9) for _ in range(2)]
    for one, other in zip(*twice, strict=True):
        for mine, its in zip(one.seen.meters, other.seen.meters, strict=True):
            assert (mine.energy == its.energy).all()


def test_thieves_are_found_night_by_night_and_few_others() -> None:
    some = [one for one in world() if one.seen.head is not None]
    found = judged(some, nights(some, TOGETHER, 1.0, every=6))
    assert found["precision"] is None or found["precision"] >= 0.6
    assert found["recall"] >= 0.5
    assert len(world()[0].seen.until(60).meters[0].energy) == 60


def case(serial: str, day: int) -> Accused:
    return Accused(serial, FIRST + timedelta(day), frozenset({ClueKind.FALL}), 2.0)


def test_cases_are_counted_as_promised() -> None:
    seen = world()[0].seen
    customers = [Customer("", 60) for _ in seen.meters]
    customers[:4] = [Customer(what, 60) for what in ("scaled", "nights", "nights", "vacancy")]
    one = GridStation(seen, tuple(customers))
    names = [meter.serial for meter in seen.meters]
    told = judged([one], [case(names[0], 65), case(names[1], 95), case(names[2], 58), case(names[3], 70)])
    assert told["precision"] == 0.5  # too late is true, before the onset is false
    assert told["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert told["median_days"] == 6
    assert told["false_cases"] == {"nights": 1, "vacancy": 1}
    nothing: dict[str, Any] = judged([one], [])
    assert (nothing["precision"], nothing["recall"], nothing["median_days"]) == (None, 0.0, None)
    both = together([told, nothing])
    assert both["precision"] == 0.5
    assert both["cases"] == 4
    assert not all(held(both).values())


def test_too_few_households_are_refused() -> None:
    with pytest.raises(InputFailure, match="can be replayed"):
        parted([home("a", 1)], None)
    with pytest.raises(InputFailure, match="give more or longer"):
        grid([([home("a", 1, weeks=15)], mute())], 1, stations=1, customers=34)
