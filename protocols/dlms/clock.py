"""COSEM date, time and date-time (IEC 62056-6-2, 4.1.6.1) and what becomes of them here: aware instants.

The deviation is minutes from local time *to* UTC: UTC+7 is -420. What a meter left unsaid stays unsaid: a
value with a wildcard is never an instant.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import IntFlag
from typing import Self

from protocols.errors import DecodeError, LocalError

UNSPECIFIED = 0xFF
UNSPECIFIED_YEAR = 0xFFFF
UNSPECIFIED_DEVIATION = -0x8000
DST_BEGIN, DST_END = 0xFD, 0xFE
SECOND_LAST_DAY, LAST_DAY = 0xFD, 0xFE


class ClockStatus(IntFlag):
    """The status byte of a date-time; 0xFF says that nothing is known of the clock."""

    INVALID = 0x01
    DOUBTFUL = 0x02
    DIFFERENT_BASE = 0x04
    INVALID_STATUS = 0x08
    DAYLIGHT_SAVING = 0x80
    UNSPECIFIED = 0xFF


@dataclass(frozen=True, slots=True)
class CosemDate:
    """A date with wildcards: year 0xFFFF, other fields 0xFF.

    Month 0xFD and 0xFE are end and begin of daylight saving; day 0xFE is the last of the month, 0xFD the
    one before.
    """

    year: int = UNSPECIFIED_YEAR
    month: int = UNSPECIFIED
    day: int = UNSPECIFIED
    weekday: int = UNSPECIFIED

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Five bytes; fields out of their range raise `DecodeError`."""
        if len(raw) != 5:
            raise DecodeError(f"a date has 5 bytes, not {len(raw)}", raw)
        month, day, weekday = raw[2], raw[3], raw[4]
        # Meters write 0 for a weekday they do not keep; the weekday is never used, so 0 is let through.
        if not (1 <= month <= 12 or month >= 0xFD) or not (1 <= day <= 31 or day >= 0xFD):
            raise DecodeError(f"month {month}, day {day} is not a date", raw)
        if not (weekday <= 7 or weekday == UNSPECIFIED):
            raise DecodeError(f"{weekday} is not a day of the week", raw)
        return cls(int.from_bytes(raw[:2], "big"), month, day, weekday)

    def to_bytes(self) -> bytes:
        """The five bytes."""
        return self.year.to_bytes(2, "big") + bytes((self.month, self.day, self.weekday))

    @property
    def exact(self) -> bool:
        """Year, month and day are all said."""
        return self.year != UNSPECIFIED_YEAR and self.month <= 12 and self.day <= 31


