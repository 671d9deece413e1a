"""Who polls which modems: nodes that live, the shards they hold, the modems that called them.

Every lease has an epoch, higher than that of any lease before it; whoever takes again what it holds keeps its
epoch, for what it asks meanwhile is asked under that. What a node brings under an epoch that has come to an
end is let in only if it was taken before that end: see `judge`. All times are the server's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from storage.errors import StorageError
from storage.queue import STALLED_S

APPLICATION: Final = "dienke node {}"
"""What the sessions of a node are called in the server, so that they can be ended for it."""

_BEFORE: Final = """
    SELECT spool, worker, stopped_at IS NULL AND seen_at > clock_timestamp() - make_interval(secs => %s)
    FROM node WHERE name = %s FOR UPDATE"""
_ARRIVE: Final = """
    INSERT INTO node AS old (name, started_at, seen_at, listen, version, spool)
    VALUES (%(name)s, clock_timestamp(), clock_timestamp(), %(listen)s, %(version)s, %(spool)s)
    ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at, seen_at = excluded.seen_at,
        stopped_at = NULL, listen = excluded.listen, version = excluded.version, spool = excluded.spool,
        resting = ''
    RETURNING started_at"""
# Another head-end of the same name: what its predecessor still says is said under epochs that are over.
_BEGIN_ANEW: Final = tuple(
    f"""
    WITH was AS (SELECT epoch FROM {leases} WHERE node = %(name)s),
        gone AS (INSERT INTO lease_move (epoch, at) SELECT epoch, clock_timestamp() FROM was
            ON CONFLICT (epoch) DO NOTHING)
    UPDATE {leases} SET epoch = nextval('lease_epoch'), since = clock_timestamp() WHERE node = %(name)s"""
    for leases in ("shard_lease", "modem_session")
)
_SEEN: Final = """
    UPDATE node SET seen_at = clock_timestamp(), worker = coalesce(%s, worker), resting = %s
    WHERE name = %s AND started_at = %s RETURNING seen_at"""
_LEFT: Final = "UPDATE node SET stopped_at = clock_timestamp() WHERE name = %s AND started_at = %s"
# Who rests has no share: the others would leave it to him for ever.
_LIVE: Final = """
    SELECT n.name, (SELECT count(*) FROM shard_lease l WHERE l.node = n.name) FROM node n
    WHERE stopped_at IS NULL AND resting = '' AND seen_at > clock_timestamp() - make_interval(secs => %s)"""
# A node is heard oftener than its worker: when jobs of one are taken over, it was silent for so long.
_SILENT_S: Final = STALLED_S - 3.0
_OTHERS: Final = """
    SELECT name FROM node WHERE stopped_at IS NULL AND spool <> ALL (%s::uuid[])
        AND seen_at > clock_timestamp() - make_interval(secs => %s) ORDER BY name"""
# From one shard to the next along the index: there are hundreds of modems in each.
_SHARDS: Final = """
    WITH RECURSIVE each AS (
        SELECT min(shard) AS shard FROM modem
        UNION ALL
        SELECT (SELECT min(shard) FROM modem WHERE shard > each.shard) FROM each WHERE shard IS NOT NULL)
    SELECT shard FROM each
    WHERE EXISTS (SELECT FROM modem m WHERE m.shard = each.shard AND m.link <> 'mqtt') ORDER BY shard"""
_ORPHANS: Final = "SELECT shard FROM shard_lease WHERE node <> ALL (%s)"
_MINE: Final = "SELECT shard, epoch FROM shard_lease WHERE node = %s"
_KEEPERS: Final = """
    SELECT l.shard, n.name FROM shard_lease l JOIN node n ON n.name = l.node
    WHERE l.shard = ANY (%s) AND n.name <> %s
        AND n.stopped_at IS NULL AND n.seen_at < clock_timestamp() - make_interval(secs => %s)"""
_HOLDERS: Final = """
    SELECT DISTINCT n.name FROM modem_session s JOIN node n ON n.name = s.node
    WHERE s.modem = ANY (%s) AND s.node <> %s
        AND n.stopped_at IS NULL AND n.seen_at < clock_timestamp() - make_interval(secs => %s)"""
_END: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()"""
_LEASES: Final = """
    SELECT shard, epoch, node FROM shard_lease WHERE shard = ANY (%s) ORDER BY shard FOR UPDATE"""
