"""Green Button out: one Atom feed for one meter, in the order of the ESPI schema (NAESB REQ.21, 3.3 and 4.0).

An IntervalBlock is a local day; what is missing has no IntervalReading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from itertools import groupby
from typing import Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

from operations.formats.values import Intervals, Unusable

_FEED: Final = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">'
_BASE: Final = "urn:dienke:espi/1_1/resource"  # addresses within the file, not on any server
_UOM: Final = {"active": "72", "reactive": "73"}
_FLOW: Final = {"import": "1", "export": "19"}
_LARGEST: Final = 2**47


def write(meter: str, channels: Sequence[Intervals], zone: timezone, made: datetime) -> str:
    """The feed; the channels are `active_import` … `reactive_export` in Wh or varh, flags ESPI's codes.

    Values that are no whole Wh are written in the power of ten they need. Raises `Unusable`.
    """
    stamp = f"{made.astimezone(zone).replace(microsecond=0):%Y-%m-%dT%H:%M:%S%z}"
    stamp = f"{stamp[:-2]}:{stamp[-2:]}"
    point = f"{_BASE}/UsagePoint/{quote(meter, safe='')}"
    entries = _Entries(stamp)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', _FEED]
    lines += [
        f"<id>{_id(point + stamp)}</id>",
        f"<title>{escape(meter)}</title>",
        f"<updated>{stamp}</updated>",
    ]
    lines += [_link("self", f"{_BASE}/Batch/UsagePoint/{quote(meter, safe='')}", "espi-feed/UsagePoint")]
    shift = int(zone.utcoffset(None).total_seconds())
    clock = f"{_BASE}/LocalTimeParameters/01"
    no_summer = "<espi:dstEndRule>00000000</espi:dstEndRule><espi:dstOffset>0</espi:dstOffset>"
    no_summer += f"<espi:dstStartRule>00000000</espi:dstStartRule><espi:tzOffset>{shift}</espi:tzOffset>"
    kind = "<espi:ServiceCategory><espi:kind>0</espi:kind></espi:ServiceCategory>"
    lines += entries.entry("UsagePoint", point, meter, kind, (f"{point}/MeterReading", clock))
    lines += entries.entry("LocalTimeParameters", clock, "", no_summer, ())
    for one in channels:
        lines += _channel(entries, one, point, shift)
    return "\n".join([*lines, "</feed>", ""])


def _channel(entries: _Entries, one: Intervals, point: str, shift: int) -> Iterator[str]:
    nature, _, way = one.channel.partition("_")
    if nature not in _UOM or way not in _FLOW:
        raise Unusable(0, f"channel {one.channel} has no place in a Green Button file")
    name = f"{one.channel}-{one.interval_s}"
    reading, kind = f"{point}/MeterReading/{name}", f"{_BASE}/ReadingType/{name}"
    power = min((_power(value) for value in one.value if value is not None), default=0)
    fields = (
        ("accumulationBehaviour", "4"), ("commodity", "1"), ("dataQualifier", "12"),
        ("flowDirection", _FLOW[way]), ("intervalLength", str(one.interval_s)), ("kind", "12"),
        ("powerOfTenMultiplier", str(power)), ("uom", _UOM[nature]),
    )  # fmt: skip
    said = "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in fields)
    yield from entries.entry("MeterReading", reading, one.channel, None, (f"{reading}/IntervalBlock", kind))
    yield from entries.entry("ReadingType", kind, one.channel, said, ())
    for day, rows in groupby(sorted(one.rows()), key=lambda row: (row[0] + shift) // 86_400):
        begins = day * 86_400 - shift
        block = f"<espi:interval><espi:duration>86400</espi:duration><espi:start>{begins}</espi:start>"
        block += "</espi:interval>" + "".join(
            _reading(one, at, value, flag, power) for at, value, flag in rows if value is not None
        )
        own = f"{reading}/IntervalBlock/{begins}"
        yield from entries.entry("IntervalBlock", own, "", block, ())


def _power(value: Decimal) -> int:
    """The power of ten of the last digit, where it is behind the point."""
    exponent = value.normalize().as_tuple().exponent
    return min(0, exponent) if isinstance(exponent, int) else 0


def _reading(one: Intervals, at: int, value: Decimal, flag: str, power: int) -> str:
    whole = int(value.scaleb(-power))
    if not -_LARGEST <= whole < _LARGEST:
        raise Unusable(0, f"meter {one.meter}: {value} {one.unit} is more than a Green Button file can hold")
    return (
        f"\n<espi:IntervalReading><espi:ReadingQuality><espi:quality>{flag}</espi:quality>"
        f"</espi:ReadingQuality><espi:timePeriod><espi:duration>{one.interval_s}</espi:duration>"
        f"<espi:start>{at}</espi:start></espi:timePeriod><espi:value>{whole}</espi:value></espi:IntervalReading>"
    )


class _Entries:
    """Atom entries of one moment."""

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp

    def entry(
        self, kind: str, own: str, title: str, content: str | None, related: Sequence[str]
    ) -> Iterator[str]:
        yield f"<entry><id>{_id(own)}</id>"
        yield _link("self", own, f"espi-entry/{kind}")
        yield _link("up", own.rpartition("/")[0], f"espi-feed/{kind}")
        for href in related:
            yield _link("related", href, f"espi-feed/{href.rpartition('/')[2] or kind}")
        yield f"<title>{escape(title)}</title>"
        inner = f"<espi:{kind}/>" if content is None else f"<espi:{kind}>{content}</espi:{kind}>"
        yield f"<content>{inner}</content>"
        yield f"<published>{self.stamp}</published><updated>{self.stamp}</updated></entry>"


def _link(rel: str, href: str, kind: str) -> str:
    return f"<link rel={quoteattr(rel)} href={quoteattr(href)} type={quoteattr(kind)}/>"


def _id(address: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, address)}"
