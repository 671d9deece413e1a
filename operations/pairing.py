"""From closing indices to the register parts of a bill: which indices of which meter make a period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from analytics.billing import Reason, RegisterPart, interpolated_days, read_days
from model.bill import COUNTED_BY, ClosingIndex
from model.grid import Supply
from model.period import LOCAL, Period, local_day, midnight, shown
from model.series import Rate
from operations.meter_hours import resets
from operations.models import MeterKind
from operations.multipliers import WAY, contradiction
from storage.register import Hung

UNMETERED_AT_MOST = timedelta(
    days=1
)  # a meter is changed within a day; what lies between is not metered by anybody
ROLLOVER, CHANGED = "Q", "X"
PROVISIONAL = "~"  # the index was counted, not read; no code of the trade says that
THREE_RATES = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)

# (serial, rate, instant) -> the index closed there
Indices = Mapping[tuple[str, Rate, datetime], ClosingIndex]


class Held(Exception):
    """The point cannot be billed as it stands; `kind` and `sentence` go onto the hold."""

    def __init__(self, kind: str, serial: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.serial = serial
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Span:
    """One meter with one multiplier over a part of the period."""

    hung: Hung
    start: datetime
    end: datetime
    multiplier: Decimal
    removed: bool
    changes: tuple[datetime, ...] = ()  # of the multiplier, the price or the hours, within the period


@dataclass(frozen=True, slots=True)
class Paired:
    """What is billed: the period as it was metered, why it may be short, and its parts.

    `before`: how many of the parts end where the price changes or earlier; None where nothing is read then.
    """

    period: Period
    reason: Reason
    supply: Supply
    parts: tuple[RegisterPart, ...]
    before: int | None = None


def kwh(index: ClosingIndex) -> Decimal:
    """The index in kWh as the register shows it; `raw` counts 10^scaler Wh."""
    return Decimal(index.raw).scaleb(index.scaler - 3)


def index_instants(hung: Hung, period: Period, *, secondary: bool) -> list[datetime]:
    """When the meter must have an index for the period to be billed: both ends and what changes between."""
    start, end = max(period.start, hung.since), min(period.end, hung.until or period.end)
    changes = {item.valid_from for item in hung.multipliers if secondary and start < item.valid_from < end}
    changes.update(at for at in _price_changes(hung, period) if start < at < end)
    changes.update(at for at in resets(hung, period) if start < at < end)
    return [start, *sorted(changes), end]


def _price_changes(hung: Hung, period: Period) -> list[datetime]:
    """When the price of the point's plan changes within the period, and its registers are read for it."""
    first, end = local_day(period.start), local_day(period.end)
    return [midnight(day) for day in read_days(_plan(hung, first), first, end)]


def _plan(hung: Hung, day: date) -> str:
    supply = hung.supply_on(day)
    return "" if supply is None else supply.plan


def wished_instants(hung: Hung, period: Period) -> list[datetime]:
    """When an index is welcome and not missed: a household's, when its price changes within the period."""
    first, end = local_day(period.start), local_day(period.end)
    changes = [midnight(day) for day in interpolated_days(_plan(hung, first), first, end)]
    return [at for at in changes if hung.since < at and (hung.until is None or at < hung.until)]


def _read_anyhow(hung: Sequence[Hung], period: Period, supply: Supply, indices: Indices) -> list[datetime]:
    """The one change of a household's price for which its meter has told every register; else none."""
    first, end = local_day(period.start), local_day(period.end)
    if len(interpolated_days(supply.plan, first, end)) != 1:
        return []
    found = []
    for place in hung:
        known = [rate for serial, rate, _ in indices if serial == place.serial]
        for at in wished_instants(place, period):
            if all((place.serial, rate, at) in indices for rate in rates(supply, known)):
                found.append(at)
    return found


def rates(supply: Supply | None, known: Sequence[Rate]) -> tuple[Rate, ...]:
    """The registers a point is billed by: three for a three-rate supply, else the total."""
    if supply is not None and not supply.one_rate:
        return THREE_RATES
    if Rate.TOTAL not in known and set(THREE_RATES) <= set(known):
        return THREE_RATES
    return (Rate.TOTAL,)


def supply_at(hung: Hung, period: Period) -> Supply:
    """How the point is billed; raises `Held` where nothing is agreed or it changes in mid-period."""
    first, last = local_day(period.start), period.last_day
    now = hung.supply_on(first)
    if now is None:
        said = (
            f"point {hung.point} (meter {hung.serial}) has no tariff plan on {first:%d/%m/%Y}: "
            f"give it one from that day, then bill again"
        )
        raise Held("no_supply", hung.serial, said)
    for later in hung.supplies:
        if first < later.valid_from <= last and _priced_by(later) != _priced_by(now):
            said = (
                f"point {hung.point} (meter {hung.serial}) changes from {now.plan} to {later.plan} on "
                f"{later.valid_from:%d/%m/%Y}: close an index on that day and bill each part apart"
            )
            raise Held("supply_change", hung.serial, said)
    return now


def _priced_by(supply: Supply) -> tuple[str, bool, Decimal, bool, bool]:
    """What a change of which in mid-period makes two bills of one."""
    return (
        supply.plan, supply.one_rate, supply.voltage_kv, supply.three_rate_refused, supply.undeclared
    )  # fmt: skip


def _without_gap(hung: Sequence[Hung]) -> None:
    """Raises `Held` where the point had no meter for so long that somebody may have used energy unmetered."""
    for earlier, later in pairwise(hung):
        if earlier.until is None or later.since - earlier.until > UNMETERED_AT_MOST:
            said = (
                f"point {hung[0].point} had no meter between {earlier.serial} and {later.serial} "
                f"for more than a day: complete the record of hanging and taking down, then bill again"
            )
            raise Held("unmetered_gap", later.serial, said)


