"""Passwords: argon2id (RFC 9106, second recommended option), and what is too weak to be one."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from operations.errors import AccountRefused

SHORTEST = 10
LONGEST = 256

_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, type=Type.ID)


def hashed(login: str, password: str) -> str:
    """The argon2id hash of a new password; raises `AccountRefused` when it is too weak."""
    if not SHORTEST <= len(password) <= LONGEST:
        said = f"the password of {login} must have {SHORTEST} to {LONGEST} characters: choose another"
        raise AccountRefused(login, said)
    if login.casefold() in password.casefold() and len(password) - len(login) < 4:
        raise AccountRefused(login, f"the password of {login} is too near to the login: choose another")
    return _HASHER.hash(password)


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one. Without a hash it takes as long all the same."""
    try:
        return (
            _HASHER.verify(password_hash or _nobodys(), password[: LONGEST + 1]) and password_hash is not None
        )
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(password_hash)
