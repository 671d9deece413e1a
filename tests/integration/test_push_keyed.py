"""Meters with keys that send of their own accord: known by the title they proved, and believed once."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.keys.fleet_keys import OurSide
from collector.push import keys as push_keys
from collector.push.directory import Directory
from collector.push.heard_counters import HeardCounters
from collector.push.judge import Judge
from collector.push.keys import FleetKeys
from protocols.dlms.security import MemoryCounters, SecuritySetup, key_name
from protocols.dlms.security.envelopes import GeneralGlobal
from protocols.dlms.security.opening import envelope_of
from protocols.dlms.security.protection import Protection
from protocols.dlms.wrapper import Frame
from simulators.pushing import send
from storage.secrets import WrappingKey
from tests.keyed_lines import Overheard
from tests.remote_orders import present_fleet, registered

KEYED = ("--meters", "1", "--modems", "1", "--dial-in", "0", "--keyed", "1", "--push-every", "1")
REFUSED, FAILURES = "ami_listener_rejected_total", "ami_dlms_auth_failures_total"


class Site:
    """A head-end before one meter that pushes into the dark until somebody listens at `told_to`."""

    def __init__(self, ami: Any, database: str, free_ports: Callable[[], int]) -> None:
        self.ami, self.database = ami, database
        self.told_to, self.push, self.metrics_port = free_ports(), free_ports(), free_ports()
        ami.environment |= {
            "AMI_PUSH_PORT": str(self.push), "AMI_METRICS_PORT": str(self.metrics_port), "AMI_ANSWER_S": "3",
        }  # fmt: skip

    @contextmanager
    def head_end(self) -> Iterator[None]:
        """At work, then killed."""
        process = self.ami.start("collect", "--node", "a", stderr=subprocess.DEVNULL)
        try:
            self.until(lambda: FAILURES in self.text())
            yield
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def text(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as page:
            return str(page.read().decode())

    def counted(self, name: str, *labels: str) -> float:
        """The value of one metric, 0 where it has none yet."""
        lines = [line for line in self.text().splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in labels))

    def until(self, what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if what():
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query, values).fetchall()


@pytest.mark.long
async def test_ciphered_pushes_of_a_meter_of_the_fleet(
    ami: Any, database: str, tmp_path: Path, free_ports: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(ami, database, free_ports)
    listening = free_ports()
    ami.environment["AMI_LISTEN_PORT"] = str(listening)
    with present_fleet(ami, listening, *KEYED, "--push-to", f"127.0.0.1:{site.told_to}") as fleet:
        registered(ami, fleet, tmp_path)
        serial, keys = fleet.register["meters"][0]["serial"], fleet.register["meters"][0]["keys"]
        recorded: list[bytes] = []

        def listen(chunk: bytes) -> bytes:
            recorded.append(Frame.from_datagram(chunk).payload)
            return chunk

        with site.head_end():
            # Its title is learnt by reading it.
            site.until(lambda: site.rows("SELECT title FROM meter_title"))
            with Overheard(site.told_to, ("127.0.0.1", site.push)) as line:
                line.trap = listen
                site.until(lambda: site.counted("ami_reads_total", '"push"', '"ok"') >= 1)
            landed = recorded[0]
            assert landed[:1] == b"\xdb"
            assert serial.encode() not in landed
            poll = Judge._poll(hashlib.sha256(landed).digest())
            found = "SELECT item, m.serial FROM answer JOIN meter m ON m.id = meter_id WHERE poll_id = %s"
            site.until(lambda: site.rows(found, poll))
            assert sorted(site.rows(found, poll)) == [("1.0.99.1.0.255", serial), ("registers", serial)]
            assert site.rows("SELECT outcome FROM poll WHERE id = %s", poll) == [("ok",)]
            assert site.counted(REFUSED) == site.counted(FAILURES) == 0
        heard = HeardCounters(ami.home / "fleet-keys" / "heard.sqlite", MemoryCounters())
        title = bytes(site.rows("SELECT title FROM meter_title")[0][0])
        setup = SecuritySetup(
            title, bytes.fromhex(keys["encryption"]), bytes.fromhex(keys["authentication"]), general=True
        )
        last = MemoryCounters()
        for message in recorded:
            envelope = envelope_of(message)
            assert isinstance(envelope, GeneralGlobal)
            last.hear("", envelope.protected.counter)
        counter = heard.heard(key_name(setup.encryption_key or b"", title))
        assert 0 < counter <= last.heard(""), "on the disk although it was killed"
        heard.close()

        with site.head_end():
            there = ("127.0.0.1", site.push)
            # Recorded yesterday, played today, to a head-end that has been killed since.
            assert await send(landed, 1, there, wait_s=1) == b""
            site.until(lambda: site.counted(REFUSED, '"replayed"') == 1)
            assert site.counted(FAILURES) == 1
            # Somebody who knows one key of the two: his counter, high as it is, is not heard.
            forger = SecuritySetup(title, setup.encryption_key, bytes(16), general=True)
            forged = Protection(forger, MemoryCounters(0xFFFF_0000)).protect(b"\x0f" + bytes(20))
            assert await send(forged, 1, there, wait_s=1) == b""
            site.until(lambda: site.counted(REFUSED, '"untrusted"') == 1)
            assert site.counted(FAILURES) == 2
            site.until(lambda: len(site.rows("SELECT FROM rejected_frame")) == 2)
            kept = dict(site.rows("SELECT raw, reason FROM rejected_frame"))
            assert "replayed" in kept[landed]
            assert "tag does not fit" in kept[forged]
            assert len(site.rows(found, poll)) == 2
            with Overheard(site.told_to, there):
                site.until(lambda: site.counted("ami_reads_total", '"push"', '"ok"') >= 1)
            assert site.counted(FAILURES) == 2

    # Keys that another head-end has changed are found by what they do not open any more.
    ours = OurSide.of_home(ami.home / "fleet-keys")
    unwrap = WrappingKey.load_or_create(ami.home / "wrapping.key").unwrap
    fleet_keys = FleetKeys(database, unwrap, ours, heard, Directory(database))
    (before,) = await fleet_keys.of_title(title)
    assert (before.serial, before.setup.authentication_key) == (serial, setup.authentication_key)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "UPDATE meter_secret SET wrapped = (SELECT wrapped FROM meter_secret WHERE kind = 'encryption')"
            " WHERE kind = 'authentication'"
        )
    assert await fleet_keys.of_title(title, anew=True) == (), "not at every message"
    monkeypatch.setattr(push_keys, "ANEW_S", 0.0)
    (after,) = await fleet_keys.of_title(title, anew=True)
    assert after.setup.authentication_key == setup.encryption_key
    fleet_keys.close()
