"""What `ami bench collect` measures against: simulated meters, and an installation that knows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ami.failure import Failure
from model.period import LOCAL

DAY: Final = datetime(2026, 10, 21, tzinfo=LOCAL)  # a Wednesday, far from the ends of weeks and months
AT: Final = DAY + timedelta(days=1, minutes=7)  # the day before is in every meter's buffer


@dataclass(frozen=True, slots=True)
class MeterAt:
    """Where a meter answers, and what it wants to hear first."""

    serial: str
    host: str
    port: int
    address: int
    password: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many meters with a modem each, known to the installation in `home`."""

    home: Path
    meters: tuple[MeterAt, ...]

    def environment(self) -> dict[str, str]:
        """For whoever works in this installation."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AMI_")}
        return {**ours, "AMI_HOME": str(self.home)}


@contextmanager
def fleet(folder: Path, meters: int, number: int) -> Iterator[Fleet]:
    """Serve and register so many meters, and read their first day; of the next nothing is known yet.

    `number` tells the fleets of one run apart: each has addresses of its own, and leaves 127.0.0.1 to whoever
    else works on this machine.
    """
    folder.mkdir()
    home = {**Fleet(folder, ()).environment(), "AMI_CALLS_PER_SECOND": "10000"}
    simulated = subprocess.Popen(
        words_of(
            "simulate", "fleet", "--meters", str(meters), "--modems", str(meters), "--dial-in", "0",
            "--host", f"127.{64 + os.getpid() % 128}.{number}.1",
            "--epoch", AT.isoformat(), "--as-of", (AT - timedelta(days=1)).isoformat(), "--json",
        ),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=home,
    )  # fmt: skip
    assert simulated.stdin is not None
    assert simulated.stdout is not None
    try:
        ready = json.loads(simulated.stdout.readline() or "{}")
        if "register" not in ready:
            raise Failure("Bench collect: the simulated meters did not start: see what they said above.")
        register = hung_since(ready["register"], DAY - timedelta(days=1))
        (folder / "register.json").write_text(json.dumps(register), encoding="utf-8")
        run_ami("db", "start", home=home)
        try:
            run_ami("import", "register", str(folder / "register.json"), home=home)
            # What is asked only now and then (instant values) is behind us when the measured day comes.
            run_ami("collect", "--once", "--as-of", (AT - timedelta(days=1)).isoformat(), home=home)
            simulated.stdin.write(json.dumps({"do": "clock", "at": AT.isoformat()}) + "\n")
            simulated.stdin.flush()
            simulated.stdout.readline()
            yield Fleet(folder, _meters(register))
        finally:
            run_ami("db", "stop", "--mode", "immediate", home=home)
    finally:
        simulated.stdin.close()
        simulated.stdout.close()
        simulated.wait(60)


def hung_since(register: dict[str, Any], since: datetime) -> dict[str, Any]:
    """The register as if every meter had been hung at this instant: nothing before it is asked for."""
    hung = [{**each, "since": since.isoformat()} for each in register["installations"]]
    return {**register, "installations": hung}


def _meters(register: dict[str, Any]) -> tuple[MeterAt, ...]:
    modems = {modem["code"]: modem for modem in register["modems"]}
    return tuple(
        MeterAt(
            meter["serial"],
            modems[meter["modem"]]["host"],
            modems[meter["modem"]]["port"],
            meter["address"],
            meter["password"],
        )
        for meter in register["meters"]
    )


def words_of(*arguments: str) -> list[str]:
    """`ami` as a process."""
    return [sys.executable, "-m", "ami.main", *arguments]


def run_ami(*arguments: str, home: dict[str, str]) -> None:
    """`ami …` in an installation, to its end; raises `Failure` with its last word."""
    done = subprocess.run(words_of(*arguments), env=home, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"Bench collect, ami {arguments[0]} {arguments[1]}: {last.removeprefix('ami: ')}")
