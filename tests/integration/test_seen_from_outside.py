"""A head-end that loses its database, seen from outside: what waits shows, it stays ready, it recovers."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storage.embedded import Embedded
from storage.migrations import migrate
from storage.secrets import WrappingKey
from tests.collector_fleet import AS_OF, Cooperative, cooperative
from tests.conftest import FAST
from tests.integration.conftest import Ami
from tests.prometheus_text import faults, sums, values

CANARY = "kenar-mat-khau-7f3a"
DESIGN = (
    "ami_reads_expected_total", "ami_reads_total", "ami_read_completeness_ratio", "ami_poll_duration_seconds",
    "ami_ondemand_duration_seconds", "ami_sessions", "ami_listener_rejected_total", "ami_spool_rows",
    "ami_spool_oldest_seconds", "ami_ingest_rows_total", "ami_ingest_commit_seconds", "ami_shard_epoch",
    "ami_shard_takeovers_total", "ami_fenced_writes_total", "ami_job_oldest_seconds",
    "ami_event_loop_lag_seconds", "ami_meter_clock_drift_seconds", "ami_dlms_auth_failures_total",
    "ami_audit_chain_ok",
)  # fmt: skip


@dataclass(slots=True)
class Site:
    """A database that can be stopped, simulated meters, and a head-end as a process of its own."""

    ami: Ami
    server: Embedded
    village: Cooperative
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> dict[str, float]:
        return values(self.get("/metrics")[1])

    def until(self, what: Callable[[], Any], seconds: float = 60) -> None:
        """Wait until it is so; what a server that is not there yet raises is no."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if what():
                    return
            except (OSError, KeyError, psycopg.OperationalError):
                pass
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.25)

    @contextmanager
    def head_end(self) -> Iterator[subprocess.Popen[str]]:
        with self.log.open("w") as log:
            process = self.ami.start(
                "collect", "--node", "seen", "--as-of", AS_OF.isoformat(), "--ticking", stderr=log
            )
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


@pytest.fixture
def site(tmp_path: Path, free_ports: Callable[[], int], cluster: str) -> Iterator[Site]:
    """`cluster` only for its place: whoever runs it sees to the server's programs."""
    home = tmp_path / "home"
    home.mkdir()
    server = Embedded(tmp_path / "db", settings=FAST)
    server.start()
    dsn = server.dsn()
    migrate(dsn)
    port, listen = free_ports(), free_ports()
    environment = {
        "AMI_DATABASE_URL": str(dsn),
        "AMI_LISTEN_PORT": str(listen),
        "AMI_METRICS_PORT": str(port),
        "AMI_LOG": "json",
        "AMI_LIVE_EVERY_S": "5",
    }
    try:
        WrappingKey.load_or_create(home / "wrapping.key")
        shutil.copy(home / "wrapping.key", home / "key")
        with cooperative(dsn, home, listen) as village:
            yield Site(Ami(home, environment), server, village, port, tmp_path / "collect.log")
    finally:
        server.stop("immediate")


@pytest.mark.long
def test_the_hour_without_a_database_is_visible(site: Site) -> None:
    ami, village = site.ami, site.village
    meter = next(m for m in village.register.meters if m.model == "dk-1p")
    ami.environment["AMI_METER_PASSWORD"] = CANARY
    ami("meter", "change", meter.serial)
    del ami.environment["AMI_METER_PASSWORD"]
    names = {m.serial for m in village.register.meters}
    names |= {word for m in village.register.modems for word in (m.code, m.registration, m.host) if word}
    with site.head_end():
        site.until(lambda: site.metrics()["ami_database_up"] == 1 and site.metrics()["ami_spool_rows"] == 0)
        site.until(lambda: sums(site.get("/metrics")[1]).get("ami_reads_total", 0) > 20)
        site.until(lambda: site.metrics()["ami_dlms_auth_failures_total"] >= 1)
        site.until(lambda: site.metrics()["ami_spool_rows"] == 0)
        text = site.get("/metrics")[1]
        assert faults(text, names) == []
        for name in DESIGN:
            assert f"# TYPE {name} " in text, name
        assert site.get("/livez")[0] == site.get("/readyz")[0] == 200
        (node,) = seen_nodes(site, lambda node: node["state"] == "ready" and node["reads"])
        assert node["shards"] == 1

        site.server.stop("immediate")
        oldest = []
        site.until(lambda: site.metrics()["ami_spool_rows"] > 0)
        for _ in range(40):
            now = site.metrics()
            oldest.append(now["ami_spool_oldest_seconds"])
            assert site.get("/readyz") == (200, "ready\n"), "there is room in the spool"
            assert site.get("/livez")[0] == 200
            if oldest[-1] > 7:
                break
            time.sleep(0.5)
        assert oldest == sorted(oldest)
        assert oldest[-1] > 7
        now = site.metrics()
        assert now["ami_database_up"] == 0
        assert now["ami_spool_rows"] > 0
        assert faults(site.get("/metrics")[1], names) == []
        fleet = ami.json("status", "--live", "--json")
        assert fleet["away"]
        assert [node["spool_rows"] > 0 for node in fleet["nodes"]] == [True]

        site.server.start()
        site.until(lambda: site.metrics()["ami_database_up"] == 1 and site.metrics()["ami_spool_rows"] == 0)
        assert site.metrics()["ami_spool_oldest_seconds"] == 0
        site.until(lambda: sums(site.get("/metrics")[1])["ami_read_completeness_ratio"] > 1.5)
        (node,) = seen_nodes(site, lambda node: node["state"] == "ready" and node["spool_rows"] == 0)
        text = site.get("/metrics")[1]
        assert faults(text, names) == []
    lines = [json.loads(line) for line in site.log.read_text().splitlines() if line.startswith("{")]
    refused = next(line for line in lines if line.get("meter") == meter.serial)
    assert refused["modem"] == meter.modem
    assert refused["poll"]
    assert (refused["node"], refused["shard"]) == ("seen", 0)
    assert refused["epoch"] > 0
    assert any("the database is back" in line["message"] for line in lines)
    said = site.log.read_text() + text
    secrets = {CANARY, str(site.server.dsn()).split("@")[0].rsplit(":", 1)[1]}
    secrets |= {m.password for m in village.register.meters if m.password and len(m.password) > 5}
    assert not [secret for secret in secrets if secret in said]


def seen_nodes(site: Site, wanted: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    """The head-ends that `ami status --live` shows, once the first is as wanted."""
    deadline = time.monotonic() + 30
    while True:
        nodes: list[dict[str, Any]] = site.ami.json("status", "--live", "--json")["nodes"]
        if nodes and wanted(nodes[0]):
            return nodes
        assert time.monotonic() < deadline, nodes
        time.sleep(0.5)
