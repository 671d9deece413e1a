"""Meter H1 of the small grid with days that it said, and people who judge them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from model.period import LOCAL
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import accounts, importing
from operations.edits import By, Place
from storage import edits
from storage.edits import DayKey
from storage.fleet import meter_ids
from storage.pool import Pool
from tests import operations_grid

NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
DAY = date(2026, 10, 20)
LAN, MINH = Viewer("lan", UserRole.BILLING), Viewer("minh", UserRole.ENGINEER)
PASSWORD = "một mật khẩu dài"


def people_and_meters(pool: Pool) -> None:
    importing.import_register(pool, operations_grid.grid(), lambda raw: raw)
    for one in (LAN, MINH):
        accounts.add_user(pool, one.login, one.role, PASSWORD, now=NOW)


def say(database: str, values: Sequence[int], first_slot: int = 0, day: date = DAY, minute: int = 0) -> None:
    """H1 said these Wh; what comes at a later `minute` is the later answer."""
    at = NOW + timedelta(minutes=minute)
    operations_grid.say(database, "H1", operations_grid.half_hours(day, values, first_slot), now=at)


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
