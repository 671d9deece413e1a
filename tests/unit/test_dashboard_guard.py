"""No callback slips past the door: one that names no roles stops the program at its start."""

from __future__ import annotations

from typing import Any

import pytest
from dash import Dash, Input, Output
from fastapi import FastAPI

from dashboard.callbacks import Guarded, Unguarded
from dashboard.headers import content_security_policy
from dashboard.visit import SESSION, Office
from model.viewer import UserRole
from tests.storage_samples import SUPPLIER


@pytest.fixture
def guarded() -> Guarded:
    dash = Dash(__name__, server=FastAPI(), add_log_handler=False)  # type: ignore[arg-type]
    office: Any = Office(None, lambda: None, SUPPLIER)  # type: ignore[arg-type,return-value]
    return Guarded(dash, office)


def test_a_callback_registered_past_the_guard_is_found(guarded: Guarded) -> None:
    guarded.reads(Output("a", "children"), Input("b", "value"), roles=frozenset(UserRole))(lambda *_: "")
    guarded.seal()
    guarded.dash.callback(Output("c", "children"), Input("b", "value"))(lambda value: value)
    with pytest.raises(Unguarded, match=r"c\.children"):
        guarded.seal()


def test_without_a_session_there_is_no_visit(guarded: Guarded) -> None:
    assert SESSION.get(None) is None
    with pytest.raises(LookupError):
        guarded.office.visit("/", {})


def test_scripts_come_from_us_or_are_named_by_hash() -> None:
    policy = content_security_policy(["'sha256-abc'"])
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts == "script-src 'self' 'sha256-abc'"
