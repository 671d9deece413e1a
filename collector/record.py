"""A readout as it lies in the spool: JSON, the same as `model.jsonform` writes, by a shorter way.

Nine tenths of a readout are the stamps and values of profile blocks; walking them generically cost more than
the conversation that brought them.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import orjson

from model.jsonform import from_json
from model.period import Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from model.series import Channel, ProfileKind, Unit


def encode(readout: Readout) -> bytes:
    """The JSON document `to_json` would make, as bytes."""
    return orjson.dumps(readout, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no place in a readout")


def decode(raw: bytes) -> Readout:
    """The readout back; what `encode` did not write raises `ValueError`, `KeyError` or `TypeError`."""
    document = orjson.loads(raw)
    answers = tuple(_answer(answer) for answer in document.pop("answers"))
    rejected = tuple(from_json(Rejected, one) for one in document.pop("rejected"))
    started, ended = (datetime.fromisoformat(document.pop(name)) for name in ("started", "ended"))
    return Readout(started=started, ended=ended, answers=answers, rejected=rejected, **document)


def _answer(document: dict[str, Any]) -> Answer:
    asked = document["asked"]
    return Answer(
        item=document["item"],
        raw=base64.b64decode(document["raw"]),
        asked=None if asked is None else from_json(Period, asked),
        complete=document["complete"],
        blocks=tuple(_block(block) for block in document["blocks"]),
        registers=tuple(from_json(RegisterRead, one) for one in document["registers"]),
        instants=tuple(from_json(InstantRead, one) for one in document["instants"]),
        events=tuple(from_json(MeterEvent, one) for one in document["events"]),
    )


def _block(document: dict[str, Any]) -> ProfileBlock:
    return ProfileBlock(
        channel=Channel(document["channel"]),
        kind=ProfileKind(document["kind"]),
        obis=document["obis"],
        interval=timedelta(seconds=document["interval"]),
        stamps=tuple(map(datetime.fromisoformat, document["stamps"])),
        raw=tuple(document["raw"]),
        status=tuple(document["status"]),
        scaler=document["scaler"],
        unit=Unit(document["unit"]),
    )
