"""A head-end that stays: half-hours as they end, quantities every minute, modems that come back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.errors import NoLink
from collector.headend import run
from collector.settings import HeadEndSettings
from collector.single import read as single_read
from collector.single.address import parse
from collector.single.found import Asked, ProfileAsked
from collector.single.meter_test import look
from model.clock import frozen
from model.grid import ModemLink
from model.period import LOCAL
from protocols import meter_models
from protocols.errors import AssociationRefused
from storage import fleet
from storage.pool import connect
from storage.secrets import WrappingKey
from tests.collector_fleet import AS_OF, Cooperative, cooperative


@pytest.fixture
def village(database: str, tmp_path: Path, free_port: int) -> Iterator[Cooperative]:
    with cooperative(database, tmp_path, free_port) as found:
        yield found


class Hand:
    """A clock that a test moves, the fleet's with it."""

    def __init__(self, village: Cooperative) -> None:
        self.at = AS_OF
        self._village = village

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self._village.order(do="clock", at=(self.at + by).isoformat())
        self.at += by


@contextlib.asynccontextmanager
async def living(settings: HeadEndSettings, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    task = asyncio.create_task(run(settings, clock=clock, once=False))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(village: Cooperative, query: str, value: Any) -> None:
    """Wait until a query says what it should."""
    async with asyncio.timeout(20):
        while village.rows(query)[0][0] != value:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.1)


async def test_what_falls_due_is_read_and_a_silent_modem_is_welcomed_back(village: Cooperative) -> None:
    clock = Hand(village)
    (planted,) = village.order(do="silence", modems="planted", on=True)["silence"]
    settings = village.settings(live_every_s=60.0, dial_in_wait_s=1.0)
    timed = {m.serial for m in village.register.meters if m.model == "dk-mb"}
    behind = {m.serial for m in village.register.meters if m.modem == planted}
    hangs = sum(each.until is None for each in village.register.installations)
    async with living(settings, clock):
        await until(village, "SELECT count(DISTINCT meter_id) FROM instant_read", hangs - len(behind))
        clock.move(timedelta(seconds=61))
        await until(village, "SELECT count(*) FROM instant_read", 2 * (hangs - len(behind)))
        # At the half-hour (and a few seconds): profiles grow by one row, logger-less meters give their index.
        clock.move(timedelta(minutes=29, seconds=2))
        half = (AS_OF + timedelta(minutes=30)).isoformat()
        await until(
            village,
            f"SELECT count(DISTINCT m.serial) FROM profile_block b JOIN meter m ON m.id = b.meter_id"
            f" WHERE b.obis = 'half_hours' AND b.at = '{half}'",
            len(timed - behind),
        )
        await until(
            village,
            "SELECT count(DISTINCT meter_id) FROM profile_block WHERE obis <> 'half_hours' AND"
            f" last + CASE WHEN kind = 'index' THEN interval '0' ELSE interval '30 minutes' END >= '{half}'",
            hangs - len(timed | behind) - drifting(village),
        )
        assert village.order(do="silence", modems=[planted], on=False)
        clock.move(timedelta(minutes=20))
        serials = ", ".join(f"'{serial}'" for serial in behind)
        await until(
            village,
            "SELECT count(DISTINCT meter_id) FROM poll JOIN meter m ON m.id = meter_id"
            f" WHERE outcome = 'ok' AND m.serial IN ({serials})",
            len(behind),
        )


def drifting(village: Cooperative) -> int:
    """Meters whose clock is slow: at the half-hour they have not got there yet."""
    found = village.rows(
        "SELECT count(DISTINCT meter_id) FROM meter_event"
        " WHERE code = 'clock_drift' AND detail LIKE '%behind'"
    )
    return int(found[0][0])


async def test_a_registered_meter_is_tried_and_nothing_is_stored(village: Cooperative) -> None:
    key = WrappingKey.load_or_create(village.home / "key")
    with connect(village.dsn) as connection:
        lines = fleet.lines(connection, key.unwrap)
    tried = {}
    for line in lines:
        meter = line.meters[0]
        hangs = meter.until is None  # on the bench there is no voltage
        if line.modem.link is ModemLink.DIAL_OUT and hangs and meter.model not in tried:
            tried[meter.model] = await look(village.settings(), line, meter, clock=frozen(AS_OF))
    assert len(tried) >= 4
    for model, seen in tried.items():
        assert seen.whole, (model, seen.readout.detail)
        document = seen.document()
        assert document["registers"]
        assert document["instants"][0]["voltage_v_1"] > 180
        assert bool(document["profile"]["values"]) == (model != "dk-mb")
        assert any("Energy used, total (KT)" in sentence for sentence in seen.sentences())
    dial_in = next(line for line in lines if line.modem.link is ModemLink.DIAL_IN)
    silent = village.order(do="silence", modems=[dial_in.modem.code], on=True)
    assert silent
    seen = await look(village.settings(dial_in_wait_s=0.3), dial_in, dial_in.meters[0], clock=frozen(AS_OF))
    assert not seen.reached
    assert "has not dialled in" in seen.document()["detail"]
    assert village.rows("SELECT count(*) FROM poll") == [(0,)]


async def test_a_meter_is_read_by_its_address_alone(village: Cooperative, free_port: int) -> None:
    modems = {modem.code: modem for modem in village.register.modems}
    meter = next(
        m
        for m in village.register.meters
        if m.model == "dk-3p" and modems[m.modem].link is ModemLink.DIAL_OUT
    )
    modem = modems[meter.modem]
    model = meter_models.load(meter.model)
    url = (
        f"dlms+wrapper://{modem.host}:{modem.port}?client={model.dlms.client}&server={meter.address}&auth=lls"
        f"&timeout=3&password="
    )
    day = datetime(2026, 11, 19, tzinfo=LOCAL)
    asked = Asked(
        ("1.0.1.8.0", "0.0.96.1.0", "1.0.32.7.0", "1.0.9.9.9"),
        clock=True,
        profile=ProfileAsked("1.0.99.1.0", day + timedelta(minutes=30), day + timedelta(days=1)),
    )
    document = (await single_read.read(parse(url + (meter.password or "")), asked)).document()
    register, serial, voltage = document["registers"]
    assert (register["unit"], register["scaler"], register["value"]) == ("Wh", 0, str(register["raw"]))
    assert serial["raw"] == meter.serial
    assert (voltage["unit"], voltage["scaler"]) == ("V", -1)
    assert 180 < float(voltage["value"]) < 260
    assert document["clock"] == AS_OF.isoformat()
    assert [(column["item"], column["class"]) for column in document["profile"]["columns"]] == [
        ("0.0.1.0.0.255", 8), ("0.0.96.10.1.255", 1), ("1.0.1.4.0.255", 5), ("1.0.3.4.0.255", 5)
    ]  # fmt: skip
    assert [(column["scaler"], column["unit"]) for column in document["profile"]["columns"][2:]] == [
        (0, "W"), (0, "var")
    ]  # fmt: skip
    assert len(document["profile"]["rows"]) == 48
    assert document["profile"]["rows"][0][0] == "2026-11-19T00:30:00+07:00"
    assert [refusal["item"] for refusal in document["refused"]] == ["1.0.9.9.9"]
    with pytest.raises(AssociationRefused):
        await single_read.read(parse(url + "guess"), asked)
    with pytest.raises(NoLink, match="cannot be called"):
        await single_read.read(parse(f"dlms+wrapper://127.0.0.1:{free_port}"), asked)
