"""The one door through which the browser reaches Python code: every callback names the roles it is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dash import Dash
from psycopg import Connection

from dashboard.answers import Instead, answer
from dashboard.errors import DashboardError, Refused
from dashboard.parts.elements import Part
from dashboard.visit import Office, Visit
from model.viewer import UserRole

Read = Callable[..., Part]


class Unguarded(DashboardError):
    """A callback was registered past `Guarded`."""


class Guarded:
    """Registers callbacks whose first output is what the person sees, so that a refusal replaces
    what stood there.
    """

    def __init__(self, dash: Dash, office: Office) -> None:
        self.dash = dash
        self.office = office
        self.known: set[str] = set()

    def reads(
        self, *wires: Any, roles: frozenset[UserRole], instead: Instead | None = None, **options: Any
    ) -> Callable[[Read], Read]:
        """Decorates `read(conn, visit, *values) -> Part`: called in a thread, for viewers of `roles` alone.

        `instead` is what a refusal leaves where the first output can hold no sentence.
        """

        def register(read: Read) -> Read:
            async def call(*values: Any) -> Part:
                visit = self.office.visit(f"callback {read.__name__}", {})
                return await self._for(roles, visit, lambda conn, visit: read(conn, visit, *values), instead)

            self._add(call, wires, options)
            return read

        return register

    def shows(self, *wires: Any, **options: Any) -> Callable[[Callable[..., Awaitable[Part]]], None]:
        """Registers an async callback that asks the page table itself who may see what."""
        return lambda call: self._add(call, wires, options)

    def _add(self, call: Callable[..., Awaitable[Part]], wires: Any, options: Any) -> None:
        before = set(self.dash.callback_map)
        self.dash.callback(*wires, **options)(call)
        self.known |= set(self.dash.callback_map) - before

    async def _for(
        self,
        roles: frozenset[UserRole],
        visit: Visit,
        read: Callable[[Connection[Any], Visit], Part],
        instead: Instead | None,
    ) -> Part:
        def allowed(conn: Connection[Any], visit: Visit) -> Part:
            if visit.viewer.role not in roles:
                raise Refused("callback", visit.path)
            return read(conn, visit)

        return await answer(self.office, visit, allowed, instead)

    def seal(self) -> None:
        """Called once at the end: raises `Unguarded` for a callback that any session could call."""
        loose = {name for name, entry in self.dash.callback_map.items() if "callback" in entry} - self.known
        if loose:
            raise Unguarded(f"these callbacks name no roles: {', '.join(sorted(loose))}")
