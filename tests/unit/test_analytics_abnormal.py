"""The abnormal score: what it learns and says, and that it states its limits."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest

from ami.bench.detect import by_lot
from ami.bench.detect_figures import area
from analytics.abnormal import Household, Judged, Reference, Score, learn, learn_from, weekly
from analytics.abnormal.attacks import ATTACKS, changed, falsified
from analytics.abnormal.examples import Examples, of_another, of_its_own, streams
from analytics.abnormal.life import lived
from analytics.abnormal.names import COLUMNS
from analytics.abnormal.worth import worth
from analytics.errors import AnalyticsError

DAYS, TREES = 84, 30


@cache
def home(seed: int, days: int = DAYS) -> Household:
    """Fridge, a morning and a long evening, later on days of rest."""
    random = np.random.default_rng([2026, seed])
    rest, slot = np.arange(days) % 7 // 5, np.arange(48)
    wake, size = random.uniform(11, 15), random.uniform(150, 900)
    at = wake + 3 * rest[:, None] + random.normal(0, 0.7, (days, 1))
    busy = np.exp(-0.5 * ((slot - at) / 1.2) ** 2) + 2 * np.exp(-0.5 * ((slot - 40) / 3.5) ** 2)
    fridge = random.uniform(25, 60) * (1 + ((slot + random.integers(0, 3, (days, 1))) % 3 == 0))
    wh = fridge + size * busy * random.gamma(3, 1 / 3, (days, 48))
    return Household(f"home {seed}", np.round(wh), rest.astype(np.int64))


@cache
def learned() -> Score:
    return learn([home(1), home(2)], [home(3).halves()[0]], seed=5, trees=TREES)


def test_what_is_falsified_stands_out() -> None:
    history, rest = home(3).halves()
    reference, random = Reference.of(history), np.random.default_rng(1)
    honest = learned().of(reference, rest)
    for attack in ATTACKS:
        false = learned().of(reference, rest.with_wh(falsified(rest.wh, attack, random)))
        assert area(honest, false) > 0.85, attack
    assert honest.mean() < 0


@cache
def described(seed: int, noise: int) -> np.ndarray:
    """A household's second half, as it is and falsified, by its history."""
    history, rest = home(seed).halves()
    reference = Reference.of(history)
    random = np.random.default_rng([seed, noise])
    return np.concatenate([reference.table(one) for one in streams(rest, random)])


def taught_by_lot(*tables: np.ndarray, seed: int) -> Score:
    parts = [Examples(table, by_lot(table), np.ones(len(table))) for table in tables]
    return learn_from(parts, seed=seed, trees=TREES)


