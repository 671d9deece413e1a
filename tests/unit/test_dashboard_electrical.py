"""What a meter says of itself: indices with their unit, the same finding of many days on one line."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from dashboard.parts.electrical import folded, installations_card, instant_card
from dashboard.parts.polls import folded as folded_polls
from dashboard.parts.polls import polls_card
from dashboard.visit import Visit
from model.day import Finding
from model.grid import ModemLink
from model.period import LOCAL
from model.quality import Severity
from model.readout import InstantRead
from model.viewer import UserRole, Viewer
from storage.meters import Installed, MeterSheet, Poll

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


def poll(back: int, outcome: str = "ok", detail: str = "", offset: float | None = None) -> Poll:
    at = NOW - timedelta(minutes=30 * back)
    return Poll(at, at, outcome, detail, offset, "MD-04", ModemLink.DIAL_IN)


def test_conversations_that_ended_alike_are_one_line_in_the_words_of_the_page() -> None:
    note = "modem MD-04 has not dialled in: check its power, network and address to call"
    polls = [poll(0, offset=12.0), poll(1, "no_link", note), poll(2, "no_link", note), poll(3)]
    assert [(tries.last, tries.count) for tries in folded_polls(polls)] == [
        (polls[0], 1),
        (polls[1], 2),
        (polls[3], 1),
    ]
    said = texts(polls_card(VISIT, polls))
    assert (
        "Modem MD-04 chưa gọi về: hãy kiểm tra nguồn, SIM, sóng và địa chỉ máy chủ cài trong modem." in said
    )
    assert "09:12 – 09:42 14/10/2026 · 2\u00a0lần" in said
    assert "Lệch giờ 12 giây" in said


def test_a_household_is_not_told_what_a_technician_asks_for() -> None:
    seen = InstantRead(NOW, (230.0, None, None), (1.0, None, None), 1000.0, 200.0, 0.96, 50.0)
    own = Visit(Viewer("b", UserRole.CUSTOMER, "C1"), "vi", "", False, NOW, "/")
    assert {"cosφ", "Tần số", "Phản kháng"} <= set(texts(instant_card(VISIT, seen)))
    assert not {"cosφ", "Tần số", "Phản kháng"} & set(texts(instant_card(own, seen)))
