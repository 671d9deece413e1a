"""The counters of an association with a dedicated key: those of lasting keys last, others end with it."""

from __future__ import annotations

from protocols.dlms.security import CounterStore, MemoryCounters, key_name


class SessionCounters:
    """A `CounterStore` that hands the names of `lasting`, a global key, to `store`.

    A dedicated key is drawn at random for one association and never comes again, nor do its counters: kept on
    the disk they would only fill it.
    """

    def __init__(self, store: CounterStore, lasting: bytes) -> None:
        self._store, self._lasting = store, lasting
        self._session = MemoryCounters()

    def next(self, key_name: str) -> int:
        """See `CounterStore`."""
        return self._of(key_name).next(key_name)

    def raise_to(self, key_name: str, lowest: int) -> None:
        """See `CounterStore`."""
        self._of(key_name).raise_to(key_name, lowest)

    def used(self, key_name: str) -> bool:
        """See `CounterStore`."""
        return self._of(key_name).used(key_name)

    def heard(self, key_name: str) -> int:
        """See `CounterStore`."""
        return self._of(key_name).heard(key_name)

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`."""
        self._of(key_name).hear(key_name, counter)

    def _of(self, name: str) -> CounterStore:
        title = bytes.fromhex(name.partition("-")[0])
        return self._store if name == key_name(self._lasting, title) else self._session
