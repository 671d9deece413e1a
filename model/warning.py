"""What a customer is warned of about their own use, and the limits they set for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from model.errors import ModelError

Evidence = dict[str, str | int | float | None]
MOST_WH = 10**12  # beyond any customer's month
MOST_DONG = 10**12


class WarningKind(StrEnum):
    """What a customer is told. `WITH_EVERYBODY` warns of nothing: it says why a rise is no surprise."""

    DAY_LIMIT = "day_limit"
    MONTH_LIMIT = "month_limit"
    MONTH_LIMIT_NEAR = "month_limit_near"
    NIGHT_USE = "night_use"
    LEAP_DAY = "leap_day"
    LEAP_WEEK = "leap_week"
    ABOVE_LAST_BILL = "above_last_bill"
    WITH_EVERYBODY = "with_everybody"

    @property
    def is_note(self) -> bool:
        return self is WarningKind.WITH_EVERYBODY


@dataclass(frozen=True, slots=True)
class UseWarning:
    """One warning. It speaks of the local days `first` to `last`, both included; said once for its kind and
    `period`, and, where a limit was passed, for that limit (`about`, its number; 0: none). `evidence`: the
    figures it went by; they build its sentence. One of the same kind within `rest` days is enough."""

    kind: WarningKind
    period: date
    first: date
    last: date
    evidence: Evidence = field(default_factory=dict)
    about: int = 0
    rest: int = 0


class LimitSpan(StrEnum):
    DAY = "day"
    MONTH = "month"  # the running billing period


class LimitUnit(StrEnum):
    KWH = "kwh"
    DONG = "dong"


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """How much a customer wants to use in a day or a billing period: Wh, or đồng with VAT. It holds from the
    local day `since` on."""

    number: int
    span: LimitSpan
    unit: LimitUnit
    value: int
    since: date

    def __post_init__(self) -> None:
        most = MOST_WH if self.unit is LimitUnit.KWH else MOST_DONG
        if not 0 < self.value <= most:
            raise ModelError(f"a limit lies above nothing and up to {most}, not at {self.value}")
