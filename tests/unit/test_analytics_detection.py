"""What each rule says, of what, and of what it says nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from analytics.detection import Observed, Replacement, detect, station_loss, transformer_overload
from analytics.detection.steps import find_step
from analytics.losses import Balance
from analytics.profiles.rated_days import RatedDay
from model.alert import Alert, AlertKind
from model.day import Finding
from model.period import midnight
from model.quality import Severity
from model.readout import InstantRead, MeterEvent

FIRST = date(2026, 9, 1)
NOW = midnight(date(2026, 11, 21)) + timedelta(hours=19, minutes=7)
DAYS = 82  # today's day included
KINDS_ABOUT_USE = (
    AlertKind.PHASE_BYPASS,
    AlertKind.STUCK_METER,
    AlertKind.VACANCY,
    AlertKind.CONSUMPTION_CHANGE,
)


def shop(seed: int, noise: float = 0.12) -> npt.NDArray[np.float64]:
    """Half-hours of a busy customer with a quieter Sunday."""
    chance = np.random.default_rng(seed)
    shape = 300 + 200 * np.clip(np.sin((np.arange(48) - 14) / 48 * 2 * np.pi), 0, None)
    weekly = np.where((FIRST.weekday() + np.arange(DAYS)) % 7 == 6, 0.7, 1.0)
    daily = weekly * chance.normal(1, noise, DAYS).clip(0.5, 1.6)
    return daily[:, None] * shape[None, :] * chance.normal(1, 0.1, (DAYS, 48)).clip(0.5, 1.5)


def moments(a: float, b: float, c: float, count: int = 3, days_ago: float = 0) -> list[InstantRead]:
    return [
        InstantRead(NOW - timedelta(days=days_ago, hours=k), (229.0, 230.0, 231.0), (a, b, c), cos_phi=0.9)
        for k in range(count)
    ]


def see(energy: npt.NDArray[Any], **more: Any) -> Observed:
    wh = np.round(energy).astype(np.int32)
    quality = np.ones(wh.shape, np.uint8)
    quality[-1, 38:] = 0  # the evening is still to come
    fields = {"serial": "M1", "now": NOW, "first": FIRST, "last_contact": NOW} | more
    return Observed(energy=wh, quality=quality, **fields)


def kinds(*seen: Observed) -> list[AlertKind]:
    return [alert.kind for alert in detect(seen)]


def only(seen: Observed, kind: AlertKind) -> Alert:
    (alert,) = [alert for alert in detect([seen]) if alert.kind is kind]
    return alert


@pytest.mark.parametrize("seed", range(8))
def test_a_by_passed_phase_is_a_lasting_fall_and_a_dark_phase(seed: int) -> None:
    energy = shop(seed)
    energy[35:] *= 0.66
    alert = only(see(energy, phases=3, instants=moments(4.2, 0.0, 3.9)), AlertKind.PHASE_BYPASS)
    assert abs((alert.since - midnight(FIRST + timedelta(35))).days) <= 2
    assert alert.evidence["phase"] == "B"
    assert alert.evidence["voltage_v"] == 230.0
    assert float(alert.evidence["fall_percent"] or 0) == pytest.approx(34, abs=7)


@pytest.mark.parametrize("seed", range(8))
def test_nobody_is_accused_for_less(seed: int) -> None:
    plain, saver, holiday, late_holiday = (shop(seed) for _ in range(4))
    saver[35:] *= 0.66
    holiday[40:46] *= 0.1
    late_holiday[74:] *= 0.1
    drift = shop(seed) * np.linspace(1.15, 0.85, DAYS)[:, None]
    dark, even = moments(4.2, 0.0, 3.9), moments(4.2, 3.0, 3.9)
    idle_before = moments(4.0, 0.0, 4.1, days_ago=70)
    observed = [
        see(plain, phases=3, instants=dark),  # an unbalanced shop: one phase unused, no fall
        see(saver, phases=3, instants=even),  # a fall, every phase carries
        see(saver, phases=3, instants=[*idle_before, *dark]),  # a saver whose phase was always unused
        see(saver, phases=1, instants=dark),
        see(holiday, phases=3, instants=dark),  # back again
        see(drift, phases=3, instants=even),
        see(saver, phases=3, instants=[*dark, *moments(4.0, 3.8, 4.1, count=6)]),  # dark now and then
        see(saver, phases=3),  # nothing known of currents
        see(saver, phases=3, instants=moments(0.0, 0.0, 0.0)),  # all asleep
        see(late_holiday, phases=3, instants=even),
    ]
    assert AlertKind.PHASE_BYPASS not in kinds(*observed)
    no_voltage = [replace(one, voltage_v=(229.0, 3.0, 231.0)) for one in dark]
    assert AlertKind.PHASE_BYPASS not in kinds(see(saver, phases=3, instants=no_voltage))


def test_a_stuck_meter_stands_still_while_current_flows() -> None:
    energy = shop(1)
    energy[70, 30:] = 0
    energy[71:] = 0
    one_phase = [
        InstantRead(NOW, (228.0, None, None), (1.4, None, None)),
        InstantRead(NOW - timedelta(days=2), (228.0, None, None), (0.9, None, None)),
    ]
    alert = only(see(energy, instants=one_phase), AlertKind.STUCK_METER)
    assert alert.since == midnight(FIRST + timedelta(71))
    assert alert.evidence["days"] == 10
    assert alert.evidence["current_a"] == 1.15
    assert kinds(see(energy)) == [AlertKind.VACANCY]  # nothing says that current flows
    weak = [InstantRead(NOW, (228.0, None, None), (0.05, None, None))]
    assert kinds(see(energy, instants=weak, resolution_wh=1000)) == [AlertKind.VACANCY]
    assert AlertKind.STUCK_METER not in kinds(see(energy * 0 + 1, instants=one_phase))


@pytest.mark.parametrize("left_wh", [0, 5, 25])
def test_an_empty_house_is_near_nothing_for_a_week_and_on(left_wh: int) -> None:
    energy = shop(2)
    energy[68:] = left_wh
    idle = [InstantRead(NOW, (231.0, None, None), (left_wh * 2 / 231, None, None))]
    alert = only(see(energy, instants=idle), AlertKind.VACANCY)
    assert (alert.since, alert.evidence["days"]) == (midnight(FIRST + timedelta(68)), 13)
    assert not alert.kind.accuses


def test_a_house_that_is_back_or_always_slept_is_not_empty() -> None:
    back, always, short = shop(3), np.full((DAYS, 48), 8), shop(3)
    back[60:72] = 2
    short[78:] = 2
    flowing = [InstantRead(NOW, (231.0, None, None), (3.0, None, None))]
    away = shop(3)
    away[60:] = 2
    observed = [see(back), see(always), see(short), see(away, instants=flowing)]
    assert AlertKind.VACANCY not in kinds(*observed)


def test_a_silent_meter_is_no_empty_house() -> None:
    energy = shop(4)
    energy[68:] = 0
    seen = see(energy)
    seen.quality[68:] = 0
    assert kinds(seen) == []


@pytest.mark.parametrize(
    ("factor", "severity"),
    [
        (1.25, None),
        (1.4, Severity.BLUE),
        (0.6, Severity.BLUE),
        (1.8, Severity.AMBER),
        (0.1, Severity.AMBER),
        (2.5, Severity.RED),
    ],
)
def test_bands_of_change_against_the_month_before(factor: float, severity: Severity | None) -> None:
    energy = np.full((DAYS, 48), 800.0)
    energy[30:] *= factor
    found = detect([see(energy)])
    assert [alert.severity for alert in found] == ([severity] if severity is not None else [])
    for alert in found:
        assert alert.since == midnight(date(2026, 10, 1))
        assert alert.evidence["percent"] == pytest.approx(100 * (factor - 1))


def test_small_users_are_left_in_peace() -> None:
    energy = np.full((DAYS, 48), 8.0)
    energy[30:] *= 2
    assert kinds(see(energy)) == []


def test_what_happened_to_the_meter_is_told_with_its_figures() -> None:
    at = midnight(date(2026, 10, 14)) + timedelta(hours=9)
    detail = {"previous_wh": 99_998_000, "current_wh": 2_000, "digits": 5, "at": at.isoformat()}
    seen = see(
        np.full((DAYS, 48), 200),
        replacement=Replacement("OLD", at),
        findings=[Finding("rollover", "M1", at.date(), detail=detail)],
        clock_offsets=[(at, 1.0), (at + timedelta(1), 299.0), (at + timedelta(2), 301.0)],
        modem="MD1",
        last_contact=NOW - timedelta(days=3),
    )
    by_kind = {alert.kind: alert for alert in detect([seen])}
    assert set(by_kind) == {
        AlertKind.METER_SWAP,
        AlertKind.ROLLOVER,
        AlertKind.CLOCK_DRIFT,
        AlertKind.MODEM_SILENT,
    }
    assert by_kind[AlertKind.METER_SWAP].evidence["removed"] == "OLD"
    told = {"previous_kwh": 99_998, "current_kwh": 2, "digits": 5, "at": at.isoformat()}
    assert by_kind[AlertKind.ROLLOVER].evidence == told
    assert by_kind[AlertKind.CLOCK_DRIFT].evidence["offset_s"] == 300
    assert by_kind[AlertKind.CLOCK_DRIFT].since == at + timedelta(1)
    assert by_kind[AlertKind.MODEM_SILENT].evidence["hours"] == 72
    assert not any(kind in KINDS_ABOUT_USE or kind.accuses for kind in by_kind)


def test_a_modem_that_never_answered_is_told() -> None:
    tried = datetime.fromisoformat("2026-11-21T19:00+07:00")
    energy = np.full((DAYS, 48), 200)
    assert kinds(see(energy, last_contact=None, first_try=tried)) == [AlertKind.MODEM_SILENT]
    assert kinds(see(energy, last_contact=None)) == []
    assert kinds(see(energy, last_contact=NOW - timedelta(hours=20))) == []


def test_another_meter_behind_the_modem() -> None:
    event = MeterEvent(NOW, "serial_mismatch", "meter 77 answers where M1 should hang")
    energy = np.full((DAYS, 48), 200)
    alert = only(see(energy, events=[event], last_contact=NOW - timedelta(hours=1)), AlertKind.WRONG_METER)
    seen_at = {"first_at": NOW.isoformat(), "last_at": NOW.isoformat()}
    assert alert.evidence == {"expected": "M1", "found": "77", "times": 1, **seen_at}
    assert kinds(see(energy, events=[replace(event, at=NOW - timedelta(days=2))])) == []


@pytest.mark.parametrize(
    ("loss", "severity"), [(6.0, None), (14.0, Severity.AMBER), (25.0, Severity.RED), (-3.0, Severity.AMBER)]
)
def test_station_loss(loss: float, severity: Severity | None) -> None:
    lost = round(10_000 * loss)
    found = Balance(1_000_000, 1_000_000 - lost, 0, lost, intervals=96, of=96, covered=1.0)
    alert = station_loss("T1", "H1", found, NOW)
    assert (alert and alert.severity) == severity


@pytest.mark.parametrize(
    ("over", "far", "severity"),
    [(0.5, 0.5, None), (1.0, 0.5, Severity.AMBER), (3.0, 1.0, Severity.RED), (0.0, 0.0, None)],
)
def test_a_transformer_is_overloaded_by_hours_of_one_day(
    over: float, far: float, severity: Severity | None
) -> None:
    at, hours = midnight(FIRST) + timedelta(hours=43), (over + 2, over, over, far)
    hot = RatedDay(FIRST + timedelta(1), 65e3, 70e3, at, 50e3, 1.4, True, hours)
    mild = RatedDay(FIRST, 52e3, 54e3, at, 50e3, 1.08, False, (4.0, 0.5, 0.0, 0.0))
    days = [RatedDay(FIRST - timedelta(1)), mild, hot, RatedDay(FIRST + timedelta(2), 9e4, 9e4, at)]
    alert = transformer_overload("T1", "H1", days)
    assert (alert and alert.severity) == severity
    if alert:
        assert (alert.since, alert.evidence["at"]) == (midnight(hot.day), at.isoformat())
        told = {key: alert.evidence[key] for key in ("load_percent", "kva", "peak_kva", "hours", "cos_phi")}
        assert told == {"load_percent": 140.0, "kva": 50.0, "peak_kva": 70.0, "hours": over, "cos_phi": 0.9}
        later = replace(hot, day=FIRST + timedelta(4))
        between = [*days, replace(mild, day=FIRST + timedelta(3)), later]
        twice = transformer_overload("T1", "H1", between)
        assert twice is not None
        assert twice.evidence["hours"] == 2 * over + 0.5, "of all days from the first to the last"
    assert transformer_overload("T1", "H1", []) is None


def test_a_slope_is_no_step() -> None:
    slope = find_step(np.linspace(20_000, 12_000, 80), 0)
    assert slope is not None
    assert not slope.sharper


@pytest.mark.parametrize("days", [0, 3, DAYS])
@pytest.mark.parametrize("missing", [False, True])
def test_little_or_nothing_known_raises_nothing(days: int, missing: bool) -> None:
    quality = np.zeros((days, 48), np.uint8) if missing else np.ones((days, 48), np.uint8)
    seen = Observed(
        "M1", NOW, FIRST, np.zeros((days, 48), np.int32), quality, phases=3, instants=moments(4, 0, 4)
    )
    assert AlertKind.PHASE_BYPASS not in kinds(seen)
