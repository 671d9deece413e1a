"""A district of simulated meters in a process of its own, and what a head-end needs to read it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from collector.exchange.abilities import abilities_of
from collector.polling.known import Known
from collector.polling.roster import Seat
from model.grid import Modem, Register
from model.jsonform import from_json
from storage.fleet import Line, LineMeter

REPOSITORY = Path(__file__).resolve().parents[1]

SERVE = """
import asyncio, json, sys
from datetime import datetime
from simulators.fleet import serve
from simulators.options import District, Options
told = json.loads(sys.argv[1])
at = datetime.fromisoformat(told["at"])
asyncio.run(serve(Options(
    seed=told["seed"], epoch=at, as_of=at, ticking=told["ticking"], network=told["network"],
    port_from=told["port_from"], heartbeat_s=5.0,
    dial_in_to=("127.0.0.1", told["dial_in_to"]) if told["dial_in_to"] else None,
    district=District(told["meters"], told["modems"], told["dial_in"]))))
"""


@dataclass
class DistrictFleet:
    """`dead`: the serials behind modems that the simulator itself lists as dead."""

    process: subprocess.Popen[str]
    register: Register
    dead: frozenset[str]

    def order(self, **order: Any) -> dict[str, Any]:
        """One order on the fleet's stdin, its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def hung_since(self, since: datetime) -> Register:
        """The register as if every meter had been hung at `since`: less is to be read back."""
        installations = tuple(
            replace(each, since=since, first_index={}) for each in self.register.installations
        )
        return replace(self.register, installations=installations)

    def line(self, modem: Modem, since: datetime, *, port: int | None = None) -> Line:
        """One line as the store would tell it; `port` is that of a proxy before it."""
        meters = tuple(
            LineMeter(number, m.serial, m.model, m.address, m.digits, m.password, since, None)
            for number, m in enumerate(self.register.meters, 1)
            if m.modem == modem.code
        )
        return Line(replace(modem, port=port or modem.port), meters)


def seats(line: Line) -> list[Seat]:
    """The meters of a line, nothing of them known."""
    return [Seat(line, meter, abilities_of(meter.model), Known()) for meter in line.meters]


@contextlib.contextmanager
def district(at: datetime, meters: int, modems: int, **options: Any) -> Iterator[DistrictFleet]:
    """`options`: seed, network, ticking, dial_in, dial_in_to (a port)."""
    usual = {
        "seed": 3, "network": "clean", "ticking": False, "dial_in": 0.5, "dial_in_to": 0, "port_from": 20000,
    }  # fmt: skip
    told = {"at": at.isoformat(), "meters": meters, "modems": modems, **usual, **options}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, json.dumps(told)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        dead = frozenset(ready["dead"]["meters"])
        yield DistrictFleet(process, from_json(Register, ready["register"]), dead)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)
