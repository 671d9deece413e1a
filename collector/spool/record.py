"""A readout as it lies in the spool: JSON, as `model.jsonform` writes it, by a shorter way.

Stamps that follow each other evenly are their first, their step and how many they are; in records of before,
and where they do not, they stand one by one. Nine tenths of a readout are the stamps and values of profile
blocks; walking them generically cost more than the conversation that brought them.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import orjson

from model.jsonform import from_json
from model.period import Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from model.series import Channel, ProfileKind, Unit

FEW: Final = 2  # stamps: no more are written one by one
_NONE: Final = orjson.Fragment(b"[]")


def encode(readout: Readout) -> bytes:
    """The JSON document `to_json` would make, with shorter stamps, as bytes."""
    return orjson.dumps(
        {
            "serial": readout.serial,
            "poll": readout.poll,
            "started": readout.started,
            "ended": readout.ended,
            "outcome": readout.outcome,
            "detail": readout.detail,
            "clock_offset_s": readout.clock_offset_s,
            "answers": [_written(answer) for answer in readout.answers],
            "rejected": readout.rejected,
            "rtt_s": readout.rtt_s,
        },
        default=_plain,
    )


def _written(answer: Answer) -> dict[str, Any]:
    return {
        "item": answer.item,
        "raw": b2a_base64(answer.raw, newline=False).decode("ascii"),
        "asked": answer.asked,
        "complete": answer.complete,
        "blocks": [_written_block(block) for block in answer.blocks] if answer.blocks else _NONE,
        "registers": answer.registers or _NONE,
        "instants": answer.instants or _NONE,
        "events": answer.events or _NONE,
    }


def _written_block(block: ProfileBlock) -> dict[str, Any]:
    return {
        "channel": block.channel.value,
        "kind": block.kind.value,
        "obis": block.obis,
        "interval": block.interval.total_seconds(),
        "stamps": _instants(block.stamps),
        "raw": block.raw,
        "status": block.status,
        "scaler": block.scaler,
        "unit": block.unit.value,
    }


def _instants(stamps: tuple[datetime, ...]) -> orjson.Fragment:
    """A fleet that is asked for the same day shares its stamps."""
    return _instants_once(stamps, stamps[0].utcoffset()) if stamps else _NONE


# Equal instants of different offsets are written differently.
@lru_cache(maxsize=64)
def _instants_once(stamps: tuple[datetime, ...], offset: timedelta | None) -> orjson.Fragment:
    if len(stamps) > FEW:
        step, first = stamps[1] - stamps[0], stamps[0]
        even = all(at == first + n * step and at.utcoffset() == offset for n, at in enumerate(stamps))
        if even and not step.microseconds:
            step_s = round(step.total_seconds())
            return orjson.Fragment(orjson.dumps({"first": first, "step_s": step_s, "count": len(stamps)}))
    return orjson.Fragment(orjson.dumps(stamps))


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b2a_base64(value, newline=False).decode("ascii")
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
        raw=a2b_base64(document["raw"]),
        asked=None if asked is None else from_json(Period, asked),
        complete=document["complete"],
        blocks=tuple(_block(block) for block in document["blocks"]),
        registers=tuple(from_json(RegisterRead, one) for one in document["registers"]),
        instants=tuple(from_json(InstantRead, one) for one in document["instants"]),
        events=tuple(from_json(MeterEvent, one) for one in document["events"]),
    )


def _stamps(written: dict[str, Any] | list[str]) -> tuple[datetime, ...]:
    if isinstance(written, list):
        return tuple(map(datetime.fromisoformat, written))
    return _stamps_once(written["first"], written["step_s"], written["count"])


@lru_cache(maxsize=64)
def _stamps_once(first: str, step_s: int, count: int) -> tuple[datetime, ...]:
    begin, step = datetime.fromisoformat(first), timedelta(seconds=step_s)
    return tuple([begin + n * step for n in range(count)])


def _block(document: dict[str, Any]) -> ProfileBlock:
    return ProfileBlock(
        channel=Channel(document["channel"]),
        kind=ProfileKind(document["kind"]),
        obis=document["obis"],
        interval=timedelta(seconds=document["interval"]),
        stamps=_stamps(document["stamps"]),
        raw=tuple(document["raw"]),
        status=tuple(document["status"]),
        scaler=document["scaler"],
        unit=Unit(document["unit"]),
    )
