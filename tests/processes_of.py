"""The processes of one home: whose environment names it, orphans too."""

from __future__ import annotations

import os
from pathlib import Path


def processes_of(home: Path) -> dict[int, str]:
    """Process ids with the verb of `ami` each runs (its whole command line when it is no `ami`)."""
    wanted, found = f"AMI_HOME={home}".encode(), {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended, or is somebody else's
        if argv == [""]:
            continue  # ended, and not yet waited for
        found[int(entry.name)] = argv[argv.index("ami.main") + 1] if "ami.main" in argv else " ".join(argv)
    return found