_KEPT_OR_NEW: Final = """
    epoch = CASE WHEN old.node = excluded.node THEN old.epoch ELSE excluded.epoch END,
    since = CASE WHEN old.node = excluded.node THEN old.since ELSE excluded.since END,
    node = excluded.node"""
_TAKE: Final = f"""
    INSERT INTO shard_lease AS old (shard, epoch, node, since)
    SELECT shard, nextval('lease_epoch'), %s, clock_timestamp() FROM unnest(%s::integer[]) AS new (shard)
    ON CONFLICT (shard) DO UPDATE SET {_KEPT_OR_NEW}
    RETURNING shard, epoch"""
_MOVED: Final = """
    INSERT INTO lease_move (epoch, at) SELECT unnest(%s::bigint[]), clock_timestamp()
    ON CONFLICT (epoch) DO NOTHING"""
_FORGET_MOVES: Final = "DELETE FROM lease_move WHERE at < clock_timestamp() - interval '60 days'"
_SESSIONS: Final = """
    SELECT modem, epoch, node FROM modem_session WHERE modem = ANY (%s) ORDER BY modem FOR UPDATE"""
_CALLED: Final = f"""
    INSERT INTO modem_session AS old (modem, epoch, node, since, proved)
    SELECT code, nextval('lease_epoch'), %s, clock_timestamp(), code = ANY (%s) FROM modem
    WHERE code = ANY (%s) ORDER BY code
    ON CONFLICT (modem) DO UPDATE SET {_KEPT_OR_NEW}, proved = excluded.proved, ended = NULL
    RETURNING modem, epoch"""
_HUNG_UP: Final = """
    UPDATE modem_session SET ended = clock_timestamp() FROM unnest(%s::text[], %s::bigint[]) AS was (m, e)
    WHERE modem = was.m AND epoch = was.e AND ended IS NULL"""
_HUNG_UP_ALL: Final = """
    UPDATE modem_session SET ended = clock_timestamp() WHERE node = %s AND ended IS NULL"""
_LOST: Final = """
    SELECT modem, proved AND ended IS NULL FROM modem_session
    WHERE modem = ANY (%s) AND (node <> %s OR ended IS NOT NULL)"""
_ELSEWHERE: Final = """
    SELECT s.modem FROM modem_session s JOIN node n ON n.name = s.node
    WHERE s.modem = ANY (%s) AND s.node <> %s AND s.ended IS NULL AND n.stopped_at IS NULL
        AND n.seen_at > clock_timestamp() - make_interval(secs => %s)"""
_NODE_OF: Final = """
    SELECT n.name FROM modem m
    LEFT JOIN modem_session s ON s.modem = m.code AND s.ended IS NULL AND m.link = 'dial_in'
    LEFT JOIN shard_lease l ON l.shard = m.shard
    JOIN node n ON n.name = coalesce(s.node, l.node)
    WHERE m.code = %s AND n.stopped_at IS NULL
        AND n.seen_at > clock_timestamp() - make_interval(secs => %s)"""
_JUDGE_SESSIONS: Final = """
    SELECT modem, epoch, since FROM modem_session WHERE modem = ANY (%s) ORDER BY modem FOR SHARE"""
_JUDGE_SHARDS: Final = """
    SELECT shard, epoch, since FROM shard_lease
    WHERE shard = ANY (ARRAY(SELECT shard FROM modem WHERE code = ANY (%s))) ORDER BY shard FOR SHARE"""
_SHARD_OF: Final = "SELECT code, shard FROM modem WHERE code = ANY (%s)"
_MOVES: Final = "SELECT epoch, at FROM lease_move WHERE epoch = ANY (%s)"

Conn = AsyncConnection[TupleRow]


class NodeTaken(StorageError):
    """Another head-end at this database works under the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A head-end called {name} is at work in this database already: "
            "stop it first, or give this one another name with --node."
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Arrival:
    """A node has entered itself: since when, and the queue's worker its predecessor was, if it had one."""

    started_at: datetime
    worker: int | None


