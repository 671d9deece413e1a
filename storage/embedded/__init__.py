"""A private PostgreSQL with TimescaleDB: no root, no container, its data below the home it serves."""

from storage.embedded.dsn import Dsn
from storage.embedded.programs import POSTGRES_MAJOR, Programs
from storage.embedded.server import Embedded, EmbeddedStatus

__all__ = ["POSTGRES_MAJOR", "Dsn", "Embedded", "EmbeddedStatus", "Programs"]
