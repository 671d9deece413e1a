"""Score, balance, currents, events and export weighed together: known truths, odd stations, the budget."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import AnalyticsError
from analytics.losses import Technical
from analytics.suspicion import (
    Accused,
    BenignKind,
    Clue,
    ClueKind,
    MeterSeen,
    StationSeen,
    Suspect,
    suspects,
    within_budget,
)
from analytics.suspicion.budget import CHANGED, LEAST_STRENGTH, MUCH_MORE, allowance
from analytics.suspicion.clues import FAINT, _bounded
from analytics.suspicion.gains_kernel import day_gains
from analytics.suspicion.lacking import in_common, lacking
from analytics.suspicion.weigh import nights_before, standing, tonight
from model.quality import Quality

FIRST, DAYS, ONSET, CUSTOMERS = date(2026, 3, 2), 70, 50, 12


def uses(seed: int, customers: int = CUSTOMERS, days: int = DAYS) -> Any:
    """(m, d, 48) Wh of drawn homes."""
    chance = np.random.default_rng(seed)
    hours = np.arange(48) / 48 * 2 * np.pi
    shapes = 160 + 110 * np.sin(hours[None, :] - chance.uniform(2, 5, (customers, 1)))
    sizes = chance.uniform(0.5, 2, (customers, 1, 1)) * chance.lognormal(0, 0.15, (customers, days, 1))
    return shapes[:, None, :] * sizes * chance.gamma(3, 1 / 3, (customers, days, 48))


def meter(number: int, energy: Any, **more: Any) -> MeterSeen:
    quality = more.pop("quality", np.full(energy.shape, Quality.ACTUAL, np.uint8))
    scores = more.pop("scores", np.full(len(energy), np.nan))
    return MeterSeen(f"M{number:02d}", np.round(energy), quality, scores, **more)


def station(counted: Any, used: Any, seed: int = 1, **more: Any) -> StationSeen:
    """`used` and a loss goes through the head; `more`: meter number → its further fields."""
    load = used.sum(axis=0)
    chance = np.random.default_rng(seed)
    head = load + 60 + 0.03 * load**2 / load.mean() * chance.lognormal(0, 0.1, load.shape)
    further = more.pop("further", {})
    meters = [meter(at, one, **further.get(at, {})) for at, one in enumerate(counted)]
    return StationSeen("T01", FIRST, meters, np.round(head), np.ones(head.shape, np.uint8), **more)


def said(found: list[Suspect]) -> dict[str, Suspect]:
    """By serial; what cannot be written as JSON raises."""
    json.dumps([asdict(one) for one in found], allow_nan=False, default=str)
    return {one.serial: one for one in found}


@pytest.mark.parametrize(("way", "kind"), [("scaled", ClueKind.FALL), ("nights", ClueKind.NIGHT_FALL)])
def test_a_thief_is_found_and_nobody_else(way: str, kind: ClueKind) -> None:
    used = uses(1)
    counted = used.copy()
    night = np.r_[0:10, 44:48]
    if way == "scaled":
        counted[4, ONSET:] *= 0.5
    else:
        counted[4][ONSET:, night] *= 0.05
    found = said(suspects(station(counted, used, further={4: {"price_dong": 2500.0}})))
    thief = found["M04"]
    assert thief.strength > LEAST_STRENGTH
    assert max((one.strength for name, one in found.items() if name != "M04"), default=-9) < 0
    assert abs((thief.since - FIRST).days - ONSET) <= 2
    assert {ClueKind.BALANCE, kind} <= {clue.kind for clue in thief.clues}
    stolen = (used - counted)[4, ONSET:].sum(axis=1).mean()
    assert thief.uncounted_wh_a_day == pytest.approx(stolen, rel=0.3)
    assert thief.stake_dong_a_day == pytest.approx(thief.uncounted_wh_a_day * 2.5, abs=2)
    assert thief.by_balance
    assert thief.benign is None


def test_two_thieves_of_a_station_are_told_apart() -> None:
    used = uses(2)
    counted = used.copy()
    counted[1, ONSET:] *= 0.4
    counted[7, ONSET + 5 :] *= 0.6
    found = said(suspects(station(counted, used)))
    assert {name for name, one in found.items() if one.strength > LEAST_STRENGTH} == {"M01", "M07"}


def test_strengths_keep_their_order() -> None:
    """However strong: equal ones would go by serial, and the wrong door be knocked at."""
    told = [_bounded(one) for one in (-3.0, 1.0, 19.9, 20.0, 25.0, 80.0, 700.0, 5000.0, 9000.0)]
    assert told == sorted(set(told))
    assert told[:4] == [-3.0, 1.0, 19.9, 20.0]
    assert told[-1] < 50


@pytest.mark.parametrize(("customers", "seed"), [(1, 5), (2, 5), (2, 19), (3, 10), (3, 28)])
def test_another_load_behind_the_head_accuses_nobody(customers: int, seed: int) -> None:
    """A house without a meter: what lacks goes with somebody by chance, and always did."""
    used = uses(seed, customers + 1)
    used *= np.random.default_rng(400 + seed).lognormal(0, 0.8, used.shape)
    assert [one for one in suspects(station(used[:customers], used)) if one.strength >= 0] == []


def test_who_is_away_or_has_panels_is_explained_and_not_suspected() -> None:
    used = uses(3)
    used[2, ONSET:] *= 0.08
    used[5, ONSET:, 14:36] *= 0.3
    told = np.zeros(DAYS, bool)
    told[ONSET + 1 :] = True
    found = said(suspects(station(used, used)))
    assert max(one.strength for one in found.values()) < 0
    assert found["M02"].benign is not None
    assert found["M02"].benign.kind is BenignKind.VACANCY_SEEN
    assert found["M02"].clues == ()
    away = said(suspects(station(used, used, further={2: {"absent": told}})))
    assert "M02" not in away or away["M02"].strength < 0


def test_what_panels_feed_back_is_no_loss_and_no_gain() -> None:
    used = uses(4)
    fed = np.zeros_like(used)
    fed[3, ONSET:, 18:32] = 900.0
    counted = used.copy()
    counted[3, ONSET:, 18:32] = 0
    counted[6, ONSET:] *= 0.5
    truth = used.copy()
    truth[3] = counted[3] - fed[3]
    seen = station(counted, truth, further={3: {"exported": fed[3]}})
    found = said(suspects(seen))
    assert [name for name, one in found.items() if one.strength > LEAST_STRENGTH] == ["M06"]
    lost = {clue.kind: clue.figures for clue in found["M06"].clues}[ClueKind.BALANCE]
    stolen = (used - counted)[6, ONSET:].sum(axis=1).mean() / 1000
    assert lost["after"] == pytest.approx(stolen, abs=0.5)
    assert lost["before"] == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_panels_that_nobody_counts_hide_no_thief(seed: int) -> None:
    """By day more comes out of the station than went in; by night it lacks what is stolen."""
    used = uses(seed)
    chance = np.random.default_rng(seed)
    fed = np.zeros_like(used)
    fed[3, ONSET:, 14:36] = (
        1500 * np.sin(np.linspace(0, np.pi, 22)) * chance.uniform(0.3, 1, (DAYS - ONSET, 1))
    )
    counted = used.copy()
    counted[3, ONSET:, 14:36] = 0
    counted[6, ONSET + 2 :] *= 0.6
    truth = used.copy()
    truth[3] = counted[3] - fed[3]
    found = said(suspects(station(counted, truth)))
    assert [name for name, one in found.items() if one.strength > LEAST_STRENGTH] == ["M06"]
    lost = {clue.kind: clue.figures for clue in found["M06"].clues}[ClueKind.BALANCE]
    assert abs(float(lost["before"])) < 0.2
    assert float(lost["after"]) > 0.5


def test_without_a_head_energy_alone_makes_no_case() -> None:
    used = uses(5)
    used[2, ONSET:] *= 0.3
    seen = station(used, used)
    bare = StationSeen("T01", FIRST, seen.meters)
    found = said(suspects(bare))
    assert not any(one.by_balance for one in found.values())
    assert max((one.strength for one in found.values()), default=-9) < LEAST_STRENGTH


def test_a_dark_phase_and_an_opened_cover_count() -> None:
    used = uses(6)
    used[2, ONSET:] *= 0.6
    current = np.full((DAYS, 3), 2.0)
    current[ONSET:, 1] = 0.01
    seen = station(used, used)
    bare = said(suspects(StationSeen("T01", FIRST, seen.meters)))
    meters = list(seen.meters)
    meters[2] = meter(
        2,
        used[2],
        current_a=current,
        voltage_v=np.full((DAYS, 3), 230.0),
        events=[(FIRST + timedelta(ONSET), "cover_open")],
    )
    found = said(suspects(StationSeen("T01", FIRST, meters)))["M02"]
    assert found.strength > (bare["M02"].strength if "M02" in bare else -9) + 4
    kinds = {clue.kind: clue.figures for clue in found.clues}
    assert kinds[ClueKind.DARK_PHASE]["phase"] == 2
    assert kinds[ClueKind.EVENT]["code"] == "cover_open"


@pytest.mark.parametrize("slots", [24, 96])
def test_other_intervals_are_brought_together(slots: int) -> None:
    used = np.round(uses(7))
    counted = used.copy()
    counted[4, ONSET:] *= 0.4
    seen = station(counted, used)
    meters = list(seen.meters)
    for at in (0, 4):
        wh = counted[at]
        other = wh.reshape(DAYS, 24, 2).sum(axis=2) if slots == 24 else np.repeat(wh / 2, 2, axis=1)
        meters[at] = meter(at, other)
    assert seen.head is not None
    mixed = StationSeen("T01", FIRST, meters, seen.head, seen.head_quality)
    found = said(suspects(mixed))
    assert [name for name, one in found.items() if one.strength > LEAST_STRENGTH] == ["M04"]


def test_odd_stations_have_an_answer() -> None:
    used = uses(8, customers=3)
    short = station(used[:, :3], used[:, :3])
    assert suspects(short) == []
    assert suspects(StationSeen("T01", FIRST, ())) == []
    nothing = np.zeros_like(used)
    gone = np.zeros(used.shape[1:], np.uint8)
    odd = {
        "zeros": station(nothing, used),
        "constant": station(np.full_like(used, 100.0), np.full_like(used, 100.0)),
        "one": station(used[:1], used[:1]),
        "missing": station(
            used, used, further={0: {"quality": gone}, 1: {"quality": gone}, 2: {"quality": gone}}
        ),
        "no head for days": StationSeen("T", FIRST, station(used, used).meters, used[0], gone),
        "technical": station(used, used, technical=Technical(60, 0)),
    }
    for name, seen in odd.items():
        for one in said(suspects(seen)).values():
            assert np.isfinite(one.strength), name
            assert one.benign is not None or one.strength < LEAST_STRENGTH, name


def test_three_days_of_history_suspect_nobody() -> None:
    used = uses(9)
    young = np.full(used.shape[1:], Quality.ACTUAL, np.uint8)
    young[:-3] = Quality.MISSING
    counted = used.copy()
    counted[0] *= 0.3
    found = said(suspects(station(counted, used, further={0: {"quality": young}})))
    assert "M00" not in found


def test_shapes_that_do_not_fit_are_refused() -> None:
    used = uses(1, customers=2)
    with pytest.raises(AnalyticsError, match="do not fit"):
        meter(1, used[0], quality=np.ones((2, 48), np.uint8))
    with pytest.raises(AnalyticsError, match="give the same"):
        meter(1, used[0], scores=np.zeros(3))
    with pytest.raises(AnalyticsError, match="give the same"):
        StationSeen("T", FIRST, [meter(1, used[0]), meter(2, used[1, :20])])
    with pytest.raises(AnalyticsError, match="by slots"):
        meter(1, used[0], exported=np.zeros(DAYS))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_kernel_is_its_slow_twin(seed: int) -> None:
    chance = np.random.default_rng(seed)
    lack = chance.normal(0, 3, (4, 5))
    lack[chance.random((4, 5)) < 0.2] = np.nan
    loss = chance.normal(0, 2, (3, 4, 5)) * (chance.random((3, 4, 5)) < 0.8)
    times = np.array([0.5, 2.0])
    gains = np.empty((3, 2, 4))
    day_gains(lack, loss, times, 1.5, gains)

    def cost(error: float) -> float:
        size = abs(error)
        return 0.5 * size * size if size <= 1.5 else 1.5 * (size - 0.75)

    for i, k, d in np.ndindex(3, 2, 4):
        told = sum(
            cost(there) - cost(there - times[k] * taken)
            for there, taken in zip(lack[d], loss[i, d], strict=True)
            if not np.isnan(there)
        )
        assert gains[i, k, d] == pytest.approx(told, abs=1e-9)


def test_what_a_day_has_in_common_is_one_error() -> None:
    chance = np.random.default_rng(3)
    own, of_day = chance.normal(0, 100, (60, 48)), chance.normal(0, 100, (60, 1))
    head = np.full((60, 48), 20_000.0)
    zero = np.zeros_like(head)
    plain, together = (
        lacking(head, head - lost, zero, zero, 50, Technical(0, 0)) for lost in (own, own + of_day)
    )
    assert plain.in_step[0] < 2 < 10 < together.in_step[0]
    assert together.in_step[1] < 2
    ups_and_downs = np.tile([1.0, -1.0], (60, 24))
    for told in (plain, together):
        by_day = told.in_step[0] ** 0.5
        assert told.weighed(told.spread) == pytest.approx(np.full((60, 48), 1 / by_day))
        assert told.weighed(told.spread * ups_and_downs) == pytest.approx(ups_and_downs)


@pytest.mark.parametrize("slots", [1, 4, 8, 24, 96])
def test_days_of_any_interval_have_something_in_common(slots: int) -> None:
    z = np.random.default_rng(slots).normal(0, 1, (3, 9, slots))
    day, part = in_common(z)
    assert day.shape == part.shape == z.shape
    assert part.mean(axis=-1) == pytest.approx(z.mean(axis=-1))
    assert (part is day) == (slots in (1, 4, 8))


def test_a_suspicion_has_to_stand_on_four_nights() -> None:
    """Who falls for three days as a neighbour begins to steal fits what lacks as well, until he is back."""
    assert list(nights_before(40)) == [37, 38, 39]
    assert list(nights_before(32)) == [31]
    assert list(nights_before(31)) == []
    found = [suspect("new", 5.0), suspect("stands", 2.0), suspect("wavers", 6.0)]
    before = [
        [suspect("stands", 4.0), suspect("wavers", -1.0)],
        [suspect("stands", 3.0), suspect("wavers", 6.0)],
    ]
    said_then = [(one.serial, one.strength) for one in standing(found, before)]
    assert said_then == [("stands", 2.0), ("wavers", -1.0), ("new", FAINT)]
    used = uses(2)
    counted = used.copy()
    counted[1, ONSET:] *= 0.4
    seen = station(counted, used)
    early, late = seen.until(ONSET + 4), seen.until(ONSET + 12)
    assert tonight(early)[0].strength > LEAST_STRENGTH > suspects(early)[0].strength
    assert suspects(late)[0].serial == "M01"
    assert suspects(late)[0].strength > LEAST_STRENGTH


def suspect(serial: str, strength: float, *kinds: ClueKind) -> Suspect:
    clues = tuple(Clue(kind, {}, FIRST, FIRST) for kind in kinds or (ClueKind.FALL,))
    return Suspect(serial, strength, FIRST, clues, 1000, None, True)


def test_quiet_nights_leave_their_allowance() -> None:
    day = FIRST + timedelta(9)
    assert allowance(1000, 1.0, FIRST, FIRST, []) == 1
    assert allowance(1000, 1.0, FIRST, day, []) == 10
    assert allowance(1000, 1.0, FIRST, day, [FIRST, day]) == 8
    assert allowance(100, 1.0, FIRST, day, []) == 1
    assert allowance(1000, 1.0, FIRST, FIRST + timedelta(400), [FIRST]) == 30
    assert allowance(1000, 1.0, day, FIRST, []) == 0
    # Among few meters a case is saved up for longer: twelve are given one in 84 nights, and not two.
    later = FIRST + timedelta(200)
    assert [allowance(12, 1.0, FIRST, FIRST + timedelta(nights - 1), []) for nights in (83, 84)] == [0, 1]
    assert allowance(12, 1.0, FIRST, later, []) == 1
    assert allowance(12, 1.0, FIRST, later, [later - timedelta(83)]) == 0
    assert (allowance(0, 1.0, FIRST, later, []), allowance(9, 0.0, FIRST, later, [])) == (0, 0)


def test_the_strongest_within_the_budget() -> None:
    many = [suspect(f"M{at}", 2.0 + at) for at in range(5)] + [suspect("weak", LEAST_STRENGTH - 0.1)]
    chosen = within_budget(many, 1000, 1.0, (), begun=FIRST, tonight=FIRST + timedelta(2))
    assert [one.serial for one in chosen] == ["M4", "M3", "M2"]


def test_one_case_a_meter_and_none_twice_for_the_same() -> None:
    kinds = frozenset({ClueKind.FALL})
    cases = [
        Accused("open", FIRST, kinds, 3.0),
        Accused("confirmed", FIRST, kinds, 3.0, honest=False),
        Accused("honest", FIRST, kinds, 3.0, honest=True),
        Accused("grown", FIRST, kinds, 3.0, honest=True),
        Accused("faint", FIRST, kinds, 0.5, honest=True),
        Accused("new", FIRST, kinds, 3.0, honest=True),
    ]
    tonight = [
        suspect("open", 9.0),
        suspect("confirmed", 9.0, ClueKind.BALANCE),
        suspect("honest", 3.0 + CHANGED),
        suspect("grown", 3.0 * MUCH_MORE),
        suspect("faint", 0.5 + CHANGED - 0.1),
        suspect("new", 3.0, ClueKind.FALL, ClueKind.DARK_PHASE),
    ]
    chosen = within_budget(tonight, 1000, 100.0, cases, begun=FIRST, tonight=FIRST + timedelta(1))
    assert [one.serial for one in chosen] == ["grown", "new"]


def test_who_leaves_on_the_day_a_neighbour_begins_to_steal_is_no_part_of_it() -> None:
    """The thief's loss keeps other hours than what he is counted: what is left over looks like the absent."""
    used = uses(23)
    counted = used.copy()
    counted[4, ONSET:, 36:] *= 0.15
    counted[4, ONSET:, :36] *= 0.7
    used[8, ONSET:] *= 0.1
    counted[8] = used[8]
    found = said(suspects(station(counted, used)))
    assert found["M04"].strength > LEAST_STRENGTH
    assert "M08" not in found or found["M08"].strength < LEAST_STRENGTH
