"""What a head-end shows of itself: text that Prometheus takes, a loop that hangs is told of, few at once."""

import asyncio
import contextlib
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from collector.errors import SpoolError
from collector.polling.experience import LineExperience
from collector.watch import health, metrics, tally
from collector.watch.health import Health, Shown, show
from collector.watch.pulse import Pulse
from collector.watch.standing import Standing, Watch, by_label
from model.clock import parse_instant
from model.readout import Readout
from tests.prometheus_text import faults, sums

NAMES = (
    "ami_reads_expected_total",
    "ami_reads_total",
    "ami_read_completeness_ratio",
    "ami_poll_duration_seconds",
    "ami_ondemand_duration_seconds",
    "ami_sessions",
    "ami_listener_rejected_total",
    "ami_spool_rows",
    "ami_spool_oldest_seconds",
    "ami_ingest_rows_total",
    "ami_ingest_commit_seconds",
    "ami_shard_epoch",
    "ami_shard_takeovers_total",
    "ami_fenced_writes_total",
    "ami_job_oldest_seconds",
    "ami_event_loop_lag_seconds",
    "ami_meter_clock_drift_seconds",
    "ami_dlms_auth_failures_total",
    "ami_audit_chain_ok",
    "ami_permit_wait_seconds",
    "ami_mqtt_documents_total",
    "ami_mqtt_connected",
    "ami_polling_stopped",
)
AT = parse_instant("2026-11-20T10:00:00+07:00")


def asked(shown: Shown, path: str, timeout: float = 5.0) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{shown.where}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def state() -> SimpleNamespace:
    return SimpleNamespace(silent_s=0.0, unready="")


@pytest.fixture
def shown(state: SimpleNamespace, free_port: int) -> Iterator[Shown]:
    found = show(Health(lambda: state.silent_s, lambda: state.unready), "127.0.0.1", free_port)
    assert found is not None
    yield found
    found.close()


def test_every_name_of_the_design_is_shown_with_its_help_and_type(shown: Shown) -> None:
    tally.due()
    tally.ended("dk-1p", Readout("20260001", "p", AT, AT, "ok", clock_offset_s=-3.0))
    tally.ended("no such model", Readout("20260001", "p", AT, AT, "an outcome nobody knows"))
    status, text = asked(shown, "/metrics")
    assert status == 200
    assert faults(text, ["20260001"]) == []
    for name in NAMES:
        assert f"\n# TYPE {name} " in "\n" + text, name
    assert 'ami_reads_total{outcome="other",protocol="other"}' in text
    assert sums(text)["ami_meter_clock_drift_seconds_count"] >= 1


def test_what_is_wrong_with_a_text_is_found() -> None:
    registry = CollectorRegistry()
    Counter("ami_reads_total", "Reads.", ("meter",), registry=registry).labels("20260001").inc()
    good = generate_latest(registry).decode()
    assert faults(good) == []
    assert faults(good, ["20260001"]) == ["ami_reads_total: names 20260001"]
    assert faults(good + good.splitlines()[-1] + "\n")
    assert faults(good.replace("# HELP ami_reads_total Reads.\n", ""))
    assert faults(good.replace("counter", "gauge"))
    assert faults(good.replace("_total", "_ms"))


def test_paths_and_their_answers(shown: Shown, state: SimpleNamespace) -> None:
    assert asked(shown, "/livez")[0] == 200
    assert asked(shown, "/readyz?verbose") == (200, "ready\n")
    state.unready = "the spool is full"
    assert asked(shown, "/readyz") == (503, "the spool is full\n")
    state.silent_s = 60.0
    assert asked(shown, "/livez")[0] == 503
    assert asked(shown, "/metrics")[0] == 200
    for path in ("/", "/metrics/", "/../etc/passwd", "/livez/x"):
        assert asked(shown, path)[0] == 404


def test_ready_by_the_database_or_by_room_in_the_spool() -> None:
    assert Standing(database=True, spool_full=0.95).unready == ""
    assert Standing(database=False, spool_full=0.5).unready == ""
    assert "the spool is 85% full" in Standing(database=False, spool_full=0.85).unready
    assert Standing(stopped="the disk is full").unready == "polling has stopped: the disk is full"