def test_shuffled_labels_teach_nothing() -> None:
    areas = []
    for noise in range(3):
        for judged, others in ((1, (2, 3)), (2, (1, 3)), (3, (1, 2))):
            table = described(judged, noise)
            said = taught_by_lot(*(described(one, noise) for one in others), seed=noise).trees.logits(table)
            areas.append(area(said[~by_lot(table)], said[by_lot(table)]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


def test_shuffled_labels_show_what_was_learned_by_heart() -> None:
    table = described(1, 0)
    said = taught_by_lot(table, described(2, 0), seed=0).trees.logits(table)
    assert area(said[~by_lot(table)], said[by_lot(table)]) > 0.6


def test_a_score_explains_itself() -> None:
    history, rest = home(3).halves()
    reference = Reference.of(history)
    flat = rest.with_wh(falsified(rest.wh, "h5", np.random.default_rng(1)))
    table, trees = reference.table(flat), learned().trees
    whole = trees.start + trees.value[:, 0].sum() + trees.contributions(table).sum(1)
    np.testing.assert_allclose(whole, trees.logits(table), rtol=1e-9)
    for reasons in learned().why(reference, flat):
        assert reasons
        assert [one.logit for one in reasons] == sorted((one.logit for one in reasons), reverse=True)
        assert all(one.column in COLUMNS and one.logit > 0 for one in reasons)
    first = {reasons[0].subject for reasons in learned().why(reference, flat)}
    assert first <= {"flat", "restless", "habit", "level", "base_load", "mirrored"}


def test_the_same_seed_learns_the_same() -> None:
    once, again = (learn([], [home(2).of(slice(42))], seed=9, trees=5).to_bytes() for _ in range(2))
    assert once == again


def test_a_score_is_kept_in_a_file() -> None:
    content, reference = learned().to_bytes(), Reference.of(home(3).halves()[0])
    again = Score.from_bytes(content)
    np.testing.assert_array_equal(again.of(reference, home(3)), learned().of(reference, home(3)))
    for damaged in (b"", b"PK\x03\x04", content[: len(content) // 2]):
        with pytest.raises(AnalyticsError, match="no file of a learned score"):
            Score.from_bytes(damaged)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("version", 0, "other_score"),
        ("left", np.zeros((2, 3), np.int16), "bad_score"),
        ("left", np.zeros((TREES, 31), np.int16), "bad_score"),
    ],
)
def test_a_file_that_would_lead_astray_is_refused(name: str, value: object, kind: str) -> None:
    with np.load(io.BytesIO(learned().to_bytes())) as kept:
        arrays = {**kept, name: np.asarray(value)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    with pytest.raises(AnalyticsError) as refused:
        Score.from_bytes(file.getvalue())
    assert refused.value.kind == kind


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_whole_wh_and_never_more(attack: str) -> None:
    true = home(1).wh
    counted = falsified(true, attack, np.random.default_rng(2))
    assert (counted == np.round(counted)).all()
    assert (counted >= 0).all()
    assert (counted.sum(1) <= true.sum(1) + 24).all()  # flat and mirrored keep the sum but for rounding
    share = counted.sum(1) / true.sum(1)
    if attack == "h1":
        assert ((share > 0.09) & (share < 0.81)).all()
        assert share.std() > 0.1
    if attack == "h6":
        np.testing.assert_array_equal(counted[:, ::-1], true)
    assert changed(true, counted).mean() > 0.7  # hours of little use may be nothing unseen
    empty = np.zeros((3, 48))
    assert not changed(empty, falsified(empty, attack, np.random.default_rng(2))).any()


ODD = {
    "nothing at all": np.zeros((60, 48)),
    "constant": np.full((60, 48), 40.0),
    "one half-hour a day": np.eye(48)[np.arange(60) % 48] * 500,
    "enormous": np.random.default_rng(1).gamma(1, 1e7, (60, 48)).round(),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_households_get_figures(kind: str) -> None:
    household = Household(kind, ODD[kind], np.zeros(60, np.int64))
    history, rest = household.halves()
    assert np.isfinite(Reference.of(history).table(rest)).all()
    assert np.isfinite(learned().of(Reference.of(history), rest)).all()
    for lesson in (
        of_another(household, np.random.default_rng(1)),
        of_its_own(history, np.random.default_rng(1)),
    ):
        assert np.isfinite(lesson.table).all()
        assert lesson.weight.sum() > 0
    assert np.isfinite(lived(household.wh, np.random.default_rng(3))).all()


def test_limits_are_stated() -> None:
    with pytest.raises(AnalyticsError, match="3 whole days of history, 28 are needed"):
        Reference.of(home(1).of(slice(3)))
    with pytest.raises(AnalyticsError, match="whole days only"):
        home(1).with_wh(np.where(np.arange(48) == 3, np.nan, home(1).wh))
    with pytest.raises(AnalyticsError, match="do not fit"):
        home(1).with_wh(home(1).wh[:, :24])
    with pytest.raises(AnalyticsError, match="no household to learn from"):
        learn([], seed=1)


def test_a_week_is_the_mean_of_seven_days() -> None:
    np.testing.assert_allclose(weekly(np.arange(9.0)), [3, 4, 5])
    assert len(weekly(np.arange(6.0))) == 0


def test_a_reference_is_made_again_from_its_figures() -> None:
    history, rest = home(3).halves()
    reference = Reference.of(history)
    again = Reference.again(history, reference.figures)
    np.testing.assert_array_equal(again.table(rest), reference.table(rest))
    for figures in (reference.figures[:-1], reference.figures * np.nan):
        with pytest.raises(AnalyticsError, match="no figures of a reference"):
            Reference.again(history, figures)
    with pytest.raises(AnalyticsError):
        Reference.again(history.of(slice(0)), reference.figures)


def test_what_an_inspection_found_is_learned() -> None:
    history, rest = home(3).halves()
    halved = rest.with_wh(np.round(rest.wh / 2))
    lessons = [home(1).halves()[0]]
    means = [
        learn([], lessons, [Judged(history, halved, falsified)] if judged else [], seed=4, trees=15)
        .of(Reference.of(history), halved)
        .mean()
        for judged, falsified in ((True, True), (False, False), (True, False))
    ]
    assert means[0] > means[1] > means[2]


def test_worth_is_told_of_households_not_learned_from() -> None:
    told = worth(learned(), [home(3)], seed=2)
    assert told["auc_day"] > 0.85
    assert (told["households"], told["days"]) == (1, DAYS // 2)
    assert worth(learned(), [], seed=2) == {}
