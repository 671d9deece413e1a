"""Whose a message is that nobody asked for: meters by the names they give themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from storage import meter_keys
from storage.errors import SecretUnreadable
from storage.meter_keys import NO_KEYS, StoredKeys

_BY_SERIAL: Final = """
    SELECT id, serial, model, modem,
        EXISTS (SELECT FROM meter_secret WHERE meter_id = id AND kind = 'encryption')
    FROM meter WHERE serial = ANY (%s::text[]) AND modem IS NOT NULL"""

_AT: Final = """
    SELECT id, serial, model, modem,
        EXISTS (SELECT FROM meter_secret WHERE meter_id = id AND kind = 'encryption')
    FROM meter WHERE modem = %s AND address = %s"""

_BY_TITLE: Final = """
    SELECT t.title, m.id, m.serial, m.model, m.modem, s.secrets
    FROM meter_title t JOIN meter m ON m.id = t.meter_id
    JOIN LATERAL (SELECT jsonb_object_agg(kind, encode(wrapped, 'hex')) AS secrets
        FROM meter_secret WHERE meter_id = m.id) s ON s.secrets IS NOT NULL
    WHERE t.title = ANY (%s::bytea[]) AND m.modem IS NOT NULL
    ORDER BY m.id"""
# One that was taken out of the register meanwhile has no title any more.
_KEEP: Final = """
    INSERT INTO meter_title AS old (meter_id, title)
    SELECT id, given.title FROM unnest(%s::integer[], %s::bytea[]) AS given (id, title) JOIN meter USING (id)
    ORDER BY id
    ON CONFLICT (meter_id) DO UPDATE SET title = excluded.title WHERE old.title <> excluded.title"""


@dataclass(frozen=True, slots=True)
class Pusher:
    """A meter of the register, the code of the modem it hangs on, and whether it has keys of its own."""

    meter_id: int
    serial: str
    model: str
    modem: str
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class KeyedPusher:
    """A meter that has proved its system title, and its keys; none where they do not open."""

    pusher: Pusher
    keys: StoredKeys


def by_serial(conn: Connection[TupleRow], serials: Collection[str]) -> dict[str, Pusher]:
    """Those of these serials that are in the register."""
    return {row[1]: Pusher(*row) for row in conn.execute(_BY_SERIAL, [list(serials)])}


def at(conn: Connection[TupleRow], modem: str, address: int) -> Pusher | None:
    """The meter at this address behind a modem, None where there is none or more than one."""
    rows = conn.execute(_AT, [modem, address]).fetchall()
    return Pusher(*rows[0]) if len(rows) == 1 else None


def by_title(
    conn: Connection[TupleRow], titles: Collection[bytes], unwrap: Callable[[bytes], bytes]
) -> dict[bytes, list[KeyedPusher]]:
    """The meters with these system titles, 8 bytes each: as a rule one, for makers do not give any twice."""
    found: defaultdict[bytes, list[KeyedPusher]] = defaultdict(list)
    for title, meter_id, serial, model, modem, wrapped in conn.execute(_BY_TITLE, [list(titles)]):
        try:
            keys = meter_keys.opened(serial, wrapped, unwrap)[1]
        except SecretUnreadable:
            keys = NO_KEYS  # said wherever its line is taken; others' messages are opened all the same
        found[bytes(title)].append(KeyedPusher(Pusher(meter_id, serial, model, modem, keyed=True), keys))
    return dict(found)


async def keep_titles(conn: AsyncConnection[TupleRow], titles: Mapping[int, bytes]) -> None:
    """What meters (by id) have proved to be called."""
    if titles:
        await conn.execute(_KEEP, [list(titles), list(titles.values())])
