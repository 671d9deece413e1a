"""What a file holds, channel by channel: what `ami import … --json` says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from operations.formats.values import FileReadings, IndexPair, Intervals, Rejected

MOST_TOLD: Final = 1000  # lines left out of one channel that are told one by one
Key = tuple[str, str, str]


@dataclass(slots=True)
class _Entry:
    meter: str
    channel: str
    unit: str
    total: Decimal = Decimal(0)
    count: int = 0
    start: datetime | None = None
    end: datetime | None = None
    quality: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def span(self, start: datetime, end: datetime) -> None:
        self.start = start if self.start is None else min(self.start, start)
        self.end = end if self.end is None else max(self.end, end)


def channels(found: FileReadings, zone: timezone) -> list[dict[str, Any]]:
    """One document per meter, channel and unit, in the order of the file; `total` in the file's own unit.

    `quality` counts the file's own flags, `to` is the end of the last interval, `rejected` what was left out.
    """
    entries: dict[Key, _Entry] = {}

    def entry(one: Intervals | IndexPair | Rejected) -> _Entry:
        key = (one.meter, one.channel, one.unit.lower())
        return entries.setdefault(key, _Entry(one.meter, one.channel, one.unit))

    for one in found.intervals:
        _intervals(entry(one), one)
    for pair in found.indices:
        _pair(entry(pair), pair)
    for rejected in found.rejected:
        entry(rejected).rejected.append(rejected)
    return [_document(one, zone) for one in entries.values()]


def _intervals(entry: _Entry, one: Intervals) -> None:
    if one.serial:
        entry.more["serial"] = one.serial
    entry.more.setdefault("interval_s", one.interval_s)
    if one.at:
        step = timedelta(seconds=one.interval_s)
        entry.span(datetime.fromtimestamp(min(one.at), UTC), datetime.fromtimestamp(max(one.at), UTC) + step)
    entry.total += sum((value for value in one.value if value is not None), Decimal(0))
    entry.count += len(one.at)
    entry.quality.update(one.flag)


def _pair(entry: _Entry, pair: IndexPair) -> None:
    if pair.serial:
        entry.more["serial"] = pair.serial
    entry.span(pair.start, pair.end)
    entry.total += pair.quantity
    entry.count += 1
    entry.quality[pair.flag] += 1
    entry.more |= {"previous": _number(pair.previous), "current": _number(pair.current), **pair.told}


def _document(entry: _Entry, zone: timezone) -> dict[str, Any]:
    def said(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).isoformat()

    told = [{"line": one.line, "why": one.why} for one in entry.rejected[:MOST_TOLD]]
    if len(entry.rejected) > MOST_TOLD:
        after = entry.rejected[MOST_TOLD]
        told.append(
            {"line": after.line, "why": f"and {len(entry.rejected) - MOST_TOLD} more lines from here on"}
        )
    return {
        "meter": entry.meter,
        "channel": entry.channel,
        "unit": entry.unit,
        "total": _number(entry.total),
        "intervals": entry.count,
        "from": said(entry.start),
        "to": said(entry.end),
        "quality": dict(sorted(entry.quality.items())),
        "rejected": told,
        **entry.more,
    }


def _number(value: Decimal) -> int | float:
    """As JSON knows numbers: whole where it is whole, else the nearest double."""
    return int(value) if value == int(value) else float(value)
