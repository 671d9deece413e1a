"""A notification as the `Readout` that a conversation with its meter would have yielded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from collector.exchange.now import instant_read
from collector.exchange.profile_reader import meant
from collector.exchange.rows import accept
from collector.exchange.scales import Scales
from collector.exchange.serials import octets_text
from collector.polling.plan import INSTANTS, REGISTERS, Span
from model.period import LOCAL, Period
from model.readout import Answer, MeterEvent, RegisterRead, Rejected
from model.series import ProfileKind
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.notice import DataNotification, EventNotification
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.profile import decode_rows
from protocols.dlms.reference import Attribute
from protocols.errors import DecodeError
from protocols.meter_models import MeterModel
from protocols.meter_models.pushing import PushList
from protocols.obis import Obis
from protocols.reader import Reader

ITEM = "push"
AHEAD = timedelta(minutes=5)
"""A meter's clock may be as much ahead of ours."""
LATE = timedelta(days=7)
"""What a meter could not send at once it may send so much later."""
MOST_ELEMENTS = 64
LONGEST_NAME = 32
LOGICAL_DEVICE_NAME = Obis(0, 0, 42, 0, 0, 255)
_TEXTS = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)


class BadPush(Exception):
    """`kind` is counted, `sentence` goes into the evidence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind, self.sentence = kind, sentence


@dataclass(slots=True)
class Reading:
    """What a notification says; pieces that have no place here are rejected, the rest taken. Not `dated`: it
    says nowhere when, so the same bytes may tell of something else another time."""

    dated: bool = True
    answers: list[Answer] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def elements(body: bytes) -> list[bytes]:
    """The values of a notification's structure, each as its bytes; raises `BadPush` when it is none."""
    reader = Reader(body)
    try:
        reader.expect(Tag.STRUCTURE, "a structure of pushed values")
        count = reader.length()
        if count > MOST_ELEMENTS:
            raise BadPush("undecodable", f"a push of {count} values: {MOST_ELEMENTS} are taken")
        found = [axdr.skip(reader) for _ in range(count)]
        reader.finish()
    except DecodeError as error:
        raise BadPush("undecodable", f"what was pushed cannot be read: {error.reason}") from error
    return found


def names_in(values: Sequence[bytes]) -> list[str]:
    """What may be the name of a meter among these: texts, and logical device names without their maker."""
    found: dict[str, None] = {}
    for raw in values:
        if not raw or raw[0] not in _TEXTS or len(raw) > LONGEST_NAME:
            continue
        text = _text(raw)
        for name in (text, text[3:]) if len(text) > 3 else (text,):
            for each in (name, name.lstrip("0")):
                if each and each.isprintable():
                    found[each] = None
    return list(found)


def _text(raw: bytes) -> str:
    data = axdr.decode(raw)
    return data.value.strip() if isinstance(data.value, str) else octets_text(bytes(data.value))


def named(serial: str, model: MeterModel, layout: PushList, values: Sequence[bytes]) -> bool:
    """Whether the value that is the meter's name in this layout is that of `serial`."""
    places = {LOGICAL_DEVICE_NAME} | ({model.serial.obis} if model.serial is not None else set())
    return any(
        attribute.obis in places and serial in names_in((raw,))
        for attribute, raw in zip(layout.objects, values, strict=True)
    )


def layout_of(model: MeterModel, values: Sequence[bytes]) -> PushList:
    """The list of the model that these values are; raises `BadPush` when none is."""
    for layout in model.pushes.lists:
        if len(layout.objects) != len(values):
            continue
        if layout.setup is None or values[0] == b"\x09\x06" + layout.setup.to_bytes():
            return layout
    raise BadPush("undecodable", f"model {model.name} pushes no list of these {len(values)} values")


def read_data(
    notice: DataNotification, values: Sequence[bytes], layout: PushList, model: MeterModel, scales: Scales,
    now: datetime, raw: bytes,
) -> Reading:  # fmt: skip
    """Every value where its place is. Raises `BadPush` when the meter's time lies ahead: then nothing of it
    can be believed."""
    found = dict(zip(layout.objects, values, strict=True))
    at = _at(notice.stamp, found, model, now)
    reading = Reading(notice.stamp is not None or (model.clock is not None and model.clock in found))
    _registers(found, model, scales, at, raw, reading)
    _instants(found, model, scales, at, raw, reading)
    _profile(found, model, scales, at, now, reading)
    for attribute, value in found.items():
        if attribute.class_id == InterfaceClass.DATA and _is_event(attribute.obis):
            _event(value, model, at, raw, reading)
    return reading


