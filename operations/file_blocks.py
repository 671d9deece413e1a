"""A file's channel as the store keeps it: Wh on the meter's side, each slot with what the file said of it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from analytics.vee.methods import Method
from model.quality import Quality
from model.readout import ProfileBlock, RegisterRead
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit
from operations import models
from operations.formats import flags
from operations.formats.numbers import plain
from operations.formats.values import IndexPair, Intervals, Rejected
from operations.said_quality import status_of
from storage.register import Hung

_FACTORS: Final = {
    prefix + unit: factor
    for unit in ("wh", "varh")
    for prefix, factor in (("", 1), ("k", 1000), ("m", 10**6), ("g", 10**9))
}
_NEM_SUFFIX: Final = {
    "E": Channel.ACTIVE_IMPORT,  # NEM12 speaks from the grid's side: what it exported was used here
    "B": Channel.ACTIVE_EXPORT,
    "Q": Channel.REACTIVE_IMPORT,
    "K": Channel.REACTIVE_EXPORT,
}
_BY_NAME: Final = {channel.name.lower(): channel for channel in Channel}
_FINEST: Final = -9  # the power of ten of a Wh that is kept at the finest
_LARGEST: Final = 2**63
_DAY_S: Final = 86_400
ONE: Final = Decimal(1)
_REACTIVE: Final = (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one channel of a file becomes, each piece with its meter."""

    meters: frozenset[tuple[int, str]]
    blocks: tuple[tuple[int, ProfileBlock], ...] = ()
    reads: tuple[tuple[int, RegisterRead], ...] = ()

    @property
    def channels(self) -> set[tuple[int, int]]:
        found = {(meter, int(block.channel)) for meter, block in self.blocks}
        return found | {(meter, int(read.channel)) for meter, read in self.reads}

    def of(self, meter_id: int) -> Taken:
        """What of it is that meter's."""
        return Taken(
            frozenset(one for one in self.meters if one[0] == meter_id),
            tuple(one for one in self.blocks if one[0] == meter_id),
            tuple(one for one in self.reads if one[0] == meter_id),
        )

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.meters | other.meters, self.blocks + other.blocks, self.reads + other.reads)


def channel_of(name: str) -> Channel | None:
    """The channel a file means, by a name of ours or by NEM12's suffix."""
    return _BY_NAME.get(name.lower()) or (_NEM_SUFFIX.get(name[:1].upper()) if len(name) == 2 else None)


@lru_cache(maxsize=1024)
def said_of(obis: str, flag: str) -> flags.Said:
    """What the flag of a file of that format says."""
    if "nem" in obis:
        return flags.of_nem(flag)
    found = flags.of_espi(int(flag)) if "greenbutton" in obis else flags.of_word(flag)
    return (Quality.SUSPECT, Method.NONE) if found is None else found


def blocks_of(one: Intervals, places: Sequence[Hung], *, obis: str, secondary: bool) -> Taken | Rejected:
    """The channel's intervals while the meter hung; what the file calls missing is left a gap.

    Energies that were really used are divided by CT × VT where the meter's own values lie behind it.
    """
    reject = _rejecting(one)
    channel, factor = channel_of(one.channel), _FACTORS.get(one.unit.lower())
    if channel is None:
        return reject(f"channel {one.channel} is no energy that is kept (E, B, Q, K; active_import …)")
    if factor is None or one.unit.lower().endswith("varh") != (channel in _REACTIVE):
        return reject(f"unit {one.unit or '(none)'} does not fit channel {one.channel}: Wh, kWh, varh, kvarh")
    if _DAY_S % one.interval_s:
        return reject(f"intervals of {one.interval_s} s do not divide a day, and days are what is kept")
    groups: dict[tuple[int, Decimal], list[tuple[int, Decimal, int]]] = defaultdict(list)
    outside = 0
    spans = [(p.since.timestamp(), math.inf if p.until is None else p.until.timestamp()) for p in places]
    behind = [not secondary and _is_behind_transformers(p) for p in places]
    for at, value, flag in sorted(one.rows(), key=lambda row: row[0]):
        place = _hanging(spans, at)
        quality, method = said_of(obis, flag)
        if place is None:
            outside += 1
        elif value is not None and quality is not Quality.MISSING:
            divisor = _divisor(places[place], at) if behind[place] else ONE
            groups[place, divisor].append((at, value * factor, status_of(quality, method)))
    if not groups:
        why = (
            f"the meter hung nowhere in the time of its {outside} values"
            if outside
            else "every value is missing"
        )
        return reject(why)
    blocks = []
    for (place, divisor), rows in groups.items():
        block = _block(one, channel, obis, divisor, rows)
        if isinstance(block, str):
            return reject(block)
        blocks.append((places[place].meter_id, block))
    meters = frozenset((places[place].meter_id, places[place].serial) for place, _ in groups)
    return Taken(meters, tuple(blocks))


