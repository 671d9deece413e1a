"""cos φ of a meter by day and month, and what moments say of its voltages and phases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.electrical import (
    CURRENT_LIMIT,
    CosPhi,
    Imbalance,
    PhaseVoltage,
    cos_phis,
    imbalance,
    voltage_quality,
)
from analytics.electrical.phases import LEAST_A
from analytics.profiles.curve import months_of
from analytics.profiles.rated import RatedLoad, against
from analytics.tariffs.reactive import reactive_table
from model.period import Period, local_day
from model.quality import Quality
from model.readout import InstantRead
from model.series import Channel
from operations.errors import LoadRefused
from operations.station_load import MEASURED
from storage import bill_reactive, days, fleet, observed, register
from storage.errors import Unknown
from storage.register import Hung

LONGEST: Final = 92  # days
PHASE_V: Final = 220.0  # of a low-voltage supply, between a phase and neutral
LOW_VOLTAGE_KV: Final = Decimal(1)
FAR: Final = 0.4  # a middle reading that far from the nominal voltage comes through a transformer
VOLTAGE_LIMIT: Final = 5.0  # percent
FEW_READS: Final = 48
FEW_DAYS: Final = 7
Moments = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MonthCosPhi:
    """Of a calendar month, or of what of it was asked for. `k_percent`: the surcharge it would cost who buys
    reactive energy. `billed`: (period, cos φ, k in percent) of the bills that ended in it."""

    month: date
    found: CosPhi
    k_percent: Decimal | None
    billed: tuple[tuple[Period, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class SupplyQuality:
    """`reads` moments on `read_days` days; `few`: too few to judge a supply by. `nominal_v` None: not told,
    for the supply is no low-voltage one or the readings come through a voltage transformer; then no voltage
    is a share of anything. Numbers of moments in `voltages` and the imbalances are places in `at`.

    `has_reactive`: whether anything is known of reactive import; without it every cos φ by energy is None.
    `lowest_cos_phi`: of the moments that tell one, with their place in `at`. `own`: the load against a
    transformer of the customer's own (of `own_kva` on the last day that one stood there); None without.
    """

    serial: str
    first: date
    days: int
    has_reactive: bool
    whole: CosPhi
    by_day: tuple[tuple[date, CosPhi], ...]
    by_month: tuple[MonthCosPhi, ...]
    exported_wh: int | None
    reads: int
    read_days: int
    few: bool
    at: tuple[datetime, ...]
    nominal_v: float | None
    voltages: tuple[PhaseVoltage, ...]
    voltage_imbalance: Imbalance | None
    current_imbalance: Imbalance | None
    middle_cos_phi: float | None
    lowest_cos_phi: tuple[float, int] | None
    own_kva: Decimal | None = None
    own: RatedLoad | None = None


def supply_quality(conn: Connection[TupleRow], serial: str, first: date, end: date) -> SupplyQuality:
    """Of a meter, days from `first`, without `end`. Raises `storage.errors.Unknown`, and `LoadRefused` for no
    days or more than `LONGEST`."""
    if not 0 < (end - first).days <= LONGEST:
        raise LoadRefused(f"from {first} until {end} are no 1 to {LONGEST} days: choose others")
    known = fleet.meter_ids(conn, [serial])
    if serial not in known:
        raise Unknown("meter", serial)
    period = Period.of_days(first, end)
    places = register.hung(conn, meter_ids=[known[serial]], period=period)
    read = [one for _, one in observed.instants(conn, [known[serial]], period)]
    volts, amperes = _phases(read, lambda one: one.voltage_v), _phases(read, lambda one: one.current_a)
    told = [(abs(one.cos_phi), place) for place, one in enumerate(read) if one.cos_phi is not None]
    nominal, read_days = _nominal(places, volts), len({local_day(one.at) for one in read})
    active, reactive, back, exported = _energies(conn, known[serial], first, end)
    many = (end - first).days
    owned = [_own_kva(places, first + timedelta(number)) for number in range(many)]
    masks = [np.arange(many) == number for number in range(many)]
    *each, whole = cos_phis(active, reactive, back, [*masks, np.ones(many, bool)])
    return SupplyQuality(
        serial=serial,
        first=first,
        days=many,
        has_reactive=bool(reactive[1].any()),
        whole=whole,
        by_day=tuple((first + timedelta(number), one) for number, one in enumerate(each)),
        by_month=tuple(_months(conn, places, (active, reactive, back), first, many)),
        exported_wh=exported,
        reads=len(read),
        read_days=read_days,
        few=len(read) < FEW_READS or read_days < FEW_DAYS,
        at=tuple(one.at for one in read),
        nominal_v=nominal,
        voltages=tuple(voltage_quality(volts, nominal)),
        voltage_imbalance=imbalance(volts, VOLTAGE_LIMIT),
        current_imbalance=imbalance(amperes, CURRENT_LIMIT, LEAST_A),
        middle_cos_phi=float(np.median([value for value, _ in told])) if told else None,
        lowest_cos_phi=min(told) if told else None,
        own_kva=next((kva for kva in reversed(owned) if kva is not None), None),
        own=_own(active, reactive, back, owned, first) if any(owned) else None,
    )


_Energy = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]


def _energies(
    conn: Connection[TupleRow], meter: int, first: date, end: date
) -> tuple[_Energy, _Energy, _Energy, int | None]:
    """Active import, reactive import and reactive export, and the Wh fed in (None: never told of). By
    half-hours, or by hours where that is what it tells."""

    def of(channel: Channel, minutes: int) -> days.DayMatrix:
        return days.matrix(conn, [meter], channel, first, end, minutes * 60)

    minutes = 60 if of(Channel.ACTIVE_IMPORT, 30).unfit else 30
    active, exported, reactive, back = (of(channel, minutes) for channel in Channel)
    fed = int(exported.energy.sum(dtype=np.int64)) if exported.quality.any() else None
    one, two, three = ((part.energy[0], part.quality[0]) for part in (active, reactive, back))
    return one, two, three, fed


def _own_kva(places: Sequence[Hung], day: date) -> Decimal | None:
    """The customer's own transformer on a day."""
    hanging = [place for place in places if local_day(place.since) <= day]
    supply = hanging[-1].supply_on(day) if hanging else None
    return None if supply is None else supply.transformer_kva


