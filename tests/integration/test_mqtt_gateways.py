"""What comes from gateways through a real broker, in one process: taken, or kept with the reason why not."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from collector.errors import SpoolFull
from collector.headend import HeadEnd
from collector.mqtt.gateways import probe
from collector.mqtt.settings import BrokerSettings
from collector.settings import HeadEndSettings, unseen
from collector.spool.ingest import Ingest
from collector.spool.spool import Spool
from collector.watch.metrics import MQTT_CONNECTED
from model.clock import frozen
from model.period import LOCAL
from storage.grid import save_register
from storage.pool import connect
from storage.secrets import WrappingKey
from tests.mqtt_broker import Broker, behind_gateways
from tests.mqtt_gateways import document

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 9, 12, 10, 2, tzinfo=LOCAL)


@pytest.fixture
def broker(needs_tool: Callable[..., str], tmp_path: Path, free_port: int) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Broker(needs_tool("mosquitto", "/usr/sbin/mosquitto"), folder, free_port, "user root")
    yield made
    made.kill()


def reached(broker: Broker, **changes: Any) -> BrokerSettings:
    plain = BrokerSettings("127.0.0.1", broker.port, "head-end", tls=False, connect_s=10)
    return replace(plain, **changes)


class Post:
    """One plain client that speaks for all gateways, and hears every receipt."""

    def __init__(self, port: int) -> None:
        self.receipts: list[tuple[str, dict[str, Any]]] = []
        self._heard = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "post", protocol=mqtt.MQTTv5)
        self.client.on_message = lambda client, data, message: loop.call_soon_threadsafe(
            self._receipt, message.topic, json.loads(message.payload)
        )
        subscribed = asyncio.Event()
        self.client.on_subscribe = lambda *_: loop.call_soon_threadsafe(subscribed.set)
        self.client.on_connect = lambda client, *_: client.subscribe("ami/receipt/+", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.ready = subscribed.wait

    def _receipt(self, topic: str, told: dict[str, Any]) -> None:
        self.receipts.append((topic, told))
        self._heard.set()

    def send(self, payload: bytes, gateway: str = "GW001") -> None:
        self.client.publish(f"ami/readout/{gateway}", payload, qos=1)

    async def receipt(self, count: int) -> dict[str, Any]:
        """The last of so many."""
        async with asyncio.timeout(60):
            while len(self.receipts) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.receipts[count - 1][1]


@asynccontextmanager
async def at_work(
    settings: BrokerSettings, database: str, home: Path, spool_type: type[Spool] = Spool
) -> AsyncIterator[HeadEnd]:
    key = WrappingKey.load_or_create(home / "key")
    with connect(database) as conn:
        save_register(conn, behind_gateways(3), key.wrap)
    told = HeadEndSettings(database, home / "spool.sqlite", key.unwrap, broker=settings)
    spool = spool_type(told.spool_path)
    head_end = HeadEnd(told, spool, Ingest(spool, database), frozen(NOW), unseen)
    await head_end.open()
    for line in head_end.roster.lines:
        head_end.roster.drop(line)  # meters behind modems are with other head-ends
    try:
        async with asyncio.timeout(60):
            assert head_end.gateways is not None
            while not head_end.gateways.connected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield head_end
    finally:
        await head_end.close()
        spool.close()


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as conn:
        return conn.execute(query).fetchall()


def changed(**changes: Any) -> bytes:
    """The example with other members; None takes one away."""
    made = {**json.loads(document(1, 1)), **changes}
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def register(**changes: Any) -> bytes:
    first = json.loads(document(1, 1))["registers"][0]
    return changed(registers=[{**first, **changes}], profile=None)


# What is sent, under which gateway's topic, and the reason of the receipt.
BAD: dict[str, tuple[bytes, str, str]] = {
    "no bytes": (b"", "GW001", "no_json"),
    "no JSON": (b"{", "GW001", "no_json"),
    "no UTF-8": (b"\xff\xfe", "GW001", "no_json"),
    "another form": (b"[1, 2]", "GW001", "schema"),
    "a number alone": (b"17", "GW001", "schema"),
    "nested": (b"[" * 100_000, "GW001", "nesting"),
    "too long": (changed(events=[{"at": "x" * 300_000, "code": "a"}]), "GW001", "oversize"),
    "NaN": (document(1, 1).replace(b'"raw": 1001', b'"raw": NaN'), "GW001", "no_number"),
    "a fraction": (document(1, 1).replace(b'"raw": 1001', b'"raw": 10.5'), "GW001", "fraction"),
    "digits without end": (document(1, 1).replace(b"1001", b"9" * 5000), "GW001", "no_json"),
    "65 bits": (register(raw=2**63), "GW001", "schema"),
    "a truth for a number": (register(raw=True), "GW001", "schema"),
    "a name twice": (document(1, 1).replace(b"{", b'{"meter": "M2",', 1), "GW001", "name_twice"),
    "a stranger's name": (changed(colour="red"), "GW001", "schema"),
    "nothing said": (changed(registers=None, profile=None), "GW001", "schema"),
    "NUL": (changed(events=[{"at": "", "code": "a", "detail": "a\0b"}]), "GW001", "characters"),
    "half a pair": (changed(events=[{"at": "", "code": "a", "detail": "\ud800"}]), "GW001", "characters"),
    "a line's end in an id": (changed(meter="M001\n"), "GW001", "characters"),
    "no such day": (register(at="2026-09-31T00:00:00+07:00"), "GW001", "time"),
    "without a zone": (register(at="2026-09-11T00:00:00"), "GW001", "schema"),
    "the future": (register(at="2026-09-12T10:08:00+07:00"), "GW001", "future"),
    "a clock ahead": (changed(clock="2099-01-01T00:00:00Z"), "GW001", "future"),
    "an unknown meter": (changed(meter="M999"), "GW001", "unknown_meter"),
    "an unknown gateway": (changed(gateway="GW999"), "GW999", "unknown_gateway"),
    "another's topic": (document(1, 1), "GW002", "wrong_gateway"),
    "another's meter": (changed(meter="M002"), "GW001", "wrong_gateway"),
    "a meter that is called": (changed(meter="M000"), "GW001", "wrong_gateway"),
    "an unknown register": (register(obis="1.0.99.8.0.255"), "GW001", "nothing_usable"),
    "no OBIS code": (register(obis="1.0.999.8.0.255"), "GW001", "nothing_usable"),
    "a wrong unit": (register(unit="varh"), "GW001", "nothing_usable"),
}  # fmt: skip


async def test_whatever_is_wrong_is_kept_with_its_reason_and_acknowledged(
    broker: Broker, database: str, tmp_path: Path
) -> None:
    broker.start()
    async with at_work(reached(broker), database, tmp_path) as head_end:
        post = Post(broker.port)
        await post.ready()
        for number, (name, (payload, gateway, reason)) in enumerate(BAD.items(), 1):
            post.send(payload, gateway)
            told = await post.receipt(number)
            assert (told["taken"], told["reason"]) == (False, reason), (name, told)
            assert told["sentence"], name
        post.send(document(1, 1))
        assert (await post.receipt(len(BAD) + 1))["taken"]
        await head_end.drain()
        post.client.loop_stop()
        post.client.disconnect()
    kept = rows(database, "SELECT raw FROM rejected_frame")
    bytes_kept = {bytes(raw) for (raw,) in kept}
    for name, (payload, _, _) in BAD.items():
        assert payload[:65_536] in bytes_kept, name
    assert rows(database, "SELECT count(*) FROM register_read") == [(1,)]


async def test_the_manuals_example_published_by_a_foreign_client(
    broker: Broker, database: str, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    broker.start()
    async with at_work(reached(broker), database, tmp_path) as head_end:
        post = Post(broker.port)
        await post.ready()
        publish = [needs_tool("mosquitto_pub"), "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port)]
        publish += ["-q", "1", "-t", "ami/readout/GW001", "-f", "docs/mqtt/example.json"]
        for count in (1, 2):  # the same again changes nothing
            subprocess.run(publish, check=True, cwd=REPOSITORY, timeout=60)
            told = await post.receipt(count)
            assert (told["message"], told["taken"], told["sentence"]) == ("17-000042", True, "")
        changed = (REPOSITORY / "docs/mqtt/example.json").read_bytes().replace(b"1234567", b"1234568")
        post.send(changed)
        assert (await post.receipt(3))["reason"] == "message_twice"
        assert head_end.gateways is not None
        assert head_end.gateways.counts == {"ok": 1, "again": 1, "message_twice": 1}
        await head_end.drain()
        post.client.loop_stop()
        post.client.disconnect()
    assert rows(database, "SELECT raw, scaler, source FROM register_read") == [(1234567, 0, "poll")]
    assert rows(database, "SELECT voltage_v[1] FROM instant_read") == [(pytest.approx(230.4),)]
    block = rows(database, "SELECT at, raw, kind, interval_s FROM profile_block")
    assert block == [(datetime(2026, 9, 10, 9, tzinfo=LOCAL), [251, 248], "interval_energy", 1800)]
    assert rows(database, "SELECT code, detail FROM meter_event") == [("power_off", "12 s")]
    assert rows(database, "SELECT modem, outcome FROM poll") == [("G001", "ok")]
    evidence = rows(database, "SELECT raw FROM answer")
    assert [bytes(raw) for (raw,) in evidence] == [(REPOSITORY / "docs/mqtt/example.json").read_bytes()]


class FullSpool(Spool):
    """One that has no room until told."""

    full = True

    async def append(self, records: Any) -> None:
        if self.full:
            raise SpoolFull("the spool is full")
        await super().append(records)


async def test_without_room_nothing_is_acknowledged(broker: Broker, database: str, tmp_path: Path) -> None:
    broker.start()
    async with at_work(reached(broker, in_flight=4), database, tmp_path, FullSpool) as head_end:
        post = Post(broker.port)
        await post.ready()
        for message in range(20):
            post.send(document(1, message))
        await asyncio.sleep(1)
        assert post.receipts == []
        assert head_end.spool.rows == 0
        # The connection goes: what was not acknowledged comes again.
        broker.stop()
        broker.start()
        assert isinstance(head_end.spool, FullSpool)
        head_end.spool.full = False
        assert head_end.gateways is not None
        async with asyncio.timeout(60):
            while head_end.gateways.counts["ok"] < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await head_end.drain()
        post.client.loop_stop()
        post.client.disconnect()
    assert rows(database, "SELECT count(*), count(DISTINCT at) FROM register_read") == [(20, 20)]


def _authority(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2049, 1, 1))  # noqa: DTZ001
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "ca.pem"


async def test_a_broker_that_goes_is_seen_and_said_once(
    broker: Broker, database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """Refused again and again meanwhile; it goes a second time too."""
    monkeypatch.setattr("collector.mqtt.gateways.BACK_OFF", (0.1, 0.3))
    broker.start()

    async def seen(connected: int) -> None:
        async with asyncio.timeout(30):
            while gauge() != connected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    with caplog.at_level("INFO", "ami.mqtt"):
        async with at_work(reached(broker), database, tmp_path) as head_end:
            assert (gauge(), head_end.broker_away) == (1, "")
            for _ in range(2):
                broker.kill()
                await seen(0)
                assert head_end.broker_away is not None
                async with asyncio.timeout(30):
                    while "Connection refused" not in head_end.broker_away:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                await asyncio.sleep(1.0)
                broker.start()
                await seen(1)
                assert head_end.broker_away == ""
    where = f"the MQTT broker 127.0.0.1:{broker.port} is"
    said = [record.getMessage() for record in caplog.records if record.name == "ami.mqtt"]
    assert [line.split(where)[-1].split()[0].rstrip(":") for line in said[1:]] == ["away", "back"] * 2, said


def gauge() -> float:
    return next(sample.value for family in MQTT_CONNECTED.collect() for sample in family.samples)


async def test_tls_and_password(broker: Broker, needs_tool: Callable[..., str]) -> None:
    ca = _authority(broker.folder)
    words = broker.folder / "passwords"
    command = [needs_tool("mosquitto_passwd"), "-b", "-c", str(words), "ami", "canary-17"]
    subprocess.run(command, check=True, capture_output=True)
    broker.anonymous = "false"
    broker.more += f"\npassword_file {words}\ncertfile {ca}\nkeyfile {broker.folder / 'key.pem'}"
    broker.start()
    good = reached(broker, tls=True, ca=ca, user="ami", password="canary-17")
    assert await probe(good) == ""
    assert "canary" not in repr(good)
    refused = await probe(replace(good, password="canary-18"))
    assert "will not have us (Not authorized)" in refused
    assert "canary" not in refused
    assert "cannot be used" in await probe(replace(good, ca=None))  # nobody the machine trusts
    broker.kill()
    assert "Connection refused" in await probe(good)


def test_the_schema_of_the_manual_is_the_one_that_is_checked() -> None:
    published = (REPOSITORY / "docs" / "mqtt" / "readout.schema.json").read_bytes()
    assert published == (REPOSITORY / "collector" / "mqtt" / "readout.schema.json").read_bytes()
    assert json.loads(published)["additionalProperties"] is False


async def test_head_ends_of_one_group_share_the_work(broker: Broker, database: str, tmp_path: Path) -> None:
    broker.start()
    (tmp_path / "two").mkdir()
    one, two = reached(broker), reached(broker, client_id="head-end-2")
    async with at_work(one, database, tmp_path) as first, at_work(two, database, tmp_path / "two") as second:
        post = Post(broker.port)
        await post.ready()
        for message in range(20):
            post.send(document(1, message))
        await post.receipt(20)
        assert first.gateways is not None
        assert second.gateways is not None
        shares = [first.gateways.counts["ok"], second.gateways.counts["ok"]]
        assert sum(shares) == 20
        assert min(shares) > 0
        await first.drain()
        await second.drain()
        post.client.loop_stop()
        post.client.disconnect()
    assert rows(database, "SELECT count(*), count(DISTINCT at) FROM register_read") == [(20, 20)]


async def test_one_name_for_two_documents_that_come_at_once(
    broker: Broker, database: str, tmp_path: Path
) -> None:
    broker.start()
    async with at_work(reached(broker), database, tmp_path) as head_end:
        assert head_end.gateways is not None
        judge = head_end.gateways._judge
        first = json.loads(document(1, 1))["registers"][0]
        one, other = (register(raw=first["raw"] + number) for number in (0, 1))
        judge.begin()
        said = [judge.weigh("ami/readout/GW001", payload, NOW).outcome for payload in (one, other, one)]
        assert said == ["ok", "message_twice", "ok"]
        judge.begin()
        assert judge.weigh("ami/readout/GW001", other, NOW).outcome == "ok"  # nothing of it was kept


async def test_a_meter_hung_a_moment_ago_is_no_stranger(
    broker: Broker, database: str, tmp_path: Path
) -> None:
    broker.start()
    async with at_work(reached(broker), database, tmp_path) as head_end:
        with psycopg.connect(database) as conn:
            conn.execute("UPDATE meter SET serial = 'M001-2' WHERE serial = 'M001'")
        post = Post(broker.port)
        await post.ready()
        post.send(changed(meter="M001-2"))
        told = await post.receipt(1)
        assert (told["taken"], told["reason"]) == (True, ""), told
        await head_end.drain()
        post.client.loop_stop()
        post.client.disconnect()


def test_a_meter_is_put_behind_a_gateway_and_the_check_looks_for_the_broker(broker: Broker, ami: Any) -> None:
    ami("init")
    ami("meter", "add", "M1", "--model", "dk-1p", "--registration", "GW001", "--dialect", "mqtt",
        "--customer", "C1", "--name", "An", "--since", "2026-09-01")  # fmt: skip
    held = ami.environment["AMI_DATABASE_URL"]
    assert rows(held, "SELECT link, registration FROM modem") == [("mqtt", "GW001")]
    assert "ateway GW001 cannot be asked" in str(ami("meter", "test", "M1", code=None))
    ami("meter", "change", "M1", "--host", "127.0.0.1", "--port", "4059")
    assert rows(held, "SELECT link FROM modem") == [("dial_out",)]
    ami("meter", "change", "M1", "--registration", "GW002", "--dialect", "mqtt")
    assert rows(held, "SELECT link, registration FROM modem") == [("mqtt", "GW002")]
    ami.environment |= {
        "AMI_MQTT_HOST": "127.0.0.1",
        "AMI_MQTT_PORT": str(broker.port),
        "AMI_MQTT_TLS": "false",
    }

    def told() -> str:
        found = ami.json("check", "--json", code=None)["remarks"]
        return next(f"{r['state']}: {r['sentence']}" for r in found if r["name"] == "MQTT")

    assert told().startswith("wrong: the MQTT broker 127.0.0.1:")
    broker.start()
    assert told() == f"ok: the broker 127.0.0.1:{broker.port} answers"
