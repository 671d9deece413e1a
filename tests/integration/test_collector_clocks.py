"""The head-end's ordinary round looks at clocks: sets those a little off, tells of those far off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collector.headend import run
from collector.polling.clock_limits import ClockLimits
from model.clock import frozen
from model.grid import ModemLink
from tests.collector_fleet import AS_OF, Cooperative, cooperative
from tests.remote_orders import told


@pytest.fixture
def village(database: str, tmp_path: Path, free_port: int) -> Iterator[Cooperative]:
    with cooperative(database, tmp_path, free_port) as found:
        yield found


def called(village: Cooperative, count: int) -> list[str]:
    """Household meters that can be called."""
    modems = {modem.code for modem in village.register.modems if modem.link is ModemLink.DIAL_OUT}
    found = [
        meter.serial for meter in village.register.meters
        if meter.model == "dk-1p" and meter.modem in modems
        and not told(village, meter.serial)
    ]  # fmt: skip
    hanging = {one.serial for one in village.register.installations if one.until is None}
    return [serial for serial in found if serial in hanging][:count]


async def test_a_clock_is_set_within_limits_and_far_from_the_half_hour(village: Cooperative) -> None:
    slow, fast, far = called(village, 3)
    for serial, seconds in ((slow, -41), (fast, 25), (far, 200)):
        village.order(do="drift", meter=serial, seconds=seconds)
    settings = village.settings(only=frozenset((slow, fast, far)), clock_limits=ClockLimits(10, 60))

    # It is ten o'clock: a set would fall on the half-hour's end.
    report = await run(settings, clock=frozen(AS_OF), once=True)
    assert not report.failed
    assert [told(village, one)["clock_offset_s"] for one in (slow, fast, far)] == [-41, 25, 200]

    now = AS_OF + timedelta(minutes=31, seconds=50)
    village.order(do="clock", at=now.isoformat())
    report = await run(settings, clock=frozen(now), once=True)
    assert not report.failed
    assert [told(village, one)["clock_offset_s"] for one in (slow, fast, far)] == [0, 0, 200]
    assert [len(told(village, one)["acts"]) for one in (slow, fast, far)] == [2, 2, 1]
    events = village.rows(
        "SELECT m.serial, e.code, e.detail FROM meter_event e JOIN meter m ON m.id = e.meter_id "
        "WHERE e.at > '2026-11-20T03:20:00Z'"
    )
    by_meter = {serial: (code, detail) for serial, code, detail in events}
    assert by_meter[slow] == (
        "clock_set",
        "the clock was 41 s behind when it showed 10:31:09; set, it is right",
    )
    assert by_meter[fast][0] == "clock_set"
    assert by_meter[far] == ("clock_drift", "the clock is 200 s ahead")
    evidence = village.rows("SELECT count(*) FROM answer WHERE item = 'clock_setting'")
    assert evidence == [(2,)]


async def test_without_limits_no_clock_is_touched(village: Cooperative) -> None:
    (slow,) = called(village, 1)
    village.order(do="drift", meter=slow, seconds=-41)
    now = AS_OF + timedelta(minutes=10)
    village.order(do="clock", at=now.isoformat())
    await run(village.settings(only=frozenset((slow,))), clock=frozen(now), once=True)
    assert told(village, slow)["clock_offset_s"] == -41
