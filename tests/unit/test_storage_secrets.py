"""Passwords at rest: wrapped under a key that only its owner may read."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StorageError, WrappingKeyUnusable
from storage.secrets import WrappingKey


@given(st.binary(min_size=1, max_size=64))
def test_what_is_wrapped_opens_again(secret: bytes) -> None:
    key = WrappingKey(bytes(range(32)))
    wrapped = key.wrap(secret)
    assert key.unwrap(wrapped) == secret
    assert len(wrapped) == 8 + -(-len(secret) // 8) * 8
    assert key.wrap(secret) == wrapped, "saving again changes nothing"


def test_another_key_or_a_changed_byte_opens_nothing() -> None:
    key = WrappingKey(bytes(32))
    wrapped = key.wrap(b"12345678")
    with pytest.raises(StorageError, match="right key file"):
        WrappingKey(bytes(range(32))).unwrap(wrapped)
    with pytest.raises(StorageError, match="right key file"):
        key.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]))
    with pytest.raises(StorageError, match="empty"):
        key.wrap(b"")


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "wrapping.key"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrapped = set(pool.map(lambda _: WrappingKey.load_or_create(place).wrap(b"secret"), range(16)))
    assert len(wrapped) == 1, "whoever starts at the same time has the same key"
    assert place.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in place.parent.iterdir()] == ["wrapping.key"]
    assert "secret" not in repr(WrappingKey.load_or_create(place))


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "wrapping.key"
    WrappingKey.load_or_create(place)
    place.chmod(0o644)
    with pytest.raises(WrappingKeyUnusable, match="chmod 600"):
        WrappingKey.load_or_create(place)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "wrapping.key"
    place.write_bytes(b"short")
    with pytest.raises(WrappingKeyUnusable, match="no wrapping key"):
        WrappingKey.load_or_create(place)
