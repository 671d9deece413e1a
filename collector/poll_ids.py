"""Ids of conversations: random UUIDs (RFC 9562, version 4), drawn many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator

DRAWN = 256  # at a time


def _drawn() -> Iterator[str]:
    while True:
        digits = os.urandom(16 * DRAWN).hex()
        for at in range(0, 32 * DRAWN, 32):
            variant = "89ab"[int(digits[at + 16], 16) & 3]
            yield (
                f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}"
                f"-{variant}{digits[at + 17 : at + 20]}-{digits[at + 20 : at + 32]}"
            )


_ids = _drawn()


def poll_id() -> str:
    """One that nobody has had."""
    return next(_ids)
