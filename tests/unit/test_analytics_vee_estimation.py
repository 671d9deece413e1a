"""The order of estimates, sums by rate register, the method of each slot and its NEM12 flag."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from analytics.tariffs.tou import schedule
from analytics.vee import MeterOutput
from analytics.vee.day_kinds import DayKind, day_kind, day_kinds
from analytics.vee.methods import NEM12_METHOD, Method, nem12_flag, of_nem12_flag
from model.period import Period
from model.quality import Quality, Severity
from model.series import Rate
from tests.counting_meter import FIRST, HALF, T0, Bench, Read, kinds, without

DAYS = 15
WEEK = 7 * 48


def at(slot: int) -> datetime:
    return datetime.fromtimestamp(T0 + slot * HALF, UTC)


def methods(meter: MeterOutput, gap: range) -> set[Method]:
    return {Method(one) for one in meter.method.reshape(-1)[list(gap)].tolist()}


def qualities(meter: MeterOutput, gap: range) -> set[Quality]:
    return {Quality(one) for one in meter.quality.reshape(-1)[list(gap)].tolist()}


@pytest.mark.parametrize("registers", [True, False])
def test_a_check_meter_goes_before_everything(registers: bool) -> None:
    bench = Bench(days=DAYS)
    gap = range(WEEK, WEEK + 30)
    check = (bench.true.reshape(DAYS, 48) * 1.01).astype(np.int32)
    known = np.full((DAYS, 48), Quality.ACTUAL, np.uint8)
    reads = [bench.read(0), bench.read(48 * DAYS)] if registers else []
    meter = bench.check([bench.block(without(DAYS, gap))], reads, check=check, check_quality=known)
    assert methods(meter, gap) == {Method.CHECK_METER}
    assert qualities(meter, gap) == {Quality.LIKE_DAY if registers else Quality.UNSCALED}
    wh, true = meter.energy.reshape(-1)[list(gap)], bench.true[list(gap)]
    if registers:
        assert int(wh.sum()) == int(true.sum())
        assert np.abs(wh - true).max() <= 2
    else:
        assert wh.tolist() == check.reshape(-1)[list(gap)].tolist()


def test_where_the_check_meter_was_silent_too_the_next_way_is_gone() -> None:
    bench = Bench(days=DAYS)
    gap = range(WEEK, WEEK + 30)
    silent = np.full((DAYS, 48), Quality.ACTUAL, np.uint8)
    silent[7, 10:20] = Quality.LIKE_DAY
    meter = bench.check(
        [bench.block(without(DAYS, gap))],
        check=bench.true.reshape(DAYS, 48).astype(np.int32),
        check_quality=silent,
    )
    assert methods(meter, range(WEEK + 10, WEEK + 20)) == {Method.LIKE_DAY}
    assert methods(meter, range(WEEK, WEEK + 10)) == {Method.CHECK_METER}


def test_two_hours_are_a_line_and_more_are_like_days() -> None:
    bench = Bench(days=DAYS)
    two, more = range(WEEK + 10, WEEK + 14), range(WEEK + 20, WEEK + 25)
    meter = bench.check([bench.block(without(DAYS, two, more))])
    assert methods(meter, two) == {Method.LINEAR}
    assert methods(meter, more) == {Method.LIKE_DAY}
    assert qualities(meter, two) == qualities(meter, more) == {Quality.UNSCALED}


def test_without_days_to_compare_the_line_is_straight() -> None:
    bench = Bench(days=1)
    bench.true[9], bench.true[13] = 100, 200
    meter = bench.check([bench.block(without(1, range(10, 13)))])
    assert meter.energy[0, 10:13].tolist() == [125, 150, 175]


def test_the_edge_of_an_outage_is_no_end_point() -> None:
    """A gap of an hour just before the power went: level with the one neighbour it has."""
    bench = Bench(days=1)
    bench.true[14:20] = 0
    outage = Period(at(14), at(20))
    reads = [bench.read(0), bench.read(48)]
    meter = bench.check([bench.block(without(1, range(12, 14)))], reads, outages=[outage])
    assert methods(meter, range(12, 14)) == {Method.ONE_SIDED}
    assert qualities(meter, range(12, 14)) == {Quality.FLAT}
    assert int(meter.energy.sum()) == int(bench.true.sum())
    loose = bench.check([bench.block(without(1, range(12, 14)))], outages=[outage])
    assert set(loose.energy[0, 12:14].tolist()) == {int(bench.true[11])}
    assert qualities(loose, range(12, 14)) == {Quality.UNSCALED}


def test_what_has_not_come_yet_is_no_gap() -> None:
    bench = Bench(days=DAYS)
    meter = bench.check([bench.block(range(48 * DAYS - 3))])
    assert meter.quality.reshape(-1)[-3:].tolist() == [Quality.MISSING] * 3
    assert methods(meter, range(48 * DAYS - 3, 48 * DAYS)) == {Method.NONE}


def test_a_gap_that_no_register_holds_is_estimated_for_a_week_and_no_longer() -> None:
    bench = Bench(days=40)
    week, longer = range(480, 480 + WEEK), range(1200, 1200 + WEEK + 1)
    meter = bench.check([bench.block(without(40, week, longer))])
    assert qualities(meter, week) == {Quality.UNSCALED}
    assert qualities(meter, longer) == {Quality.MISSING}
    assert "gap" in kinds(meter)


def test_days_with_an_outage_are_no_like_days() -> None:
    """The same afternoon was dark on every other day but three: only those three are drawn on."""
    bench = Bench(days=DAYS)
    true = bench.true.reshape(DAYS, 48)
    lit = (2, 9, 12)
    outages = []
    for day in range(DAYS):
        if day not in (*lit, 7):
            true[day, 20:30] = 0
            outages.append(Period(at(day * 48 + 20), at(day * 48 + 30)))
    gap = range(WEEK + 20, WEEK + 30)
    meter = bench.check([bench.block(without(DAYS, gap))], outages=outages)
    assert methods(meter, gap) == {Method.LIKE_DAY}
    assert (meter.energy.reshape(-1)[list(gap)] >= true[list(lit), 20:30].min()).all()


def test_a_class_profile_shapes_what_two_registers_hold_alone() -> None:
    profile = np.concatenate([np.full(24, 0.5), np.full(24, 1.5)])
    bench = Bench(days=3)
    reads = [bench.read(0), bench.read(144)]
    shaped = bench.check([], reads, profile=profile)
    assert methods(shaped, range(144)) == {Method.CLASS_PROFILE}
    assert int(shaped.energy.sum()) == int(bench.true.sum())
    nights, days = shaped.energy[:, :24], shaped.energy[:, 24:]
    assert abs(3 * nights.sum() - days.sum()) <= 144
    even = bench.check([], reads)
    assert methods(even, range(144)) == {Method.EVEN}
    assert qualities(even, range(144)) == {Quality.FLAT}


def rated(bench: Bench, slot: int, rates: bytes) -> list[Read]:
    """The total and the three rate registers before a slot."""
    hours = np.frombuffer(rates, np.uint8)
    found = [bench.read(slot)]
    for rate in (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK):
        wh = 500_000 + int(bench.true[:slot][hours[:slot] == rate].sum())
        found.append(Read(at(slot), wh, rate=rate))
    return found


def test_estimates_add_up_to_each_rate_register() -> None:
    hours = schedule("TT16-2014").day_rates
    bench = Bench(days=DAYS)
    all_hours = b"".join(hours(FIRST + timedelta(day)) for day in range(DAYS))
    true = bench.true.reshape(DAYS, 48)
    true[8, 34:40] *= 9  # an evening unlike any other, all of it at the peak
    gap = range(8 * 48 + 10, 8 * 48 + 46)
    reads = rated(bench, 0, all_hours) + rated(bench, 48 * DAYS, all_hours)
    blocks = [bench.block(without(DAYS, gap))]
    rate = np.frombuffer(all_hours, np.uint8)
    held, loose = bench.check(blocks, reads, day_rates=hours), bench.check(blocks, reads)
    for one in (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK):
        mine = rate == one
        assert int(held.energy.reshape(-1)[mine].sum()) == int(bench.true[mine].sum()), one
    peak = rate == Rate.PEAK
    assert int(loose.energy.reshape(-1)[peak].sum()) != int(bench.true[peak].sum())
    assert int(loose.energy.sum()) == int(held.energy.sum()) == int(bench.true.sum())


def test_days_stay_exact_where_the_total_is_read_at_midnight_and_the_rates_by_the_month() -> None:
    hours = schedule("TT16-2014").day_rates
    bench = Bench(days=DAYS)
    all_hours = b"".join(hours(FIRST + timedelta(day)) for day in range(DAYS))
    bench.true.reshape(DAYS, 48)[9, 34:40] *= 9
    gap = range(8 * 48 + 10, 10 * 48 + 20)
    reads = rated(bench, 0, all_hours) + rated(bench, 48 * DAYS, all_hours)
    reads += [bench.read(48 * day) for day in range(1, DAYS)]
    meter = bench.check([bench.block(without(DAYS, gap))], reads, day_rates=hours)
    assert meter.energy.sum(axis=1).tolist() == bench.true.reshape(DAYS, 48).sum(axis=1).tolist()
    for rate in (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK):
        mine = np.frombuffer(all_hours, np.uint8) == rate
        assert abs(int(meter.energy.reshape(-1)[mine].sum()) - int(bench.true[mine].sum())) <= 10, rate


def test_two_rate_readings_weeks_apart_say_nothing_about_half_hours() -> None:
    """Peak hours alone make less than a week of a month: they are not filled where the others are not."""
    hours = schedule("TT16-2014").day_rates
    bench = Bench(days=30)
    all_hours = b"".join(hours(FIRST + timedelta(day)) for day in range(30))
    meter = bench.check([], rated(bench, 0, all_hours) + rated(bench, 48 * 30, all_hours), day_rates=hours)
    assert (meter.quality == Quality.MISSING).all()


def test_tet_and_holidays_are_days_of_their_own_kind() -> None:
    assert [day_kind(date(2026, 2, day)) for day in (13, 14, 22, 23)] == [
        DayKind.WORKING, DayKind.TET, DayKind.TET, DayKind.WORKING
    ]  # fmt: skip
    assert day_kind(date(2031, 9, 2)) is DayKind.HOLIDAY
    assert day_kind(date(2026, 11, 21)) is DayKind.WEEKEND
    assert day_kinds(date(2026, 4, 29), 3).tolist() == [DayKind.WORKING, DayKind.HOLIDAY, DayKind.HOLIDAY]


def test_a_day_of_tet_is_estimated_by_days_of_tet() -> None:
    """A household away over Tết: the missing morning of the fifth day is empty, too."""
    first = date(2026, 2, 2)
    bench = Bench(days=28)
    true = bench.true.reshape(28, 48)
    true[12:21] = 3
    gap = range(16 * 48 + 8, 16 * 48 + 24)
    start = datetime.combine(first, datetime.min.time())
    shift = int((start - datetime.combine(FIRST, datetime.min.time())).total_seconds())
    block = bench.block(without(28, gap))
    moved = type(block)(block.stamps + shift, block.raw)
    meter = bench.check([moved], first=first)
    assert meter.energy.reshape(-1)[list(gap)].tolist() == [3] * 16


def test_a_flag_says_how_a_slot_was_made() -> None:
    assert nem12_flag(Quality.ACTUAL) == nem12_flag(Quality.SUSPECT) == "A"
    assert nem12_flag(Quality.MISSING) == "N"
    assert nem12_flag(Quality.LIKE_DAY, Method.LIKE_DAY) == "F14"
    assert nem12_flag(Quality.UNSCALED, Method.LIKE_DAY) == "S14"
    assert nem12_flag(Quality.LINEAR) == "F17"
    assert nem12_flag(Quality.EDITED) == "F16"
    assert nem12_flag(Quality.UNSCALED, Method.CHECK_METER) == "S11"
    assert set(NEM12_METHOD) == set(Method) - {Method.NONE}


@pytest.mark.parametrize(
    "flag", ["A", "N", "F11", "S11", "F14", "S14", "F15", "F16", "F17", "S17", "F18", "F19", "F57"]
)
def test_flags_go_out_as_they_came_in(flag: str) -> None:
    assert nem12_flag(*of_nem12_flag(flag)) == flag


def test_flags_of_others() -> None:
    assert of_nem12_flag("E52") == (Quality.UNSCALED, Method.EVEN)
    for odd in ("", "V", "X14", "F", "Fxx", "A14", "F１４"):
        with pytest.raises(ValueError, match="no quality flag"):
            of_nem12_flag(odd)


def test_each_rate_register_is_held_against_the_slots_of_its_hours() -> None:
    hours = schedule("TT16-2014").day_rates
    bench = Bench(days=DAYS)
    bench.true *= 20
    all_hours = b"".join(hours(FIRST + timedelta(day)) for day in range(DAYS))
    blocks = [bench.block(range(48 * DAYS))]
    reads = rated(bench, 0, all_hours) + rated(bench, 48 * DAYS, all_hours)
    business = {"day_rates": hours, "customer_class": "business"}
    assert bench.check(blocks, reads, **business).findings == ()

    def moved(wh: int, rate: Rate) -> list[Read]:
        return [replace(one, raw=one.raw + wh) if one.rate == rate else one for one in reads[4:]]

    (finding,) = bench.check(blocks, [*reads[:4], *moved(9_000, Rate.PEAK)], **business).findings
    assert (finding.kind, finding.severity, finding.day) == (
        "sum_mismatch", Severity.AMBER, FIRST + timedelta(DAYS - 1)
    )  # fmt: skip
    assert finding.detail["register"] == "CD"
    assert finding.detail["registers_wh"] == finding.detail["profile_wh"] + 9_000  # type: ignore[operator]
    assert bench.check(blocks, [*reads[:4], *moved(1_500, Rate.PEAK)], **business).findings == ()
    fallen = [replace(one, raw=499_000) if one.rate == Rate.OFFPEAK else one for one in reads[4:]]
    (finding,) = bench.check(blocks, [*reads[:4], *fallen], **business).findings
    assert (finding.kind, finding.severity, finding.detail["register"]) == ("negative", Severity.RED, "TD")
    gap = bench.check([bench.block(without(DAYS, range(400, 440)))], [*reads[:4], *moved(9_000, Rate.PEAK)],
                      **business)  # fmt: skip
    assert all("register" not in one.detail for one in gap.findings), "what was not measured says nothing"
