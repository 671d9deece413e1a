"""What `ami station` answers a program: powers in W and VA, energies in Wh, shares from 0 to 1; null where
nothing can be told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from analytics.losses import Balance
from analytics.profiles.rated import RatedLoad
from model.period import LOCAL, midnight
from operations.stations import SideBalance, StationLoad, StationRow, StationSheet


def rows(found: list[StationRow]) -> list[dict[str, Any]]:
    """The list of all stations."""
    return [{**_load(row.load), "balance": _total(row.balance)} for row in found]


def document(found: StationSheet, *, intervals: bool) -> dict[str, Any]:
    """A station's sheet; with `intervals` its load and balance by half-hour, too."""
    load = found.load
    told: dict[str, Any] = {
        **_load(load),
        "from": load.first.isoformat(),
        "to": (load.first + timedelta(found.days)).isoformat(),
        "balance": _balance(found.balance),
        "feeders": [_balance(one) for one in found.feeders],
        "suspects": [
            {
                "meter": one.serial,
                "point": one.point,
                "customer": one.customer,
                "score": figure(one.score, 2),
                "stands_out": one.stands_out,
                "loss_wh": one.loss_wh,
                "at_night": one.at_night,
            }
            for one in found.suspects
        ],
        "why_no_suspects": found.why_no_suspects or None,
        "largest": [
            {
                "meter": one.serial,
                "point": one.point,
                "customer": one.customer,
                "wh": one.wh if one.known else None,
                "share": figure(one.share if one.known else None, 4),
                "pmax_w": figure(one.pmax_w),
                "known": figure(one.known, 4),
            }
            for one in found.largest
        ],
    }
    return told | ({"intervals": _intervals(found)} if intervals else {})


def _load(load: StationLoad) -> dict[str, Any]:
    fed, rated = load.transformer, load.rated
    return {
        "station": load.station.code,
        "name": load.station.name,
        "transformer": None
        if fed is None
        else {
            "kva": float(fed.kva),
            "since": fed.valid_from.isoformat(),
            "no_load_w": None if fed.no_load_w is None else float(fed.no_load_w),
            "load_w": None if fed.load_w is None else float(fed.load_w),
            "line_percent": None if fed.line_percent is None else float(fed.line_percent),
            "head_behind": fed.head_behind,
        },
        "source": load.source.value,
        "heads": load.heads,
        "minutes": load.minutes,
        "customers": load.customers,
        "silent_customers": load.silent,
        **rated_load(rated),
    }


def rated_load(rated: RatedLoad) -> dict[str, Any]:
    """A load against a transformer."""
    return {
        "known": figure(rated.known, 4),
        "reactive_measured": figure(rated.reactive_known, 4),
        "pmax": None if rated.pmax_at is None else {"w": figure(rated.pmax_w), "at": at(rated.pmax_at)},
        "smax": None
        if rated.smax_at is None
        else {"va": figure(rated.smax_va), "at": at(rated.smax_at), "of_rated": figure(rated.smax_share, 4)},
        "mean_of_rated": figure(rated.mean_share, 4),
        "above": [
            {
                "of_rated": one.level,
                "hours": figure(one.hours),
                "share": figure(one.share, 4),
                "longest_hours": figure(one.longest_hours),
                "longest_from": None if one.since is None else at(one.since),
            }
            for one in rated.above
        ],
    }


def _total(side: SideBalance) -> dict[str, Any] | None:
    if side.total is None:
        return None
    unexplained = figure(side.unexplained_percent, 3)
    return _figures(side.total) | {
        "unexplained_percent": unexplained,
        "technical_days": side.technical_days,
        "fed_in_wh": side.fed_in_wh,
    }


def _balance(side: SideBalance) -> dict[str, Any]:
    return {
        "feeder": side.feeder or None,
        "source": side.source.value,
        "heads": side.heads,
        "customers": side.customers,
        "total": _total(side),
        "by_day": [{"day": day.isoformat(), **_figures(one)} for day, one in side.by_day],
        "by_month": [{"month": f"{month:%Y-%m}", **_figures(one)} for month, one in side.by_month],
        "apart": [{"meter": serial, "billed_wh": wh} for serial, wh in side.apart],
        "unexplained_at_most": side.at_most,
        "lacking": [{"meter": serial, "hours": figure(hours)} for serial, hours in side.lacking],
    }


def _figures(one: Balance) -> dict[str, Any]:
    known = one.intervals > 0
    return {
        "delivered_wh": one.delivered_wh if known else None,
        "sold_wh": one.sold_wh if known else None,
        "technical_wh": one.technical_wh if known else None,
        "unexplained_wh": one.unexplained_wh if known else None,
        "loss_percent": figure(one.loss_percent, 3),
        "unexplained_percent": figure(one.unexplained_percent, 3),
        "intervals": one.intervals,
        "of": one.of,
        "covered": figure(one.covered, 4),
    }


def _intervals(found: StationSheet) -> list[dict[str, Any]]:
    load, side = found.load, found.balance.residue
    begun, step = midnight(load.first), timedelta(minutes=load.minutes)
    columns: dict[str, Any] = {"w": load.w, "va": load.rated.va}
    if side is not None:
        columns |= {
            "delivered_wh": side.delivered,
            "technical_wh": side.technical,
            "unexplained_wh": side.unexplained,
        }
    values = {name: column.reshape(-1).tolist() for name, column in columns.items()}
    return [
        {"at": at(begun + number * step), **{name: figure(all_[number]) for name, all_ in values.items()}}
        for number in range(load.w.size)
    ]


def at(instant: datetime) -> str:
    return instant.astimezone(LOCAL).isoformat()


def figure(value: float | None, digits: int = 1) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits)
