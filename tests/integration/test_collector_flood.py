"""The listener under attack: good modems get in and are talked to, memory stays, everything is counted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.samples import Sample

from collector.errors import LinkDown
from collector.links import dial_in as lines
from collector.links.kinds import DialIn
from collector.listener import door
from collector.listener.listener import Listener
from collector.settings import HeadEndSettings
from collector.watch.metrics import REGISTRY
from model.grid import Modem, ModemLink
from protocols.dlms.wrapper import Frame

GOOD = 20
IN_TIME_S = 10.0  # fixed beforehand: from the first call of a good modem until it is registered
QUESTION = Frame(1, 16, b"a question, or its echo").to_bytes()


def megabytes() -> float:
    """What this process holds in memory now."""
    with open("/proc/self/statm", encoding="ascii") as words:
        return int(words.read().split()[1]) * 4096 / 2**20


class GoodModem:
    """Calls until it is connected, keeps calling when it is hung up on; its meter echoes."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.began = time.monotonic()
        self.calls = 0

    async def live(self) -> None:
        while True:
            self.calls += 1
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(f"IMEI:{self.name}\r\n".encode())
                    while said := await reader.read(1000):
                        writer.write(said)
                finally:
                    writer.transport.abort()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
            await asyncio.sleep(0.2)


async def ask(link: DialIn) -> bool:
    """One conversation: whether the meter behind the modem answered, and that was the proof."""
    try:
        await link.ready(5)
        async with link.lease() as stream:
            stream.write(QUESTION)
            try:
                async with asyncio.timeout(0.5):
                    answer = await stream.read()
            except TimeoutError:
                stream.poison("no answer")
                return False
            if answer == QUESTION:
                stream.prove()
            return answer == QUESTION
    except LinkDown:
        return False


async def ask_all(links: dict[str, DialIn]) -> list[bool]:
    """A conversation on every line, as the head-end has them: side by side."""
    return await asyncio.gather(*map(ask, links.values()))


async def lag(worst: list[float]) -> None:
    """How late the loop comes, 100 times a second."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        worst.append(loop.time() - due)


@contextlib.asynccontextmanager
async def attacked(
    port: int, each: int, seconds: float, twins: list[str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    words = {"port": port, "addresses": 10, "each": each, "seconds": seconds, "twins": twins}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.flood",
        json.dumps(words),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def survive(port: int, each: int, seconds: float) -> None:
    """20 good modems come while 10 × `each` bad connections stand, call and call again."""
    names = [f"GOOD{number:04d}" for number in range(GOOD)]
    links = {name: DialIn(Modem(name, ModemLink.DIAL_IN, "text-once", registration=name)) for name in names}
    listener = Listener(HeadEndSettings("", Path("."), lambda raw: raw, listen_port=port))
    listener.expect(links)
    await listener.open()
    counted = sum(metric.value for metric in rejections())
    late: list[float] = []
    lagging = asyncio.create_task(lag(late))
    modems: list[asyncio.Task[None]] = []
    try:
        async with attacked(port, each, seconds, names) as flood:
            async with asyncio.timeout(20):
                while sum(listener.rejected.values()) < each:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            modems = [asyncio.create_task(GoodModem(name, port).live()) for name in names]
            in_time: set[str] = set()
            async with asyncio.timeout(IN_TIME_S):
                while len(in_time) < GOOD:
                    in_time |= {
                        name for name, answered in zip(names, await ask_all(links), strict=True) if answered
                    }
            gc.collect()
            before = megabytes()
            most = before
            asked, answered = 0, dict.fromkeys(names, 0)
            while flood.returncode is None:
                for name, well in zip(names, await ask_all(links), strict=True):
                    asked += 1
                    answered[name] += well
                await asyncio.sleep(0.05)
                most = max(most, megabytes())
                if flood.stdout is not None and flood.stdout.at_eof():
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(flood.wait(), 0.05)
            assert flood.stdout is not None
            attacks = json.loads(await flood.stdout.read())
        late.sort()
        print(
            f"\n{GOOD} of {GOOD} in time; {attacks['calls']} attacks, {sum(listener.rejected.values())} "
            f"rejected {dict(listener.rejected)}; {sum(answered.values())} of {asked} answers, at least "
            f"{min(answered.values())} of one modem; {before:.1f} MiB, at most {most:.1f}; "
            f"lag p99 {late[len(late) * 99 // 100] * 1000:.1f} ms"
        )
        assert min(answered.values()) > 0
        assert sum(answered.values()) > 0.9 * asked
        assert most - before < 8
        expected = {"address_cap", "too_long", "unknown_modem", "unknown_dialect", "duplicate", "impostor"}
        assert expected <= set(listener.rejected)
        assert set(listener.rejected) & {"first_byte", "registration_time"}
        assert sum(metric.value for metric in rejections()) - counted == sum(listener.rejected.values())
        assert all(listener.crowd.at_the_door[f"127.0.0.{2 + n}"] <= 64 for n in range(10))
    finally:
        lagging.cancel()
        for task in modems:
            task.cancel()
        await asyncio.gather(lagging, *modems, return_exceptions=True)
        await listener.close()


def rejections() -> list[Sample]:
    """The samples that `/metrics` shows."""
    return [
        sample
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "ami_listener_rejected_total"
    ]


async def test_good_modems_are_unharmed_while_the_listener_is_flooded(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "FIRST_BYTE_S", 1.0)
    monkeypatch.setattr(door, "REGISTRATION_S", 2.0)
    monkeypatch.setattr(lines, "IMPOSTOR_S", 2.0)
    await survive(free_port, each=80, seconds=8)


@pytest.mark.soak
async def test_five_hundred_connections_from_each_of_ten_addresses_for_a_minute(free_port: int) -> None:
    await survive(free_port, each=500, seconds=60)
