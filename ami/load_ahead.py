"""`ami load … --ahead`: tomorrow's load, with limits."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import rich_click as click

from ami.console import counted, emit, facts, table, when
from ami.failure import InputFailure
from ami.load_document import at, figure
from analytics.profiles.day_ahead import LEAST, LONGEST
from model.period import LOCAL, midnight
from operations import load_words
from operations.day_ahead import Ahead, ahead
from operations.loads import Whose
from storage.pool import Pool

COLUMNS: Final = ("time", "celsius")
COLDEST, HOTTEST = -60.0, 60.0


def answer(pool: Pool, whose: Whose, day: date, file: Path | None, *, as_json: bool) -> None:
    """Print the day foretold."""
    celsius = None if file is None else temperatures(file)
    with pool.connection() as conn:
        found = ahead(conn, whose, day, celsius)
    if as_json:
        emit(document(found))
    else:
        show(found)


def temperatures(file: Path) -> Mapping[datetime, float]:
    """°C by instant out of a CSV `time,celsius`; a time without an offset is local. Raises `InputFailure`
    that names the line."""
    found: dict[datetime, float] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise InputFailure(f"{file}: the first line has to name the columns {', '.join(COLUMNS)}")
        for row in reader:
            said = (row["time"] or "").strip(), (row["celsius"] or "").strip()
            if not said[1]:
                continue  # nobody measured then
            try:
                instant, degrees = datetime.fromisoformat(said[0]), float(said[1])
            except ValueError:
                instant, degrees = midnight(date.min), float("nan")
            if not COLDEST <= degrees <= HOTTEST:
                raise InputFailure(
                    f"{file}, line {reader.line_num}: {','.join(said)} is no time and temperature: write it "
                    "like 2026-10-01T14:00,31.5"
                )
            found[instant if instant.tzinfo else instant.replace(tzinfo=LOCAL)] = degrees
    return found


def document(found: Ahead) -> dict[str, Any]:
    """Powers in W by slot, null where nothing is foretold; shares from 0 to 1."""
    begun, step = midnight(found.day), timedelta(minutes=found.minutes)
    columns = found.mean_w.tolist(), found.low_w.tolist(), found.high_w.tolist()
    highest, tried = found.highest, found.trial
    return {
        "of": str(found.whose),
        "day": found.day.isoformat(),
        "minutes": found.minutes,
        "meters": found.meters,
        "known_days": found.known,
        "known_until": None if found.until is None else found.until.isoformat(),
        "reason": found.reason or None,
        "why": _why(found),
        "with_temperature": found.warmed,
        "pmax": None if highest is None else {"w": figure(highest[0]), "at": at(highest[1])},
        "profile": [
            {"at": at(begun + number * step), "w": figure(w), "low_w": figure(low), "high_w": figure(high)}
            for number, (w, low, high) in enumerate(zip(*columns, strict=True))
        ],
        "trial": None
        if tried is None
        else {
            "days": tried.days,
            "mape": figure(tried.miss, 4),
            "same_as_day_before": figure(tried.day_before, 4),
            "same_as_week_before": figure(tried.week_before, 4),
            "inside": figure(tried.inside, 4),
        },
    }


def show(found: Ahead) -> None:
    """The same for people."""
    highest, tried = found.highest, found.trial
    known = f"{counted(found.known, 'day')}"
    if found.until is not None:
        known += f", the last {found.until:%d/%m/%Y}"
    facts(
        [
            ("Load foretold of", f"{found.whose}, {counted(found.meters, 'meter')}"),
            ("Day", f"{found.day:%d/%m/%Y}"),
            ("Known", known),
            ("Pmax expected", "–" if highest is None else f"{highest[0] / 1000:,.2f} kW, {when(highest[1])}"),
            ("Temperature", "counted" if found.warmed else "not counted"),
        ]
    )
    why = _why(found)
    if why is not None:
        click.echo(why["en"])
    if tried is not None:
        facts(
            [
                (f"{counted(tried.days, 'day')} tried", f"mean miss {_share(tried.miss)}"),
                ("Same as the day before", _share(tried.day_before)),
                ("Same as the week before", _share(tried.week_before)),
                ("Between the limits", _share(tried.inside)),
            ]
        )
    if highest is None:
        return
    begun, step = midnight(found.day), timedelta(minutes=found.minutes)
    rows = [
        (f"{begun + number * step:%H:%M}", *(f"{w / 1000:,.2f}" for w in each))
        for number, each in enumerate(
            zip(found.mean_w.tolist(), found.low_w.tolist(), found.high_w.tolist(), strict=True)
        )
    ]
    heads = ("From", "kW", "Low", "High")
    table("The day ahead", heads, rows, right=heads[1:])


def _why(found: Ahead) -> dict[str, str] | None:
    if found.reason:
        until = found.until or found.day
        return load_words.both(
            "ahead", found.reason, known=found.known, least=LEAST, longest=LONGEST, until=until, day=found.day
        )
    return load_words.both("ahead", "no_temperature") if found.cold else None


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
