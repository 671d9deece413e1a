"""The parts of the embedded server that need no server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from storage.embedded import Dsn, Embedded, fetch, launch, locks, ports, postmaster, sandbox
from storage.embedded.places import Places
from storage.errors import DatabaseMissing, DiskFull, OtherMajor, ServerFailed, StorageError


def test_an_address_connects_with_its_password_and_shows_itself_without() -> None:
    dsn = Dsn("postgresql://ami:S3cret-_x@127.0.0.1:20000/ami")
    assert str(dsn) == "postgresql://ami:S3cret-_x@127.0.0.1:20000/ami"
    assert "S3cret" not in repr(dsn)
    assert "S3cret" not in dsn.shown


def test_a_lock_is_held_until_the_last_heir_of_its_descriptor_ends(tmp_path: Path) -> None:
    path = tmp_path / "alive.lock"
    assert not locks.held(path)
    descriptor = locks.take(path, timeout_s=0)
    assert descriptor is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)
    ) as heir:
        os.close(descriptor)
        assert locks.held(path)
        assert locks.take(path, timeout_s=0.1) is None
        heir.communicate(b"\n")
    assert not locks.held(path)


def test_who_asks_does_not_stand_in_the_way_of_who_asks(tmp_path: Path) -> None:
    path = tmp_path / "alive.lock"
    path.touch()
    with path.open() as asking:
        import fcntl

        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not locks.held(path)


def test_an_exclusive_block_refuses_the_second_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "starting.lock"
    with (
        locks.exclusive(path, timeout_s=0, busy="first"),
        pytest.raises(StorageError, match="second"),
        locks.exclusive(path, timeout_s=0.1, busy="second"),
    ):
        pass


def test_a_chosen_port_is_free_and_below_those_of_clients() -> None:
    assert ports.LOWEST <= ports.choose() <= ports.HIGHEST < 32768
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not ports.is_free(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        (
            "sources.list",
            "deb http://mirror.example/debian trixie main\n",
            ("http://mirror.example/debian", None),
        ),
        (
            "sources.list",
            "# deb http://no.example/debian x main\n"
            "deb [arch=amd64 signed-by=/k] https://m.example/debian/ trixie main\n",
            ("https://m.example/debian", None),
        ),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\n\n"
            "Types: deb\nURIs: http://s.example/debian-security\nSuites: trixie-security\n",
            ("http://m.example/debian", "http://s.example/debian-security"),
        ),
        ("sources.list", "deb http://archive.example/ubuntu noble main\n", (None, None)),
    ],
)
def test_the_mirror_is_the_one_this_machine_uses(
    tmp_path: Path, file: str, text: str, found: tuple[str | None, str | None]
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / file).write_text(text)
    assert fetch.host_mirrors(tmp_path) == found


def test_the_sandbox_hides_neither_processes_nor_ipc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name, path: f"/usr/bin/{name}")
    line = sandbox.command(tmp_path, ["postgres"], data=tmp_path)
    assert "--unshare-user" in line
    assert not {"--unshare-pid", "--unshare-ipc", "--unshare-all"} & set(line)


def test_a_sandboxed_program_sees_no_language_and_no_secret_of_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    monkeypatch.setenv("AMI_SECRET", "x")
    seen = sandbox.environment({"PGPORT": "1"})
    assert seen["LC_ALL"] == "C.UTF-8"
    assert seen["PGPORT"] == "1"
    assert not {"LANG", "AMI_SECRET"} & set(seen)


def test_without_any_sandbox_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name, path: None)
    with pytest.raises(DatabaseMissing, match=r"apt-get install bubblewrap, or set AMI_DATABASE_URL"):
        sandbox.command(tmp_path, ["postgres"])


def test_without_a_way_to_fetch_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda name: "/usr/bin/tar" if name == "tar" else None)
    lock = locks.take(tmp_path / "lock", timeout_s=0)
    assert lock is not None
    with pytest.raises(
        DatabaseMissing, match=r"apt-get install mmdebstrap bubblewrap, or set AMI_DATABASE_URL"
    ):
        fetch.into(tmp_path, "trixie", "17", lock, lambda line: None)
    os.close(lock)


def test_data_of_another_major_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "db" / "data" / "pg"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(OtherMajor) as refused:
        Embedded(tmp_path).start()
    assert (refused.value.found, refused.value.wanted) == ("16", "17")
    assert str(data) in str(refused.value)
    assert (data / "PG_VERSION").read_text() == "16\n"


@pytest.mark.parametrize("found", ["garbage", "", "17\n17", "\x00\ufffd"])
def test_a_version_that_cannot_be_is_damage(tmp_path: Path, found: str) -> None:
    data = tmp_path / "db" / "data" / "pg"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(found)
    with pytest.raises(OtherMajor) as refused:
        Embedded(tmp_path).start()
    assert str(refused.value).startswith(
        f"{data / 'PG_VERSION'}, which says what wrote this database, is damaged"
    )
    assert "garbage" not in str(refused.value)


@pytest.mark.parametrize("said", [b"99999", b"0", b"-1", b"", b"text", b"\xff\xfe", "١٥٠٠٠".encode()[:3]])
def test_a_damaged_port_is_no_port(tmp_path: Path, said: bytes) -> None:
    places = Places(tmp_path)
    (tmp_path / "port").write_bytes(said)
    (tmp_path / "password").write_text("x")
    assert places.port() is None
    with pytest.raises(StorageError, match="start it with ami db start"):
        places.dsn("ami", places.port())


def test_there_is_no_address_before_the_first_start(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="ami db start"):
        Embedded(tmp_path).dsn()
    assert not Embedded(tmp_path).status().running
    assert not Embedded(tmp_path).stop()
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_made_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StorageError, match="choose another home"):
        Embedded(tmp_path / "home").start()


def test_the_last_words_of_the_server_become_the_reason(tmp_path: Path) -> None:
    places = Places(tmp_path)
    said = "2026-01-01 00:00:00 UTC [7] LOG:  x\n2026-01-01 00:00:00 UTC [7] FATAL:  data directory is odd\n"
    failure = places.failed("did not start", said)
    assert isinstance(failure, ServerFailed)
    assert "(FATAL:  data directory is odd)" in str(failure)
    full = places.failed("did not start", "PANIC: could not write to file: No space left on device")
    assert isinstance(full, DiskFull)


def test_a_pid_file_that_names_a_stranger_is_not_believed(tmp_path: Path) -> None:
    places = Places(tmp_path / "db")
    places.data.mkdir(parents=True)
    (places.data / "postmaster.pid").write_text(f"{os.getpid()}\n/data/pg\n0\n20000\n\n127.0.0.1\n")
    assert postmaster.running(places.data, places.alive) is None
    lock = locks.take(places.alive, timeout_s=0)
    assert lock is not None
    # Even while something holds the lock, the pid must stand in the data.
    assert postmaster.running(places.data, places.alive) is None
    os.close(lock)
    launch.clear_up(places, lambda line: None)
    assert not (places.data / "postmaster.pid").exists()
