"""A table of a model file, read key by key."""

from typing import Any, Final, TypeVar

from protocols.errors import LocalError

T = TypeVar("T")
_NEEDED: Final[Any] = object()


class Table:
    """A table of a model file that is emptied key by key; what is left over at the end is refused."""

    def __init__(self, place: str, table: dict[str, Any]) -> None:
        self.place = place
        self._left = dict(table)

    def take(self, key: str, kind: type[T], default: Any = _NEEDED) -> T:
        """The value of `key`, of this type."""
        if key not in self._left:
            if default is _NEEDED:
                raise LocalError(f"{self.place}: {key!r} is missing")
            return default  # type: ignore[no-any-return]
        value = self._left.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise LocalError(f"{self.place}: {key!r} must be {kind.__name__}, not {value!r}")
        return value

    def choose(self, key: str, choices: dict[str, T], default: Any = _NEEDED) -> T:
        """One of several words."""
        word = self.take(key, str, default)
        if word not in choices:
            raise LocalError(f"{self.place}: {key!r} is one of {', '.join(map(repr, choices))}, not {word!r}")
        return choices[word]

    def sub(self, key: str) -> "Table | None":
        """A table in this one, None when it is absent."""
        table = self.take(key, dict, None)
        return None if table is None else Table(f"{self.place}, [{key}]", table)

    def subs(self, key: str) -> list["Table"]:
        """A list of tables in this one, perhaps empty."""
        tables = self.take(key, list, [])
        return [Table(f"{self.place}, {key} {at}", table) for at, table in enumerate(tables, 1)]

    def finish(self) -> None:
        """Nothing may be left."""
        for key in self._left:
            raise LocalError(f"{self.place}: {key!r} means nothing here, correct or remove it")
