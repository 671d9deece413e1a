"""Read completeness behind a bad network: two modems in a hundred dead, two exchanges in a hundred fail.

The deadline is fixed before the run. Reachable is what is not on the simulator's own list of the dead.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.headend import run
from collector.settings import HeadEndSettings
from model.clock import shifted
from model.period import HALF_HOUR, LOCAL
from storage import grid
from storage.secrets import WrappingKey
from tests.district_fleet import DistrictFleet, district

AT = datetime(2026, 11, 20, 5, 40, tzinfo=LOCAL)
SINCE = AT.replace(minute=30) - timedelta(days=2)
END = AT.replace(minute=30)
ENOUGH = 0.995

STORED = """
    SELECT m.serial, b.at, b.interval_s, b.instants, b.raw
    FROM profile_block b JOIN meter m ON m.id = b.meter_id
    WHERE b.kind = 'interval_energy' AND b.channel = 1"""


def stored(dsn: str) -> dict[str, dict[datetime, list[int]]]:
    """Each meter's Wh by the beginning of the half-hour; more than one value would be a half-hour doubled."""
    found: defaultdict[str, defaultdict[datetime, list[int]]] = defaultdict(lambda: defaultdict(list))
    with psycopg.connect(dsn) as connection:
        for serial, at, interval_s, instants, raw in connection.execute(STORED):
            for number, value in enumerate(raw):
                begin = instants[number] if instants else at + number * timedelta(seconds=interval_s)
                if begin < END:
                    found[serial][begin.astimezone(UTC)].append(value)
    return {serial: dict(values) for serial, values in found.items()}


def truth(fleet: DistrictFleet, serials: list[str]) -> dict[str, dict[datetime, list[int]]]:
    told = fleet.order(do="intervals", meters=serials, **{"from": SINCE.isoformat(), "to": END.isoformat()})
    first = SINCE.astimezone(UTC)
    return {
        serial: {first + number * HALF_HOUR: [wh] for number, wh in enumerate(values)}
        for serial, values in told["intervals"].items()
    }


async def read_until(deadline_s: float, dsn: str, home: Path, port: int) -> None:
    clock = shifted(lambda: datetime.now(UTC), AT - datetime.now(UTC))
    settings = HeadEndSettings(
        dsn, home / "spool.sqlite", WrappingKey.load_or_create(home / "key").unwrap, listen_port=port,
        concurrency=200, answer_s=5.0, connect_s=5.0, live_every_s=600.0, retry_pause_s=0.5,
    )  # fmt: skip
    head_end = asyncio.create_task(run(settings, clock=clock, once=False))
    done, _ = await asyncio.wait([head_end], timeout=deadline_s)
    assert not done
    head_end.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await head_end


@pytest.mark.parametrize(
    ("meters", "modems", "deadline_s"),
    [
        pytest.param(520, 130, 25.0, marks=pytest.mark.long),
        pytest.param(5000, 1250, 240.0, marks=pytest.mark.soak),
    ],
)
async def test_a_fleet_behind_a_lossy_network_is_read_by_the_deadline(
    meters: int, modems: int, deadline_s: float, database: str, tmp_path: Path, free_port: int,
    record_property: Any,
) -> None:  # fmt: skip
    with district(AT, meters, modems, network="lossy", ticking=True, dial_in_to=free_port) as fleet:
        with psycopg.connect(database) as connection:
            wrap = WrappingKey.load_or_create(tmp_path / "key").wrap
            grid.save_register(connection, fleet.hung_since(SINCE), wrap)
        began = time.monotonic()
        await read_until(deadline_s, database, tmp_path, free_port)
        took = time.monotonic() - began
        assert len(fleet.dead) >= 0.015 * meters
        reachable = [m.serial for m in fleet.register.meters if m.serial not in fleet.dead]
        expected, found = truth(fleet, reachable), stored(database)
    due = sum(map(len, expected.values()))
    there = sum(begin in found.get(serial, {}) for serial, values in expected.items() for begin in values)
    record_property("completeness", there / due)
    print(f"{there} of {due} half-hours ({there / due:.4%}) of {len(reachable)} meters in {took:.0f} s")
    assert there / due >= ENOUGH
    assert not fleet.dead & found.keys()
    for serial, values in found.items():  # nothing doubled, nothing invented
        for begin, wh in values.items():
            assert wh == expected[serial][begin], (serial, begin)
