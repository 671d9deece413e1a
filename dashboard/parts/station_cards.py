"""What a station's page tells beside its curve: balance, feeders, whose use the loss follows, who is big."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html

from analytics.losses import Balance
from dashboard.charts.packing import chart
from dashboard.charts.station_balance import balance_bars
from dashboard.charts.station_load import by_head
from dashboard.formats import NO_VALUE
from dashboard.parts.days_range import DaysRange
from dashboard.parts.elements import Part, badge, card, empty, facts, link, table
from dashboard.visit import Visit
from operations.stations import SideBalance, StationLoad, StationSheet, SuspectCustomer


def kilo(visit: Visit, value: float | None, digits: int = 1) -> str:
    """W as kW, VA as kVA, Wh as kWh, without the unit."""
    return visit.fmt.number(None if value is None else value / 1000, digits)


def plain_percent(visit: Visit, value: float | None) -> str:
    """2.51 as 2,51 %."""
    return visit.fmt.percent(None if value is None else value / 100, 2)


def source(visit: Visit, load: StationLoad) -> str:
    """Where the load is known from, and what that lacks."""
    say, fmt = visit.say, visit.fmt
    if by_head(load):
        return say("station.by_head", serials=", ".join(load.heads))
    why = say(f"station.why_{load.source.value}")
    if not load.customers:
        return why
    how = "station.silent_at_mean" if load.at_mean else "station.silent"
    silent = say(how, n=fmt.number(load.silent)) if load.silent else ""
    return " ".join(
        part for part in (why, say("station.by_sum", n=fmt.number(load.customers)), silent) if part
    )


def levels_card(visit: Visit, load: StationLoad) -> Part:
    """How long the load was above shares of the kVA."""
    say, fmt = visit.say, visit.fmt
    if load.transformer is None:
        return card(say("station.levels"), [empty(say("station.no_kva"), say("station.no_kva_more"))])
    rows = [
        [
            fmt.percent(one.level, 0),
            fmt.number(one.hours, 1),
            fmt.percent(one.share, 2),
            fmt.number(one.longest_hours, 1),
            fmt.instant(one.since),
        ]
        for one in load.rated.above
    ]
    heads = [say(f"station.{name}") for name in ("above", "hours", "share", "longest", "from")]
    body = [table(heads, rows, numeric=(1, 2, 3, 4))] if rows else [empty(say("load.unknown"))]
    cos_phi = None
    if load.rated.reactive_known < 1:
        cos_phi = say("station.cos_phi", share=fmt.percent(1 - load.rated.reactive_known, 0))
    return card(say("station.levels"), body, foot=cos_phi)


def balance_card(visit: Visit, side: SideBalance) -> Part:
    """Delivered, sold, lost as it had to be, and the rest; or why there is none."""
    say = visit.say
    total = side.total
    if total is None:
        why = say(f"station.why_{side.source.value}") if side.customers else say("station.no_customers")
        return card(say("station.balance"), [empty(say("station.no_balance"), why)])
    if not total.intervals:
        return card(
            say("station.balance"),
            [
                empty(say("station.no_balance"), say("station.none_common")),
                _apart(visit, side),
                _lacking(visit, side),
            ],
        )
    bars = chart(balance_bars(visit, side.by_day), say("station.balance_label"), "station-balance", "middle")
    parts = [
        html.Div(
            [html.Div(_totals(visit, side, total), className="w5"), html.Div(bars, className="w7")],
            className="grid flat",
        )
    ]
    if len(side.by_month) > 1:
        parts.append(_months(visit, side))
    return card(
        say("station.balance"),
        [*parts, _apart(visit, side), _lacking(visit, side)],
        beside=_legend(visit),
        foot=say("station.balance_note"),
    )


def _totals(visit: Visit, side: SideBalance, total: Balance) -> Part:
    say, fmt = visit.say, visit.fmt
    technical = (
        f"{kilo(visit, total.technical_wh)} kWh · {plain_percent(visit, total.technical_percent)}"
        if side.technical_days
        else say("station.technical_unknown")
    )
    return facts(
        [
            (say("station.delivered"), f"{kilo(visit, total.delivered_wh)} kWh"),
            (say("station.sold"), f"{kilo(visit, total.sold_wh)} kWh"),
            (say("station.loss"), plain_percent(visit, total.loss_percent)),
            (say("station.technical"), technical),
            (
                say("station.rest"),
                f"{kilo(visit, total.unexplained_wh)} kWh · {plain_percent(visit, side.unexplained_percent)}",
            ),
            (say("station.covered"), fmt.percent(total.covered)),
            (say("station.fed_in"), f"{kilo(visit, side.fed_in_wh)} kWh" if side.fed_in_wh else ""),
        ]
    )


def _months(visit: Visit, side: SideBalance) -> Part:
    heads = [
        visit.say("load.month"),
        *(visit.say(f"station.{name}") for name in ("delivered", "sold", "loss", "covered")),
    ]
    rows = [[visit.fmt.month(month), *_short(visit, one)] for month, one in reversed(side.by_month)]
    return table(heads, rows, numeric=(1, 2, 3, 4))


def _short(visit: Visit, one: Balance) -> list[str]:
    """kWh delivered and sold, loss and share covered; dashes where nothing is known on both sides."""
    if not one.intervals:
        return [NO_VALUE] * 3 + [visit.fmt.percent(0.0)]
    return [
        f"{kilo(visit, one.delivered_wh)} kWh",
        f"{kilo(visit, one.sold_wh)} kWh",
        plain_percent(visit, one.loss_percent),
        visit.fmt.percent(one.covered),
    ]


def _lacking(visit: Visit, side: SideBalance) -> Part:
    """Whose data are missing most: reading them makes the balance whole."""
    if not side.lacking:
        return None
    parts: list[Part] = [visit.say("station.lacking"), " "]
    for serial, hours in side.lacking[:5]:
        parts += [link(serial, f"/meters/{serial}"), f" ({visit.fmt.number(hours, 1)} h), "]
    parts[-1] = parts[-1].removesuffix(", ") + "."
    return html.P(parts, className="small lacking")


def _apart(visit: Visit, side: SideBalance) -> Part:
    """Customers without half-hours: what their bills say stands for them, or their use is nobody's."""
    if not side.apart:
        return None
    said = []
    billed = [(serial, wh) for serial, wh in side.apart if wh is not None]
    unknown = [serial for serial, wh in side.apart if wh is None]
    if billed:
        named = ", ".join(f"{serial} ({kilo(visit, wh, 0)} kWh)" for serial, wh in billed[:5])
        said.append(visit.say("station.billed", n=len(billed), serials=named + "…" * (len(billed) > 5)))
    if unknown:
        named = ", ".join(unknown[:5]) + "…" * (len(unknown) > 5)
        said.append(visit.say("station.unbilled", n=len(unknown), serials=named))
    return html.P(" ".join(said), className="small lacking")


