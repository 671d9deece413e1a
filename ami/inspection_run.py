"""`ami inspection run`, `learn` and `models`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, progress, say, table, when
from ami.options import AS_OF, JSON
from ami.settings import load
from model.jsonform import to_json
from operations import jobs
from operations.inspections.learning import FEWEST_METERS
from storage import score_models
from storage.pool import open_pool


@click.command("run")
@AS_OF
@JSON
def run(as_of: datetime | None, as_json: bool) -> None:
    """Score the days that are due, look through every station up to yesterday, open what the knob allows.

    A station that was looked through is due again once another version of the score is in force. Inspections
    are opened once a night.

    `ami worker` does the same by itself each night, when the day before is validated.
    """
    settings = load()
    with home.database(settings) as dsn, progress("Looking through stations", "stations") as step:
        report = jobs.run_now(
            dsn,
            "inspect",
            clock=clocks.clock(as_of),
            progress=step,
            per_1000=settings.alerts_per_1000,
            anyway=True,
        )
    if as_json:
        emit(report)
        return
    if not report:
        say("Every station was looked through up to yesterday, and the night's inspections are opened.")
        return
    young = (
        f", {report.young:,} with too few whole days to judge them by (28 are needed)" if report.young else ""
    )
    say(f"{counted(report.stations, 'station')} with {counted(report.meters, 'meter')}{young}.")
    say(f"{counted(report.scored, 'day')} scored.")
    if report.nights:
        rest = f"{report.held:,} still stand out, {report.faded:,} closed by themselves"
        say(f"{report.opened:,} opened, {rest}.")
    else:
        say("The night's inspections were opened before: what stands out now counts from the next night on.")
    if report.waiting:
        say(
            f"{counted(report.waiting, 'more meter')} stand out and wait: among so many meters the knob "
            "`[abnormal] alerts_per_1000` opens no more tonight; what quiet nights leave is saved up."
        )


@click.command("learn")
@AS_OF
@JSON
def learn(as_of: datetime | None, as_json: bool) -> None:
    """Learn the score of abnormal days anew, from some meters' days and what inspections found.

    `ami worker` does the same by itself, once there is enough to learn from and then every 30 days.
    """
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "learn", clock=clocks.clock(as_of))
    if as_json:
        emit(report)
    elif not report:
        few = f"{counted(report.meters, 'meter')} with 28 whole days, {FEWEST_METERS} are needed"
        say(f"Nothing was learned: {few}.")
    else:
        worth = f", worth {report.auc_day:.3f} (AUC by day) on meters held out" if report.auc_day else ""
        place = "is in force" if report.in_force else "is not put in force: it is worth too little"
        said = f"{counted(report.meters, 'meter')} and {counted(report.days, 'day')}"
        say(f"Score {report.version} was learned from {said}{worth}; it {place}.")


@click.command("models")
@click.option("--use", type=int, metavar="VERSION", help="Score by this version from now on.")
@JSON
def models(use: int | None, as_json: bool) -> None:
    """Versions of the score: when each was learned, from what, what it is worth, which is in force."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        if use is not None:
            score_models.put_in_force(conn, use)
        found = score_models.models(conn)
    if as_json:
        emit({"models": [_document(one) for one in found]})
    elif not found:
        say("Nothing is learned yet: `ami inspection learn`.")
    else:
        heads = ("Score", "Learned", "Meters", "Days", "Judged", "AUC by day", "In force")
        right = ("Meters", "Days", "Judged", "AUC by day")
        table("", heads, [_line(one) for one in found], right=right)


def _document(one: score_models.ScoreModel) -> dict[str, Any]:
    return {name: value for name, value in to_json(one).items() if name != "content"}


def _line(one: score_models.ScoreModel) -> tuple[Any, ...]:
    area = one.figures.get("auc_day")
    return (
        one.version,
        when(one.learned_at),
        f"{one.meters:,}",
        f"{one.days:,}",
        f"{one.judged:,}",
        "" if area is None else f"{area:.4f}",
        "yes" if one.in_force else "",
    )
