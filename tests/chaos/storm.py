"""A fleet, a database and four head-ends as processes, and everything that may happen to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from model.period import HALF_HOUR
from storage.embedded.server import Embedded
from storage.migrations import migrate
from tests.chaos import ledger
from tests.chaos.balancer import balancing
from tests.chaos.flood import flood
from tests.chaos.plan import SMALL, Plan
from tests.chaos.small_disk import SmallDisk

AMI = (sys.executable, "-m", "ami.main")
REPOSITORY = Path(__file__).resolve().parents[2]
START_S = 40.0
SMALL_BYTES = 4 << 20
SHARDS = 12  # modems stand so far apart in the numbering that there are as many, of few modems each

Say = Callable[[str], None]


@dataclass
class Node:
    """A head-end and how often it was killed."""

    name: str
    port: int
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    down_since: float | None = None
    still: bool = False

    @property
    def up(self) -> bool:
        return self.process is not None and self.process.returncode is None


@dataclass
class Storm:
    """`run` is the whole of it."""

    plan: Plan
    home: Path
    say: Say
    free_port: Callable[[], int]
    nodes: list[Node] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)
    kills: int = 0
    stops: int = 0
    ended: int = 0  # head-ends that ended by themselves
    outages: int = 0  # that are over
    dsn: str = ""
    shards: int = 0
    away: bool = False  # the database is stopped
    attacks: Counter[str] = field(default_factory=Counter)
    _fleet: asyncio.subprocess.Process | None = None
    _began: float = 0.0
    _disk: SmallDisk | None = None
    _fullest: float = 0.0  # the small disk
    _watchers: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> dict[str, Any]:
        plan, chance = self.plan, random.Random(self.plan.seed)
        server = Embedded(self.home / "database")
        try:
            self.dsn = str(await asyncio.to_thread(server.start))
            await asyncio.to_thread(migrate, self.dsn)
            door = self.free_port()
            self.nodes = [Node(name, self.free_port()) for name in plan.nodes]
            async with self._fleet_at(door) as ready:
                await self._register(ready)
                reachable = self._reachable(ready)
                self.say(f"{len(reachable)} of {plan.meters} meters can be reached; the storm begins")
                async with balancing(door, [node.port for node in self.nodes], chance):
                    await self._storm(server, chance, self._callers(ready))
                    await self._calm(reachable, ready)
                    result = await self._judge(reachable, ready)
                    await self._stop_nodes()
            return result
        finally:
            for node in self.nodes:
                if node.process is not None and node.up:
                    node.process.kill()
                    await node.process.wait()
            if self._disk is not None:
                self._disk.close()
            await asyncio.to_thread(server.stop, "immediate")

    # -- what there is

    @contextlib.asynccontextmanager
    async def _fleet_at(self, door: int) -> AsyncIterator[dict[str, Any]]:
        plan = self.plan
        self._fleet = await asyncio.create_subprocess_exec(
            *AMI, "simulate", "fleet", "--json", "--seed", str(plan.seed), "--meters", str(plan.meters),
            "--modems", str(plan.meters), "--dial-in", "0.5", "--dial-in-to", f"127.0.0.1:{door}",
            "--profile", "lossy", "--heartbeat", "5", "--as-of", plan.as_of.isoformat(), "--ticking",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, limit=1 << 26,
        )  # fmt: skip
        self._began = time.monotonic()
        try:
            assert self._fleet.stdout is not None
            yield json.loads(await self._fleet.stdout.readline())
        finally:
            assert self._fleet.stdin is not None
            self._fleet.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._fleet.wait(), 20)
            if self._fleet.returncode is None:
                self._fleet.kill()

    async def _order(self, **order: Any) -> dict[str, Any]:
        fleet = self._fleet
        assert fleet is not None
        assert fleet.stdin is not None
        assert fleet.stdout is not None
        fleet.stdin.write(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await fleet.stdout.readline())
        return answer

    def _environment(self) -> dict[str, str]:
        quick = {
            "AMI_CONCURRENCY": str(self.plan.concurrency),
            "AMI_STORE_PATIENCE_S": "600",
            "AMI_ANSWER_S": "3",
        }
        # Who enters a namespace begins in its root, and would find another checkout's program.
        quick["PYTHONPATH"] = str(REPOSITORY)
        return {**os.environ, **quick, "AMI_HOME": str(self.home / "home"), "AMI_DATABASE_URL": self.dsn}

    async def _register(self, ready: dict[str, Any]) -> None:
        file = self.home / "register.json"
        file.write_text(json.dumps(ready["register"]))
        for words in (("init",), ("import", "register", str(file))):
            process = await asyncio.create_subprocess_exec(
                *AMI, *words, env=self._environment(), cwd=REPOSITORY,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await process.communicate()
            assert process.returncode == 0, said.decode()
        with psycopg.connect(self.dsn) as conn:
            conn.execute("UPDATE modem SET number = number * %s", [max(1, SHARDS * 250 // self.plan.meters)])
            row = conn.execute("SELECT count(DISTINCT shard) FROM modem").fetchone()
        self.shards = 0 if row is None else row[0]
        self.say(f"{self.shards} shards of modems, half of which call")

    @staticmethod
    def _reachable(ready: dict[str, Any]) -> list[str]:
        dead = set(ready["dead"]["meters"])
        return [meter["serial"] for meter in ready["register"]["meters"] if meter["serial"] not in dead]

    @staticmethod
    def _callers(ready: dict[str, Any]) -> list[str]:
        return [modem["registration"] for modem in ready["register"]["modems"] if modem["registration"]]

    # -- what happens

    async def _start(self, node: Node) -> None:
        node.starts += 1
        node.down_since = None
        words = [
            *AMI, "collect", "--node", node.name, "--listen-port", str(node.port),
            "--as-of", self._now().isoformat(), "--ticking",
        ]  # fmt: skip
        if node.name == SMALL:
            if self._disk is None:
                self._disk = SmallDisk(self.home / "home" / "spool", SMALL_BYTES)
            words = [*self._disk.prefix, *words]
        log = (self.home / f"{node.name}.log").open("ab")
        node.process = await asyncio.create_subprocess_exec(
            *words, env=self._environment(), cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            process_group=0,  # else the system may continue one that stands still when another one ends
        )  # fmt: skip
        log.close()

    def _now(self) -> datetime:
        return self.plan.as_of + timedelta(seconds=time.monotonic() - self._began)

    async def _storm(self, server: Embedded, chance: random.Random, callers: list[str]) -> None:
        for node in self.nodes:
            await self._start(node)
        await self._at_work()
        ports = [node.port for node in self.nodes]
        killing = asyncio.create_task(self._killing(chance))
        storming = [
            killing,
            asyncio.create_task(flood(ports, callers, chance, self.attacks)),
            asyncio.create_task(self._outage(server)),
            asyncio.create_task(self._watching()),
        ]
        try:
            await asyncio.wait(storming, timeout=self.plan.seconds, return_when=asyncio.FIRST_EXCEPTION)
            await self._had_its_worst(storming)
            killing.cancel()
            if self._watchers:
                await asyncio.wait(self._watchers)
        finally:
            for task in storming:
                task.cancel()
            ends = await asyncio.gather(*storming, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
        if self.away:
            await asyncio.to_thread(server.start)
            self.away = False
        self.say(f"the storm is over: {self.kills} kills, {self.attacks['connections']} hostile calls")

    async def _had_its_worst(self, storming: list[asyncio.Task[Any]]) -> None:
        """On a busy machine a database takes long to stop: it storms until it was away and one was killed."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and not (self.outages and self.kills):
            if any(task.done() and task.exception() for task in storming):
                break
            await asyncio.sleep(0.5)

    async def _at_work(self) -> None:
        """The storm waits until every head-end has something to lose, but not for ever."""
        end = time.monotonic() + START_S
        query = "SELECT count(DISTINCT node), count(*) FROM shard_lease"
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            while time.monotonic() < end:
                if conn.execute(query).fetchone() == (len(self.nodes), self.shards):
                    break
                await asyncio.sleep(0.3)
        self.say("the head-ends are at work")

    async def _watching(self) -> None:
        """A head-end that ended by itself is started again, as its supervisor would."""
        while True:
            await asyncio.sleep(1.0)
            if self._disk is not None:
                self._fullest = max(self._fullest, self._disk.fullness)
            for node in self.nodes:
                if node.up:
                    continue
                if node.down_since is None:
                    self.ended += 1
                    self.say(f"{node.name} has ended by itself: see its log")
                    await self._start(node)
                elif time.monotonic() - node.down_since > self.plan.dead_for:
                    await self._start(node)

    async def _killing(self, chance: random.Random) -> None:
        while self.kills + self.stops < self.plan.most_kills:
            await asyncio.sleep(self.plan.kill_every)
            if self.away and self.plan.outage < self.plan.kill_every:
                continue  # nobody takes anything over now
            up = [node for node in self.nodes if node.up and not node.still]
            if not self.outages:  # the small disk is to fill up in the first one
                up = [node for node in up if node.name != SMALL]
            if len(up) < 2:
                continue
            node = chance.choice(up)
            assert node.process is not None
            shards = [] if self.away else await asyncio.to_thread(self._shards_of, node.name)
            if self.plan.stand_still and self.kills > self.stops:
                self.stops += 1
                self._watch(self._stand_still(node))
                self.say(f"{node.name} stands still; it had {len(shards)} shards")
            else:
                self.kills += 1
                node.down_since = time.monotonic()
                node.process.send_signal(signal.SIGKILL)
                await node.process.wait()
                self.say(f"{node.name} was killed; it had {len(shards)} shards")
            if shards:
                self._watch(self._see_taken(node, shards, time.monotonic()))

    def _watch(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(what)
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _stand_still(self, node: Node) -> None:
        process = node.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        node.still = True
        try:
            await asyncio.sleep(self.plan.dead_for)
        finally:
            node.still = False
            process.send_signal(signal.SIGCONT)
        self.say(f"{node.name} goes on")

    def _shards_of(self, name: str) -> list[int]:
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute("SELECT shard FROM shard_lease WHERE node = %s", [name]).fetchall()
        return [shard for (shard,) in rows]

    async def _see_taken(self, node: Node, shards: list[int], since: float) -> None:
        left = set(shards)
        while left and not self.away and time.monotonic() - since < self.plan.dead_for:
            await asyncio.sleep(0.5)
            with contextlib.suppress(psycopg.OperationalError):
                left &= set(await asyncio.to_thread(self._shards_of, node.name))
        if not left:
            self.takeovers.append(time.monotonic() - since)
            self.say(f"what {node.name} had is with others after {self.takeovers[-1]:.1f} s")
        elif not self.away:
            self.takeovers.append(float("inf"))
            self.say(f"what {node.name} had was not taken over within {self.plan.dead_for:g} s")

    async def _outage(self, server: Embedded) -> None:
        await asyncio.sleep(self.plan.seconds * self.plan.outage_at)
        self.away = True
        await asyncio.to_thread(server.stop, "immediate")
        self.say(f"the database was stopped at once, for {self.plan.outage:g} s")
        await asyncio.sleep(self.plan.outage)
        await asyncio.to_thread(server.start)
        self.away = False
        self.outages += 1
        self.say("the database is back")

    async def _calm(self, reachable: list[str], ready: dict[str, Any]) -> None:
        """Everything works again; wait until all is there, or long enough."""
        for node in self.nodes:
            if not node.up:
                await self._start(node)
        begin = datetime.fromisoformat(ready["history_from"])
        end = time.monotonic() + self.plan.calm
        told = 0.0
        while time.monotonic() < end:
            due = (self._now() - begin) // HALF_HOUR * len(reachable)
            held = await asyncio.to_thread(ledger.held, self.dsn)
            if time.monotonic() - told > 15:
                told = time.monotonic()
                self.say(f"{held:,} of {due:,} half-hours are there")
            if held >= due:
                return
            for node in self.nodes:
                if not node.up:
                    await self._start(node)
            await asyncio.sleep(2.0)

    async def _judge(self, reachable: list[str], ready: dict[str, Any]) -> dict[str, Any]:
        begin = datetime.fromisoformat(ready["history_from"])
        end = begin + (self._now() - begin) // HALF_HOUR * HALF_HOUR
        rows = [row for row in await asyncio.to_thread(ledger.evidence, self.dsn) if row[1] < end]
        truth: dict[str, list[int]] = {}
        for first in range(0, len(reachable), 20):
            meters = reachable[first : first + 20]
            answer = await self._order(
                do="intervals", meters=meters, **{"from": begin.isoformat(), "to": end.isoformat()}
            )
            truth |= answer["intervals"]
        with psycopg.connect(self.dsn) as conn:
            outcomes: dict[str, int] = dict(
                conn.execute("SELECT outcome, count(*) FROM poll GROUP BY 1").fetchall()
            )
        fates = (await self._order(do="exchanges"))["exchanges"]
        talks = sum(count for outcome, count in outcomes.items() if outcome != "fenced")
        known = [seconds for seconds in self.takeovers if seconds != float("inf")]
        return {
            "meters": self.plan.meters,
            "reachable": len(reachable),
            **ledger.balance(rows, truth, begin).document(),
            "kills": self.kills,
            "stops": self.stops,
            "ended_by_themselves": self.ended,
            "starts": {node.name: node.starts for node in self.nodes},
            "takeovers_s": [round(seconds, 1) for seconds in known],
            "not_taken_over": len(self.takeovers) - len(known),
            "fenced": outcomes.get("fenced", 0),
            "outcomes": outcomes,
            "exchanges": fates,
            "lines_lost_per_conversation": round(fates["cut"] / max(1, talks), 3),
            "hostile_calls": self.attacks["connections"],
            "small_disk": {
                "fullest": round(self._fullest, 2),
                "polling_stopped": self._log(SMALL).count("polling stops"),
                "went_on": self._log(SMALL).count("polling goes on"),
            } if self._disk is not None else None,
        }  # fmt: skip

    def _log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    async def _stop_nodes(self) -> None:
        for node in self.nodes:
            if node.process is not None and node.up:
                node.process.terminate()
        for node in self.nodes:
            if node.process is not None:
                await node.process.wait()