def _own(
    active: _Energy, reactive: _Energy, back: _Energy, owned: Sequence[Decimal | None], first: date
) -> RatedLoad:
    (wh, how), (varh, told), (out, _) = active, reactive, back
    per_hour = wh.shape[1] / 24
    return against(
        np.where(how != Quality.MISSING, wh * per_hour, np.nan),
        np.where(told != Quality.MISSING, (varh.astype(np.int64) - out) * per_hour, np.nan),
        np.isin(how, MEASURED),
        [np.nan if kva is None else float(kva) * 1000 for kva in owned],
        first,
    )


def _months(
    conn: Connection[TupleRow],
    places: Sequence[Hung],
    energies: tuple[_Energy, _Energy, _Energy],
    first: date,
    many: int,
) -> list[MonthCosPhi]:
    pieces = months_of(first, many)
    numbers = np.arange(many)
    masks = [(numbers >= begin) & (numbers < end) for begin, end in pieces]
    points = list(dict.fromkeys(place.point for place in places))
    billed = bill_reactive.told(conn, points, Period.of_days(first, first + timedelta(many)))
    found = []
    for (begin, end), one in zip(pieces, cos_phis(*energies, masks), strict=True):
        month = Period.of_days(first + timedelta(begin), first + timedelta(end))
        bills = tuple(bill for bill in billed if month.start < bill[0].end <= month.end)
        k = None if one.value is None else reactive_table().k(one.value)
        found.append(MonthCosPhi((first + timedelta(begin)).replace(day=1), one, k, bills))
    return found


_Triple = tuple[float | None, float | None, float | None]


def _phases(read: Sequence[InstantRead], of: Callable[[InstantRead], _Triple]) -> Moments:
    """(n, 3), NaN where the meter does not tell."""
    values = [[np.nan if value is None else value for value in of(one)] for one in read]
    return np.array(values, np.float64).reshape(len(read), 3)


def _nominal(places: Sequence[Hung], volts: Moments) -> float | None:
    """What a phase should have; None where nobody can say."""
    supplies = places[-1].supplies if places else ()
    if supplies and supplies[-1].voltage_kv >= LOW_VOLTAGE_KV:
        return None
    fed = volts[volts > 0]
    if not len(fed) or abs(float(np.median(fed)) / PHASE_V - 1) > FAR:
        return None
    return PHASE_V
