"""What meters answer, in bytes, and how the head-end notes and stores it."""

from __future__ import annotations

import asyncio
import struct
import uuid
from datetime import datetime, timedelta

import numpy as np
import psycopg

from model.readout import Answer, Readout, RegisterRead
from model.series import Channel, Rate, ReadingSource, Unit
from protocols import meter_models
from protocols.dlms.axdr import Tag
from protocols.dlms.profile_server import encode_rows
from storage.evidence import store
from storage.fleet import meter_ids

IMPORT = Channel.ACTIVE_IMPORT
THREE = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
EARLY = timedelta(minutes=4)  # after the closing instant: how late a meter without a memory was read


def snapshot(model: str, at: datetime, values: dict[Rate, int], scaler: int = 0) -> Answer:
    """What a DLMS meter answers when it is asked for its billing profile, and how the head-end notes it."""
    billing = meter_models.load(model).billing
    assert billing is not None
    columns = [
        (Tag.DOUBLE_LONG_UNSIGNED, np.array([values.get(item.key.rate, 0)])) for item in billing.registers
    ]
    raw = encode_rows(np.array([round(at.timestamp())]), columns, 420)
    reads = tuple(
        RegisterRead(IMPORT, rate, at, value, scaler, Unit.WATT_HOUR, ReadingSource.BILLING_PROFILE)
        for rate, value in values.items()
    )
    return Answer(str(billing.obis), raw, registers=reads)


def words(model: str, at: datetime, index: int) -> Answer:
    """What a Modbus meter without a memory answers to a read of its registers, a while after the instant."""
    found = meter_models.load(model)
    places = [item.place for item in found.registers]
    raws = []
    for block in found.modbus.plan(places):
        held = [0] * block.count
        for item in found.registers:
            if block.holds(item.place.modbus) and (item.key.channel, item.key.rate) == (IMPORT, Rate.TOTAL):
                start = item.place.modbus.address - block.address
                encoded = item.place.encode(index)
                held[start : start + len(encoded)] = encoded
        raws.append(struct.pack(f">BB{block.count}H", block.function, 2 * block.count, *held))
    place = found.register(IMPORT).place
    read = RegisterRead(IMPORT, Rate.TOTAL, at, index, place.scaler, place.unit)
    return Answer("registers", b"".join(raws), registers=(read,))


def hear(database: str, *heard: tuple[str, datetime, Answer]) -> None:
    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                ids = meter_ids(sync, [serial for serial, *_ in heard])
            for serial, at, answer in heard:
                readout = Readout(serial, str(uuid.uuid4()), at, at, "ok", answers=(answer,))
                await store(conn, [(ids[serial], "M1", at, readout)])

    asyncio.run(run())
