"""Several head-ends at one database: fair shares, one that is killed, stopped, stopped for a while or ended,
a database that goes away, modems that call another than before. Nothing is lost, doubled or invented."""

from __future__ import annotations

import dataclasses
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.spool.spool import HELD
from storage.embedded import Embedded
from tests.nodes import Exchange, Nodes, nodes_before

TAKEOVER_S = 20.0
SHARED_S = 15.0
TICKING = ("--as-of", "2026-11-17T09:10:00+07:00", "--ticking")
SIZE = ("--meters", "40", "--modems", "40", "--seed", "3")
LIVE = {"AMI_LIVE_EVERY_S": "5", "AMI_DIAL_IN_WAIT_S": "3"}


def fair(nodes: Nodes, *names: str) -> Callable[[], bool]:
    """Whether these nodes and no others hold all shards, none two more than another."""

    def so() -> bool:
        held = nodes.held()
        counts = [len(held.get(name, [])) for name in names]
        return sum(counts) == 8 and max(counts) - min(counts) <= 1

    return so


def polls(nodes: Nodes, where: str = "true") -> dict[int, int]:
    """Polls that went well, by meter."""
    return dict(nodes.rows(
        "SELECT m.id, count(*) FROM poll p JOIN meter m ON m.id = p.meter_id JOIN modem d ON d.code = m.modem"
        f" WHERE p.outcome = 'ok' AND {where} GROUP BY 1"
    ))  # fmt: skip


def all_polled_anew(nodes: Nodes, before: dict[int, int], where: str) -> Callable[[], bool]:
    def so() -> bool:
        now = polls(nodes, where)
        return bool(before) and all(now.get(meter, 0) > count for meter, count in before.items())

    return so


