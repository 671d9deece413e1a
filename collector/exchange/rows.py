"""Rows of a profile into blocks of evidence, or one sentence why they are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collector.polling.plan import SETTLING, Span
from model.light import light
from model.period import LOCAL, Period
from model.readout import MeterEvent, ProfileBlock
from model.series import Channel, ProfileKind, Unit

Ints = NDArray[np.int64]
Values: TypeAlias = Ints | tuple[int, ...]
Which = NDArray[np.intp] | slice
_ALL: Final = slice(None)
SETTLING_S: Final = SETTLING.total_seconds()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one column of a profile measures."""

    channel: Channel
    kind: ProfileKind
    obis: str
    scaler: int
    unit: Unit


class Stamps:
    """Of decoded rows: `seconds` since 1970 UTC at the *end* of the interval, and what there is to see in
    them, which many answers of a fleet have in common and is looked at once."""

    __slots__ = ("_instants", "_odd", "ascending", "newest", "oldest", "seconds")

    def __init__(self, seconds: Ints) -> None:
        self.seconds = seconds
        self.ascending = bool((seconds[1:] > seconds[:-1]).all())
        ends = (seconds[0], seconds[-1]) if self.ascending and len(seconds) else (0, 0)
        if len(seconds) and not self.ascending:
            ends = (seconds.min(), seconds.max())
        self.oldest, self.newest = int(ends[0]), int(ends[1])
        self._odd: dict[int, int | None] = {}
        self._instants: dict[int, tuple[datetime, ...]] = {}

    def __len__(self) -> int:
        return len(self.seconds)

    def odd(self, step: int) -> int | None:
        """The first that is no multiple of so many seconds."""
        if step not in self._odd:
            off = np.flatnonzero(self.seconds % step)
            self._odd[step] = int(self.seconds[off[0]]) if len(off) else None
        return self._odd[step]

    def instants(self, back: int) -> tuple[datetime, ...]:
        """All of them, so many seconds before they were stamped."""
        found = self._instants.get(back)
        if found is None:
            found = self._instants[back] = _instants((self.seconds - back).tobytes())
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Decoded rows: their stamps, their `status`, and for each meaning its values with a mask of those
    present (None: all). Values and status may be tuples where rows ascend and all are present.
    """

    stamps: Stamps
    status: Values
    columns: Sequence[tuple[Meaning, Values, NDArray[np.bool_] | None]]


@light
class Accepted:
    """`answered` is the period the meter has now given all it has of; None when it may still be writing."""

    blocks: tuple[ProfileBlock, ...]
    answered: Period | None
    events: tuple[MeterEvent, ...] = ()


def accept(rows: Rows, span: Span, interval: timedelta, now: datetime, meter_now: datetime) -> Accepted | str:
    """Check rows against what was asked, or say why they cannot be the answer.

    Every stamp must lie in the asked range and on the interval's grid, and none beyond `now`. Rows that came
    twice and say the same count once; rows that came twice and differ are both left out (the answer's bytes
    keep them).
    """
    step = int(interval.total_seconds())
    first, last = int(span.asked.start.timestamp()), int(span.asked.end.timestamp())
    lowest = first if span.opening else first + step
    stamps = rows.stamps
    newest, oldest = stamps.newest, stamps.oldest
    if len(stamps):
        if newest > now.timestamp():
            return f"a row claims the future: stamped {spoken(newest)}, now it is {spoken(now.timestamp())}"
        if (odd := stamps.odd(step)) is not None:
            return f"a row is stamped {spoken(odd)}, which ends no interval of {step // 60} minutes"
        if oldest < lowest or newest > last:
            odd = oldest if oldest < lowest else newest
            return f"a row is stamped {spoken(odd)}, asked was {spoken(lowest)} to {spoken(last)}"
    else:
        newest = first
    keep, events = (_ALL, ()) if stamps.ascending else _distinct(rows, now)
    blocks = tuple(
        [
            block
            for meaning, values, present in rows.columns
            if (block := _block(meaning, interval, rows, values, _there(keep, present))) is not None
        ]
    )
    # What ended a moment ago may still be on its way into the buffer: asked again, not taken for absent.
    settled = int(meter_now.timestamp() - SETTLING_S) // step * step
    end = min(last, max(newest, settled))
    if end == last:
        return Accepted(blocks, span.asked, events)
    return Accepted(blocks, Period(span.asked.start, _instant(end)) if end > first else None, events)


def _there(keep: Which, present: NDArray[np.bool_] | None) -> Which:
    """Those of the rows that have a value in a column."""
    if present is None or present.all():
        return keep
    return np.flatnonzero(present) if isinstance(keep, slice) else keep[present[keep]]


def _distinct(rows: Rows, now: datetime) -> tuple[Which, tuple[MeterEvent, ...]]:
    """Which rows to use, ascending; and what was odd about the others, of rows that do not simply ascend."""
    stamps = rows.stamps.seconds
    events = []
    backwards = int((np.diff(stamps) < 0).sum())
    if backwards:
        events.append(
            MeterEvent(now, "rows_out_of_order", f"{backwards} profile rows came before an earlier one")
        )
    keep: list[int] = []
    twice = differing = 0
    for stamp in np.unique(stamps):
        same = np.flatnonzero(stamps == stamp)
        if len(same) > 1:
            twice += 1
            if len({_cells(rows, int(row)) for row in same}) > 1:
                differing += 1
                continue
        keep.append(int(same[0]))
    if twice:
        events.append(
            MeterEvent(
                now,
                "duplicate_rows",
                f"{twice} profile rows came twice, {differing} of them differing (unused)",
            )
        )
    return np.array(keep, np.intp), tuple(events)


def _cells(rows: Rows, row: int) -> tuple[int | None, ...]:
    values = [
        int(values[row]) if present is None or present[row] else None for _, values, present in rows.columns
    ]
    return (int(rows.status[row]), *values)


def _block(
    meaning: Meaning, interval: timedelta, rows: Rows, values: Values, keep: Which
) -> ProfileBlock | None:
    back = 0 if meaning.kind is ProfileKind.INDEX else int(interval.total_seconds())
    if keep is _ALL:
        stamps = rows.stamps.instants(back)
    else:
        stamps = _instants((rows.stamps.seconds[keep] - back).tobytes())
    if not stamps:
        return None
    return ProfileBlock(
        meaning.channel, meaning.kind, meaning.obis, interval, stamps, _ints(values, keep),
        _ints(rows.status, keep), meaning.scaler, meaning.unit,
    )  # fmt: skip


def _ints(values: Values, keep: Which) -> tuple[int, ...]:
    return values if isinstance(values, tuple) else tuple(values[keep].tolist())


@lru_cache(maxsize=64)
def _instants(stamps: bytes) -> tuple[datetime, ...]:
    """The instants of int64 seconds; a fleet that is asked for the same day shares them."""
    return tuple([datetime.fromtimestamp(stamp, UTC) for stamp in np.frombuffer(stamps, np.int64).tolist()])


def _instant(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def spoken(stamp: float) -> str:
    """A stamp for a sentence: local, to the minute (to the second where it is not a whole one)."""
    return _instant(stamp).astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
