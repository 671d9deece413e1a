"""`ami meter quality`: cos φ, voltage and phases of one meter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, facts, say, table, when
from ami.instants import days_asked
from ami.options import DAYS, JSON
from ami.settings import load
from ami.station import show_levels
from ami.station_document import at, figure, rated_load
from analytics.electrical import CURRENT_LIMIT, CosPhi, Imbalance, PhaseVoltage
from analytics.electrical.phases import NORMAL
from analytics.profiles.rated import RatedLoad
from model.period import Period
from operations.supply_quality import LONGEST, VOLTAGE_LIMIT, SupplyQuality, supply_quality
from storage.pool import open_pool

PHASES = "ABC"


@click.command("quality")
@click.argument("serial")
@DAYS
@JSON
def quality(serial: str, month: Period | None, first: date | None, end: date | None, as_json: bool) -> None:
    """cos φ by day and month (of energies, as on a bill), voltage and imbalance of phases of meter SERIAL.

    Voltages and currents are moments, read now and then: no ten-minute means as EN 50160 wants them. Normal
    is 220 V ± 5 %. Imbalance is the largest deviation of a phase from the mean of the three.

    \b
    ami meter quality 20260001 --month 2026-10
    ami meter quality 20260001 --from 2026-11-01 --json
    """
    first, end = days_asked(month, first, end, clocks.wall(), LONGEST)
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = supply_quality(conn, serial, first, end)
    if as_json:
        emit(document(found))
    else:
        show(found)


def document(found: SupplyQuality) -> dict[str, Any]:
    """The answer as a program reads it: shares from 0 to 1, imbalance in percent; null where nothing can be
    told."""
    return {
        "meter": found.serial,
        "from": found.first.isoformat(),
        "to": (found.first + timedelta(found.days)).isoformat(),
        "has_reactive": found.has_reactive,
        "cos_phi": _cos_phi(found.whole),
        "by_day": [{"day": day.isoformat(), **_cos_phi(one)} for day, one in found.by_day],
        "by_month": [
            {
                "month": f"{one.month:%Y-%m}",
                **_cos_phi(one.found),
                "k_percent": None if one.k_percent is None else float(one.k_percent),
                "billed": [
                    {"from": at(p.start), "to": at(p.end), "cos_phi": float(cos), "k_percent": float(k)}
                    for p, cos, k in one.billed
                ],
            }
            for one in found.by_month
        ],
        "own_transformer": None
        if found.own is None or found.own_kva is None
        else {"kva": float(found.own_kva), **rated_load(found.own)},
        "exported_wh": found.exported_wh,
        "reads": found.reads,
        "read_days": found.read_days,
        "few": found.few,
        "nominal_v": found.nominal_v,
        "voltage": [
            {
                "phase": PHASES[one.phase],
                "reads": one.reads,
                "interrupted": one.interrupted,
                "outside": figure(one.outside, 4),
                "low": figure(one.low, 4),
                "high": figure(one.high, 4),
                "below_after_fault": figure(one.below_after_fault, 4),
                "lowest": _moment(found, one.lowest, "v"),
                "highest": _moment(found, one.highest, "v"),
            }
            for one in found.voltages
        ],
        "voltage_imbalance": _imbalance(found, found.voltage_imbalance, VOLTAGE_LIMIT),
        "current_imbalance": _imbalance(found, found.current_imbalance, CURRENT_LIMIT),
        "moment_cos_phi": {
            "middle": figure(found.middle_cos_phi, 3),
            "lowest": _moment(found, found.lowest_cos_phi, "cos_phi", 3),
        },
    }


def _cos_phi(one: CosPhi) -> dict[str, Any]:
    return {
        "cos_phi": None if one.value is None else float(one.value),
        "wh": one.wh,
        "varh": one.varh,
        "varh_given_back": one.out_varh,
        "intervals": one.intervals,
        "of": one.of,
    }


def _moment(found: SupplyQuality, one: tuple[float, int] | None, name: str, digits: int = 1) -> Any:
    return None if one is None else {name: figure(one[0], digits), "at": at(found.at[one[1]])}


def _imbalance(found: SupplyQuality, one: Imbalance | None, limit: float) -> Any:
    if one is None:
        return None
    return {
        "reads": one.reads,
        "median_percent": figure(one.median),
        "highest_percent": figure(one.highest),
        "at": at(found.at[one.at]),
        "limit_percent": limit,
        "above": figure(one.above, 4),
    }


def show(found: SupplyQuality) -> None:
    """The same for people."""
    last = found.first + timedelta(found.days - 1)
    months = [
        (
            f"cos φ in {one.month:%m/%Y}",
            f"{_value(one.found)} ({_share(one.found)} known)"
            + "".join(f"; billed {cos}, k {k} %" for _, cos, k in one.billed),
        )
        for one in found.by_month
    ]
    worst = min((one for one in found.by_day if one[1].value is not None), key=_by_value, default=None)
    told = [("Meter", found.serial), ("Days", f"{found.first:%d/%m/%Y} to {last:%d/%m/%Y}")]
    if found.has_reactive:
        told += months
        told += [("Lowest day", f"{worst[1].value} on {worst[0]:%d/%m/%Y}")] if worst else []
    else:
        told.append(("cos φ by energy", "not known: no reactive energy came"))
    if found.lowest_cos_phi is not None:
        lowest, place = found.lowest_cos_phi
        told.append(("cos φ at moments", f"{found.middle_cos_phi:.2f} in the middle, lowest {lowest:.2f}, "
                                         f"{when(found.at[place])}"))  # fmt: skip
    told.append(("Moments", f"{counted(found.reads, 'read')} on {counted(found.read_days, 'day')}"
                            f"{', too few to judge the supply by' if found.few else ''}"))  # fmt: skip
    told += _unlike("Voltage imbalance", found, found.voltage_imbalance, VOLTAGE_LIMIT)
    told += _unlike("Current imbalance", found, found.current_imbalance, CURRENT_LIMIT)
    if found.own is not None:
        told.append(("Own transformer", f"{found.own_kva:,f} kVA, highest {_of_own(found.own)}"))
    facts(told)
    if found.own is not None:
        show_levels(found.own)
    if found.voltages:
        columns = ("Phase", "Reads", "Outside", "Lowest", "At", "Highest", "At ")
        table("", columns, [_voltage(found, one) for one in found.voltages], right=columns[1:3])
    if found.voltages and found.nominal_v is None:
        say("What these voltages should be is not known: they come through a transformer, or are no 220 V.")
    elif found.nominal_v is not None:
        say(f"Outside: below {NORMAL[0]:.0%} or above {NORMAL[1]:.0%} of {found.nominal_v:g} V.")


def _of_own(own: RatedLoad) -> str:
    if own.smax_va is None or own.smax_share is None or own.smax_at is None:
        return "not known"
    return f"{own.smax_va / 1000:,.1f} kVA ({own.smax_share:.1%}), {when(own.smax_at)}"


def _unlike(name: str, found: SupplyQuality, one: Imbalance | None, limit: float) -> list[tuple[str, str]]:
    if one is None:
        return []
    return [
        (
            name,
            f"{one.median:.1f} % in the middle, highest {one.highest:.1f} %, {when(found.at[one.at])}; "
            f"above {limit:g} % in {one.above:.1%} of {counted(one.reads, 'moment')} under load",
        )
    ]


def _voltage(found: SupplyQuality, one: PhaseVoltage) -> tuple[str, ...]:
    def moment(value: tuple[float, int] | None) -> tuple[str, str]:
        return ("–", "–") if value is None else (f"{value[0]:.1f} V", when(found.at[value[1]]))

    outside = "–" if one.outside is None else f"{one.outside:.1%}"
    return (PHASES[one.phase], f"{one.reads:,}", outside, *moment(one.lowest), *moment(one.highest))


def _value(one: CosPhi) -> str:
    return "not known" if one.value is None else str(one.value)


def _share(one: CosPhi) -> str:
    return f"{one.intervals / one.of:.1%}" if one.of else "nothing"


def _by_value(one: tuple[date, CosPhi]) -> tuple[Any, date]:
    return one[1].value, one[0]
