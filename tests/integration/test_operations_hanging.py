"""What a meter is refused for at the point it is to hang at, and a taking down that was a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from model.grid import Register
from model.period import midnight
from operations import importing, meter_changes
from operations.errors import MeterRefused
from operations.importing import NewMeter
from storage import fleet
from storage.grid import register
from storage.people import audited
from storage.pool import Pool, open_pool

SINCE = midnight(date(2026, 10, 1))
DOWN = midnight(date(2026, 11, 5))
NOW = midnight(date(2026, 11, 20))


def _wrap(raw: bytes) -> bytes:
    return raw


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as opened:
        yield opened


def _new(**given: Any) -> NewMeter:
    base: dict[str, Any] = {
        "serial": "7",
        "model": "dk-1p",
        "since": SINCE,
        "host": "127.0.0.1",
        "port": 4059,
    }
    return NewMeter(**{**base, "customer": "KH9", "customer_name": "Bà Hoa", **given})


def _known(pool: Pool) -> Register:
    with pool.connection() as conn:
        return register(conn)


def _three_rates(pool: Pool) -> None:
    """The customer's point is billed by three rates from now on."""
    known = _known(pool)
    [point] = known.points
    supplies = tuple(replace(supply, plan="vn-business", one_rate=False) for supply in point.supplies)
    changed = replace(known, points=(replace(point, supplies=supplies),), meters=(), installations=())
    importing.import_register(pool, changed, _wrap)


def test_a_meter_behind_transformers_wants_its_multiplier_said(pool: Pool) -> None:
    with pytest.raises(MeterRefused, match="give --multiplier"):
        importing.add_meter(pool, _new(model="dk-3p-ct"), _wrap)
    assert _known(pool).meters == ()
    importing.add_meter(pool, _new(model="dk-3p-ct", multiplier=Decimal(1)), _wrap)
    assert [m.value for m in _known(pool).points[0].multipliers] == [Decimal(1)]


def test_at_a_point_that_is_there_the_multiplier_is_the_points(pool: Pool) -> None:
    importing.add_meter(pool, _new(), _wrap)
    meter_changes.take_down(pool, "7", DOWN, [], _wrap, by="ami", now=NOW)
    second = _new(serial="8", model="dk-3p-ct", since=DOWN)
    with pytest.raises(MeterRefused, match=r"has the multiplier 1: correct .* or say --multiplier 1"):
        importing.add_meter(pool, second, _wrap)
    with pytest.raises(MeterRefused, match="has the multiplier 1, not 40"):
        importing.add_meter(pool, replace(second, multiplier=Decimal(40)), _wrap)
    importing.add_meter(pool, replace(second, multiplier=Decimal("1.0")), _wrap)


def test_one_register_does_not_hang_where_three_rates_are_billed(pool: Pool) -> None:
    importing.add_meter(pool, _new(model="dk-3p"), _wrap)
    _three_rates(pool)
    with pytest.raises(
        MeterRefused, match="billed by three rates, and model dk-1p has no register BT, CD, TD"
    ):
        meter_changes.change(pool, "7", meter_changes.Change(model="dk-1p"), _wrap)
    meter_changes.take_down(pool, "7", DOWN, [], _wrap, by="ami", now=NOW)
    with pytest.raises(MeterRefused, match="hang a model of three rates"):
        importing.add_meter(pool, _new(serial="8", since=DOWN), _wrap)
    importing.add_meter(pool, _new(serial="8", model="dk-3p", since=DOWN), _wrap)


def test_a_meter_is_not_taken_down_in_days_to_come(pool: Pool) -> None:
    importing.add_meter(pool, _new(), _wrap)
    with pytest.raises(MeterRefused, match="is still to come"):
        meter_changes.take_down(pool, "7", NOW + timedelta(minutes=1), [], _wrap, by="ami", now=NOW)
    assert _known(pool).installations[0].until is None


def test_a_taking_down_by_mistake_is_undone(pool: Pool) -> None:
    importing.add_meter(pool, _new(), _wrap)
    before = _known(pool)
    meter_changes.take_down(pool, "7", DOWN, [("KT", Decimal(12))], _wrap, by="lan", now=NOW)
    with pytest.raises(MeterRefused, match=r"taken down from KH9001 at 05/11/2026 .*take-down 7 --undo"):
        importing.add_meter(pool, _new(), _wrap)
    meter_changes.take_down_undone(pool, "7", _wrap, by="lan", now=NOW)
    assert _known(pool) == before
    with pool.connection() as conn:
        undone, done = audited(conn, login="lan")
    assert (done.action, undone.action) == ("meter.take_down", "meter.take_down_undone")
    assert undone.detail["raw"] == done.detail["raw"] != {}
    with pytest.raises(MeterRefused, match="was not taken down, it hangs at KH9001"):
        meter_changes.take_down_undone(pool, "7", _wrap, by="lan", now=NOW)


def test_an_exchange_is_not_undone(pool: Pool) -> None:
    importing.add_meter(pool, _new(), _wrap)
    meter_changes.take_down(pool, "7", DOWN, [], _wrap, by="ami", now=NOW)
    importing.add_meter(pool, _new(serial="8", since=DOWN), _wrap)
    with pytest.raises(MeterRefused, match="meter 8 hangs at KH9001 since 00:00 on 05/11/2026"):
        meter_changes.take_down_undone(pool, "7", _wrap, by="ami", now=NOW)


def test_a_modem_has_its_cell_and_a_meter_its_pace_until_they_are_changed(pool: Pool) -> None:
    importing.add_meter(pool, _new(cell="BTS-12", live_every_s=30), _wrap)

    def known() -> tuple[str, int | None]:
        with pool.connection() as conn:
            (line,) = fleet.lines(conn, _wrap)
        (meter,) = line.meters
        return line.modem.cell, meter.live_every_s

    assert known() == ("BTS-12", 30)
    meter_changes.change(pool, "7", meter_changes.Change(address=2), _wrap)
    assert known() == ("BTS-12", 30)  # what is not named stays
    meter_changes.change(pool, "7", meter_changes.Change(cell="", live_every_s=0), _wrap)
    assert known() == ("", 0)
    meter_changes.change(pool, "7", meter_changes.Change(live_every_s=meter_changes.USUAL), _wrap)
    assert known() == ("", None)
