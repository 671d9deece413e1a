"""A real Mosquitto for a test, and a grid of meters behind gateways."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from model.grid import Meter, Modem, ModemLink, Register
from tests.storage_samples import grid

CONFIGURATION = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
persistence true
persistence_location {folder}/
max_queued_messages 0
{more}
"""


@dataclass
class Broker:
    """`start`, `kill` (SIGKILL) and `start` again; `stop` lets it save what it holds."""

    program: str
    folder: Path
    port: int
    more: str = ""
    anonymous: str = "true"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        file = self.folder / "mosquitto.conf"
        file.write_text(CONFIGURATION.format(**vars(self)))
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([self.program, "-c", str(file)], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


def behind_gateways(gateways: int) -> Register:
    """Meters M001 … each behind a gateway GW001 … of its own; M000 is behind D1, which is called."""
    known = grid(gateways)
    modems = tuple(
        Modem(f"G{n:03}", ModemLink.MQTT, "mqtt", registration=f"GW{n:03}") for n in range(1, gateways + 1)
    )
    meters: list[Meter] = [
        meter if meter.serial == "M000" else replace(meter, modem=f"G{meter.serial[1:]}")
        for meter in known.meters
    ]
    return replace(known, modems=(known.modems[0], *modems), meters=tuple(meters))
