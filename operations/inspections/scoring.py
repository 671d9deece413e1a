"""Scores of validated days: each by what was usual of its meter before, and by the model in force.

What is usual is told by whole days that lie some weeks back; they are moved on by and by, and stand still
while the meter is under suspicion: a theft must not become usual. What is due is asked of the days
themselves, so that a run that was killed goes on, and one that is made again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.abnormal import Household, Reference, Score
from analytics.abnormal.household import FEWEST_DAYS
from analytics.errors import AnalyticsError
from analytics.suspicion.budget import LEAST_STRENGTH
from operations.inspections.halves import WholeDays, whole_days
from storage import score_models, scores
from storage.scores import StoredReference

WINDOW: Final = 60  # days that are scored and looked at, up to the last
ASIDE: Final = 35  # days between those that say what is usual and the last: a theft is found sooner, or never
MOST_DAYS: Final = 84  # that say it
REACH: Final = 120  # days within which they are looked for
RENEWED: Final = 28  # days after which they are moved on
FROZEN_AT_MOST: Final = 180  # days; a habit of half a year is one, whatever it looked like
WEEK: Final = 7  # days, likewise while there are fewer than `MOST_DAYS`

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """A version and what it learned."""

    version: int
    score: Score


def model_in_force(conn: Connection[TupleRow], known: Model | None = None) -> Model | None:
    """None before the first was learned, and where another version of the program learned it; `known` where
    that is the one still."""
    if known is not None and score_models.version_in_force(conn) == known.version:
        return known
    kept = score_models.in_force(conn)
    if kept is None:
        return None
    try:
        return Model(kept.version, Score.from_bytes(kept.content))
    except AnalyticsError as unusable:
        logger.warning("score %d is not used: %s", kept.version, unusable)
        return None


def usual_days(
    known: WholeDays, begun: date, night: date, without: Sequence[tuple[date, date]] = ()
) -> tuple[date, date] | None:
    """First day, and the one after the last, of those that say what is usual on a night: the latest
    `MOST_DAYS` whole ones that lie `ASIDE` days back, else the first `FEWEST_DAYS` there are; None where
    there are fewer. `begun`: since when the meter hangs; `without`: spans of confirmed theft."""
    dates = [
        day
        for day in known.dates()
        if day >= begun and day < night and not any(first <= day <= last for first, last in without)
    ]
    if without:  # nothing is usual across a theft: what came after it, or before
        last_theft = max(last for _, last in without)
        after = [day for day in dates if day > last_theft]
        first_theft = min(first for first, _ in without)
        dates = after if len(after) >= FEWEST_DAYS else [day for day in dates if day < first_theft]
    old = [day for day in dates if day <= night - timedelta(ASIDE)][-MOST_DAYS:]
    chosen = old if len(old) >= FEWEST_DAYS else dates[:FEWEST_DAYS]
    if len(chosen) < FEWEST_DAYS:
        return None
    return chosen[0], chosen[-1] + timedelta(1)


def is_due(kept: StoredReference | None, begun: date, night: date, frozen: bool) -> bool:
    """Whether what is usual of a meter is to be asked anew on a night."""
    if kept is None or kept.first < begun:
        return True
    age = (night - kept.until).days
    if frozen:
        return age > FROZEN_AT_MOST
    return age >= ASIDE + (RENEWED if kept.days >= MOST_DAYS else WEEK)


def logits(
    model: Model, reference: Reference, known: WholeDays, wanted: Sequence[date]
) -> list[float | None]:
    """Of each day wanted; None of one that is not whole."""
    at = np.array([(day - known.first).days for day in wanted], np.int64)
    whole = known.whole[at]
    found: list[float | None] = [None] * len(wanted)
    if whole.any():
        said = model.score.of(reference, Household(known.name, known.wh[at[whole]], known.rest[at[whole]]))
        for place, logit in zip(np.flatnonzero(whole).tolist(), said.tolist(), strict=True):
            found[place] = float(logit)
    return found


def score(
    conn: Connection[TupleRow],
    model: Model | None,
    begun: Mapping[int, date],
    night: date,
    now: datetime,
    thefts: Mapping[int, Sequence[tuple[date, date]]],
) -> tuple[int, set[int]]:
    """Score what is due of these meters (since when each hangs) up to the day `night`; (days scored, meters
    of which too few whole days are known). Without a model it is only asked what is usual of them."""
    kept = scores.references(conn, begun)
    # Who stands out goes on by what was usual before.
    frozen = scores.frozen(conn, list(kept), night - timedelta(RENEWED), LEAST_STRENGTH)
    stale = {
        meter for meter, since in begun.items() if is_due(kept.get(meter), since, night, meter in frozen)
    }
    first = night - timedelta(WINDOW - 1)
    reach = min([first, *(one.first for one in kept.values())])
    if stale:
        reach = min(reach, night - timedelta(REACH))
    known = whole_days(conn, list(begun), reach, night + timedelta(1))
    made: dict[int, StoredReference] = {}
    references: dict[int, Reference] = {}
    for meter in sorted(stale):
        span = usual_days(known[meter], begun[meter], night, thefts.get(meter, ()))
        old = kept.get(meter)
        if span is None or (old is not None and (old.first, old.until) == span):
            continue
        history = known[meter].household(*span)
        references[meter] = Reference.of(history)
        made[meter] = StoredReference(*span, len(history), references[meter].figures, now)
    if made:
        scores.keep_references(conn, made)
        scores.forget_before(conn, {meter: one.until for meter, one in made.items()}, first)
        kept |= made
    young = {meter for meter in begun if meter not in kept or kept[meter].first < begun[meter]}
    since = {meter: kept[meter].until for meter in begun if meter not in young}
    if model is None:
        return 0, young
    due = scores.due(conn, since, model.version, first, night)
    said: list[float | None] = []
    for meter, rows in groupby(due, key=itemgetter(0)):
        if meter not in references:
            history = known[meter].household(kept[meter].first, kept[meter].until)
            if not len(history):
                said += [None for _ in rows]
                continue
            references[meter] = Reference.again(history, kept[meter].figures)
        said += logits(model, references[meter], known[meter], [day for _, day, *_ in rows])
    scores.save(conn, model.version, due, said)
    return sum(one is not None for one in said), young
