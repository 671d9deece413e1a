"""The simulated village: the same for a seed, whenever and in whatever pieces it is asked."""

import itertools
from datetime import datetime, timedelta

import numpy as np
import pytest

from model.alert import AlertKind
from model.period import LOCAL
from simulators import halfhours, village
from simulators.history import History
from simulators.ledger import Ledger
from simulators.supply import counted

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)


@pytest.fixture(scope="module")
def fleet():
    return village.build(7, EPOCH, 60, can_dial_in=True)


def planted(fleet, kind):
    (serial,) = [fault.serial for fault in fleet.planted if fault.kind is kind]
    return fleet.meters[serial]


def test_a_seed_is_a_village(fleet):
    again = village.build(7, EPOCH, 60, can_dial_in=True)
    other = village.build(8, EPOCH, 60, can_dial_in=True)
    assert (again.customers, again.points, again.lines, again.planted) == (
        fleet.customers,
        fleet.points,
        fleet.lines,
        fleet.planted,
    )
    assert other.customers != fleet.customers
    begin = History.before(EPOCH).first_slot
    for serial, meter in fleet.meters.items():
        assert np.array_equal(
            meter.ledger.wh(meter.since, begin + 3000),
            again.meters[serial].ledger.wh(meter.since, begin + 3000),
        )


def test_a_half_hour_does_not_depend_on_what_is_asked_with_it(fleet):
    meter = next(iter(fleet.meters.values()))
    slots = np.arange(meter.since, meter.since + 500)
    whole = meter.supply.shown(slots)
    assert np.array_equal(
        np.concatenate([meter.supply.shown(slots[:123]), meter.supply.shown(slots[123:])]), whole
    )
    assert np.array_equal(meter.supply.shown(slots[77:78])[0], whole[77])


def test_every_register_is_the_sum_of_its_half_hours(fleet):
    for meter in fleet.meters.values():
        a, b = meter.since, meter.since + 48 * 9
        wh = meter.ledger.wh(a, b)
        assert (wh >= 0).all()
        begin, end = meter.ledger.registers(a * 1800), meter.ledger.registers(b * 1800)
        if meter.until is None or meter.until >= b:
            assert end[0] - begin[0] == wh.sum()
        assert end[0] == sum(end[1:])
        rates = halfhours.rate_of(np.arange(a, b))
        for rate in (1, 2, 3):
            assert end[rate] - begin[rate] == wh[rates == rate].sum()


def test_a_register_never_falls_within_a_half_hour(fleet):
    meter = next(m for m in fleet.meters.values() if m.model == "dk-3p-ct")
    start = (meter.since + 18) * 1800
    values = [meter.ledger.registers(second) for second in range(start, start + 7200, 97)]
    assert all(later[i] >= earlier[i] for earlier, later in itertools.pairwise(values) for i in range(4))


def test_rates_follow_tt16_2014():
    monday = halfhours.first_slot(datetime(2026, 10, 19).date())  # noqa: DTZ001
    rates = halfhours.rate_of(np.arange(monday, monday + 48))
    assert [int((rates == rate).sum()) for rate in (1, 2, 3)] == [26, 10, 12]
    assert set(rates[19:23]) | set(rates[34:40]) == {2}
    assert set(rates[44:]) | set(rates[:8]) == {3}
    sunday = halfhours.rate_of(np.arange(monday - 48, monday))
    assert [int((sunday == rate).sum()) for rate in (1, 2, 3)] == [36, 0, 12]


def test_a_current_transformer_loses_nothing():
    ledger = Ledger(lambda slots: slots % 97, 0, start=(0, 0, 0), divisor=40)
    assert ledger.wh(0, 960).sum() == (np.arange(960) % 97).sum() // 40
    # Reckoned in pieces or at once: what a division leaves over is carried.
    assert ledger.wh(0, 9000).sum() == (np.arange(9000) % 97).sum() // 40


