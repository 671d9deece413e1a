"""A home without the key of its database: it makes none, reads nothing, says so in a sentence, and leaves the
modems to those who have it."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storage.secrets import WrappingKey
from tests.nodes import Nodes, nodes_before

TICKING = ("--as-of", "2026-11-17T09:10:00+07:00", "--ticking")
SIZE = ("--meters", "10", "--modems", "10", "--dial-in", "0.2", "--seed", "3")
LIVE = {"AMI_LIVE_EVERY_S": "5"}
COPY = "copy wrapping.key there from the home of another head-end"


def elsewhere(ami: Any, folder: Path) -> Any:
    """A second home at the same database."""
    folder.mkdir(mode=0o700)
    return dataclasses.replace(ami, home=folder, environment={**ami.environment, "AMI_NODE": "node-b"})


def test_a_home_without_the_key_makes_none(ami: Any, tmp_path: Path) -> None:
    add = ("meter", "add", "--model", "dk-1p", "--customer", "C1", "--name", "An", "--host", "10.8.0.14")
    ami("init")
    ami.environment["AMI_METER_PASSWORD"] = "12345678"
    ami(*add, "20260001")
    ami("collect", "--once", "--meter", "20260001", "--as-of", "2026-10-02T00:00", code=3)
    other = elsewhere(ami, tmp_path / "b")
    key = other.home / "wrapping.key"
    again = (*add, "--point", "P2", "20260002")
    refused = (("init",), again, ("collect",), ("collect", "--once"), ("meter", "test", "20260001"))
    for command in refused:
        said = other(*command, code=1).stderr.splitlines()[-1]
        assert said.startswith(f"ami: There is no {key}"), command
        assert COPY in said
        assert not key.exists(), command
    assert [r["state"] for r in other.json("check", "--json", code=1)["remarks"] if r["name"] == "key"] == [
        "wrong"
    ]
    WrappingKey.load_or_create(key)
    foreign = key.read_bytes()
    for command in refused:
        said = other(*command, code=1).stderr.splitlines()[-1]
        assert said.startswith(f"ami: {key} is not the key under which"), command
        assert COPY in said
    (remark,) = [r for r in other.json("check", "--json", code=1)["remarks"] if r["name"] == "key"]
    assert remark["state"] == "wrong"
    assert COPY in remark["sentence"]
    assert key.read_bytes() == foreign
    assert [m["serial"] for m in ami.json("meter", "list", "--json")["meters"]] == ["20260001"]

    other("meter", "take-down", "20260001", "--at", "2026-11-01T00:00")  # nothing is to be wrapped
    shutil.copy(ami.home / "wrapping.key", key)
    other(*again)
    (remark,) = [r for r in other.json("check", "--json", code=None)["remarks"] if r["name"] == "key"]
    assert (remark["state"], remark["sentence"].endswith("opens what this database keeps")) == ("ok", True)


def test_where_nothing_is_kept_the_first_secret_makes_the_key(ami: Any) -> None:
    ami("collect", "--once")
    assert not (ami.home / "wrapping.key").exists(), "whoever only reads makes none"
    ami.environment["AMI_METER_PASSWORD"] = "12345678"
    ami("meter", "add", "1", "--model", "dk-1p", "--customer", "C1", "--name", "An", "--host", "10.8.0.14")
    assert (ami.home / "wrapping.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.timeout(170)
async def test_a_node_that_finds_itself_without_the_key_leaves_its_modems_to_others(
    ami: Any, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    """The passwords come after it has started; then it has the key."""
    port_b, port_a, shown = (free_ports() for _ in range(3))
    with nodes_before(ami, tmp_path, port_b, *SIZE, clock=TICKING) as nodes:
        other = tmp_path / "elsewhere"
        other.mkdir(mode=0o700)
        b = {**LIVE, "AMI_HOME": str(other), "AMI_METRICS_PORT": str(shown)}
        with nodes.connected() as conn:
            conn.execute("CREATE TABLE kept AS SELECT * FROM meter_secret")
            conn.execute("DELETE FROM meter_secret")
        nodes.start("b", port_b, **b)
        await nodes.until(lambda: len(nodes.held().get("b", [])) == 2)
        assert ready(shown) == (200, "ready\n")
        with nodes.connected() as conn:
            conn.execute("INSERT INTO meter_secret SELECT * FROM kept")
        nodes.start("a", port_a, **LIVE)
        await nodes.until(
            lambda: {name: len(held) for name, held in nodes.held().items()} == {"a": 1, "b": 1}
        )
        nodes.end("a")
        await nodes.until(lambda: ready(shown)[0] == 503)
        assert f"There is no {other / 'wrapping.key'}" in ready(shown)[1]
        nodes.start("a", port_a, **LIVE)
        await nodes.until(lambda: set(nodes.held()) == {"a"})
        assert nodes.rows("SELECT name FROM node WHERE resting LIKE 'There is no%'") == [("b",)]
        await read_anew(nodes)
        assert set(nodes.held()) == {"a"}, "it is not asked again"
        assert not (other / "wrapping.key").exists()

        shutil.copy(ami.home / "wrapping.key", other)
        await nodes.until(lambda: set(nodes.held()) == {"a", "b"}, 40)
        assert ready(shown) == (200, "ready\n")
        await read_anew(nodes, "TRUE")
        said = nodes.log("b").read_text()
        assert said.count("takes no modems") == 1
        assert said.count("takes its share again") == 1
        assert "Traceback" not in said


async def read_anew(nodes: Nodes, which: str = "link <> 'dial_in'") -> None:
    """Every meter behind these modems is read from now on, and well."""
    query = f"""
        SELECT m.serial, (SELECT count(*) FROM poll WHERE meter_id = m.id AND outcome = 'ok')
        FROM meter m JOIN modem d ON d.code = m.modem WHERE {which}"""
    before = dict(nodes.rows(query))
    assert before
    await nodes.until(lambda: all(count > before[one] + 1 for one, count in nodes.rows(query)), 60)


def ready(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_a_secret_that_was_spoilt_is_one_meters_matter(ami: Any, database: str, free_port: int) -> None:
    """With the right key the others are asked; of that one it is said what to do."""
    ami.environment |= {"AMI_METER_PASSWORD": "12345678", "AMI_ANSWER_S": "1"}
    for number in (1, 2):
        ami(
            "meter", "add", f"{number}", "--model", "dk-1p", "--host", "127.0.0.1", "--port", f"{free_port}",
            "--customer", f"C{number}", "--name", "An", "--since", "2026-11-01T00:00",
        )  # fmt: skip
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "UPDATE meter_secret SET wrapped = 'spoilt' FROM meter m WHERE m.id = meter_id AND serial = '1'"
        )
    with socket.create_server(("127.0.0.1", free_port)):  # who never says a word
        found = ami.json("collect", "--once", "--json", "--as-of", "2026-11-02T00:00", code=3)
    why = {failed["meter"]: failed["detail"] for failed in found["failed"]}
    assert "give its password or keys again (`ami meter change 1`)" in why["1"]
    assert "password" not in why["2"]
