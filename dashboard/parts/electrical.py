"""What a meter says of itself: registers, volts and amperes, events, where it has hung, how reads went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from dash import html

from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, card, empty, facts, table
from dashboard.parts.moments import as_of
from dashboard.visit import Visit
from model.day import Finding
from model.readout import InstantRead, MeterEvent
from model.series import Channel
from operations import models, wording
from storage.blocks import StoredRegister
from storage.meters import Installed, MeterSheet

UNITS = {channel: "kWh" if channel <= Channel.ACTIVE_EXPORT else "kvarh" for channel in Channel}


def instant_card(visit: Visit, seen: InstantRead | None) -> Part:
    """Volts and amperes a phase and power, at the instant they were read; for staff what a technician
    asks for besides."""
    say, fmt = visit.say, visit.fmt
    if seen is None:
        return card(say("meter.now"), [empty(say("meter.no_instant"))], kind="w6", foot=as_of(visit, None))
    phases = [
        [say("meter.phase", n=name), f"{fmt.number(volts, 1)} V", f"{fmt.number(amperes, 2)} A"]
        for name, volts, amperes in zip("ABC", seen.voltage_v, seen.current_a, strict=True)
        if volts is not None or amperes is not None
    ]
    whole = [(say("meter.power"), _with(fmt.number(_kilo(seen.power_w), 2), "kW"))]
    if visit.viewer.is_staff:
        whole += [
            (say("meter.reactive"), _with(fmt.number(_kilo(seen.reactive_var), 2), "kvar")),
            (say("meter.cos_phi"), _with(fmt.number(seen.cos_phi, 2), "")),
            (say("meter.frequency"), _with(fmt.number(seen.frequency_hz, 2), "Hz")),
        ]
    heads = ["", say("meter.voltage"), say("meter.current")]
    return card(
        say("meter.now"),
        [table(heads, phases, numeric=(1, 2)), facts(whole)],
        kind="w6",
        foot=as_of(visit, seen.at),
    )


def _kilo(value: float | None) -> float | None:
    return None if value is None else value / 1000.0


def _with(number: str, unit: str) -> str:
    return "" if number == NO_VALUE else f"{number} {unit}".strip()


def register_value(raw: int, scaler: int) -> Decimal:
    """The register in kWh or kvarh, as exact as the meter shows it."""
    return Decimal(raw).scaleb(scaler - 3)


def registers_card(visit: Visit, registers: Sequence[StoredRegister]) -> Part:
    """Every register, as it stood when it was last read."""
    say, fmt = visit.say, visit.fmt
    if not registers:
        return card(say("meter.registers"), [empty(say("meter.no_registers"))], kind="w6")
    latest = max(read.at for read in registers)
    rows = [
        html.Div(
            [
                html.Div(
                    [
                        html.Div(say.term("channel", str(int(read.channel))), className="row-name"),
                        html.Div(say(f"register.{read.rate.code}"), className="row-under"),
                    ],
                    className="row-main",
                ),
                html.Div(
                    [
                        f"{fmt.plain(register_value(read.raw, read.scaler))}\u00a0{UNITS[read.channel]}",
                        html.Div(fmt.instant(read.at), className="row-under") if read.at != latest else None,
                    ],
                    className="row-end",
                ),
            ],
            className="row",
        )
        for read in registers
    ]
    return card(
        say("meter.registers"), [html.Div(rows, className="rows")], kind="w6", foot=as_of(visit, latest)
    )


def events_card(visit: Visit, events: Sequence[MeterEvent]) -> Part:
    say = visit.say
    rows = [
        html.Div(
            [
                html.Div(
                    [
                        html.Div(say.term("event", event.code), className="row-name"),
                        html.Div(wording.event(event.code, event.detail, visit.lang), className="row-under"),
                    ],
                    className="row-main",
                ),
                html.Div(visit.fmt.instant(event.at), className="row-end row-under"),
            ],
            className="row",
        )
        for event in events
    ]
    return card(
        say("meter.events"),
        [html.Div(rows, className="rows scrolls") if rows else empty(say("meter.no_events"))],
        kind="w6",
    )


def findings_card(visit: Visit, findings: Sequence[Finding]) -> Part:
    """What validation noticed about the meter's readings; the same of days on end on one line."""
    say = visit.say
    rows = [
        html.Div(
            [
                html.Div(wording.finding(finding.kind, finding.detail, visit.lang), className="row-main"),
                html.Div(
                    visit.fmt.span(first, finding.day + timedelta(days=1)), className="row-end row-under"
                ),
            ],
            className="row",
        )
        for first, finding in folded(findings)
    ]
    return card(
        say("meter.findings"),
        [html.Div(rows, className="rows scrolls") if rows else empty(say("meter.no_findings"))],
        kind="w6",
    )


def folded(findings: Sequence[Finding]) -> list[tuple[date, Finding]]:
    """Findings, the latest first, each with the first day of the days on end on which the same was found."""
    runs: list[tuple[date, Finding]] = []
    reaches: dict[tuple[object, ...], int] = {}  # where in `runs` the latest of its sort stands
    for finding in findings:
        sort = (finding.kind, finding.severity, *sorted(map(repr, finding.detail.items())))
        place = reaches.get(sort)
        if place is not None and finding.day == runs[place][0] - timedelta(days=1):
            runs[place] = finding.day, runs[place][1]
        else:
            reaches[sort] = len(runs)
            runs.append((finding.day, finding))
    return runs


def installations_card(visit: Visit, found: MeterSheet) -> Part:
    """Where the meter hung, from when to when, with its indices at hanging and taking down, in kWh."""
    rows = [_installation(visit, one, scalers(found)) for one in found.installations]
    return card(visit.say("meter.installations"), [html.Div(rows, className="rows")], kind="w6")


def _installation(visit: Visit, one: Installed, powers: Mapping[str, int]) -> Part:
    say, fmt = visit.say, visit.fmt
    until: Part = fmt.instant(one.until) if one.until else badge(say("meter.still"), "ok")
    return html.Div(
        [
            html.Div(one.point, className="row-name"),
            facts(
                [
                    (say("meter.since"), fmt.instant(one.since)),
                    (say("meter.first_index"), _indices(visit, one.first_index, powers)),
                    (say("meter.until"), until),
                    (say("meter.last_index"), _indices(visit, one.last_index, powers)),
                ]
            ),
        ],
        className="station",
    )


def _indices(visit: Visit, indices: dict[str, int], scalers: Mapping[str, int]) -> Part:
    """A register a line, as the registers of the page are written."""
    lines = [
        html.Div(f"{visit.say.term('register', code)} {_index(visit, raw, scalers.get(code))}")
        for code, raw in indices.items()
    ]
    return lines or ""


def _index(visit: Visit, raw: int, scaler: int | None) -> str:
    if scaler is None:  # neither the model's file nor a reading tells: the digits alone
        return visit.fmt.number(raw)
    return f"{visit.fmt.plain(register_value(raw, scaler))}\u00a0kWh"  # stay on one line


def scalers(found: MeterSheet) -> dict[str, int]:
    """By register code, the power of ten that makes Wh of a register of active import: the model's, else as
    read."""
    kind = models.kind(found.model)
    read = {one.rate.code: one.scaler for one in found.registers if one.channel is Channel.ACTIVE_IMPORT}
    if kind is None:
        return read
    of_model = {
        rate.code: scaler
        for (channel, rate), (scaler, _) in kind.registers.items()
        if channel is Channel.ACTIVE_IMPORT
    }
    return read | of_model
