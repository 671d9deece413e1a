"""Ports that are taken and homes that are in use: one sentence, and who was there first goes on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.bad_meters import NOW, rows
from tests.refusals import refused, sentence_of


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else listens on this port of 127.0.0.1."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@contextlib.contextmanager
def staying(ami: Any, *arguments: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """A command that stays, once it has said so; it is ended in order and must end well."""
    process: subprocess.Popen[str] = ami.start(
        *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said = process.stderr if until.startswith("2:") else process.stdout
    try:
        for line in said:  # type: ignore[union-attr]
            if until.removeprefix("2:") in line:
                break
        yield process
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode in (0, 130), process.returncode
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def dials_in(ami: Any, *more: str) -> None:
    """A meter behind a modem that calls."""
    place = ("--registration", "8612", "--customer", "K1", "--name", "A")
    ami("meter", "add", "9", "--model", "dk-1p", *place, *more)


def test_the_port_of_the_modems(ami: Any, free_port: int) -> None:
    dials_in(ami)
    with taken(free_port):
        done = ami("collect", "--once", "--json", "--listen-port", str(free_port), code=1)
    assert sentence_of(done) == (
        f"Port {free_port} for modems that dial in cannot be opened on 127.0.0.1 (Address already in use): "
        "another program has it, choose another with AMI_LISTEN_PORT."
    )
    assert done.stdout == ""


@pytest.mark.parametrize("setting", ["AMI_LISTEN_PORT", "AMI_PUSH_PORT"])
def test_a_head_end_whose_port_is_taken_enters_no_node(
    ami: Any, database: str, free_port: int, setting: str
) -> None:
    dials_in(ami)
    ami.environment[setting] = str(free_port)
    with taken(free_port):
        sentence = refused(ami, "collect", code=1)
    assert sentence.startswith(f"Port {free_port} for m")
    assert sentence.endswith(f"another program has it, choose another with {setting}.")
    assert rows(database, "SELECT name FROM node") == []


def test_the_ports_are_said_at_the_start_and_who_is_sent_away_later(ami: Any, free_port: int) -> None:
    dials_in(ami, "--dialect", "text-once")
    ami.environment["AMI_PUSH_PORT"] = str(free_port)
    dialled = ami.environment["AMI_LISTEN_PORT"]
    said = f"2:modems dial in to port {dialled}, meters push to port {free_port}. Ctrl-C ends it."
    with staying(ami, "collect", until=said) as process:
        for port, place in ((int(dialled), "modems'"), (free_port, "push")):
            with (
                socket.create_connection(("127.0.0.1", port), 5) as caller,
                contextlib.suppress(ConnectionError),
            ):
                caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert caller.recv(1) == b""
            line = next(line for line in process.stderr or () if "sent away" in line)
            assert f" WARNING sent away at the {place} port (un" in line
            assert line.endswith("; from 127.0.0.1\n")


def test_the_port_of_the_pages(ami: Any, free_port: int) -> None:
    with taken(free_port):
        sentence = refused(ami, "serve", "--port", str(free_port), code=1)
    assert sentence == (
        f"The pages cannot be served on 127.0.0.1:{free_port} (Address already in use): "
        "free the port or name another with --port."
    )


def test_simulators_pass_taken_ports_by(ami: Any) -> None:
    fleet = ("simulate", "fleet", "--json", "--customers", "20", "--as-of", NOW.isoformat())
    ports = []
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            process = ami.start(*fleet, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            stack.callback(process.communicate, timeout=30)
            ready = json.loads(process.stdout.readline())
            ports.append({modem["port"] for modem in ready["register"]["modems"] if modem["port"]})
    assert ports[0]
    assert not ports[0] & ports[1]


def test_a_second_head_end(ami: Any, database: str, free_ports: Callable[[], int]) -> None:
    dials_in(ami)
    with staying(ami, "collect", until="2:is at work"):
        sentence = refused(ami, "collect", "--once", "--listen-port", str(free_ports()), code=1)
        assert f"`ami collect` is already running on {ami.home} (process " in sentence
        assert "stop it first, or set AMI_HOME to another directory" in sentence
        # A home of its own does not help where another already reads, nor another name against its port.
        first = ami.environment["AMI_LISTEN_PORT"]
        ami.home = ami.home.with_name("second")
        assert refused(ami, "collect", "--once", "--listen-port", str(free_ports()), code=1) == (
            "head-end node-a is at work in this database and will read what is missing: "
            "stop that first where everything is to be read at once."
        )
        taken_name = sentence_of(ami("collect", "--listen-port", str(free_ports()), code=1))
        assert taken_name.startswith("A head-end called node-a is at work in this database already")
        done = ami("collect", "--node", "node-b", code=1)
        assert f"Port {first} for modems that dial in cannot be opened" in sentence_of(done)
    assert rows(database, "SELECT count(*) FROM poll") == [(0,)]


@pytest.mark.timeout(120)
def test_a_second_demo(ami: Any, database: str) -> None:
    """The first is not disturbed and leaves its home free when it is stopped."""
    with staying(
        ami, "demo", "--customers", "20", "--seed", "4", "--as-of", NOW.isoformat(), until="2:Starting the"
    ):
        sentence = refused(ami, "demo", "--once", code=1)
        assert f"`ami demo` is already running on {ami.home} (process " in sentence
        assert "stop it first, or set AMI_HOME to another directory" in sentence
    assert rows(database, "SELECT count(*) FROM bill") == [(0,)]
    with (ami.home / "demo.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
