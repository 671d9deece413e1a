"""Blocks and registers to whole Wh on the slots and instants of one meter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.vee.findings import Log
from analytics.vee.inputs import Int64, MeterInput
from model.quality import Severity
from model.series import Channel, ProfileKind, Rate, Unit

BOUNDARY_SHARE = 200  # a stamp within 1/200 of an interval of a boundary stands on it: 9 s of half an hour
LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """What profiles say directly: Wh per slot where `known`; `doubted` where two answers differed."""

    energy: Int64
    known: npt.NDArray[np.bool_]
    doubted: npt.NDArray[np.bool_]
    rounded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Index values in primary Wh, ascending and distinct in time; `resolution` is the worth of the last
    digit."""

    at: Int64
    index: Int64
    resolution: Int64


def wh(raw: npt.NDArray[Any], factor: Fraction) -> Int64:
    """raw × factor, half-up, in whole numbers throughout."""
    values = np.asarray(raw, np.int64)
    p, q = factor.numerator, factor.denominator
    if q == 1:
        return values * p
    sign = np.where(values < 0, -1, 1)
    return np.asarray(sign * ((2 * np.abs(values) * p + q) // (2 * q)), np.int64)


def scale(scaler: int) -> Fraction:
    return Fraction(10) ** scaler


def profile_slots(meter: MeterInput, log: Log) -> Slots:
    """Interval energies and mean powers on the slots; the last answer received is the one that counts."""
    n = (meter.past + meter.days) * meter.slots
    energy, known, doubted = np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n, bool)
    rounded = False
    blocks = [b for b in meter.blocks if b.channel == meter.channel and b.kind != ProfileKind.INDEX]
    for interval in sorted({block.interval_s for block in blocks}, reverse=True):
        if meter.interval_s % interval:
            log.note(
                meter.first, "interval_size", Severity.AMBER, interval_s=interval, slot_s=meter.interval_s
            )
            continue
        stamps, values, differing, inexact = _merged(
            meter, [b for b in blocks if b.interval_s == interval], log
        )
        rounded |= inexact
        offset = stamps - meter.origin
        near = (offset + interval // 2) // interval
        on_grid = np.abs(offset - near * interval) * BOUNDARY_SHARE <= interval
        slot = near * interval // meter.interval_s
        inside = (slot >= 0) & (slot < n)
        for kind, bad in (
            ("off_grid", inside & ~on_grid),
            ("negative", inside & (values < 0)),
            ("too_large", inside & (values > LARGEST)),
        ):
            log.note_slots(slot[bad], kind, Severity.AMBER)
        log.note_slots(slot[inside & differing], "duplicate", Severity.BLUE)
        use = inside & on_grid & (values >= 0) & (values <= LARGEST)
        part, count = np.zeros(n, np.int64), np.zeros(n, np.int64)
        np.add.at(part, slot[use], values[use])
        np.add.at(count, slot[use], 1)
        whole = (count * interval == meter.interval_s) & (part <= LARGEST)
        energy[whole], known[whole] = part[whole], True
        doubted[slot[use & differing]] = True
    return Slots(energy, known, doubted & known, rounded)


def _merged(
    meter: MeterInput, blocks: Iterable[Any], log: Log
) -> tuple[Int64, Int64, npt.NDArray[np.bool_], bool]:
    """(stamps, Wh, whether answers differed about the stamp, whether Wh were rounded), one value a stamp."""
    stamps, values, received = [], [], []
    inexact = False
    for block in blocks:
        power = block.kind == ProfileKind.MEAN_POWER
        if block.unit != _unit(meter.channel, power):
            log.note(meter.first, "unit", Severity.AMBER, unit=int(block.unit), profile=str(block.kind))
            continue
        factor = scale(block.scaler) * meter.factor * (Fraction(block.interval_s, 3600) if power else 1)
        inexact |= factor.denominator != 1
        stamps.append(np.asarray(block.stamps, np.int64))
        values.append(wh(block.raw, factor))
        received.append(np.full(len(block.stamps), block.received_at.timestamp()))
    if not stamps:
        empty = np.zeros(0, np.int64)
        return empty, empty, np.zeros(0, bool), False
    return (*_latest(np.concatenate(stamps), np.concatenate(values), np.concatenate(received)), inexact)


def _latest(
    stamps: Int64, values: Int64, received: npt.NDArray[np.float64]
) -> tuple[Int64, Int64, npt.NDArray[np.bool_]]:
    order = np.lexsort((values, received, stamps))
    stamps, values = stamps[order], values[order]
    last = np.append(stamps[1:] != stamps[:-1], True)
    group = np.cumsum(np.append(True, stamps[1:] != stamps[:-1])) - 1
    differing = np.zeros(int(last.sum()), bool)
    np.logical_or.at(differing, group, values != values[last][group])
    return stamps[last], values[last], differing


def _unit(channel: Channel, power: bool) -> Unit:
    if channel in (Channel.ACTIVE_IMPORT, Channel.ACTIVE_EXPORT):
        return Unit.WATT if power else Unit.WATT_HOUR
    return Unit.VAR if power else Unit.VAR_HOUR


def indices(meter: MeterInput, log: Log, rate: int = Rate.TOTAL) -> Indices:
    """Registers of the `rate`, and index profiles for the total, within the days and while the meter hung,
    snapped to slot boundaries.

    Of two values at one instant the finer counts; of two near one boundary the nearer.
    """
    at: list[Int64] = []
    index: list[Int64] = []
    resolution: list[Int64] = []
    rank: list[Int64] = []  # later answers win among equals
    energy_unit = _unit(meter.channel, power=False)

    def add(stamps: npt.ArrayLike, raw: npt.ArrayLike, scaler: int, order: float) -> None:
        factor = scale(scaler) * meter.factor
        stamped = np.asarray(stamps, np.int64)
        at.append(stamped)
        index.append(wh(np.asarray(raw, np.int64), factor))
        resolution.append(np.full(len(stamped), max(1, int(factor)), np.int64))
        rank.append(np.full(len(stamped), -int(order), np.int64))

    for block in meter.blocks:
        if block.channel == meter.channel and block.kind == ProfileKind.INDEX and rate == Rate.TOTAL:
            if block.unit != energy_unit:
                log.note(meter.first, "unit", Severity.AMBER, unit=int(block.unit), profile=str(block.kind))
                continue
            add(block.stamps, block.raw, block.scaler, block.received_at.timestamp())
    reads: dict[int, list[tuple[int, int]]] = {}
    for read in meter.registers:
        if read.channel == meter.channel and read.rate == rate:
            if read.unit != energy_unit:
                log.note(meter.first, "unit", Severity.AMBER, unit=int(read.unit), profile="register")
                continue
            reads.setdefault(read.scaler, []).append((int(read.at.timestamp()), read.raw))
    for scaler, pairs in reads.items():
        add([stamp for stamp, _ in pairs], [raw for _, raw in pairs], scaler, 0.0)
    if not at:
        empty = np.zeros(0, np.int64)
        return Indices(empty, empty, empty)
    stamps, values = np.concatenate(at), np.concatenate(index)
    fine, ranks = np.concatenate(resolution), np.concatenate(rank)
    low, high = hung(meter)
    boundary = (
        meter.origin + (stamps - meter.origin + meter.interval_s // 2) // meter.interval_s * meter.interval_s
    )
    distance = np.abs(stamps - boundary)
    snapped = np.where(distance * BOUNDARY_SHARE <= meter.interval_s, boundary, stamps)
    inside = (snapped >= low) & (snapped <= high) & (values >= 0)
    order = np.lexsort((values, ranks, distance, fine, snapped))
    order = order[inside[order]]
    stamps, values, fine = snapped[order], values[order], fine[order]
    first = np.append(True, stamps[1:] != stamps[:-1])[: len(stamps)]
    return Indices(stamps[first], values[first], fine[first])


def hung(meter: MeterInput) -> tuple[int, int]:
    """Epoch seconds between which the meter hung, within the days looked at."""
    low = meter.origin
    high = low + (meter.past + meter.days) * meter.slots * meter.interval_s
    if meter.since is not None:
        low = max(low, int(meter.since.timestamp()))
    if meter.until is not None:
        high = min(high, int(meter.until.timestamp()))
    return low, high
