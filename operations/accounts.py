"""Who may sign in: accounts, throttled sign-ins, and sessions that end.

A session's token is drawn at random (256 bits) and only its SHA-256 is kept. It ends after `IDLE` without
use and after `LONGEST` in any case. Failed sign-ins are counted in the database, by login and by address,
so that every process of an installation counts the same.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from model.viewer import UserRole, Viewer
from operations import passwords
from operations.errors import AccountRefused
from storage import people
from storage.pool import Pool

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # a session's last use is written down at most this often
WINDOW = timedelta(minutes=15)
LOGIN_FAILURES = 5
_LOGIN = re.compile(r"[\w.@-]{2,64}")
ADDRESS_FAILURES = 30  # many people may sit behind one address


@dataclass(frozen=True, slots=True)
class SignIn:
    """An open session: `token` goes into the cookie and nowhere else, `csrf` into the page's forms."""

    token: str = field(repr=False)
    csrf: str = field(repr=False)
    viewer: Viewer
    language: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """`wrong`: login or password do not fit (which of them is not said); `throttled`: too many tries."""

    kind: Literal["wrong", "throttled"]
    retry_after_s: int = 0


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def as_kept(login: str) -> str:
    """A login as it is written down, however somebody typed it."""
    return login.strip().casefold()


def add_user(
    pool: Pool,
    login: str,
    role: UserRole,
    password: str,
    *,
    customer: str = "",
    now: datetime,
    language: str = "vi",
    by: str = "ami",
) -> None:
    """Let somebody sign in; a customer names the Customer.code it may see.

    Raises `AccountRefused` for a login or password that will not do, `AlreadyThere`, `Unknown` customer.
    """
    name = as_kept(login)
    if not _LOGIN.fullmatch(name):
        said = f"“{login}” cannot be a login: use 2 to 64 letters, digits, dots, hyphens, underscores or @"
        raise AccountRefused(login, said)
    if (role is UserRole.CUSTOMER) != bool(customer):
        said = f"user {name}: give the customer's code for the role customer, and for no other role"
        raise AccountRefused(login, said)
    password_hash = passwords.hashed(name, password)
    with pool.connection() as conn:
        people.add_user(conn, name, role, password_hash, now, customer=customer, language=language)
        people.audit(conn, now, by, "user.add", name, {"role": role.value, "customer": customer})


def ensure_user(
    pool: Pool, login: str, role: UserRole, password: str, *, customer: str = "", now: datetime
) -> bool:
    """`add_user` unless there is one of that login; whether it was added.

    Nothing of one that is there changes.
    """
    with pool.connection() as conn:
        if people.user(conn, as_kept(login)) is not None:
            return False
    add_user(pool, login, role, password, customer=customer, now=now)
    return True


def change_password(pool: Pool, login: str, password: str, *, now: datetime, by: str = "ami") -> None:
    """Give a login another password; its open sessions end. Raises `AccountRefused`, `Unknown`."""
    name = as_kept(login)
    password_hash = passwords.hashed(name, password)
    with pool.connection() as conn:
        people.set_password_hash(conn, name, password_hash)
        people.audit(conn, now, by, "user.password", name)


def disable_user(pool: Pool, login: str, *, now: datetime, disabled: bool = True, by: str = "ami") -> None:
    """A login may no longer sign in, or may again; its open sessions end. Raises `Unknown`."""
    name = as_kept(login)
    with pool.connection() as conn:
        people.set_disabled(conn, name, disabled)
        people.audit(conn, now, by, "user.disable" if disabled else "user.enable", name)


def prove(pool: Pool, login: str, password: str, address: str, now: datetime) -> people.User | SignInRefused:
    """Who it is, by their password, or that it cannot be believed.

    `LOGIN_FAILURES` for one login, or `ADDRESS_FAILURES` from one address, within `WINDOW` close the door for
    that long; a throttled try does not count again, so that nobody is locked out for ever.
    """
    name = as_kept(login)
    with pool.connection() as conn:
        failures = people.recent_failures(conn, name, address, now - WINDOW)
        if failures.login >= LOGIN_FAILURES or failures.address >= ADDRESS_FAILURES:
            people.audit(conn, now, name, "sign_in.throttled", address)
            return SignInRefused("throttled", int(WINDOW.total_seconds()))
        known = people.user(conn, name)
    # No connection is held while the hash is worked out: it takes a while on purpose.
    right = passwords.fits(known.password_hash if known else None, password)
    with pool.connection() as conn:
        people.record_attempt(conn, name, address, now, right and known is not None and not known.disabled)
        if known is None or known.disabled or not right:
            people.audit(conn, now, name, "sign_in.refused", address)
            return SignInRefused("wrong")
        if passwords.is_outdated(known.password_hash):
            people.rehash(conn, name, passwords.hashed(name, password))
    return known


def sign_in(pool: Pool, login: str, password: str, address: str, now: datetime) -> SignIn | SignInRefused:
    """Open a session for who proves who they are (see `prove`), or refuse."""
    known = prove(pool, login, password, address, now)
    if isinstance(known, SignInRefused):
        return known
    with pool.connection() as conn:
        people.drop_expired_sessions(conn, now, IDLE)
        session = SignIn(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), known.viewer, known.language, now + LONGEST
        )
        people.create_session(conn, _hash(session.token), known.login, session.csrf, now, session.expires_at)
        people.audit(conn, now, known.login, "sign_in", address)
    return session


def sign_out(pool: Pool, token: str, now: datetime) -> None:
    """End a session; a token that stands for none does nothing."""
    with pool.connection() as conn:
        found = people.find_session(conn, _hash(token), now, IDLE)
        if people.drop_session(conn, _hash(token)) and found is not None:
            people.audit(conn, now, found.viewer.login, "sign_out")


def session(pool: Pool, token: str, now: datetime) -> people.Session | None:
    """The session of a token, noted as in use; None when it has ended."""
    if not token:
        return None
    with pool.connection() as conn:
        found = people.find_session(conn, _hash(token), now, IDLE)
        if found is not None:
            people.touch_session(conn, _hash(token), now, SEEN_EVERY)
        return found


def session_viewer(pool: Pool, token: str, now: datetime) -> Viewer | None:
    """Who is looking, by their token."""
    found = session(pool, token, now)
    return found.viewer if found else None


def rotate(pool: Pool, token: str, now: datetime) -> SignIn | None:
    """The same session under another token, as after a change of rights; its end stays where it was."""
    with pool.connection() as conn:
        found = people.find_session(conn, _hash(token), now, IDLE)
        if found is None:
            return None
        fresh = SignIn(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            found.viewer,
            found.language,
            found.expires_at,
        )
        people.rotate_session(conn, _hash(token), _hash(fresh.token), fresh.csrf, now)
        return fresh


def note_refusal(pool: Pool, viewer: Viewer, what: str, now: datetime) -> None:
    """Write down that somebody asked for what is not theirs."""
    with pool.connection() as conn:
        people.audit(conn, now, viewer.login, "refused", what)
