"""Invocation counters: the number that makes a nonce with a system title, used once in the life of a key.

A nonce used twice under AES-GCM gives the authentication key away, so the counter outlives processes: who
keeps it is injected. What is heard from others is kept as well, so that a message recorded yesterday is not
believed today.
"""

import hmac
from typing import Final, Protocol

from protocols.errors import LocalError

HIGHEST: Final = 0xFFFF_FFFF
FIRST: Final = 1
"""Where a new key begins: a meter that has heard nothing yet may hold 0 and ask for more than that."""


class CounterStore(Protocol):
    """Counters by name; a name (`key_name`) stands for one key in the hands of one system title."""

    def next(self, key_name: str) -> int:
        """A number never handed out before under this name, larger than all of those, even across a kill.

        Raises `LocalError` when 2³² of them are spent: the key must be changed.
        """

    def raise_to(self, key_name: str, lowest: int) -> None:
        """From now on `next` gives at least `lowest`: the meter says it has heard that many (0-0:43.1.x)."""

    def used(self, key_name: str) -> bool:
        """Whether this name was ever given a number: a meter may know a key that is new here."""

    def heard(self, key_name: str) -> int:
        """The highest counter accepted from the other side under this name; −1 when none was."""

    def hear(self, key_name: str, counter: int) -> None:
        """`counter` was accepted; nothing at or below it may be again."""


def key_name(key: bytes, system_title: bytes) -> str:
    """The name of `key` as used by `system_title`: the same for the same pair everywhere, and no way back."""
    fingerprint = hmac.digest(key, b"invocation counter of " + system_title, "sha256")
    return f"{system_title.hex()}-{fingerprint[:8].hex()}"


def spent(key_name: str) -> LocalError:
    """The error for a key that has been used as often as it may be."""
    title = key_name.partition("-")[0].upper()
    return LocalError(f"the key of system title {title} has been used 2³² times: change the key")


class MemoryCounters:
    """Counters that live as long as the process: for simulated meters and tests.

    `start` is the first number handed out; a simulated meter that must be believed again after a restart
    gives something that only grows, such as the seconds since some day.
    """

    def __init__(self, start: int = FIRST) -> None:
        self._start = start
        self._next: dict[str, int] = {}
        self._heard: dict[str, int] = {}

    def next(self, key_name: str) -> int:
        """See `CounterStore`."""
        number = self._next.get(key_name, self._start)
        if number > HIGHEST:
            raise spent(key_name)
        self._next[key_name] = number + 1
        return number

    def raise_to(self, key_name: str, lowest: int) -> None:
        """See `CounterStore`."""
        self._next[key_name] = max(self._next.get(key_name, self._start), lowest)

    def used(self, key_name: str) -> bool:
        """See `CounterStore`."""
        return key_name in self._next

    def heard(self, key_name: str) -> int:
        """See `CounterStore`."""
        return self._heard.get(key_name, -1)

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`."""
        self._heard[key_name] = max(self._heard.get(key_name, -1), counter)
