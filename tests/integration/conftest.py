"""The program as a person runs it: a process with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Ami:
    """Runs `ami …` below one home against one database."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        return {**inherited, "AMI_HOME": str(self.home), **self.environment}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ami.main", *arguments],
            env=self.environ(),
            text=True,
            cwd=REPOSITORY,
            **options,
        )

    def __call__(
        self, *arguments: str, code: int | None = 0, stdin: str = "", timeout: float = 170
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; anything but the exit code `code` fails the test with what was said."""
        done = subprocess.run(
            [sys.executable, "-m", "ami.main", *arguments],
            env=self.environ(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=REPOSITORY,
            check=False,
        )
        if code is not None and done.returncode != code:
            pytest.fail(
                f"ami {' '.join(arguments)} ended with {done.returncode}, not {code}:\n{done.stderr[-4000:]}"
            )
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        """What a command that was given --json printed: exactly one document."""
        return json.loads(self(*arguments, **options).stdout)


@pytest.fixture
def ami(database: str, tmp_path: Path, free_ports: Callable[[], int]) -> Ami:
    """`ami` on an empty home and a database of its own."""
    return Ami(
        tmp_path / "home",
        {
            "AMI_DATABASE_URL": str(database),
            "AMI_NODE": "node-a",
            "AMI_LISTEN_PORT": str(free_ports()),
            "AMI_WEB_PORT": str(free_ports()),
        },
    )
