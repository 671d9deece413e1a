"""A small grid and its month of snapshots, for trying the office's work on the store."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import psycopg

from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
)
from model.period import HALF_HOUR, LOCAL, Period, midnight
from model.readout import Answer, ProfileBlock, Readout, RegisterRead
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit
from storage.evidence import store
from storage.fleet import meter_ids

SEPTEMBER, OCTOBER = Period.of_month(2026, 9), Period.of_month(2026, 10)
NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
LONG_AGO = datetime(2025, 1, 1, tzinfo=LOCAL)
SWAPPED = datetime(2026, 10, 14, 9, 30, tzinfo=LOCAL)


def _meter(serial: str, model: str, **given: object) -> Meter:
    return Meter(serial, model, "M1", **given)  # type: ignore[arg-type]


def _point(code: str, plan: str = "vn-household", multiplier: int = 1, *, one_rate: bool = True) -> Point:
    return Point(
        code,
        Role.CUSTOMER,
        "T1",
        customer=f"KH-{code}",
        multipliers=(Multiplier(LONG_AGO, Decimal(multiplier)),),
        supplies=(Supply(LONG_AGO.date(), plan, one_rate=one_rate),),
    )


def grid() -> Register:
    points = (
        _point("HOUSE"),
        _point("SWAP"),
        _point("ROLL"),
        _point("SHOP", "vn-business", 40, one_rate=False),
        _point("BLIND"),
    )
    return Register(
        stations=(Station("T1", "Trạm 1"),),
        books=(ReadingBook("S1", "Sổ 1"),),
        customers=tuple(Customer(point.customer, f"Bà {point.code}", "", "S1") for point in points),
        modems=(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059),),
        meters=(
            _meter("H1", "dk-1p"),
            _meter("OLD", "dk-1p"),
            _meter("NEW", "dk-1p"),
            _meter("R5", "dk-1p-5"),
            _meter("CT", "dk-3p-ct"),
            _meter("MB", "dk-mb"),
        ),
        points=points,
        installations=(
            Installation("HOUSE", "H1", LONG_AGO),
            Installation("SWAP", "OLD", LONG_AGO, SWAPPED, last_index={"KT": 5_070_400}),
            Installation("SWAP", "NEW", SWAPPED + timedelta(minutes=20), first_index={"KT": 1_200}),
            Installation("ROLL", "R5", LONG_AGO),
            Installation("SHOP", "CT", LONG_AGO),
            Installation("BLIND", "MB", LONG_AGO),
        ),
    )


def read(
    serial: str,
    at: datetime,
    raw: int,
    *,
    rate: Rate = Rate.TOTAL,
    scaler: int = 0,
    source: ReadingSource = ReadingSource.BILLING_PROFILE,
) -> tuple[str, RegisterRead]:
    return serial, RegisterRead(Channel.ACTIVE_IMPORT, rate, at, raw, scaler, Unit.WATT_HOUR, source)


def bring(database: str, *reads: tuple[str, RegisterRead], now: datetime = NOW) -> None:
    async def store_all() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                ids = meter_ids(sync, [serial for serial, _ in reads])
            by_meter: dict[str, list[Answer]] = defaultdict(list)
            for serial, read in reads:
                by_meter[serial].append(Answer("billing", repr(read).encode(), registers=(read,)))
            readouts = [
                Readout(serial, str(uuid.uuid4()), now, now, "ok", answers=tuple(answers))
                for serial, answers in by_meter.items()
            ]
            await store(conn, [(ids[readout.serial], "M1", now, readout) for readout in readouts])

    asyncio.run(store_all())


def half_hours(day: date, values: Sequence[int], first_slot: int = 0) -> ProfileBlock:
    """Wh of active import, half-hour by half-hour from a slot of a day on."""
    start = midnight(day) + first_slot * HALF_HOUR
    return ProfileBlock(
        channel=Channel.ACTIVE_IMPORT,
        kind=ProfileKind.INTERVAL_ENERGY,
        obis="1.0.1.29.0.255",
        interval=HALF_HOUR,
        stamps=tuple(start + i * HALF_HOUR for i in range(len(values))),
        raw=tuple(values),
        status=(0,) * len(values),
        scaler=0,
        unit=Unit.WATT_HOUR,
    )


def say(database: str, serial: str, *blocks: ProfileBlock, now: datetime = NOW) -> None:
    """A meter's answers, one after the other."""

    async def store_all() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                meter = meter_ids(sync, [serial])[serial]
            for block in blocks:
                answer = Answer("profile", repr(block).encode(), blocks=(block,))
                readout = Readout(serial, str(uuid.uuid4()), now, now, "ok", answers=(answer,))
                await store(conn, [(meter, "M1", now, readout)])

    asyncio.run(store_all())


def read_month(database: str) -> None:
    """A snapshot of every meter that keeps them, at both ends of October."""
    start, end = OCTOBER.start, OCTOBER.end
    three = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
    bring(
        database,
        read("H1", start, 1_000_000),
        read("H1", end, 1_134_600),
        read("OLD", start, 5_000_000),
        read("NEW", end, 61_300),
        read("R5", start, 9_985_000, scaler=1),
        read("R5", end, 12_000, scaler=1),
        *(read("CT", start, 100_000, rate=rate) for rate in three),
        *(read("CT", end, 100_000 + 1_013 * (1 + i), rate=rate) for i, rate in enumerate(three)),
    )
