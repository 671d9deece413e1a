"""The keys of meters: every one wrapped under a key outside the database, new ones pending until proved.

A rotation writes the new keys down as pending before a byte of them is sent. Whoever finds pending keys does
not know which ones the meter has: both open it or neither does, and the one that does becomes the current.
Keys that were given up are kept until a later rotation is confirmed: a meter may have taken them after all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from storage import people
from storage.errors import SecretUnreadable, StorageError

PASSWORD: Final = "password"
ENCRYPTION, AUTHENTICATION, MASTER = "encryption", "authentication", "master"
PENDING, ABANDONED = ".pending", ".abandoned"

_PUT: Final = """
    INSERT INTO meter_secret AS old (meter_id, kind, wrapped) VALUES (%s, %s, %s)
    ON CONFLICT (meter_id, kind) DO UPDATE SET wrapped = excluded.wrapped"""
_MOVE: Final = "UPDATE meter_secret SET kind = %s WHERE meter_id = %s AND kind = %s"
_DROP: Final = "DELETE FROM meter_secret WHERE meter_id = %s AND kind = ANY (%s)"
_HAS: Final = "SELECT FROM meter_secret WHERE meter_id = %s AND kind = %s"
_ORDER: Final = "SELECT FROM remote_order WHERE id = %s AND state = ANY (%s) FOR SHARE"
_CHANGED: Final = """
    SELECT FROM audit WHERE object = %s AND action = 'key.change' AND (detail ->> 'order')::bigint = %s"""
_OF: Final = "SELECT kind, encode(wrapped, 'hex') FROM meter_secret WHERE meter_id = %s"
_DROP_UNCONFIRMED: Final = """
    DELETE FROM meter_secret s USING meter m
    WHERE m.id = s.meter_id AND m.serial = %s AND s.kind = ANY (%s)"""
_ABOUT: Final = """
    SELECT m.serial, m.model, array_agg(s.kind ORDER BY s.kind) FILTER (WHERE s.kind IS NOT NULL),
        max(o.finished_at)
    FROM meter m LEFT JOIN meter_secret s ON s.meter_id = m.id
    LEFT JOIN remote_order o ON o.meter_id = m.id AND o.kind = 'rotate_keys' AND o.state = 'done'
    WHERE %(serials)s::text[] IS NULL OR m.serial = ANY (%(serials)s)
    GROUP BY m.serial, m.model ORDER BY m.serial"""
_MODELS: Final = "SELECT DISTINCT model FROM meter ORDER BY model"
_WITHOUT: Final = """
    SELECT m.serial FROM meter m JOIN modem d ON d.code = m.modem AND d.link <> 'mqtt'
    WHERE m.model = ANY (%(models)s) AND (%(serials)s::text[] IS NULL OR m.serial = ANY (%(serials)s))
        AND EXISTS (SELECT FROM installation i WHERE i.meter_id = m.id AND i.until IS NULL)
        AND NOT EXISTS (SELECT FROM meter_secret s WHERE s.meter_id = m.id AND s.kind = %(kind)s)
    ORDER BY m.serial"""

Wrap = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The global unicast encryption key and the authentication key, 16 bytes each (32 in suite 2)."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """What the store has of a meter's keys; all empty for a meter that wants none."""

    current: KeyPair | None = None
    pending: KeyPair | None = None
    abandoned: KeyPair | None = None
    master: bytes | None = field(default=None, repr=False)

    @property
    def candidates(self) -> tuple[KeyPair, ...]:
        """Those that may open the meter, the likeliest first."""
        return tuple(pair for pair in (self.pending, self.current, self.abandoned) if pair is not None)


