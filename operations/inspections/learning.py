"""Learning the score anew: from some meters' whole days, and from what inspections found.

A meter that was caught is not learned from as an honest one from its onset on, nor is one that an inspection
is open about; the accused days of one that was found honest are learned as honest, those of a confirmed one
as falsified.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.abnormal import Household, Judged, learn
from analytics.abnormal.household import FEWEST_DAYS
from analytics.abnormal.trees import TREES
from analytics.abnormal.worth import worth
from model.period import local_day
from model.viewer import NOBODY
from operations.inspections import scoring
from operations.inspections.halves import whole_days
from storage import score_models
from storage.pool import Pool
from storage.score_models import ScoreModel, Verdict

METERS: Final = 60  # drawn, spread over the plans
TRIED: Final = 3 * METERS  # of which so many are looked at: not all have days enough
FEWEST_METERS: Final = 5  # fewer tell nothing of what others do
REACH: Final = 240  # days back
MOST_DAYS: Final = 120  # whole ones of a meter
HELD_OUT: Final = 0.15  # of the meters with long records, to see what was learned is worth
JUDGED_DAYS: Final = 60  # of a verdict, the last ones
LEAST_AREA: Final = 0.8  # on meters held out; less is not put in force
EVERY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LearnReport:
    """`version` None: too little is known (`meters` with days enough); `in_force`: days are scored by it."""

    version: int | None = None
    meters: int = 0
    days: int = 0
    judged: int = 0
    in_force: bool = False
    auc_day: float | None = None

    def __add__(self, other: LearnReport) -> LearnReport:
        return other or self

    def __bool__(self) -> bool:
        return self.version is not None


def is_due(pool: Pool, now: datetime) -> bool:
    """Whether there is no model yet, none that this program can use, or it has been in force for
    a month."""
    with pool.connection() as conn:
        kept = score_models.in_force(conn)
        return kept is None or now - kept.learned_at >= EVERY or scoring.model_in_force(conn) is None


def run(pool: Pool, now: datetime, *, login: str = NOBODY, trees: int = TREES) -> LearnReport:
    """Learn a new version and put it in force; older ones stay. The same days teach the same score."""
    today = local_day(now)
    with pool.connection() as conn:
        verdicts = score_models.verdicts(conn)
        known = _drawn(conn, today, now, verdicts)
        judged = list(_judged(conn, today, verdicts))
    long = [one for one in known if len(one) >= 2 * FEWEST_DAYS]
    short = [one for one in known if len(one) < 2 * FEWEST_DAYS]
    if len(known) < FEWEST_METERS:
        return LearnReport(meters=len(known))
    aside = int(HELD_OUT * len(long))
    seed = today.toordinal()
    learned = learn(long[aside:], short, judged, seed=seed, trees=trees)
    figures = worth(learned, long[:aside], seed)
    area = figures.get("auc_day")
    good = area is None or area >= LEAST_AREA
    taught = long[aside:] + short
    model = ScoreModel(
        version=0,
        learned_at=now,
        login=login,
        meters=len(taught),
        days=sum(len(one) for one in taught),
        judged=sum(len(one.days) for one in judged),
        figures={"seed": seed, **figures},
        in_force=good,
        content=learned.to_bytes(),
    )
    with pool.connection() as conn:
        version = score_models.save(conn, model)
    return LearnReport(version, model.meters, model.days, model.judged, good, area)


def spans(verdicts: Iterable[Verdict]) -> dict[int, list[tuple[date, date]]]:
    """By meter, from when to when use was not counted, as found on site."""
    found: dict[int, list[tuple[date, date]]] = defaultdict(list)
    for one in verdicts:
        if one.falsified:
            found[one.meter_id].append((one.first, max(one.last, local_day(one.at))))
    return dict(found)


def _drawn(
    conn: Connection[TupleRow], today: date, now: datetime, verdicts: Iterable[Verdict]
) -> list[Household]:
    """Honest whole days of the meters drawn."""
    thefts, accused = spans(verdicts), score_models.accused(conn)
    drawn = score_models.sample(conn, str(today.year), now - timedelta(FEWEST_DAYS), TRIED)
    begun = {meter: local_day(since) + timedelta(1) for meter, since in drawn}
    known = whole_days(conn, list(begun), today - timedelta(REACH), today)
    found = []
    for meter, since in begun.items():
        until = min([today, *(first for first, _ in thefts.get(meter, ()))])
        until = min(until, accused.get(meter, until))
        household = known[meter].household(since, until)
        if len(household) >= FEWEST_DAYS and household.wh.any():
            found.append(household.of(slice(-MOST_DAYS, None)))
        if len(found) == METERS:
            break
    return found


def _judged(conn: Connection[TupleRow], today: date, verdicts: Iterable[Verdict]) -> Iterable[Judged]:
    """Accused days with what was usual before them, where that is known."""
    latest: Mapping[int, Verdict] = {one.meter_id: one for one in verdicts}
    for meter, verdict in list(latest.items())[-METERS:]:
        first = verdict.first - timedelta(scoring.REACH)
        known = whole_days(conn, [meter], first, verdict.last + timedelta(1))[meter]
        history = known.household(first, verdict.first)
        accused = known.household(verdict.first, verdict.last + timedelta(1))
        if len(history) >= FEWEST_DAYS and len(accused):
            yield Judged(
                history.of(slice(-scoring.MOST_DAYS, None)),
                accused.of(slice(-JUDGED_DAYS, None)),
                verdict.falsified,
            )
