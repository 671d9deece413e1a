"""Activity calendar (class 20): seasons of weeks of days, and at what time of a day which script runs."""

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, date_time_of, items_of, octets_of
from protocols.dlms.clock import CosemDateTime, CosemTime
from protocols.dlms.objects.held import (
    Attributes,
    known,
    long_unsigned_of,
    needed,
    optional,
    unsigned_of,
)
from protocols.dlms.objects.interface import InterfaceClass
from protocols.obis import Obis


@dataclass(frozen=True, slots=True)
class Season:
    """From `start` on (it comes back every year where its year is open) the week `week` is in force."""

    name: bytes
    start: CosemDateTime
    week: bytes

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {season_profile_name, season_start, week_name}."""
        name, start, week = items_of(data, Tag.STRUCTURE, "a season", 3)
        return cls(
            octets_of(name, "name of a season"),
            date_time_of(start, "start of a season"),
            octets_of(week, "week of a season"),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            axdr.octet_string(self.name), axdr.date_time(self.start), axdr.octet_string(self.week)
        )


@dataclass(frozen=True, slots=True)
class Week:
    """Seven day numbers, Monday first."""

    name: bytes
    days: tuple[int, int, int, int, int, int, int]

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {week_profile_name, Monday … Sunday}."""
        name, *days = items_of(data, Tag.STRUCTURE, "a week", 8)
        one, two, three, four, five, six, seven = (unsigned_of(day, "day of a week") for day in days)
        return cls(octets_of(name, "name of a week"), (one, two, three, four, five, six, seven))

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(axdr.octet_string(self.name), *[axdr.unsigned(day) for day in self.days])


@dataclass(frozen=True, slots=True)
class DayAction:
    """At `start` the script `selector` of the table `script` runs: mostly, a rate becomes active."""

    start: CosemTime
    script: Obis
    selector: int

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {start_time, script_logical_name, script_selector}."""
        start, script, selector = items_of(data, Tag.STRUCTURE, "an action of a day", 3)
        return cls(
            CosemTime.from_bytes(octets_of(start, "start of an action"))
            if start.tag is not Tag.TIME
            else start.value,
            Obis.from_bytes(octets_of(script, "script of an action")),
            long_unsigned_of(selector, "script selector"),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            axdr.octet_string(self.start.to_bytes()),
            axdr.octet_string(self.script.to_bytes()),
            axdr.long_unsigned(self.selector),
        )


@dataclass(frozen=True, slots=True)
class DayProfile:
    """One kind of day and its schedule."""

    day: int
    schedule: tuple[DayAction, ...]

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {day_id, day_schedule}."""
        day, schedule = items_of(data, Tag.STRUCTURE, "a day profile", 2)
        actions = items_of(schedule, Tag.ARRAY, "day schedule")
        return cls(unsigned_of(day, "day"), tuple([DayAction.from_data(action) for action in actions]))

    def to_data(self) -> Data:
        """The counterpart."""
        actions = axdr.array(*[action.to_data() for action in self.schedule])
        return axdr.structure(axdr.unsigned(self.day), actions)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A whole calendar; a meter has one that is active and one that waits."""

    name: bytes
    seasons: tuple[Season, ...]
    weeks: tuple[Week, ...]
    days: tuple[DayProfile, ...]

    @classmethod
    def from_attributes(cls, attributes: Attributes, first: int) -> Self:
        """From four attributes of the object: the active calendar begins at 2, the passive one at 6."""
        seasons = items_of(needed(attributes, first + 1, "season profile"), Tag.ARRAY, "season profile")
        weeks = items_of(needed(attributes, first + 2, "week profiles"), Tag.ARRAY, "week profiles")
        days = items_of(needed(attributes, first + 3, "day profiles"), Tag.ARRAY, "day profiles")
        return cls(
            octets_of(needed(attributes, first, "calendar name"), "calendar name"),
            tuple([Season.from_data(item) for item in seasons]),
            tuple([Week.from_data(item) for item in weeks]),
            tuple([DayProfile.from_data(item) for item in days]),
        )

    def to_attributes(self, first: int) -> dict[int, Data]:
        """The counterpart."""
        return {
            first: axdr.octet_string(self.name),
            first + 1: axdr.array(*[season.to_data() for season in self.seasons]),
            first + 2: axdr.array(*[week.to_data() for week in self.weeks]),
            first + 3: axdr.array(*[day.to_data() for day in self.days]),
        }


@dataclass(frozen=True, slots=True)
class ActivityCalendar:
    """Class 20: the calendar in force, the one to come, and when it does."""

    CLASS_ID: ClassVar[int] = InterfaceClass.ACTIVITY_CALENDAR
    VERSION: ClassVar[int] = 0
    ACTIVATE_PASSIVE_CALENDAR: ClassVar[int] = 1
    obis: Obis
    active: Calendar
    passive: Calendar | None = None
    activates: CosemDateTime | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        passive = Calendar.from_attributes(attributes, 6) if 6 in attributes else None
        return cls(
            obis,
            Calendar.from_attributes(attributes, 2),
            passive,
            optional(attributes, 10, date_time_of, "activation time"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        passive = {} if self.passive is None else self.passive.to_attributes(6)
        activates = None if self.activates is None else axdr.date_time(self.activates)
        return known({**self.active.to_attributes(2), **passive, 10: activates})
