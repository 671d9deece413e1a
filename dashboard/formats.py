"""Numbers, money, dates and ages as people here write them: 1.234,5 · 634.900 ₫ · 31/10/2026."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from model.period import LOCAL, require_aware

NO_VALUE = "–"
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_WEEKDAYS = {
    "vi": ("T2", "T3", "T4", "T5", "T6", "T7", "CN"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}

Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes. Every method gives an en dash for None: missing is not zero."""

    lang: str = "vi"

    def number(self, value: Number | None, digits: int = 0) -> str:
        """A number with exactly `digits` decimals, rounded half up."""
        if value is None or value != value:  # NaN differs from itself
            return NO_VALUE
        exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
        if exact == 0:
            exact = abs(exact)
        text = f"{exact:,.{digits}f}"
        if self.lang == "vi":
            text = text.translate(str.maketrans(",.", ".,"))
        return text.replace("-", "−")

    def plain(self, value: Decimal) -> str:
        """An exact number with the decimals it has and no others: an index as it stands on the meter."""
        digits = max(0, -int(value.as_tuple().exponent))
        return self.number(value, digits)

    def figure(self, value: Number) -> str:
        """A measured figure as exact as people need it: to a tenth, below one to a hundredth."""
        exact = Decimal(str(value))
        exact = exact.quantize(Decimal("0.01" if abs(exact) < 1 else "0.1"), rounding=ROUND_HALF_UP)
        return self.plain(exact.normalize() + 0)

    def kwh(self, wh: Number | None, digits: int = 1) -> str:
        """Watt-hours as kWh, without the unit."""
        return self.number(None if wh is None else Decimal(str(wh)) / 1000, digits)

    def money(self, dong: int | None) -> str:
        return NO_VALUE if dong is None else f"{self.number(dong)} ₫"

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share (0.985) as 98,5 %, which no line ends within."""
        return NO_VALUE if share is None else f"{self.number(Decimal(str(share)) * 100, digits)}\u00a0%"

    def day(self, day: date | None) -> str:
        if day is None:
            return NO_VALUE
        return f"{day:%d/%m/%Y}" if self.lang == "vi" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def day_short(self, day: date) -> str:
        return f"{day:%d/%m}" if self.lang == "vi" else f"{day.day} {_MONTHS[day.month - 1]}"

    def weekday(self, day: date) -> str:
        return _WEEKDAYS[self.lang][day.weekday()]

    def month(self, day: date) -> str:
        return f"{day:%m/%Y}" if self.lang == "vi" else f"{_MONTHS[day.month - 1]} {day.year}"

    def time(self, at: datetime | None) -> str:
        return NO_VALUE if at is None else f"{require_aware(at).astimezone(LOCAL):%H:%M}"

    def instant(self, at: datetime | None) -> str:
        """Local time, to the minute."""
        return NO_VALUE if at is None else f"{self.time(at)} {self.day(at.astimezone(LOCAL).date())}"

    def span(self, first: date, end: date) -> str:
        """Local days from `first` to `end` excluded, written with both days included."""
        last = end - timedelta(days=1)
        return self.day(first) if last <= first else f"{self.day(first)} – {self.day(last)}"

    def age(self, at: datetime | None, now: datetime) -> str:
        """How long ago, in the largest fitting unit."""
        if at is None:
            return NO_VALUE
        seconds = max(0, int((now - require_aware(at)).total_seconds()))
        for size, vi, en in ((86400, "ngày", "day"), (3600, "giờ", "hour"), (60, "phút", "minute")):
            if seconds >= size:
                count = seconds // size
                return (
                    f"{count} {vi} trước"
                    if self.lang == "vi"
                    else f"{count} {en}{'s' if count > 1 else ''} ago"
                )
        return "vừa xong" if self.lang == "vi" else "just now"
