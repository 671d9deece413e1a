"""Orders in an installation with simulated meters: people, and commands as they give them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from click.testing import CliRunner

from ami.failure import Failure
from ami.known import known_failure
from ami.main import cli
from tests.collector_fleet import Cooperative
from tests.simulated_fleet import Fleet


@contextlib.contextmanager
def present_fleet(ami: Any, port: int, *options: str) -> Iterator[Fleet]:
    """A simulated fleet whose clocks are right; it ends with the block."""
    process = ami.start(
        "simulate", "fleet", "--json", "--dial-in-to", f"127.0.0.1:{port}", *options,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        fleet = Fleet(process, json.loads(process.stdout.readline())["register"], port, "")
        yield fleet
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


def told(fleet: Fleet | Cooperative, serial: str) -> dict[str, Any]:
    """What the simulator says the meter was told."""
    at = "2026-01-01T00:00:00+07:00"
    answer = fleet.order(do="truth", **{"from": at, "to": at})
    return dict(answer["truth"]["told"].get(serial, {}))


PASSWORDS = {"lan": "a-long-word-of-lan1", "minh": "a-long-word-of-minh1", "hoa": "a-long-word-of-hoa1"}
ROLES = {"lan": "billing", "minh": "engineer", "hoa": "billing"}


@dataclass(frozen=True)
class Said:
    """How a command ended that ran in the test's own process: interpreters take seconds to start."""

    code: int
    stdout: str
    stderr: str


def here(ami: Any, *words: str, code: int = 0, stdin: str = "") -> Said:
    """`ami …` as it would end as a process."""
    done = CliRunner().invoke(cli, words, input=stdin, env=ami.environ())
    ended, stderr = done.exit_code, done.stderr
    if isinstance(done.exception, Exception):
        failure = done.exception if isinstance(done.exception, Failure) else known_failure(done.exception)
        if failure is None:
            raise done.exception
        ended, stderr = int(failure.code), f"{stderr}ami: {failure}"
    assert ended == code, stderr
    return Said(ended, done.stdout, stderr)


def registered(ami: Any, fleet: Fleet, folder: Path) -> None:
    """Make the fleet's meters known to the installation."""
    file = folder / "register.json"
    file.write_text(json.dumps(fleet.register), encoding="utf-8")
    here(ami, "import", "register", str(file))


def people(ami: Any, *, customer: str = "") -> None:
    """lan and hoa of the billing office, minh of the meter room, and khach, a customer."""
    for login, role in ROLES.items():
        here(ami, "user", "add", login, "--role", role, "--password-stdin", stdin=PASSWORDS[login] + "\n")
    if customer:
        words = ("user", "add", "khach", "--role", "customer", "--customer", customer, "--password-stdin")
        here(ami, *words, stdin="a-long-word-of-khach1\n")


def acts(ami: Any, login: str, *words: str, code: int = 0) -> Any:
    """`ami order …` by somebody with the right password: the document, or what was said on failure."""
    password = PASSWORDS.get(login, "a-long-word-of-khach1")
    more = ("--json",) if words[0] != "lift" else ()
    done = here(
        ami, "order", *words, "--as", login, "--password-stdin", *more, code=code, stdin=password + "\n"
    )
    return done.stderr if code or not more else json.loads(done.stdout)


def order(ami: Any, number: int) -> dict[str, Any]:
    """An order as it stands."""
    found: dict[str, Any] = json.loads(here(ami, "order", "show", str(number), "--json").stdout)
    return found


def finished(ami: Any, number: int, *, state: str, within: float = 30) -> dict[str, Any]:
    """The order once it is in this state."""
    until = time.monotonic() + within
    while (found := order(ami, number))["state"] != state:
        assert time.monotonic() < until, found
        time.sleep(0.3)
    return found


def deeds(dsn: str, number: int) -> list[tuple[str, str]]:
    """Who did what to an order, in order."""
    with psycopg.connect(str(dsn)) as conn:
        return conn.execute(
            "SELECT login, action FROM audit WHERE object = %s ORDER BY id", [f"order {number}"]
        ).fetchall()
