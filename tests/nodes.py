"""Several head-ends at one database, each a process, before one simulated fleet; a telephone exchange."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.simulated_fleet import Fleet, simulated_fleet

AS_OF = "2026-11-17T09:10:00+07:00"
MODEMS_A_SHARD = 5  # 250 would take a fleet no test can afford

# Everything meters said, receipt times, the order of coming and what was asked how often aside.
EVIDENCE = (
    "SELECT meter_id, item, asked_from, asked_to, complete, digest FROM answer",
    "SELECT meter_id, item, spans FROM answered",
    "SELECT meter_id, channel, at, kind, interval_s, instants, raw, status, scaler, unit, obis"
    " FROM profile_block",
    "SELECT meter_id, channel, rate, at, raw, scaler, unit, status, source FROM register_read",
    "SELECT meter_id, at, voltage_v, current_a, power_w FROM instant_read",
    "SELECT meter_id, day FROM validation_due",
)


@dataclasses.dataclass
class Nodes:
    """The nodes of one home. `start` and the signals by a node's name; `rows` asks the database."""

    ami: Any
    fleet: Fleet
    log_folder: Path
    clock: tuple[str, ...] = ("--as-of", AS_OF)
    processes: dict[str, subprocess.Popen[str]] = dataclasses.field(default_factory=dict)

    def start(self, name: str, port: int, **environment: str) -> None:
        own = dataclasses.replace(
            self.ami,
            environment={
                **self.ami.environment,
                "AMI_LISTEN_PORT": str(port),
                "AMI_METRICS_PORT": "0",
                "AMI_ANSWER_S": "3",
                **environment,
            },
        )
        with self.log(name).open("a") as log:
            self.processes[name] = own.start("collect", "--node", name, *self.clock, stderr=log, stdout=log)

    def log(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def send(self, name: str, number: signal.Signals) -> float:
        """Send it; when that was."""
        self.processes[name].send_signal(number)
        return time.monotonic()

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> float:
        """Send it and wait for the end; when it was sent."""
        sent = self.send(name, number)
        self.processes.pop(name).wait(20)
        return sent

    def connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the database, for a `with` block."""
        return psycopg.connect(self.ami.environment["AMI_DATABASE_URL"])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connected() as connection:
            return connection.execute(query).fetchall()

    def held(self) -> dict[str, list[int]]:
        """Shards by node, as the leases say."""
        found: dict[str, list[int]] = {}
        for node, shard in self.rows("SELECT node, shard FROM shard_lease ORDER BY shard"):
            found.setdefault(node, []).append(shard)
        return found

    def evidence(self) -> list[list[tuple[Any, ...]]]:
        return [sorted(self.rows(query), key=repr) for query in EVIDENCE]

    async def until(self, what: Callable[[], Any], within_s: float = 30.0) -> float:
        """Wait until it is so; how long that took."""
        began = time.monotonic()
        while not await asyncio.to_thread(what):
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended:\n{self.log(name).read_text()[-3000:]}"
            assert time.monotonic() - began < within_s, self._state()
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    def _state(self) -> str:
        logs = {name: self.log(name).read_text()[-1500:] for name in self.processes}
        return json.dumps({"held": self.held(), "logs": logs}, indent=1, default=str)


@contextlib.contextmanager
def nodes_before(
    ami: Any, folder: Path, port: int, *options: str, clock: tuple[str, ...] = ("--as-of", AS_OF)
) -> Iterator[Nodes]:
    """A fleet whose modems dial in to `port`, registered in shards of a few; nodes end with the block."""
    with simulated_fleet(ami, port, *options, *clock[2:]) as fleet:
        fleet.register_in(ami, folder)
        nodes = Nodes(ami, fleet, folder, clock)
        with psycopg.connect(ami.environment["AMI_DATABASE_URL"]) as connection:
            spread = 250 // MODEMS_A_SHARD
            connection.execute(f"UPDATE modem SET number = 1 + (number - 1) * {spread}")
        try:
            yield nodes
        finally:
            for process in nodes.processes.values():
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


class Exchange:
    """A telephone exchange: calls to one port go to the first of `targets` that answers."""

    def __init__(self, *targets: int) -> None:
        self.targets = list(targets)
        self._calls: set[asyncio.StreamWriter] = set()
        self._fars: set[asyncio.StreamWriter] = set()
        self._stranded: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[Exchange]:
        server = await asyncio.start_server(self._call, "127.0.0.1", port)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.sleep(0.1)

    def cut(self) -> None:
        """Hang up on everybody: they call again."""
        for writer in [*self._calls, *self._stranded]:
            writer.transport.abort()

    def strand(self) -> None:
        """Modems lose their lines, and the head-ends do not notice."""
        self._stranded |= self._fars
        for writer in self._calls - self._fars:
            writer.transport.abort()

    @property
    def stranded(self) -> int:
        """Lines that a head-end believes to have, and no modem has."""
        return len(self._stranded)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self.targets:
            try:
                there, back = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                continue
        else:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._calls |= ends
        self._fars.add(back)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._calls -= ends
            self._fars.discard(back)
            self._stranded.discard(back)
            for each in ends:
                each.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
        if sink not in self._stranded:
            sink.transport.abort()
