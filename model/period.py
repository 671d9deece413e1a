"""Half-open, aware periods and local days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from model.errors import ModelError
from model.light import light_in_order

_START = attrgetter("start")
LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")  # UTC+7, no daylight saving
HALF_HOUR = timedelta(minutes=30)
_INSTANT = timedelta(microseconds=1)


def require_aware(at: datetime) -> datetime:
    """Return `at`, or raise `ModelError` when it bears no offset."""
    if at.utcoffset() is None:
        raise ModelError(
            f"the instant {at.isoformat()} bears no offset: give one, as in 2026-10-01T00:00+07:00"
        )
    return at


def midnight(day: date, zone: ZoneInfo = LOCAL) -> datetime:
    """The beginning of a local day."""
    return datetime.combine(day, time(0), tzinfo=zone)


def local_day(at: datetime, zone: ZoneInfo = LOCAL) -> date:
    """The local day that contains the instant."""
    return require_aware(at).astimezone(zone).date()


def closed_day(at: datetime) -> date:
    """The local day that an instant is the end of: at midnight the one before."""
    return local_day(at - _INSTANT)


def shown(at: datetime) -> str:
    """An instant in a sentence, by the local clock.

    >>> shown(datetime(2026, 10, 14, 2, 30, tzinfo=UTC))
    '09:30 on 14/10/2026'
    """
    return f"{at.astimezone(LOCAL):%H:%M on %d/%m/%Y}"


def whole_slots(origin: datetime, step: timedelta, start: datetime, end: datetime) -> slice:
    """Of the intervals of a length from `origin` on those that lie wholly between two instants: a meter that
    is hung within one did not tell all of it.

    >>> origin = midnight(date(2026, 10, 14))
    >>> whole_slots(origin, HALF_HOUR, origin + timedelta(minutes=70), origin + timedelta(minutes=190))
    slice(3, 6, None)
    """
    begin = max(0, -((origin - start) // step))
    return slice(begin, max(begin, (end - origin) // step))


def add_months(day: date, months: int) -> date:
    """The first day of the month `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


@light_in_order
class Period:
    """`start` included, `end` excluded; both aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            require_aware(self.start)
            require_aware(self.end)
        if self.end < self.start:
            raise ModelError(
                f"a period cannot end at {self.end.isoformat()}, before it starts at {self.start.isoformat()}"
            )

    @classmethod
    def of_day(cls, day: date, zone: ZoneInfo = LOCAL) -> Period:
        return cls(midnight(day, zone), midnight(day + timedelta(days=1), zone))

    @classmethod
    def of_days(cls, first: date, end: date, zone: ZoneInfo = LOCAL) -> Period:
        """From the first day, to the end day excluded."""
        return cls(midnight(first, zone), midnight(end, zone))

    @classmethod
    def of_month(cls, year: int, month: int, zone: ZoneInfo = LOCAL) -> Period:
        first = date(year, month, 1)
        return cls.of_days(first, add_months(first, 1), zone)

    @property
    def duration(self) -> timedelta:
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    @property
    def last_day(self) -> date:
        """The local day of its last instant."""
        return closed_day(self.end)

    @property
    def shown(self) -> str:
        """Its first and last local day.

        >>> Period.of_month(2026, 10).shown
        '01/10/2026 – 31/10/2026'
        """
        return f"{local_day(self.start):%d/%m/%Y} – {self.last_day:%d/%m/%Y}"

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def overlap(self, other: Period) -> Period | None:
        """What both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def days(self, zone: ZoneInfo = LOCAL) -> Iterator[date]:
        """Every local day the period touches."""
        if self.start == self.end:
            return
        day = local_day(self.start, zone)
        while midnight(day, zone) < self.end:
            yield day
            day += timedelta(days=1)


def subtract(period: Period, taken: list[Period]) -> list[Period]:
    """What of `period` is left once every period in `taken` is cut out, in order."""
    left: list[Period] = []
    at = period.start
    for cut in sorted(taken, key=_START):
        if cut.end <= at:
            continue
        if cut.start >= period.end:
            break
        if cut.start > at:
            left.append(Period(at, cut.start))
        at = max(at, cut.end)
    if at < period.end:
        left.append(Period(at, period.end))
    return left
