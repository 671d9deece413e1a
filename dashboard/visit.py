"""Who is asking, in what language, when: what every page and callback is handed."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from dashboard.formats import Formats
from dashboard.words import Words, words
from model.clock import Clock
from model.period import local_day
from model.supplier import Supplier
from model.viewer import Viewer
from operations.orders import Rules

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie of a request stands for, put there by the middleware before anything else
    sees the request.
    """

    viewer: Viewer
    csrf: str
    lang: str
    phone: bool
    theme: str = ""  # light, dark, or empty: as the device says
    address: str = ""


SESSION: ContextVar[Session] = ContextVar("session")


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at one page: path and query are what the address line says."""

    viewer: Viewer
    lang: str
    csrf: str
    phone: bool
    now: datetime
    path: str
    query: dict[str, str] = field(default_factory=dict)

    @property
    def say(self) -> Words:
        return words(self.lang)

    @property
    def fmt(self) -> Formats:
        return Formats(self.lang)

    @property
    def today(self) -> date:
        return local_day(self.now)


@dataclass(frozen=True, slots=True)
class Office:
    """What pages reach the store and the time through, and whose they are."""

    pool: ConnectionPool[Connection]
    clock: Clock
    supplier: Supplier
    rules: Rules = field(default_factory=Rules)

    def visit(self, path: str, query: dict[str, str]) -> Visit:
        """A visit of the session this request belongs to. Raises `LookupError` outside one: nobody
        is let in unseen.
        """
        who = SESSION.get()
        return Visit(who.viewer, who.lang, who.csrf, who.phone, self.clock(), path, query)