@dataclass(frozen=True, slots=True)
class Beat:
    """How things stand: the server's time, the shards there are, who lives, does not rest and how many shards
    each holds, the epochs of one's own, and the shards whose holder does not live."""

    at: datetime
    shards: tuple[int, ...]
    held: Mapping[str, int]
    epochs: Mapping[int, int]
    orphans: frozenset[int]


async def arrive(conn: Conn, name: str, spool: UUID, listen: str, version: str) -> Arrival:
    """Enter a node. Who holds the spool of the last one of that name is that one's heir; others are refused
    with NodeTaken while it lives, and get new epochs for what it had when it does not."""
    row = await (await conn.execute(_BEFORE, [STALLED_S, name])).fetchone()
    if row is not None and row[2] and row[0] != spool:
        raise NodeTaken(name)
    given = {"name": name, "listen": listen, "version": version, "spool": spool}
    entered = await (await conn.execute(_ARRIVE, given)).fetchone()
    assert entered is not None
    await conn.execute(_HUNG_UP_ALL, [name])
    if row is not None and row[0] != spool:
        for statement in _BEGIN_ANEW:
            await conn.execute(statement, given)
    await conn.execute(_FORGET_MOVES)
    return Arrival(entered[0], None if row is None else row[1])


async def beat(
    conn: Conn, name: str, started_at: datetime, worker: int | None, resting: str = ""
) -> Beat | None:
    """Say that the node lives and hear how things stand; None when the name is somebody else's now.

    `resting`: why it takes no shards for now, empty while it takes its share.
    """
    seen = await (await conn.execute(_SEEN, [worker, resting, name, started_at])).fetchone()
    if seen is None:
        return None
    shards = tuple(shard for (shard,) in await (await conn.execute(_SHARDS)).fetchall())
    held: dict[str, int] = dict(await (await conn.execute(_LIVE, [_SILENT_S])).fetchall())
    epochs: dict[int, int] = dict(await (await conn.execute(_MINE, [name])).fetchall())
    orphans = await (await conn.execute(_ORPHANS, [[*held, name]])).fetchall()
    return Beat(seen[0], shards, held, epochs, frozenset(shard for (shard,) in orphans))


async def leave(conn: Conn, name: str, started_at: datetime) -> None:
    """The node has stopped; its calls are ended. What it held is no longer believed to be."""
    await conn.execute(_HUNG_UP_ALL, [name])
    await conn.execute(_LEFT, [name, started_at])


def at_work(conn: Connection[TupleRow], but: Sequence[UUID] = ()) -> list[str]:
    """The nodes that live, those aside whose spools (which nobody else has open) are `but`."""
    return [name for (name,) in conn.execute(_OTHERS, [list(but), STALLED_S])]


@dataclass(frozen=True, slots=True)
class Taken:
    """A shard's new epoch, and whose it was: "" nobody's; `was_silent`: that node had fallen silent."""

    epoch: int
    before: str
    was_silent: bool


async def take_shards(conn: Conn, shards: Collection[int], node: str) -> dict[int, Taken]:
    """Shards are this node's from now on; what it holds already stays under its epoch.

    A holder that fell silent may hang in the middle of a transaction: what it has open here is ended first.
    """
    wanted = sorted(shards)
    silent: dict[int, str] = dict(await (await conn.execute(_KEEPERS, [wanted, node, _SILENT_S])).fetchall())
    for name in {*silent.values()}:
        await conn.execute(_END, [APPLICATION.format(name)])
    standing = await (await conn.execute(_LEASES, [wanted])).fetchall()
    before = {shard: (epoch, name) for shard, epoch, name in standing}
    now = await (await conn.execute(_TAKE, [node, wanted])).fetchall()
    moved = [epoch for epoch, name in before.values() if name != node]
    if moved:
        await conn.execute(_MOVED, [moved])
    return {shard: Taken(epoch, before.get(shard, (0, ""))[1], shard in silent) for shard, epoch in now}


@dataclass(frozen=True, slots=True)
class Call:
    """A modem's session: its epoch, and epoch and node of the one before (0, "" where none was)."""

    epoch: int
    before: int
    node_before: str


