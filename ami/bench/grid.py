"""`ami bench grid`: a simulated grid with thieves and honest changes, asked night by night."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rich_click as click

from ami.bench.detect_files import households
from ami.bench.grid_nights import ENGINES, TOGETHER, judged, nights
from ami.bench.grid_world import HEADLESS, GridStation, destinies, station
from ami.bench.verb import promises
from ami.console import Step, emit, progress, table
from ami.failure import InputFailure
from ami.options import JSON
from analytics.abnormal import Household, Score, learn
from analytics.abnormal.trees import TREES

STATIONS, CUSTOMERS, BUDGET = 40, 60, 1.0
PRECISION, RECALL = 0.8, 0.7  # promised
TUNED_ON: Final = range(1000, 1005)  # seeds on which constants of `analytics.suspicion` were chosen
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
Half = tuple[Sequence[Household], Score]  # those that are replayed, and what was learned from the others


@click.command("grid")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--train", multiple=True, type=FILE, help="Learn the score from FILE; replay all of FILES.")
@click.option("--seeds", type=click.IntRange(1, 99), default=2, show_default=True, help="Grids to draw.")
@click.option("--first-seed", type=int, default=1, show_default=True, help="The first grid's seed.")
@click.option(
    "--stations", type=click.IntRange(1, 1000), default=STATIONS, show_default=True, help="Of each grid."
)
@click.option(
    "--customers", type=click.IntRange(4, 500), default=CUSTOMERS, show_default=True, help="Of each station."
)
@click.option(
    "--per-1000",
    type=click.FloatRange(0.01, 100),
    default=BUDGET,
    show_default=True,
    help="Cases a day that people have the time for, among 1,000 meters.",
)
@JSON
def command(
    files: tuple[Path, ...],
    train: tuple[Path, ...],
    seeds: int,
    first_seed: int,
    stations: int,
    customers: int,
    per_1000: float,
    as_json: bool,
) -> None:
    """Find planted thieves on a simulated grid of real households of CSV FILEs (meter,timestamp,kwh).

    Stations whose customers replay households (drawn, scaled, shifted in time), with losses that nobody is
    told, gaps, a tenth of stations without head meter; 3 % begin to steal (a part counted, a phase by-passed,
    nights), others are away, put up panels, buy an air conditioner, save. Night by night cases are opened
    within the budget of `--per-1000` meters and day; recall counts 30 days from the onset. The score has
    learned from other households than those a station replays: the files are parted in two, or --train.

    With --json: {"bench": "grid", "seeds", "first_seed", "tuned_on", "stations", "customers", "thieves",
    "allowed", "cases", "precision", "recall", "recall_with_head", "recall_without_head", "recall_by_theft",
    "median_days", "false_cases", "baselines": {name: the same}, "spread", "held", "left_out", "learned_from",
    "cpu_seconds"}; shares are means over the grids, counts sums.
    """
    judged_homes, left_out = households(files)
    teachers, unused = households(train) if train else ([], {})
    runs: list[dict[str, dict[str, Any]]] = []
    with progress("Bench grid", "grids") as step:
        step(0, seeds, "the score is learned")
        halves = parted(judged_homes, teachers if train else None)
        thieves = 0
        for number in range(seeds):
            world = grid(halves, first_seed + number, stations, customers)
            thieves += sum(one.steals for each in world for one in each.customers)
            runs.append(one_run(world, per_1000, number, seeds, step))
        step(seeds, seeds, "done")
    first, *others = ENGINES
    document: dict[str, Any] = {
        "bench": "grid",
        "seeds": seeds,
        "first_seed": first_seed,
        "tuned_on": [TUNED_ON.start, TUNED_ON.stop - 1],
        "stations": stations,
        "customers": customers,
        "thieves": thieves,
        "allowed_per_1000_a_day": per_1000,
        **together([run[first] for run in runs]),
        "baselines": {name: together([run[name] for run in runs]) for name in others},
        "spread": {
            name: [min(values), max(values)]
            for name in ("precision", "recall")
            if (values := [run[first][name] for run in runs if run[first][name] is not None])
        },
        "learned_from": [
            {"replayed": [one.name for one in homes], "learned": [one.name for one in taught]}
            for homes, taught in _halves(judged_homes, teachers if train else None)
        ],
        "left_out": left_out | unused,
        "cpu_seconds": round(time.process_time(), 1),
    }
    document["held"] = held(document)
    if as_json:
        emit(document)
    else:
        show(document)


def _halves(
    homes: Sequence[Household], teachers: Sequence[Household] | None
) -> list[tuple[Sequence[Household], Sequence[Household]]]:
    if teachers is not None:
        return [(homes, teachers)]
    middle = (len(homes) + 1) // 2
    return [(homes[:middle], homes[middle:]), (homes[middle:], homes[:middle])]


def parted(
    homes: Sequence[Household], teachers: Sequence[Household] | None, trees: int = TREES
) -> list[Half]:
    """Households with a score that knows none of them: two halves, each judged by what the other taught, or
    all by `teachers`. Raises `InputFailure` where there are too few."""
    if len(homes) < (1 if teachers is not None else 2) or teachers == []:
        raise InputFailure(
            f"{len(homes)} households can be replayed: some are needed beside others to learn from"
        )
    return [(some, learn(others, seed=1, trees=trees)) for some, others in _halves(homes, teachers)]


def grid(halves: Sequence[Half], seed: int, stations: int, customers: int) -> list[GridStation]:
    """The stations of one seed; those without a head meter are spread among them."""
    random = np.random.default_rng([seed, stations, customers])
    fates = destinies(stations * customers, random)
    headless = set(random.choice(stations, round(HEADLESS * stations), replace=False).tolist())
    found = []
    for number in range(stations):
        homes, score = halves[number % len(halves)]
        own = fates[number * customers : (number + 1) * customers]
        found.append(station(f"T{number:03d}", homes, score, own, random, headless=number in headless))
    return found


def one_run(
    world: Sequence[GridStation], per_1000: float, number: int, seeds: int, step: Step
) -> dict[str, dict[str, Any]]:
    """Engine → what its cases were worth."""
    found = {}
    for engine in ENGINES:

        def tell(night: int, engine: str = engine) -> None:
            step(number, seeds, f"{engine}, night {night}")

        found[engine] = judged(world, nights(world, engine, per_1000, tell))
    return found


def together(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Over grids: means of shares, sums of counts."""
    found: dict[str, Any] = {}
    for name, first in runs[0].items():
        values = [run[name] for run in runs]
        if name == "false_cases":
            kinds = sorted({kind for one in values for kind in one})
            found[name] = {kind: sum(one.get(kind, 0) for one in values) for kind in kinds}
        elif isinstance(first, dict):
            found[name] = {kind: _mean([one.get(kind) for one in values]) for kind in first}
        elif isinstance(first, int):
            found[name] = sum(values)
        else:
            found[name] = _mean(values)
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(float(np.mean(known)), 4) if known else None


