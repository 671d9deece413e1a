"""`ami check` calls sound what is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from ami.check import _key
from ami.settings import Settings
from storage.secrets import WrappingKey


def test_a_key_that_was_made_is_sound(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert [remark.state for remark in _key(settings)] == ["warning"]
    assert not settings.wrapping_key_path.exists()
    WrappingKey.load_or_create(settings.wrapping_key_path)
    assert [remark.state for remark in _key(settings)] == ["ok"]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"", 0o600, "is no wrapping key (0 bytes, not 32): put the right file back"),
        (b"x" * 31, 0o600, "is no wrapping key (31 bytes, not 32)"),
        (b"x" * 32, 0o644, "run chmod 600"),
    ],
)
def test_a_broken_key_is_wrong(tmp_path: Path, content: bytes, mode: int, said: str) -> None:
    settings = Settings(home=tmp_path)
    settings.wrapping_key_path.write_bytes(content)
    settings.wrapping_key_path.chmod(mode)
    (remark,) = _key(settings)
    assert remark.state == "wrong"
    assert said in remark.sentence


def test_a_key_that_is_a_folder_is_wrong(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.wrapping_key_path.mkdir()
    (remark,) = _key(settings)
    assert (remark.state, "cannot be read" in remark.sentence) == ("wrong", True)
