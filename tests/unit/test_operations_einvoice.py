"""Bills as electronic invoices: held against the published format, tag by tag, and to the đồng."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bill import BillLine
from model.einvoice import EInvoice
from model.errors import ModelError
from model.series import Rate
from operations import bill_print, einvoice, einvoice_numbers
from operations.bill_print import Corrected, PrintedBill
from operations.einvoice import Issuing
from operations.errors import FileRefused, InputError
from operations.paper import document
from storage.bill_acceptances import Acceptance
from tests.bill_pages import CUSTOMER, SUPPLIER, bill, business, household, reactive_buyer, seen, use
from tests.einvoice_format import faults

ISSUING = Issuing("C26TDK", "0100109106")
ORIGINAL = EInvoice("C26TDK", 123, date(2026, 10, 1), "00AB" * 8)


def _root(sheet: PrintedBill) -> Element:
    return fromstring(einvoice.xml(sheet, ISSUING))


def _texts(sheet: PrintedBill, path: str) -> list[str | None]:
    return [found.text for found in _root(sheet).findall(path)]


@pytest.mark.parametrize("sheet", [household(), business()], ids=["household", "business"])
def test_an_invoice_is_as_the_format_says(sheet: PrintedBill) -> None:
    written = einvoice.xml(sheet, ISSUING)
    assert written.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<HDon>')
    assert faults(written) == []
    assert written == einvoice.xml(sheet, ISSUING)


def test_reactive_energy_is_an_invoice_of_its_own() -> None:
    sheet = reactive_buyer()
    asked = sheet.bill.reactive
    assert asked is not None
    assert einvoice.xml(replace(sheet, einvoice=None), ISSUING) == einvoice.xml(
        replace(business(), bill=sheet.bill), ISSUING
    )
    written = einvoice.xml(sheet, ISSUING, reactive=True)
    assert faults(written) == []
    data = fromstring(written)[0]
    assert data.get("Id") == "GB0000013VC"
    assert data.findtext("TTChung/SHDon") == "124"
    assert data.findtext("NDHDon/TToan/TgTTTBSo") == str(asked.total)
    line, register = data.findall("NDHDon/DSHHDVu/HHDVu")
    assert (
        line.findtext("THHDVu") == "Điện kinh doanh, dịch vụ – công suất phản kháng (cosφ 0,86, k = 4,65 %)"
    )
    assert (line.findtext("SLuong"), line.findtext("ThTien")) == (None, str(asked.subtotal))
    assert (register.findtext("THHDVu") or "").endswith("1.196,5 × 20 = 3.930 kvarh")
    # A correction names the surcharge's e-invoice; where there was no surcharge there is nothing to name.
    corrected = Corrected(False, 1, date(2026, 10, 1), "đọc nhầm", None, surcharge=True)
    with pytest.raises(InputError, match="whose e-invoice is not known"):
        einvoice.xml(replace(sheet, corrects=corrected), ISSUING, reactive=True)
    named = replace(corrected, reactive_einvoice=ORIGINAL)
    root = fromstring(einvoice.xml(replace(sheet, corrects=named), ISSUING, reactive=True))
    assert root.findtext("DLHDon/TTChung/TTHDLQuan/SHDCLQuan") == "123"
    unasked = replace(sheet, corrects=replace(corrected, surcharge=False))
    assert fromstring(einvoice.xml(unasked, ISSUING, reactive=True)).find("DLHDon/TTChung/TTHDLQuan") is None


def test_a_household_tier_by_tier() -> None:
    root = _root(household())
    general = root.find("DLHDon/TTChung")
    assert general is not None
    assert general.findtext("KHHDon") == "C26TDK"
    assert general.find("SHDon") is None, "the provider numbers it"
    assert general.findtext("NLap") == "2026-11-01"
    goods = root.findall("DLHDon/NDHDon/DSHHDVu/HHDVu")
    assert [one.findtext("THHDVu") for one in goods][:2] == [
        "Điện sinh hoạt – bậc 1",
        "Điện sinh hoạt – bậc 2",
    ]
    assert [one.findtext("ThTien") for one in goods][5] == "387520"
    assert goods[6].findtext("TChat") == "4"
    assert "10.412,5 → 10.924,5 × 1 = 512 kWh" in (goods[6].findtext("THHDVu") or "")
    sums = root.find("DLHDon/NDHDon/TToan")
    assert sums is not None
    told = [sums.findtext(tag) for tag in ("TgTCThue", "TgTThue", "TgTTTBSo")]
    assert told == ["1462020", "116962", "1578982"]
    assert sums.findtext("THTTLTSuat/LTSuat/TSuat") == "8%"
    assert root.find("DSCKS") is None
    assert root.find("MCCQT") is None


def test_a_correction_names_the_original() -> None:
    adjusting = replace(
        household(), corrects=Corrected(False, 7, date(2026, 10, 1), "ghi nhầm chỉ số", ORIGINAL)
    )
    less = adjusting.bill
    lines = (BillLine("bậc 6", -100, 3460, -346_000),)
    less = replace(less, lines=lines, kwh=-100, subtotal=-346_000, vat=-27_680, total=-373_680)
    adjusting = replace(adjusting, bill=less)
    assert faults(einvoice.xml(adjusting, ISSUING)) == []
    related = _root(adjusting).find("DLHDon/TTChung/TTHDLQuan")
    assert related is not None
    assert [(child.tag, child.text) for child in related] == [
        ("TCHDon", "2"),
        ("LHDCLQuan", "1"),
        ("KHMSHDCLQuan", "1"),
        ("KHHDCLQuan", "C26TDK"),
        ("SHDCLQuan", "123"),
        ("NLHDCLQuan", "2026-10-01"),
        ("GChu", "ghi nhầm chỉ số"),
    ]
    assert _texts(adjusting, "DLHDon/NDHDon/TToan/TgTTTBSo") == ["-373680"]
    assert _texts(adjusting, "DLHDon/NDHDon/TToan/TgTTTBChu")[0].startswith("Âm ba trăm")  # type: ignore[union-attr]
    held = replace(household(), accepted=(Acceptance("read_again", "máy lạnh mới"),))
    assert faults(einvoice.xml(held, ISSUING)) == []
    assert "sản lượng lệch quá 30 % so với kỳ trước – máy lạnh mới" in _texts(
        held, "DLHDon/TTChung/TTKhac/TTin/DLieu"
    )
    replacing = replace(household(), corrects=Corrected(True, 7, date(2026, 10, 1), einvoice=ORIGINAL))
    assert _texts(replacing, "DLHDon/TTChung/TTHDLQuan/TCHDon") == ["1"]
    unknown = replace(household(), corrects=Corrected(True, 7, date(2026, 10, 1)))
    with pytest.raises(InputError, match=r"0000012 corrects bill 0000007, whose e-invoice is not known"):
        einvoice.xml(unknown, ISSUING)


def test_a_charge_that_is_not_by_kwh_has_an_amount_alone() -> None:
    made = bill("vn-household", {"KT": 512}, (use("26100037", Rate.TOTAL, "0", "512", 512),))
    flat = BillLine("công suất", 0, 50_000, 600_000)
    vat, net = made.vat + 48_000, made.subtotal + 600_000
    charged = replace(made, lines=(*made.lines, flat), subtotal=net, vat=vat, total=net + vat)
    sheet = replace(household(), bill=charged)
    assert faults(einvoice.xml(sheet, ISSUING)) == []
    amounts = _texts(sheet, "DLHDon/NDHDon/DSHHDVu/HHDVu/ThTien")
    assert len(amounts) == 7
    assert amounts[-1] == "600000"
    assert len(_texts(sheet, "DLHDon/NDHDon/DSHHDVu/HHDVu/SLuong")) == 6


def test_what_the_provider_told_stands_on_the_next_copy_and_on_paper() -> None:
    known = replace(household(), einvoice=replace(ORIGINAL, dated=date(2026, 11, 2)))
    assert faults(einvoice.xml(known, ISSUING)) == []
    assert _texts(known, "DLHDon/TTChung/SHDon") == ["123"]
    assert _texts(known, "DLHDon/TTChung/NLap") == ["2026-11-02"]
    (page,) = seen(document([known]))
    assert "Hóa đơn điện tử 1C26TDK số 00000123" in page.text
    assert "Hóa đơn điện tử 1C26TDK số 00000123" in bill_print.html(known)


@pytest.mark.parametrize(
    ("tax_code", "tag", "other"),
    [("0100100079-001", "MST", "CCCDan"), ("001099012345", "CCCDan", "MST")],
)
def test_a_buyer_has_a_tax_code_or_a_number_of_their_own(tax_code: str, tag: str, other: str) -> None:
    sheet = replace(household(), customer=replace(CUSTOMER, tax_code=tax_code, email="a@example.vn"))
    assert faults(einvoice.xml(sheet, ISSUING)) == []
    assert _texts(sheet, f"DLHDon/NDHDon/NMua/{tag}") == [tax_code]
    assert _texts(sheet, f"DLHDon/NDHDon/NMua/{other}") == []
    (page,) = seen(document([sheet]))
    assert tax_code in page.text


def test_what_is_missing_is_said_in_a_sentence() -> None:
    bare = replace(household(), supplier=replace(SUPPLIER, tax_code="", address=""))
    with pytest.raises(
        InputError, match=r"needs \[office\] address, \[office\] tax_code, \[einvoice\] series"
    ):
        einvoice.xml(bare, Issuing("", "0100109106"))
    with pytest.raises(InputError, match=r"the series C25TDK of 2025: enter the series of 2026"):
        einvoice.xml(household(), Issuing("C25TDK", "0100109106"))
    long = replace(household(), customer=replace(CUSTOMER, address="x" * 401))
    with pytest.raises(InputError, match="longer than the 400 letters of DChi"):
        einvoice.xml(long, ISSUING)


def test_letters_that_xml_cannot_bear_are_left_out() -> None:
    name = unicodedata.normalize("NFD", "Nguyễn <b>Thị</b> & \x07 Hường\ud800")
    sheet = replace(household(), customer=replace(CUSTOMER, name=name))
    assert _texts(sheet, "DLHDon/NDHDon/NMua/Ten") == ["Nguyễn <b>Thị</b> &   Hường"]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["vn-household", "vn-prepaid", "vn-hospital-school"]),
    st.integers(1, 100_000),
)
def test_any_bill_adds_up(plan: str, kwh: int) -> None:
    made = bill(plan, {"KT": kwh}, (use("26100037", Rate.TOTAL, "0", str(kwh), kwh),))
    assert faults(einvoice.xml(replace(household(), bill=made), ISSUING)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"<ThTien>387520<", b"<ThTien>387521<", "112 × 3460 is not 387521"),
        (b"<TgTThue>116962<", b"<TgTThue>116961<", "the rates are not the totals"),
        (b"<PBan>2.1.0</PBan>", b"", "HDon/DLHDon/TTChung lacks PBan"),
        (b"<KHHDon>C26TDK<", b"<KHHDon>26TDK<", "HDon/DLHDon/TTChung/KHHDon says '26TDK'"),
        (b"<DVTTe>VND</DVTTe>", b"<DVTTe>VND</DVTTe><PBan>2.1.0</PBan>", "has another order"),
        (b"<NMua>", b"<NMua><Email>x</Email>", "HDon/DLHDon/NDHDon/NMua has Email"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(old: bytes, new: bytes, fault: str) -> None:
    written = einvoice.xml(household(), ISSUING)
    assert old in written
    assert any(fault in said for said in faults(written.replace(old, new)))


def test_rates_as_the_format_writes_them() -> None:
    said = [einvoice.rate_name(Decimal(rate)) for rate in ("8", "10.0", "0", "7.5", "12")]
    assert said == ["8%", "10%", "0%", "KHAC:07.50%", "KHAC:12.00%"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("26TDK", 1, date(2026, 1, 1)), "written like C26TDK"),
        (("C26TDK", 1, date(2027, 1, 1)), "is of the year 2026"),
        (("C26TDK", 0, date(2026, 1, 1)), "lies between 1 and 99999999"),
        (("C26TDK", 1, date(2026, 1, 1), "x" * 35), "at most 34 letters"),
    ],
)
def test_an_einvoice_that_cannot_be(values: tuple[object, ...], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        EInvoice(*values)  # type: ignore[arg-type]


def test_numbers_come_back_from_the_provider(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("Số giấy báo;KHHDon;SHDon;Ngày lập;MCCQT;Khác\n0000012;C26TDK;123;01/11/2026;00AB;x\n")
    assert einvoice_numbers.read(file).bills == {12: EInvoice("C26TDK", 123, date(2026, 11, 1), "00AB")}
    file.write_text("bill,series,number,date\n12,C26TDK,123,2026-11-01\n13,C26TDK,124,2026-11-01\n")
    assert list(einvoice_numbers.read(file).bills) == [12, 13]
    file.write_text("bill,series,number,date\n12,C26TDK,123,2026-11-01\n0000012-VC,C26TDK,124,2026-11-01\n")
    told = einvoice_numbers.read(file)
    assert (told.bills[12].number, told.surcharges[12].number) == (123, 124)


def test_numbers_that_cannot_be_are_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(
        "bill,series,number,date\n12,C26TDK,1,2026-11-01\n12,C26TDK,2,2026-11-01\n13,C26TDK,1,2026-11-01\n"
        "x,C26TDK,4,2026-11-01\n15,C25TDK,5,2026-11-01\n16,C26TDK,6,1.11.2026\n"
    )
    with pytest.raises(FileRefused) as refused:
        einvoice_numbers.read(file)
    assert [(one.line, one.sentence) for one in refused.value.errors] == [
        (3, "bill 12 stands there twice: keep one of them"),
        (4, "C26TDK 1 stands in line 2 already"),
        (5, "“x” is not a bill's number: correct it"),
        (6, "series C25TDK is of the year 2025, its invoice cannot be of 01/11/2026"),
        (7, "“1.11.2026” is no day: write it like 01/11/2026"),
    ]
    file.write_text("bill,number\n1,2\n")
    with pytest.raises(FileRefused, match="“series”: the column is missing"):
        einvoice_numbers.read(file)
