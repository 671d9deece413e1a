"""What users of other programs complained of, by the name of the complaint: here it does not happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from model.period import Period
from model.quality import Quality
from model.series import ProfileKind
from tests.counting_meter import HALF, T0, Bench, Block, Read, kinds, without


def test_dsmr_reader_507_no_huge_negative_bar_after_a_meter_swap() -> None:
    """No huge negative bar after a swap: each meter is a count of its own (dsmr-reader #507)."""
    bench = Bench()
    removed_at = datetime.fromtimestamp(T0 + 20 * HALF + 600, UTC)
    last = bench.read(20 + 600 / HALF)
    bench_read = replace(last, at=removed_at + timedelta(days=1))
    old = bench.check([bench.block(range(20))], [bench.read(0), last, bench_read], until=removed_at)
    assert set(old.quality[0, :20].tolist()) == {Quality.ACTUAL}
    assert old.quality[0, 20].item() != Quality.ACTUAL
    assert int(old.energy[0].sum()) == last.raw - 1_000_000
    assert set(old.quality[0, 21:].tolist()) == {Quality.MISSING}
    assert "swap" in kinds(old)
    new = bench.check([bench.block(range(21, 48))], [Read(removed_at, 0)], since=removed_at)
    assert (new.energy >= 0).all()
    assert "negative" not in kinds(new)


def test_emoncms_1795_no_energy_is_invented_in_an_outage() -> None:
    """The register stood still while the power was off (emoncms #1795)."""
    bench = Bench(days=2)
    gap = range(20, 60)
    bench.true[20:60] = 0
    meter = bench.check([bench.block(without(2, gap))], [bench.read(0), bench.read(96)])
    assert meter.energy.reshape(-1)[20:60].sum() == 0
    bench = Bench(days=2)
    bench.true[30:50] = 0
    start = datetime.fromtimestamp(T0, UTC)
    outage = Period(start + 30 * timedelta(seconds=HALF), start + 50 * timedelta(seconds=HALF))
    meter = bench.check([bench.block(without(2, gap))], [bench.read(0), bench.read(96)], outages=[outage])
    assert meter.energy.reshape(-1)[30:50].sum() == 0
    assert int(meter.energy.sum()) == int(bench.true.sum())


def test_emoncms_1795_nor_where_no_register_tells() -> None:
    """Ten days of use around it, no register at all: the dark hours hold nothing."""
    bench = Bench(days=11)
    gap = range(5 * 48 + 20, 5 * 48 + 60)
    start = datetime.fromtimestamp(T0 + (5 * 48 + 24) * HALF, UTC)
    outage = Period(start, start + timedelta(hours=10))
    meter = bench.check([bench.block(without(11, gap))], outages=[outage])
    wh = meter.energy.reshape(-1)
    assert wh[5 * 48 + 24 : 5 * 48 + 44].sum() == 0
    assert (wh[5 * 48 + 44 : 5 * 48 + 60] > 0).all()


def test_emoncms_617_a_null_at_midnight_is_no_reading() -> None:
    """A null at midnight neither empties the day before nor doubles the day after (emoncms #617)."""
    bench = Bench(days=2)
    index = 500_000 + np.concatenate(([0], np.cumsum(bench.true)))
    index[48] = 0
    meter = bench.check([Block(T0 + np.arange(97) * HALF, index, kind=ProfileKind.INDEX)])
    assert int(meter.energy.sum()) == int(bench.true.sum())
    assert set(meter.quality.reshape(-1)[47:49].tolist()) == {Quality.LINEAR}
    assert "outlier" in kinds(meter)


def test_emoncms_617_the_half_hour_of_midnight_missing_every_night() -> None:
    """Days stay exact between midnight registers though each lacks its first half-hour."""
    bench = Bench(days=5)
    meter = bench.check(
        [bench.block(np.delete(np.arange(240), np.arange(0, 240, 48)))],
        [bench.read(48 * d) for d in range(6)],
    )
    assert meter.energy.sum(axis=1).tolist() == bench.true.reshape(5, 48).sum(axis=1).tolist()
    assert not (meter.quality == Quality.MISSING).any()


def test_nestup_evn_51_zeros_before_the_real_figure_are_no_consumption() -> None:
    """An index that starts at 0 and leaps to its value (nestup_evn #51)."""
    bench = Bench()
    index = 5_000_000 + np.concatenate(([0], np.cumsum(bench.true)))
    index[:5] = 0
    meter = bench.check([Block(T0 + np.arange(49) * HALF, index, kind=ProfileKind.INDEX)])
    assert set(meter.quality[0, :5].tolist()) == {Quality.MISSING}
    assert int(meter.energy[0].sum()) == int(bench.true[5:].sum())
    assert "zero_then_figure" in kinds(meter)


def test_ha_ppc_smgw_97_live_polling_matches_the_closing_register() -> None:
    """Live polling matches the closing register (ha-ppc-smgw #97)."""
    bench = Bench(days=2)
    reads = [bench.read(0), bench.read(17.3), bench.read(48), bench.read(70.9), bench.read(96)]
    meter = bench.check([bench.block(range(96))], reads)
    assert meter.findings == ()
