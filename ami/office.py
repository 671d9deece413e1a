"""Who looks at the register from a terminal of the office."""

from __future__ import annotations

from model.viewer import UserRole, Viewer

OFFICE = Viewer(login="ami", role=UserRole.ENGINEER)
