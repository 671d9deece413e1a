"""Reading a mode C meter by its address: out of its read-out, or thing by thing in programming mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from collector.errors import NoLink
from collector.exchange.abilities import model_of
from collector.exchange.mode_c_line import ModeCLine
from collector.links.wire import ByteStream
from collector.single.found import Asked, Found, ProfileAsked, unit_word
from collector.single.routes import ModeCAddress, SerialRoute
from model.period import LOCAL
from protocols.errors import (
    DecodeError,
    LocalError,
    NotAdmitted,
    PasswordRefused,
    ProtocolError,
    RemoteError,
    ServiceRefused,
)
from protocols.iec62056_21.characters import Parity
from protocols.iec62056_21.client import ClientSettings
from protocols.iec62056_21.codes import code_of, same, text_of
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.identification import OPENING_BPS
from protocols.iec62056_21.profile import ProfileRange, ProfileRows, read_profile
from protocols.iec62056_21.quantities import listed_unit_of, read_number
from protocols.iec62056_21.stamps import read_clock
from protocols.meter_models.mode_c import Access, ModeCSettings
from protocols.meter_models.model import MeterModel

DECLINED = (ServiceRefused, DecodeError)
"""What ends one item and not the conversation: a no, or contents that make no sense."""


def settings_of(address: ModeCAddress, how: ModeCSettings) -> ClientSettings:
    """How to speak at an address; what it leaves open is its model's."""
    route = address.route
    wired = isinstance(route, SerialRoute)
    return ClientSettings(
        address=address.address,
        password=address.password,
        password_level=how.password_level,
        parity=Parity(address.parity) if address.parity != Parity.NONE else how.parity,
        opening_bps=route.bps if isinstance(route, SerialRoute) else OPENING_BPS,
        baud=how.baud if address.baud is None else str(address.baud),
        paced=wired,
        answer_seconds=address.timeout_s,
    )


async def read(stream: ByteStream, address: ModeCAddress, asked: Asked) -> Found:
    """See `collector.single.read.read`.

    Items, clock and objects are taken out of the read-out that any client gets; with a password, with
    access=program, or where the model says so, items and clock are read by command. A profile always is.
    Where nothing is asked, all of the read-out is shown. What a meter has said before it breaks off stands:
    the rest is refused, and the break is raised only where it has said nothing.
    """
    how = model_of(address.model).mode_c if address.model else ModeCSettings()
    line = ModeCLine(stream, settings_of(address, how))
    found = Found()
    try:
        await _all(line, address, how, asked, found)
    except (NoLink, RemoteError) as error:
        if not found.spoken:
            raise
        stream.poison("the meter broke off the conversation")
        _broken_off(error, asked, found)
    return found


async def _all(
    line: ModeCLine, address: ModeCAddress, how: ModeCSettings, asked: Asked, found: Found
) -> None:
    by_command = address.program or address.password is not None or how.access is Access.COMMANDS
    if asked.objects or asked == Asked() or not by_command:
        await _from_read_out(line, how, asked, found, values=not by_command)
    if asked.profile is not None or (by_command and (asked.items or asked.clock)):
        await _programmed(line, address, asked, found, how, values=by_command)


def _broken_off(error: NoLink | RemoteError, asked: Asked, found: Found) -> None:
    """What was asked when the meter broke off is refused for that, and all that would have come after it."""
    reason = error.sentence if isinstance(error, NoLink) else error.reason
    if isinstance(error, PasswordRefused):
        reason = f"{reason}: correct the password (AMI_METER_PASSWORD)"
    later = reason
    if not isinstance(error, NotAdmitted):
        later = f"it was not asked, for the meter broke off before it: {reason}"
    for number, name in enumerate(found.missing(asked)):
        found.refuse(name, later if number else reason)


async def _programmed(
    line: ModeCLine, to: ModeCAddress, asked: Asked, found: Found, how: ModeCSettings, *, values: bool
) -> None:
    try:
        await line.program()
    except DECLINED as error:
        if values:
            _refuse_values(asked, found, _denied(error, to))
        if asked.profile is not None:
            found.refuse(asked.profile.obis, _denied(error, to))
        return
    if values:
        await _by_command(line, how, asked, found, to)
    if asked.profile is not None:
        await _profile(line, how, asked.profile, found, to)
    await line.sign_off()


