"""The closing indices of a period as the billing trade exchanges them, under its own column names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from analytics.billing import RegisterPart, use_register
from analytics.errors import BillingError
from model.bill import ClosingIndex
from model.period import LOCAL, Period, local_day
from model.series import Channel, Rate
from operations import models, supplied
from operations.formats.numbers import plain
from operations.pairing import Span, index_instants, kwh, spans
from operations.vietnamese import day
from storage import closing
from storage.pool import Pool
from storage.register import Hung, hung

COLUMNS = (
    "MA_QUYEN",
    "MA_TRAM",
    "MA_KHANG",
    "MA_DDO",
    "SERY_CTO",
    "LOAI_BCS",
    "LOAI_CS",
    "HSN",
    "SO_HO",
    "CHUOI_GIA",
    "KY",
    "THANG",
    "NAM",
    "NGAY_CU",
    "NGAY_MOI",
    "CS_CU",
    "CS_MOI",
    "SL_MOI",
    "SL_THAO",
    "TTR_MOI",
    "GHICHU",
)
_CHANNELS = (Channel.ACTIVE_IMPORT, Channel.REACTIVE_IMPORT)
_PERIODIC, _CHANGED = "DDK", "DDN"  # LOAI_CS: the month's closing, and a hanging or taking down


_NUMBERS = frozenset({"HSN", "SO_HO", "KY", "THANG", "NAM", "CS_CU", "CS_MOI", "SL_MOI", "SL_THAO"})


@dataclass(frozen=True, slots=True)
class ClosingSheet:
    """A row per meter and register, cells as text; whole kWh, indices with a decimal point."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def with_numbers(sheet: ClosingSheet) -> list[tuple[str | Decimal, ...]]:
    """The rows with their numbers as numbers, for a sheet that adds them up."""
    return [
        tuple(
            Decimal(cell) if cell and name in _NUMBERS else cell
            for name, cell in zip(sheet.columns, row, strict=True)
        )
        for row in sheet.rows
    ]


def _register_name(channel: Channel, rate: Rate, three_rate: bool) -> str:
    if channel is Channel.REACTIVE_IMPORT:
        return "VC"
    return "SG" if three_rate and rate is Rate.TOTAL else rate.code


def _row(
    span: Span, period: Period, opening: ClosingIndex, closing_: ClosingIndex, name: str
) -> tuple[str, ...]:
    place, note, used = span.hung, "", ""
    part = RegisterPart(
        register=name,
        previous=kwh(opening),
        current=kwh(closing_),
        digits=models.digits_of(place),
        status=closing_.status if kwh(closing_) < kwh(opening) else "",
        multiplier=span.multiplier,
        serial=place.serial,
    )
    try:
        used = str(use_register(part, span.multiplier).kwh)
    except BillingError as error:
        note = error.sentence
    supply = place.supply_on(local_day(period.start))
    month = period.last_day
    return (
        place.book or "",
        place.station,
        place.customer,
        place.point,
        place.serial,
        name,
        _CHANGED if span.end < period.end else _PERIODIC,
        plain(span.multiplier),
        plain(supplied.households(supply)) if supply else "",
        supply.plan if supply else "",
        "1",
        str(month.month),
        str(month.year),
        day(span.start.astimezone(LOCAL)),
        day(span.end.astimezone(LOCAL)),
        plain(part.previous),
        plain(part.current),
        "" if span.removed else used,
        used if span.removed else "",
        closing_.status,
        note,
    )


def _rows(place: Hung, period: Period, indices: list[ClosingIndex]) -> list[tuple[str, ...]]:
    kind = models.kind(place.model)
    if kind is None:
        return []
    at = {(index.channel, index.rate, index.at): index for index in indices if index.serial == place.serial}
    registers = sorted({(channel, rate) for channel, rate, _ in at})
    three = {Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK} <= set(kind.rates)
    rows = []
    for span in spans([place], period, {place.model: kind}):
        for channel, rate in registers:
            opening, closing_ = at.get((channel, rate, span.start)), at.get((channel, rate, span.end))
            if opening is None or closing_ is None or channel not in _CHANNELS:
                continue
            rows.append(_row(span, period, opening, closing_, _register_name(channel, rate, three)))
    return rows


def sheet(pool: Pool, period: Period, points: Collection[str] | None = None) -> ClosingSheet:
    """Every register that was closed at both ends of the period, or at the changes of meter between them.

    Of these points; None: of all.
    """
    by_point: dict[str, list[ClosingIndex]] = defaultdict(list)
    with pool.connection() as conn:
        places = hung(conn, points=points, period=period)
        for index in [*closing.at(conn, period.start, points), *closing.at(conn, period.end, points)]:
            by_point[index.point].append(index)
        for place in places:
            instants = set(index_instants(place, period, secondary=True))
            if instants - {period.start, period.end}:
                by_point[place.point] = closing.history(conn, place.point)
    rows = [row for place in places for row in _rows(place, period, by_point[place.point])]
    return ClosingSheet(COLUMNS, tuple(rows))
