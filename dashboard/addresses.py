"""Which address is which page, and whose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from dashboard.parts.elements import Part
from dashboard.visit import Visit
from model.viewer import UserRole

STAFF = frozenset({UserRole.ENGINEER, UserRole.BILLING})
CUSTOMER = frozenset({UserRole.CUSTOMER})
EVERYBODY = frozenset(UserRole)

Show = Callable[[Connection[Any], Visit, Mapping[str, str]], Part]
Owned = Callable[[Connection[Any], Visit, Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of page. `pattern` is an address with `{names}`; `show` raises `Refused` for what the
    viewer may not see.

    `owned` answers, before anything is drawn, whether the thing named in the address is the viewer's to
    see. `noun` and `nav` are
    word keys: what the thing is called in an audit, and the entry in the navigation (none: reached by
    links alone).
    """

    name: str
    pattern: str
    roles: frozenset[UserRole]
    show: Show
    owned: Owned | None = None
    nav: str = ""

    def match(self, path: str) -> dict[str, str] | None:
        """The names in the address, or None when it is another page's."""
        shape = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/\\x00-\\x1f\\x7f]{1,64})", re.escape(self.pattern))
        found = re.fullmatch(shape, path)
        return found.groupdict() if found else None


def find(pages: tuple[Page, ...], path: str, role: UserRole) -> tuple[Page, dict[str, str]] | None:
    """The page of an address for a role: none where the address is nobody's or another role's,
    which look alike.
    """
    for page in pages:
        if role in page.roles and (names := page.match(path)) is not None:
            return page, names
    return None
