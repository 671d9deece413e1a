"""How a program of the private PostgreSQL is run: in its own file tree, as an ordinary user, without root.

Neither the process ids nor the IPC of the machine are hidden from it: postgres tells by them that another
server has its data open.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.errors import DatabaseMissing

_UID = "1000"
_BINARIES = "/usr/lib/postgresql/17/bin:/usr/bin:/bin"

# For machines without bubblewrap: the same with util-linux. $1 is the tree, $2 the data ('' for none).
_UNSHARED = """
root=$1; data=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --rbind /proc "$root/proc"
for file in hosts resolv.conf; do
    if [ -e "/etc/$file" ]; then mount --bind "/etc/$file" "$root/etc/$file"; fi
done
if [ -n "$data" ]; then mount --bind "$data" "$root/data"; fi
exec chroot "$root" "$@"
"""


def _found(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin")


def command(root: Path, argv: Sequence[str], *, data: Path | None = None) -> list[str]:
    """The command line that runs `argv` in the tree `root`, with `data` as its /data.

    Raises DatabaseMissing where neither bubblewrap nor unshare is installed.
    """
    if bwrap := _found("bwrap"):
        line = [bwrap, "--unshare-user", "--uid", _UID, "--gid", _UID, "--chdir", "/"]
        line += ["--ro-bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        for file in ("/etc/hosts", "/etc/resolv.conf"):
            line += ["--ro-bind-try", file, file]
        if data is not None:
            line += ["--bind", str(data), "/data"]
        return [*line, *argv]
    if unshare := _found("unshare"):
        line = [unshare, "--user", f"--map-user={_UID}", f"--map-group={_UID}", "--mount", "--keep-caps"]
        return [*line, "sh", "-euc", _UNSHARED, "sh", str(root), str(data or ""), *argv]
    raise DatabaseMissing(
        "The embedded database needs bubblewrap: apt-get install bubblewrap,"
        " or set AMI_DATABASE_URL to a server with TimescaleDB."
    )


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a sandboxed program sees: nothing of the caller's language or secrets.

    Handed over as environment and not on the command line, where every user of the machine could read it.
    """
    seen = {"PATH": _BINARIES + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"}
    if term := os.environ.get("TERM"):
        seen["TERM"] = term
    return seen | dict(extra or {})
