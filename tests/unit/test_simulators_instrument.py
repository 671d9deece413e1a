"""A simulated meter's view of itself: last place and digits, its own clock, its entries and closings."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from model.alert import AlertKind
from model.clock import frozen
from model.period import LOCAL
from model.series import Channel, Rate
from protocols import meter_models
from protocols.meter_models.model import Quantity
from simulators import halfhours, village
from simulators.instrument import Instrument
from simulators.service import Service

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
SEPTEMBER = halfhours.seconds_of(datetime(2026, 9, 1, tzinfo=LOCAL))
OCTOBER = halfhours.seconds_of(datetime(2026, 10, 1, tzinfo=LOCAL))


@pytest.fixture(scope="module")
def fleet():
    return village.build(7, EPOCH, 60, can_dial_in=False)


def planted(fleet, kind):
    (serial,) = [fault.serial for fault in fleet.planted if fault.kind is kind]
    return fleet.meters[serial]


def instrument(hung, at=EPOCH):
    return Instrument(hung, meter_models.load(hung.model), frozen(at))


def test_a_five_digit_register_starts_again_within_the_month(fleet):
    meter = instrument(planted(fleet, AlertKind.ROLLOVER))
    item = meter.model.register(Channel.ACTIVE_IMPORT)
    before, after = (meter.raw(item.key, item.place, at) for at in (SEPTEMBER, OCTOBER))
    assert after < before < 10_000_000  # tens of Wh
    unwrapped = meter.index(item.key, item.place, OCTOBER) - meter.index(item.key, item.place, SEPTEMBER)
    assert after - before + 10_000_000 == unwrapped
    assert meter.primary_wh(OCTOBER) - meter.primary_wh(SEPTEMBER) == unwrapped * 10
    (column,) = meter.model.profile.columns
    entries = meter.entries(with_start=True)
    indices = meter.column(column, entries, 1800)
    assert (np.diff(indices) < 0).sum() == 1
    assert entries.stamps[0] == meter.hung.since * 1800


def test_nobody_else_starts_again(fleet):
    first, last = halfhours.seconds_of(fleet.history_from), halfhours.seconds_of(EPOCH) + 400 * 86_400
    rolled = planted(fleet, AlertKind.ROLLOVER).serial
    for hung in fleet.meters.values():
        meter = instrument(hung)
        for item in meter.model.registers:
            values = [meter.raw(item.key, item.place, at) for at in (first, SEPTEMBER, last)]
            if item.key.channel is Channel.ACTIVE_IMPORT and hung.serial != rolled:
                assert values == sorted(values)


def test_a_clock_that_is_wrong_keeps_months_of_its_own(fleet):
    meter = instrument(planted(fleet, AlertKind.CLOCK_DRIFT))
    assert abs(meter.second() - halfhours.seconds_of(EPOCH)) == 300
    almost = datetime(2026, 9, 30, 23, 57, tzinfo=LOCAL)
    ahead = instrument(replace(meter.hung, drift_s=300), almost)
    behind = instrument(replace(meter.hung, drift_s=-300), almost + timedelta(minutes=6))
    assert ahead.closings()[-1] == OCTOBER
    assert behind.closings()[-1] == SEPTEMBER
    assert ahead.entries(with_start=False).stamps[-1] == OCTOBER


def test_entries_are_what_the_clock_has_passed(fleet):
    hung = next(iter(fleet.meters.values()))
    for minutes, rows in ((-1, 0), (29, 0), (30, 1), (61, 2)):
        meter = instrument(hung, fleet.history_from + timedelta(minutes=minutes))
        assert len(meter.entries(with_start=False).stamps) == rows
        assert len(meter.entries(with_start=True).stamps) == rows + (minutes >= 0)


def test_half_hours_in_every_form_are_the_same_energy(fleet):
    head = next(hung for hung in fleet.meters.values() if hung.model == "dk-head")
    shop = next(hung for hung in fleet.meters.values() if hung.model == "dk-3p")
    for hung in (head, shop):
        meter = instrument(hung)
        entries = meter.entries(with_start=False)
        for column in meter.model.profile.columns:
            values = meter.column(column, entries, 1800)
            item = meter.model.register(column.channel)
            first, last = hung.since * 1800, int(entries.stamps[-1])
            moved = meter.index(item.key, item.place, last) - meter.index(item.key, item.place, first)
            scale = 2 if column.kind.value == "mean_power" else 1
            assert int(values.sum()) == moved * scale
            assert (values >= 0).all()


def test_volts_amperes_and_watts_agree(fleet):
    for hung in fleet.meters.values():
        if hung.until is not None:
            continue
        felt = instrument(hung).quantities()
        phases = range(1, hung.supply.phases + 1)
        watts = sum(felt[Quantity(f"voltage_{n}")] * felt[Quantity(f"current_{n}")] for n in phases)
        assert watts * felt[Quantity.COS_PHI] == pytest.approx(felt[Quantity.POWER], abs=1e-6)
        assert all(209 <= felt[Quantity(f"voltage_{n}")] <= 231 for n in phases)
        assert felt[Quantity.FREQUENCY] == pytest.approx(50, abs=0.1)


def test_a_stuck_meter_feels_the_current_it_does_not_count(fleet):
    meter = instrument(planted(fleet, AlertKind.STUCK_METER))
    item = meter.model.register(Channel.ACTIVE_IMPORT)
    now = meter.second()
    assert meter.raw(item.key, item.place, now) == meter.raw(item.key, item.place, now - 7 * 86_400)
    assert meter.quantities()[Quantity("current_1")] > 0.1


def test_a_bypassed_phase_has_voltage_and_no_current(fleet):
    hung = planted(fleet, AlertKind.PHASE_BYPASS)
    phase = hung.supply.bypass.phase + 1
    felt = instrument(hung).quantities()
    assert felt[Quantity(f"current_{phase}")] == 0
    assert felt[Quantity(f"voltage_{phase}")] > 200
    assert min(felt[Quantity(f"current_{n}")] for n in (1, 2, 3) if n != phase) > 0.3


def test_an_empty_house_draws_next_to_nothing(fleet):
    felt = instrument(planted(fleet, AlertKind.VACANCY)).quantities()
    assert felt[Quantity("current_1")] < 0.1
    assert felt[Quantity("voltage_1")] > 200


def test_the_truth_is_what_the_registers_say_and_no_later_than_the_meter(fleet):
    service = Service(fleet, None, frozen(EPOCH), None)
    truth = service.truth(datetime(2026, 9, 1, tzinfo=LOCAL), datetime(2026, 10, 1, tzinfo=LOCAL))
    assert truth.keys() == fleet.meters.keys()
    new = planted(fleet, AlertKind.METER_SWAP)
    (old,) = [hung for hung in fleet.meters.values() if hung.until is not None]
    swapped = [hung.supply.shown(np.arange(SEPTEMBER // 1800, OCTOBER // 1800)).sum() for hung in (new,)]
    assert sum(truth[hung.serial]["to"] - truth[hung.serial]["from"] for hung in (old, new)) == swapped[0]
    shop = next(hung for hung in fleet.meters.values() if hung.model == "dk-3p-ct")
    meter = instrument(shop)
    rates = [
        meter.model.register(Channel.ACTIVE_IMPORT, rate) for rate in (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
    ]
    by_rate = sum(
        meter.index(item.key, item.place, OCTOBER) - meter.index(item.key, item.place, SEPTEMBER)
        for item in rates
    )
    assert truth[shop.serial]["to"] - truth[shop.serial]["from"] == by_rate * 40
