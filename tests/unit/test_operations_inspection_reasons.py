"""Every clue and honest explanation has its sentence in both languages, with and without its figures."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from analytics.suspicion import BenignKind, ClueKind
from model.quality import Severity
from operations.inspections import reasons
from storage.inspection_sheet import InspectionRow
from storage.inspections import InspectionState

FIGURES: dict[str, dict[str, Any]] = {
    "fall": {"before": 15.07, "after": 4.34, "percent": 71, "days_before": 47, "days": 15},
    "night_fall": {"before": 4.0, "after": 0.5, "percent": 88, "day_percent": -3},
    "balance": {"loss": 8.06, "before": 0.4, "after": 10.12, "customers": 14},
    "shape": {"logit": 2.41, "usual": -1.7, "days": 15},
    "dark_phase": {
        "phase": 2, "voltage_v": 231.4, "current_a": 0.01, "other_a": 2.5, "days": 14, "days_read": 15,
    },
    "event": {"code": "terminal_cover_open", "times": 2},
    "absence_told": {"before": 15.07, "after": 4.34, "percent": 71, "days": 12},
    "vacancy_seen": {"before": 15.07, "after": 1.1, "percent": 93},
    "panels": {"before": 15.07, "after": 9.3, "percent": 38, "exported": 6.5},
    "balance_holds": {"before": 15.07, "after": 9.3, "percent": 38},
    "rise": {"before": 9.3, "after": 15.07, "percent": -62},
}  # fmt: skip
DAYS = {"first": "2026-09-17", "last": "2026-10-01"}
KINDS = [("clues", kind.value) for kind in ClueKind] + [("benign", kind.value) for kind in BenignKind]
COMPARED = re.compile(r"trước|so với|before|against|others")


def said(room: str, kind: str, figures: dict[str, Any], days: dict[str, str], language: str) -> str:
    told = {"kind": kind, **days, "figures": figures}
    return reasons.clue(told, language) if room == "clues" else reasons.benign(told, language)


def is_a_sentence(text: str) -> None:
    assert text.endswith(".")
    assert not re.search(r"[{}]|None|nan", text)
    assert not re.search(r"[.!?] +[A-ZĐÂÊÔƠƯ]", text), "one sentence"
    assert text[0].isupper()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_every_kind_says_figure_days_and_what_it_is_compared_with(
    room: str, kind: str, language: str
) -> None:
    whole = said(room, kind, FIGURES[kind], DAYS, language)
    is_a_sentence(whole)
    assert "17/09/2026" in whole
    assert re.search(r"\d[.,]?\d*( (kWh|V|A|%|lần|ngày|days)|×)|phase|pha", whole), whole
    assert COMPARED.search(whole), whole
    for lacking in ({}, {"percent": None}, *({name: value} for name, value in FIGURES[kind].items())):
        is_a_sentence(said(room, kind, lacking, DAYS, language))
    is_a_sentence(said(room, kind, {}, {}, language))
    assert len({said(room, kind, FIGURES[kind], DAYS, other) for other in ("vi", "en")}) == 2


def test_no_words_for_what_nothing_says() -> None:
    assert set(reasons.texts()["clues"]) == set(ClueKind)
    assert set(reasons.texts()["benign"]) == set(BenignKind)


def test_a_terminal_cover_is_no_cover() -> None:
    assert "nắp đấu dây" in said("clues", "event", FIGURES["event"], DAYS, "vi")


def row(kwh: float | None, stake: int | None, clues: list[dict[str, Any]]) -> InspectionRow:
    at, day = datetime(2026, 10, 2, tzinfo=UTC), date(2026, 9, 17)
    return InspectionRow(
        1, "M1", InspectionState.NEW, Severity.RED, 3.0, day, date(2026, 10, 1), day, at, at, None, clues,
        kwh, stake, None, None, None, "T1", "Trạm 1", "P1", None, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_inspection_says_its_strongest_clue_and_what_is_at_stake(language: str) -> None:
    fall = {"kind": "fall", **DAYS, "figures": FIGURES["fall"]}
    whole = reasons.inspection(row(8.06, 381_883, [fall]), language)
    is_a_sentence(whole)
    assert "381.883\u00a0₫" in whole if language == "vi" else "381,883 ₫" in whole
    assert ("8,06 kWh" if language == "vi" else "8.06 kWh") in whole
    unpriced = reasons.inspection(row(8.06, None, [fall]), language)
    is_a_sentence(unpriced)
    assert "₫" not in unpriced
    assert reasons.inspection(row(None, None, [fall]), language) == reasons.clue(fall, language)
    assert reasons.inspection(row(None, None, []), language) == ""


def test_how_odd_days_are_is_told_from_nought_to_a_hundred() -> None:
    told = {"kind": "shape", **DAYS, "figures": FIGURES["shape"]}
    assert "mức bất thường 92 trên 100, trước đó chỉ 15 (từ 50 là bất thường)" in reasons.clue(told)
    assert "92 on a scale from 0 to 100 (50 and above" in reasons.clue(
        {**told, "figures": {"logit": 2.41, "days": 15}}, "en"
    )
    for logit in (-40.0, 40.0):
        assert "nan" not in reasons.clue({**told, "figures": {"logit": logit, "days": 3}})


def test_a_station_of_one_customer_has_no_others() -> None:
    figures = {"loss": 8.06, "before": -0.4, "after": 10.12, "customers": 1}
    told = {"kind": "balance", **DAYS, "figures": figures}
    vi, en = reasons.clue(told), reasons.clue(told, "en")
    assert "thiếu 10,1 kWh không rõ nguyên nhân so với 0 kWh trước đó, và trạm chỉ có 1 khách hàng" in vi
    assert "công tơ khác" not in vi
    assert "others" not in en
    is_a_sentence(vi)
    is_a_sentence(en)
