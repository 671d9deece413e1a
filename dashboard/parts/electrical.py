"""What a meter says of itself: registers, volts and amperes, events, where it has hung, how reads went."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dash import html

from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part, badge, card, empty, facts, table
from dashboard.parts.moments import as_of
from dashboard.visit import Visit
from model.day import Finding
from model.readout import InstantRead, MeterEvent
from operations import wording
from storage.blocks import StoredRegister
from storage.meters import Installed, Poll

OUTCOME_TONES = {"ok": "ok", "partial": "warn"}


def instant_card(visit: Visit, seen: InstantRead | None) -> Part:
    """Volts and amperes a phase, power, power factor, frequency, at the instant they were read."""
    say, fmt = visit.say, visit.fmt
    if seen is None:
        return card(say("meter.now"), [empty(say("meter.no_instant"))], kind="w6", foot=as_of(visit, None))
    phases = [
        [say("meter.phase", n=number), f"{fmt.number(volts, 1)} V", f"{fmt.number(amperes, 2)} A"]
        for number, (volts, amperes) in enumerate(zip(seen.voltage_v, seen.current_a, strict=True), 1)
        if volts is not None or amperes is not None
    ]
    whole = facts(
        [
            (say("meter.power"), _with(fmt.number(_kilo(seen.power_w), 2), "kW")),
            (say("meter.reactive"), _with(fmt.number(_kilo(seen.reactive_var), 2), "kvar")),
            (say("meter.cos_phi"), _with(fmt.number(seen.cos_phi, 2), "")),
            (say("meter.frequency"), _with(fmt.number(seen.frequency_hz, 2), "Hz")),
        ]
    )
    heads = ["", say("meter.voltage"), say("meter.current")]
    return card(
        say("meter.now"), [table(heads, phases, numeric=(1, 2)), whole], kind="w6", foot=as_of(visit, seen.at)
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
    rows = [
        [
            say.term("channel", str(int(read.channel))),
            say(f"register.{read.rate.code}"),
            f"{fmt.plain(register_value(read.raw, read.scaler))} {'kWh' if read.channel <= 2 else 'kvarh'}",
            fmt.instant(read.at),
        ]
        for read in registers
    ]
    heads = ["", say("meter.register"), say("meter.index"), say("meter.read_at")]
    latest = max(read.at for read in registers)
    return card(
        say("meter.registers"), [table(heads, rows, numeric=(2, 3))], kind="w6", foot=as_of(visit, latest)
    )


def events_card(visit: Visit, events: Sequence[MeterEvent]) -> Part:
    say = visit.say
    rows = [
        html.Div(
            [
                html.Div(
                    [
                        html.Div(say.term("event", event.code), className="row-name"),
                        html.Div(event.detail, className="row-under"),
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


def polls_card(visit: Visit, polls: Sequence[Poll]) -> Part:
    """The last conversations: when, how they ended, how far the meter's clock was off."""
    say, fmt = visit.say, visit.fmt
    if not polls:
        return card(say("meter.polls"), [empty(say("meter.no_polls"))], kind="w6")
    rows = [
        [
            fmt.instant(poll.started),
            badge(wording.outcome(poll.outcome, visit.lang), OUTCOME_TONES.get(poll.outcome, "bad")),
            poll.detail,
            NO_VALUE
            if poll.clock_offset_s is None
            else say("meter.seconds", n=fmt.number(poll.clock_offset_s)),
        ]
        for poll in polls
    ]
    heads = [say("meter.poll_at"), say("meter.poll_outcome"), say("meter.poll_detail"), say("meter.clock")]
    return card(say("meter.polls"), [table(heads, rows, numeric=(3,))])


def findings_card(visit: Visit, findings: Sequence[Finding]) -> Part:
    """What validation noticed about the meter's readings."""
    say = visit.say
    rows = [
        html.Div(
            [
                html.Div(wording.finding(finding.kind, finding.detail, visit.lang), className="row-main"),
                html.Div(visit.fmt.day(finding.day), className="row-end row-under"),
            ],
            className="row",
        )
        for finding in findings
    ]
    return card(
        say("meter.findings"),
        [html.Div(rows, className="rows scrolls") if rows else empty(say("meter.no_findings"))],
        kind="w6",
    )


def installations_card(visit: Visit, installations: Sequence[Installed]) -> Part:
    """Where the meter hung, from when to when, with its indices at hanging and taking down."""
    say, fmt = visit.say, visit.fmt
    rows = [
        [
            one.point,
            fmt.instant(one.since),
            fmt.instant(one.until) if one.until else badge(say("meter.still"), "ok"),
            _indices(visit, one.first_index),
            _indices(visit, one.last_index),
        ]
        for one in installations
    ]
    heads = [
        say("meter.point"),
        say("meter.since"),
        say("meter.until"),
        say("meter.first_index"),
        say("meter.last_index"),
    ]
    return card(say("meter.installations"), [table(heads, rows)], kind="w6")


def _indices(visit: Visit, indices: dict[str, int]) -> str:
    return ", ".join(f"{code} {visit.fmt.number(raw)}" for code, raw in indices.items()) or NO_VALUE
