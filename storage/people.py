"""People who sign in, their sessions, their failed tries, and the book of what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.period import require_aware
from model.viewer import UserRole, Viewer
from storage.errors import AlreadyThere, StorageError, Unknown

_ADD: Final = """
    INSERT INTO app_user (login, role, customer, password_hash, language, created_at)
    VALUES (%s, %s, %s, %s, %s, %s)"""
_COLUMNS: Final = "SELECT login, role, coalesce(customer, ''), password_hash, language, created_at, disabled"
_USER: Final = _COLUMNS + " FROM app_user WHERE login = %s"
_ENGINEERS: Final = "SELECT login FROM app_user WHERE role = %s AND NOT disabled ORDER BY login"
_USERS: Final = _COLUMNS + " FROM app_user ORDER BY role, login"
_SET_PASSWORD: Final = "UPDATE app_user SET password_hash = %s WHERE login = %s"
_SET_DISABLED: Final = "UPDATE app_user SET disabled = %s WHERE login = %s"
_DROP_SESSIONS: Final = "DELETE FROM app_session WHERE login = %s"

_CREATE: Final = """
    INSERT INTO app_session (token_hash, login, csrf, created_at, seen_at, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s)"""
_FIND: Final = """
    SELECT u.login, u.role, coalesce(u.customer, ''), u.language, s.csrf, s.created_at, s.seen_at,
        s.expires_at
    FROM app_session s JOIN app_user u USING (login)
    WHERE s.token_hash = %s AND s.expires_at > %s AND s.seen_at > %s AND NOT u.disabled"""
_TOUCH: Final = "UPDATE app_session SET seen_at = %s WHERE token_hash = %s AND seen_at < %s"
_DROP: Final = "DELETE FROM app_session WHERE token_hash = %s"
_ROTATE: Final = """
    UPDATE app_session SET token_hash = %s, csrf = %s, seen_at = %s WHERE token_hash = %s"""
_DROP_EXPIRED: Final = "DELETE FROM app_session WHERE expires_at <= %s OR seen_at <= %s"

_RECORD: Final = "INSERT INTO sign_in_attempt (login, address, at, ok) VALUES (%s, %s, %s, %s)"
# A success wipes the slate of a login, not that of an address: else one's own account would hide the tries at
# others.
_FAILURES: Final = """
    SELECT
        (SELECT count(*) FROM sign_in_attempt WHERE login = %(login)s AND NOT ok AND at > greatest(%(since)s,
            (SELECT max(at) FROM sign_in_attempt WHERE login = %(login)s AND ok AND at > %(since)s))),
        (SELECT count(*) FROM sign_in_attempt WHERE address = %(address)s AND NOT ok AND at > %(since)s)"""

AUDIT: Final = "INSERT INTO audit (at, login, action, object, detail) VALUES (%s, %s, %s, %s, %s)"
_AUDITED: Final = """
    SELECT at, login, action, object, detail FROM audit
    WHERE (%(login)s::text IS NULL OR login = %(login)s) AND (%(action)s::text IS NULL OR action = %(action)s)
    ORDER BY at DESC, id DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may sign in. `password_hash` is argon2id's; `customer` is empty for staff."""

    login: str
    role: UserRole
    customer: str
    password_hash: str = field(repr=False)
    language: str
    created_at: datetime
    disabled: bool

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.login, self.role, self.customer)


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that still holds."""

    viewer: Viewer
    language: str
    csrf: str = field(repr=False)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed sign-ins lately: of the login since its last success, and from the address."""

    login: int
    address: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book of deeds."""

    at: datetime
    login: str
    action: str
    object: str
    detail: Mapping[str, Any]


def add_user(
    conn: Connection[TupleRow],
    login: str,
    role: UserRole,
    password_hash: str,
    at: datetime,
    *,
    customer: str = "",
    language: str = "vi",
) -> None:
    """Let someone sign in. A customer needs `customer`, staff have none.

    Raises AlreadyThere, Unknown (the customer) or StorageError (a role and a customer that do not go
    together).
    """
    row = [login, role.value, customer or None, password_hash, language, require_aware(at)]
    try:
        with conn.transaction():
            conn.execute(_ADD, row)
    except psycopg.errors.UniqueViolation as error:
        raise AlreadyThere("user", login) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise Unknown("customer", customer) from error
    except psycopg.errors.CheckViolation as error:
        need = "needs the code of a customer" if role is UserRole.CUSTOMER else "has no customer"
        raise StorageError(f"User {login}: a sign-in of the role {role.value} {need}.") from error


def user(conn: Connection[TupleRow], login: str) -> User | None:
    found = conn.execute(_USER, [login]).fetchone()
    return None if found is None else _user(*found)


def users(conn: Connection[TupleRow]) -> list[User]:
    """Everybody, by role and login."""
    return [_user(*row) for row in conn.execute(_USERS)]


def engineers(conn: Connection[TupleRow]) -> list[str]:
    """Logins of the engineers who may sign in."""
    return [login for (login,) in conn.execute(_ENGINEERS, [UserRole.ENGINEER.value])]


def _user(login: str, role: str, *rest: Any) -> User:
    return User(login, UserRole(role), *rest)


def set_password_hash(conn: Connection[TupleRow], login: str, password_hash: str) -> None:
    """A new password; every session of the login ends. Raises Unknown."""
    if not conn.execute(_SET_PASSWORD, [password_hash, login]).rowcount:
        raise Unknown("user", login)
    conn.execute(_DROP_SESSIONS, [login])


def rehash(conn: Connection[TupleRow], login: str, password_hash: str) -> None:
    """The same password under today's parameters; sessions go on. Raises Unknown."""
    if not conn.execute(_SET_PASSWORD, [password_hash, login]).rowcount:
        raise Unknown("user", login)