NO_KEYS: Final = StoredKeys()


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What is there for a meter, and when its keys were last changed by an order; never a key."""

    serial: str
    model: str
    kinds: tuple[str, ...]
    rotated_at: datetime | None

    @property
    def keyed(self) -> bool:
        """Whether it has keys of its own."""
        return ENCRYPTION in self.kinds and AUTHENTICATION in self.kinds

    @property
    def rotatable(self) -> bool:
        """Whether new keys can be sent to it."""
        return self.keyed and MASTER in self.kinds

    @property
    def unsettled(self) -> bool:
        """Whether a rotation has not come to its end."""
        return ENCRYPTION + PENDING in self.kinds


def opened(serial: str, wrapped: Mapping[str, str], unwrap: Wrap) -> tuple[str | None, StoredKeys]:
    """Password and keys of a meter from their wrapped forms (hex) by kind.

    Raises SecretUnreadable when one does not open.
    """
    try:
        found = {kind: unwrap(bytes.fromhex(text)) for kind, text in wrapped.items()}
    except StorageError as error:
        raise SecretUnreadable(serial) from error
    password = found.get(PASSWORD)
    return None if password is None else password.decode(), StoredKeys(
        _pair(found, ""), _pair(found, PENDING), _pair(found, ABANDONED), found.get(MASTER)
    )


def _pair(found: Mapping[str, bytes], state: str) -> KeyPair | None:
    encryption, authentication = found.get(ENCRYPTION + state), found.get(AUTHENTICATION + state)
    if encryption is None or authentication is None:
        return None
    return KeyPair(encryption, authentication)


def status(conn: Connection[TupleRow], serials: list[str] | None = None) -> list[KeyStatus]:
    """Of these meters, or all: which kinds of secrets there are."""
    return [
        KeyStatus(serial, model, tuple(kinds or ()), at)
        for serial, model, kinds, at in conn.execute(_ABOUT, {"serials": serials})
    ]


def models(conn: Connection[TupleRow]) -> list[str]:
    """The models there are meters of."""
    return [name for (name,) in conn.execute(_MODELS)]


def without(
    conn: Connection[TupleRow], kind: str, models: Collection[str], serials: Collection[str] | None = None
) -> list[str]:
    """The meters of these models that hang, are asked by a head-end and have no secret of this kind."""
    chosen = None if serials is None else list(serials)
    found = conn.execute(_WITHOUT, {"models": list(models), "kind": kind, "serials": chosen})
    return [serial for (serial,) in found]


def drop_unconfirmed(conn: Connection[TupleRow], serial: str) -> None:
    """Somebody gave this meter's keys by hand: what a rotation left open no longer counts."""
    kinds = [kind + state for kind in (ENCRYPTION, AUTHENTICATION) for state in (PENDING, ABANDONED)]
    conn.execute(_DROP_UNCONFIRMED, [serial, kinds])


async def of_meter(conn: AsyncConnection[TupleRow], meter_id: int, serial: str, unwrap: Wrap) -> StoredKeys:
    """The keys as they stand."""
    wrapped: dict[str, str] = dict(await (await conn.execute(_OF, [meter_id])).fetchall())
    return opened(serial, wrapped, unwrap)[1]


@dataclass(frozen=True, slots=True)
class Deed:
    """What stands in the book of deeds beside a change of keys: who, when, of which meter, by which order."""

    login: str
    at: datetime
    serial: str
    order: int

    @property
    def detail(self) -> dict[str, Any]:
        """Without any key."""
        return {"order": self.order}


async def propose(
    conn: AsyncConnection[TupleRow], meter_id: int, pair: KeyPair, wrap: Wrap, deed: Deed
) -> bool:
    """Keep new keys as pending, before anybody hears of them; False when the order is no longer ours to send.

    To be committed before a byte of them goes out.
    """
    if not await _open(conn, deed, "sent"):
        return False
    for kind, key in ((ENCRYPTION, pair.encryption), (AUTHENTICATION, pair.authentication)):
        await conn.execute(_PUT, [meter_id, kind + PENDING, wrap(key)])
    await _note(conn, deed, "key.pending")
    return True


async def adopt(
    conn: AsyncConnection[TupleRow], meter_id: int, pair: KeyPair, wrap: Wrap, deed: Deed
) -> bool:
    """The meter was opened with this pair: it is the current one now, all others are forgotten.

    False when the order has come to its end meanwhile: others know better.
    """
    if not await _open(conn, deed, "approved", "sent", "unknown"):
        return False
    for kind, key in ((ENCRYPTION, pair.encryption), (AUTHENTICATION, pair.authentication)):
        await conn.execute(_PUT, [meter_id, kind, wrap(key)])
        await conn.execute(_DROP, [meter_id, [kind + PENDING, kind + ABANDONED]])
    await _note(conn, deed, "key.change")
    return True


async def give_up(conn: AsyncConnection[TupleRow], meter_id: int, deed: Deed) -> bool:
    """The meter was opened with its current keys: the pending ones are kept aside."""
    if not await _open(conn, deed, "approved", "sent", "unknown"):
        return False
    for kind in (ENCRYPTION, AUTHENTICATION):
        if await (await conn.execute(_HAS, [meter_id, kind + PENDING])).fetchone() is None:
            continue
        await conn.execute(_DROP, [meter_id, [kind + ABANDONED]])
        await conn.execute(_MOVE, [kind + ABANDONED, meter_id, kind + PENDING])
    await _note(conn, deed, "key.give_up")
    return True


async def changed_by(conn: AsyncConnection[TupleRow], deed: Deed) -> bool:
    """Whether this order has changed the keys already, and its head-end could not say so any more."""
    row = await (await conn.execute(_CHANGED, [f"meter {deed.serial}", deed.order])).fetchone()
    return row is not None


async def _open(conn: AsyncConnection[TupleRow], deed: Deed, *states: str) -> bool:
    return await (await conn.execute(_ORDER, [deed.order, list(states)])).fetchone() is not None


async def _note(conn: AsyncConnection[TupleRow], deed: Deed, action: str) -> None:
    row = people.audit_row(deed.at, deed.login, action, f"meter {deed.serial}", deed.detail)
    await conn.execute(people.AUDIT, row)
