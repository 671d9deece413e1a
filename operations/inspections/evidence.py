"""What an inspection shows of its meter: drawn up on the night it was seen, so that whoever looks later sees
what was to be seen then.

    curve    {"slots", "usual": [Wh …], "accused": [Wh …]}: the mean day before and since, None where unknown
    days     {"first", "since", "kwh": [… or None], "logit": [… or None], "peers": [… or None]}
             `peers`: what the other customers of the station used each day, in percent of their own usual day
    balance  None without a head meter, else {"delivered_kwh", "unexplained_kwh": [… or None], "technical"}
             by day; `technical`: whether the loss by the name plate is taken off; "stood_in": share of the
             customers' slots at what is usual of them; "silent": customers of whom nothing is known
    events   [{"day", "code"}], the latest last
    stake    {"kwh_a_day", "days", "dong_a_kwh", "by", "dong"} (`operations.inspections.stake`)
"""

from __future__ import annotations

import warnings
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.losses import Technical, residue
from analytics.suspicion import MeterSeen, StationSeen
from analytics.suspicion.arranged import Arranged
from model.quality import Quality

EVENTS: Final = 30  # shown
SURE_SHARE: Final = 0.9  # of a day's slots, to tell what was used on it
FEWEST_PEERS: Final = 3

Floats = npt.NDArray[np.float64]


def drawn_up(station: StationSeen, found: Arranged, at: int, since: date) -> dict[str, Any]:
    """Of the meter number `at` of a station that is `arranged`; everything but the stake."""
    one, day = station.meters[at], (since - station.first).days
    daily = by_day(found.used)
    return {
        "curve": curve(found.used[at], day),
        "days": {
            "first": station.first.isoformat(),
            "since": since.isoformat(),
            "kwh": listed(daily[at] / 1000, 2),
            "logit": listed(one.scores, 2),
            "peers": listed(peers(daily, at, day), 0),
        },
        "balance": balance(station, found),
        "events": _events(one),
    }


def by_day(used: Floats) -> Floats:
    """(m, d) Wh of each day of which nearly all is known, the rest at the mean of what is; else NaN."""
    known = ~np.isnan(used)
    seen = known.sum(axis=2)
    sums = np.where(known, used, 0.0).sum(axis=2)
    enough = seen >= SURE_SHARE * used.shape[2]
    return np.where(enough, sums * used.shape[2] / np.maximum(seen, 1), np.nan)


def curve(used: Floats, day: int) -> dict[str, Any]:
    """The mean day (Wh by slot) before the day and since."""
    return {"slots": used.shape[1], "usual": _mean(used[:day]), "accused": _mean(used[day:])}


def peers(daily: Floats, at: int, day: int) -> Floats:
    """(d) percent: the median over the station's other customers of a day over their own usual one before
    `day`; NaN where fewer than `FEWEST_PEERS` can be asked."""
    others = np.delete(daily, at, axis=0)
    told = np.full(daily.shape[1], np.nan)
    if not day or not len(others):
        return told
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing known of one: it is left out below
        usual = np.nanmedian(others[:, :day], axis=1)
        rows = others[usual > 0] / usual[usual > 0, None]
        enough = (~np.isnan(rows)).sum(axis=0) >= FEWEST_PEERS
        told[enough] = 100 * np.nanmedian(rows[:, enough], axis=0)
    return told


def balance(station: StationSeen, found: Arranged) -> dict[str, Any] | None:
    """By day, over the slots in which the head is known; a customer who is missing stands at what is usual of
    him, as he was weighed, and one of whom nothing is known at nothing. None without a head meter."""
    if found.head is None:
        return None
    technical = station.technical or Technical(0.0, 0.0)
    head_known = np.where(np.isnan(found.head), Quality.MISSING, Quality.ACTUAL).astype(np.uint8)
    held = np.full(found.filled.shape, Quality.ACTUAL, np.uint8)
    into = np.nan_to_num(found.head) + found.fed
    told = residue(into, head_known, found.filled, held, technical).by_day()
    unknown = np.isnan(found.used)
    return {
        "delivered_kwh": listed(told[:, 0] / 1000, 2),
        "unexplained_kwh": listed(told[:, 1] / 1000, 2),
        "technical": station.technical is not None,
        "stood_in": round(float(unknown.mean()), 4) if unknown.size else 0.0,
        "silent": int(unknown.all(axis=(1, 2)).sum()),
    }


def listed(values: Floats, places: int) -> list[float | None]:
    """As JSON has it: None for what is unknown."""
    return [round(float(one), places) if np.isfinite(one) else None for one in values]


def _mean(used: Floats) -> list[float | None]:
    known = ~np.isnan(used)
    n = known.sum(axis=0)
    mean = np.where(known, used, 0.0).sum(axis=0) / np.maximum(n, 1)
    return listed(np.where(n > 0, mean, np.nan), 1)


def _events(one: MeterSeen) -> list[dict[str, str]]:
    latest = sorted(one.events)[-EVENTS:]
    return [{"day": day.isoformat(), "code": code} for day, code in latest]
