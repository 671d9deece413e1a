"""The key that wraps meters' passwords: it lives in a file, never in the database.

AES key wrap with padding (RFC 5649), which needs no nonce: the same password under the same key has the same
wrapped form, so that saving it again changes nothing.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from storage.errors import StorageError, WrappingKeyUnusable

_BYTES: Final = 32


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
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = _create(path)
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


def _create(path: Path) -> bytes:
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
        key = path.read_bytes()
    finally:
        draft.unlink()
    return key
