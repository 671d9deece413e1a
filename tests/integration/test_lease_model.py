"""Leases and the fence against a model: whatever nodes do, and however long one stands still in between, in
comes exactly what was taken while its lease was in force, whenever it is brought."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from psycopg import AsyncConnection

from storage import leases

NODES = ("north", "south", "west")
MODEMS = ("M1", "M2", "M3")  # M1 and M2 are in shard 0, M3 is in shard 1
SHARD = {"M1": 0, "M2": 0, "M3": 1}
nodes, modems, shards = st.sampled_from(NODES), st.sampled_from(MODEMS), st.sampled_from((0, 1))


class Leases(RuleBasedStateMachine):
    """`believed` is what each node thinks it holds: nobody tells it when it no longer does."""

    dsn = ""

    @initialize()
    def begin(self) -> None:
        self.believed: dict[tuple[str, str | int], int] = {}
        self.holder: dict[str | int, tuple[str, int]] = {}
        self.ended: set[int] = set()  # epochs that another node has brought to an end
        self.connected: dict[str, bool] = {}  # modems with a session, and whether it began with a proof
        self.silent: set[str] = set()
        self.brought: list[tuple[str, int, datetime, bool]] = []
        with psycopg.connect(self.dsn) as conn:
            conn.execute("TRUNCATE node, shard_lease, modem_session, lease_move CASCADE")
        for name in NODES:
            self._arrive(name)

    def _do(self, what: Callable[[Any], Awaitable[Any]]) -> Any:
        async def turn() -> Any:
            async with await AsyncConnection.connect(self.dsn) as conn:
                return await what(conn)

        return asyncio.run(turn())

    def _arrive(self, name: str) -> None:
        self._do(lambda conn: leases.arrive(conn, name, uuid.uuid4(), "", ""))
        self.wake(name)

    def _moved(self, what: str | int, node: str, epoch: int) -> None:
        before = self.holder.get(what)
        if before is not None and before[0] == node:
            assert epoch == before[1]
        elif before is not None:
            assert epoch > before[1]
            self.ended.add(before[1])
        self.holder[what] = (node, epoch)
        self.believed[node, what] = epoch

    @rule(node=nodes)
    def another_comes(self, node: str) -> None:
        """In the place of one that fell silent, with its own spool: the old one is out."""
        if node not in self.silent:
            with pytest.raises(leases.NodeTaken):
                self._arrive(node)
            return
        self._arrive(node)
        for what, (holder, epoch) in list(self.holder.items()):
            if holder == node:
                self.ended.add(epoch)
                self.holder[what] = (node, self._epoch(what))
                assert self.holder[what][1] > epoch
                self.connected.pop(str(what), None)

    def _epoch(self, what: str | int) -> int:
        table = "shard_lease WHERE shard" if isinstance(what, int) else "modem_session WHERE modem"
        with psycopg.connect(self.dsn) as conn:
            row = conn.execute(f"SELECT epoch FROM {table} = %s", [what]).fetchone()
        assert row is not None
        return int(row[0])

    @rule(shard=shards, node=nodes)
    def take(self, shard: int, node: str) -> None:
        taken = self._do(lambda conn: leases.take_shards(conn, [shard], node))[shard]
        before = self.holder.get(shard)
        assert taken.before == ("" if before is None else before[0])
        self._moved(shard, node, taken.epoch)

    @rule(modem=modems, node=nodes, proved=st.booleans())
    def call(self, modem: str, node: str, proved: bool) -> None:
        """Who only says the name of a modem takes it from nobody who lives."""
        calls = self._do(lambda conn: leases.called(conn, node, [modem, "nobody"], [modem] if proved else []))
        holder = self.holder[modem][0] if modem in self.connected else ""
        if holder not in ("", node) and holder not in self.silent and not proved:
            assert not calls
            return
        assert calls.keys() == {modem}
        self._moved(modem, node, calls[modem].epoch)
        self.connected[modem] = proved

    @rule(node=nodes)
    def fall_silent(self, node: str) -> None:
        self._heard(node, "-1 hour")
        self.silent.add(node)

    @rule(node=nodes)
    def wake(self, node: str) -> None:
        self._heard(node, "1 hour")
        self.silent.discard(node)

    def _heard(self, node: str, when: str) -> None:
        with psycopg.connect(self.dsn) as conn:
            conn.execute(
                "UPDATE node SET seen_at = clock_timestamp() + %s::interval WHERE name = %s", [when, node]
            )

    @rule(modem=modems, node=nodes)
    def hang_up(self, modem: str, node: str) -> None:
        """Of what it believes to have; a session that is another's, or newer, does not end."""
        epoch = self.believed.get((node, modem))
        if epoch is not None:
            self._do(lambda conn: leases.hung_up(conn, {modem: epoch}))
            if self.holder[modem] == (node, epoch):
                self.connected.pop(modem, None)

    @rule(node=nodes)
    def look(self, node: str) -> None:
        """Each hears of what it believes to have whether it has it, and whether that is with a proved one."""
        believed = {
            modem: epoch for (name, modem), epoch in self.believed.items()
            if name == node and isinstance(modem, str)
        }  # fmt: skip
        lost = self._do(lambda conn: leases.lost(conn, node, believed))
        assert lost == {
            modem: self.connected.get(modem, False)
            for modem in believed
            if self.holder[modem][0] != node or modem not in self.connected
        }

    @rule(modem=modems, node=nodes, dialled=st.booleans())
    def poll(self, modem: str, node: str, dialled: bool) -> None:
        """A node asks a modem under what it believes to hold."""
        epoch = self.believed.get((node, modem if dialled else SHARD[modem]))
        if epoch is not None:
            at = self._do(_now)
            self.brought.append((modem, epoch, at, epoch not in self.ended))

    @rule()
    def bring(self) -> None:
        """Everything, again: the spools come when they come."""
        batch = [(modem, epoch, at) for modem, epoch, at, _ in self.brought]
        verdicts = self._do(lambda conn: leases.judge(conn, batch)) if batch else []
        assert verdicts == [ours for _, _, _, ours in self.brought]
        assert all(self._do(lambda conn: leases.judge(conn, [("M1", 0, datetime.now().astimezone())])))

    def teardown(self) -> None:
        if hasattr(self, "brought"):
            self.bring()


async def _now(conn: Any) -> datetime:
    (at,) = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    return at  # type: ignore[no-any-return]


def test_leases_and_fencing(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO modem (code, link, host, port) SELECT code, 'dial_out', 'h', 1"
            " FROM unnest(%s::text[]) AS new (code) ORDER BY code",
            [list(MODEMS)],
        )
        conn.execute("UPDATE modem SET number = 251 WHERE code = 'M3'")

    class Here(Leases):
        dsn = database

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
