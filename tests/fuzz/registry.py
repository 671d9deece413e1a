"""All entries by name."""

from __future__ import annotations

from functools import cache
from itertools import chain

from tests.fuzz import conversations, decoders, modbus_lines, mode_c_lines, modem_lines, protected
from tests.fuzz.entry import Entry

_ROOMS = (decoders, conversations, protected, modbus_lines, mode_c_lines, modem_lines)


@cache
def registry() -> dict[str, Entry]:
    """By name, in a fixed order."""
    found: dict[str, Entry] = {}
    for entry in chain.from_iterable(room.entries() for room in _ROOMS):
        if entry.name in found:
            raise ValueError(f"two entries are called {entry.name}")
        found[entry.name] = entry
    return found
