"""A readout as it lies in the spool: the bytes of its answers behind a JSON document of everything else.

The document is what `model.jsonform` writes, by a shorter way: what is as usual is left out; of an answer's
bytes it says how many they are; stamps that follow each other evenly are their first, their step and how many
they are. Nine tenths of a readout are the stamps and values of profile blocks and the bytes they came from;
walking them generically cost more than the conversation that brought them.

Records of before, which are that JSON alone, can still be read.
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

FORM: Final = b"\x01"  # how a record begins; one of before with the brace of its JSON
HEAD: Final = len(FORM) + 4  # bytes: and how long the document is
FEW: Final = 2  # stamps: no more are written one by one


def encode(readout: Readout) -> bytes:
    """The record of a readout."""
    document = orjson.dumps(
        {
            "serial": readout.serial,
            "poll": readout.poll,
            "started": readout.started,
            "ended": readout.ended,
            "outcome": readout.outcome,
            "detail": readout.detail,
            "clock_offset_s": readout.clock_offset_s,
            "answers": list(map(_written, readout.answers)),
            "rejected": readout.rejected,
            "rtt_s": readout.rtt_s,
        },
        default=_plain,
    )
    raws = [answer.raw for answer in readout.answers]
    return b"".join((FORM, len(document).to_bytes(4, "big"), document, *raws))


def _written(answer: Answer) -> dict[str, Any]:
    written: dict[str, Any] = {"item": answer.item, "raw": len(answer.raw)}
    asked = answer.asked
    if asked is not None:
        written["asked"] = {"start": asked.start, "end": asked.end}
    if not answer.complete:
        written["complete"] = False
    if answer.blocks:
        written["blocks"] = list(map(_written_block, answer.blocks))
    if answer.registers:
        written["registers"] = list(map(_written_register, answer.registers))
    if answer.instants:
        written["instants"] = answer.instants
    if answer.events:
        written["events"] = answer.events
    return written


def _written_register(read: RegisterRead) -> dict[str, Any]:
    return {
        "channel": int(read.channel),
        "rate": int(read.rate),
        "at": read.at,
        "raw": read.raw,
        "scaler": read.scaler,
        "unit": int(read.unit),
        "source": str(read.source),
        "status": read.status,
    }


def _written_block(block: ProfileBlock) -> dict[str, Any]:
    return {
        "channel": int(block.channel),
        "kind": str(block.kind),
        "obis": block.obis,
        "interval": block.interval.total_seconds(),
        "stamps": _instants(block.stamps),
        "raw": block.raw,
        "status": block.status,
        "scaler": block.scaler,
        "unit": int(block.unit),
    }


_NO_STAMPS: Final = orjson.Fragment(b"[]")


def _instants(stamps: tuple[datetime, ...]) -> orjson.Fragment:
    """A fleet that is asked for the same day shares its stamps."""
    return _instants_once(stamps, stamps[0].utcoffset()) if stamps else _NO_STAMPS


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


def spelled(at: datetime) -> str:
    """An instant as `isoformat` has it, at a fifth of what that costs."""
    return orjson.dumps(at)[1:-1].decode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b2a_base64(value, newline=False).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no place in a readout")


def decode(raw: bytes) -> Readout:
    """The readout back; what `encode` did not write raises `ValueError`, `KeyError` or `TypeError`."""
    bytes_of: bytes | None = None
    if raw[: len(FORM)] == FORM:
        end = HEAD + int.from_bytes(raw[len(FORM) : HEAD], "big")
        raw, bytes_of = raw[HEAD:end], raw[end:]
    document = orjson.loads(raw)
    written, answers, at = document.pop("answers"), [], 0
    for one in written:
        if bytes_of is None:
            answers.append(_answer(one, a2b_base64(one["raw"])))
            continue
        answers.append(_answer(one, bytes_of[at : at + one["raw"]]))
        at += one["raw"]
    if bytes_of is not None and at != len(bytes_of):
        raise ValueError(f"{len(bytes_of)} bytes of answers where {at} should be")
    rejected = tuple(from_json(Rejected, one) for one in document.pop("rejected"))
    started, ended = (datetime.fromisoformat(document.pop(name)) for name in ("started", "ended"))
    return Readout(started=started, ended=ended, answers=tuple(answers), rejected=rejected, **document)


def _answer(document: dict[str, Any], raw: bytes) -> Answer:
    asked = document.get("asked")
    return Answer(
        item=document["item"],
        raw=raw,
        asked=None if asked is None else from_json(Period, asked),
        complete=document.get("complete", True),
        blocks=tuple(_block(block) for block in document.get("blocks", ())),
        registers=tuple(from_json(RegisterRead, one) for one in document.get("registers", ())),
        instants=tuple(from_json(InstantRead, one) for one in document.get("instants", ())),
        events=tuple(from_json(MeterEvent, one) for one in document.get("events", ())),
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
