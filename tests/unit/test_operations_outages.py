"""Outages from events in order, and from who fell silent with whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from model.period import LOCAL, Period
from operations.outages import paired, silent_stations
from storage.outages import merged
from storage.silence import Heard

T0 = datetime(2026, 11, 20, 8, 0, tzinfo=LOCAL)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def pairs(events: str, lives: dict[float, float] | None = None) -> list[tuple[float | None, float | None]]:
    """`-` off and `+` on at minutes: "-0 +30"."""
    words = [(at(float(word[1:])), "power_off" if word[0] == "-" else "power_on") for word in events.split()]
    life = {at(off): at(answered) for off, answered in (lives or {}).items()}
    return [(_minutes(began), _minutes(ended)) for began, ended in paired(words, life)]


def _minutes(when: datetime | None) -> float | None:
    return None if when is None else (when - T0).total_seconds() / 60


@pytest.mark.parametrize(
    ("events", "lives", "found"),
    [
        ("-0 +30", {}, [(0, 30)]),
        ("-0 +30 -60 +90", {}, [(0, 30), (60, 90)]),
        ("-0", {}, [(0, None)]),
        ("-0", {0: 45}, [(0, 45)]),
        ("+30", {}, [(None, 30)]),
        ("-0 -1 +30 +31", {}, [(0, 30)]),  # pushed, and in the log as well
        ("-0 -600 +630", {0: 120}, [(0, 120), (600, 630)]),  # nobody saw the first end
        ("-0 +300", {0: 100}, [(0, 100)]),  # it answered long before it told
        ("-0 +30 +200", {}, [(0, 30), (None, 200)]),
    ],
)
def test_events_are_paired(events: str, lives: dict[float, float], found: list[tuple[float, float]]) -> None:
    assert pairs(events, lives) == found


def modems(station: str, count: int, last: float, in_vain: float | None) -> list[Heard]:
    first = None if in_vain is None else at(in_vain)
    return [Heard(station, f"{station}-{last}-{n}", at(last), first) for n in range(count)]


GOOD = modems("T02", 4, 40, None)


def test_a_station_whose_modems_fell_silent_at_once_is_silent() -> None:
    silent = [*modems("T01", 9, 0, 12), *modems("T01", 1, 38, None)]
    assert list(silent_stations([*silent, *GOOD])) == [("T01", at(12))]


@pytest.mark.parametrize(
    "others",
    [
        modems("T01", 1, 0, 12) + modems("T01", 9, 38, None),  # a single one
        modems("T01", 8, 0, 12) + modems("T01", 2, 38, None),  # eight of ten
        modems("T01", 2, 0, 12),  # a station of two
        modems("T01", 2, 0, 12) + modems("T01", 2, -300, 12) + modems("T01", 2, -600, 12),  # one by one
        modems("T01", 10, 0, None),  # not called since
    ],
)
def test_what_is_no_silence_of_a_station(others: list[Heard]) -> None:
    assert list(silent_stations([*others, *GOOD])) == []


def test_who_hears_nobody_at_all_says_nothing() -> None:
    assert list(silent_stations([*modems("T01", 9, 0, 12), *modems("T02", 4, 1, 12)])) == []


def test_what_overlaps_is_one() -> None:
    spans = ((60, 90), (0, 30), (20, 60), (200, 201))
    periods = [Period(at(start), at(end)) for start, end in spans]
    assert merged(periods) == [Period(at(0), at(90)), Period(at(200), at(201))]
