"""Other people's implementations as processes, and our own meter as one; nothing here imports theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PEER_PYTHON = REPOSITORY / ".venv-peers" / "bin" / "python"
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Peers:
    """Runs the scripts of tests/peers in .venv-peers."""

    python: Path

    def run(self, script: str, plan: Any) -> Any:
        """One script to its end: a plan in, what it found out; what it says on failing fails the test."""
        done = subprocess.run(
            [self.python, REPOSITORY / "tests" / "peers" / script],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{script} failed with {_shown(plan)}:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, script: str, plan: dict[str, Any]) -> Iterator[Any]:
        """A script that serves until its stdin ends; what it says first."""
        with subprocess.Popen(
            [self.python, REPOSITORY / "tests" / "peers" / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(plan) + "\n")
            process.stdin.flush()
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.stdin.close()
                process.wait(PATIENCE_S)


def _shown(plan: Any) -> str:
    return ", ".join(f"{key}={plan[key]}" for key in ("framing", "auth", "max_pdu", "port") if key in plan)


@contextmanager
def our_meter(*arguments: str) -> Iterator[Any]:
    """`ami simulate meter` with these arguments as a process; what it says when it is ready."""
    with subprocess.Popen(
        [sys.executable, "-m", "ami.main", "simulate", "meter", *arguments, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def ami_read(home: Path, *arguments: str, code: int = 0, **environment: str) -> Any:
    """The document of `ami read … --json`, which must end with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", "read", *arguments, "--json"],
        env={**os.environ, "AMI_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=REPOSITORY,
        check=False,
    )
    if done.returncode != code:
        pytest.fail(f"ami read {arguments[0]} ended with {done.returncode}, not {code}:\n{done.stderr}")
    return json.loads(done.stdout)
