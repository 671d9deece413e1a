"""The embedded server through its bad days: killed, stopped hard, locked out, twice started, without room."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from storage.embedded import Embedded
from storage.errors import DatabaseMissing, ServerFailed
from tests.conftest import _missing

QUICK = {"fsync": "off", "shared_buffers": "32MB", "timescaledb.max_background_workers": "0"}

START = """
import sys
from pathlib import Path
from storage.embedded import Embedded
from storage.errors import StorageError
try:
    print(Embedded(Path(sys.argv[1]), settings={"shared_buffers": "32MB"}).start(print))
except StorageError as refused:
    sys.exit(f"{type(refused).__name__}: {refused}")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    embedded = Embedded(tmp_path / "home", settings=QUICK)
    try:
        embedded.start()
    except DatabaseMissing as missing:
        _missing(str(missing))
    yield embedded
    embedded.stop("immediate")


def _pid(server: Embedded) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _write(server: Embedded, number: int) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def _kept(server: Embedded) -> list[int]:
    with psycopg.connect(server.dsn()) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def test_it_is_a_private_timescaledb(server: Embedded) -> None:
    status = server.status()
    assert status.running
    assert status.port is not None
    assert status.port < 32768
    assert status.version is not None
    assert status.version.startswith("PostgreSQL 17.")
    assert "TimescaleDB 2.19." in status.version
    assert stat.S_IMODE((server.log.parent / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.log.parent.stat().st_mode) == 0o700
    assert not (server.log.parent / "data" / "password").exists()
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        wanted = {
            "server_encoding": "UTF8",
            "timescaledb.telemetry_level": "off",
            "password_encryption": "scram-sha-256",
            "data_checksums": "on",
            "listen_addresses": "127.0.0.1",
            "jit": "off",
            "TimeZone": "UTC",
        }
        for name, value in wanted.items():
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert row == (value,), name
        ordered = connection.execute(
            "SELECT name FROM unnest(ARRAY['Đức', 'Dũng', 'Ân', 'An', 'Giang']) name"
            ' ORDER BY name COLLATE "vi-x-icu"'
        )
        assert [row[0] for row in ordered] == ["An", "Ân", "Dũng", "Đức", "Giang"]


@pytest.mark.parametrize("password", ["", ":wrong"])
def test_nobody_comes_in_without_the_password(server: Embedded, password: str) -> None:
    port = server.status().port
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://ami{password}@127.0.0.1:{port}/ami", passfile="/nonexistent")


def test_a_lost_password_is_told_in_one_sentence(server: Embedded) -> None:
    (server.log.parent / "password").write_text("another")
    with pytest.raises(ServerFailed, match="does not take the password in"):
        server.start()


def test_a_second_start_finds_the_first(server: Embedded) -> None:
    pid = _pid(server)
    assert Embedded(server.log.parent.parent).start() == server.dsn()
    assert _pid(server) == pid


def test_two_programs_that_start_at_once_get_one_server(tmp_path: Path, server: Embedded) -> None:
    home = tmp_path / "both"
    starters = [
        subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [starter.communicate(timeout=60)[0].splitlines() for starter in starters]
    try:
        assert [starter.returncode for starter in starters] == [0, 0]
        assert said[0][-1] == said[1][-1]
        assert sum(line == "Making the database" for lines in said for line in lines) == 1
    finally:
        Embedded(home).stop("immediate")


def test_it_outlives_its_starter_and_a_ctrl_c(server: Embedded) -> None:
    # A process group of its own: what the terminal sends to ours does not reach it.
    assert os.getsid(_pid(server)) != os.getsid(0)


def test_what_was_committed_survives_sigkill_of_everything(server: Embedded) -> None:
    _write(server, 1)
    first = _pid(server)
    # A backend that is busy when its server is killed, and keeps the data open.
    with psycopg.connect(server.dsn()) as busy:
        backend = busy.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)
        _until(lambda: not server.status().running)
        server.start()
        busy.close()
    assert not Path(f"/proc/{backend}").exists() or "Z" in Path(f"/proc/{backend}/stat").read_text()
    assert _pid(server) != first
    assert _kept(server) == [1]


def test_an_immediate_stop_loses_nothing(server: Embedded) -> None:
    _write(server, 1)
    port = server.status().port
    assert server.stop("immediate")
    assert not server.status().running
    assert not server.stop()
    server.start()
    assert server.status().port == port
    assert _kept(server) == [1]


def test_a_port_taken_in_the_meantime_is_exchanged_for_another(server: Embedded) -> None:
    _write(server, 1)
    taken = server.status().port
    assert taken is not None
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        server.start()
        assert server.status().port != taken
        assert _kept(server) == [1]


def test_a_stale_pid_file_of_a_living_stranger_does_not_hinder(server: Embedded) -> None:
    _write(server, 1)
    server.stop()
    pid_file = server.status().data / "postmaster.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        pid_file.write_text(f"{stranger.pid}\n/data/pg\n0\n20000\n\n127.0.0.1\n")
        assert not server.status().running
        assert not server.stop()
        server.start()
        assert _kept(server) == [1]
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_a_starter_killed_at_any_moment_leaves_a_home_that_starts(tmp_path: Path, server: Embedded) -> None:
    home = tmp_path / "interrupted"
    for wait_s in (0.15, 0.4, 0.7, 0.9):
        starter = subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.DEVNULL)
        time.sleep(wait_s)
        starter.kill()
        starter.wait()
    again = Embedded(home, settings=QUICK)
    try:
        again.start()
        _write(again, 1)
        assert _kept(again) == [1]
    finally:
        again.stop("immediate")


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path, server: Embedded) -> None:
    home = tmp_path / "small"
    home.mkdir()
    script = 'mount -t tmpfs -o size=16m tmpfs "$2" && "$0" -c "$1" "$2"'
    ran = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            sys.executable,
            START,
            str(home),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stderr.startswith("DiskFull: The disk that holds "), ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_server_that_cannot_start_says_why(server: Embedded) -> None:
    server.stop()
    broken = Embedded(server.log.parent.parent, settings={"shared_buffers": "many"})
    with pytest.raises(ServerFailed, match=r'invalid value for parameter "shared_buffers"') as failed:
        broken.start()
    assert failed.value.log == server.log
    assert len(str(failed.value).splitlines()) == 1


def test_psql_runs_on_it_and_on_any_other_address(server: Embedded, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        assert server.run_program(["psql", "-Atc", "SELECT current_user"], stdout=out) == 0
        assert server.run_program(["psql", "-Atc", "SELECT 2"], dsn=server.dsn("postgres"), stdout=out) == 0
        assert server.run_program(["psql", "-c", "nonsense"], stdout=out, stderr=out) != 0
    assert (tmp_path / "out").read_text().startswith("ami\n2\nERROR:")
