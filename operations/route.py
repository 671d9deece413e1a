"""The route of a reading book, as the meter-reader's device takes it: what to read, what it was before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import LOCAL, Period, add_months, local_day, midnight
from model.series import Channel, Rate
from operations import models, supplied
from operations.closing_sheet import sheet
from operations.formats.handheld import FIELDS, OURS
from operations.formats.numbers import plain
from operations.pairing import kwh, rates
from operations.vietnamese import day
from storage import closing, hand_reads, reader_codes
from storage import route as walks
from storage.pool import Pool
from storage.register import Hung, hung
from storage.route import Stop

COLUMNS: Final = (*FIELDS, *OURS)
_LAST_YEAR = 12  # months before
_BACK: Final = (1, 2, 3, _LAST_YEAR)
_HOUSEHOLD: Final = "household"
_REACTIVE: Final = (Channel.REACTIVE_IMPORT, Rate.TOTAL)
Key = tuple[str, str]  # point and register


@dataclass(frozen=True, slots=True)
class Route:
    """One line a register to be read; cells as text, by `columns`."""

    period: Period
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def period_of(month: Period, reading_day: int) -> Period:
    """The period that a book of that reading day closes with the month: it ends on that day of the next."""
    first = local_day(month.start)
    end = add_months(first, 1)
    return Period(midnight(first.replace(day=reading_day)), midnight(end.replace(day=reading_day)))


def route(pool: Pool, book: str, month: Period, *, again: bool = False) -> Route:
    """Every register of the book's customers that is billed, with its index at the beginning of the period.

    The index is the closed one, else the last that is known. `again`: only of meters that were not read when
    somebody went (`reader_codes`). Raises `storage.errors.Unknown` for a book that is not there.
    """
    with pool.connection() as conn:
        reading_day, stops = walks.stops(conn, book)
        period = period_of(month, reading_day)
        points = [stop.point for stop in stops]
        used = _used(pool, period, points)
        closed = {(i.serial, i.channel, i.rate): i for i in closing.at(conn, period.start, points)}
        at_end = period.end - timedelta(microseconds=1)
        places = {
            place.point: place
            for place in hung(conn, points=points, period=period)
            if place.until is None or place.until > at_end
        }
        if again:
            places = _unread(conn, places, period)
        rows: list[dict[str, str]] = []
        for stop in stops:
            place = places.get(stop.point)
            for channel, rate, name in _registers(place, period) if place is not None else ():
                assert place is not None
                index = closed.get((place.serial, channel, rate))
                row = _row(stop, place, period, name, used)
                row |= {"MA_QUYEN": book, "MA_GC": f"{book}-{len(rows) + 1:04d}"}
                rows.append(row | _before(conn, place, period, channel, rate, index))
    return Route(period, COLUMNS, tuple({name: row.get(name, "") for name in COLUMNS} for row in rows))


def _unread(conn: Connection[TupleRow], places: dict[str, Hung], period: Period) -> dict[str, Hung]:
    ids = [place.meter_id for place in places.values()]
    first, end = local_day(period.start), local_day(period.end)
    waiting = reader_codes.waiting(conn, ids, first, end)
    return {point: place for point, place in places.items() if place.meter_id in waiting}


def _registers(place: Hung, period: Period) -> Iterable[tuple[Channel, Rate, str]]:
    kind = models.kind(place.model)
    if kind is None:
        return
    supply = place.supply_on(local_day(period.end))
    for rate in rates(supply, kind.rates):
        yield Channel.ACTIVE_IMPORT, rate, rate.code
    if _REACTIVE in kind.registers and supply is not None and _HOUSEHOLD not in supply.plan:
        yield *_REACTIVE, "VC"


def _row(
    stop: Stop, place: Hung, period: Period, name: str, used: dict[int, dict[Key, Decimal]]
) -> dict[str, str]:
    supply = place.supply_on(local_day(period.end))
    month = period.last_day
    row = {
        "MA_TRAM": stop.station,
        "MA_KHANG": stop.customer,
        "TEN_KHANG": stop.name,
        "DIA_CHI": stop.address,
        "MA_DDO": stop.point,
        "SERY_CTO": place.serial,
        "LOAI_BCS": name,
        "LOAI_CS": "DDK",
        "HSN": plain(models.multiplier_of(place, period.start)),
        "SO_HO": plain(supplied.households(supply)) if supply else "",
        "CHUOI_GIA": supply.plan if supply else "",
        "CAP_DIEN_AP": plain(supply.voltage_kv) if supply else "",
        "CACH_TINH": supplied.special(supply) if supply else "",
        "KY": "1",
        "THANG": str(month.month),
        "NAM": str(month.year),
        "NGAY_MOI": day(period.end.astimezone(LOCAL)),
        "SO_CHU_SO": str(models.digits_of(place) or ""),
    }
    key = (stop.point, name)
    for column, back in (("SL_CU", 1), ("SLUONG_1", 1), ("SLUONG_2", 2), ("SLUONG_3", 3), ("SL_CUNG_KY", 12)):
        if key in used[back]:
            row[column] = plain(used[back][key])
    return row


def _used(pool: Pool, period: Period, points: Sequence[str]) -> dict[int, dict[Key, Decimal]]:
    """kWh by point and register, so many months before; what was taken down is counted in."""
    found: dict[int, dict[Key, Decimal]] = {}
    for back in _BACK:
        start, end = (_moved(at, back) for at in (period.start, period.end))
        totals: dict[Key, Decimal] = defaultdict(Decimal)
        table = sheet(pool, Period(start, end), points)
        for cells in table.rows:
            record = dict(zip(table.columns, cells, strict=True))
            said = record["SL_MOI"] or record["SL_THAO"]
            if said:
                totals[record["MA_DDO"], record["LOAI_BCS"]] += Decimal(said)
        found[back] = dict(totals)
    return found


def _moved(at: datetime, months: int) -> datetime:
    day_ = local_day(at)
    return midnight(add_months(day_.replace(day=1), -months).replace(day=day_.day))


def _before(
    conn: Connection[TupleRow],
    place: Hung,
    period: Period,
    channel: Channel,
    rate: Rate,
    index: ClosingIndex | None,
) -> dict[str, str]:
    """The index to count from, and its day; empty where none is known."""
    if index is not None:
        return {
            "NGAY_CU": day(period.start.astimezone(LOCAL)),
            "CS_CU": plain(kwh(index)),
            "TTR_CU": index.status,
        }
    known, standing, _ = hand_reads.around(conn, place.meter_id, channel, rate, period.start)
    last = standing or known
    if last is None and rate.code in place.first_index and channel is Channel.ACTIVE_IMPORT:
        kind = models.kind(place.model)
        scaler = kind.registers[channel, rate][0] if kind else 0
        last = (place.since, Decimal(place.first_index[rate.code]).scaleb(scaler), "")
    if last is None or last[0] < place.since:
        if place.since > period.start:  # nobody wrote down what it showed
            return {"NGAY_CU": f"{place.since.astimezone(LOCAL):%d/%m/%Y %H:%M}"}
        return {"NGAY_CU": day(period.start.astimezone(LOCAL))}
    return {"NGAY_CU": f"{last[0].astimezone(LOCAL):%d/%m/%Y %H:%M}", "CS_CU": plain(last[1] / 1000)}