def held(document: Mapping[str, Any]) -> dict[str, bool]:
    """What is promised, and whether it was so."""
    precision, recall = document["precision"], document["recall"]
    return {
        f"precision at the budget ≥ {PRECISION}": precision is not None and precision >= PRECISION,
        f"recall after 30 days ≥ {RECALL}": recall is not None and recall >= RECALL,
    }


def show(document: Mapping[str, Any]) -> None:
    """The document as a table."""
    numbers = ("Cases", "Precision", "Recall", "With head", "Without", "Scaled", "Phase", "Nights", "Days")
    rows = []
    for name, found in {TOGETHER: document, **document["baselines"]}.items():
        thefts = found["recall_by_theft"]
        shown = [found["precision"], found["recall"], found["recall_with_head"], found["recall_without_head"]]
        shown += [thefts.get(one) for one in ("scaled", "phase by-passed", "nights")]
        days = found["median_days"]
        told = ["–" if one is None else f"{one:.2f}" for one in shown]
        rows.append((name, f"{found['cases']}", *told, "–" if days is None else f"{days:.0f}"))
    title = (
        f"grid · {document['seeds']} × {document['stations']} stations of {document['customers']},"
        f" {document['thieves']} thieves · {document['allowed_per_1000_a_day']:g} alerts a day and 1,000"
    )
    table(title, ("By", *numbers), rows, right=numbers)
    false = ", ".join(f"{what} {n}" for what, n in document["false_cases"].items()) or "none"
    click.echo(f"False cases of {TOGETHER}: {false}")
    click.echo(f"Constants were chosen on seeds {document['tuned_on'][0]} to {document['tuned_on'][1]}.")
    promises(document)


__all__ = ["TOGETHER", "command", "grid", "one_run", "parted"]
