"""Σ of a day's slots is Δ of 1.0.1.8.0 on profiles that are none of ours.

Both hold a day of stamps, which is a day less one interval. The slots are made by validation, as the office
makes them: stamps off by an interval, a row lost or taken twice, a scaler left out would show. No published
profile was found that holds the intervals' energies beside the index over a day.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from analytics.vee import MeterInput, validate
from model.quality import Quality
from model.series import Channel, ProfileKind, Unit
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import CLOCK_COLUMN
from tests.foreign_peers import Peers, ami_read
from tests.vectors.test_protocols_dlms_value_vectors import HOURS, IMPORT, STATUS

pytestmark = pytest.mark.xdist_group("foreign-dlms-meter")


@dataclass(frozen=True)
class Told:
    """An index as a meter told it: instants (epoch seconds) and Wh."""

    stamps: npt.NDArray[np.int64]
    raw: npt.NDArray[np.int64]
    interval_s: int
    channel: int = Channel.ACTIVE_IMPORT
    kind: str = ProfileKind.INDEX
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    received_at: datetime = datetime(2026, 11, 21, tzinfo=UTC)


def measured(told: Told, first: date) -> list[int]:
    """Wh of the slots that validation calls measured, over the two local days the stamps fall into."""
    asked = MeterInput("FOREIGN", 1, first, 2, [told], [], interval_s=told.interval_s)
    (meter,) = validate([asked]).meters
    actual = meter.quality.reshape(-1) == Quality.ACTUAL
    return [int(energy) for energy in meter.energy.reshape(-1)[actual]]


def assert_slots_are_the_register(told: Told, first: date) -> None:
    slots = measured(told, first)
    assert len(slots) == len(told.raw) - 1 == 86_400 // told.interval_s - 1
    assert sum(slots) == told.raw[-1] - told.raw[0]
    assert slots == np.diff(told.raw).tolist()


def test_a_published_day_of_hours() -> None:
    rows = decode_rows(HOURS, (CLOCK_COLUMN, STATUS, IMPORT), UTC)
    index = np.asarray(rows.column("1.0.1.8.0.255").values, np.int64)
    told = Told(np.asarray(rows.stamps, np.int64), index, 3600)
    assert_slots_are_the_register(told, date(2018, 2, 12))
    # A row told twice is no energy twice, a row lost is no measured slot.
    twice = replace(told, stamps=np.repeat(told.stamps, 2), raw=np.repeat(told.raw, 2))
    assert sum(measured(twice, date(2018, 2, 12))) == index[-1] - index[0]
    lost = replace(told, stamps=np.delete(told.stamps, 9), raw=np.delete(told.raw, 9))
    assert sum(measured(lost, date(2018, 2, 12))) == index[-1] - index[0] - (index[10] - index[8])


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_a_day_of_quarters_of_a_foreign_meter(
    peers: Peers, free_ports: Callable[[], int], tmp_path: Path, framing: str
) -> None:
    """pydlms-client's simulated meter, read by `ami read` in blocks."""
    plan: dict[str, Any] = {"max_pdu": 200, "auth": ["none"], "wrapper": free_ports(), "hdlc": free_ports()}
    with peers.serving("pydlms_meter.py", plan) as held:
        url = f"dlms+{framing}://127.0.0.1:{held['ports'][framing]}?client=16&server=1&auth=none&pdu=200"
        found = ami_read(tmp_path, url, "--profile", "1.0.99.1.0")["profile"]
    (column,) = [column for column in found["columns"] if column["item"] == "1.0.1.8.0.255"]
    assert (column["unit"], column["scaler"]) == ("Wh", 0)
    stamps = [int(datetime.fromisoformat(row[0]).timestamp()) for row in found["rows"]]
    told = Told(np.array(stamps, np.int64), np.array([row[1] for row in found["rows"]], np.int64), 900)
    first, last = held["rows"][0][1], held["rows"][-1][1]
    assert (told.raw[0], told.raw[-1]) == (first, last)
    assert_slots_are_the_register(told, date(2024, 5, 1))