@dataclass(frozen=True, slots=True)
class CosemTime:
    """A time of day with wildcards (0xFF)."""

    hour: int = UNSPECIFIED
    minute: int = UNSPECIFIED
    second: int = UNSPECIFIED
    hundredths: int = UNSPECIFIED

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Four bytes; fields out of their range raise `DecodeError`."""
        if len(raw) != 4:
            raise DecodeError(f"a time has 4 bytes, not {len(raw)}", raw)
        hour, minute, second, hundredths = raw
        if (
            (hour > 23 and hour != UNSPECIFIED)
            or (minute > 59 and minute != UNSPECIFIED)
            or (second > 59 and second != UNSPECIFIED)
            or (hundredths > 99 and hundredths != UNSPECIFIED)
        ):
            raise DecodeError(f"{raw.hex()} is not a time of day", raw)
        return cls(hour, minute, second, hundredths)

    def to_bytes(self) -> bytes:
        """The four bytes."""
        return bytes((self.hour, self.minute, self.second, self.hundredths))

    @property
    def exact(self) -> bool:
        """Hour, minute and second are all said; hundredths may be left out."""
        return UNSPECIFIED not in (self.hour, self.minute, self.second)


@dataclass(frozen=True, slots=True)
class CosemDateTime:
    """A date-time as the meter wrote it: `deviation` in minutes, -0x8000 unspecified; `status` a byte."""

    date: CosemDate
    time: CosemTime
    deviation: int = UNSPECIFIED_DEVIATION
    status: int = UNSPECIFIED

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Twelve bytes; anything impossible raises `DecodeError`."""
        if len(raw) != 12:
            raise DecodeError(f"a date-time has 12 bytes, not {len(raw)}", raw)
        deviation = int.from_bytes(raw[9:11], "big", signed=True)
        # The standard says -720..+720; places east of UTC+12 exist, so a day is the bound.
        if abs(deviation) >= 1440 and deviation != UNSPECIFIED_DEVIATION:
            raise DecodeError(f"a deviation of {deviation} minutes is not possible", raw)
        return cls(CosemDate.from_bytes(raw[:5]), CosemTime.from_bytes(raw[5:9]), deviation, raw[11])

    def to_bytes(self) -> bytes:
        """The twelve bytes."""
        deviation = self.deviation.to_bytes(2, "big", signed=True)
        return self.date.to_bytes() + self.time.to_bytes() + deviation + bytes((self.status,))

    @classmethod
    def from_datetime(cls, moment: datetime, *, deviation: bool = True, status: int = 0) -> Self:
        """The meter's way to write an aware instant in its own zone; naive raises `LocalError`.

        `deviation=False` leaves the deviation and the status unspecified, as some meters want it in a range.
        """
        offset = moment.utcoffset()
        if offset is None:
            raise LocalError(f"a clock needs an aware datetime, {moment.isoformat()} has no zone")
        day = CosemDate(moment.year, moment.month, moment.day, moment.isoweekday())
        clock = CosemTime(moment.hour, moment.minute, moment.second, moment.microsecond // 10_000)
        if not deviation:
            return cls(day, clock)
        if moment.dst():
            status |= ClockStatus.DAYLIGHT_SAVING
        return cls(day, clock, -(offset // timedelta(minutes=1)), int(status))

    @property
    def exact(self) -> bool:
        """True when date and time have no wildcard; the deviation may still be unspecified."""
        return self.date.exact and self.time.exact

    def to_datetime(self, zone: tzinfo | None = None) -> datetime:
        """The aware instant, in the deviation's own offset or, where that is unspecified, in `zone`.

        Raises `DecodeError` for a wildcard, an impossible date, or a missing deviation without `zone`.
        """
        raw = self.to_bytes()
        if not self.exact:
            raise DecodeError(f"date-time {raw.hex()} leaves fields open and is no instant", raw)
        place: tzinfo
        if self.deviation != UNSPECIFIED_DEVIATION:
            place = UTC if self.deviation == 0 else timezone(timedelta(minutes=-self.deviation))
        elif zone is not None:
            place = zone
        else:
            raise DecodeError(f"date-time {raw.hex()} has no deviation and no zone was given", raw)
        hundredths = 0 if self.time.hundredths == UNSPECIFIED else self.time.hundredths
        try:
            moment = datetime(
                self.date.year, self.date.month, self.date.day, self.time.hour, self.time.minute,
                self.time.second, hundredths * 10_000, place,
            )  # fmt: skip
        except ValueError as wrong:
            raise DecodeError(f"date-time {raw.hex()} does not exist: {wrong}", raw) from wrong
        if self.deviation == UNSPECIFIED_DEVIATION and self.status != UNSPECIFIED:
            # In the doubled hour of autumn the meter's DST bit says which of the two it is.
            moment = moment.replace(fold=0 if self.status & ClockStatus.DAYLIGHT_SAVING else 1)
            if moment.utcoffset() == moment.replace(fold=0).utcoffset():
                moment = moment.replace(fold=0)
        return moment


def read_clock(raw: bytes, zone: tzinfo | None = None) -> datetime | CosemDateTime:
    """Twelve bytes of a date-time: an aware datetime, or the typed value when it holds a wildcard."""
    stamp = CosemDateTime.from_bytes(raw)
    if not stamp.exact or (stamp.deviation == UNSPECIFIED_DEVIATION and zone is None):
        return stamp
    return stamp.to_datetime(zone)


def write_clock(moment: datetime, *, deviation: bool = True, status: int = 0) -> bytes:
    """Twelve bytes for an aware datetime; naive raises `LocalError`."""
    return CosemDateTime.from_datetime(moment, deviation=deviation, status=status).to_bytes()


def local_day(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a civil date; `DecodeError` when there is no such date."""
    try:
        return date(year, month, day).toordinal() - 719_163
    except ValueError as wrong:
        raise DecodeError(f"{year}-{month}-{day} is not a date: {wrong}") from wrong
