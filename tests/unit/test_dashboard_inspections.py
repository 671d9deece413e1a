"""An inspection's page with much and with next to nothing to show, for whoever may judge and who may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from dashboard.parts.inspection_cards import evidence_cards, reasons_card, story_card
from dashboard.parts.inspection_form import form
from dashboard.parts.inspection_tile import tile
from model.quality import Severity
from model.viewer import UserRole
from storage.inspection_sheet import InspectionDeed, InspectionRow, InspectionSheet
from storage.inspections import InspectionState, InspectionStep
from tests.dashboard_parts import NOW, text_of, visit

FALL = {"before": 8.1, "after": 3.6, "percent": 55, "days_before": 60, "days": 3}
CLUE = {"kind": "fall", "first": "2026-10-11", "last": "2026-10-13", "figures": FALL}
DAY = date(2026, 10, 11)
WHOLE = {
    "curve": {"slots": 2, "usual": [40.0, 90.0], "accused": [20.0, None]},
    "days": {
        "first": "2026-10-09",
        "since": "2026-10-11",
        "kwh": [8.0, None, 4.0, 3.0, 3.0],
        "logit": [None] * 5,
        "peers": [100.0, 101.0, None, 99.0, 98.0],
    },
    "balance": {
        "delivered_kwh": [90.0] * 5,
        "unexplained_kwh": [2.0, None, 6.0, 6.0, 6.0],
        "technical": True,
        "stood_in": 0.031,
        "silent": 2,
    },
    "events": [
        {"day": "2026-10-11", "code": "cover_open"},
        {"day": "2026-10-12", "code": "never_heard_of"},
        {"day": "2026-10-12", "code": "phase_bypass"},
    ],
    "stake": {"kwh_a_day": 4.5, "days": 3, "dong_a_kwh": 2998, "by": "next_kwh", "dong": 40_500},
}
NOTHING: dict[str, Any] = {
    "curve": {"slots": 2, "usual": [None, None], "accused": [None, None]},
    "days": {"first": "2026-10-09", "since": "2026-10-11", "kwh": [None] * 5, "logit": [], "peers": []},
    "balance": None,
    "events": [],
    "stake": {"kwh_a_day": 0.0, "days": 0, "dong_a_kwh": None, "by": None, "dong": None},
}
ROW = InspectionRow(
    7, "M001", InspectionState.NEW, Severity.RED, 4.0, DAY, DAY, DAY, NOW, NOW, None, (CLUE,), 4.5, 40_500,
    None, 1, None, "T1", "Trạm 1", "P001", "C001", "Nguyễn Văn Hòa", "Thôn Đông", "0900000000",
)  # fmt: skip
STEP = InspectionDeed(NOW, "ami", InspectionStep.OPENED, "", {})


def sheet(evidence: dict[str, Any], **changed: Any) -> InspectionSheet:
    return InspectionSheet(replace(ROW, **changed), 1, evidence, (STEP,))


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_what_is_known_is_drawn_and_what_is_not_is_said(lang: str) -> None:
    much = text_of(evidence_cards(visit(lang), sheet(WHOLE)))
    assert ("3,1" if lang == "vi" else "3.1") in much
    assert "never_heard_of" in much
    assert ("Nghi nối tắt pha" if lang == "vi" else "Phase by-pass suspected") in much
    assert str(evidence_cards(visit(lang), sheet(WHOLE))).count("Graph(") == 4
    nobody = {"kwh_a_day": None, "stake": None, "customer": None, "customer_name": None, "address": None}
    for evidence, changed in ((NOTHING, nobody), ({}, nobody | {"clues": (), "phone": None})):
        bare = sheet(evidence, **changed)
        assert "Graph(" not in str(evidence_cards(visit(lang), bare))
        for part in (
            evidence_cards(visit(lang), bare),
            tile(visit(lang), bare.row),
            story_card(visit(lang), bare),
        ):
            assert text_of(part)
        assert "₫" not in text_of(reasons_card(visit(lang), bare, None))


def test_a_confirmed_inspection_says_since_when() -> None:
    deed = InspectionDeed(NOW, "minh", InspectionStep.CONFIRMED, "nối tắt", {"since": "2026-10-03"})
    assert "Kết luận: đúng, từ 03/10/2026" in text_of(
        story_card(visit("vi"), replace(sheet({}), steps=(deed,)))
    )


def buttons(state: InspectionState, role: UserRole, assigned: str | None = "a") -> list[str]:
    row = replace(ROW, state=state, assigned_to=assigned)
    found: list[str] = []

    def walk(one: Any) -> None:
        if isinstance(one, list | tuple):
            for each in one:
                walk(each)
        elif hasattr(one, "to_plotly_json"):
            if type(one).__name__ == "Button":
                found.append(one.id["inspection"])
            walk(getattr(one, "children", None))

    walk(form(visit(role=role), row, ["a", "b"]))
    return found


def test_the_next_steps_alone_are_offered_to_engineers_alone() -> None:
    engineer = UserRole.ENGINEER
    assert buttons(InspectionState.NEW, engineer, None) == ["mine", "to b"]
    assert buttons(InspectionState.ASSIGNED, engineer) == ["visit", "back", "to b"]
    assert buttons(InspectionState.ASSIGNED, engineer, "b") == ["visit", "back"]
    assert buttons(InspectionState.INSPECTED, engineer) == ["confirm", "dismiss"]
    assert buttons(InspectionState.FALSE, engineer) == []
    assert all(not buttons(state, UserRole.BILLING) for state in InspectionState)
