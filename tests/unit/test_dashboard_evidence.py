"""The figures behind an alert, as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest

from dashboard.pages.alerts import evidence_value
from dashboard.visit import Visit
from model.period import LOCAL
from model.viewer import UserRole, Viewer

NOW = datetime(2026, 10, 14, 10, 12, tzinfo=LOCAL)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("at", "2026-10-14T02:30:00+00:00", "09:30 14/10/2026"),
        ("last_contact", "2026-10-13T17:05:00+00:00", "00:05 14/10/2026"),
        ("month", "2026-09", "09/2026"),
        ("compared_with", "2025-09", "09/2025"),
        ("customer_signs", 1, "Có"),
        ("customer_signs", 0, "Không"),
        ("kwh_per_day", 1234.5, "1.234,5"),
        ("kwh_per_day", 48.10, "48,1"),
        ("current_a", 0.583, "0,58"),
        ("sold_kwh", 250, "250"),
        ("days", 12, "12"),
        ("removed", "00712345", "00712345"),
        ("percent", None, "–"),
    ],
)
def test_every_figure_is_written_as_people_write_it(
    key: str, value: str | int | float | None, shown: str
) -> None:
    visit = Visit(Viewer("a", UserRole.ENGINEER), "vi", "", False, NOW, "/alerts")
    assert evidence_value(visit, key, value) == shown