def spans(
    hung: Sequence[Hung], period: Period, kinds: Mapping[str, MeterKind], also: Sequence[datetime] = ()
) -> list[Span]:
    """The meters of a point over the period, in the order they hung, cut where multiplier, price or hours
    changed, and at the instants of `also`.
    """
    found: list[Span] = []
    for meter in hung:
        secondary = kinds[meter.model].is_secondary
        cuts = index_instants(meter, period, secondary=secondary)
        cuts = sorted({*cuts, *(at for at in also if cuts[0] < at < cuts[-1])})
        for start, end in pairwise(cuts):
            multiplier = meter.multiplier_at(start) if secondary else Decimal(1)
            removed = meter.until is not None and meter.until < period.end
            found.append(Span(meter, start, end, multiplier, removed, tuple(cuts[1:-1])))
    return found


def index_way(serial: str, codes: Sequence[str], at: datetime, *, remembers: bool) -> str:
    """What to do about an index that is missing, with the command that enters it."""
    given = " ".join(f"{code}=…" for code in codes)
    command = f"`ami meter index {serial} {given} --at {at.astimezone(LOCAL):%Y-%m-%dT%H:%M}`"
    first = "collect from it again" if remembers else "read it by hand"
    return f"{first} {'or' if remembers else 'and'} enter what it showed ({command})"


def _index(
    span: Span, needed: Sequence[Rate], rate: Rate, at: datetime, indices: Indices, kind: MeterKind
) -> ClosingIndex:
    serial = span.hung.serial
    found = indices.get((serial, rate, at))
    if found is not None:
        return found
    lacking = [one.code for one in needed if (serial, one, at) not in indices]
    way = f"{index_way(serial, lacking, at, remembers=kind.remembers)}, then close and bill again"
    where = f"register {rate.code} at {shown(at)}"
    if at in (span.hung.since, span.hung.until):
        word = "hung" if at == span.hung.since else "taken down"
        way = way.replace("what it showed", "what the work sheet says")
        said = f"meter {serial} was {word} without an index of {where}: {way}"
        raise Held("no_index_at_change", serial, said)
    if at in span.changes:
        if at in resets(span.hung, Period(span.hung.since, at + timedelta(days=1))):
            said = f"meter {serial} has no index of {where}, when it was set to other hours: {way}"
            raise Held("no_reading_at_reset", serial, said)
        if at not in {item.valid_from for item in span.hung.multipliers}:
            said = f"meter {serial} has no index of {where}, when the price changed: {way}"
            raise Held("no_reading_at_change", serial, said)
        said = f"meter {serial} has no index of {where}, when its multiplier changed: {way}"
        raise Held("multiplier_change", serial, said)
    missing, word = ("no_opening_index", "opening") if at == span.start else ("no_closing_index", "closing")
    raise Held(missing, serial, f"meter {serial} has no {word} index of {where}: {way}")


def status_of(closing: ClosingIndex, *, fell: bool) -> str:
    """What stands on the bill beside the index: an own mark where nobody read it."""
    status = closing.status if fell else closing.status.replace(ROLLOVER, "")
    return status + PROVISIONAL if closing.method in COUNTED_BY else status


def pair(
    hung: Sequence[Hung],
    period: Period,
    indices: Indices,
    carried: Mapping[Rate, Decimal],
    kinds: Mapping[str, MeterKind],
) -> Paired:
    """The register parts of one point, the meters of `hung` in the order they hung.

    `carried` is what the last bill's rounding left over by rate, in Wh. A removed meter's part comes before
    that of the one that follows; the sum of both runs through the tiers once. Raises `Held` when an index
    is missing.
    """
    billed = Period(max(period.start, hung[0].since), min(period.end, hung[-1].until or period.end))
    supply = supply_at(hung[0], billed)
    reason = Reason.REGULAR
    if billed.end < period.end:
        reason = Reason.TERMINATION
    elif billed.start > period.start:
        reason = Reason.NEW_SUPPLY
    parts: list[RegisterPart] = []
    anyhow = _read_anyhow(hung, billed, supply, indices)
    changes, before = [*_price_changes(hung[0], billed), *anyhow], 0
    left = dict(carried)
    _without_gap(hung)
    for place in hung:
        start, end = max(billed.start, place.since), min(billed.end, place.until or billed.end)
        if said := contradiction(place, kinds[place.model], start, end):
            raise Held("multiplier", place.serial, f"{said}: {WAY}, then bill again")
    for span in spans(hung, period, kinds, anyhow):
        known = [rate for serial, rate, _ in indices if serial == span.hung.serial]
        needed, kind = rates(supply, known), kinds[span.hung.model]
        for rate in needed:
            opening, closing = (
                _index(span, needed, rate, at, indices, kind) for at in (span.start, span.end)
            )
            fell = kwh(closing) < kwh(opening)
            parts.append(
                RegisterPart(
                    register=rate.code,
                    previous=kwh(opening),
                    current=kwh(closing),
                    digits=span.hung.digits or kinds[span.hung.model].digits,
                    removed=span.removed,
                    # Q stands against the index closed before, which need not be the one that opens here.
                    status=status_of(closing, fell=fell),
                    multiplier=span.multiplier,
                    serial=span.hung.serial,
                    carried_wh=left.pop(rate, Decimal(0)),
                )
            )
        if changes and span.end <= changes[0]:
            before = len(parts)
    return Paired(billed, reason, supply, tuple(parts), before if changes else None)
