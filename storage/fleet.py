"""What the head-end needs to know: lines with the meters on them, what was answered, what is fresh."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from model.grid import Modem, ModemLink
from model.period import Period
from storage import meter_keys
from storage.errors import SecretUnreadable
from storage.meter_keys import NO_KEYS, StoredKeys

_LINES: Final = """
    SELECT d.code, d.link, d.dialect, d.host, d.port, d.registration, d.cell, d.device, d.dials,
        m.id, m.serial, m.model, m.address, m.digits, s.secrets, i.since, i.until, m.live_every_s,
        coalesce(b.reading_day, 1), d.shard
    FROM modem d
    LEFT JOIN meter m ON m.modem = d.code
    LEFT JOIN LATERAL (SELECT jsonb_object_agg(kind, encode(wrapped, 'hex')) AS secrets
        FROM meter_secret WHERE meter_id = m.id) s ON true
    LEFT JOIN LATERAL (
        SELECT min(since) AS since, nullif(max(coalesce(until, 'infinity')), 'infinity') AS until
        FROM installation WHERE meter_id = m.id) i ON true
    LEFT JOIN LATERAL (
        SELECT reading_day FROM installation h JOIN point p ON p.code = h.point
            JOIN customer c ON c.code = p.customer JOIN reading_book ON reading_book.code = c.book
        WHERE h.meter_id = m.id ORDER BY h.since DESC LIMIT 1) b ON true
    WHERE (%(shards)s::integer[] IS NULL OR d.shard = ANY (%(shards)s))
        AND (%(modems)s::text[] IS NULL OR d.code = ANY (%(modems)s))
        AND (%(links)s::text[] IS NULL OR d.link = ANY (%(links)s))
    ORDER BY d.code, m.address, m.serial"""
_CALLERS: Final = """
    SELECT code, link, dialect, host, port, registration, cell, device, dials FROM modem
    WHERE link = 'dial_in'
    ORDER BY code"""
_ANSWERED: Final = """
    SELECT meter_id, item, unnest(spans) FROM answered
    WHERE meter_id = ANY (%s) ORDER BY meter_id, item"""
# A closing snapshot or an index from a work sheet says nothing of when the registers were last asked.
_LATEST: Final = """
    SELECT m.id, p.started, i.at, r.at, b.ends
    FROM unnest(%s::integer[]) AS m (id)
    LEFT JOIN LATERAL (SELECT started FROM poll
        WHERE meter_id = m.id AND outcome IN ('ok', 'partial') ORDER BY started DESC LIMIT 1) p ON true
    LEFT JOIN LATERAL (SELECT at FROM instant_read WHERE meter_id = m.id ORDER BY at DESC LIMIT 1) i ON true
    LEFT JOIN LATERAL (SELECT at FROM register_read
        WHERE meter_id = m.id AND source = 'poll' ORDER BY at DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (
        SELECT last + CASE WHEN kind = 'index' THEN interval '0' ELSE make_interval(secs => interval_s) END
            AS ends
        FROM profile_block WHERE meter_id = m.id ORDER BY at DESC LIMIT 1) b ON true"""
_NEVER_READ: Final = """
    SELECT serial FROM meter m
    WHERE serial = ANY (%s::text[]) AND NOT EXISTS (SELECT FROM answer a WHERE a.meter_id = m.id)"""
_MODEMS_OF: Final = "SELECT serial, modem FROM meter WHERE serial = ANY (%s) AND modem IS NOT NULL"
_IDS: Final = "SELECT serial, id FROM meter WHERE %(serials)s::text[] IS NULL OR serial = ANY (%(serials)s)"


@dataclass(frozen=True, slots=True)
class LineMeter:
    """A meter behind a modem, first hung at `since` and taken down for good at `until` (None: it hangs).

    `live_every_s` as in `model.grid.Meter`; `reading_day` is that of its customer's book. `sealed`: it has a
    password or keys, and they do not open here.
    """

    meter_id: int
    serial: str
    model: str
    address: int
    digits: int | None
    password: str | None = field(repr=False)
    since: datetime | None
    until: datetime | None
    live_every_s: int | None = None
    reading_day: int = 1
    keys: StoredKeys = field(default=NO_KEYS, repr=False)
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A modem and every meter that can be reached through it, those on a bench as well.

    `shard`: the modem's, among those that head-ends share out.
    """

    modem: Modem
    meters: tuple[LineMeter, ...]
    shard: int = 0


@dataclass(frozen=True, slots=True)
class MeterLatest:
    """How fresh the store's knowledge of a meter is; None where there is nothing yet.

    `last_register` is of registers read then and there, not of closing snapshots or of hand-written indices.
    """

    last_ok: datetime | None = None
    last_instant: datetime | None = None
    last_register: datetime | None = None
    last_profile_end: datetime | None = None


def lines(
    conn: Connection[TupleRow],
    unwrap: Callable[[bytes], bytes],
    *,
    shards: Collection[int] | None = None,
    modems: Collection[str] | None = None,
    links: Collection[ModemLink] | None = None,
) -> list[Line]:
    """Modems by their codes, with their meters: all, or those of these shards, codes and links."""
    found: dict[str, Modem] = {}
    meters: defaultdict[str, list[LineMeter]] = defaultdict(list)
    shard_of: dict[str, int] = {}
    chosen = {
        "shards": None if shards is None else list(shards),
        "modems": None if modems is None else list(modems),
        "links": None if links is None else [str(link) for link in links],
    }
    for code, link, *row in conn.execute(_LINES, chosen):
        particulars, meter, shard_of[code] = row[:7], row[7:-1], row[-1]
        found[code] = Modem(code, ModemLink(link), *particulars)
        meter_id, serial, model, address, digits, wrapped, since, until, live_every_s, day = meter
        if meter_id is None:
            continue
        password, keys, sealed = None, NO_KEYS, False
        try:
            password, keys = meter_keys.opened(serial, wrapped or {}, unwrap)
        except SecretUnreadable:
            sealed = True
        meters[code].append(
            LineMeter(
                meter_id,
                serial,
                model,
                address,
                digits,
                password,
                since,
                until,
                live_every_s,
                day,
                keys,
                sealed,
            )
        )
    return [Line(modem, tuple(meters[code]), shard_of[code]) for code, modem in found.items()]


def callers(conn: Connection[TupleRow]) -> list[Modem]:
    """Every modem that dials in, whatever its shard: it may call any head-end."""
    return [Modem(code, ModemLink(link), *rest) for code, link, *rest in conn.execute(_CALLERS)]


def meter_ids(conn: Connection[TupleRow], serials: Iterable[str] | None = None) -> dict[str, int]:
    """The ids of the meters of these serials, or of all; a serial nobody knows is not in it."""
    return dict(conn.execute(_IDS, {"serials": None if serials is None else list(serials)}).fetchall())


def modems_of(conn: Connection[TupleRow], serials: Collection[str]) -> dict[str, str]:
    """Behind which modem each of these meters is; one that nobody knows, or behind none, is not in it."""
    return dict(conn.execute(_MODEMS_OF, [list(serials)]).fetchall())


def never_read(conn: Connection[TupleRow], serials: Collection[str]) -> set[str]:
    """Those of these meters that have not answered anything yet."""
    return {serial for (serial,) in conn.execute(_NEVER_READ, [list(serials)])}


def answered(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[tuple[int, str], list[Period]]:
    """What was asked of each meter's items and completely answered: periods that neither touch nor
    overlap."""
    found: defaultdict[tuple[int, str], list[Period]] = defaultdict(list)
    for meter_id, item, span in conn.execute(_ANSWERED, [list(meter_ids)]):
        found[meter_id, item].append(Period(span.lower, span.upper))
    return dict(found)


def latest(conn: Connection[TupleRow], meter_ids: Collection[int]) -> dict[int, MeterLatest]:
    """How fresh each of the meters is; every id asked for is in it."""
    return {meter_id: MeterLatest(*row) for meter_id, *row in conn.execute(_LATEST, [list(meter_ids)])}
