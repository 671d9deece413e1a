"""How good a meter's supply is: cos φ by energy, voltages and phases at moments; what moving use saves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from dash import html
from psycopg import Connection

from analytics.electrical import CURRENT_LIMIT, Imbalance, PhaseVoltage
from analytics.electrical.phases import NORMAL
from dashboard.charts.cos_phi import cos_phi_days
from dashboard.charts.packing import chart
from dashboard.formats import NO_VALUE
from dashboard.parts.days_range import DaysRange
from dashboard.parts.elements import Part, card, empty, facts, figure, table
from dashboard.parts.load_choice import Choice
from dashboard.visit import Visit
from model.period import Period, add_months
from operations import load_words
from operations.savings import Savings, savings
from operations.supply_quality import LONGEST, VOLTAGE_LIMIT, SupplyQuality, supply_quality

PHASES = "ABC"
LONGEST_RANGE = timedelta(days=LONGEST)


def quality_part(conn: Connection[Any], visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """Of the last quarter of these days. Raises `storage.errors.Unknown` for a meter nobody knows."""
    found = supply_quality(conn, choice.code, max(days.first, days.end - LONGEST_RANGE), days.end)
    return quality_cards(visit, found)


def quality_cards(visit: Visit, found: SupplyQuality) -> Part:
    """cos φ by energy, voltages by phase, phases unlike each other."""
    return html.Div(
        [_cos_phi(visit, found), _voltages(visit, found), _phases(visit, found)], className="grid"
    )


def _cos_phi(visit: Visit, found: SupplyQuality) -> Part:
    say, fmt = visit.say, visit.fmt
    span = fmt.span(found.first, found.first + timedelta(days=found.days))
    if not found.has_reactive:
        return card(
            say("supply.cos_phi"),
            [empty(say("supply.no_reactive"), say("supply.no_reactive_more"))],
            foot=span,
        )
    rows = [
        [
            fmt.month(one.month),
            _told(visit, one.found.value),
            fmt.percent(one.found.intervals / one.found.of if one.found.of else None),
            NO_VALUE if one.k_percent is None else f"{fmt.figure(one.k_percent)} %",
            "; ".join(f"{fmt.plain(cos)} · k {fmt.figure(k)} %" for _, cos, k in one.billed) or NO_VALUE,
        ]
        for one in reversed(found.by_month)
    ]
    heads = [say("load.month"), "cosφ", say("load.known_share"), say("supply.k"), say("supply.billed")]
    drawn = chart(cos_phi_days(visit, found.by_day), say("supply.cos_phi_label"), "supply-cos-phi", "low")
    return card(
        say("supply.cos_phi"),
        [table(heads, rows, numeric=(1, 2, 3, 4)), drawn],
        foot=f"{span} · {say('supply.k_note')}",
    )


def _told(visit: Visit, value: Decimal | None) -> str:
    return NO_VALUE if value is None else visit.fmt.plain(value)


def _voltages(visit: Visit, found: SupplyQuality) -> Part:
    say, fmt = visit.say, visit.fmt
    if not found.voltages:
        return card(say("supply.voltages"), [empty(say("supply.no_reads"))], kind="w7")
    rows = [_voltage(visit, found, one) for one in found.voltages]
    heads = [
        say("supply.phase"),
        say("supply.reads"),
        say("supply.outside"),
        say("supply.lowest"),
        say("supply.highest"),
    ]
    limits = say("supply.no_nominal")
    if found.nominal_v is not None:
        low, high = (fmt.number(share * found.nominal_v) for share in NORMAL)
        limits = say("supply.normal", low=low, high=high)
    few = say("supply.few", n=fmt.number(found.reads), days=found.read_days) if found.few else ""
    return card(
        say("supply.voltages"),
        [table(heads, rows, numeric=(1, 2, 3, 4))],
        foot=f"{limits} {few}".strip(),
        kind="w7",
    )


def _voltage(visit: Visit, found: SupplyQuality, one: PhaseVoltage) -> list[Part]:
    fmt = visit.fmt
    return [
        visit.say("meter.phase", n=PHASES[one.phase]),
        fmt.number(one.reads),
        fmt.percent(one.outside),
        *(
            NO_VALUE
            if moment is None
            else html.Div(
                [
                    f"{fmt.number(moment[0], 1)} V",
                    html.Div(fmt.instant(found.at[moment[1]]), className="row-under"),
                ]
            )
            for moment in (one.lowest, one.highest)
        ),
    ]


def _phases(visit: Visit, found: SupplyQuality) -> Part:
    say, fmt = visit.say, visit.fmt
    pairs: list[tuple[str, Part]] = [
        *_unlike(visit, found, found.voltage_imbalance, "voltage", VOLTAGE_LIMIT),
        *_unlike(visit, found, found.current_imbalance, "current", CURRENT_LIMIT),
    ]
    if found.lowest_cos_phi is not None:
        lowest, place = found.lowest_cos_phi
        pairs += [
            (say("supply.middle_cos_phi"), fmt.number(found.middle_cos_phi, 2)),
            (say("supply.lowest_cos_phi"), f"{fmt.number(lowest, 2)} · {fmt.instant(found.at[place])}"),
        ]
    body = facts(pairs) if pairs else empty(say("supply.no_phases"))
    return card(say("supply.phases"), [body], foot=say("supply.phases_note"), kind="w5")


def _unlike(
    visit: Visit, found: SupplyQuality, one: Imbalance | None, name: str, limit: float
) -> list[tuple[str, Part]]:
    if one is None:
        return []
    say, fmt = visit.say, visit.fmt
    return [
        (say(f"supply.{name}_middle"), f"{fmt.number(one.median, 1)} %"),
        (say(f"supply.{name}_highest"), f"{fmt.number(one.highest, 1)} % · {fmt.instant(found.at[one.at])}"),
        (
            say("supply.above", limit=fmt.number(limit)),
            f"{fmt.percent(one.above)} · {say('supply.of_moments', n=fmt.number(one.reads))}",
        ),
    ]


def savings_part(conn: Connection[Any], visit: Visit, choice: Choice, days: DaysRange) -> Part:
    """Of the last whole month of these days: what moving use out of peak hours would save."""
    month = (days.end - timedelta(days=1)).replace(day=1)
    if month == visit.today.replace(day=1):
        month = add_months(month, -1)
    found = savings(conn, visit.viewer, choice.code, Period.of_month(month.year, month.month))
    if found is None:
        return html.Div(empty(visit.say("load.nobody"), visit.say("load.nobody_meter")), className="card")
    return html.Div(_saved(visit, found), className="grid")


def _saved(visit: Visit, found: Savings) -> Part:
    say, fmt = visit.say, visit.fmt
    title = say("savings.title", span=found.period.shown)
    known = Decimal(int(1000 * found.known)) / 10
    if found.reason:
        return card(title, [empty(load_words.say("no_saving", found.reason, visit.lang, known=known))])
    figures = [
        figure(
            say("savings.paid"),
            fmt.money(found.total),
            "",
            load_words.say("saving", found.source, visit.lang, known=known),
        ),
        figure(say("savings.peak_share"), fmt.percent(found.peak_share), "", _hours(found.peak)),
    ]
    rows = [
        [f"{one.percent} %", fmt.number(one.kwh), fmt.money(one.total), html.Strong(fmt.money(one.saved))]
        for one in found.moves
    ]
    heads = [say("savings.moved"), "kWh", say("savings.then"), say("savings.saved")]
    most = ", ".join(f"{_clock(minute)} {fmt.number(kwh, 1)} kWh" for minute, kwh in found.hours[:4])
    parts = [html.Div(figures, className="figures"), table(heads, rows, numeric=(1, 2, 3))]
    if most:
        parts.append(html.P(say("savings.most", hours=most), className="small lacking"))
    return card(title, parts, foot=say("savings.offpeak", hours=_hours(found.offpeak)))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _hours(spans: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{_clock(a)}–{_clock(b)}" for a, b in spans)