def _hanging(spans: Sequence[tuple[float, float]], at: int) -> int | None:
    """The number of the place at which a meter hung then, of their spans in epoch seconds."""
    return next((number for number, (since, until) in enumerate(spans) if since <= at < until), None)


def _is_behind_transformers(place: Hung) -> bool:
    kind = models.kind(place.model)
    return kind is not None and kind.is_secondary


def _divisor(place: Hung, at: int) -> Decimal:
    return place.multiplier_at(datetime.fromtimestamp(at, UTC))


def _block(
    one: Intervals,
    channel: Channel,
    obis: str,
    divisor: Decimal,
    rows: Sequence[tuple[int, Decimal, int]],
) -> ProfileBlock | str:
    values = [value / divisor if divisor != 1 else value for _, value, _ in rows]
    if divisor != 1 and any(got * divisor != value for got, (_, value, _) in zip(values, rows, strict=True)):
        how = "give the meter's own (--secondary)"
        return f"a value of it cannot be divided by the multiplier {plain(divisor)}: {how}"
    scaler = min(0, *map(_exponent, values))
    if scaler < _FINEST:
        return f"a value of it has more than {-_FINEST} places behind a Wh: round the file"
    raw = tuple(int(value.scaleb(-scaler)) for value in values)
    if max(raw) >= _LARGEST:
        return f"a value of it is too large to keep: {max(values)} Wh"
    return ProfileBlock(
        channel=channel,
        kind=ProfileKind.INTERVAL_ENERGY,
        obis=obis,
        interval=timedelta(seconds=one.interval_s),
        stamps=tuple(datetime.fromtimestamp(at, UTC) for at, _, _ in rows),
        raw=raw,
        status=tuple(status for _, _, status in rows),
        scaler=scaler,
        unit=Unit.VAR_HOUR if channel in _REACTIVE else Unit.WATT_HOUR,
    )


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def reads_of(pair: IndexPair, places: Sequence[Hung]) -> Taken | Rejected:
    """Both readings of the register, at the meter's resolution; an estimated one is no reading."""
    reject = _rejecting(pair)
    factor, into = _FACTORS.get(pair.unit.lower()), pair.told.get("direction") == "I"
    if factor is None:
        return reject(f"unit {pair.unit or '(none)'} is no energy: Wh, kWh, varh and kvarh are kept")
    varh = pair.unit.lower().endswith("varh")
    channel = Channel(1 + into + 2 * varh)
    reads: list[tuple[int, RegisterRead]] = []
    meters: set[tuple[int, str]] = set()
    for at, index, flag in (
        (pair.start, pair.previous, pair.previous_flag),
        (pair.end, pair.current, pair.flag),
    ):
        place = next((p for p in places if p.since <= at and (p.until is None or at <= p.until)), None)
        if place is None or flags.of_nem(flag or "A")[0] is not Quality.ACTUAL:
            continue
        kind = models.kind(place.model)
        if kind is None or (channel, Rate.TOTAL) not in kind.registers:
            return reject(f"meter {place.serial} of model {place.model} has no such register")
        scaler, unit = kind.registers[channel, Rate.TOTAL]
        raw = (index * factor).scaleb(-scaler)
        if raw != int(raw) or raw < 0:
            why = f"is finer than the register of meter {place.serial}, or below 0"
            return reject(f"the index {index} {pair.unit} {why}")
        read = RegisterRead(channel, Rate.TOTAL, at, int(raw), scaler, unit, ReadingSource.IMPORT)
        reads.append((place.meter_id, read))
        meters.add((place.meter_id, place.serial))
    if not reads:
        return reject("neither of its readings was really read while the meter hung: estimates do not close")
    return Taken(frozenset(meters), (), tuple(reads))


def _rejecting(one: Intervals | IndexPair) -> Callable[[str], Rejected]:
    return lambda why: Rejected(one.line, why, one.meter, one.channel, one.unit)


def rendered(digest: str, part: Taken) -> bytes:
    """What became one meter's evidence, as text: the file's digest, then a line a value."""
    lines = [f"sha256:{digest}"]
    for _, block in part.blocks:
        lines.append(
            f"{block.channel.name} {block.obis} {block.interval.total_seconds():g}s 10^{block.scaler}"
        )
        rows = zip(block.stamps, block.raw, block.status, strict=True)
        lines += [f"{at.isoformat()} {raw} {status}" for at, raw, status in rows]
    for _, read in part.reads:
        lines.append(f"{read.channel.name} {read.at.isoformat()} {read.raw} 10^{read.scaler}")
    return "\n".join(lines).encode()
