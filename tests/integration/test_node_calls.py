"""Modems that call one of two head-ends, and strangers who give their names to the other: names move nothing,
a modem that calls anew does within seconds."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import Exchange, Nodes, nodes_before

TICKING = ("--as-of", "2026-11-17T09:10:00+07:00", "--ticking")
SIZE = ("--meters", "6", "--modems", "6", "--seed", "3", "--dial-in", "1")
LIVE = {"AMI_LIVE_EVERY_S": "5", "AMI_DIAL_IN_WAIT_S": "3", "AMI_ANSWER_S": "2"}
SESSIONS = "SELECT node, count(*) FROM modem_session WHERE ended IS NULL GROUP BY 1 ORDER BY 1"
MOVED_S = 10.0


def polls(nodes: Nodes, outcome: str = "ok") -> dict[int, int]:
    return dict(nodes.rows(f"SELECT meter_id, count(*) FROM poll WHERE outcome = '{outcome}' GROUP BY 1"))


async def all_polled_again(nodes: Nodes) -> float:
    before = polls(nodes)
    return await nodes.until(
        lambda: all(count > before.get(meter, 0) for meter, count in polls(nodes).items())
    )


@contextlib.asynccontextmanager
async def impostors(port: int, names: list[str], *, noisy: bool) -> AsyncIterator[list[int]]:
    """One for each name, who calls again as soon as he is hung up on; how many calls that were."""
    calls = [0]

    async def one(name: str, address: str) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
                calls[0] += 1
                try:
                    writer.write(f"IMEI:{name}\r\n".encode())
                    while await reader.read(4096):
                        if noisy:
                            writer.write(random.randbytes(32))
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(one(name, f"127.2.{noisy:d}.{at + 1}")) for at, name in enumerate(names)]
    try:
        yield calls
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_name_given_to_another_node_takes_no_modem_away(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    dialled, one, two = (free_ports() for _ in range(3))
    with nodes_before(ami, tmp_path, dialled, *SIZE, clock=TICKING) as nodes:
        names = [modem["registration"] for modem in nodes.fleet.register["modems"]]
        async with Exchange(one, two).serving(dialled) as exchange:
            nodes.start("a", one, **LIVE)
            await nodes.until(lambda: nodes.held().get("a"))
            nodes.start("b", two, **LIVE)
            await nodes.until(lambda: nodes.rows(SESSIONS) == [("a", 6)])
            await nodes.until(lambda: len(polls(nodes)) == 6)
            epochs = nodes.rows("SELECT modem, epoch FROM modem_session ORDER BY 1")
            async with (
                impostors(two, names, noisy=True) as noisy,
                impostors(two, names, noisy=False) as silent,
            ):
                await nodes.until(lambda: noisy[0] > 12 and silent[0] > 12)
                await all_polled_again(nodes)
                assert nodes.rows("SELECT modem, epoch FROM modem_session ORDER BY 1") == epochs
            await all_polled_again(nodes)
            assert nodes.rows(SESSIONS) == [("a", 6)]
            assert polls(nodes).keys() == {
                meter for (meter,) in nodes.rows("SELECT DISTINCT meter_id FROM poll")
            }
            assert nodes.rows("SELECT outcome, detail FROM poll WHERE outcome <> 'ok'") == []

            # The modems lose their lines, the head-end does not know that, and they call the other.
            exchange.targets = [two]
            exchange.strand()
            began = time.monotonic()
            await nodes.until(lambda: nodes.rows(SESSIONS) == [("b", 6)], MOVED_S)
            print("moved within", round(time.monotonic() - began, 1), "s")
            assert nodes.rows("SELECT DISTINCT proved FROM modem_session") == [(True,)]
            await nodes.until(lambda: not exchange.stranded, 5.0)
            await all_polled_again(nodes)

            # Whoever ends a session of a modem that is still there ends nothing.
            with nodes.connected() as conn:
                conn.execute("UPDATE modem_session SET ended = clock_timestamp()")
            await nodes.until(lambda: nodes.rows(SESSIONS) == [("b", 6)], MOVED_S)
            await all_polled_again(nodes)
            assert polls(nodes, "fenced") == {}
            exchange.cut()