def read_all(ami: Any, nodes: Nodes) -> None:
    """Read until nothing is missing."""
    ami("collect", "--once", *nodes.clock)


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_node_comes_another_is_killed_one_ends(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    dialled, one, two, three = (free_ports() for _ in range(4))
    with nodes_before(ami, tmp_path, dialled, *SIZE, "--dial-in", "0.5", clock=TICKING) as nodes:
        async with Exchange(one, two, three).serving(dialled) as exchange:
            nodes.start("a", one, **LIVE)
            await nodes.until(lambda: len(nodes.held().get("a", [])) == 8)
            nodes.start("b", two, **LIVE)
            joined = await nodes.until(fair(nodes, "a", "b"), SHARED_S)
            await nodes.until(lambda: len(polls(nodes)) == 40)
            # A modem that calls belongs to whom it called, whoever holds its shard.
            calls = "SELECT node, count(*) FROM modem_session WHERE ended IS NULL GROUP BY 1"
            await nodes.until(lambda: nodes.rows(calls) == [("a", 20)])
            theirs = f"d.link = 'dial_out' AND d.shard IN {(*nodes.held()['a'], -1)}"
            before = polls(nodes, theirs)
            called = polls(nodes, "d.link = 'dial_in'")
            killed = nodes.end("a", signal.SIGKILL)
            await nodes.until(fair(nodes, "b"), TAKEOVER_S)
            taken = time.monotonic() - killed
            # Of what was asked before the kill some may still come in: one more is looked for, then another.
            await nodes.until(all_polled_anew(nodes, before, theirs), TAKEOVER_S)
            polled = time.monotonic() - killed
            assert polled < TAKEOVER_S
            # The modems that had called it call the next, and are read there.
            await nodes.until(lambda: nodes.rows(calls) == [("b", 20)])
            await nodes.until(all_polled_anew(nodes, called, "d.link = 'dial_in'"), TAKEOVER_S)
            nodes.start("c", three, **LIVE)
            shared = await nodes.until(fair(nodes, "b", "c"), SHARED_S)
            ended = nodes.end("b", signal.SIGTERM)
            await nodes.until(fair(nodes, "c"), 5.0)
            handed = time.monotonic() - ended
            exchange.cut()
        said = {name: round(value, 1) for name, value in (
            ("joined", joined), ("taken over", taken), ("polled by the other", polled), ("shared", shared),
            ("handed over", handed),
        )}  # fmt: skip
        print("seconds:", said)
        assert nodes.rows("SELECT name, stopped_at IS NOT NULL FROM node ORDER BY name") == [
            ("a", False), ("b", True), ("c", False)
        ]  # fmt: skip
        assert nodes.rows("SELECT count(*) FROM rejected_frame") == [(0,)]


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_node_that_stood_still_brings_nothing_in_that_is_not_its_own(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    """The fleet's clock stands still: every meter has the same to say, whoever asks, and says it once."""
    dialled, one, two = (free_ports() for _ in range(3))
    size = ("--meters", "320", "--modems", "40", "--seed", "3", "--dial-in", "0")
    slow = {"AMI_CONCURRENCY": "3"}
    with nodes_before(ami, tmp_path, dialled, *size) as nodes:
        nodes.start("a", one, **slow)
        await nodes.until(lambda: sum(polls(nodes).values()) > 3)
        stopped = nodes.send("a", signal.SIGSTOP)  # in the middle of three conversations
        nodes.start("b", two, **slow)
        await nodes.until(fair(nodes, "b"), TAKEOVER_S)
        print("taken over from one that stands still after", round(time.monotonic() - stopped, 1), "s")
        await nodes.until(lambda: time.monotonic() - stopped > TAKEOVER_S)
        nodes.send("a", signal.SIGCONT)
        await nodes.until(lambda: "stood still" in nodes.log("a").read_text(), 10)
        await nodes.until(fair(nodes, "a", "b"))
        fenced = "SELECT count(*) FROM poll WHERE outcome = 'fenced'"
        # Whether it stopped with anything to say is chance; what becomes of that: test_fenced_asked_again.
        await nodes.until(lambda: spooled(ami, "a") == 0)
        for name in ("a", "b"):
            nodes.end(name)
        print("fenced:", nodes.rows(fenced)[0][0])
        read_all(ami, nodes)  # what was put off while the clock stands still
        # What was fenced left its bytes, and no value.
        assert nodes.rows(
            "SELECT count(*) FROM poll p WHERE outcome = 'fenced' AND EXISTS"
            " (SELECT FROM answer a WHERE a.poll_id = p.id)"
        ) == [(0,)]
        disturbed = nodes.evidence()
        tables = "answer, answered, profile_block, register_read, instant_read, validation_due, poll,"
        ami("db", "psql", "-qc", f"TRUNCATE {tables} rejected_frame, finding, meter_event")
        read_all(ami, nodes)
        assert disturbed == nodes.evidence()


def spooled(ami: Any, name: str) -> int:
    """Readouts that wait in a node's spool."""
    spool = sqlite3.connect(ami.home / "spool" / f"{name}.sqlite")
    try:
        return int(spool.execute(HELD).fetchone()[0])
    finally:
        spool.close()


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_database_that_is_killed_and_comes_back(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    own = dataclasses.replace(ami, home=tmp_path / "own", environment={**ami.environment})
    del own.environment["AMI_DATABASE_URL"]
    own("db", "start")
    server = Embedded(own.home)
    own.environment["AMI_DATABASE_URL"] = str(server.dsn())
    try:
        with nodes_before(own, tmp_path, free_ports(), *SIZE, "--dial-in", "0", clock=TICKING) as nodes:
            for name in ("a", "b"):
                nodes.start(name, free_ports(), **LIVE)
            await nodes.until(fair(nodes, "a", "b"))
            await nodes.until(lambda: len(polls(nodes)) == 40)
            before = polls(nodes)
            assert server.stop("immediate")
            # Both go on polling what they hold, and keep it.
            await nodes.until(lambda: all(spooled(own, name) > 20 for name in ("a", "b")))
            waiting = sum(spooled(own, name) for name in ("a", "b"))
            server.start()
            back = time.monotonic()
            await nodes.until(lambda: not any(spooled(own, name) for name in ("a", "b")))
            await nodes.until(all_polled_anew(nodes, before, "true"))
            await nodes.until(fair(nodes, "a", "b"))
            now = polls(nodes)
            await nodes.until(all_polled_anew(nodes, now, "true"))
            print("waited:", waiting, "all well again after", round(time.monotonic() - back, 1), "s")
            assert sum(polls(nodes).values()) >= sum(before.values()) + waiting
            assert nodes.rows("SELECT count(*) FROM poll WHERE outcome = 'fenced'") == [(0,)]
    finally:
        server.stop("immediate")