async def test_a_loop_that_hangs_is_told_of_by_the_thread_beside_it(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HUNG_S", 0.4)
    before = sums(generate_latest(metrics.REGISTRY).decode()).get("ami_event_loop_lag_seconds_sum", 0.0)
    pulse = Pulse(every_s=0.05)
    beating = asyncio.create_task(pulse.beat())
    found = show(Health(lambda: pulse.silent_s, lambda: ""), "127.0.0.1", free_port)
    assert found is not None
    try:
        await asyncio.sleep(0.2)
        assert (await asyncio.to_thread(asked, found, "/livez"))[0] == 200

        def ask_later() -> tuple[int, str]:
            time.sleep(0.6)
            return asked(found, "/livez")

        asking = asyncio.get_running_loop().run_in_executor(None, ask_later)
        time.sleep(1.2)  # noqa: ASYNC251 - the loop is to hang
        status, said = await asking
        assert status == 503
        assert "hung" in said
        await asyncio.sleep(0.2)
        assert (await asyncio.to_thread(asked, found, "/livez"))[0] == 200
        assert pulse.lag_s(1.0) > 1.0
        after = sums(generate_latest(metrics.REGISTRY).decode())["ami_event_loop_lag_seconds_sum"]
        assert after - before > 1.0
    finally:
        beating.cancel()
        await asyncio.to_thread(found.close)


def test_who_dawdles_is_sent_away_and_others_are_served(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 1.0)
    idlers = [socket.create_connection((shown.host, shown.port)) for _ in range(3 * health.AT_ONCE)]
    try:
        for idler in idlers:
            idler.settimeout(5)
            with contextlib.suppress(OSError):  # one too many is hung up on at once
                idler.sendall(b"GET /metrics HTTP/1.0\r\nX-Slow: ")
        began = time.monotonic()
        while True:
            try:
                assert asked(shown, "/livez", timeout=1.0)[0] == 200
                break
            except OSError:
                assert time.monotonic() - began < 10, "the idlers were never sent away"
                for idler in idlers:  # a letter now and then: none of them is ever silent for long
                    with contextlib.suppress(OSError):
                        idler.sendall(b"x")
                time.sleep(0.1)
    finally:
        for idler in idlers:
            idler.close()


def test_two_nodes_of_one_machine_find_a_port_each(shown: Shown) -> None:
    other = show(Health(lambda: 0.0, lambda: ""), shown.host, shown.port)
    assert other is not None
    try:
        assert other.port > shown.port
        assert asked(other, "/livez")[0] == 200
    finally:
        other.close()


async def test_a_node_without_its_database_is_ready_for_as_long_as_there_is_room() -> None:
    class NoSpool:
        rows, fullness, set_aside = 3, 0.2, 0

        async def oldest(self, limit: int) -> list[SimpleNamespace]:
            return [SimpleNamespace(id=1, taken=time.time() - 30)]

    ingest = SimpleNamespace(away_since=time.monotonic() - 5)
    experience = {f"M{i:02}": LineExperience() for i in range(21)}
    for i, learnt in enumerate(experience.values()):
        if i:
            learnt.pace.quick.answered(i / 10)
    office = SimpleNamespace(experience=experience)
    node = SimpleNamespace(
        spool=NoSpool(), ingest=ingest, stopped="", stopped_by="", office=office, broker_away=None
    )
    watch = Watch(node, Pulse())
    standing = await watch.look()
    assert not standing.database
    assert standing.unready == ""
    assert 29 < standing.spool_oldest_s < 35
    node.spool.fullness = 0.9
    assert (await watch.look()).unready
    document = standing.document()
    assert document["spool"]["rows"] == 3
    assert document["ready"]
    trips = document["round_trips"]
    assert (trips["modems"], trips["median_s"], trips["p95_s"]) == (20, 1.0, 2.0)
    assert trips["slowest"][:2] == [["M20", 2.0], ["M19", 1.9]]


async def test_a_spool_that_cannot_be_read_hides_nothing_else() -> None:
    class Broken:
        rows, fullness, set_aside = 3, 0.5, 0

        async def oldest(self, limit: int) -> list[object]:
            raise SpoolError("the spool cannot be used (disk I/O error): check the disk")

    node = SimpleNamespace(
        spool=Broken(), ingest=SimpleNamespace(away_since=None), stopped="the disk is broken",
        stopped_by="unusable", office=SimpleNamespace(experience={}), broker_away="it is away",
    )  # fmt: skip
    watch = Watch(node, Pulse())
    assert (await watch.look()).unready == "polling has stopped: the disk is broken"
    assert watch.standing.spool_rows == 3
    assert watch.standing.document()["broker_away"] == "it is away"
    assert stops() == {"unusable"}
    node.stopped_by = "a reason nobody knows"
    await watch.look()
    assert stops() == {"other"}
    node.stopped = node.stopped_by = ""
    await watch.look()
    assert stops() == set()
    assert by_label(metrics.POLLING_STOPPED).keys() == {*metrics.STOPS, metrics.OTHER}, (
        "shown while it is not so"
    )


def stops() -> set[str]:
    return {reason for reason, so in by_label(metrics.POLLING_STOPPED).items() if so}


def test_the_documentation_names_what_is_shown_and_nothing_else() -> None:
    shown = set(re.findall(r"^# TYPE (\S+) ", generate_latest(metrics.REGISTRY).decode(), re.M))
    told = (Path(__file__).resolve().parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    table = set(re.findall(r"`(ami_[a-z_]+)(?:\{[a-z,]+\})?`", told))
    assert table == shown
    anywhere = {name.removesuffix("_bucket") for name in re.findall(r"\bami_[a-z_]+", told)}
    assert anywhere <= shown
