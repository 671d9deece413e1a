"""Meter H1 of the small grid with days that it said, and people who judge them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import psycopg

from model.period import LOCAL, midnight
from model.readout import Answer, ProfileBlock, Readout
from model.series import Channel, ProfileKind, Unit
from model.viewer import UserRole, Viewer
from operations import accounts, importing
from operations.edits import By, Place
from storage import edits
from storage.edits import DayKey
from storage.evidence import store
from storage.fleet import meter_ids
from storage.pool import Pool
from tests.operations_grid import grid

NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
DAY = date(2026, 10, 20)
HALF_HOUR = timedelta(minutes=30)
LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.ENGINEER)
PASSWORD = "một mật khẩu dài"


def people_and_meters(pool: Pool) -> None:
    importing.import_register(pool, grid(), lambda raw: raw)
    for one in (LAN, MINH):
        accounts.add_user(pool, one.login, one.role, PASSWORD, now=NOW)


def say(database: str, values: Sequence[int], first_slot: int = 0, day: date = DAY, minute: int = 0) -> None:
    """H1 said these Wh; what comes at a later `minute` is the later answer."""
    start = midnight(day) + first_slot * HALF_HOUR
    block = ProfileBlock(
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
    at = NOW + timedelta(minutes=minute)

    async def keep() -> None:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            with psycopg.connect(database) as sync:
                meter = meter_ids(sync, ["H1"])["H1"]
            answer = Answer("profile", repr(block).encode(), blocks=(block,))
            readout = Readout("H1", str(uuid.uuid4()), at, at, "ok", answers=(answer,))
            await store(conn, [(meter, "M1", at, readout)])

    asyncio.run(keep())


def place(first: int, slots: int, day: date = DAY) -> Place:
    return Place("H1", day, first, slots)


def by(viewer: Viewer = LAN, *, seen: int | None = None, case: int | None = None, why: str = "vì sao") -> By:
    return By(viewer, NOW, why, case, seen)


def key(pool: Pool, day: date = DAY) -> DayKey:
    with pool.connection() as conn:
        return meter_ids(conn, ["H1"])["H1"], Channel.ACTIVE_IMPORT, day


def day_of(pool: Pool, day: date = DAY) -> tuple[list[int], list[int]]:
    """Energies and qualities as they stand."""
    with pool.connection() as conn:
        found = edits.stored(conn, key(pool, day))
    assert found is not None
    return list(found[0]), list(found[1])


def blocks_of(pool: Pool) -> list[tuple[object, ...]]:
    """What meters sent, byte by byte."""
    with pool.connection() as conn:
        return conn.execute("SELECT b::text FROM profile_block b ORDER BY 1").fetchall()


def ints(values: Sequence[int]) -> list[int]:
    return np.asarray(values, int).tolist()
