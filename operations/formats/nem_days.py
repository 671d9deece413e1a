"""The 300 and 400 records under one 200 record: values of days, and qualities of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timezone
from decimal import Decimal
from typing import Final

from operations.formats.flags import NEM_FLAG, SUSPECT, SUSPECT_REASON
from operations.formats.numbers import number, stamp
from operations.formats.values import Intervals, Rejected

DAY_MIN: Final = 1440
_AFTER_VALUES: Final = 5  # quality, reason, its description, when updated, when loaded


@dataclass(slots=True)
class _Day:
    """A 300 record whose 400 records may still come."""

    line: int
    day: date
    starts: int
    values: list[Decimal | None]
    flag: str
    reason: tuple[str, str]
    flags: dict[int, str] = field(default_factory=dict)
    covered: int = 0  # intervals that 400 records speak of, so far


class Channel:
    """Takes the days of one channel; a day with a fault in any of its records is rejected as a whole."""

    def __init__(self, intervals: Intervals, zone: timezone, rejected: list[Rejected]) -> None:
        self.intervals = intervals
        self._zone = zone
        self._rejected = rejected
        self._slots = DAY_MIN * 60 // intervals.interval_s
        self._days: dict[date, int] = {}
        self._open: _Day | None = None

    def day(self, line: int, cells: Sequence[str]) -> None:
        """A 300 record."""
        self.close()
        slots, minutes = self._slots, self.intervals.interval_s // 60
        at = stamp(cells[1], self._zone) if len(cells) > 1 and len(cells[1].strip()) == 8 else None
        if at is None:
            return self._reject(line, f"“{cells[1][:20] if len(cells) > 1 else ''}” is no day like 20040201")
        if at.date() in self._days:
            first = self._days[at.date()]
            return self._reject(line, f"the day {at:%Y-%m-%d} stands already in line {first}")
        texts = cells[2 : 2 + slots]
        given = next(
            (i for i, text in enumerate(cells[2:]) if NEM_FLAG.fullmatch(text.strip())), len(cells) - 2
        )
        if given > slots and number(cells[2 + slots]) is None:
            worth = cells[2 + slots].strip()[:20]
            return self._reject(
                line, f"“{worth}” behind the {slots} values is no quality: A, N, V or one like F14"
            )
        if given != slots:
            return self._reject(
                line, f"{given} values stand where intervals of {minutes} minutes make {slots}"
            )
        if len(cells) == 2 + slots:
            return self._reject(line, "no quality stands behind the values")
        flag = cells[2 + slots].strip()
        said = [cell.strip() for cell in cells[3 + slots : 2 + slots + _AFTER_VALUES]]
        if any(cell.strip() for cell in cells[2 + slots + _AFTER_VALUES :]):
            return self._reject(line, f"more stands behind the {slots} values than a 300 record holds")
        values: list[Decimal | None] = []
        for place, text in enumerate(texts, 1):
            value = number(text)
            if value is None and not (flag in ("N", "V") and not text.strip()):
                return self._reject(line, f"value {place}, “{text.strip()[:20]}”, is no number")
            if value is not None and value < 0:
                return self._reject(line, f"value {place} is {value}: an interval's energy is not below zero")
            values.append(value)
        reason = (said[0] if said else "", said[1] if len(said) > 1 else "")
        self._days[at.date()] = line
        self._open = _Day(line, at.date(), int(at.timestamp()), values, flag, reason)

    def part(self, line: int, cells: Sequence[str]) -> None:
        """A 400 record: intervals from one to another, counted from 1, have a quality of their own."""
        day = self._open
        if day is None:
            return  # its day is rejected already
        texts = [cell.strip() for cell in cells[1:6]]
        if len(texts) < 3 or not all(text.isascii() and text.isdigit() for text in texts[:2]):
            return self._drop(line, "the 400 record does not say from which interval to which")
        first, last, flag = int(texts[0]), int(texts[1]), texts[2]
        if not NEM_FLAG.fullmatch(flag) or flag == "V":
            return self._drop(line, f"“{flag}” is no quality of intervals")
        if not 1 <= first <= last <= self._slots:
            return self._drop(line, f"intervals {first} to {last} do not lie between 1 and {self._slots}")
        if first <= day.covered:
            return self._drop(
                line, f"interval {first} has a quality already: 400 records go on from {day.covered + 1}"
            )
        if day.flag == "V" and first != day.covered + 1:
            return self._drop(line, f"no 400 record speaks of interval {day.covered + 1}")
        reason = (texts[3] if len(texts) > 3 else "", texts[4] if len(texts) > 4 else "")
        for slot in range(first - 1, last):
            day.flags[slot] = _with_reason(flag, reason)
        day.covered = last

    def close(self) -> None:
        """The day at hand is whole: no further record speaks of it."""
        day, self._open = self._open, None
        if day is None:
            return
        if day.flag == "V" and day.covered != self._slots:
            self._days.pop(day.day)
            at = f"interval {day.covered + 1} of {self._slots}"
            return self._reject(day.line, f"the day's quality is V, and no 400 record speaks of {at}")
        whole = _with_reason(day.flag, day.reason)
        step = self.intervals.interval_s
        rows = []
        for slot, value in enumerate(day.values):
            flag = day.flags.get(slot, whole)
            if value is None and not flag.startswith("N"):
                self._days.pop(day.day)
                return self._reject(
                    day.line, f"value {slot + 1} is empty, and its quality {flag} says it is there"
                )
            rows.append((day.starts + slot * step, None if flag.startswith("N") else value, flag))
        for row in rows:
            self.intervals.add(*row)

    def _drop(self, line: int, why: str) -> None:
        if self._open is not None:
            self._days.pop(self._open.day)
            self._open = None
        self._reject(line, why)

    def _reject(self, line: int, why: str) -> None:
        one = self.intervals
        self._rejected.append(Rejected(line, why, one.meter, one.channel, one.unit))


def _with_reason(flag: str, reason: tuple[str, str]) -> str:
    """An actual value that is doubted says so in its reason alone."""
    return SUSPECT if flag == "A" and reason == SUSPECT_REASON else flag
