"""From an address to what stands on the page: reads in a thread, refuses visibly, writes every
refusal down.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
import psycopg
from psycopg import Connection
from psycopg_pool import PoolTimeout

from dashboard import given
from dashboard.addresses import Page, find
from dashboard.errors import Refused
from dashboard.parts.elements import Part
from dashboard.parts.refusal import not_yours, store_away
from dashboard.visit import Office, Visit
from operations import accounts

LOG = logging.getLogger("dashboard")


def query_of(search: object) -> dict[str, str]:
    """`?from=…&to=…` as a dict; of a name given twice the last counts. What is no query of ours is none."""
    if not given.is_text(search):
        return {}
    try:
        return given.texts(parse_qsl(search.lstrip("?"), max_num_fields=20))
    except ValueError:  # more fields than any page has
        return {}


Read = Callable[[Connection[Any], Visit], Part]
Instead = Callable[[Visit], Part]


async def answer(office: Office, visit: Visit, read: Read, instead: Instead | None = None) -> Part:
    """What `read` builds, off the event loop; a refusal or a missing store becomes what the page says
    instead.

    `instead` is given where the place can hold no sentence (the rows of a grid).
    """
    return await anyio.to_thread.run_sync(_answer, office, visit, read, instead)


def _answer(office: Office, visit: Visit, read: Read, instead: Instead | None) -> Part:
    try:
        with office.pool.connection() as conn:
            return read(conn, visit)
    except Refused as refused:
        write_down(office, visit, refused)
        return (instead or not_yours)(visit)
    except (psycopg.OperationalError, PoolTimeout) as error:
        LOG.error("the store did not answer for %.200s: %s", visit.path, error)
        return (instead or store_away)(visit)
    except Exception:
        LOG.exception("%.200s could not be shown", visit.path)  # Dash answers 500 and says nothing of why
        raise


def write_down(office: Office, visit: Visit, refused: Refused) -> None:
    """Every refusal is audited, in a transaction of its own."""
    LOG.warning("%s was refused %s %.200s", visit.viewer.login, refused.noun, refused.name)
    accounts.note_refusal(office.pool, visit.viewer, f"{refused.noun} {refused.name}"[:200], visit.now)


async def page(office: Office, pages: tuple[Page, ...], path: object, search: object) -> Part:
    """The page of an address, for whoever is signed in; both as the browser gave them."""
    visit = office.visit(path if given.is_text(path) and path else "/", query_of(search))

    def read(conn: Connection[Any], visit: Visit) -> Part:
        given.text("page", path)
        found = find(pages, visit.path, visit.viewer.role)
        if found is None:
            raise Refused("page", visit.path)
        return found[0].show(conn, visit, found[1])

    return await answer(office, visit, read)


async def may_see(office: Office, pages: tuple[Page, ...], visit: Visit) -> bool:
    """Whether the address is a page of the viewer's and what it names is theirs; a refusal is
    written down.
    """
    found = find(pages, visit.path, visit.viewer.role)

    def look() -> bool:
        try:
            with office.pool.connection() as conn:
                allowed = found is not None and (
                    found[0].owned is None or found[0].owned(conn, visit, found[1])
                )
        except (psycopg.OperationalError, PoolTimeout) as error:
            LOG.error("the store did not answer for %.200s: %s", visit.path, error)
            return True  # the page itself says that the store is away, and shows nothing
        if not allowed:
            write_down(office, visit, Refused(found[0].name if found else "page", visit.path))
        return allowed

    return await anyio.to_thread.run_sync(look)
