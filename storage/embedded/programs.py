"""The programs of the private PostgreSQL, built once per user below the cache and shared by all homes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.embedded import fetch, locks, sandbox
from storage.errors import DatabaseMissing, DiskFull

POSTGRES_MAJOR = "17"
SUITE = "trixie"
RECIPE = f"{SUITE}-postgresql-{POSTGRES_MAJOR}-timescaledb-1"
"""Part of the folder's name: another recipe is another folder."""

ROOM_BYTES = 400 * 2**20
_BUILD_S = 900.0
_CONTROL = f"usr/share/postgresql/{POSTGRES_MAJOR}/extension/timescaledb.control"
_PASSWD = "ami:x:1000:1000::/data:/bin/sh\n"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Programs:
    """A built file tree and what is in it."""

    root: Path
    versions: Mapping[str, str]
    """`postgresql` and `timescaledb`, as the programs themselves say."""


def default_cache() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/dienke`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "dienke"


def built(cache: Path) -> Programs | None:
    """The programs, when they have been built below `cache`."""
    place = cache / f"{RECIPE}-{platform.machine()}"
    try:
        return Programs(place / "root", json.loads((place / "versions.json").read_text()))
    except FileNotFoundError:
        return None


def ensure(cache: Path, say: Progress) -> Programs:
    """The programs below `cache`, built when they are not there (about ten seconds and 130 MB).

    A build is renamed into place when it is whole, and only one runs at a time.
    Raises DatabaseMissing or DiskFull with a sentence for the person who asked.
    """
    if programs := built(cache):
        return programs
    cache.mkdir(parents=True, exist_ok=True)
    with locks.exclusive(
        cache / "building.lock",
        timeout_s=_BUILD_S,
        busy=f"Another program has been fetching PostgreSQL into {cache} for long: look at it and try again.",
        waiting=lambda: say("Waiting for another program that is fetching PostgreSQL"),
    ) as lock:
        if programs := built(cache):
            return programs
        for stale in cache.glob("building-*"):
            shutil.rmtree(stale, ignore_errors=True)
        if shutil.disk_usage(cache).free < ROOM_BYTES:
            raise DiskFull(cache)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
        try:
            _build(building, lock, say)
            building.rename(cache / f"{RECIPE}-{platform.machine()}")
        finally:
            shutil.rmtree(building, ignore_errors=True)
    programs = built(cache)
    assert programs is not None
    return programs


def _build(building: Path, lock: int, say: Progress) -> None:
    building.chmod(0o755)
    root = building / "root"
    root.mkdir()
    fetch.into(root, SUITE, POSTGRES_MAJOR, lock, say)
    # A mount point must exist before something is mounted on it.
    for folder in ("data", "dev", "proc", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    for name, text in {"passwd": _PASSWD, "group": "ami:x:1000:\n", "hosts": "", "resolv.conf": ""}.items():
        file = root / "etc" / name
        file.unlink(missing_ok=True)
        file.write_text(text)
    versions = {"postgresql": _postgres_version(root), "timescaledb": _timescale_version(root)}
    (building / "versions.json").write_text(json.dumps(versions))


def _postgres_version(root: Path) -> str:
    """What `postgres --version` says in the sandbox; proves that the sandbox works here."""
    ran = subprocess.run(
        sandbox.command(root, ["postgres", "--version"]),
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if ran.returncode != 0:
        reason = ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else f"exit code {ran.returncode}"
        raise DatabaseMissing(
            f"This machine refuses the sandbox of the embedded database ({reason}):"
            " allow unprivileged user namespaces, or set AMI_DATABASE_URL to a server.",
            said=ran.stderr,
        )
    return ran.stdout.split(")")[1].split()[0] if ")" in ran.stdout else ran.stdout.split()[-1]


def _timescale_version(root: Path) -> str:
    for line in (root / _CONTROL).read_text().splitlines():
        if line.startswith("default_version"):
            return line.split("'")[1]
    raise DatabaseMissing(
        "The TimescaleDB that was fetched does not say its version: remove the cache and try again."
    )