def read_event(notice: EventNotification, model: MeterModel, now: datetime, raw: bytes) -> Reading:
    """One attribute told because something happened."""
    at = _at(notice.stamp, {}, model, now)
    reading = Reading(notice.stamp is not None)
    if _is_event(notice.attribute.obis):
        _event(notice.data, model, at, raw, reading)
    else:
        reading.rejected.append(Rejected(ITEM, f"nothing is kept of {notice.attribute.obis}", raw))
    return reading


def _at(
    stamp: CosemDateTime | None, found: dict[Attribute, bytes], model: MeterModel, now: datetime
) -> datetime:
    """When it was so: the meter's clock in the list, else the stamp of the message, else now."""
    ours = now.replace(microsecond=0)
    try:
        if model.clock is not None and model.clock in found:
            stamp = CosemDateTime.from_bytes(axdr.octets_of(axdr.decode(found[model.clock]), "the clock"))
        at = ours if stamp is None else stamp.to_datetime(LOCAL)
    except DecodeError as error:
        raise BadPush("undecodable", f"the clock shows no time ({error.reason})") from error
    if at > now + AHEAD:
        raise BadPush("future", f"{at.isoformat()} lies in the future: set the meter's clock")
    if at < now - LATE:
        raise BadPush("too_old", f"{at.isoformat()} is more than {LATE.days} days ago: set the meter's clock")
    return min(at, ours)


def _registers(
    found: dict[Attribute, bytes], model: MeterModel, scales: Scales, at: datetime, raw: bytes, out: Reading
) -> None:
    reads = []
    for item in model.registers:
        value = _number(found, item.place.dlms, out)
        if value is not None:
            scaler = scales.scaler(item.place)
            reads.append(RegisterRead(item.key.channel, item.key.rate, at, value, scaler, item.place.unit))
    if reads:
        out.answers.append(Answer(REGISTERS, raw, registers=tuple(reads)))


def _instants(
    found: dict[Attribute, bytes], model: MeterModel, scales: Scales, at: datetime, raw: bytes, out: Reading
) -> None:
    values = {
        item.quantity: Decimal(value).scaleb(scales.scaler(item.place))
        for item in model.instants
        if (value := _number(found, item.place.dlms, out)) is not None
    }
    if values:
        out.answers.append(Answer(INSTANTS, raw, instants=(instant_read(at, values),)))


def _number(found: dict[Attribute, bytes], attribute: Attribute, out: Reading) -> int | None:
    raw = found.get(attribute)
    if raw is None:
        return None
    try:
        return integer_of(axdr.decode(raw), str(attribute))
    except DecodeError as error:
        out.rejected.append(Rejected(str(attribute.obis), error.reason, raw))
        return None


def _profile(
    found: dict[Attribute, bytes],
    model: MeterModel,
    scales: Scales,
    at: datetime,
    now: datetime,
    out: Reading,
) -> None:
    profile = model.profile
    raw = next(
        (value for attribute, value in found.items()
         if profile is not None and (attribute.obis, attribute.number) == (profile.obis, 2)), None,
    )  # fmt: skip
    if profile is None or raw is None:
        return
    item, interval = str(profile.obis), timedelta(seconds=profile.interval_seconds)
    try:
        rows = meant(decode_rows(raw, profile.captures, LOCAL, profile.interval_seconds), profile, scales)
    except DecodeError as error:
        out.rejected.append(Rejected(item, error.reason, raw))
        return
    if not len(rows.stamps):
        return
    first = datetime.fromtimestamp(rows.stamps.oldest, LOCAL) - interval
    span = Span(item, Period(first, datetime.fromtimestamp(rows.stamps.newest, LOCAL)))
    accepted = accept(rows, span, interval, now + AHEAD, at)
    if isinstance(accepted, str):
        out.rejected.append(Rejected(item, accepted, raw))
        return
    # Every interval from the first row to the last is there: nothing of it need be asked for.
    energies = all(column.kind is not ProfileKind.INDEX for column in profile.columns)
    whole = len(np.unique(rows.stamps.seconds)) * interval == span.asked.end - span.asked.start
    out.answers.append(
        Answer(
            item, raw, span.asked, energies and whole and not accepted.events, accepted.blocks,
            events=accepted.events,
        )
    )  # fmt: skip


def _is_event(name: Obis) -> bool:
    """Event objects: 0-b:96.11.e (IEC 62056-6-1, event codes)."""
    return (name.a, name.c, name.d) == (0, 96, 11)


def _event(value: bytes, model: MeterModel, at: datetime, raw: bytes, out: Reading) -> None:
    try:
        data: Data = axdr.decode(value)
        code = integer_of(data, "an event code")
    except DecodeError as error:
        out.rejected.append(Rejected(ITEM, error.reason, raw))
        return
    word = model.pushes.events.get(code, f"event_{code}")
    out.answers.append(Answer(ITEM, raw, events=(MeterEvent(at, word, f"pushed, code {code}"),)))
