"""What `ami load` answers a program, and the words and figures it shares with the terminal."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from analytics.profiles.group import BANDS, DURATION, GroupLoad
from analytics.profiles.typical import Typical
from model.period import LOCAL, midnight
from operations.loads import Coarser, Loads, limits
from operations.sentences import LANGUAGES


def document(found: Loads, top: int) -> dict[str, Any]:
    """The answer as a program reads it: powers in W, energies in Wh, shares from 0 to 1; null where nothing
    can be told."""
    one = found.load
    return {
        "of": str(found.whose),
        "from": found.first.isoformat(),
        "to": (found.first + timedelta(found.days)).isoformat(),
        "meters": len(found.serials),
        "minutes": found.minutes,
        **_together(one),
        "contract_kw": None if found.contract_kw is None else float(found.contract_kw),
        "utilisation_factor": figure(found.utilisation, 4),
        "profile": _profile(found),
        "profile_highest": _highest_interval(found),
        "by": [
            {"from": first.isoformat(), "to": end.isoformat(), **_together(load)}
            for first, end, load in found.pieces
        ],
        "typical": {
            kind.name.lower(): {
                f"p{round(100 * share)}_w": [figure(w) for w in one.bands[kind, band]]
                for band, share in enumerate(BANDS)
            }
            for kind in Typical
        },
        "duration": [
            {"share": share, "w": figure(w)} for share, w in zip(DURATION, one.duration.tolist(), strict=True)
        ],
        "top": [
            {
                "meter": found.serials[m],
                "pmax_w": figure(one.each.pmax_w[m]),
                "at": _slot(found, int(one.each.pmax_slot[m])),
                "sliding_hour_w": figure(one.each.sliding_w[m]),
                "sliding_hour_at": _slot(found, int(one.each.sliding_slot[m])),
                "load_factor": figure(one.each.load_factor[m], 4),
                "wh": int(one.each.total_wh[m]),
                "estimated": int(one.each.estimated[m]),
            }
            for m in highest(found, top)
        ],
        "silent": list(found.silent),
        "limits": {language: limits(found, language) for language in LANGUAGES},
        "unfit_days": found.unfit,
        "left_out": [_left_out(each) for each in found.coarser],
        "profile_left_out": [_left_out(each) for each in found.profile_coarser],
    }


def _together(one: GroupLoad) -> dict[str, Any]:
    return {
        "known": round(one.known, 5),
        "wh": one.wh if one.known else None,
        "pmax": None if one.pmax_at is None else {"w": figure(one.pmax_w), "at": at(one.pmax_at)},
        "sliding_hour": None
        if one.sliding_at is None
        else {"w": figure(one.sliding_w), "at": at(one.sliding_at)},
        "sum_of_pmax_w": figure(one.sum_of_pmax_w) if one.known else None,
        "coincidence_factor": figure(one.coincidence, 4),
        "diversity_factor": figure(one.diversity, 4),
        "load_factor": figure(one.load_factor, 4),
        "use_hours": figure(one.use_hours),
    }


def _profile(found: Loads) -> list[dict[str, Any]]:
    """Mean power of all together by interval; a gap is a gap, and what a figure rests on is said."""
    told = found.profile
    columns = told.begins, told.mean_w, told.wh, told.known, told.estimated
    return [
        {
            "at": _minute(found.first, begin),
            "w": figure(w),
            "wh": wh if known else None,
            "known": round(known, 4),
            "estimated": round(estimated, 4),
        }
        for begin, w, wh, known, estimated in zip(*(one.tolist() for one in columns), strict=True)
    ]


def _highest_interval(found: Loads) -> dict[str, Any] | None:
    place = found.profile.highest()
    if place is None:
        return None
    minutes = int(found.profile.minutes[place])
    begins = _minute(found.first, int(found.profile.begins[place]))
    return {"w": figure(found.profile.mean_w[place]), "at": begins, "minutes": minutes}


def highest(found: Loads, top: int) -> list[int]:
    """Meters by their Pmax, the highest first; without those that nothing was measured of."""
    pmax = found.load.each.pmax_w
    order = np.argsort(-np.nan_to_num(pmax, nan=-1.0), kind="stable").tolist()
    return [m for m in order if not np.isnan(pmax[m])][:top]


def instant(found: Loads, slot: int) -> datetime:
    """When a slot of the figures begins."""
    return midnight(found.first) + timedelta(minutes=found.minutes * slot)


def at(instant: datetime) -> str:
    """An instant as a program reads it."""
    return instant.astimezone(LOCAL).isoformat()


def figure(value: float | None, digits: int = 1) -> float | None:
    """A rounded figure, None for one that cannot be told."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def _slot(found: Loads, slot: int) -> str | None:
    return at(instant(found, slot)) if slot >= 0 else None


def _minute(first: date, minute: int) -> str:
    return at(midnight(first) + timedelta(minutes=minute))


def _left_out(one: Coarser) -> dict[str, Any]:
    return {"meter": one.serial, "minutes": one.minutes, "days": one.days}
