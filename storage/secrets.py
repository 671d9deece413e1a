"""The key that wraps meters' passwords and keys: it lives in a file, never in the database.

AES key wrap with padding (RFC 5649), which needs no nonce: the same password under the same key has the same
wrapped form, so that saving it again changes nothing.

A database has one such key, and every home at it a copy. A home without it makes none where the database
holds secrets already: nothing would open with it.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from storage.errors import StorageError, WrappingKeyUnusable
from storage.pool import connect

_BYTES: Final = 32
_COPY: Final = (
    "copy wrapping.key there from the home of another head-end of this database, or from its backup"
)
# From both ends: a few that were spoilt are not the key's fault.
_SOME: Final = """
    (SELECT wrapped FROM meter_secret ORDER BY meter_id, kind LIMIT 10)
    UNION (SELECT wrapped FROM meter_secret ORDER BY meter_id DESC, kind DESC LIMIT 10)"""


class WrappingKey:
    """Wraps and unwraps short secrets."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes; raises ValueError for another length."""
        if len(key) != _BYTES:
            raise ValueError(f"a wrapping key has {_BYTES} bytes, not {len(key)}")
        self._key = key

    def __repr__(self) -> str:
        return "WrappingKey(***)"

    @classmethod
    def load_or_create(cls, path: Path) -> WrappingKey:
        """The key in `path`; made there, readable by its owner alone, when there is none.

        Raises WrappingKeyUnusable when the file is no key or others may read it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> WrappingKey:
        """The key in `path`. Raises WrappingKeyUnusable when there is none, or others may read it."""
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            raise WrappingKeyUnusable(
                f"There is no {path}, and what meters are opened with lies in this database under a key: "
                f"{_COPY} (no new one was made, it would open nothing).",
                place=path,
            ) from None
        except OSError as error:
            raise WrappingKeyUnusable(
                f"{path} cannot be read ({error.strerror}): run as its owner.", place=path
            ) from error
        if len(key) != _BYTES:
            raise WrappingKeyUnusable(
                f"{path} is no wrapping key ({len(key)} bytes, not {_BYTES}): put the right file back; "
                f"without it, the meters' passwords must be given again.",
                place=path,
            )
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise WrappingKeyUnusable(
                f"Others may read the wrapping key {path}: run chmod 600 {path}.", place=path
            )
        return cls(key)

    def wrap(self, secret: bytes) -> bytes:
        """The wrapped form. Raises StorageError for an empty secret, which cannot be wrapped."""
        if not secret:
            raise StorageError("An empty password cannot be kept: leave it out instead.")
        return aes_key_wrap_with_padding(self._key, secret)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The secret. Raises StorageError when it was wrapped under another key, or tampered with."""
        try:
            return aes_key_unwrap_with_padding(self._key, wrapped)
        except InvalidUnwrap as error:
            raise StorageError(
                "A stored secret does not open with the wrapping key at hand: put the right key file back."
            ) from error


class KeyFile:
    """The wrapping key of a home, for one database: `wrap` and `unwrap` as those of `WrappingKey`.

    The file is read when something is to be opened, and again when something does not open: it may have been
    put right meanwhile. Before anything is wrapped the key is proved; it is made where nothing is kept yet.
    """

    def __init__(self, path: Path, dsn: str) -> None:
        self._path, self._dsn = path, dsn
        self._key: WrappingKey | None = None

    def wrap(self, secret: bytes) -> bytes:
        """The wrapped form. Raises WrappingKeyUnusable where the database's secrets open with another key."""
        if self._key is None and not self.prove():
            self._key = WrappingKey.load_or_create(self._path)
        assert self._key is not None
        return self._key.wrap(secret)

    def make(self) -> None:
        """Make the key where there is none and the database holds nothing. Raises WrappingKeyUnusable as
        `prove`."""
        if not self.prove():
            WrappingKey.load_or_create(self._path)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The secret. Raises StorageError when it was wrapped under another key, or there is no key here."""
        if self._key is not None:
            with suppress(StorageError):
                return self._key.unwrap(wrapped)
        key = WrappingKey.load(self._path)
        secret = key.unwrap(wrapped)
        self._key = key
        return secret

    def prove(self) -> bool:
        """Try some of the database's secrets; False where it holds none, and any key will do.

        Raises WrappingKeyUnusable when there is no key here or none of them opens with it.
        """
        with connect(self._dsn, statement_timeout_s=60) as conn:
            some = [bytes(wrapped) for (wrapped,) in conn.execute(_SOME)]
        if not some:
            return False
        key = WrappingKey.load(self._path)
        for wrapped in some:
            with suppress(StorageError):
                key.unwrap(wrapped)
                self._key = key
                return True
        raise WrappingKeyUnusable(
            f"{self._path} is not the key under which what meters are opened with lies in this database: "
            f"{_COPY}.",
            place=self._path,
        )


def _create(path: Path) -> None:
    """Written beside and linked into place, so that of two programs that start together one key wins."""
    key = secrets.token_bytes(_BYTES)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # somebody else's, who was quicker
    finally:
        draft.unlink()
