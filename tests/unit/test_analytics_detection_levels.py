"""Rules about the level of use, phases, direction and seals: what each says, and of what it says nothing."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.detection import Observed, detect
from analytics.detection.electric import TAMPER_CODES
from model.alert import Alert, AlertKind
from model.day import Finding
from model.period import midnight
from model.quality import Severity
from model.readout import InstantRead, MeterEvent
from operations import wording

FIRST = date(2026, 8, 1)
NOW = midnight(date(2026, 11, 21)) + timedelta(hours=19, minutes=7)
DAYS = 113
HOURS = timedelta(hours=1)


def house(seed: int = 1, wh_a_day: float = 9000) -> npt.NDArray[np.float64]:
    chance = np.random.default_rng(seed)
    shape = 0.3 + np.clip(np.sin((np.arange(48) - 26) / 48 * 2 * np.pi), 0, None)
    shape[2:8] = 0.15
    daily = chance.normal(1, 0.12, DAYS).clip(0.6, 1.5)
    wh = daily[:, None] * shape * chance.normal(1, 0.15, (DAYS, 48)).clip(0.4, 1.6)
    return np.asarray(wh * wh_a_day / shape.sum())


def see(energy: npt.NDArray[Any], **more: Any) -> Observed:
    wh = np.round(energy).astype(np.int32)
    quality = np.ones(wh.shape, np.uint8)
    quality[-1, 38:] = 0
    fields = {"serial": "M1", "now": NOW, "first": FIRST, "last_contact": NOW} | more
    return Observed(energy=wh, quality=fields.pop("quality", quality), **fields)


def kinds(seen: Observed) -> list[AlertKind]:
    return [alert.kind for alert in detect([seen])]


def only(seen: Observed) -> Alert:
    (alert,) = detect([seen])
    return alert


def began(alert: Alert) -> int:
    return (alert.since - midnight(FIRST)).days


def test_a_house_that_stopped_using_anything() -> None:
    energy = house()
    energy[108:] = 0
    alert = only(see(energy))
    assert (alert.kind, began(alert)) == (AlertKind.ZERO_AFTER_USE, 108)
    assert alert.evidence["days"] == 4
    assert alert.evidence["before_kwh_per_day"] == pytest.approx(9, rel=0.1)
    cut = [MeterEvent(midnight(FIRST) + timedelta(107), "disconnected")]
    assert kinds(see(energy, events=cut)) == []
    assert kinds(see(energy, events=[*cut, MeterEvent(NOW, "connected")])) == [AlertKind.ZERO_AFTER_USE]
    assert kinds(see(energy, customer_class="administration")) == [], "schools have holidays"
    energy[105:] = 0
    assert kinds(see(energy)) == [AlertKind.VACANCY], "after a week it is somebody who is away"


@pytest.mark.parametrize("class_and_days", [("household", 3), ("wholesale", 1)])
def test_as_many_days_of_nothing_as_the_class_may_have(class_and_days: tuple[str, int]) -> None:
    name, days = class_and_days
    energy = house()
    energy[112 - days :] = 0
    assert kinds(see(energy, customer_class=name)) == [AlertKind.ZERO_AFTER_USE]
    energy[112 - days] = 1
    assert kinds(see(energy, customer_class=name)) == []


def test_use_that_fell_to_less_than_a_fifth_is_told_with_both_levels() -> None:
    energy = house(wh_a_day=60_000)
    energy[95:] *= 0.12
    alert = only(see(energy))
    assert (alert.kind, alert.severity, alert.kind.accuses) == (AlertKind.USE_DROP, Severity.AMBER, False)
    assert abs(began(alert) - 95) <= 1
    assert alert.evidence["percent"] == pytest.approx(-88, abs=3)
    assert alert.evidence["before_from"] == "2026-08-01"
    energy[95:] = house(wh_a_day=60_000)[95:] * 0.3
    assert AlertKind.USE_DROP not in kinds(see(energy))


def test_use_that_doubled_is_told_before_the_month_is_over() -> None:
    energy = house()
    energy[100:] *= 2.4
    alert = only(see(energy))
    assert (alert.kind, alert.severity) == (AlertKind.USE_RISE, Severity.BLUE)
    assert abs(began(alert) - 100) <= 1
    assert kinds(see(energy, customer=False)) == [], "the head of a station that got more customers"
    energy[100:] *= 1.6
    assert only(see(energy)).severity is Severity.AMBER
    early = house()
    early[61:] *= 2.4  # with October: the month against the month before tells it
    assert kinds(see(early)) == [AlertKind.CONSUMPTION_CHANGE]
    small = house(wh_a_day=500)
    small[100:] *= 2.4
    assert kinds(see(small)) == []


def test_nights_that_grew_by_what_runs_all_the_time() -> None:
    energy = house(wh_a_day=20_000)
    energy[98:, :] += 250  # 500 W
    alert = only(see(energy))
    assert alert.kind is AlertKind.NIGHT_BASELOAD
    assert abs(began(alert) - 98) <= 1
    assert alert.evidence["more_kwh_a_month"] == pytest.approx(360, abs=40)
    hourly = energy.reshape(DAYS, 24, 2).sum(axis=2)
    told = only(see(hourly, quality=np.ones(hourly.shape, np.uint8)))
    assert told.kind is AlertKind.NIGHT_BASELOAD
    assert told.evidence["night_w"] == pytest.approx(alert.evidence["night_w"], abs=2)
    estimated = np.ones(energy.shape, np.uint8)
    estimated[98:, 3] = 3
    assert AlertKind.NIGHT_BASELOAD not in kinds(see(energy, quality=estimated))
    assert kinds(see(house(wh_a_day=20_000))) == []


def test_a_line_that_turned_flat() -> None:
    energy = house(wh_a_day=20_000)
    energy[107:] = 430
    alert = only(see(energy))
    assert (alert.kind, began(alert)) == (AlertKind.FLAT_LINE, 107)
    assert (alert.evidence["power_w"], alert.evidence["spread_percent"]) == (860, 0.0)
    flat_estimates = np.ones(energy.shape, np.uint8)
    flat_estimates[107:] = 4
    assert kinds(see(energy, quality=flat_estimates)) == []
    lamp = np.full((DAYS, 48), 430.0)
    assert kinds(see(lamp)) == [], "a constant load has always been one"


def wired(volts: tuple[float, ...], amperes: tuple[float, ...], count: int = 20, **more: Any) -> Any:
    return [
        InstantRead(NOW - k * 8 * HOURS, volts, amperes, **more)  # type: ignore[arg-type]
        for k in reversed(range(count))
    ]


def test_current_without_voltage_and_uneven_phases() -> None:
    energy = house()
    whole, lost = (229.0, 230.0, 231.0), (229.0, 4.0, 231.0)
    alert = only(see(energy, phases=3, instants=wired(lost, (2.0, 2.1, 1.9))))
    assert (alert.kind, alert.evidence["phase"]) == (AlertKind.VOLTAGE_LOSS, "B")
    assert kinds(see(energy, phases=3, instants=wired(lost, (2.0, 0.0, 1.9)))) == []
    back = [*wired(lost, (2.0, 2.1, 1.9)), InstantRead(NOW, whole, (2.0, 2.1, 1.9))]
    assert kinds(see(energy, phases=3, instants=back)) == []
    uneven = only(see(energy, phases=3, instants=wired(whole, (9.0, 2.0, 2.1))))
    assert (uneven.kind, uneven.evidence["phase"]) == (AlertKind.PHASE_IMBALANCE, "A")
    assert uneven.evidence["percent"] == 106
    assert uneven.severity is Severity.INFO
    for few in (wired(whole, (9.0, 2.0, 2.1), count=5), wired(whole, (0.2, 0.0, 0.0))):
        assert kinds(see(energy, phases=3, instants=few)) == []
    assert kinds(see(energy, phases=1, instants=wired(whole, (9.0, 2.0, 2.1)))) == []


def test_energy_that_flows_back_by_register_or_by_sign() -> None:
    energy, sun = house(), np.zeros((DAYS, 48), np.int32)
    sun[100:, 16:30] = 120
    read = np.ones(sun.shape, np.uint8)
    alert = only(see(energy, exported=sun, exported_quality=read))
    assert (alert.kind, alert.severity) == (AlertKind.REVERSE_ENERGY, Severity.INFO)
    assert (alert.evidence["daylight_percent"], alert.evidence["days"]) == (100, 12)
    at_night = np.roll(sun, 24, axis=1)
    assert only(see(energy, exported=at_night, exported_quality=read)).severity is Severity.AMBER
    assert kinds(see(energy, exported=sun, exported_quality=read * 0)) == []
    back = wired((230.0, 230.0, 230.0), (1.0, 1.0, 1.0), power_w=-700.0)
    assert only(see(energy, instants=back)).evidence["power_w"] == 700


@pytest.mark.parametrize("code", sorted(TAMPER_CODES))
def test_what_a_meter_notes_when_it_is_handled(code: str) -> None:
    at = NOW - timedelta(days=5)
    events = [MeterEvent(at - timedelta(days=40), "cover_open"), MeterEvent(at, code), MeterEvent(NOW, code)]
    events.insert(2, MeterEvent(NOW - timedelta(days=2), "power_off"))
    alert = only(see(house(), events=[*events[:2], MeterEvent(at + HOURS, code), *events[2:3]]))
    assert (alert.kind, alert.since, alert.kind.accuses) == (AlertKind.TAMPER, at, False)
    assert (alert.evidence["times"], alert.evidence["times_before"]) == (2, 1)
    assert kinds(see(house(), events=events[:1])) == [], "long ago"
    assert code in wording.texts()["tampered"]


@st.composite
def anything(draw: st.DrawFn) -> Observed:
    """A meter of which little, much or nonsense is known."""
    days, slots = draw(st.sampled_from([0, 1, 3, 10, DAYS])), draw(st.sampled_from([24, 48, 96]))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    level = draw(st.sampled_from([0, 1, 300, 2**31 - 1]))
    energy = chance.integers(0, level + 1, (days, slots), dtype=np.int64).astype(np.int32)
    quality = chance.choice(np.arange(8, dtype=np.uint8), (days, slots))
    match draw(st.sampled_from(["as drawn", "constant", "missing", "actual", "step"])):
        case "constant":
            energy[:] = level
            quality[:] = 1
        case "missing":
            quality[:] = 0
        case "actual":
            quality[:] = 1
        case "step":
            energy[days // 2 :] //= 9
            quality[:] = 1
    figure = st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(0.0))
    three = st.tuples(figure, figure, figure)
    ago = st.integers(0, 100 * 24).map(lambda hours: NOW - hours * HOURS)
    instants = draw(st.lists(st.builds(InstantRead, ago, three, three, figure, cos_phi=figure), max_size=20))
    codes = st.sampled_from(["serial_mismatch", "disconnected", "cover_open", "magnet", "clock_drift"])
    instant = st.one_of(st.none(), ago)
    return Observed(
        "M1",
        draw(st.one_of(st.just(NOW), ago)),
        FIRST,
        energy,
        quality,
        phases=draw(st.sampled_from([1, 3])),
        multiplier=draw(st.sampled_from([1.0, 40.0, 0.001])),
        resolution_wh=draw(st.sampled_from([1, 1000])),
        since=draw(instant),
        instants=sorted(instants, key=lambda one: one.at),
        clock_offsets=draw(st.lists(st.tuples(ago, st.floats(-1e9, 1e9)), max_size=5)),
        events=sorted(draw(st.lists(st.builds(MeterEvent, ago, codes), max_size=5)), key=lambda one: one.at),
        findings=[Finding("rollover", "M1", FIRST, detail=draw(st.sampled_from([{}, {"at": None}])))],
        modem=draw(st.sampled_from(["", "MD1"])),
        last_contact=draw(instant),
        first_try=draw(instant),
        customer_class=draw(st.sampled_from(["", "household", "wholesale", "administration"])),
        exported=draw(st.sampled_from([None, energy])),
        exported_quality=quality,
    )


@settings(max_examples=120, deadline=None)
@given(anything())
def test_whatever_is_known_every_rule_answers_in_numbers_and_sentences(seen: Observed) -> None:
    for alert in detect([seen]):
        json.dumps(alert.evidence, allow_nan=False)
        assert isinstance(alert.since, datetime)
        for language in ("vi", "en"):
            told = wording.alert(alert.kind, alert.evidence, language, "M1", alert.since)
            assert told.endswith(".")
            assert "None" not in told


@pytest.mark.parametrize("slots", [24, 96])
def test_hourly_and_quarter_hourly_meters_are_looked_at_as_well(slots: int) -> None:
    per_slot = house(wh_a_day=60_000).sum(axis=1) / slots
    energy = per_slot[:, None] * (1 + 0.5 * np.sin(np.arange(slots)))
    energy[95:] *= 0.1
    quality = np.ones(energy.shape, np.uint8)
    assert kinds(see(energy, quality=quality)) == [AlertKind.USE_DROP]
