"""Several programs at the window of one meter's logger at once: each has the right rows, or says why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.foreign_peers import REPOSITORY, ami_read, our_meter

pytestmark = pytest.mark.xdist_group("simulate-meter")
PROFILE = ("--profile", "1.0.99.1.0")
ALL: tuple[str, ...] = ("--from", "2026-10-01", "--to", "2026-10-20")
LATER: tuple[str, ...] = ("--from", "2026-10-05", "--to", "2026-10-20")
COUNTED: tuple[str, ...] = ("--entries", "400-1300")
PATIENCE_S = 60


@pytest.fixture(scope="module")
def url(free_ports: Callable[[], int]) -> Iterator[str]:
    with our_meter(
        "--modbus-tcp", str(free_ports()), "--seed", "7", "--as-of", "2026-10-20T09:00:00+07:00"
    ) as meter:
        yield meter["urls"]["modbus_tcp"]


class Reader:
    """One `ami read` on its way; what it prints goes to a file, so that it never waits for us."""

    def __init__(self, folder: Path, url: str, asked: tuple[str, ...]) -> None:
        self._printed = folder / f"{len(list(folder.iterdir()))}.json"
        with self._printed.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ami.main", "read", url, *PROFILE, *asked, "--json"],
                env={**os.environ, "AMI_HOME": str(folder)},
                stdout=file,
                cwd=REPOSITORY,
            )

    def ended(self, alone: list[Any]) -> bool:
        """Whether it has the rows; else it has refused, and nothing else."""
        code = self.process.wait(PATIENCE_S)
        document = json.loads(self._printed.read_text("utf-8"))
        if code == 3:
            (refused,) = document["refused"]
            assert "another program moved the meter's window" in refused["reason"]
            assert document["profile"] is None
            return False
        assert code == 0
        assert document["profile"]["rows"] == alone
        return True


def test_two_readers_and_a_foreign_master_never_have_each_others_rows(
    url: str, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    alone = {
        asked: ami_read(tmp_path, url, *PROFILE, *asked)["profile"]["rows"] for asked in (ALL, LATER, COUNTED)
    }
    assert [len(rows) for rows in alone.values()] == [19 * 48 + 1, 15 * 48 + 1, 901]
    for pair in ((ALL, LATER), (COUNTED, ALL)):
        readers = [Reader(tmp_path, url, asked) for asked in pair]
        for reader, asked in zip(readers, pair, strict=True):
            reader.ended(alone[asked])
    port = url.partition("127.0.0.1:")[2].partition("?")[0]
    master = [needs_tool("mbpoll"), "-m", "tcp", "-a", "1", "-0", "-1", "-r", "204", "-t", "4", "-p", port]
    for asked in (ALL, COUNTED):
        reader, writes = Reader(tmp_path, url, asked), 0
        while reader.process.poll() is None:
            subprocess.run([*master, "127.0.0.1", "0", "5"], capture_output=True, timeout=20, check=True)
            writes += 1
        assert writes
        reader.ended(alone[asked])
