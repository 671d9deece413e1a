"""The fleet as a process of its own: soon ready, and gone when told to."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio
from datetime import datetime
from model.period import LOCAL
from simulators import fleet
from simulators.options import Options

at = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
asyncio.run(fleet.serve(Options(seed=3, epoch=at, as_of=at, port_from={port})))
"""


@pytest.fixture
def process(free_port):
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(port=free_port)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield running
    if running.poll() is None:
        running.kill()
    running.communicate()


def test_it_is_ready_in_three_seconds_and_ends_with_its_stdin(process):
    begun = time.monotonic()
    ready = json.loads(process.stdout.readline())
    assert time.monotonic() - begun < 3
    assert ready["ready"] is True
    assert len(ready["register"]["customers"]) == 60
    out, err = process.communicate(
        '{"do":"clock","at":"2026-10-21"}\n{"do":"corrupt","answers":0}', timeout=5
    )
    assert [json.loads(line) for line in out.splitlines()] == [
        {"clock": "2026-10-20T17:00:00+00:00"},
        {"corrupt": 0},
    ]
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(process, number):
    process.stdout.readline()
    process.send_signal(number)
    process.wait(timeout=5)
    assert (process.returncode, process.stderr.read()) == (0, "")
