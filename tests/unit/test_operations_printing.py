"""Vietnamese figures, sentences and the printed bill."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from model.alert import AlertKind
from model.bill import Bill, BillLine, RegisterUse
from model.grid import Customer
from model.period import Period
from model.series import Rate
from model.supplier import Supplier
from operations import bill_print, wording
from operations.vietnamese import day, dong, in_words, instant, number

SUPPLIER = Supplier("HTX điện <Bình Minh>", "1900 1234", "Thôn Đông, xã Bình Minh", "0100100079")
TEXTS = wording.texts()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1.234,5"), (0, "0"), (Decimal("10.50"), "10,5"), (1_000_000, "1.000.000"), (-1234, "-1.234")],
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown


def test_money_days_and_instants() -> None:
    assert dong(634_900) == "634.900\u00a0₫"
    assert day(date(2026, 10, 1)) == "01/10/2026"
    assert instant(datetime(2026, 9, 30, 17, 5, tzinfo=UTC)) == "00:05 01/10/2026"
    assert number(12, 1) == "12,0"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Không đồng"),
        (21, "Hai mươi mốt đồng"),
        (105, "Một trăm linh năm đồng"),
        (634_900, "Sáu trăm ba mươi bốn nghìn chín trăm đồng"),
        (1_005_015, "Một triệu không trăm linh năm nghìn không trăm mười lăm đồng"),
        (2_000_000_010, "Hai tỷ không trăm mười đồng"),
        (-5, "Âm năm đồng"),
    ],
)
def test_money_in_words(amount: int, words: str) -> None:
    assert in_words(amount) == words


_NOW = {"from_day": "2026-10-10", "to_day": "2026-10-27"}
_BEFORE = {"before_from": "2026-08-01", "before_to": "2026-10-09"}
_USE = {"kwh_per_day": 5.1, "before_kwh_per_day": 9.3} | _NOW | _BEFORE
FIGURES: dict[str, dict[str, str | int | float | None]] = {
    "phase_bypass": {"phase": "B", "voltage_v": 228.4, "current_a": 0.0, "other_a": 11.3, "fall_percent": 34}
    | _USE,
    "vacancy": {"days": 12, "wh_per_day": 310, "before_kwh_per_day": 9.3} | _NOW | _BEFORE,
    "stuck_meter": {"days": 8, "current_a": 3.2, "expected_kwh": 41.5} | _NOW,
    "meter_swap": {"removed": "1", "hung": "2", "at": "2026-10-14T09:30:00+07:00"},
    "wrong_meter": {
        "expected": "1",
        "found": "2",
        "times": 3,
        "first_at": "2026-10-14T09:30:00+07:00",
        "last_at": "2026-10-15T09:30:00+07:00",
    },
    "rollover": {"previous_kwh": 99850, "current_kwh": 120, "digits": 5, "at": "2026-10-14T09:30:00+07:00"},
    "modem_silent": {
        "modem": "M1",
        "hours": 73.4,
        "limit_hours": 24,
        "last_contact": "2026-10-28T08:00:00+07:00",
    },
    "clock_drift": {
        "offset_s": 300,
        "limit_s": 60,
        "first_at": "2026-10-14T09:30:00+07:00",
        "last_at": "2026-10-15T09:30:00+07:00",
    },
    "consumption_change": {
        "percent": -45.2,
        "kwh_per_day": 5.1,
        "before_kwh_per_day": 9.3,
        "month": "2026-10",
        "compared_with": "2026-09",
        "limit_percent": 30,
    },
    "station_loss": {
        "station": "T01",
        "percent": 12.5,
        "limit_percent": 12.0,
        "delivered_kwh": 1200,
        "sold_kwh": 1050,
        "month": "2026-10",
    },
    "transformer_overload": {
        "station": "T01",
        "load_percent": 124,
        "kva": 50,
        "peak_kva": 62.1,
        "at": "2026-10-14T19:30:00+07:00",
        "hours": 6.5,
        "limit_percent": 100,
        "cos_phi": 0.9,
        "from_day": "2026-10-10",
        "to_day": "2026-10-14",
    },
    "zero_after_use": {"days": 4, "before_kwh_per_day": 9.3} | _NOW | _BEFORE,
    "use_drop": {"percent": -84.5} | _USE,
    "use_rise": {"percent": 120} | _USE,
    "night_baseload": {"night_w": 640, "before_night_w": 90, "more_kwh_a_month": 396} | _NOW | _BEFORE,
    "flat_line": {"days": 4, "power_w": 512, "spread_percent": 0.4, "before_spread_percent": 180}
    | _NOW
    | _BEFORE,
    "reverse_energy": {"exported_kwh": 61.5, "imported_kwh": 80.1, "days": 9, "daylight_percent": 98} | _NOW,
    "voltage_loss": {
        "phase": "B",
        "voltage_v": 3.1,
        "other_v": 229.4,
        "current_a": 2.4,
        "moments": 5,
        "first_at": "2026-10-14T09:30:00+07:00",
    },
    "phase_imbalance": {"phase": "A", "current_a": 9.1, "other_a": 2.2, "percent": 102, "moments": 40} | _NOW,
    "tamper": {
        "event": "cover_open",
        "times": 2,
        "first_at": "2026-10-14T09:30:00+07:00",
        "last_at": "2026-10-15T09:30:00+07:00",
        "times_before": 0,
        "before_from": "2026-08-01",
    },
}
_DATE = re.compile(r"\b(\d\d/)?\d\d/2026\b")
_COMPARES = {
    "vi": re.compile("so với|trong khi|thay cho"),
    "en": re.compile("compared with|than (the|before)|while|instead of"),
}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_tells_its_figures_its_days_and_what_they_are_compared_with(
    kind: AlertKind, language: str
) -> None:
    figures = FIGURES[kind.value]
    since = datetime(2026, 10, 9, 17, tzinfo=UTC)  # the 10th here
    told = wording.alert(kind.value, figures, language, "24000017", since)
    assert _DATE.search(told), told
    assert _COMPARES[language].search(told), told
    plain = _DATE.sub("", told.removeprefix("Công tơ 24000017").removeprefix("Meter 24000017"))
    assert re.search(r"\d", plain), told
    for missing in (*figures, "every"):
        some = {} if missing == "every" else {key: figures[key] for key in figures if key != missing}
        for figure in (some, some | ({} if missing == "every" else {missing: None})):
            said = wording.alert(kind.value, figure, language, "24000017", since)
            assert not re.search(r"None|nan|[{}]|\binf\b", said), said
            assert said.endswith(".")
            assert not re.search(r"[.!?] +[A-ZĐÂÊÔƠƯ]", said), said


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_says_what_and_what_to_do_in_one_sentence(kind: AlertKind, language: str) -> None:
    for evidence in (FIGURES[kind.value], {}):
        said = wording.alert(kind.value, evidence, language, serial="24000017")
        assert said.endswith(".")
        assert "24000017: " in said
        assert "{" not in said
        assert not re.search(r"[.!?] +[A-ZĐÂÊÔƠƯ]", said), "one sentence"


def test_figures_are_written_as_the_language_writes_them() -> None:
    vi = wording.alert("phase_bypass", {**FIGURES["phase_bypass"], "other_a": 1211.34}, "vi")
    en = wording.alert("phase_bypass", {**FIGURES["phase_bypass"], "other_a": 1211.34}, "en")
    assert "228,4 V" in vi
    assert "1.211,3 A" in vi
    assert "1,211.3 A" in en
    assert "chỉ 0,02 A" in wording.alert("phase_bypass", {**FIGURES["phase_bypass"], "current_a": 0.02}, "vi")
    assert "300 giây" in wording.alert("clock_drift", {"offset_s": -300}, "vi")
    assert "chậm" in wording.alert("clock_drift", {"offset_s": -300}, "vi")
    assert "ahead" in wording.alert("clock_drift", {"offset_s": 300}, "en")
    assert "45.2 % less than" in wording.alert("consumption_change", FIGURES["consumption_change"], "en")
    assert "tháng 09/2026" in wording.alert("consumption_change", FIGURES["consumption_change"], "vi")


def test_only_a_bypass_accuses() -> None:
    accusing = re.compile("nghi|theft|steal|trộm|by-pass")
    for kind in AlertKind:
        for language in ("vi", "en"):
            said = wording.alert(kind.value, FIGURES[kind.value], language)
            assert bool(accusing.search(said)) == kind.accuses


def test_holds_name_the_meter_in_both_languages() -> None:
    reason = "meter 7 has no closing index: read it again"
    assert wording.hold("no_closing_index", "7", reason, "en") == reason
    for kind in TEXTS["holds"]:
        assert "7" in wording.hold(kind, "7", reason, "vi")
    assert wording.hold("something new", "7", reason, "vi").startswith("Công tơ 7: ")


def test_outcomes_and_findings_of_an_unknown_kind_are_still_words() -> None:
    assert wording.outcome("no_link", "en") == "the modem cannot be reached"
    assert wording.outcome("odd_thing", "vi") == "odd thing"
    assert wording.finding("gap", {"slots": 3}, "vi") == "thiếu 3 chu kỳ."
    assert wording.finding("odd_thing", {}, "en") == "odd thing"


class _Tags(HTMLParser):
    """Fails on a tag that is closed but not open, or left open."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def sheet() -> bill_print.PrintedBill:
    use = RegisterUse(
        "24<017>", Rate.TOTAL, Decimal("99850"), Decimal("120.5"), Decimal(1), Decimal(270_500), 271, "Q"
    )
    bill = Bill(
        point="KH1001",
        customer="KH1",
        period=Period.of_month(2026, 10),
        invoice_date=date(2026, 11, 1),
        plan="vn-household",
        decisions=("1279/QĐ-BCT",),
        uses=(use,),
        lines=(BillLine("bậc 1", 50, 1984, 99_200), BillLine("bậc 2", 221, 2050, 453_050)),
        kwh=271,
        wh=Decimal(270_500),
        subtotal=552_250,
        vat_percent=Decimal(8),
        vat=44_180,
        total=596_430,
    )
    return bill_print.PrintedBill(
        12, bill, Customer("KH1", "Trần <b>Văn</b> Á", "Thôn 1 & 2", "S01"), SUPPLIER, "Trạm 1"
    )


