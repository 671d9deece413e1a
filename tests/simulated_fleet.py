"""`ami simulate fleet` as a process, its meters' register in an installation, and the office's work after."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The planted modem falls silent three days before the epoch: a day earlier every meter still answers.
EPOCH = "2026-11-21T09:10:00+07:00"
AS_OF = "2026-11-17T09:10:00+07:00"
OFFICE = ("validate", "close", "bill run", "alerts run")


@dataclass
class Fleet:
    """The running simulator, its register as it announced it, and where its modems dial in."""

    process: subprocess.Popen[str]
    register: dict[str, Any]
    port: int
    as_of: str

    def order(self, **order: Any) -> dict[str, Any]:
        """One order on stdin, its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def register_in(self, ami: Any, folder: Path) -> None:
        """Make these meters known to an installation."""
        file = folder / "register.json"
        file.write_text(json.dumps(self.register), encoding="utf-8")
        ami("import", "register", str(file))

    @property
    def collecting(self) -> tuple[str, ...]:
        """The head-end that reads this fleet, once."""
        return ("collect", "--once", "--as-of", self.as_of, "--listen-port", str(self.port))

    def office(self, ami: Any, verbs: Sequence[str] = OFFICE) -> None:
        """What comes after reading: validated days, closing indices, bills, alerts."""
        for verb in verbs:
            done = ami(*verb.split(), "--as-of", self.as_of, code=None)
            assert done.returncode in (0, 3), f"ami {verb}: {done.stderr[-2000:]}"


@contextlib.contextmanager
def simulated_fleet(ami: Any, port: int, *options: str, as_of: str = AS_OF) -> Iterator[Fleet]:
    """A fleet whose clock stands still; it ends with the block."""
    process = ami.start(
        "simulate", "fleet", "--json", "--epoch", EPOCH, "--as-of", as_of,
        "--dial-in-to", f"127.0.0.1:{port}", *options,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    fleet = Fleet(process, {}, port, as_of)
    try:
        fleet.register = fleet._line()["register"]
        yield fleet
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)
