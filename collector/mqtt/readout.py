"""A gateway's document as the `Readout` that a conversation with the meter would have yielded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from collector.exchange.rows import Meaning, Rows, Stamps, accept, spoken
from collector.mqtt.document import BadDocument
from collector.polling.plan import REGISTERS, Span
from model.period import Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit
from protocols.errors import ProtocolError
from protocols.obis import Obis, obis

AHEAD = timedelta(minutes=5)
"""A clock may be as much ahead of ours."""
EVENTS = "events"

UNITS = {
    "Wh": Unit.WATT_HOUR,
    "varh": Unit.VAR_HOUR,
    "W": Unit.WATT,
    "var": Unit.VAR,
    "V": Unit.VOLT,
    "A": Unit.AMPERE,
    "Hz": Unit.HERTZ,
    "": Unit.NONE,
}
ENERGY = {Channel.ACTIVE_IMPORT: "Wh", Channel.ACTIVE_EXPORT: "Wh"}
POWER = {Channel.ACTIVE_IMPORT: "W", Channel.ACTIVE_EXPORT: "W"}
# Quantities of an instant by their OBIS code: field of `InstantRead`, phase, unit.
INSTANT = {
    "1.0.32.7.0.255": ("voltage_v", 0, "V"),
    "1.0.52.7.0.255": ("voltage_v", 1, "V"),
    "1.0.72.7.0.255": ("voltage_v", 2, "V"),
    "1.0.31.7.0.255": ("current_a", 0, "A"),
    "1.0.51.7.0.255": ("current_a", 1, "A"),
    "1.0.71.7.0.255": ("current_a", 2, "A"),
    "1.0.1.7.0.255": ("power_w", None, "W"),
    "1.0.3.7.0.255": ("reactive_var", None, "var"),
    "1.0.13.7.0.255": ("cos_phi", None, ""),
    "1.0.14.7.0.255": ("frequency_hz", None, "Hz"),
}


def readout_of(document: dict[str, Any], payload: bytes, poll: str, now: datetime) -> Readout:
    """What the document says of its meter. What has no place here is rejected, the rest taken.

    Raises `BadDocument` when a time lies ahead of `now` or is none: then nothing of it can be believed.
    """
    made = _instant(document["clock"], now)
    pieces = _Pieces(payload, now)
    pieces.registers(document.get("registers", ()))
    pieces.events(document.get("events", ()))
    asked: Period | None = None
    blocks: tuple[ProfileBlock, ...] = ()
    item = REGISTERS if pieces.reads or pieces.instants else EVENTS
    if profile := document.get("profile"):
        asked, blocks = pieces.profile(profile)
        item = profile["obis"] if blocks else item
    answers: tuple[Answer, ...] = ()
    if blocks or pieces.reads or pieces.instants or pieces.news:
        # Never called complete: what a gateway did not send, the meter may still have.
        answers = (
            Answer(item, payload, asked if blocks else None, False, blocks, tuple(pieces.reads),
                   tuple(pieces.instants), tuple(pieces.news)),
        )  # fmt: skip
    rejected = tuple(pieces.rejected)
    outcome = "ok" if not rejected else "partial" if answers else "garbage"
    detail = f"meter {document['meter']}: {rejected[0].reason}" if rejected else ""
    at = min(made, now)
    return Readout(document["meter"], poll, at, at, outcome, detail, None, answers, rejected)


def _instant(text: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadDocument("time", f"{text} is no instant") from None
    if at > now + AHEAD:
        raise BadDocument("future", f"{text} lies in the future: set the clock that says so")
    return at


class _Pieces:
    """The pieces of one document, each taken or rejected for itself."""

    def __init__(self, payload: bytes, now: datetime) -> None:
        self._payload, self._now = payload, now
        self.reads: list[RegisterRead] = []
        self.instants: list[InstantRead] = []
        self.news: list[MeterEvent] = []
        self.rejected: list[Rejected] = []

    def _reject(self, item: str, reason: str) -> None:
        self.rejected.append(Rejected(item, reason, self._payload))

    def registers(self, documents: Iterable[dict[str, Any]]) -> None:
        reads: dict[tuple[Any, ...], RegisterRead] = {}
        torn: set[tuple[Any, ...]] = set()
        instants: defaultdict[datetime, list[dict[str, Any]]] = defaultdict(list)
        for one in documents:
            at = _instant(one["at"], self._now)
            if one["obis"] in INSTANT:
                instants[at].append(one)
                continue
            try:
                read = _register(one, at)
            except ValueError as error:
                self._reject(REGISTERS, str(error))
                continue
            key = (read.channel, read.rate, at, read.source)
            if reads.setdefault(key, read) != read and key not in torn:
                torn.add(key)
                self._reject(
                    REGISTERS, f"register {one['obis']} has two values for {one['at']}: none is used"
                )
        self.reads = [read for key, read in reads.items() if key not in torn]
        for at, found in instants.items():
            try:
                self.instants.append(_electrical(at, found))
            except ValueError as error:
                self._reject(REGISTERS, str(error))

    def events(self, documents: Iterable[dict[str, Any]]) -> None:
        self.news = [
            MeterEvent(_instant(one["at"], self._now), one["code"], one.get("detail", ""))
            for one in documents
        ]

    def profile(self, document: dict[str, Any]) -> tuple[Period | None, tuple[ProfileBlock, ...]]:
        item, interval = document["obis"], timedelta(seconds=document["interval_s"])
        width = 2 + len(document["columns"])
        if any(len(row) != width for row in document["rows"]):
            self._reject(item, f"a row has not one value for each of the {width - 2} columns")
            return None, ()
        stamps = np.array(
            [int(_instant(row[0], self._now).timestamp()) for row in document["rows"]], np.int64
        )
        try:
            columns = [
                (_meaning(column), *_values([row[i] for row in document["rows"]]))
                for i, column in enumerate(document["columns"], 2)
            ]
            _distinct(meaning for meaning, _, _ in columns)
        except ValueError as error:
            self._reject(item, str(error))
            return None, ()
        rows = Rows(Stamps(stamps), np.array([row[1] for row in document["rows"]], np.int64), columns)
        first = datetime.fromtimestamp(int(stamps.min()), self._now.tzinfo) - interval
        span = Span(item, Period(first, datetime.fromtimestamp(int(stamps.max()), self._now.tzinfo)))
        found = accept(rows, span, interval, self._now + AHEAD, self._now)
        if isinstance(found, str):
            self._reject(item, found)
            return None, ()
        self.news.extend(found.events)
        return span.asked, found.blocks


def _values(cells: list[int | None]) -> tuple[Any, Any]:
    present = np.array([cell is not None for cell in cells], np.bool_)
    return np.array([cell or 0 for cell in cells], np.int64), present


def _code(text: str) -> Obis:
    try:
        return obis(text)
    except ProtocolError as error:
        raise ValueError(f"{text} is no OBIS code") from error


def _channel(code: Obis) -> Channel:
    if code.a != 1 or code.c not in (1, 2, 3, 4) or code.f != 255:
        raise ValueError(f"nothing here keeps {code}")
    return Channel(code.c)


def _register(one: dict[str, Any], at: datetime) -> RegisterRead:
    code = _code(one["obis"])
    if code.d != 8 or code.e > 3:
        raise ValueError(f"no register is kept for {code}")
    channel = _channel(code)
    unit = ENERGY.get(channel, "varh")
    if one["unit"] != unit:
        raise ValueError(f"register {code} counts {unit}, not {one['unit'] or 'a number'}")
    source = ReadingSource(one.get("source", "poll"))
    return RegisterRead(channel, Rate(code.e), at, one["raw"], one["scaler"], UNITS[unit], source)


def _meaning(column: dict[str, Any]) -> Meaning:
    code, kind = _code(column["obis"]), ProfileKind(column["kind"])
    channel = _channel(code)
    unit = POWER.get(channel, "var") if kind is ProfileKind.MEAN_POWER else ENERGY.get(channel, "varh")
    if column["unit"] != unit:
        raise ValueError(f"{kind} of {column['obis']} counts {unit}, not {column['unit']}")
    return Meaning(channel, kind, str(code), column["scaler"], UNITS[unit])


def _distinct(meanings: Iterable[Meaning]) -> None:
    seen: set[tuple[Channel, str]] = set()
    for meaning in meanings:
        if (meaning.channel, meaning.obis) in seen:
            raise ValueError(f"{meaning.obis} stands in two columns")
        seen.add((meaning.channel, meaning.obis))


def _electrical(at: datetime, found: list[dict[str, Any]]) -> InstantRead:
    phases: dict[str, list[float | None]] = {"voltage_v": [None] * 3, "current_a": [None] * 3}
    single: dict[str, float] = {}
    for one in found:
        name, phase, unit = INSTANT[one["obis"]]
        if one["unit"] != unit:
            raise ValueError(f"{one['obis']} is given in {unit or 'no unit'}, not in {one['unit'] or 'none'}")
        value = one["raw"] * 10.0 ** one["scaler"]
        there = single.get(name) if phase is None else phases[name][phase]
        if there is not None and there != value:
            raise ValueError(f"{one['obis']} has two values for {spoken(at.timestamp())}: none is used")
        if phase is None:
            single[name] = value
        else:
            phases[name][phase] = value
    voltage, current = (tuple(phases[name]) for name in ("voltage_v", "current_a"))
    return InstantRead(at, voltage, current, **single)  # type: ignore[arg-type]