@pytest.mark.parametrize("paper", ["A5", "A4"])
def test_the_printed_bill_stands_by_itself(sheet: bill_print.PrintedBill, paper: str) -> None:
    page = bill_print.html(sheet, paper)
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.sources == []
    assert "<b>Văn" not in page
    assert f"size: {paper}" in page
    for shown in (
        "596.430\u00a0₫",
        "01/10/2026 – 31/10/2026",
        "99.850",
        "120,5",
        "qua vòng",
        "Bậc 1",
        "0000012",
    ):
        assert shown in page
    assert "Năm trăm chín mươi sáu nghìn bốn trăm ba mươi đồng" in page


def test_the_sheet_says_who_asks_for_the_money_and_that_it_is_no_invoice(
    sheet: bill_print.PrintedBill,
) -> None:
    page = bill_print.html(sheet)
    assert "<h1>GIẤY BÁO TIỀN ĐIỆN</h1><b>HTX điện &lt;Bình Minh&gt;</b>" in page
    assert "Thôn Đông, xã Bình Minh – MST 0100100079 – ĐT 1900 1234</div>" in page
    assert "không thay thế hóa đơn điện tử" in page
    assert "HOÁ ĐƠN" not in page
    assert "không thay thế hóa đơn điện tử" in bill_print.text(sheet)
    assert "HTX điện <Bình Minh>: giấy báo" in bill_print.text(sheet)
    bare = bill_print.html(replace(sheet, supplier=Supplier("HTX")))
    assert "<b>HTX</b></div>" in bare


def test_a_bill_for_the_terminal(sheet: bill_print.PrintedBill) -> None:
    said = bill_print.text(sheet)
    assert "99.850 → 120,5 × 1 = 271 kWh Q" in said
    assert "Tổng cộng 596.430\u00a0₫" in said


def test_a_bill_says_how_many_households_share_its_tiers(sheet: bill_print.PrintedBill) -> None:
    assert "Số hộ" not in bill_print.html(sheet)
    assert "Số hộ" not in bill_print.text(sheet)
    two = replace(sheet, households=Decimal(2))
    assert "<dt>Số hộ dùng chung</dt><dd>2 (định mức mỗi bậc × 2)</dd>" in bill_print.html(two)
    assert "Số hộ dùng chung: 2 (" in bill_print.text(two)
    workshop = replace(two, bill=replace(two.bill, plan="vn-production"))
    assert "Số hộ" not in bill_print.html(workshop), "there are no tiers to share"


def test_other_paper_is_refused(sheet: bill_print.PrintedBill) -> None:
    with pytest.raises(ValueError, match="A5 or A4"):
        bill_print.html(sheet, "A3")
