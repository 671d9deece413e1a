"""A command is sent at most once: a head-end killed between the claim and the meter, or before the answer."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.remote_orders import acts, order, people, present_fleet, registered, told
from tests.simulated_fleet import Fleet

ACTION = bytes.fromhex("c301")  # action-request-normal; the invoke id and class 70 follow
SWITCH = bytes.fromhex("00460000")  # class 70 of 0.0.96.3.10


class Trap(socketserver.ThreadingTCPServer):
    """A line to a modem on which a command is a trap: its sender is killed, before or after it arrives."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int, to: tuple[str, int], *, arrives: bool) -> None:
        super().__init__(("127.0.0.1", port), _Call)
        self.to, self.arrives = to, arrives
        self.victim: subprocess.Popen[str] | None = None
        self.sprung = 0

    def __enter__(self) -> Trap:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Call(socketserver.BaseRequestHandler):
    server: Trap
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(self.server.to) as far:
            back = threading.Thread(target=self._back, args=(far,), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                self._forth(far)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
            back.join(5)

    def _forth(self, far: socket.socket) -> None:
        trap = self.server
        while chunk := self.request.recv(65536):
            if ACTION in chunk and SWITCH in chunk:
                trap.sprung += 1
                if trap.victim is not None:
                    os.kill(trap.victim.pid, signal.SIGKILL)
                    trap.victim.wait(10)
                    trap.victim = None
                    if trap.arrives:
                        far.sendall(chunk)
                        time.sleep(0.3)
                    return
            far.sendall(chunk)

    def _back(self, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(65536):
                self.request.sendall(chunk)


@pytest.fixture
def fleet(ami: Any, tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Fleet]:
    port = free_ports()
    ami.environment |= {"AMI_LISTEN_PORT": str(port), "AMI_ANSWER_S": "3", "AMI_DIAL_IN_WAIT_S": "1"}
    with present_fleet(ami, port, "--meters", "2", "--modems", "1") as running:
        registered(ami, running, tmp_path)
        people(ami)
        yield running


@pytest.mark.parametrize(
    "arrives", [False, True], ids=["killed before it arrives", "killed before the answer"]
)
def test_a_command_whose_sender_was_killed_is_not_sent_again(
    ami: Any, fleet: Fleet, database: str, free_port: int, arrives: bool
) -> None:
    serial = fleet.register["meters"][0]["serial"]
    modem = fleet.register["modems"][0]
    trap = Trap(free_port, (modem["host"], modem["port"]), arrives=arrives)
    number = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"]
    acts(ami, "minh", "approve", str(number))
    with trap, psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE modem SET port = %s", [free_port])
        sender = trap.victim = ami.start("order", "carry-out", stderr=subprocess.DEVNULL)
        assert sender.wait(30) == -signal.SIGKILL
        assert trap.sprung == 1
        assert order(ami, number)["state"] == "sent"

        # Nobody touches it while its sender might still be sending.
        ami("order", "carry-out")
        assert order(ami, number)["state"] == "sent"
        _later(conn)
        ami("order", "carry-out")
        found = order(ami, number)
    stands = told(fleet, serial)
    assert trap.sprung == 1, "the command went over the line once more"
    assert found["result"]["settled"] is True
    if arrives:
        assert found["state"] == "done"
        assert stands["switch"] == found["result"]["state"] == "disconnected"
        assert len(stands["acts"]) == 1
    else:
        assert found["state"] == "failed"
        assert found["result"]["state"] == "connected"
        assert stands == {}
    # A person decides whether it is ordered anew, and may.
    assert acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["state"] == "requested"


def test_who_cannot_be_asked_how_it_stands_is_no_refusal(
    ami: Any, fleet: Fleet, database: str, free_port: int
) -> None:
    """The command arrived and its sender was killed; then another meter answers at the address."""
    serial, other = (meter["serial"] for meter in fleet.register["meters"])
    modem = fleet.register["modems"][0]
    trap = Trap(free_port, (modem["host"], modem["port"]), arrives=True)
    number = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"]
    acts(ami, "minh", "approve", str(number))
    with trap, psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE modem SET port = %s", [free_port])
        sender = trap.victim = ami.start("order", "carry-out", stderr=subprocess.DEVNULL)
        assert sender.wait(30) == -signal.SIGKILL
        _later(conn)
        _change_places(conn, serial, other)
        ami("order", "carry-out")
        assert order(ami, number)["state"] == "unknown", "nobody knows, and the customer sits in the dark"
        _change_places(conn, serial, other)
        ami("order", "carry-out")
        assert order(ami, number)["state"] == "done"
    assert told(fleet, serial)["switch"] == "disconnected"


def _change_places(conn: psycopg.Connection[Any], one: str, other: str) -> None:
    """Each answers at the other's address."""
    conn.execute("UPDATE meter SET address = (SELECT sum(address) FROM meter) - address"
                 " WHERE serial IN (%s, %s)", [one, other])  # fmt: skip


def _later(conn: psycopg.Connection[Any]) -> None:
    """Half a minute passes."""
    conn.execute("ALTER TABLE remote_order DISABLE TRIGGER remote_order_goes_its_way")
    conn.execute("UPDATE remote_order SET claimed_at = claimed_at - interval '31 s'")
    conn.execute("ALTER TABLE remote_order ENABLE TRIGGER remote_order_goes_its_way")
