"""A disk of a few mebibytes for one head-end's spool: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class SmallDisk:
    """It outlives the head-ends on it: it belongs to a process of its own. Needs user namespaces. `folder` is
    the way to it from outside."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        mount = f'mount -t tmpfs -o size={size} small "$1" && echo mounted && exec sleep 100000'
        self._holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", str(folder)],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n"
        self.folder = Path(f"/proc/{self._holder.pid}/root{folder}")

    @property
    def prefix(self) -> list[str]:
        """What is put before a command that is to see the disk."""
        return [
            "nsenter", "--preserve-credentials", "--user", "--mount", "--target", str(self._holder.pid)
        ]  # fmt: skip

    @property
    def fullness(self) -> float:
        """Share of the room in use."""
        room = os.statvfs(self.folder)
        return 1 - room.f_bavail / room.f_blocks

    def fill_but(self, file: Path, left: int) -> None:
        """Fill the disk with a file on it, but for so many bytes."""
        room = os.statvfs(self.folder)
        file.write_bytes(bytes(room.f_bavail * room.f_frsize - left))

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()
