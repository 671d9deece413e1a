"""What a meter says of itself: indices with their unit, the same finding of many days on one line."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from dashboard.parts.electrical import folded, installations_card, instant_card
from dashboard.visit import Visit
from model.day import Finding
from model.period import LOCAL
from model.quality import Severity
from model.readout import InstantRead
from model.viewer import UserRole, Viewer
from storage.meters import Installed, MeterSheet

NOW = datetime(2026, 10, 14, 10, 12, tzinfo=LOCAL)
VISIT = Visit(Viewer("a", UserRole.ENGINEER), "vi", "", False, NOW, "/")


def texts(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, list | tuple):
        return [text for one in part for text in texts(one)]
    return texts(getattr(part, "children", None) or [])


def gap(day: date, slots: int = 48) -> Finding:
    return Finding("gap", "1", day, Severity.BLUE, {"slots": slots})


def test_the_same_finding_of_days_on_end_is_one_line() -> None:
    days = [date(2026, 10, 14) - timedelta(days=back) for back in range(8)]
    swap = Finding("swap", "1", days[1], Severity.INFO, {})
    found = [gap(days[0], 20), gap(days[1]), swap, gap(days[2]), gap(days[3]), gap(days[5]), gap(days[7])]
    assert folded(found) == [
        (days[0], gap(days[0], 20)),
        (days[3], gap(days[1])),
        (days[1], swap),
        (days[5], gap(days[5])),
        (days[7], gap(days[7])),
    ]


def test_indices_of_an_installation_are_kwh_of_named_registers() -> None:
    place = Installed(
        (), (), NOW, None, {"KT": 45_787_764, "CD": 120}, {}, "P1", "customer", "", "T1", "", "", "", "", ""
    )
    sheet = MeterSheet(1, "1", "dk-3p", 1, None, None, None, None, (place,), (), None, (), (), ())
    said = texts(installations_card(VISIT, sheet))
    assert "Tổng (KT) 45.787,764\u00a0kWh" in said
    assert "Cao điểm (CĐ) 0,120\u00a0kWh" in said


def test_phases_are_called_as_alerts_call_them() -> None:
    seen = InstantRead(NOW, (230.0, 231.0, 229.0), (1.0, 2.0, 3.0), 1000.0, None, None, None)
    said = texts(instant_card(VISIT, seen))
    assert [text for text in said if text.startswith("Pha")] == ["Pha A", "Pha B", "Pha C"]