async def called(
    conn: Conn, node: str, modems: Collection[str], proved: Collection[str] = ()
) -> dict[str, Call]:
    """These modems have called this node; their new sessions. A modem that nobody knows is not in it.

    Nor is one that is connected to another node that lives: it stays there until whoever says its name here
    has `proved` to be it (a meter behind him has answered as ours).
    """
    codes = set(modems)
    codes -= await _with_others(conn, node, codes - set(proved))
    for (silent,) in await (await conn.execute(_HOLDERS, [sorted(codes), node, _SILENT_S])).fetchall():
        await conn.execute(_END, [APPLICATION.format(silent)])
    standing = await (await conn.execute(_SESSIONS, [sorted(codes)])).fetchall()
    before = {code: (epoch, name) for code, epoch, name in standing}
    # Again, now that they cannot move: another node may have been quicker.
    codes -= await _with_others(conn, node, codes - set(proved))
    now = await (await conn.execute(_CALLED, [node, sorted(proved), sorted(codes)])).fetchall()
    moved = [epoch for code, (epoch, name) in before.items() if name != node and code in codes]
    if moved:
        await conn.execute(_MOVED, [moved])
    return {code: Call(epoch, *before.get(code, (0, ""))) for code, epoch in now}


async def _with_others(conn: Conn, node: str, modems: Collection[str]) -> set[str]:
    if not modems:
        return set()
    found = await (await conn.execute(_ELSEWHERE, [sorted(modems), node, _SILENT_S])).fetchall()
    return {modem for (modem,) in found}


async def hung_up(conn: Conn, sessions: Mapping[str, int]) -> None:
    """These sessions (epochs by modem) have ended; one that began since is left alone."""
    await conn.execute(_HUNG_UP, [list(sessions), list(sessions.values())])


async def lost(conn: Conn, node: str, sessions: Mapping[str, int]) -> dict[str, bool]:
    """Those of these sessions (epochs by modem) that are over: another node has begun one, or somebody has
    ended it. True: with another node is a caller who has proved to be the modem."""
    return dict(await (await conn.execute(_LOST, [list(sessions), node])).fetchall())


async def elsewhere(conn: Conn, node: str, modems: Collection[str]) -> set[str]:
    """Those of the modems that are connected to another node that lives."""
    found = await (await conn.execute(_ELSEWHERE, [list(modems), node, STALLED_S])).fetchall()
    return {modem for (modem,) in found}


def node_of(conn: Connection[TupleRow], modem: str) -> str | None:
    """The node that reaches a modem: whom it called, else who holds its shard; None when nobody lives."""
    row = conn.execute(_NODE_OF, [modem, STALLED_S]).fetchone()
    return None if row is None else str(row[0])


Brought = tuple[str, int, datetime]
"""Modem, the epoch under which it was asked (0: under none), and when it was taken by the server's clock."""


async def judge(conn: Conn, brought: Sequence[Brought]) -> list[bool]:
    """Which of these may come in; until the transaction ends no lease of these modems can move.

    In is what is under no epoch, under one that is in force, or was taken before its own came to an end.
    """
    codes = sorted({modem for modem, epoch, _ in brought if epoch})
    if not codes:
        return [True] * len(brought)
    sessions, shards = {}, {}
    for code, epoch, since in await (await conn.execute(_JUDGE_SESSIONS, [codes])).fetchall():
        sessions[code] = (epoch, since)
    for shard, epoch, since in await (await conn.execute(_JUDGE_SHARDS, [codes])).fetchall():
        shards[shard] = (epoch, since)
    shard_of: dict[str, int] = dict(await (await conn.execute(_SHARD_OF, [codes])).fetchall())
    leases = {
        code: [
            lease for lease in (sessions.get(code), shards.get(shard_of.get(code, -1))) if lease is not None
        ]
        for code in codes
    }
    old = {epoch for modem, epoch, _ in brought if epoch and epoch not in {e for e, _ in leases[modem]}}
    moves: dict[int, datetime] = {}
    if old:
        moves = dict(await (await conn.execute(_MOVES, [list(old)])).fetchall())
    return [
        epoch not in old or not leases[modem] or taken <= _ended(epoch, moves, leases[modem])
        for modem, epoch, taken in brought
    ]


def _ended(epoch: int, moves: Mapping[int, datetime], leases: Sequence[tuple[int, datetime]]) -> datetime:
    """When an epoch that is no more came to its end; where that was not noted, when the last lease began."""
    return moves.get(epoch) or max(since for _, since in leases)