def _legend(visit: Visit) -> Part:
    kinds = (("", "station.sold"), ("l-part", "station.technical"), ("l-lost", "station.rest"))
    return html.Div(
        [html.Span([html.I(className=kind), visit.say(key)]) for kind, key in kinds], className="legend"
    )


def feeders_card(visit: Visit, feeders: Sequence[SideBalance]) -> Part:
    """The balance of each feeder; nothing where no feeder has a head meter of its own."""
    told = [one for one in feeders if one.total is not None]
    if not told:
        return None
    say = visit.say
    heads = [
        say("load.feeder"),
        say("station.customers"),
        *(say(f"station.{name}") for name in ("delivered", "sold", "loss", "covered")),
    ]
    rows = [
        [
            link(one.feeder, f"/load?of=feeder&code={one.feeder}"),
            visit.fmt.number(one.customers),
            *_short(visit, one.total),
        ]
        for one in told
        if one.total is not None
    ]
    return card(
        say("station.feeders"),
        [table(heads, rows, numeric=(1, 2, 3, 4, 5))],
        foot=say("station.feeders_note"),
    )


def suspects_card(visit: Visit, sheet: StationSheet, days: DaysRange) -> Part:
    """Whose use the unexplained loss follows: a reason to look, no proof."""
    say = visit.say
    if not sheet.suspects:
        return card(
            say("station.suspects"),
            [empty(say("station.nobody"), say(f"station.nobody_{sheet.why_no_suspects}"))],
        )
    clear = [(place, one) for place, one in enumerate(sheet.suspects, 1) if one.stands_out]
    others = [(place, one) for place, one in enumerate(sheet.suspects, 1) if not one.stands_out]
    shown = _ranked(visit, clear, days) if clear else empty(say("station.nobody_clear"))
    ranked = (
        html.Details([html.Summary(say("station.others")), _ranked(visit, others, days)]) if others else None
    )
    return card(say("station.suspects"), [shown, ranked], foot=say("station.suspects_note"))


def _ranked(visit: Visit, those: Sequence[tuple[int, SuspectCustomer]], days: DaysRange) -> Part:
    rows = [
        [
            f"{place}.",
            html.Div(
                [
                    link(one.serial, f"/meters/{one.serial}?{days.query}"),
                    html.Div(one.name or one.customer, className="row-under"),
                ],
                className="named",
            ),
            _strength(visit, one),
            kilo(visit, one.loss_wh),
        ]
        for place, one in those
    ]
    heads = ["", visit.say("load.meter"), visit.say("station.strength"), visit.say("station.in_step")]
    return table(heads, rows, numeric=(3,))


def _strength(visit: Visit, one: SuspectCustomer) -> Part:
    said = [
        badge(
            visit.say("station.clear" if one.stands_out else "station.unclear"),
            "warn" if one.stands_out else "plain",
        )
    ]
    if one.at_night and one.stands_out:
        said.append(badge(visit.say("station.nights"), "info"))
    return html.Div(said, className="badges")


def largest_card(visit: Visit, sheet: StationSheet, days: DaysRange) -> Part:
    """Who used most."""
    say, fmt = visit.say, visit.fmt
    if not sheet.largest:
        return card(say("station.largest"), [empty(say("station.no_customers"))], kind="w6")
    rows = [
        [
            html.Div(
                [
                    link(one.serial, f"/meters/{one.serial}?{days.query}"),
                    html.Div(one.name or one.customer, className="row-under"),
                ],
                className="named",
            ),
            kilo(visit, one.wh) if one.known else NO_VALUE,
            fmt.percent(one.share) if one.known else NO_VALUE,
            kilo(visit, one.pmax_w, 2),
            fmt.percent(one.known, 0),
        ]
        for one in sheet.largest
    ]
    heads = [say("load.meter"), "kWh", say("station.of_all"), "Pmax (kW)", say("load.known_share")]
    return card(say("station.largest"), [table(heads, rows, numeric=(1, 2, 3, 4))], kind="w6")
