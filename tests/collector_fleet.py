"""A simulated cooperative in a process of its own, registered in a database, for tests of the head-end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from collector.settings import HeadEndSettings
from model.grid import Register
from model.jsonform import from_json
from model.period import LOCAL
from storage import grid
from storage.secrets import WrappingKey

REPOSITORY = Path(__file__).resolve().parents[1]
AS_OF = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
SEED = 11

FLEET = """
import asyncio, sys
from datetime import datetime
from simulators.fleet import serve
from simulators.options import Options
at = datetime.fromisoformat(sys.argv[1])
asyncio.run(serve(Options(
    seed=int(sys.argv[2]), epoch=at, as_of=at, customers=20, dial_in_to=("127.0.0.1", int(sys.argv[3])))))
"""

HEAD_END = """
import asyncio, sys
from datetime import datetime
from pathlib import Path
from collector.headend import run
from collector.settings import HeadEndSettings
from model.clock import frozen
from storage.secrets import WrappingKey
dsn, home, port, at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), datetime.fromisoformat(sys.argv[4])
settings = HeadEndSettings(
    dsn, home / "spool.sqlite", WrappingKey.load_or_create(home / "key").unwrap, listen_port=port,
    concurrency=2, answer_s=3, dial_in_wait_s=2, tries=2)
def progress(done, total, text):
    print(done, total, text, flush=True)
asyncio.run(run(settings, clock=frozen(at), once=True, progress=progress))
"""


@dataclass
class Cooperative:
    """The fleet's process, what it says of itself, and how a head-end reaches it."""

    process: subprocess.Popen[str]
    register: Register
    dsn: str
    home: Path
    port: int

    def order(self, **order: Any) -> dict[str, Any]:
        """One order on the fleet's stdin, its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def settings(self, **changes: Any) -> HeadEndSettings:
        key = WrappingKey.load_or_create(self.home / "key")
        plain = {
            "listen_port": self.port,
            "answer_s": 3.0,
            "dial_in_wait_s": 2.0,
            "tries": 2,
            "retry_pause_s": 0.1,
        }
        return HeadEndSettings(
            changes.pop("dsn", self.dsn), self.home / "spool.sqlite", key.unwrap, **{**plain, **changes}
        )

    def head_end(self) -> subprocess.Popen[str]:
        """The head-end, once, as a process of its own; its stdout tells the progress."""
        arguments = [self.dsn, str(self.home), str(self.port), AS_OF.isoformat()]
        return subprocess.Popen(
            [sys.executable, "-c", HEAD_END, *arguments], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()


@contextlib.contextmanager
def cooperative(dsn: str, home: Path, port: int) -> Iterator[Cooperative]:
    process = subprocess.Popen(
        [sys.executable, "-c", FLEET, AS_OF.isoformat(), str(SEED), str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        register = from_json(Register, ready["register"])
        with psycopg.connect(dsn) as connection:
            grid.save_register(connection, register, WrappingKey.load_or_create(home / "key").wrap)
        yield Cooperative(process, register, dsn, home, port)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)