async def _from_read_out(
    line: ModeCLine, how: ModeCSettings, asked: Asked, found: Found, *, values: bool
) -> None:
    if not (asked.objects or asked.items or asked.clock or asked == Asked()):
        return
    try:
        sets = (await line.read_out()).sets
    except DECLINED as error:
        _refuse_all(asked, found, _why(error), values=values)
        sets = ()
    else:
        if asked.objects:
            found.objects = [
                {"item": _name(each.address), "class": None, "version": None} for each in sets if each.address
            ]
        if asked == Asked():
            for each in sets:
                if each.address and each.values:
                    _register(_name(each.address), each, found)
        if values:
            _pick(sets, how, asked, found)
    await line.sign_off()


def _denied(error: ProtocolError, address: ModeCAddress) -> str:
    """The reason why a command was not answered; a meter's no may be about a password that is not there."""
    if isinstance(error, ServiceRefused) and address.password is None:
        return f"{error.reason}; where the meter wants a password, put it into AMI_METER_PASSWORD"
    return _why(error)


def _why(error: ProtocolError) -> str:
    """The reason, with the first bytes of what made no sense."""
    shown = isinstance(error, ServiceRefused) or not error.raw or "b'" in error.reason
    return error.reason if shown else f"{error.reason}: it begins {error.raw[:24]!r}"


def _refuse_all(asked: Asked, found: Found, reason: str, *, values: bool) -> None:
    if asked == Asked():
        found.refuse("read-out", reason)
    if asked.objects:
        found.refuse("objects", reason)
    if values:
        _refuse_values(asked, found, reason)


def _refuse_values(asked: Asked, found: Found, reason: str) -> None:
    for item in (*asked.items, *(("clock",) if asked.clock else ())):
        found.refuse(item, reason)


def _pick(sets: Sequence[DataSet], how: ModeCSettings, asked: Asked, found: Found) -> None:
    if asked.clock:
        day, hour = _find(sets, how.date), _find(sets, how.time)
        _clock(day, hour, found)
    for item in asked.items:
        held = _find(sets, item)
        if held is None and (others := _on_channels(sets, item)):
            names = ", ".join(each.address for each in others)
            if len(others) > 1:
                found.refuse(item, f"the meter's read-out has it more than once: ask for one of {names}")
                continue
            held = others[0]
        if held is None:
            way = "; a load profile is read with --profile" if _is_profile(item) else ""
            found.refuse(item, f"it is not in the meter's read-out{way}")
        else:
            _register(item, held, found)


def _is_profile(item: str) -> bool:
    """Whether a code is one of load profiles (IEC 62056-6-1: 1-b:99)."""
    code = code_of(_address(item))
    return code is not None and (code.a, code.c) == (1, 99)


def _find(sets: Sequence[DataSet], item: str) -> DataSet | None:
    return next((each for each in sets if each.address and _named(each.address, item)), None)


def _on_channels(sets: Sequence[DataSet], item: str) -> list[DataSet]:
    """What a reduced code (1.8.0) may mean where the meter writes the channel too (1-1:1.8.0)."""
    code = code_of(item) if "-" not in item else None
    if code is None or item.count(".") > 2:
        return []
    named = [(each, code_of(each.address)) for each in sets if each.address]
    return [each for each, other in named if other is not None and replace(other, b=code.b) == code]


def _named(address: str, item: str) -> bool:
    """An item is a code in any form: 1.0.1.8.0, 1-0:1.8.0, 1.8.0, or an address as the meter writes it."""
    return same(address, item) or ((code := code_of(address)) is not None and str(code) in _dotted(item))


def _dotted(item: str) -> tuple[str, str]:
    return item, f"{item}.255"


def _address(item: str) -> str:
    """What a command asks for: a code in the reduced form, whichever it came in; anything else as it is."""
    groups = item.split(".")
    if len(groups) in (5, 6) and all(group.isdigit() for group in groups):
        item = f"{groups[0]}-{groups[1]}:{'.'.join(groups[2:5])}*{groups[5] if groups[5:] else 255}"
    code = code_of(item)
    return item if code is None else text_of(code)


