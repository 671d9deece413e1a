"""What a meter that burnt, stuck or was lost is settled at: by the rule in force, out of what was billed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.errors import AnalyticsError
from analytics.vee.damage import STATE_OF_STATUS, BilledPeriod, DamagedUse, damaged_use
from model.period import local_day, midnight
from model.series import Channel, Rate
from operations import hand_reads, models
from operations.counted_index import LATEST
from operations.errors import MeterRefused
from operations.pairing import rates
from storage import billed_periods, neighbours

_WH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Settled:
    """One register: the index read last, what is billed for the days without a count, and the index in kWh
    that it comes to, which the work sheet of the exchange bears."""

    register: str
    last_read: date
    last_index: Decimal
    use: DamagedUse
    index: Decimal


def settle(
    conn: Connection[TupleRow], serial: str, state: str, mended: date, stopped: date | None = None
) -> list[Settled]:
    """Every register that the point is billed by, from the last reading before it `stopped` (None: from the
    last reading at all) until it is `mended`.

    Raises `MeterRefused` for a meter that did not hang then, one that was not read, and where nothing was
    billed before.
    """
    at = midnight(stopped or mended)
    place = hand_reads.place_of(conn, serial, at)
    kind = models.kind(place.model)
    near = neighbours.around(conn, [place.meter_id], at, LATEST)
    multiplier = models.multiplier_of(place, at)
    found = []
    for rate in rates(place.supply_on(mended), () if kind is None else kind.rates):
        known = near.get((place.meter_id, Channel.ACTIVE_IMPORT, rate))
        if known is None or known.before.at < place.since:
            raise MeterRefused(
                serial,
                f"meter {serial}: no index of {rate.code} is known of the {LATEST.days} days before "
                f"{stopped or mended:%d/%m/%Y}: enter the last one that was read (`ami meter index`)",
            )
        last_read = local_day(known.before.at)
        before = billed_periods.before(conn, place.point, place.customer, midnight(last_read))
        try:
            use = damaged_use(
                STATE_OF_STATUS.get(state, state),
                _of(before, rate),
                mended=mended,
                last_read=last_read,
                stopped=stopped,
            )
        except AnalyticsError as error:
            raise MeterRefused(serial, f"meter {serial}: {error.sentence}") from error
        last = Decimal(known.before.raw).scaleb(known.before.scaler - 3)
        index = (last + Decimal(use.kwh) / multiplier).quantize(_WH)
        found.append(Settled(rate.code, last_read, last, use, index))
    return found


def _of(before: list[billed_periods.Billed], rate: Rate) -> list[BilledPeriod]:
    by_period: dict[tuple[date, date], int] = defaultdict(int)
    for one in before:
        if one.rate is rate:
            by_period[local_day(one.start), local_day(one.end)] += one.kwh
    return [BilledPeriod(kwh, (end - start).days) for (start, end), kwh in by_period.items()]
