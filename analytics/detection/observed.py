"""What is known of one meter when the rules look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analytics.detection.steps import Step, find_step
from analytics.profiles.totals import daily_totals
from analytics.vee.rules.limits import Limit, limits
from model.day import Finding
from model.period import local_day, midnight
from model.readout import InstantRead, MeterEvent

PATIENCE = 2  # days back to the last known one


@dataclass(frozen=True, slots=True)
class Replacement:
    """The meter that hung here before, taken down at `at`."""

    removed: str
    at: datetime


@dataclass(frozen=True, eq=False)
class Observed:
    """One meter as it hangs now. Give days from a fixed day on (a month's first): `since` of an alert is
    its name.

    `energy` (d, slots) primary Wh with `quality`, a whole number of slots to the hour, days from `first`; a
    day still going on is left out.
    `instants` are secondary-side, `multiplier` brings them to the primary side; `resolution_wh` is the
    worth of the register's last digit (primary). `first_try` is when the modem was first called,
    `last_contact` when it last answered. `customer_class`: whose limits hold, empty for a household's;
    `customer`: not a station's head nor a check meter. `exported` and its quality are like `energy`, for what
    flowed back into the grid; None: not read.
    """

    serial: str
    now: datetime
    first: date
    energy: npt.NDArray[np.int32]
    quality: npt.NDArray[np.uint8]
    phases: int = 1
    multiplier: float = 1.0
    resolution_wh: int = 1
    since: datetime | None = None
    replacement: Replacement | None = None
    instants: Sequence[InstantRead] = ()
    clock_offsets: Sequence[tuple[datetime, float]] = ()
    events: Sequence[MeterEvent] = ()
    findings: Sequence[Finding] = ()
    modem: str = ""
    last_contact: datetime | None = None
    first_try: datetime | None = None
    customer_class: str = ""
    customer: bool = True
    exported: npt.NDArray[np.int32] | None = None
    exported_quality: npt.NDArray[np.uint8] | None = None

    @cached_property
    def daily_wh(self) -> npt.NDArray[np.float64]:
        """Wh of each whole day (d); NaN where over a tenth is missing, before the meter hung, and for days
        not over."""
        totals = daily_totals(self.energy, self.quality)
        days = np.arange(len(totals))
        over = (local_day(self.now) - self.first).days
        totals[days >= over] = np.nan
        if self.since is not None:
            hung = (local_day(self.since) - self.first).days
            totals[days < hung + (self.since > midnight(local_day(self.since)))] = np.nan
        return totals

    @cached_property
    def step(self) -> Step | None:
        """Where the daily use went from one level to another; None with too few days. It stands while a
        meter is silent: who falls silent has not come back to the old level."""
        return find_step(self.daily_wh, self.first.weekday())

    def limit(self, rule: str) -> Limit:
        """The parameters of a rule for this class of customers (analytics/vee/rules/limits.toml)."""
        return limits()[self.customer_class or "household"][rule]

    def day(self, index: int) -> str:
        """A day by its index, as evidence names it: 2026-11-21."""
        return (self.first + timedelta(index)).isoformat()

    @cached_property
    def known_days(self) -> npt.NDArray[np.intp]:
        """Indices of the days whose use is known."""
        return np.flatnonzero(~np.isnan(self.daily_wh))

    def start(self, day: int) -> datetime:
        """The beginning of the day with that index."""
        return midnight(self.first + timedelta(day))

    @property
    def up_to_date(self) -> bool:
        """Whether one of the last days is known: of what was long ago nothing is told as if it were now."""
        known = self.known_days
        return bool(len(known)) and (local_day(self.now) - self.first).days - int(known[-1]) <= PATIENCE

    def run_to_now(self, fits: npt.NDArray[np.bool_]) -> int | None:
        """First day of the unbroken run of days that `fits` up to the last known one; None when that one
        does not fit or is not `up_to_date`. Unknown days neither break nor begin a run."""
        known = self.known_days
        if not self.up_to_date:
            return None
        begin = None
        for day in known[::-1].tolist():
            if not fits[day]:
                break
            begin = day
        return begin
