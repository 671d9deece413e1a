"""The demo's figures against the truth: what fits passes, what does not is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pytest

from model.bill import Hold
from operations import bill, close, demo_report, importing
from storage import bill_holds, days
from storage.fleet import meter_ids
from storage.pool import Pool, open_pool
from tests.operations_grid import NOW, OCTOBER, grid, read_month

TRUE = {
    "H1": {"from": 1_000_000, "to": 1_134_600},
    "OLD": {"from": 5_000_000, "to": 5_070_400},
    "NEW": {"from": 1_200, "to": 61_300},
    "R5": {"from": 99_850_000, "to": 100_120_000},  # the simulator undoes roll-overs
    "CT": {"from": 12_000_000, "to": 12_000_000 + 6 * 1_013 * 40},
    "MB": {"from": 0, "to": 45_000},
}


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        close.run(pool, OCTOBER, NOW)
        bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)
        yield pool


def _made(pool: Pool, **wrong: dict[str, int]) -> demo_report.DemoReport:
    truth: dict[str, Any] = {"planted": [{"meter": "R5", "kind": "rollover"}], "registers": {**TRUE, **wrong}}
    return demo_report.make(pool, OCTOBER, truth, NOW)


def test_what_the_registers_say_is_what_was_billed(pool: Pool) -> None:
    report = _made(pool)
    assert report.contradictions == ()
    document = report.document
    assert document["wh_billed"] == document["wh_truth"] == 134_600 + 70_400 + 60_100 + 270_000 + 243_120
    assert (document["meters"], document["bills"]) == (6, 4)
    [held] = document["held"]
    assert held["meter"] == "MB"
    assert held["reason"].startswith("Meter MB has no opening index")
    assert document["planted"] == [{"meter": "R5", "kind": "rollover"}]
    assert document["amount_vnd"] > 0


def test_a_bill_that_differs_from_its_registers_is_told(pool: Pool) -> None:
    [said] = _made(pool, NEW={"from": 1_200, "to": 61_301}).contradictions
    assert said == "The bill of point SWAP says 130500 Wh, the registers of NEW and OLD say 130501 Wh."


def test_a_held_point_without_a_meter_is_in_the_report(pool: Pool) -> None:
    hold = Hold("HOUSE", "KH-HOUSE", "", OCTOBER, "no_meter", "none hangs")
    with pool.connection() as conn:
        conn.execute("DELETE FROM installation WHERE point = 'HOUSE'")
        conn.execute("DELETE FROM bill_use; DELETE FROM bill_line; DELETE FROM bill")
        bill_holds.save(conn, [hold], NOW)
    assert {"meter": "HOUSE", "reason": "none hangs"} in _made(pool).document["held"]


def test_rows_of_a_replay_that_are_not_in_the_store_are_told(pool: Pool) -> None:
    buffers = {"H1": {"rows": 48, "wh": 9_600}}
    truth: dict[str, Any] = {"planted": [], "registers": TRUE, "buffers": buffers}
    rows = days.DayRows(
        meter_id=np.array([_id(pool, "H1")], np.int32),
        channel=np.array([1], np.int16),
        day=np.array(["2026-10-05"], "datetime64[D]"),
        energy=np.full((1, 48), 200, np.int32),
        quality=np.ones((1, 48), np.uint8),
    )
    with pool.connection() as conn:
        days.save_days(conn, rows, NOW)
    assert demo_report.make(pool, OCTOBER, truth, NOW).contradictions == ()
    rows.energy[0, 7] = 199
    with pool.connection() as conn:
        days.save_days(conn, rows, NOW)
    [said] = demo_report.make(pool, OCTOBER, truth, NOW).contradictions
    assert said == "Meter H1 holds 48 half-hours with 9600 Wh, the store has 48 actual ones with 9599 Wh."
    rows.energy[0, 7], rows.quality[0, 7] = 200, 2
    with pool.connection() as conn:
        days.save_days(conn, rows, NOW)
    [said] = demo_report.make(pool, OCTOBER, truth, NOW).contradictions
    assert said == "Meter H1 holds 48 half-hours with 9600 Wh, the store has 47 actual ones with 9400 Wh."


def _id(pool: Pool, serial: str) -> int:
    with pool.connection() as conn:
        return meter_ids(conn, [serial])[serial]


def test_a_meter_neither_billed_nor_held_is_told(pool: Pool, database: str) -> None:
    with pool.connection() as conn:
        assert bill_holds.drop(conn, "BLIND", OCTOBER)
    [said] = _made(pool).contradictions
    assert said == "Meter MB at point BLIND has neither bill nor hold: it must have one of them."


def test_a_bill_on_a_meter_nobody_simulates_is_told(pool: Pool) -> None:
    truth: dict[str, Any] = {"planted": [], "registers": {k: v for k, v in TRUE.items() if k != "H1"}}
    [said] = demo_report.make(pool, OCTOBER, truth, NOW).contradictions
    assert "names meter H1, which is not simulated" in said
