"""All simulated meters in one process: sockets, modems that call, and the control channel on stdin."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

from model.clock import Clock
from model.grid import Register
from model.jsonform import to_json
from simulators import district, networks, recorded, replay, village
from simulators.air import Air
from simulators.control import Control
from simulators.hung import Fleet
from simulators.moving_clock import MovingClock, wall
from simulators.options import Options
from simulators.orders import listen
from simulators.service import Service
from simulators.signals import stopping


def build(options: Options) -> Fleet:
    """The fleet that these options describe; raises `ReplayError` for a file that cannot be used."""
    can_dial_in = options.dial_in_to is not None
    if options.district is not None:
        return district.build(options, options.district, networks.load(options.network))
    if options.replay is not None:
        return recorded.build(
            options.seed, replay.load(options.replay, options.epoch), can_dial_in=can_dial_in
        )
    return village.build(options.seed, options.epoch, options.customers, can_dial_in=can_dial_in)


async def serve(
    options: Options,
    *,
    stdin: int | None = None,
    stdout: TextIO | None = None,
    real: Clock | None = None,
    ready: Callable[[Register], None] | None = None,
) -> None:
    """Serve a fleet until stdin ends, SIGTERM or SIGINT.

    `ready` is given the register once the meters answer, in the place of the first line. `stdin` is a file
    descriptor (default: the process's own), `stdout` takes one JSON document a line: first that the fleet is
    ready, then an answer to each order. Raises `SimulatorError` when the fleet cannot be built.
    """
    out = sys.stdout if stdout is None else stdout
    fleet = build(options)
    clock = MovingClock(real or wall, options.as_of, ticking=options.ticking)
    air = Air(fleet.silent, clock)
    service = Service(fleet, options, clock, air)
    control = Control(
        fleet,
        clock,
        air,
        service.truth,
        service.buffers,
        service.dead,
        service.intervals,
        service.told,
        service.drift,
        service.power,
        service.exchanges,
    )
    loop = asyncio.get_running_loop()
    orders: asyncio.Queue[str | None] = asyncio.Queue()
    with stopping(loop, lambda: orders.put_nowait(None)):
        try:
            await service.start()
            if options.district is not None:
                gc.collect()
                gc.freeze()  # thousands of meters that stay: not to be looked through again and again
            if ready is None:
                _say(out, _ready(service))
            else:
                ready(service.register())
            listen(loop, orders, sys.stdin.fileno() if stdin is None else stdin)
            while (line := await orders.get()) is not None:
                if line.strip():
                    _say(out, control.obey(line))
        finally:
            await service.stop()


def _ready(service: Service) -> dict[str, Any]:
    fleet = service.fleet
    return {
        "ready": True,
        "register": to_json(service.register()),
        "history_from": fleet.history_from.isoformat(),
        "replay": fleet.replay,
        "network": service.options.network,
        "dead": service.dead(),
    }


def _say(out: TextIO, document: dict[str, Any]) -> None:
    out.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    out.flush()
