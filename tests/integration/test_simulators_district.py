"""A fleet by its size on its sockets: the same for a seed, right in every half-hour, on a bad network too."""

import asyncio
import contextlib
from datetime import timedelta

import numpy as np
import pytest

from model.grid import ModemLink
from protocols.errors import ProtocolError
from simulators import networks
from simulators.errors import SimulatorError
from simulators.networks import Fate, Weather
from simulators.options import District, Options
from tests.served_fleet import EPOCH, reading, running, truth_of

FEW = District(200, 50, 0.5)


async def test_the_same_seed_is_the_same_fleet_and_another_is_not(free_port):
    async with running(district=FEW, port_from=free_port) as served:
        first = served.ready
        assert len(served.register.meters) == 200
        assert {modem.link for modem in served.register.modems} == {ModemLink.DIAL_OUT}
    async with running(district=FEW, port_from=free_port) as served:
        assert served.ready == first
    async with running(district=FEW, port_from=free_port, seed=8) as served:
        assert {m.serial for m in served.register.meters} & {
            m["serial"] for m in first["register"]["meters"]
        } == set()


async def test_what_a_meter_says_is_what_the_fleet_knows_of_it():
    begin, end = EPOCH - timedelta(days=1), EPOCH
    whole = {"from": begin.isoformat(), "to": end.isoformat()}
    async with running(district=FEW) as served:
        asked = served.register.meters[::37]
        told = await served.ask(do="intervals", meters=[meter.serial for meter in asked], **whole)
        truth = await served.ask(
            do="truth", **{"from": "2026-10-01T00:00+07:00", "to": "2026-10-20T00:00+07:00"}
        )
        rows = {}
        for meter in asked:
            async with reading(served, meter) as talk:
                profile = await talk.profile(begin, end)
                rows[meter.serial] = profile.column("1.0.1.29.0.255").values.tolist()
                assert (await talk.number(talk.model.serial)).decode() == meter.serial
                month = await talk.profile(
                    EPOCH.replace(day=1, hour=0, minute=30), EPOCH.replace(hour=0, minute=0)
                )
                assert month.column("1.0.1.29.0.255").values.sum() == truth_of(truth, meter.serial)
        assert rows == told["intervals"]
        assert len({tuple(values) for values in rows.values()}) == len(asked)
        assert all(len(values) == 48 and min(values) > 0 for values in rows.values())
        answer = await served.ask(do="intervals", meters=["0"], **whole)
        assert answer == {"error": "there is no meter '0'"}


async def test_meters_behind_one_modem_answer_for_themselves():
    async with running(district=District(4, 1, 0.0)) as served, contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(reading(served, meter)) for meter in served.register.meters]
        for _ in range(2):  # in turn: nothing of one is left in another
            for talk, meter in zip(talks, served.register.meters, strict=True):
                assert (await talk.number(talk.model.serial)).decode() == meter.serial


async def test_modems_call_and_the_dead_are_named(free_ports):
    named = set()

    async def accept(reader, writer):
        with contextlib.suppress(OSError):
            if head := await reader.read(256):
                named.add(head)
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", port := free_ports())
    async with running(
        district=District(200, 100, 0.5), network="bad", dial_in_to=("127.0.0.1", port)
    ) as served:
        dead = set(served.ready["dead"]["modems"])
        assert (len(dead), len(served.ready["dead"]["meters"])) == (5, 10)
        calling = {m.code for m in served.register.modems if m.link is ModemLink.DIAL_IN}
        assert len(calling) == 50
        for _ in range(100):
            if len(named) >= len(calling - dead):
                break
            await asyncio.sleep(0.05)
        assert len(named) == len(calling - dead)
        told = await served.ask(do="truth", **{"from": "2026-10-01", "to": "2026-10-02"})
        assert set(told["truth"]["dead"]["modems"]) == dead
        await served.ask(do="silence", modems=sorted(dead), on=False)
        told = await served.ask(do="truth", **{"from": "2026-10-01", "to": "2026-10-02"})
        assert told["truth"]["dead"] == {"modems": [], "meters": []}
    listener.close()


async def test_exchanges_fail_as_the_network_says():
    """Half-hours that arrive are right, whatever became of the others."""
    failed, whole = 0, {"from": (EPOCH - timedelta(hours=3)).isoformat(), "to": EPOCH.isoformat()}
    async with running(district=FEW, network="bad") as served:
        dead = set(served.ready["dead"]["meters"])
        told = await served.ask(do="intervals", meters=[m.serial for m in served.register.meters], **whole)

        async def read(meter):
            nonlocal failed
            try:
                async with asyncio.timeout(3), reading(served, meter) as talk:
                    rows = await talk.profile(EPOCH - timedelta(hours=3), EPOCH)
            except (AssertionError, OSError, TimeoutError, ProtocolError):
                failed += 1
            else:
                assert meter.serial not in dead
                assert rows.column("1.0.1.29.0.255").values.tolist() == told["intervals"][meter.serial]

        await asyncio.gather(*(read(meter) for meter in served.register.meters))
    assert len(dead) < failed < len(dead) + 80


def test_the_weather_of_a_modem_is_its_own_and_keeps_the_shares():
    network = networks.load("bad")
    drawn = [Weather(network, 3, f"MD-{number}") for number in range(50)]
    fates = [weather.exchange() for weather in drawn for _ in range(400)]
    assert fates == [
        w.exchange() for w in (Weather(network, 3, f"MD-{n}") for n in range(50)) for _ in range(400)
    ]
    for fate in (Fate.UNANSWERED, Fate.CUT, Fate.GARBLED):
        share = np.mean([each is fate for each, _ in fates])
        assert abs(share - getattr(network, fate.value)) < 0.006
    late = [late for _, late in fates]
    assert network.delay_s[0] <= min(late) < max(late) <= network.delay_s[1]
    assert networks.load("clean").is_clean
    codes = [f"MD-{number}" for number in range(100)]
    assert len(networks.load("lossy").dead(3, codes)) == 2
    assert networks.load("lossy").dead(3, codes) != networks.load("lossy").dead(4, codes)


async def test_where_ports_run_out_the_next_loopback_address_is_taken(free_port, monkeypatch):
    monkeypatch.setattr("simulators.ports.HIGHEST_PORT", free_port + 30)
    async with running(district=District(80, 80, 0.0), port_from=free_port) as served:
        assert len({(modem.host, modem.port) for modem in served.register.modems}) == 80
        assert {modem.host for modem in served.register.modems} >= {"127.0.0.1", "127.0.0.2"}
        async with reading(served, served.register.meters[-1]) as talk:
            assert (await talk.number(talk.model.serial)).decode() == served.register.meters[-1].serial


@pytest.mark.parametrize("size", [(0, 1, 0.5), (10, 11, 0.5), (10, 5, 1.5)])
def test_a_size_that_cannot_be_is_one_sentence(size):
    with pytest.raises(SimulatorError, match=r"^[^.]+$|1\.5$"):
        District(*size)


async def test_a_network_nobody_knows_is_one_sentence():
    with pytest.raises(SimulatorError, match="choose one of clean, far, lossy, bad"):
        async with running(district=FEW, network="windy"):
            pass
    assert Options(1, EPOCH).network == "clean"
