"""`ami bench detect`: what the learned score of abnormal days is worth on real households, beside others."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rich_click as click

from ami.bench.detect_baselines import Floats, baselines, day_figures
from ami.bench.detect_figures import area, figures
from ami.bench.detect_files import households
from ami.bench.detect_life import LIVES
from ami.bench.verb import promises
from ami.console import Step, emit, progress, table
from ami.failure import InputFailure
from ami.options import JSON
from analytics.abnormal import Household, Reference, Score, learn_from
from analytics.abnormal.attacks import ATTACKS
from analytics.abnormal.examples import Examples, of_another, of_its_own, streams
from analytics.abnormal.reference import Table
from analytics.abnormal.trees import TREES

OURS: Final = "learned score"
STRANGERS: Final = "learned score, own history unlearned"
PEER: Final = "gradient boosting"
SMALLER, FOUND, DAYS = 0.7, 0.82, 7  # of the peer's 1 − AUC; at 0.5 % false alarms; to detect
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("detect")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--train", multiple=True, type=FILE, help="Learn from the households of FILE, not from others.")
@click.option("--seeds", type=click.IntRange(1, 99), default=5, show_default=True, help="Rounds to draw.")
@click.option("--control", is_flag=True, help="Draw the labels by lot: the areas must come to 0.5.")
@JSON
def command(
    files: tuple[Path, ...], train: tuple[Path, ...], seeds: int, control: bool, as_json: bool
) -> None:
    """Measure the learned score on households of CSV FILEs (meter,timestamp,kwh), plain or gzip.

    The first half of each household is history, the second is judged: as it is, and after six attacks (h1
    scaled by the day, h2 nothing for hours, h3 scaled by slot, h4 noise, h5 flat, h6 mirrored). Who judges
    has learned from the other households (with --train: from those named) and from the household's history,
    never from its second half. In the same run: scikit-learn's gradient boosting and isolation forest on 19
    figures of a day, a rule of dropped use, and the score without the household's own history.

    With --json: {"bench": "detect", "households", "days", "seeds", "auc_day", "auc_week", "dr_at_fpr",
    "dr_week_at_fpr", "per_attack", "per_household", "precision_at_budget", "recall_at_budget",
    "median_days_to_detect", "benign_alarm_rate", "benign_alarms", "spread", "baselines": {name: the same},
    "held", "left_out", "cpu_seconds"}; figures are means over the seeds, `spread` the least and the greatest.
    """
    judged, left_out = households(files)
    teachers, unused = households(train) if train else (judged, {})
    if not judged or (len(judged) < 2 and not train) or not teachers:
        why = "; ".join(f"{name}: {reason}" for name, reason in (left_out | unused).items())
        raise InputFailure(f"There are too few households to judge one by the others ({why or 'one alone'})")
    runs: list[dict[str, Any]] = []
    with progress("Bench detect", "rounds") as step:
        for seed in range(1, seeds + 1):
            runs.append(one_run(judged, teachers, seed, seeds, control=control, step=step))
        step(seeds, seeds, "done")
    document = {
        "bench": "detect",
        "households": len(judged),
        "days": sum(len(one.halves()[1]) for one in judged),
        "seeds": seeds,
        **_means([run[OURS] for run in runs]),
        "spread": _spread([run[OURS] for run in runs]),
        "baselines": {name: _means([run[name] for run in runs]) for name in runs[0] if name != OURS},
        "left_out": left_out | unused,
        "cpu_seconds": round(time.process_time(), 1),
    }
    if not control:
        document["held"] = held(document)
    if as_json:
        emit(document)
    else:
        show(document)


def one_run(
    judged: Sequence[Household],
    teachers: Sequence[Household],
    seed: int,
    seeds: int,
    *,
    control: bool = False,
    trees: int = TREES,
    step: Step = lambda done, total, text: None,
) -> dict[str, dict[str, Any]]:
    """Engine → figures, all of them over the same falsified days."""
    random = np.random.default_rng(seed)
    histories = {one.name: one.halves()[0] for one in judged}
    tested = {one.name: _streams(one.halves()[1], random) for one in judged}
    step(seed - 1, seeds, "days to learn from are made")
    lessons = {one.name: of_another(one, random) for one in teachers}
    plain = {name: _nineteen(histories[name], days) for name, days in tested.items()}
    known = {
        one.name: plain[one.name][: 1 + len(ATTACKS)]
        if one.name in plain
        else _nineteen(one.halves()[0], streams(one.halves()[1], random))
        for one in teachers
    }
    taught = {name: [one for one in lessons if one != name] for name in tested}
    scores: dict[str, dict[str, Floats]] = {OURS: {}, STRANGERS: {}}
    strangers: dict[tuple[str, ...], Score] = {}
    lots: dict[str, npt.NDArray[np.bool_]] = {}
    for number, (name, days) in enumerate(tested.items()):
        step(seed - 1, seeds, f"{name}, {number + 1} of {len(tested)}")
        reference = Reference.of(histories[name])
        tables = [reference.table(stream) for stream in days]
        others = [lessons[one] for one in taught[name]]
        own = of_its_own(histories[name], random)
        alike = tuple(taught[name])
        if alike not in strangers:
            strangers[alike] = learn_from(_labelled(others, control), seed=seed, trees=trees)
        learned = learn_from(_labelled([*others, own], control), seed=seed, trees=trees)
        lots[name] = by_lot(np.concatenate(tables[: 1 + len(ATTACKS)])) if control else np.zeros(0, bool)
        scores[OURS][name] = np.stack([learned.trees.logits(one) for one in tables])
        scores[STRANGERS][name] = np.stack([strangers[alike].trees.logits(one) for one in tables])
    if control:
        return {engine: _control(found, lots) for engine, found in scores.items()}
    scores |= baselines(plain, taught, known, seed)
    return {engine: figures(found, tuple(LIVES), seed) for engine, found in scores.items()}


def _streams(days: Household, random: np.random.Generator) -> list[Household]:
    """The days as they are, after each attack, after each honest change."""
    changed = [days.with_wh(np.round(life(days.wh, random))) for life in LIVES.values()]
    return [*streams(days, random), *changed]


def _nineteen(history: Household, days: Sequence[Household]) -> Floats:
    return np.stack([day_figures(history, one) for one in days])


def by_lot(table: Table) -> npt.NDArray[np.bool_]:
    """(n) labels that say nothing: a lot drawn by each row's own figures. The same row bears the same label
    wherever it stands, so that one which is judged and was learned from would show."""
    return np.array([zlib.crc32(row.tobytes()) % 2 == 1 for row in np.ascontiguousarray(table)])


def _labelled(parts: Sequence[Examples], control: bool) -> list[Examples]:
    """The examples; as a control, with labels by lot."""
    if not control:
        return list(parts)
    return [Examples(one.table, by_lot(one.table), np.ones(len(one.table))) for one in parts]


def _control(scores: Mapping[str, Floats], lots: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, Any]:
    said = np.concatenate([one[: 1 + len(ATTACKS)].ravel() for one in scores.values()])
    false = np.concatenate(list(lots.values()))
    return {"auc_day": area(said[~false], said[false])}


def _means(runs: Sequence[Any]) -> Any:
    """The mean of every figure, as deep as they lie; none where a run has none."""
    if isinstance(runs[0], dict):
        return {name: _means([run[name] for run in runs]) for name in runs[0]}
    return None if any(run is None for run in runs) else round(float(np.mean(runs)), 4)


def _spread(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The least and the greatest of every figure that is one number in every run, detection rates too."""
    found: dict[str, Any] = {}
    for name, first in runs[0].items():
        if name.startswith("dr_"):
            found[name] = _spread([run[name] for run in runs])
        elif isinstance(first, float) and all(run[name] is not None for run in runs):
            found[name] = [round(min(run[name] for run in runs), 4), round(max(run[name] for run in runs), 4)]
    return found