def set_disabled(conn: Connection[TupleRow], login: str, disabled: bool) -> None:
    """Close a sign-in or open it again; closing ends its sessions. Raises Unknown."""
    if not conn.execute(_SET_DISABLED, [disabled, login]).rowcount:
        raise Unknown("user", login)
    if disabled:
        conn.execute(_DROP_SESSIONS, [login])


def create_session(
    conn: Connection[TupleRow], token_hash: bytes, login: str, csrf: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a sign-in by the hash of its token. Raises Unknown for a login nobody has."""
    try:
        with conn.transaction():
            conn.execute(_CREATE, [token_hash, login, csrf, require_aware(now), now, expires_at])
    except psycopg.errors.ForeignKeyViolation as error:
        raise Unknown("user", login) from error


def find_session(
    conn: Connection[TupleRow], token_hash: bytes, now: datetime, idle: timedelta
) -> Session | None:
    """The session of a token's hash, if it has neither expired nor been idle too long, and its user is not
    disabled."""
    found = conn.execute(_FIND, [token_hash, require_aware(now), now - idle]).fetchone()
    if found is None:
        return None
    login, role, customer, *rest = found
    return Session(Viewer(login, UserRole(role), customer), *rest)


def touch_session(
    conn: Connection[TupleRow],
    token_hash: bytes,
    now: datetime,
    at_most_every: timedelta = timedelta(minutes=1),
) -> None:
    """Note that the session is in use, without writing at every click."""
    conn.execute(_TOUCH, [require_aware(now), token_hash, now - at_most_every])


def drop_session(conn: Connection[TupleRow], token_hash: bytes) -> bool:
    """Sign out; whether there was such a session."""
    return conn.execute(_DROP, [token_hash]).rowcount > 0


def rotate_session(
    conn: Connection[TupleRow], token_hash: bytes, new_token_hash: bytes, csrf: str, now: datetime
) -> bool:
    """Give a session another token, for the old one may have been seen; False when there is none."""
    return conn.execute(_ROTATE, [new_token_hash, csrf, require_aware(now), token_hash]).rowcount > 0


def drop_expired_sessions(conn: Connection[TupleRow], now: datetime, idle: timedelta) -> int:
    """Forget sessions that no longer hold; how many."""
    return conn.execute(_DROP_EXPIRED, [require_aware(now), now - idle]).rowcount


def record_attempt(conn: Connection[TupleRow], login: str, address: str, at: datetime, ok: bool) -> None:
    """Note a try to sign in."""
    conn.execute(_RECORD, [_shown(login), _shown(address), require_aware(at), ok])


def recent_failures(conn: Connection[TupleRow], login: str, address: str, since: datetime) -> Failures:
    """Failed tries after `since`."""
    asked = {"login": _shown(login), "address": _shown(address), "since": require_aware(since)}
    found = conn.execute(_FAILURES, asked).fetchone()
    assert found is not None  # an aggregate has a row
    return Failures(*found)


def audit(
    conn: Connection[TupleRow],
    at: datetime,
    login: str,
    action: str,
    object: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down who did what to what; never changed afterwards."""
    conn.execute(AUDIT, audit_row(at, login, action, object, detail))


def audit_row(
    at: datetime, login: str, action: str, object: str = "", detail: Mapping[str, Any] | None = None
) -> list[Any]:
    """The arguments of `AUDIT`, for a connection of the event loop."""
    return [require_aware(at), _shown(login), action, _shown(object), Jsonb(dict(detail or {}))]


def audited(
    conn: Connection[TupleRow], *, login: str | None = None, action: str | None = None, limit: int = 200
) -> list[Entry]:
    """What was written down, the latest first."""
    asked = {"login": login, "action": action, "limit": limit}
    return [Entry(*row) for row in conn.execute(_AUDITED, asked)]


def _shown(given: str) -> str:
    """What a stranger typed, in a length and form that a column holds."""
    return given[:200].replace("\0", "␀").encode(errors="backslashreplace").decode()