def test_the_head_meter_sees_what_a_bypass_hides(fleet):
    thief = planted(fleet, AlertKind.PHASE_BYPASS)
    head = next(m for m in fleet.meters.values() if m.model == "dk-head" and thief.supply in m.supply.houses)
    slots = np.arange(thief.supply.bypass.since, thief.supply.bypass.since + 480)
    flowing = sum(house.flowing(slots).sum() for house in head.supply.houses)
    shown = sum(house.shown(slots).sum() for house in head.supply.houses)
    at_head = head.supply.flowing(slots).sum()
    assert shown < flowing < at_head < flowing * 1.08
    assert thief.supply.shown(slots)[:, thief.supply.bypass.phase].sum() == 0
    lost = 1 - thief.supply.shown(slots).sum() / thief.supply.flowing(slots).sum()
    assert 0.3 < lost < 0.6


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("customers", [20, 60])
def test_one_fault_of_each_kind_each_at_another_customer(seed, customers):
    fleet = village.build(seed, EPOCH, customers, can_dial_in=True)
    kinds = [fault.kind for fault in fleet.planted]
    assert len(fleet.customers) == customers
    assert sorted(kinds) == sorted(
        {AlertKind.PHASE_BYPASS, AlertKind.VACANCY, AlertKind.STUCK_METER, AlertKind.METER_SWAP,
         AlertKind.ROLLOVER, AlertKind.MODEM_SILENT, AlertKind.CLOCK_DRIFT}
    )  # fmt: skip
    assert len({fleet.meters[fault.serial].point for fault in fleet.planted}) == 7
    # A silent modem silences nobody but its planted meter.
    (code,) = fleet.silent
    (line,) = [line for line in fleet.lines if line.code == code]
    assert line.serials == (planted(fleet, AlertKind.MODEM_SILENT).serial,)
    # Every meter hangs on exactly one modem; the removed one lies on the bench.
    hanging = [serial for line in fleet.lines for serial in line.serials]
    assert sorted(hanging) == sorted(fleet.meters)
    (bench,) = [line for line in fleet.lines if line.code == "BENCH-1"]
    assert all(fleet.meters[serial].until is not None for serial in bench.serials)


@pytest.mark.parametrize("seed", range(6))
def test_faults_look_as_they_were_planted(seed):
    fleet = village.build(seed, EPOCH, 60, can_dial_in=True)
    history = History.before(EPOCH)
    now, day = history.epoch, 48

    empty = planted(fleet, AlertKind.VACANCY)
    assert empty.ledger.wh(now - 10 * day, now).max() <= 30
    assert empty.ledger.wh(history.first_slot, history.first_slot + 7 * day).min() > 15

    stuck = planted(fleet, AlertKind.STUCK_METER)
    assert stuck.ledger.wh(now - 7 * day, now).sum() == 0
    assert stuck.supply.shown(np.arange(now - 7 * day, now)).sum(axis=1).min() > 15

    rolled = planted(fleet, AlertKind.ROLLOVER)
    begin = rolled.ledger.registers(history.month_slot * 1800)[0]
    end = rolled.ledger.registers(halfhours.first_slot(history.month_end) * 1800)[0]
    assert begin < 100_000_000 <= end

    assert abs(planted(fleet, AlertKind.CLOCK_DRIFT).drift_s) == 300

    new = planted(fleet, AlertKind.METER_SWAP)
    (old,) = [m for m in fleet.meters.values() if m.until is not None]
    assert old.point == new.point
    assert old.until == new.since
    assert history.month_slot + 10 * day < new.since < history.month_slot + 19 * day
    later = (new.since + 1000) * 1800
    assert old.ledger.registers(later) == old.ledger.registers(old.until * 1800)


@pytest.mark.parametrize("seed", range(6))
def test_nobody_else_looks_guilty(seed):
    """No other meter stands still or runs near zero for days, no other phase that carried stops carrying."""
    fleet = village.build(seed, EPOCH, 60, can_dial_in=True)
    now = History.before(EPOCH).epoch
    odd = {fault.serial for fault in fleet.planted}
    for meter in fleet.meters.values():
        if meter.serial in odd or meter.until is not None:
            continue
        lately = meter.ledger.wh(now - 2 * 48, now) * meter.multiplier
        assert lately.sum() > 2 * 48 * 15
        shown = meter.supply.shown(np.arange(meter.since, now))
        carried = shown[: 30 * 48].sum(axis=0) > 0
        assert (shown[-48:][:, carried].min() > 0).all()


def test_history_begins_with_the_month_before_last():
    january = History.before(datetime(2027, 1, 3, 0, 0, tzinfo=LOCAL))
    assert (str(january.first), str(january.month), str(january.month_end)) == (
        "2026-11-01",
        "2026-12-01",
        "2027-01-01",
    )
    assert halfhours.begin_of(january.first_slot) == datetime(2026, 11, 1, tzinfo=LOCAL)


def test_the_epoch_moves_the_story_and_not_the_households():
    a = village.build(3, EPOCH, 60, can_dial_in=True)
    b = village.build(3, EPOCH + timedelta(days=1), 60, can_dial_in=True)
    odd = {fault.serial for fault in a.planted} | {fault.serial for fault in b.planted}
    same = [
        s for s, m in a.meters.items() if s not in odd and m.model == "dk-1p" and not m.supply.load.changes
    ]
    assert len(same) > 20
    for serial in same:
        first = a.meters[serial].since
        assert np.array_equal(
            a.meters[serial].ledger.wh(first, first + 960), b.meters[serial].ledger.wh(first, first + 960)
        )


def test_counting_stops_when_stuck():
    class Steady:
        phases = 1

        def shown(self, slots):
            return np.full((len(slots), 3), 10)

        flowing = shown

    count = counted(Steady(), stuck_since=5)
    assert list(count(np.arange(8))) == [30] * 5 + [0] * 3
