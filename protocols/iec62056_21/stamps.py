"""Times as mode C meters write them: [y]yymmdd, hhmm[ss], and 0, 1 or 2 before a stamp for its season."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from protocols.errors import DecodeError

_STAMP: Final = re.compile(r"([012])?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?([SW])?")
_DATE: Final = re.compile(r"[012]?(\d\d)[-./]?(\d\d)[-./]?(\d\d)")
_TIME: Final = re.compile(r"([012])?(\d\d):?(\d\d):?(\d\d)")
STANDARD, SUMMER, UTC_TIME = "0", "1", "2"
"""The season of a stamp; S and W behind it mean summer and winter too (as Dutch meters write it)."""


def read_stamp(text: str, zone: tzinfo) -> datetime:
    """A stamp of 10 to 13 digits as an instant in `zone`; `DecodeError` for what is none.

    Without a season the stamp is the zone's local time.
    """
    match = _STAMP.fullmatch(text)
    if match is None:
        raise DecodeError(f"{text[:40]!r} is no stamp like 0261121083000", text.encode("latin-1", "replace"))
    season, years, months, days, hours, minutes, seconds, letter = match.groups()
    naive = _joined((years, months, days), (hours, minutes, seconds or "00"), text)
    return in_season(naive, season or {"S": SUMMER, "W": STANDARD}.get(letter or ""), zone)


def in_season(naive: datetime, season: str | None, zone: tzinfo) -> datetime:
    """A clock's reading as an instant: summer time is one hour ahead of the zone's standard time."""
    if season == UTC_TIME:
        return naive.replace(tzinfo=UTC).astimezone(zone)
    local = naive.replace(tzinfo=zone)
    if season is None:
        return local
    ahead = (local.utcoffset() or timedelta(0)) - (local.dst() or timedelta(0))
    ahead += timedelta(hours=1) if season == SUMMER else timedelta(0)
    return (naive - ahead).replace(tzinfo=UTC).astimezone(zone)


def write_stamp(at: datetime, zone: tzinfo, *, seconds: bool = True) -> str:
    """The stamp of an instant with its season before it: 13 digits, 11 without seconds."""
    local = at.astimezone(zone)
    season = SUMMER if local.dst() else STANDARD
    return season + local.strftime("%y%m%d%H%M%S" if seconds else "%y%m%d%H%M")


def read_clock(day: str, hour: str, zone: tzinfo) -> datetime:
    """What 0.9.2 and 0.9.1 show, as yymmdd and hhmmss, with separators or a season before them or not."""
    date_match, time_match = _DATE.fullmatch(day), _TIME.fullmatch(hour)
    if date_match is None or time_match is None:
        raise DecodeError(f"{day[:40]!r} {hour[:40]!r} is no date yymmdd and time hhmmss")
    season, *clock = time_match.groups()
    naive = _joined(date_match.groups(), tuple(clock), f"{day} {hour}")
    return in_season(naive, season, zone)


def write_clock(at: datetime, zone: tzinfo) -> tuple[str, str]:
    """The date and the time that 0.9.2 and 0.9.1 show."""
    local = at.astimezone(zone)
    return local.strftime("%y%m%d"), local.strftime("%H%M%S")


def _joined(day: tuple[str, ...], clock: tuple[str, ...], text: str) -> datetime:
    years, months, days = map(int, day)
    hours, minutes, seconds = map(int, clock)
    try:
        if (hours, minutes, seconds) == (24, 0, 0):  # the end of a day, as some meters write it
            return datetime.combine(date(2000 + years, months, days), time(0)) + timedelta(days=1)
        return datetime(2000 + years, months, days, hours, minutes, seconds)  # noqa: DTZ001 - joined in_season
    except (ValueError, OverflowError) as wrong:
        raise DecodeError(f"{text!r} is no time: {wrong}", text.encode("latin-1", "replace")) from wrong
