"""Reading a DLMS meter nobody has described: it is asked itself for classes, scalers and columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from collector.exchange.conversation import Conversation
from collector.found import Asked, Found, ProfileAsked, unit_word
from collector.routes import DlmsAddress
from collector.single_association import Call, associated
from model.period import LOCAL
from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import INTEGERS, Data, Tag, integer_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.objects import CLOCK_TIME, InterfaceClass, ScalerUnit
from protocols.dlms.profile import decode_rows
from protocols.dlms.security import CounterStore
from protocols.dlms.selection import CaptureObject, EntrySelection, RangeSelection
from protocols.errors import DecodeError, LocalError, Refused, ServiceRefused
from protocols.obis import Obis

SCALED = (InterfaceClass.REGISTER, InterfaceClass.EXTENDED_REGISTER, InterfaceClass.DEMAND_REGISTER)
TRIED = (*SCALED, InterfaceClass.DATA)
OBJECT_LIST = Attribute(InterfaceClass.ASSOCIATION_LN, Obis(0, 0, 40, 0, 0), 2)
DECLINED = (Refused, ServiceRefused, DecodeError)
"""What ends one item and not the conversation: a no, or contents that make no sense."""


async def read(call: Call, address: DlmsAddress, asked: Asked, counters: CounterStore) -> Found:
    """See `collector.single_read.read`."""
    found = Found()
    async with associated(call, address, counters) as talk:
        if asked.clock:
            await _clock(talk, found)
        for item in asked.items:
            await _item(talk, found, item)
        if asked.profile is not None:
            await _profile(talk, found, asked.profile)
        if asked.objects:
            await _objects(talk, found)
    return found


async def _clock(talk: Conversation, found: Found) -> None:
    try:
        data = axdr.decode(await talk.get(CLOCK_TIME))
        stamp = data.value if data.tag is Tag.DATE_TIME else CosemDateTime.from_bytes(_octets(data))
        found.clock = stamp.to_datetime(LOCAL).isoformat()
    except DECLINED as error:
        found.refuse("clock", error.reason)


def _octets(data: Data) -> bytes:
    if data.tag is not Tag.OCTET_STRING:
        raise DecodeError(f"a date-time was expected, found {data!r:.100}")
    return bytes(data.value)


async def _item(talk: Conversation, found: Found, item: str) -> None:
    """The value of an object whose class is not known: the usual classes, one after the other."""
    try:
        name = Obis.parse(item)
    except LocalError as error:
        found.refuse(item, error.reason)
        return
    reason = ""
    for class_id in TRIED:
        try:
            data = axdr.decode(await talk.get(Attribute(class_id, name, objects.VALUE)))
        except DECLINED as error:
            reason = reason or error.reason
            continue
        scale = await _scale(talk, Attribute(class_id, name, objects.VALUE))
        found.register(
            item,
            plain(data),
            0 if scale is None else scale.scaler,
            "" if scale is None else unit_word(scale.unit),
        )
        return
    found.refuse(item, reason)


async def _scale(talk: Conversation, attribute: Attribute) -> ScalerUnit | None:
    if attribute.class_id not in SCALED:
        return None
    try:
        return ScalerUnit.from_data(
            axdr.decode(await talk.get(objects.scaler_unit(attribute.obis, attribute.class_id)))
        )
    except DECLINED:
        return None


def plain(data: Data) -> int | str:
    """A value as a number or a text."""
    if data.tag in INTEGERS:
        return integer_of(data, "value")
    if data.tag is Tag.OCTET_STRING:
        return text_or_hex(data.value)
    return str(data.value)


def text_or_hex(raw: bytes) -> str:
    """Octets that are printable as text, others in hex."""
    return raw.decode("ascii") if raw.isascii() and raw.decode("ascii").isprintable() else raw.hex()


async def _profile(talk: Conversation, found: Found, asked: ProfileAsked) -> None:
    try:
        name = Obis.parse(asked.obis)
        captures = objects.read_capture_objects(axdr.decode(await talk.get(objects.capture_objects(name))))
        raw = await _rows(talk, name, asked)
        rows = decode_rows(raw, captures, LOCAL, await _period(talk, name))
    except (*DECLINED, LocalError) as error:
        found.refuse(asked.obis, error.reason)
        return
    columns = []
    for capture in captures:
        scale = await _scale(talk, Attribute(capture.class_id, capture.obis, capture.attribute))
        columns.append(_column(capture, scale))
    measured = iter(rows.columns)
    table: list[Sequence[Any]] = []
    for capture in captures:
        if capture.is_clock:
            table.append(
                [datetime.fromtimestamp(at, UTC).astimezone(LOCAL).isoformat() for at in rows.stamps.tolist()]
            )
        else:
            column = next(measured)
            table.append(
                [
                    _cell(v) if there else None
                    for v, there in zip(column.values.tolist(), column.present, strict=True)
                ]
            )
    found.profile = {"columns": columns, "rows": [list(row) for row in zip(*table, strict=True)]}


def _column(capture: CaptureObject, scale: ScalerUnit | None) -> dict[str, Any]:
    return {
        "item": str(capture.obis),
        "class": capture.class_id,
        "attribute": capture.attribute,
        "scaler": None if scale is None else scale.scaler,
        "unit": None if scale is None else unit_word(scale.unit),
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bytes):
        return text_or_hex(value)
    return value if isinstance(value, int | float | str) else str(value)


async def _period(talk: Conversation, name: Obis) -> int | None:
    try:
        raw = await talk.get(Attribute(InterfaceClass.PROFILE_GENERIC, name, objects.CAPTURE_PERIOD))
        return integer_of(axdr.decode(raw), "capture period") or None
    except DECLINED:
        return None


async def _rows(talk: Conversation, name: Obis, asked: ProfileAsked) -> bytes:
    if asked.entries is not None:
        return await talk.get(objects.buffer(name), EntrySelection(*asked.entries))
    if asked.first is None or asked.last is None:
        return await talk.get(objects.buffer(name))
    first, last = asked.first.astimezone(LOCAL), asked.last.astimezone(LOCAL)
    try:
        return await talk.get(objects.buffer(name), RangeSelection(first, last))
    except (Refused, ServiceRefused):
        # Some meters take the times of a range only without their deviation.
        return await talk.get(objects.buffer(name), RangeSelection(first, last, deviation=False))


async def _objects(talk: Conversation, found: Found) -> None:
    try:
        listed = axdr.decode(await talk.get(OBJECT_LIST))
        if listed.tag is not Tag.ARRAY:
            raise DecodeError(f"an object list is an array, found {listed!r:.100}")
        found.objects = [
            {
                "item": str(Obis.from_bytes(entry.value[2].value)),
                "class": integer_of(entry.value[0], "class"),
                "version": integer_of(entry.value[1], "version"),
            }
            for entry in listed.value
        ]
    except DECLINED as error:
        found.refuse("objects", error.reason)