def _name(address: str) -> str:
    code = code_of(address)
    return address if code is None else str(code)


async def _by_command(
    line: ModeCLine, how: ModeCSettings, asked: Asked, found: Found, to: ModeCAddress
) -> None:
    if asked.clock:
        try:
            day = await _one(line, how.date, how)
            hour = await _one(line, how.time, how)
            _clock(day, hour, found)
        except DECLINED as error:
            found.refuse("clock", _denied(error, to))
    for item in asked.items:
        try:
            _register(item, await _one(line, _address(item), how), found)
        except (*DECLINED, LocalError) as error:
            found.refuse(item, _denied(error, to))


async def _one(line: ModeCLine, address: str, how: ModeCSettings) -> DataSet:
    """The data set that answers; an answer without any is `DecodeError`."""
    answer = await line.read(address, command=how.read)
    if not answer.sets:
        raise DecodeError(f"an empty answer about {address}", answer.raw)
    return answer.sets[0]


def _clock(day: DataSet | None, hour: DataSet | None, found: Found) -> None:
    if day is None or hour is None:
        found.refuse("clock", "it is not in the meter's read-out")
        return
    try:
        found.clock = read_clock(day.value().text, hour.value().text, LOCAL).isoformat()
    except DecodeError as error:
        found.refuse("clock", error.reason)


def _register(item: str, held: DataSet, found: Found) -> None:
    """A number with its unit; what is no number, or has a unit not met here, as text."""
    text, word = held.value()
    unit = listed_unit_of(word)
    if unit is None or not (word or "." in text):  # without unit and point: a serial, a date, a flag
        found.register(item, text, 0, word)
        return
    try:
        raw, places = read_number(text)
    except DecodeError:
        found.register(item, text, 0, word)
    else:
        found.register(item, raw, unit[1] - places, unit_word(unit[0]))


async def _profile(
    line: ModeCLine, how: ModeCSettings, asked: ProfileAsked, found: Found, to: ModeCAddress
) -> None:
    wanted = ProfileRange(asked.first, asked.last, how.block_lines if how.read_profile == "R6" else None)
    address = _address(asked.obis)
    try:
        sets = (await line.read(address, wanted.to_text(LOCAL), how.read_profile)).sets
        rows = read_profile(sets, address, LOCAL, how.stamp_at)
    except (*DECLINED, LocalError) as error:
        found.refuse(asked.obis, _denied(error, to))
        return
    by_time = replace(asked, entries=None)
    if wrong := by_time.unlike(len(rows.stamps), rows.stamps.tolist(), rows.interval_seconds or 0):
        found.refuse(asked.obis, wrong)
        return
    found.profile = _table(rows, asked.entries)
    if not rows.columns and to.model:  # an empty answer says nothing of its columns
        found.profile["columns"] += _columns_of(model_of(to.model))


def _columns_of(model: MeterModel) -> list[dict[str, Any]]:
    """The measured columns of a model's profile."""
    places = [] if model.profile is None else [column.place for column in model.profile.columns]
    return [
        {"item": str(place.named), "scaler": place.scaler, "unit": unit_word(place.unit)} for place in places
    ]


def _table(rows: ProfileRows, entries: tuple[int, int] | None) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"item": "0.0.1.0.0.255", "scaler": None, "unit": None},
        {"item": "status", "scaler": None, "unit": None},
    ]
    for column, places in zip(rows.columns, rows.places, strict=True):
        unit = listed_unit_of(column.unit)
        scaler, word = (-places, column.unit) if unit is None else (unit[1] - places, unit_word(unit[0]))
        columns.append({"item": _name(column.address), "scaler": scaler, "unit": word})
    stamps = [datetime.fromtimestamp(at, UTC).astimezone(LOCAL).isoformat() for at in rows.stamps.tolist()]
    measured = [
        [value if there else None for value, there in zip(values.tolist(), present, strict=True)]
        for values, present in zip(rows.values, rows.present, strict=True)
    ]
    table = [list(row) for row in zip(stamps, rows.status.tolist(), *measured, strict=True)]
    if entries is not None:
        # A profile is asked for by time alone; its rows are counted here, from the oldest.
        table = table[entries[0] - 1 : entries[1]]
    return {"columns": columns, "rows": table}
