"""Parts of pages as what a person reads of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from dashboard.visit import Visit
from model.period import LOCAL
from model.viewer import UserRole, Viewer

NOW = datetime(2026, 10, 14, 10, 12, tzinfo=LOCAL)


def visit(lang: str = "vi", role: UserRole = UserRole.ENGINEER, now: datetime = NOW) -> Visit:
    """Somebody looking at a page."""
    return Visit(Viewer("a", role), lang, "", False, now, "/")


def text_of(part: Any) -> str:
    """Every text of a part, one after the other; what is no number for people fails."""
    json.dumps(part, default=lambda one: one.to_plotly_json(), allow_nan=False)
    texts: list[str] = []

    def walk(one: Any) -> None:
        if isinstance(one, list | tuple):
            for each in one:
                walk(each)
        elif hasattr(one, "to_plotly_json"):
            walk(getattr(one, "children", None))
        elif one is not None:
            texts.append(str(one))

    walk(part)
    said = " ".join(texts)
    wrong = {"nan", "NaN", "None", "inf", "Infinity"} & set(said.replace("%", " ").split())
    assert not wrong, (wrong, said)
    return said
