"""Debian's PostgreSQL and TimescaleDB: fetched, checked by Debian's signatures, unpacked, never installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from storage.errors import DatabaseMissing, DiskFull

Progress = Callable[[str], None]

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_OTHERWISE = "set AMI_DATABASE_URL to a server with TimescaleDB (compose.yaml starts one)"

# One-line and deb822 sources: `deb [options] ADDRESS suite …`, `URIs: ADDRESS`.
_SOURCE = re.compile(
    r"(?:deb (?:\[[^]]*\] )?|URIs: *)(?P<address>[a-z]+://\S+/(?P<archive>debian(?:-security)?))/?(?:\s|$)"
)

# What a server never opens: 420 MB become 130.
_LEFT_OUT = (
    "./dev/*",
    "./usr/lib/*/libLLVM*",
    "./usr/lib/*/libperl*",
    "./usr/lib/*/libz3*",
    "./usr/lib/*/perl*",
    "./usr/lib/postgresql/*/lib/bitcode",
    "./usr/lib/postgresql/*/lib/llvmjit*",
    "./usr/share/doc/*",
    "./usr/share/i18n",
    "./usr/share/locale",
    "./usr/share/man",
    "./usr/share/perl*",
)


def wanted(major: str) -> tuple[str, ...]:
    """The packages, without those they depend on: the server, a shell for it, a terminal for psql."""
    return (f"postgresql-{major}-timescaledb", f"postgresql-{major}", "dash", "base-files", "ncurses-base")


def into(root: Path, suite: str, major: str, lock: int, say: Progress) -> None:
    """Fetch and unpack into the empty folder `root`. Children inherit the descriptor `lock`.

    Raises DatabaseMissing or DiskFull.
    """
    if shutil.which("tar") is None:
        raise DatabaseMissing("The embedded database needs tar: install it, or " + _OTHERWISE + ".")
    say(f"Fetching PostgreSQL {major} with TimescaleDB from Debian (once per user, about 90 MB)")
    if mmdebstrap := shutil.which("mmdebstrap"):
        _with_mmdebstrap(mmdebstrap, root, suite, major, lock, say)
    elif shutil.which("apt-get") and shutil.which("dpkg-deb"):
        _with_apt(root, suite, major, lock, say)
    else:
        raise DatabaseMissing(
            "The embedded database needs two packages: apt-get install mmdebstrap bubblewrap,"
            f" or {_OTHERWISE}."
        )
    if not (root / "usr/lib/postgresql" / major / "bin/postgres").is_file():
        raise DatabaseMissing(f"Debian's packages held no PostgreSQL {major}: try again, or {_OTHERWISE}.")


def _with_mmdebstrap(program: str, root: Path, suite: str, major: str, lock: int, say: Progress) -> None:
    line = [program, "--quiet", "--variant=extract", "--format=tar"]
    if os.geteuid() != 0:
        line.append("--mode=chrootless")
    line += ["--include=" + ",".join(wanted(major)), '--aptopt=Apt::Install-Recommends "false"', suite, "-"]
    surroundings = dict(os.environ)
    # mmdebstrap puts the parts together in TMPDIR, often a small one in memory.
    if shutil.disk_usage(tempfile.gettempdir()).free < 2**30:
        surroundings["TMPDIR"] = str(root.parent)
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            pass_fds=(lock,),
            env=surroundings,
        ) as source:
            assert source.stdout is not None
            unpacked = _unpack(source.stdout, root, lock, say)
        _complain(root, said, source.returncode or unpacked)


def _unpack(source: IO[bytes], root: Path, lock: int, say: Progress) -> int:
    """Pipe a tar stream into `root`; tar's exit code."""
    line = ["tar", "-x", "--no-same-owner", *(f"--exclude={path}" for path in _LEFT_OUT), "-C", str(root)]
    passed = 0
    told = 0
    with subprocess.Popen(line, stdin=subprocess.PIPE, pass_fds=(lock,)) as tar:
        assert tar.stdin is not None
        try:
            while block := source.read(2**20):
                tar.stdin.write(block)
                passed += len(block)
                if passed - told >= 100 * 2**20:
                    told = passed
                    say(f"Unpacking PostgreSQL: {passed // 2**20} MB")
            tar.stdin.close()
        except BrokenPipeError:
            pass  # tar's exit code tells
    return tar.returncode


def _with_apt(root: Path, suite: str, major: str, lock: int, say: Progress) -> None:
    """The same without mmdebstrap: apt with folders of its own, so that the machine's stay as they are."""
    archive, security = host_mirrors()
    if archive is None or not _KEYRING.exists():
        raise DatabaseMissing(
            "The embedded database needs mmdebstrap and Debian's keyring: apt-get install mmdebstrap"
            f" debian-archive-keyring, or {_OTHERWISE}."
        )
    sources = f"deb [signed-by={_KEYRING}] {archive} {suite} main\n"
    if security is not None:
        sources += f"deb [signed-by={_KEYRING}] {security} {suite}-security main\n"
    with (
        tempfile.TemporaryDirectory(prefix="apt-", dir=root.parent) as text,
        tempfile.TemporaryFile() as said,
    ):
        place = Path(text)
        for folder in ("lists/partial", "archives/partial", "etc"):
            (place / folder).mkdir(parents=True)
        (place / "status").touch()
        (place / "sources.list").write_text(sources)
        apt = ["apt-get", "-q", *_apart(place)]
        install = ["install", "-d", "-y", "--no-install-recommends", *wanted(major)]
        for line in ([*apt, "update"], [*apt, *install]):
            ran = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=(lock,))
            _complain(root, said, ran.returncode)
        debs = sorted((place / "archives").glob("*.deb"))
        # base-files first: it brings the links /bin, /lib and /sbin that others unpack through.
        debs.sort(key=lambda deb: not deb.name.startswith("base-files_"))
        say(f"Unpacking {len(debs)} packages")
        for deb in debs:
            with subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", str(deb)],
                stdout=subprocess.PIPE,
                stderr=said,
                pass_fds=(lock,),
            ) as source:
                assert source.stdout is not None
                unpacked = _unpack(source.stdout, root, lock, say)
            _complain(root, said, source.returncode or unpacked)


def _apart(place: Path) -> Sequence[str]:
    options = {
        "Dir::State::lists": place / "lists",
        "Dir::State::status": place / "status",
        "Dir::State::extended_states": place / "extended_states",
        "Dir::Cache": place,
        "Dir::Cache::archives": place / "archives",
        "Dir::Etc::sourcelist": place / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "DPkg::Post-Invoke": "",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def host_mirrors(etc: Path = Path("/etc/apt")) -> tuple[str | None, str | None]:
    """The Debian archive and its security archive of this machine's lists of sources."""
    found: dict[str, str] = {}
    for file in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            match = _SOURCE.match(line)
            if match:
                found.setdefault(match["archive"], match["address"])
    return found.get("debian"), found.get("debian-security")


def _complain(root: Path, said: IO[bytes], code: int) -> None:
    """Raise what the exit code `code` and the words in `said` mean; nothing for 0."""
    if code == 0:
        return
    said.seek(0)
    words = said.read().decode(errors="replace").strip()
    if "No space left on device" in words or shutil.disk_usage(root).free < 8 * 2**20:
        raise DiskFull(root, words)
    last = words.splitlines()[-1] if words else f"exit code {code}"
    raise DatabaseMissing(
        f"PostgreSQL could not be fetched from Debian ({last}):"
        f" look at the network and the disk and try again, or {_OTHERWISE}.",
        said=words,
    )
