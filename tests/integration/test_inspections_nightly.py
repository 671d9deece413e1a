"""A station's nights: days are scored, who stands out is accused once, within the knob, and killed runs go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from model.period import midnight
from model.quality import Quality
from model.series import Channel
from model.viewer import UserRole, Viewer
from operations import accounts
from operations.inspections import judging, learning, nightly
from storage import days, inspection_sheet, score_models, scores
from storage.days import DayRows
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.inspections import InspectionState
from storage.pool import Pool, open_pool
from tests.storage_samples import HUNG, grid

METERS, DAYS, ONSET = 14, 62, 47
FIRST = HUNG.date()
NOW = midnight(FIRST + timedelta(DAYS)) + timedelta(hours=9)
NIGHT = FIRST + timedelta(DAYS - 1)
THIEF = "M004"
MINH = Viewer("minh", UserRole.ENGINEER)
KNOB = 10.0


def used() -> np.ndarray:
    """(m, d, 48) Wh: fridge, a morning and an evening of each home's own."""
    random, slot = np.random.default_rng(26), np.arange(48)
    homes = []
    for _ in range(METERS):
        wake, size = random.uniform(11, 16), random.uniform(150, 700)
        at = wake + random.normal(0, 0.7, (DAYS, 1))
        busy = np.exp(-0.5 * ((slot - at) / 1.2) ** 2) + 2 * np.exp(-0.5 * ((slot - at - 26) / 3.5) ** 2)
        fridge = random.uniform(25, 60) * (1 + ((slot + random.integers(0, 3, (DAYS, 1))) % 3 == 0))
        homes.append(np.round(fridge + size * busy * random.gamma(3, 1 / 3, (DAYS, 48))))
    return np.stack(homes)


def save(pool: Pool, serials: list[str], wh: np.ndarray, first: date = FIRST) -> None:
    """(m, d, slots) Wh of the days from `first`, all of them measured."""
    with pool.connection() as conn:
        ids = meter_ids(conn)
        m, count, slots = wh.shape
        rows = DayRows(
            meter_id=np.repeat([ids[serial] for serial in serials], count).astype(np.int32),
            channel=np.full(m * count, Channel.ACTIVE_IMPORT, np.int16),
            day=np.tile(np.arange(np.datetime64(first, "D"), np.datetime64(first, "D") + count), m),
            energy=wh.reshape(-1, slots).astype(np.int32),
            quality=np.full((m * count, slots), Quality.ACTUAL, np.uint8),
            interval_s=86_400 // slots,
        )
        days.save_days(conn, rows, NOW)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    """A station of fourteen homes and its head meter, two months; one meter counts a third since two weeks."""
    with open_pool(database, 3) as opened:
        with opened.connection() as conn:
            save_register(conn, grid(METERS), bytes)
        accounts.add_user(opened, "minh", UserRole.ENGINEER, "một mật khẩu dài", now=NOW)
        true = used()
        counted = true.copy()
        counted[3, ONSET:] = np.round(0.3 * true[3, ONSET:])
        save(opened, [f"M{n + 1:03}" for n in range(METERS)], counted)
        save(opened, ["M000"], np.round(1.03 * true.sum(axis=0))[None])
        yield opened


def listed(pool: Pool) -> list[Any]:
    with pool.connection() as conn:
        return inspection_sheet.inspections(conn, MINH)


def test_the_thief_is_accused_once_by_energy_and_balance(pool: Pool) -> None:
    learned = learning.run(pool, NOW)
    assert (learned.version, learned.in_force, learned.meters) == (1, True, METERS - 2)
    report = nightly.run(pool, NOW, per_1000=KNOB, anyway=True)
    assert (report.stations, report.meters, report.young, report.opened) == (1, METERS, 0, 1)
    (row,) = listed(pool)
    print(row)
