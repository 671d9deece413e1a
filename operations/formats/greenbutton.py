"""Green Button: interval readings in the Atom feeds of ESPI (NAESB REQ.21), as customers download them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import unquote

from operations.formats.flags import of_espi
from operations.formats.numbers import END_YEAR, FIRST_YEAR
from operations.formats.values import FileReadings, Intervals, Rejected, usable
from operations.formats.xml_tree import Node, pieces

WATT_HOUR, VAR_HOUR = "72", "73"  # UnitSymbolKind
_FORWARD, _REVERSE = "1", "19"  # FlowDirectionKind: to the customer, and from it
CHANNELS: Final = {
    (WATT_HOUR, _FORWARD): "active_import",
    (WATT_HOUR, _REVERSE): "active_export",
    (VAR_HOUR, _FORWARD): "reactive_import",
    (VAR_HOUR, _REVERSE): "reactive_export",
}
_PREFIXES: Final = {"0": "", "3": "k", "6": "M", "9": "G"}  # powerOfTenMultiplier
_UNITS: Final = {WATT_HOUR: "Wh", VAR_HOUR: "varh"}
_ELECTRICITY: Final = ("", "0", "1", "2")  # CommodityKind
_DELTA: Final = ("", "0", "4")  # AccumulationKind: not said, none, deltaData
_BAD_KINDS: Final = {"1": "a bulk quantity", "2": "an index", "3": "an index", "6": "a momentary value",
                     "9": "an index", "12": "a momentary value"}  # fmt: skip
_LARGEST: Final = 2**47  # Int48 of the schema
_TIMES: Final = 2**40
_FIRST: Final = int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
_END: Final = int(datetime(END_YEAR, 1, 1, tzinfo=UTC).timestamp())
_LONGEST_S: Final = 32 * 86_400


@dataclass(slots=True)
class _Type:
    """A ReadingType: what the integers of a block mean, or why they cannot be used."""

    unit: str
    channel: str
    power: int
    interval_s: int
    quality: str
    why: str = ""


@dataclass(slots=True)
class _Feed:
    """The entries by their own address."""

    points: dict[str, str] = field(default_factory=dict)
    of_point: dict[str, tuple[str, ...]] = field(default_factory=dict)  # UsagePoint → its related
    readings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # MeterReading → its related
    types: dict[str, _Type] = field(default_factory=dict)
    blocks: list[tuple[str, Node]] = field(default_factory=list)  # the MeterReading before it, the entry
    last: str = ""


def _hrefs(entry: Node, *kinds: str) -> tuple[str, ...]:
    found = [one for one in entry.children if one.name == "link" and one.attributes.get("rel") in kinds]
    return tuple(one.attributes.get("href", "").rstrip("/") for one in found)


def read(raw: bytes) -> FileReadings:
    """The interval readings of a feed, by usage point and direction. Raises `Unusable`."""
    feed = _Feed()
    pieces(raw, "entry", lambda entry: _take(feed, entry))
    found: dict[tuple[str, str, str, int], Intervals] = {}
    rejected: list[Rejected] = []
    for before, entry in feed.blocks:
        reading = _reading_of(feed, entry, before)
        meter = _meter_of(feed, reading)
        kind = _type_of(feed, reading)
        if meter is None:
            why = f"no link says to which of {len(feed.points)} usage points this IntervalBlock belongs"
            rejected.append(Rejected(entry.line, why))
        elif kind is None:
            rejected.append(Rejected(entry.line, "no ReadingType says what this IntervalBlock counts", meter))
        elif kind.why:
            rejected.append(Rejected(entry.line, kind.why, meter, kind.channel, kind.unit))
        else:
            for block in entry.all("IntervalBlock"):
                _block(block, meter, kind, found, rejected)
    for one in found.values():
        _in_order(one, rejected)
    _without_sums(found, rejected)
    return usable(FileReadings(list(found.values()), (), sorted(rejected, key=lambda one: one.line)))


def _take(feed: _Feed, entry: Node) -> None:
    own = next(iter(_hrefs(entry, "self")), f"#{entry.line}")
    if next(entry.all("IntervalBlock"), None) is not None:
        feed.blocks.append((feed.last, entry))
    elif next(entry.all("UsagePoint"), None) is not None:
        feed.points[own] = unquote(own.rpartition("/")[2])
        feed.of_point[own] = _hrefs(entry, "related")
    elif next(entry.all("MeterReading"), None) is not None:
        feed.readings[own] = (*_hrefs(entry, "related"), *_hrefs(entry, "up"))
        feed.last = own
    elif (kind := next(entry.all("ReadingType"), None)) is not None:
        feed.types[own] = _read_type(kind)


def _read_type(kind: Node) -> _Type:
    uom, flow = kind.said("uom"), kind.said("flowDirection")
    power = kind.said("powerOfTenMultiplier") or "0"
    length = kind.said("intervalLength")
    channel = CHANNELS.get((uom, _FORWARD if flow in ("", "0") else flow), "")
    named = _PREFIXES.get(power)
    unit = (named or "") + _UNITS.get(uom, f"uom {uom}" if uom else "")
    seconds = int(length) if length.isascii() and length.isdigit() and len(length) < 10 else 0
    made = _Type(unit, channel, 0, seconds, kind.said("defaultQuality"))
    if kind.said("commodity") not in _ELECTRICITY:
        made.why = f"the ReadingType counts commodity {kind.said('commodity')}, which is no electricity"
    elif not channel:
        made.why = (
            f"the ReadingType counts unit {uom or '?'} in direction {flow or '?'}: Wh and varh can be read"
        )
    elif kind.said("accumulationBehaviour") not in _DELTA:
        what = _BAD_KINDS.get(kind.said("accumulationBehaviour"), "something else")
        made.why = f"the ReadingType gives {what}, not the energy of each interval"
    elif named is None:
        try:
            made.power = int(power)
        except ValueError:
            made.why = f"the ReadingType has the power of ten {power[:20]!r}"
        if not -12 <= made.power <= 12:
            made.why = f"the ReadingType has the power of ten {power[:20]!r}"
    return made


def _reading_of(feed: _Feed, entry: Node, before: str) -> str:
    """The MeterReading a block belongs to: by its links, else the one that stands before it."""
    for up in _hrefs(entry, "up", "self"):
        for own, related in feed.readings.items():
            if up == own or up in related or up.startswith(f"{own}/"):
                return own
    return before


def _meter_of(feed: _Feed, reading: str) -> str | None:
    """The usage point a MeterReading belongs to: by its address, else by the links of either; None where
    several points stand there and none of that says which."""
    links = (reading, *feed.readings.get(reading, ()))
    for own, name in feed.points.items():
        if reading.startswith(f"{own}/"):
            return name
    for own, name in feed.points.items():
        if any(link == own or link.startswith(f"{own}/") or link in feed.of_point[own] for link in links):
            return name
    return None if len(feed.points) > 1 else next(iter(feed.points.values()), "")


def _type_of(feed: _Feed, reading: str) -> _Type | None:
    for related in feed.readings.get(reading, ()):
        if related in feed.types:
            return feed.types[related]
    return next(iter(feed.types.values())) if len(feed.types) == 1 else None


def _whole(text: str, largest: int) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        return None
    value = int(text)
    return value if -largest <= value < largest else None


def _block(
    block: Node,
    meter: str,
    kind: _Type,
    found: dict[tuple[str, str, str, int], Intervals],
    rejected: list[Rejected],
) -> None:
    for node in block.all("IntervalReading"):
        start = _whole(node.said("timePeriod", "start"), _TIMES)
        length = _whole(node.said("timePeriod", "duration"), _TIMES) or kind.interval_s
        value = _whole(node.said("value"), _LARGEST)
        flag = node.said("ReadingQuality", "quality") or kind.quality or "0"
        why = ""
        if start is None or not _FIRST <= start < _END or length <= 0:
            why = "the reading does not say when it begins and how long it lasts"
        elif not 60 <= length <= _LONGEST_S:
            why = f"an interval of {length} s is none of a load profile"
        elif value is None:
            why = f"the value “{node.said('value')[:20]}” is no whole number"
        elif value < 0:
            why = f"the value is {value}: an interval's energy is not below zero"
        elif not (flag.isascii() and flag.isdigit() and of_espi(int(flag[:9])) is not None):
            why = f"“{flag[:20]}” is no quality of a reading"
        if why or start is None or value is None:
            rejected.append(Rejected(node.line, why, meter, kind.channel, kind.unit))
            continue
        key = (meter, kind.channel, kind.unit, length)
        if key not in found:
            found[key] = Intervals(meter, kind.channel, kind.unit, length, line=block.line)
        found[key].add(start, Decimal(value).scaleb(kind.power), flag)


def _in_order(one: Intervals, rejected: list[Rejected]) -> None:
    """By time; of two readings of one interval the first is kept."""
    rows = sorted(enumerate(one.rows()), key=lambda item: (item[1][0], item[0]))
    one.at, one.value, one.flag = array("q"), [], []
    twice = 0
    for _, (at, value, flag) in rows:
        if one.at and at == one.at[-1]:
            twice += 1
        else:
            one.add(at, value, flag)
    if twice:
        why = f"{twice} readings repeat an interval that stands there already: the first of each was kept"
        rejected.append(Rejected(one.line, why, one.meter, one.channel, one.unit))


def _without_sums(found: dict[tuple[str, str, str, int], Intervals], rejected: list[Rejected]) -> None:
    """Of hours beside days of one channel the shorter ones count; what repeats them is left out."""
    shorter: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for _, one in sorted(found.items(), key=lambda item: item[0][3]):
        spans = sorted(shorter.get((one.meter, one.channel), ()))
        rows = list(one.rows())
        kept = [row for row in rows if not _meets(spans, row[0], row[0] + one.interval_s)]
        shorter.setdefault((one.meter, one.channel), []).extend((at, at + one.interval_s) for at, *_ in kept)
        if len(kept) == len(rows):
            continue
        one.at, one.value, one.flag = array("q"), [], []
        for row in kept:
            one.add(*row)
        why = (
            f"{len(rows) - len(kept)} readings of {one.interval_s} s span intervals of the channel that are "
            "given apart: the shorter ones were kept"
        )
        rejected.append(Rejected(one.line, why, one.meter, one.channel, one.unit))


def _meets(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether any of the spans (in order, none within another) meets the one from `start` to `end`."""
    place = bisect_left(spans, (end, 0)) - 1
    return place >= 0 and spans[place][1] > start
