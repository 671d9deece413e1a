"""The parts of a start: clear up after a crash, make the data directory, run the server, wait for it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psycopg

from storage.embedded import locks, ports, postmaster, sandbox
from storage.embedded.places import USER, Places, write_secret
from storage.errors import ServerFailed

Progress = Callable[[str], None]

START_S: Final = 300.0
_LOG_BYTES: Final = 16 * 2**20
_LEFTOVERS_S: Final = 3.0


def clear_up(places: Places, say: Progress) -> None:
    """After a SIGKILL: wait for what is left of the server, end it, and drop the pid file that lies.

    Raises ServerFailed where something keeps the data open all the same.
    """
    lock = locks.take(
        places.alive, timeout_s=_LEFTOVERS_S, waiting=lambda: say("Waiting for the old server to end")
    )
    if lock is None:
        for folder in (places.data, places.unfinished):
            postmaster.end_leftovers(folder)
        lock = _held(places, _LEFTOVERS_S * 6)
    (places.data / "postmaster.pid").unlink(missing_ok=True)
    os.close(lock)


def make_cluster(places: Places, tree: Path, say: Progress) -> None:
    """initdb, renamed into place when it is whole."""
    say("Making the database")
    places.mounted.mkdir(exist_ok=True, mode=0o700)
    shutil.rmtree(places.unfinished, ignore_errors=True)
    if not places.password.exists():
        write_secret(places.password, secrets.token_urlsafe(24))
    handed = places.mounted / "password"
    write_secret(handed, places.password.read_text())
    line = ["initdb", "-D", "/data/initdb", "-U", USER, "--auth=scram-sha-256", "--pwfile=/data/password"]
    line += ["--data-checksums", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
    lock = _held(places, _LEFTOVERS_S)
    try:
        ran = subprocess.run(
            sandbox.command(tree, line, data=places.mounted),
            env=sandbox.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=(lock,),
            check=False,
        )
    finally:
        handed.unlink()
        os.close(lock)
    if ran.returncode != 0:
        shutil.rmtree(places.unfinished, ignore_errors=True)
        raise places.failed("could not be made", ran.stdout + ran.stderr)
    places.unfinished.rename(places.data)


def run_server(places: Places, tree: Path, settings: Mapping[str, str], say: Progress) -> None:
    """Start postgres on the last port, or another when that is taken, and wait until it is ready."""
    say("Starting the database")
    if places.log.exists() and places.log.stat().st_size > _LOG_BYTES:
        places.log.replace(places.log.with_suffix(".log.1"))
    port = places.port()
    for _attempt in range(5):
        if port is None or not ports.is_free(port):
            port = ports.choose()
        places.remember_port(port)
        said_before = places.log.stat().st_size if places.log.exists() else 0
        _spawn(places, tree, {**settings, "port": str(port)})
        try:
            until_ready(places, say, said_before)
        except ServerFailed as failure:
            if "could not bind" not in failure.said:
                raise
            port = None
            continue
        return
    raise ServerFailed("The database found no free port on 127.0.0.1 five times: try again.", log=places.log)


def _spawn(places: Places, tree: Path, settings: Mapping[str, str]) -> None:
    """postgres in a session of its own, so that no Ctrl-C reaches it, holding the lock `alive`."""
    line = ["postgres", "-D", "/data/pg"]
    for name, value in settings.items():
        line += ["-c", f"{name}={value}"]
    lock = _held(places, _LEFTOVERS_S)
    try:
        with places.log.open("ab") as log:
            places.log.chmod(0o600)
            subprocess.run(
                ["setsid", "--fork", *sandbox.command(tree, line, data=places.mounted)],
                env=sandbox.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                check=True,
            )
    finally:
        os.close(lock)


def until_ready(places: Places, say: Progress, said_before: int | None = None) -> None:
    """Wait until the server takes connections.

    `said_before` is where its log began. Raises ServerFailed or DiskFull with what it said when it ended.
    """
    began = told = time.monotonic()
    while True:
        found = postmaster.running(places.data, places.alive)
        if found is not None:
            try:
                psycopg.connect(places.dsn("postgres", found.port), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                _refuse_wrong_password(places, error)
            else:
                return
        said = "" if said_before is None else places.said_since(said_before)
        if found is None and not locks.held(places.alive):
            raise places.failed("did not start", said or places.said_since(said_before or 0))
        now = time.monotonic()
        if now - began > START_S:
            raise places.failed(f"was not ready within {START_S:.0f} s", said)
        if now - told > 5:
            told = now
            say("The database is getting ready (after a crash it reads its journal again)")
        time.sleep(0.05)


def _refuse_wrong_password(places: Places, error: psycopg.OperationalError) -> None:
    if "password authentication failed" in str(error):
        raise ServerFailed(
            f"The database does not take the password in {places.password}:"
            " put the one back that was made with this database.",
            log=places.log,
            said=str(error),
        ) from error


def _held(places: Places, timeout_s: float) -> int:
    lock = locks.take(places.alive, timeout_s=timeout_s)
    if lock is None:
        raise ServerFailed(
            f"Something still has the database in {places.db} open: end it, then start again.", log=places.log
        )
    return lock
