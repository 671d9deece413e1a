"""New keys for a meter: sent, proved, then current; one killed at any point leaves a meter that opens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.keyed_lines import Overheard
from tests.remote_orders import PASSWORDS, here, order, people, present_fleet, registered, told
from tests.simulated_fleet import Fleet

KEYED = ("--meters", "1", "--modems", "1", "--dial-in", "0", "--keyed", "1")
ACTION = 0xCB  # glo-action-request: of HLS the first, the transfer the second, HLS again the third


@pytest.fixture
def fleet(ami: Any, tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Fleet]:
    port = free_ports()
    ami.environment |= {"AMI_LISTEN_PORT": str(port), "AMI_ANSWER_S": "2", "AMI_METRICS_PORT": "0"}
    with present_fleet(ami, port, *KEYED) as running:
        registered(ami, running, tmp_path)
        people(ami)
        yield running


def rotate(ami: Any, *words: str, login: str = "minh", code: int = 0) -> Any:
    done = here(ami, "key", "rotate", *words, "--as", login, "--password-stdin", "--json", code=code,
                stdin=PASSWORDS[login] + "\n")  # fmt: skip
    return done.stderr if code and not done.stdout else json.loads(done.stdout)


def kinds(database: str) -> list[str]:
    with psycopg.connect(database) as conn:
        return [kind for (kind,) in conn.execute("SELECT kind FROM meter_secret ORDER BY kind")]


def wrapped(database: str) -> dict[str, bytes]:
    with psycopg.connect(database) as conn:
        return dict(conn.execute("SELECT kind, wrapped FROM meter_secret").fetchall())


def changes(fleet: Fleet, serial: str) -> int:
    """How often the meter says its keys were changed."""
    return [act["what"] for act in told(fleet, serial).get("acts", [])].count("keys")


def read(ami: Any, serial: str, *, code: int = 0) -> Any:
    """The meter read by another process, which knows of it what the store does."""
    return ami.json("meter", "test", serial, "--json", code=code)


def test_keys_are_changed(ami: Any, fleet: Fleet, database: str) -> None:
    serial, keys = fleet.register["meters"][0]["serial"], fleet.register["meters"][0]["keys"]
    read(ami, serial)
    before = wrapped(database)
    assert "for the role" in rotate(ami, serial, login="lan", code=5)
    (placed,) = rotate(ami, "--all")["orders"]
    assert (placed["state"], placed["serial"], placed["kind"]) == ("approved", serial, "rotate_keys")
    done = ami("order", "carry-out")
    found = order(ami, placed["id"])
    assert (found["state"], found["result"]["said"]) == ("done", f"meter {serial} has new keys"), done.stderr
    assert changes(fleet, serial) == 1
    after = wrapped(database)
    assert kinds(database) == ["authentication", "encryption", "master"]
    assert after["master"] == before["master"]
    assert after["encryption"] != before["encryption"]
    assert after["authentication"] != before["authentication"]
    read(ami, serial)
    with psycopg.connect(database) as conn:
        deeds = [
            row[0] for row in conn.execute("SELECT action FROM audit WHERE object = %s", [f"meter {serial}"])
        ]
        whole = str(conn.execute("SELECT to_jsonb(a)::text FROM audit a").fetchall())
        seen = whole + str(conn.execute("SELECT to_jsonb(o)::text FROM remote_order o").fetchall())
    assert deeds == ["key.pending", "key.change"]
    assert not any(key in seen + done.stderr + done.stdout for key in keys.values())
    shown = json.loads(here(ami, "key", "list", "--json").stdout)["meters"]
    assert [(one["serial"], one["unsettled"]) for one in shown] == [(serial, False)]
    assert shown[0]["rotated_at"] is not None

    # The old keys open nothing any more: given by hand, they are found wrong, and the right ones still are.
    with psycopg.connect(database, autocommit=True) as conn:
        for kind, old in before.items():
            conn.execute("UPDATE meter_secret SET wrapped = %s WHERE kind = %s", [old, kind])
        assert "correct its keys" in str(read(ami, serial, code=None))
        conn.execute("DELETE FROM meter_secret WHERE kind = 'master'")
    assert "with the master key" in rotate(ami, serial, code=5)


class Killer:
    """Kills the head-end at a message of its way to the meter, which arrives or does not."""

    def __init__(self, nth: int, *, arrives: bool) -> None:
        self.arrives, self._nth, self._seen = arrives, nth, 0
        self.victim: subprocess.Popen[str] | None = None

    def __call__(self, chunk: bytes) -> bytes | None:
        self._seen += chunk[8] == ACTION
        if self.victim is None or chunk[8] != ACTION or self._seen != self._nth:
            return chunk
        os.kill(self.victim.pid, signal.SIGKILL)
        self.victim.wait(10)
        self.victim = None
        return chunk if self.arrives else None


@pytest.mark.parametrize(
    ("nth", "arrives", "changed"),
    [
        pytest.param(1, False, False, id="before the claim", marks=pytest.mark.soak),
        pytest.param(2, False, False, id="sent, and lost"),
        pytest.param(2, True, True, id="sent, not answered"),
        pytest.param(3, False, True, id="not yet proved", marks=pytest.mark.soak),
        pytest.param(3, True, True, id="proved", marks=pytest.mark.soak),
    ],
)
def test_a_head_end_killed_while_it_changes_keys(
    ami: Any, fleet: Fleet, database: str, free_port: int, nth: int, arrives: bool, changed: bool
) -> None:
    serial, modem = fleet.register["meters"][0]["serial"], fleet.register["modems"][0]
    killer = Killer(nth, arrives=arrives)
    with (
        Overheard(free_port, (modem["host"], modem["port"])) as line,
        psycopg.connect(database, autocommit=True) as conn,
    ):
        conn.execute("UPDATE modem SET port = %s", [free_port])
        line.trap = killer
        number = rotate(ami, serial)["orders"][0]["id"]
        victim = killer.victim = ami.start("order", "carry-out", stderr=subprocess.DEVNULL)
        assert victim.wait(30) == -signal.SIGKILL
        if killer.arrives and nth > 1:  # what was sent is still on its way
            until = time.monotonic() + 10
            while not changes(fleet, serial):
                assert time.monotonic() < until
        assert changes(fleet, serial) == int(changed and nth > 1)
        assert order(ami, number)["state"] == ("sent" if nth > 1 else "approved")
        if nth > 1:
            assert "encryption.pending" in kinds(database)
        # Read at once, by whoever comes: pending keys, then the current ones.
        read(ami, serial)
        _later(conn)
        ami("order", "carry-out")
        found = order(ami, number)
        assert found["state"] == ("done" if changed or nth == 1 else "failed"), found
        assert changes(fleet, serial) == int(changed or nth == 1)
        assert not [kind for kind in kinds(database) if kind.endswith(".pending")]
        read(ami, serial)
        # And it can be done again.
        again = rotate(ami, serial)["orders"][0]["id"]
        ami("order", "carry-out")
        assert order(ami, again)["state"] == "done"
        read(ami, serial)
        assert kinds(database) == ["authentication", "encryption", "master"]


@pytest.mark.soak
def test_killed_between_the_claim_and_the_first_note(ami: Any, fleet: Fleet, database: str) -> None:
    """Nothing was written down, so nothing can have been sent."""
    serial = fleet.register["meters"][0]["serial"]
    number = rotate(ami, serial)["orders"][0]["id"]
    with psycopg.connect(database) as holding:
        holding.execute("LOCK TABLE meter_secret IN SHARE MODE")  # to be read, not to be written
        victim = ami.start("order", "carry-out", stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while order(ami, number)["state"] != "sent":
            assert time.monotonic() < until
            time.sleep(0.05)
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
    with psycopg.connect(database, autocommit=True) as conn:
        _later(conn)
    ami("order", "carry-out")
    assert order(ami, number)["state"] == "failed"
    assert changes(fleet, serial) == 0
    read(ami, serial)


def _later(conn: psycopg.Connection[Any]) -> None:
    """Half a minute passes."""
    conn.execute("ALTER TABLE remote_order DISABLE TRIGGER remote_order_goes_its_way")
    conn.execute("UPDATE remote_order SET claimed_at = claimed_at - interval '31 s'")
    conn.execute("ALTER TABLE remote_order ENABLE TRIGGER remote_order_goes_its_way")
