"""What validation noticed, one finding per day and kind."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from model.day import Finding
from model.quality import Severity

Detail = str | int | float | None


class Log:
    """Findings about one meter, gathered; what lies before the first day asked for is history and not told
    again."""

    def __init__(self, serial: str, first: date, days: int, slots: int, past: int) -> None:
        self._serial = serial
        self._first = first
        self._days = days
        self._slots = slots
        self._past = past
        self._found: dict[tuple[date, str], tuple[Severity, dict[str, Detail]]] = {}

    def day_of(self, slot: int) -> date:
        """The local day of a slot counted from the beginning of the history."""
        return self._first + timedelta(slot // self._slots - self._past)

    def note(self, day: date, kind: str, severity: Severity, **detail: Detail) -> None:
        """Keep a finding; of several of a kind in a day the first speaks, `count` says how many there
        were."""
        if not self._first <= day < self._first + timedelta(self._days):
            return
        known = self._found.get((day, kind))
        if known is None:
            self._found[day, kind] = (severity, dict(detail))
            return
        count = known[1].get("count", 1)
        self._found[day, kind] = (max(known[0], severity), known[1] | {"count": int(count or 1) + 1})

    def keep(self, finding: Finding) -> None:
        """A finding of a rule, unless its day has one of the kind already."""
        inside = self._first <= finding.day < self._first + timedelta(self._days)
        if inside and (finding.day, finding.kind) not in self._found:
            self._found[finding.day, finding.kind] = (finding.severity, dict(finding.detail))

    def note_slots(self, slots: npt.NDArray[np.int64], kind: str, severity: Severity) -> None:
        """One finding per day with the number of `slots` and the first of them."""
        for day in np.unique(slots // self._slots).tolist():
            mine = slots[slots // self._slots == day]
            first = int(mine.min()) % self._slots
            self.note(self.day_of(day * self._slots), kind, severity, slots=len(mine), first_slot=first)

    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(kind, self._serial, day, severity, detail)
            for (day, kind), (severity, detail) in sorted(self._found.items())
        )
