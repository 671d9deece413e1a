"""The queue of work: Procrastinate on the store's own database, its tables made by migration `0006_queue`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from procrastinate import App, PsycopgConnector

from storage.pool import session

_STATEMENT_TIMEOUT_S: Final = 60.0


def queue_app(dsn: str, *, import_paths: Iterable[str] = (), size: int = 4) -> App:
    """The queue at `dsn`, not yet open: `with app.open():` to defer, `async with app.open_async():` to work.

    `import_paths` name the modules whose tasks a worker must know; `size` is the most connections it opens.
    """
    connector = PsycopgConnector(
        conninfo=dsn, kwargs=session(_STATEMENT_TIMEOUT_S), min_size=1, max_size=size
    )
    return App(connector=connector, import_paths=list(import_paths))
