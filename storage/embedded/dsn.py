"""Where a database is, with the password it wants, which is never shown."""

from __future__ import annotations

from storage import address


class Dsn(str):
    """A connection address. It connects as a `str` does; its `repr` hides the password.

    >>> Dsn("postgresql://ami:secret@127.0.0.1:20000/ami")
    Dsn('postgresql://ami:***@127.0.0.1:20000/ami')
    """

    __slots__ = ()

    @property
    def shown(self) -> str:
        """The address without its password, for people and logs."""
        return address.shown(self)

    def __repr__(self) -> str:
        return f"Dsn({self.shown!r})"
