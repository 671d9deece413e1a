"""What the office knows of its grid: saved as it is brought, told back as it stands.

Saving is an upsert noun by noun: what is new is added, what differs is changed, what is the same stays as
it is, and what the import does not name is left alone (a register may bring a part of the grid).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.grid import Register, SecretKeys
from model.jsonform import to_json
from storage.errors import RegisterUnusable
from storage.meter_keys import AUTHENTICATION, ENCRYPTION, MASTER, PASSWORD
from storage.register import register

__all__ = ["RegisterCounts", "register", "save_register"]

_STATION: Final = """
    INSERT INTO station AS old (code, name)
    SELECT code, name FROM jsonb_to_recordset(%s) AS new (code text, name text) ORDER BY code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE old.name IS DISTINCT FROM excluded.name
    RETURNING xmax = 0"""
_TRANSFORMER: Final = """
    INSERT INTO station_transformer AS old (station, valid_from, kva, no_load_w, load_w, line_percent,
        head_behind)
    SELECT station, valid_from, kva, no_load_w, load_w, line_percent, head_behind
    FROM jsonb_to_recordset(%s) AS new (station text, valid_from date, kva numeric, no_load_w numeric,
        load_w numeric, line_percent numeric, head_behind boolean)
    ORDER BY station, valid_from
    ON CONFLICT (station, valid_from) DO UPDATE SET kva = excluded.kva, no_load_w = excluded.no_load_w,
        load_w = excluded.load_w, line_percent = excluded.line_percent, head_behind = excluded.head_behind
    WHERE (old.kva, old.no_load_w, old.load_w, old.line_percent, old.head_behind) IS DISTINCT FROM
        (excluded.kva, excluded.no_load_w, excluded.load_w, excluded.line_percent, excluded.head_behind)
    RETURNING xmax = 0"""
_FEEDER: Final = """
    INSERT INTO feeder AS old (code, name, station)
    SELECT code, name, station FROM jsonb_to_recordset(%s) AS new (code text, name text, station text)
    ORDER BY code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, station = excluded.station
    WHERE (old.name, old.station) IS DISTINCT FROM (excluded.name, excluded.station)
    RETURNING xmax = 0"""
_BOOK: Final = """
    INSERT INTO reading_book AS old (code, name, reading_day)
    SELECT code, name, reading_day
    FROM jsonb_to_recordset(%s) AS new (code text, name text, reading_day smallint) ORDER BY code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, reading_day = excluded.reading_day
    WHERE (old.name, old.reading_day) IS DISTINCT FROM (excluded.name, excluded.reading_day)
    RETURNING xmax = 0"""
_CUSTOMER: Final = """
    INSERT INTO customer AS old (code, name, address, phone, email, book, tax_code)
    SELECT code, name, address, phone, email, book, tax_code FROM jsonb_to_recordset(%s)
        AS new (code text, name text, address text, phone text, email text, book text, tax_code text)
    ORDER BY code
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, address = excluded.address,
        phone = excluded.phone, email = excluded.email, book = excluded.book,
        tax_code = excluded.tax_code
    WHERE (old.name, old.address, old.phone, old.email, old.book, old.tax_code)
        IS DISTINCT FROM (excluded.name, excluded.address, excluded.phone, excluded.email, excluded.book,
            excluded.tax_code)
    RETURNING xmax = 0"""
_MODEM: Final = """
    INSERT INTO modem AS old (code, link, dialect, host, port, registration, cell, device, dials)
    SELECT code, link, dialect, host, port, registration, coalesce(cell, ''), coalesce(device, ''),
        coalesce(dials, '') FROM jsonb_to_recordset(%s)
        AS new (code text, link text, dialect text, host text, port integer, registration text, cell text,
            device text, dials text)
    ORDER BY code
    ON CONFLICT (code) DO UPDATE SET link = excluded.link, dialect = excluded.dialect,
        host = excluded.host, port = excluded.port, registration = excluded.registration,
        cell = excluded.cell, device = excluded.device, dials = excluded.dials
    WHERE (old.link, old.dialect, old.host, old.port, old.registration, old.cell, old.device, old.dials)
        IS DISTINCT FROM (excluded.link, excluded.dialect, excluded.host, excluded.port,
            excluded.registration, excluded.cell, excluded.device, excluded.dials)
    RETURNING xmax = 0"""
_METER: Final = """
    INSERT INTO meter AS old (serial, model, modem, address, digits, live_every_s)
    SELECT serial, model, modem, address, digits, live_every_s FROM jsonb_to_recordset(%s)
        AS new (serial text, model text, modem text, address integer, digits smallint, live_every_s integer)
    ORDER BY serial
    ON CONFLICT (serial) DO UPDATE SET model = excluded.model, modem = excluded.modem,
        address = excluded.address, digits = excluded.digits, live_every_s = excluded.live_every_s
    WHERE (old.model, old.modem, old.address, old.digits, old.live_every_s)
        IS DISTINCT FROM (excluded.model, excluded.modem, excluded.address, excluded.digits,
            excluded.live_every_s)
    RETURNING xmax = 0"""
_SECRET: Final = """
    INSERT INTO meter_secret AS old (meter_id, kind, wrapped)
    SELECT meter.id, new.kind, decode(new.wrapped, 'hex')
    FROM jsonb_to_recordset(%s) AS new (serial text, kind text, wrapped text) JOIN meter USING (serial)
    ORDER BY meter.id, new.kind
    ON CONFLICT (meter_id, kind) DO UPDATE SET wrapped = excluded.wrapped
    WHERE old.wrapped IS DISTINCT FROM excluded.wrapped
    RETURNING xmax = 0"""
_POINT: Final = """
    INSERT INTO point AS old (code, role, station, feeder, customer, checked_by)
    SELECT code, role, station, nullif(feeder, ''), nullif(customer, ''), nullif(checked_by, '')
    FROM jsonb_to_recordset(%s) AS new (code text, role text, station text, feeder text, customer text,
        checked_by text) ORDER BY code
    ON CONFLICT (code) DO UPDATE SET role = excluded.role, station = excluded.station,
        feeder = excluded.feeder, customer = excluded.customer,
        checked_by = coalesce(excluded.checked_by, old.checked_by)
    WHERE (old.role, old.station, old.feeder, old.customer, old.checked_by) IS DISTINCT FROM
        (excluded.role, excluded.station, excluded.feeder, excluded.customer,
            coalesce(excluded.checked_by, old.checked_by))
    RETURNING xmax = 0"""
_NO_CHECK: Final = """
    SELECT p.code, k.code FROM point p JOIN point k ON k.code = p.checked_by
    WHERE k.role <> 'check' LIMIT 1"""
_MULTIPLIER: Final = """
    INSERT INTO point_multiplier AS old (point, valid_from, value)
    SELECT point, valid_from, value
    FROM jsonb_to_recordset(%s) AS new (point text, valid_from timestamptz, value numeric)
    ORDER BY point, valid_from
    ON CONFLICT (point, valid_from) DO UPDATE SET value = excluded.value
    WHERE old.value IS DISTINCT FROM excluded.value
    RETURNING xmax = 0"""
_SUPPLY: Final = """
    INSERT INTO point_supply AS old (point, valid_from, plan, households, voltage_kv, one_rate, tou_schedule,
        tenants, undeclared, three_rate_refused, buys_reactive, contract_kw, transformer_kva)
    SELECT point, valid_from, plan, households, voltage_kv, one_rate, tou_schedule, tenants, undeclared,
        three_rate_refused, buys_reactive, contract_kw, transformer_kva
    FROM jsonb_to_recordset(%s) AS new (point text, valid_from date, plan text, households numeric,
        voltage_kv numeric, one_rate boolean, tou_schedule text, tenants smallint, undeclared boolean,
        three_rate_refused boolean, buys_reactive boolean, contract_kw numeric, transformer_kva numeric)
    ORDER BY point, valid_from
    ON CONFLICT (point, valid_from) DO UPDATE SET plan = excluded.plan, households = excluded.households,
        voltage_kv = excluded.voltage_kv, one_rate = excluded.one_rate, tou_schedule = excluded.tou_schedule,
        tenants = excluded.tenants, undeclared = excluded.undeclared,
        three_rate_refused = excluded.three_rate_refused, buys_reactive = excluded.buys_reactive,
        contract_kw = excluded.contract_kw, transformer_kva = excluded.transformer_kva
    WHERE (old.plan, old.households, old.voltage_kv, old.one_rate, old.tou_schedule, old.tenants,
            old.undeclared, old.three_rate_refused, old.buys_reactive, old.contract_kw, old.transformer_kva)
        IS DISTINCT FROM (excluded.plan, excluded.households, excluded.voltage_kv, excluded.one_rate,
            excluded.tou_schedule, excluded.tenants, excluded.undeclared, excluded.three_rate_refused,
            excluded.buys_reactive, excluded.contract_kw, excluded.transformer_kva)
    RETURNING xmax = 0"""
# A meter that was never registered leaves meter_id empty, and the store says so.
_INSTALLATION: Final = """
    INSERT INTO installation AS old (point, meter_id, since, until, first_index, last_index)
    SELECT point, meter.id, since, until, first_index, last_index
    FROM jsonb_to_recordset(%s) AS new (point text, serial text, since timestamptz, until timestamptz,
        first_index jsonb, last_index jsonb) LEFT JOIN meter USING (serial) ORDER BY serial, since
    ON CONFLICT (meter_id, since) DO UPDATE SET point = excluded.point, until = excluded.until,
        first_index = excluded.first_index, last_index = excluded.last_index
    WHERE (old.point, old.until, old.first_index, old.last_index)
        IS DISTINCT FROM (excluded.point, excluded.until, excluded.first_index, excluded.last_index)
    RETURNING xmax = 0"""

_REFRESH: Final = """
    SELECT refresh_meter_places(ARRAY(
        SELECT id FROM meter WHERE serial = ANY (%(meters)s)
        UNION SELECT i.meter_id FROM installation i
        JOIN meter m ON m.id = i.meter_id JOIN point p ON p.code = i.point
        WHERE m.serial = ANY (%(hung)s) OR p.code = ANY (%(points)s) OR p.customer = ANY (%(customers)s)))"""


@dataclass(frozen=True, slots=True)
class RegisterCounts:
    """How many of each noun (stations, feeders, …) were added, changed and found as they were."""

    added: Mapping[str, int]
    changed: Mapping[str, int]
    unchanged: Mapping[str, int]


def save_register(
    conn: Connection[TupleRow], register: Register, wrap: Callable[[bytes], bytes]
) -> RegisterCounts:
    """Take a register over; a meter's password and keys are kept wrapped, and left as they are where none
    are given.

    Raises RegisterUnusable when it names the same thing twice, leans on something nobody knows, or hangs
    two meters at one place at a time. The caller's transaction is then at an error: roll it back.
    """
    added: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    unchanged: Counter[str] = Counter()
    for noun, statement, rows, keys in _parts(register, wrap):
        _refuse_twice(noun, rows, keys)
        outcome = [new for (new,) in _upsert(conn, noun, statement, rows)]
        added[noun], changed[noun] = outcome.count(True), outcome.count(False)
        unchanged[noun] = len(rows) - len(outcome)
    for point, other in conn.execute(_NO_CHECK):
        raise RegisterUnusable(
            f"Point {point} is checked by {other}, which is no check point: give that one the role check."
        )
    if added.total() + changed.total():
        _refresh(conn, register)
    return RegisterCounts(dict(added), dict(changed), dict(unchanged))


def _refresh(conn: Connection[TupleRow], register: Register) -> None:
    """Let the meters be found by what the register says of them."""
    conn.execute(
        _REFRESH,
        {
            "meters": [meter.serial for meter in register.meters],
            "hung": [item.serial for item in register.installations],
            "points": [point.code for point in register.points],
            "customers": [customer.code for customer in register.customers],
        },
    )


_Rows = list[dict[str, Any]]
_Part = tuple[str, LiteralString, _Rows, tuple[str, ...]]


def _parts(register: Register, wrap: Callable[[bytes], bytes]) -> Iterable[_Part]:
    """Every noun with its rows, those that others lean on first."""
    points, meters = register.points, register.meters
    stations = register.stations
    yield "stations", _STATION, [_without(to_json(one), "transformers") for one in stations], ("code",)
    yield (
        "transformers",
        _TRANSFORMER,
        [{"station": one.code, **to_json(item)} for one in stations for item in one.transformers],
        ("station", "valid_from"),
    )
    yield "feeders", _FEEDER, to_json(register.feeders), ("code",)
    yield "books", _BOOK, to_json(register.books), ("code",)
    yield "customers", _CUSTOMER, to_json(register.customers), ("code",)
    yield "modems", _MODEM, to_json(register.modems), ("code",)
    yield "meters", _METER, [_without(to_json(meter), "password", "keys") for meter in meters], ("serial",)
    yield (
        "passwords",
        _SECRET,
        [
            {"serial": meter.serial, "kind": PASSWORD, "wrapped": wrap(meter.password.encode()).hex()}
            for meter in meters
            if meter.password
        ],
        ("serial",),
    )
    yield (
        "keys",
        _SECRET,
        [
            {"serial": meter.serial, "kind": kind, "wrapped": wrap(bytes.fromhex(key)).hex()}
            for meter in meters
            if meter.keys is not None
            for kind, key in _kinds(meter.keys)
        ],
        ("serial", "kind"),
    )
    yield (
        "points",
        _POINT,
        [_without(to_json(point), "multipliers", "supplies") for point in points],
        ("code",),
    )
    yield (
        "multipliers",
        _MULTIPLIER,
        [{"point": point.code, **to_json(item)} for point in points for item in point.multipliers],
        ("point", "valid_from"),
    )
    yield (
        "supplies",
        _SUPPLY,
        [{"point": point.code, **to_json(item)} for point in points for item in point.supplies],
        ("point", "valid_from"),
    )
    yield "installations", _INSTALLATION, to_json(register.installations), ("serial", "since")


def _kinds(keys: SecretKeys) -> list[tuple[str, str]]:
    kinds = (ENCRYPTION, keys.encryption), (AUTHENTICATION, keys.authentication), (MASTER, keys.master)
    return [(kind, key) for kind, key in kinds if key]


def _without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in names}


def _refuse_twice(noun: str, rows: _Rows, keys: tuple[str, ...]) -> None:
    seen = Counter(tuple(row[key] for key in keys) for row in rows)
    twice = [" of ".join(reversed(key)) for key, count in seen.items() if count > 1]
    if twice:
        raise RegisterUnusable(
            f"The register names {', '.join(twice[:3])} among its {noun} more than once: keep one of each."
        )


def _upsert(conn: Connection[TupleRow], noun: str, statement: LiteralString, rows: _Rows) -> list[TupleRow]:
    if not rows:
        return []
    try:
        return conn.execute(statement, [Jsonb(rows)]).fetchall()
    except psycopg.IntegrityError as error:
        said = error.diag.message_detail or error.diag.message_primary or str(error)
        raise RegisterUnusable(_refusal(noun, error.diag.constraint_name, said), said=said) from error
    except psycopg.DataError as error:
        said = error.diag.message_primary or str(error)
        raise RegisterUnusable(f"The register's {noun} do not fit the store ({said}).", said=said) from error


def _refusal(noun: str, constraint: str | None, said: str) -> str:
    match constraint:
        case "installation_one_place":
            return f"The register hangs a meter at two places at one time ({said}): give the first an end."
        case "installation_one_meter":
            return f"The register hangs two meters at one point at one time ({said}): give the first an end."
        case "modem_registration":
            return f"Two modems register with the same name ({said}): give each its own."
    return f"The register's {noun} contradict it or the store ({said}): correct that row and import again."
