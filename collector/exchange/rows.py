"""Rows of a profile into blocks of evidence, or one sentence why they are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.plan import SETTLING, Span, floor_to
from model.period import LOCAL, Period
from model.readout import MeterEvent, ProfileBlock
from model.series import Channel, ProfileKind, Unit

Ints = NDArray[np.int64]
Which = NDArray[np.intp] | slice
_ALL: Final = slice(None)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one column of a profile measures."""

    channel: Channel
    kind: ProfileKind
    obis: str
    scaler: int
    unit: Unit


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Decoded rows: `stamps` in seconds since 1970 UTC at the *end* of the interval, `status` int64, and for
    each meaning its values with a mask of those present.
    """

    stamps: Ints
    status: Ints
    columns: Sequence[tuple[Meaning, Ints, NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True)
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
    ascending = bool((stamps[1:] > stamps[:-1]).all())
    if len(stamps):
        newest, oldest = (stamps[-1], stamps[0]) if ascending else (stamps.max(), stamps.min())
        newest, oldest = int(newest), int(oldest)
        if newest > now.timestamp():
            return f"a row claims the future: stamped {spoken(newest)}, now it is {spoken(now.timestamp())}"
        if (stamps % step).any():
            odd = int(stamps[(stamps % step) != 0][0])
            return f"a row is stamped {spoken(odd)}, which ends no interval of {step // 60} minutes"
        if oldest < lowest or newest > last:
            odd = oldest if oldest < lowest else newest
            return f"a row is stamped {spoken(odd)}, asked was {spoken(lowest)} to {spoken(last)}"
    keep, events = (_ALL, ()) if ascending else _distinct(rows, now)
    blocks = tuple(
        [
            block
            for meaning, values, present in rows.columns
            if (block := _block(meaning, interval, rows, values, _there(keep, present))) is not None
        ]
    )
    newest = int(stamps.max()) if len(stamps) else first
    # What ended a moment ago may still be on its way into the buffer: asked again, not taken for absent.
    settled = int(floor_to(meter_now - SETTLING, interval).timestamp())
    end = min(last, max(newest, settled))
    answered = Period(span.asked.start, _instant(end)) if end > first else None
    if end == last:
        answered = span.asked
    return Accepted(blocks, answered, events)


def _there(keep: Which, present: NDArray[np.bool_]) -> Which:
    """Those of the rows that have a value in a column."""
    if present.all():
        return keep
    return np.flatnonzero(present) if isinstance(keep, slice) else keep[present[keep]]


def _distinct(rows: Rows, now: datetime) -> tuple[Which, tuple[MeterEvent, ...]]:
    """Which rows to use, ascending; and what was odd about the others, of rows that do not simply ascend."""
    stamps = rows.stamps
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
    values = [int(values[row]) if present[row] else None for _, values, present in rows.columns]
    return (int(rows.status[row]), *values)


def _block(
    meaning: Meaning, interval: timedelta, rows: Rows, values: Ints, keep: Which
) -> ProfileBlock | None:
    stamps = rows.stamps[keep]
    if not len(stamps):
        return None
    back = 0 if meaning.kind is ProfileKind.INDEX else int(interval.total_seconds())
    return ProfileBlock(
        channel=meaning.channel,
        kind=meaning.kind,
        obis=meaning.obis,
        interval=interval,
        stamps=_instants((stamps - back).tobytes()),
        raw=tuple(values[keep].tolist()),
        status=tuple(rows.status[keep].tolist()),
        scaler=meaning.scaler,
        unit=meaning.unit,
    )


@lru_cache(maxsize=64)
def _instants(stamps: bytes) -> tuple[datetime, ...]:
    """The instants of int64 seconds; a fleet that is asked for the same day shares them."""
    return tuple([datetime.fromtimestamp(stamp, UTC) for stamp in np.frombuffer(stamps, np.int64).tolist()])


def _instant(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def spoken(stamp: float) -> str:
    """A stamp for a sentence: local, to the minute (to the second where it is not a whole one)."""
    return _instant(stamp).astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
