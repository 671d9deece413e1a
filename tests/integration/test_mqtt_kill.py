"""200 gateways, a broker killed and restarted, a head-end killed: what was acknowledged is there, once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storage.grid import save_register
from storage.pool import connect
from storage.secrets import WrappingKey
from tests.mqtt_broker import Broker, behind_gateways

from .conftest import REPOSITORY, Ami

pytestmark = pytest.mark.long

GATEWAYS, DOCUMENTS = 200, 8


@pytest.fixture
def broker(needs_tool: Callable[..., str], tmp_path: Path, free_port: int) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    made = Broker(needs_tool("mosquitto", "/usr/sbin/mosquitto"), folder, free_port, "user root")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def collecting(ami: Ami, broker: Broker) -> Ami:
    """`ami` with the gateways' meters in its register, and the broker in its settings."""
    ami.environment |= {
        "AMI_MQTT_HOST": "127.0.0.1",
        "AMI_MQTT_PORT": str(broker.port),
        "AMI_MQTT_TLS": "false",
        "AMI_MQTT_CLIENT_ID": "head-end",
    }
    ami("init")
    key = WrappingKey.load_or_create(ami.home / "wrapping.key")
    with connect(ami.environment["AMI_DATABASE_URL"]) as conn:
        save_register(conn, behind_gateways(GATEWAYS), key.wrap)
    return ami


class Told:
    """What the gateways have receipts for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.receipts: dict[tuple[int, str], bool] = {}
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            number, message, taken = json.loads(line)
            self.receipts[number, message] = taken

    def wait_for(self, count: int, within_s: float = 90) -> None:
        deadline = time.monotonic() + within_s
        while len(self.receipts) < count:
            assert time.monotonic() < deadline, f"{len(self.receipts)} receipts, none for {self.missing()}"
            time.sleep(0.01)

    def missing(self) -> list[tuple[int, int]]:
        all_ = {(number, message) for number in range(1, GATEWAYS + 1) for message in range(DOCUMENTS)}
        return sorted(all_ - {(number, int(name[2:])) for number, name in self.receipts})[:20]


@pytest.fixture
def told(collecting: Ami, broker: Broker) -> Iterator[Told]:
    command = [sys.executable, "-m", "tests.mqtt_gateways", str(broker.port), str(GATEWAYS), str(DOCUMENTS)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    told = Told(process)
    yield told
    process.kill()
    process.wait()
    told.thread.join()
    assert process.stdout is not None
    process.stdout.close()


class HeadEnd:
    """`ami collect`, which may be killed."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with (self._ami.home / "collect.log").open("a") as log:
            self._process = self._ami.start(
                "collect", "--as-of", "2026-09-10T00:00:00+07:00", "--ticking", stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def head_end(collecting: Ami) -> Iterator[HeadEnd]:
    made = HeadEnd(collecting)
    made.start()
    yield made
    made.kill()
    print((collecting.home / "collect.log").read_text()[-3000:])


def stored(ami: Ami) -> dict[str, Any]:
    """By table: how many rows, and how many that are one of a kind."""
    with psycopg.connect(ami.environment["AMI_DATABASE_URL"]) as conn:

        def one(query: str) -> Any:
            row = conn.execute(query).fetchone()
            return row if row is None or len(row) > 1 else row[0]

        return {
            "registers": one("SELECT count(*), count(DISTINCT (meter_id, at)) FROM register_read"),
            "values": one(
                "SELECT count(*), count(DISTINCT (meter_id, at)) FROM profile_block "
                "WHERE cardinality(raw) = 2"
            ),
            "polls": one(
                "SELECT count(*), count(DISTINCT id) FROM poll JOIN modem ON code = modem WHERE link = 'mqtt'"
            ),
            "rejected": one("SELECT count(*) FROM rejected_frame"),
            "findings": one("SELECT count(*) FROM finding"),
        }


def assert_once(ami: Ami, told: Told) -> None:
    """Everything the gateways sent and were told of is in the store once, and nothing besides."""
    all_ = GATEWAYS * DOCUMENTS
    assert len(told.receipts) == all_
    assert set(told.receipts.values()) == {True}
    deadline = time.monotonic() + 60
    while (found := stored(ami))["registers"][0] < all_ and time.monotonic() < deadline:
        time.sleep(0.1)
    once = (all_, all_)
    assert found == {"registers": once, "values": once, "polls": once, "rejected": 0, "findings": 0}


def test_a_broker_killed_loses_and_doubles_nothing(
    collecting: Ami, broker: Broker, told: Told, head_end: HeadEnd
) -> None:
    told.wait_for(GATEWAYS * DOCUMENTS // 4)
    broker.kill()
    time.sleep(0.5)
    broker.start()
    told.wait_for(GATEWAYS * DOCUMENTS)
    assert_once(collecting, told)


def test_a_head_end_killed_loses_and_doubles_nothing(
    collecting: Ami, broker: Broker, told: Told, head_end: HeadEnd
) -> None:
    for share in (1, 2, 3, 4, 5, 6):
        told.wait_for(GATEWAYS * DOCUMENTS * share // 8)
        head_end.kill()
        head_end.start()
    told.wait_for(GATEWAYS * DOCUMENTS)
    assert_once(collecting, told)
