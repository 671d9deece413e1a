"""The bytes of a stored answer into register values, by the codecs alone: nothing the head-end remembers.

What an answer says of an instant depends on what was asked: a snapshot and a row of a profile bear their
instant, a register read now bears none (its reading has our clock's).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from model.period import LOCAL
from model.series import Channel, ProfileKind, Rate
from protocols.dlms import axdr
from protocols.dlms.axdr import integer_of
from protocols.dlms.profile import Column, decode_rows
from protocols.errors import DecodeError
from protocols.iec62056_21.codes import code_of
from protocols.iec62056_21.data_sets import read_lines
from protocols.iec62056_21.quantities import read_quantity
from protocols.meter_models import MeterModel
from protocols.meter_models.model import LoadProfile, RegisterItem, Speech
from protocols.modbus.registers import Block, pick
from protocols.reader import Reader

Ints = NDArray[np.int64]
REGISTERS, LOGGER = "registers", "logger"  # items of answers, as the head-end calls them


@dataclass(frozen=True, slots=True)
class Value:
    """An index as the bytes have it: raw × 10^scaler; `at` None where it was read now.

    `scaler` None: the bytes do not tell it, it is that of the meter's own scaler_unit or of its model.
    """

    channel: Channel
    rate: Rate
    at: datetime | None
    raw: int
    scaler: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One column of a load profile as the bytes have it: int64[n] seconds since 1970 (beginnings of
    intervals, or the instants of an index), and int64[n] × 10^scaler (None: the bytes do not tell it)."""

    channel: Channel
    kind: ProfileKind
    stamps: Ints
    raw: Ints
    scaler: int | None = None


def items_of(model: MeterModel) -> frozenset[str]:
    """The items whose answers may hold indices and are decoded here."""
    found = {REGISTERS}
    if model.speech is Speech.DLMS:
        found |= {str(profile.obis) for profile in (model.billing, model.profile) if profile is not None}
    return frozenset(found | {LOGGER} if model.logger_columns else found)


def values_of(model: MeterModel, item: str, raw: bytes) -> list[Value]:
    """Every index in an answer of a meter of this model about one of `items_of` it. Raises `DecodeError` for
    bytes that are none."""
    if model.billing is not None and item == str(model.billing.obis):
        return list(_snapshots(model, raw))
    if series := series_of(model, item, raw):
        return [
            Value(one.channel, Rate.TOTAL, datetime.fromtimestamp(stamp, UTC), value, one.scaler)
            for one in series
            if one.kind is ProfileKind.INDEX
            for stamp, value in zip(one.stamps.tolist(), one.raw.tolist(), strict=True)
        ]
    if model.speech is Speech.DLMS:
        return list(_attributes(model.registers, raw))
    if model.speech is Speech.MODBUS:
        return list(_words(model, raw))
    return list(_data_sets(model, raw))


def _snapshots(model: MeterModel, raw: bytes) -> Iterator[Value]:
    """Rows of a billing profile: registers as they stood at their instant."""
    assert model.billing is not None
    rows = decode_rows(raw, model.billing.captures, LOCAL)
    for item, column in zip(model.billing.registers, rows.columns, strict=True):
        for at, value in _present(rows.stamps.tolist(), column):
            yield Value(item.key.channel, item.key.rate, at, value)


def series_of(model: MeterModel, item: str, raw: bytes) -> list[Series]:
    """The columns of a load profile in an answer; none where the item is no profile read here."""
    if model.profile is not None and item == str(model.profile.obis) and model.speech is Speech.DLMS:
        return list(_columns(model.profile, raw))
    if item == LOGGER and model.logger_columns:
        return list(_records(model, raw))
    return []


def _columns(profile: LoadProfile, raw: bytes) -> Iterator[Series]:
    rows = decode_rows(raw, profile.captures, LOCAL, profile.interval_seconds)
    measured = rows.columns if profile.status is None else rows.columns[1:]
    for wanted, column in zip(profile.columns, measured, strict=True):
        if column.values.dtype != np.int64:
            raise DecodeError(f"column {column.capture.obis} holds values that are no integers", raw)
        stamps = _begun(rows.stamps, wanted.kind, profile.interval_seconds)
        yield Series(wanted.channel, wanted.kind, stamps[column.present], column.values[column.present])


def _begun(stamps: Ints, kind: ProfileKind, interval_s: int) -> Ints:
    """Rows are stamped at the end of their interval; an index is that of the stamp itself."""
    return stamps if kind is ProfileKind.INDEX else stamps - interval_s


def _present(stamps: Sequence[int], column: Column) -> Iterator[tuple[datetime, int]]:
    for stamp, value, there in zip(stamps, column.values.tolist(), column.present.tolist(), strict=True):
        if there and isinstance(value, int):
            yield datetime.fromtimestamp(stamp, UTC), value


def _attributes(registers: Sequence[RegisterItem], raw: bytes) -> Iterator[Value]:
    """Values of registers one after the other; where the meter refused some, which it gave is not said."""
    reader, found = Reader(raw), []
    while reader.left:
        found.append(integer_of(axdr.read(reader), "a register"))
    if len(found) != len(registers):
        raise DecodeError(f"{len(found)} values of {len(registers)} registers: which, is not said", raw)
    for item, value in zip(registers, found, strict=True):
        yield Value(item.key.channel, item.key.rate, None, value)


def _answers(raw: bytes) -> Iterator[list[int]]:
    """The words of answers to functions 3 and 4, one after the other."""
    at = 0
    while at < len(raw):
        end = at + 2 + raw[at + 1] if at + 1 < len(raw) else len(raw) + 1
        if raw[at] not in (3, 4) or end > len(raw) or raw[at + 1] % 2:
            raise DecodeError("no answer of registers", raw)
        yield list(struct.unpack(f">{(end - at - 2) // 2}H", raw[at + 2 : end]))
        at = end


def _words(model: MeterModel, raw: bytes) -> Iterator[Value]:
    places = [item.place for item in model.registers]
    blocks, answers = model.modbus.plan(places), list(_answers(raw))
    if [block.count for block in blocks] != [len(words) for words in answers]:
        raise DecodeError("not the blocks of registers that its model names", raw)
    held: dict[Block, Sequence[int]] = dict(zip(blocks, answers, strict=True))
    for item in model.registers:
        value = pick(item.place.modbus, held, item.place.scaler - item.place.exponent)
        yield Value(item.key.channel, item.key.rate, None, value, item.place.scaler)


def _records(model: MeterModel, raw: bytes) -> Iterator[Series]:
    """Windows of a Modbus logger."""
    logger = model.modbus.logger
    assert logger is not None
    for words in _answers(raw):
        rows = logger.decode(words, LOCAL)
        for name, column in model.logger_columns:
            stamps = _begun(rows.stamps, column.kind, logger.interval_seconds)
            yield Series(column.channel, column.kind, stamps, rows.columns[name], column.place.scaler)


def _data_sets(model: MeterModel, raw: bytes) -> Iterator[Value]:
    """Data sets of IEC 62056-21, which say number and unit."""
    by_code = {item.place.named: item for item in model.registers}
    for held in read_lines(raw):
        code = code_of(held.address)
        item = None if code is None else by_code.get(code)
        if item is not None:
            found = read_quantity(*held.value())
            if found.unit is not item.place.unit:
                raise DecodeError(f"{held} is not measured in {item.place.unit.name.lower()}", raw)
            yield Value(item.key.channel, item.key.rate, None, found.raw, found.scaler)
