"""How many sockets this program may have: as many as the machine allows it."""

from __future__ import annotations

import resource
from typing import Final

SENTENCE: Final = (
    "the machine lets one program have no more open files: raise the hard limit (ulimit -Hn), "
    "or take fewer modems"
)


def raise_limit() -> int:
    """Set the soft limit of descriptors to the hard one; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
