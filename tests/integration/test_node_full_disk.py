"""A head-end whose disk is full: it says so once, others read its meters, and it has its share when there is
room again."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.nodes.desk import GIVE_BACK_S
from tests.chaos.small_disk import SmallDisk
from tests.conftest import REPOSITORY
from tests.nodes import Nodes, nodes_before

CLOCK = ("--as-of", "2026-11-17T09:10:00+07:00", "--ticking")
LIVE = {"AMI_LIVE_EVERY_S": "5", "AMI_ANSWER_S": "2"}
LEASES = "SELECT shard, node, epoch FROM shard_lease ORDER BY shard"
LEFT = 400 << 10  # bytes: the spool opens, and 20 meters have more to say
POLLS = "SELECT meter_id, count(*) FROM poll WHERE outcome = 'ok' GROUP BY 1"
WITHIN_S = 25.0  # that others have its shards, once it gives them back


@contextlib.contextmanager
def kept_full(file: Path) -> Iterator[None]:
    """Whatever becomes free on the disk is taken at once."""
    over = threading.Event()

    def fill() -> None:
        with file.open("ab", buffering=0) as hog:
            while not over.wait(0.02):
                with contextlib.suppress(OSError):
                    while hog.write(bytes(4096)):
                        pass

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        yield
    finally:
        over.set()
        filling.join()
        file.unlink()


@pytest.fixture
def disk(ami: Any, missing: Callable[[str], None]) -> Iterator[SmallDisk]:
    """What node a has below its home's spool."""
    try:
        found = SmallDisk(ami.home / "spool", 32 << 20)
    except (AssertionError, OSError) as error:
        missing(f"this machine gives a test no small disk: {error}")
        raise
    yield found
    found.close()


def start_on(nodes: Nodes, disk: SmallDisk, name: str, metrics: int) -> None:
    # Whoever enters a namespace stands at its root.
    environment = {
        **nodes.ami.environ(),
        **LIVE,
        "AMI_METRICS_PORT": str(metrics),
        "PYTHONPATH": str(REPOSITORY),
    }
    with nodes.log(name).open("a") as log:
        nodes.processes[name] = subprocess.Popen(
            [*disk.prefix, sys.executable, "-m", "ami.main", "collect", "--node", name, *nodes.clock],
            env=environment, text=True, cwd=REPOSITORY, stdout=log, stderr=log,
        )  # fmt: skip


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def stopped(port: int) -> bool:
    return 'ami_polling_stopped{reason="disk"} 1.0' in get(port, "/metrics")[1]


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_others_read_what_a_full_disk_keeps_from_being_read(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int], disk: SmallDisk
) -> None:
    port, shown = free_ports(), free_ports()
    size = ("--meters", "20", "--modems", "20", "--seed", "3", "--dial-in", "0")
    with nodes_before(ami, tmp_path, free_ports(), *size, clock=CLOCK) as nodes:

        def said(sentence: str) -> int:
            return nodes.log("a").read_text().count(sentence)

        def share() -> dict[str, int]:
            return {name: len(shards) for name, shards in nodes.held().items()}

        disk.fill_but(disk.folder / "hog", LEFT)
        start_on(nodes, disk, "a", shown)
        await nodes.until(lambda: said("polling stops: the disk"))
        with kept_full(disk.folder / "hog"):
            assert share() == {"a": 4}, "not at once"
            nodes.start("b", port, **LIVE)
            await nodes.until(lambda: stopped(shown))
            status, why = await asyncio.to_thread(get, shown, "/readyz")
            assert status == 503
            assert why.startswith("polling has stopped: the disk that holds the spool ")
            assert why.endswith(" is full: make room there\n")

            await nodes.until(lambda: share() == {"b": 4}, GIVE_BACK_S + WITHIN_S)
            moved, before = nodes.rows(LEASES), dict(nodes.rows(POLLS))
            await nodes.until(lambda: sum(n > before.get(meter, 0) for meter, n in nodes.rows(POLLS)) == 20)
            told = (await asyncio.to_thread(ami, "status")).stdout
            assert "1 not ready, 1 ready" in told
            assert "a does not poll: the disk that holds the spool" in told
            await asyncio.sleep(15)
            assert nodes.rows(LEASES) == moved, "they stay where they can be read"
            assert said("polling stops") == said("others are to have this node's shards") == 1
            assert said("room in the spool again") == 0
        await nodes.until(lambda: said("room in the spool again"))
        await nodes.until(lambda: share() == {"a": 2, "b": 2}, 60.0)
        await nodes.until(lambda: not stopped(shown))
        await nodes.until(lambda: get(shown, "/readyz") == (200, "ready\n"))
        assert said("polling stops") == said("room in the spool again") == 1
