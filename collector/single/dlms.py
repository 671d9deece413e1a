"""Reading a DLMS meter nobody has described: it is asked itself for classes, scalers and columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from collector.decoding import decoded
from collector.exchange.conversation import Conversation
from collector.single.association import Call
from collector.single.found import Asked, Found, ProfileAsked, unit_word
from collector.single.routes import DlmsAddress
from collector.single.values import cell, not_a_number, plain
from collector.single.visit import Task, ask, visit
from model.period import LOCAL
from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import INTEGERS, Data, Tag, date_time_of, integer_of, items_of, octets_of
from protocols.dlms.objects import CLOCK_TIME, InterfaceClass, ScalerUnit
from protocols.dlms.profile import Column, decode_columns, decode_rows
from protocols.dlms.security import CounterStore
from protocols.dlms.selection import CaptureObject, EntrySelection, RangeSelection
from protocols.errors import DecodeError, LocalError, Refused, ServiceRefused
from protocols.obis import Obis

SCALED = (InterfaceClass.REGISTER, InterfaceClass.EXTENDED_REGISTER, InterfaceClass.DEMAND_REGISTER)
TRIED = (*SCALED, InterfaceClass.DATA, InterfaceClass.CLOCK, InterfaceClass.DISCONNECT_CONTROL)
CONTROL_STATE = 3
_NOT_SHOWN = "which has no value of its own to show"
OTHERS: dict[int, str] = {
    InterfaceClass.PROFILE_GENERIC: "a profile generic: read it with --profile {}",
    InterfaceClass.ASSOCIATION_LN: "an association: --objects lists what it shows",
    InterfaceClass.ACTIVITY_CALENDAR: f"an activity calendar, {_NOT_SHOWN}",
    InterfaceClass.PUSH_SETUP: f"a push setup, {_NOT_SHOWN}",
    InterfaceClass.SECURITY_SETUP: f"a security setup, {_NOT_SHOWN}",
    InterfaceClass.LIMITER: f"a limiter, {_NOT_SHOWN}",
    17: f"a SAP assignment, {_NOT_SHOWN}",
}
"""What objects may be that have no value to show, and how they are read."""
NUMBERS = {*INTEGERS, Tag.FLOAT32, Tag.FLOAT64}
OBJECT_LIST = Attribute(InterfaceClass.ASSOCIATION_LN, Obis(0, 0, 40, 0, 0), 2)
DECLINED = (Refused, ServiceRefused, DecodeError, LocalError)
"""What ends one item and not the conversation: a no, contents that make no sense, a question too long."""


async def read(call: Call, address: DlmsAddress, asked: Asked, counters: CounterStore) -> Found:
    """See `collector.single.read.read`."""
    found = Found()
    tasks: list[Task] = []
    if asked.clock:
        tasks.append(("clock", partial(_clock, found=found)))
    tasks += [(item, partial(_item, found=found, item=item)) for item in asked.items]
    if asked.profile is not None:
        tasks.append((asked.profile.obis, partial(_profile, found=found, asked=asked.profile)))
    if asked.objects:
        tasks.append(("objects", partial(_objects, found=found)))
    await visit(call, address, counters, tasks, found)
    return found


async def _clock(talk: Conversation, found: Found) -> None:
    try:
        stamp = date_time_of(axdr.decode(await ask(talk, CLOCK_TIME)), "the time")
        found.clock = stamp.to_datetime(LOCAL).isoformat()
    except DECLINED as error:
        found.refuse("clock", error.reason)


async def _item(talk: Conversation, found: Found, item: str) -> None:
    """The value of an object whose class is not known: the usual classes, one after the other."""
    try:
        name = Obis.parse(item)
    except LocalError as error:
        found.refuse(item, error.reason)
        return
    reason = unscaled = ""
    for class_id in TRIED:
        if unscaled and class_id not in SCALED:
            break  # there is a number, but how much it is nobody has said
        attribute = Attribute(class_id, name, _value_of(class_id))
        try:
            data = axdr.decode(await ask(talk, attribute))
        except DECLINED as error:
            reason = reason or error.reason
            continue
        if data.tag is Tag.NULL:
            found.refuse(item, "the meter has this object, and no value in it (null)")
            return
        if not_a_number(data.value):
            found.refuse(item, "what the meter holds there is no number (NaN or infinite)")
            return
        scale = None
        if data.tag in NUMBERS:
            try:
                scale = await _scale(talk, attribute)
            except DECLINED as error:
                # Some meters answer under any class: the scaler tells which one it is.
                unscaled = unscaled or error.reason
                continue
        found.register(
            item,
            plain(data),
            0 if scale is None else scale.scaler,
            "" if scale is None else unit_word(scale.unit),
        )
        return
    if unscaled:
        found.refuse(item, f"its scaler cannot be read: {unscaled}")
        return
    for other, what in OTHERS.items():
        if await _is_there(talk, other, name):
            found.refuse(item, f"the meter has it as class {int(other)}, {what.format(item)}")
            return
    found.refuse(item, reason)


async def _is_there(talk: Conversation, class_id: int, name: Obis) -> bool:
    """Whether the meter has an object of this class and name: every one tells its name."""
    try:
        told = axdr.decode(await ask(talk, Attribute(class_id, name, objects.LOGICAL_NAME)))
        return octets_of(told, "a logical name") == name.to_bytes()
    except DECLINED:
        return False


def _value_of(class_id: int) -> int:
    """The attribute that says most in one value."""
    return CONTROL_STATE if class_id == InterfaceClass.DISCONNECT_CONTROL else objects.VALUE


async def _scale(talk: Conversation, attribute: Attribute) -> ScalerUnit | None:
    """None for what has no scaler; raises one of DECLINED where there is one that cannot be had."""
    values = (2, 3) if attribute.class_id == InterfaceClass.DEMAND_REGISTER else (2,)
    if attribute.class_id not in SCALED or attribute.number not in values:
        return None
    place = objects.scaler_unit(attribute.obis, attribute.class_id)
    return ScalerUnit.from_data(axdr.decode(await ask(talk, place)))


async def _profile(talk: Conversation, found: Found, asked: ProfileAsked) -> None:
    try:
        name = Obis.parse(asked.obis)
    except LocalError as error:
        found.refuse(asked.obis, error.reason)
        return
    try:
        captures = objects.read_capture_objects(axdr.decode(await ask(talk, objects.capture_objects(name))))
        if asked.first is not None and not any(capture.is_clock for capture in captures):
            raise DecodeError("this profile captures no clock, its rows have no times: ask by --entries")
        raw = await _rows(talk, name, asked)
        stamps, measured = await _decoded(raw, captures, await _period(talk, name))
    except DECLINED as error:
        found.refuse(asked.obis, await _no_profile(talk, name, asked.obis) or error.reason)
        return
    rows = len(measured[0].values) if measured else len(stamps or ())
    if wrong := asked.unlike(rows, stamps):
        found.refuse(asked.obis, wrong)
        return
    columns = []
    for capture in captures:
        scale = None
        try:
            scale = await _scale(talk, Attribute(capture.class_id, capture.obis, capture.attribute))
        except DECLINED as error:
            found.refuse(str(capture.obis), f"its scaler in the profile cannot be read: {error.reason}")
        columns.append(_column(capture, scale))
    table: list[Sequence[Any]] = []
    for column in measured:
        if lost := sum(map(not_a_number, column.values.tolist())):
            found.refuse(
                str(column.capture.obis),
                f"{lost} of its values in the profile are no numbers (NaN or infinite): they are null",
            )
        table.append(
            [
                cell(v) if there else None
                for v, there in zip(column.values.tolist(), column.present, strict=True)
            ]
        )
    if stamps is not None:
        # The first clock among the columns gives the rows their times; another one is a value like any other.
        clock = next(at for at, capture in enumerate(captures) if capture.is_clock)
        moments = [datetime.fromtimestamp(at, UTC).astimezone(LOCAL).isoformat() for at in stamps]
        table.insert(clock, moments)
    found.profile = {"columns": columns, "rows": [list(row) for row in zip(*table, strict=True)]}


async def _decoded(
    raw: bytes, captures: Sequence[CaptureObject], period: int | None
) -> tuple[list[int] | None, Sequence[Column]]:
    """The times of the rows, none where no clock is captured, and the other columns."""
    if not any(capture.is_clock for capture in captures):
        return None, await decoded(partial(decode_columns, captures=captures), raw)
    read = partial(decode_rows, captures=captures, zone=LOCAL, interval_seconds=period)
    rows = await decoded(read, raw)
    return rows.stamps.tolist(), rows.columns


async def _no_profile(talk: Conversation, name: Obis, as_asked: str) -> str:
    """What else the meter has under the name of a profile; empty when it is one, or nothing."""
    if await _is_there(talk, InterfaceClass.PROFILE_GENERIC, name):
        return ""
    for class_id in TRIED:
        if await _is_there(talk, class_id, name):
            kind = InterfaceClass(class_id).name.lower().replace("_", " ")
            return (
                f"the meter has it as class {int(class_id)} ({kind}): read it as an item, without --profile"
            )
    return ""


def _column(capture: CaptureObject, scale: ScalerUnit | None) -> dict[str, Any]:
    return {
        "item": str(capture.obis),
        "class": capture.class_id,
        "attribute": capture.attribute,
        "scaler": None if scale is None else scale.scaler,
        "unit": None if scale is None else unit_word(scale.unit),
    }


async def _period(talk: Conversation, name: Obis) -> int | None:
    try:
        raw = await ask(talk, Attribute(InterfaceClass.PROFILE_GENERIC, name, objects.CAPTURE_PERIOD))
        return integer_of(axdr.decode(raw), "capture period") or None
    except DECLINED:
        return None


async def _rows(talk: Conversation, name: Obis, asked: ProfileAsked) -> bytes:
    if asked.entries is not None:
        return await ask(talk, objects.buffer(name), EntrySelection(*asked.entries))
    if asked.first is None or asked.last is None:
        return await ask(talk, objects.buffer(name))
    first, last = asked.first.astimezone(LOCAL), asked.last.astimezone(LOCAL)
    try:
        return await ask(talk, objects.buffer(name), RangeSelection(first, last))
    except (Refused, ServiceRefused):
        # Some meters take the times of a range only without their deviation.
        return await ask(talk, objects.buffer(name), RangeSelection(first, last, deviation=False))


async def _objects(talk: Conversation, found: Found) -> None:
    try:
        listed = axdr.decode(await ask(talk, OBJECT_LIST))
        found.objects = [_listed(entry) for entry in items_of(listed, Tag.ARRAY, "the object list")]
    except DECLINED as error:
        found.refuse("objects", error.reason)


def _listed(entry: Data) -> dict[str, Any]:
    """Class, version and name of one object; the rights behind them, where meters differ, are let be."""
    parts = items_of(entry, Tag.STRUCTURE, "an object of the list")
    if len(parts) < 3:
        raise DecodeError(f"an object of the list has class, version and name, found {entry!r:.100}")
    return {
        "item": str(Obis.from_bytes(octets_of(parts[2], "logical name"))),
        "class": integer_of(parts[0], "class"),
        "version": integer_of(parts[1], "version"),
    }
