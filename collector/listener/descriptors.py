"""How many connections this program may hold: as many as the machine allows it."""

from __future__ import annotations

import resource


def raise_limit() -> int:
    """Set the soft limit of descriptors to the hard one; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
