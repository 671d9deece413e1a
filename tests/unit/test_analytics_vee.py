"""Blocks and registers to days: what is known is kept, what is bound is exact, what is unknown stays
missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analytics.errors import AnalyticsError
from analytics.vee import MeterInput, validate
from model.period import midnight
from model.quality import Quality
from model.series import ProfileKind, Unit
from tests.counting_meter import FIRST, HALF, T0, Bench, Block, Read, kinds, without


def test_interval_energy_is_kept_to_the_wh() -> None:
    bench = Bench(days=3)
    meter = bench.check([bench.block(range(144))])
    assert meter.energy.reshape(-1).tolist() == bench.true.tolist()
    assert (meter.quality == Quality.ACTUAL).all()
    assert meter.findings == ()


def test_overlapping_blocks_out_of_order_are_one_profile() -> None:
    bench = Bench(days=2)
    blocks = [bench.block(range(40, 96)), bench.block(range(60)), bench.block(range(40, 96))]
    meter = bench.check(blocks)
    assert meter.energy.reshape(-1).tolist() == bench.true.tolist()
    assert meter.findings == ()


def test_two_answers_that_differ_are_doubted_and_the_later_counts() -> None:
    bench = Bench()
    first = bench.block(range(48))
    later = replace(bench.block([7]), raw=np.array([999]), received_at=first.received_at + timedelta(hours=1))
    for blocks in ([first, later], [later, first]):
        meter = bench.check(blocks)
        assert (meter.energy[0, 7], meter.quality[0, 7]) == (999, Quality.SUSPECT)
        assert kinds(meter) == {"duplicate"}


def test_an_index_profile_yields_its_differences() -> None:
    bench = Bench()
    index = 123_456 + np.concatenate(([0], np.cumsum(bench.true)))
    block = Block(T0 + np.arange(49) * HALF, index, kind=ProfileKind.INDEX)
    meter = bench.check([block])
    assert meter.energy[0].tolist() == bench.true.tolist()
    assert (meter.quality == Quality.ACTUAL).all()


def test_mean_power_is_halved_and_the_multiplier_applied_once() -> None:
    power = Block(T0 + np.arange(48) * HALF, np.full(48, 5), kind=ProfileKind.MEAN_POWER, unit=Unit.WATT)
    assert Bench().check([power]).energy[0].tolist() == [3] * 48  # 2.5 Wh, half up
    primary = Bench().check([power], multiplier=40, values_secondary=False)
    secondary = Bench().check([power], multiplier=40, values_secondary=True)
    assert (int(primary.energy[0, 0]), int(secondary.energy[0, 0])) == (3, 100)


def test_quarter_hours_make_half_hours_only_in_pairs() -> None:
    stamps = T0 + np.delete(np.arange(96), 5) * 900
    meter = Bench().check([Block(stamps, np.full(95, 10), interval_s=900)])
    assert meter.energy[0].tolist() == [20] * 48
    assert meter.quality[0].tolist() == [1, 1, Quality.UNSCALED] + [1] * 45


@pytest.mark.parametrize(
    ("gap", "method"), [(range(100, 104), Quality.LINEAR), (range(100, 130), Quality.LIKE_DAY)]
)
def test_a_gap_between_registers_is_filled_to_the_wh(gap: range, method: Quality) -> None:
    bench = Bench(days=9)
    blocks = [bench.block(without(9, gap))]
    reads = [bench.read(0), bench.read(48 * 9)]
    meter = bench.check(blocks, reads)
    flat = meter.energy.reshape(-1)
    assert int(flat.sum()) == int(bench.true.sum())
    assert set(meter.quality.reshape(-1)[list(gap)].tolist()) == {method}
    untouched = without(9, gap)
    assert flat[untouched].tolist() == bench.true[untouched].tolist()
    assert kinds(meter) == {"gap"}


def test_midnight_registers_make_each_day_exact() -> None:
    bench = Bench(days=3)
    gap = range(40, 110)
    reads = [bench.read(48 * day) for day in range(4)]
    meter = bench.check([bench.block(without(3, gap))], reads)
    assert meter.energy.sum(axis=1).tolist() == bench.true.reshape(3, 48).sum(axis=1).tolist()


def test_without_a_register_only_a_short_gap_between_neighbours_is_drawn() -> None:
    bench = Bench(days=2)
    meter = bench.check([bench.block(without(2, range(10, 13), range(20, 40), range(90, 96)))])
    flat = meter.quality.reshape(-1)
    assert set(flat[10:13].tolist()) == {Quality.UNSCALED}
    assert set(flat[20:40].tolist()) | set(flat[90:].tolist()) == {Quality.MISSING}
    assert meter.energy.reshape(-1)[20:40].sum() == 0


def test_a_meter_without_a_logger_is_estimated_between_reads_and_exact_in_sum() -> None:
    bench = Bench(days=2)
    reads = [bench.read(0.4), bench.read(30.7), bench.read(95.2)]
    meter = bench.check([], reads)
    flat, quality = meter.energy.reshape(-1), meter.quality.reshape(-1)
    assert quality[0] == quality[95] == Quality.MISSING  # only a part of them is covered
    assert set(quality[1:95].tolist()) == {Quality.FLAT}
    covered = reads[-1].raw - reads[0].raw
    assert 0 <= covered - int(flat.sum()) <= 2 * flat.max()


def test_two_reads_weeks_apart_say_nothing_about_half_hours() -> None:
    bench = Bench(days=20)
    meter = bench.check([], [bench.read(0), bench.read(480), bench.read(700), bench.read(960)])
    by_day = [set(day.tolist()) for day in meter.quality]
    assert by_day[0] == by_day[9] == {Quality.MISSING}
    assert by_day[11] == {Quality.FLAT}
    assert int(meter.energy[10:].sum()) == int(bench.true[480:].sum())
    assert "gap" in kinds(meter)


def test_reads_on_both_boundaries_make_an_actual_slot() -> None:
    bench = Bench()
    reads = [bench.read(slot, late_s=4) for slot in (10, 11, 12, 20)]
    meter = bench.check([], reads)
    assert meter.energy[0, 10:12].tolist() == bench.true[10:12].tolist()
    assert meter.quality[0, 10:12].tolist() == [Quality.ACTUAL] * 2
    assert meter.quality[0, 12:20].tolist() == [Quality.FLAT] * 8
    assert int(meter.energy[0, 12:20].sum()) == int(bench.true[12:20].sum())
    late = bench.check([], [bench.read(slot, late_s=60) for slot in (10, 11, 12)])
    assert Quality.ACTUAL not in late.quality


def test_energy_of_live_days_shapes_what_lies_between_two_reads() -> None:
    bench = Bench(days=3)
    live = [bench.read(slot) for slot in range(97)]
    meter = bench.check([], [*live, bench.read(144)])
    assert set(meter.quality[2].tolist()) == {Quality.LIKE_DAY}
    assert int(meter.energy[2].sum()) == int(bench.true[96:].sum())
    assert np.corrcoef(meter.energy[2], bench.true[96:])[0, 1] > 0.7


def test_rollover_by_the_meters_digits() -> None:
    bench = Bench()
    index = (99_998_000 + np.concatenate(([0], np.cumsum(bench.true)))) % 100_000_000
    block = Block(T0 + np.arange(49) * HALF, index, kind=ProfileKind.INDEX)
    meter = bench.check([block], digits=5)
    assert meter.energy[0].tolist() == bench.true.tolist()
    (finding,) = meter.findings
    assert (finding.kind, finding.detail["digits"]) == ("rollover", 5)
    assert kinds(bench.check([block], digits=6)) >= {"negative"}


@pytest.mark.parametrize(
    ("previous", "current", "kind"), [(95_000, 5_000, "rollover"), (94_999, 5_000, "negative")]
)
def test_a_wrap_of_more_than_a_tenth_of_the_range_is_refused(previous: int, current: int, kind: str) -> None:
    start = midnight(FIRST)
    reads = [Read(start, previous, scaler=3), Read(start + timedelta(hours=10), current, scaler=3)]
    meter = Bench().check([], reads, digits=5)
    assert kind in kinds(meter)
    assert int(meter.energy.sum()) == (10_000_000 if kind == "rollover" else 0)


def test_a_profile_that_contradicts_the_register_is_told() -> None:
    bench = Bench(days=2)
    short = replace(bench.block(range(96)), raw=bench.true // 2)
    meter = bench.check([short], [bench.read(0), bench.read(48), bench.read(96)])
    assert kinds(meter) == {"sum_mismatch"}
    # More than the register counted, and a gap: nothing is left to fill it with.
    double = replace(bench.block(without(2, range(30, 40))), raw=2 * bench.true[without(2, range(30, 40))])
    meter = bench.check([double], [bench.read(0), bench.read(96)])
    assert set(meter.quality[0, 30:40].tolist()) == {Quality.MISSING}
    assert "sum_mismatch" in kinds(meter)


def test_a_coarse_register_after_a_fine_one_is_no_fall() -> None:
    bench = Bench(days=2)
    reads = [bench.read(0), bench.read(47.9), bench.read(48, scaler=3), bench.read(96)]
    meter = bench.check([bench.block(range(96))], reads, digits=6)
    assert meter.findings == ()


def test_what_the_meter_cannot_have_meant_is_told_and_left_out() -> None:
    bench = Bench()
    raw = bench.true.copy()
    raw[5] = -3
    wrong_unit = replace(bench.block(range(48)), unit=Unit.VOLT)
    hourly = replace(bench.block([0]), interval_s=3600)
    shifted = replace(bench.block(range(10)), stamps=T0 + np.arange(10) * HALF + 400)
    meter = bench.check([replace(bench.block(range(48)), raw=raw), wrong_unit, hourly, shifted])
    assert kinds(meter) == {"negative", "unit", "interval_size", "off_grid", "gap"}
    assert meter.quality[0, 5] != Quality.ACTUAL
    assert meter.energy[0, 6] == bench.true[6]


def test_history_bridges_the_days_asked_for() -> None:
    bench = Bench(days=3)
    past = bench.true[:96].reshape(2, 48).astype(np.int32)
    quality = np.full((2, 48), Quality.ACTUAL, np.uint8)
    quality[1, 40:] = Quality.MISSING
    later = MeterInput(
        "M1",
        1,
        FIRST + timedelta(2),
        1,
        [bench.block(range(100, 144))],
        [bench.read(0), bench.read(144)],
        history=past,
        history_quality=quality,
    )
    (meter,) = validate([later]).meters
    assert meter.energy.shape == (1, 48)
    assert set(meter.quality[0, :4].tolist()) == {Quality.LIKE_DAY}
    assert meter.energy[0, 4:].tolist() == bench.true[100:].tolist()


def test_nothing_read_is_nothing_known() -> None:
    meter = Bench(days=2).check()
    assert (meter.quality == Quality.MISSING).all()
    assert meter.findings == ()


def test_slots_that_do_not_divide_a_day_are_refused() -> None:
    with pytest.raises(AnalyticsError, match="1700 s"):
        Bench().check(interval_s=1700)