def held(document: Mapping[str, Any]) -> dict[str, bool]:
    """What is promised, and whether it was so."""
    peer, days = document["baselines"][PEER], document["median_days_to_detect"]
    return {
        f"1 − AUC by {period} at least 30 % smaller than {PEER}'s": (
            1 - document[f"auc_{period}"] <= SMALLER * (1 - peer[f"auc_{period}"])
        )
        for period in ("day", "week")
    } | {
        f"detection at 0.5 % false alarms ≥ {FOUND}": document["dr_at_fpr"]["0.005"] >= FOUND,
        f"median days to detect ≤ {DAYS}": days is not None and days <= DAYS,
    }


def show(document: Mapping[str, Any]) -> None:
    """The document as a table."""
    numbers = ("AUC day", "AUC week", "5 %", "0.5 %", "0.5 %, week", "Days", "Precision", "Honest alarms")
    rows = []
    for name, found in {OURS: document, **document["baselines"]}.items():
        if "dr_at_fpr" not in found:  # the control
            rows.append((name, f"{found['auc_day']:.4f}"))
            continue
        detection = [*found["dr_at_fpr"].values(), found["dr_week_at_fpr"]["0.005"]]
        rest = [found["median_days_to_detect"], found["precision_at_budget"], found["benign_alarm_rate"]]
        shown = [found["auc_day"], found["auc_week"], *detection, *rest]
        rows.append((name, *("–" if one is None else f"{one:.3f}" for one in shown)))
    title = (
        f"detect · {document['households']} households, {document['days']:,} days, {document['seeds']} seeds"
    )
    table(title, ("Engine", *numbers), rows, right=numbers)
    promises(document)
