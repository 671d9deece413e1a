"""The bill as a PDF, looked at as its reader does: letters, lines, pages, and the code off the picture."""

from __future__ import annotations

import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from analytics.billing import Reason, Request, rate
from model.einvoice import EInvoice
from model.period import Period, midnight
from model.series import Rate
from model.supplier import BankAccount, Supplier
from operations import bill_print, wording
from operations.bill_print import Corrected, PrintedBill
from operations.paper import chart, document, payment
from operations.paper.typeface import PLAIN, printable, width, wrapped
from operations.price_standing import unconfirmed
from operations.runs.counting import billed
from operations.runs.stages import HELD_BY_CHECKS
from storage.bill_acceptances import Acceptance
from tests.bill_pages import (
    ACCOUNT,
    CUSTOMER,
    SUPPLIER,
    Seen,
    bill,
    business,
    household,
    misplaced,
    reactive_buyer,
    seen,
    use,
    year,
)


def _flat(page: Seen) -> str:
    return " ".join(page.text.split())


def _read(sheet: PrintedBill) -> Seen:
    (page,) = seen(document([sheet]))
    return page


def test_a_household_finds_everything_on_one_page() -> None:
    page = _flat(_read(household()))
    for shown in (
        "Hợp tác xã dịch vụ điện Bình Minh",
        "MST 0100100079 – ĐT 1900 1234",
        "GIẤY BÁO TIỀN ĐIỆN",
        "Số 0000012",
        "Ngày lập 01/11/2026",
        "Nguyễn Thị Hương Giang",
        "Kỳ 01/10/2026 – 31/10/2026",
        "26100037 KT Không theo giờ 10.412,5 10.924,5 1 512",
        "Bậc 1 50 1.984 99.200",
        "Bậc 6 112 3.460 387.520",
        "Cộng tiền điện 512 1.462.020",
        "Thuế GTGT 8 % 116.962",
        "Tổng cộng tiền thanh toán 1.578.982 ₫",
        "Bằng chữ: Một triệu năm trăm bảy mươi tám nghìn chín trăm tám mươi hai đồng.",
        "Điện năng 13 tháng (kWh)",
        "Giảm 12 % so với tháng trước; tăng 19 % so với cùng kỳ năm trước.",
        "TK 257678859",
        "Nội dung: TD 0000012 PB01000123450",
        "Giá điện theo 1279/QĐ-BCT.",
        "không thay thế hóa đơn điện tử",
    ):
        assert shown in page, shown
    assert "tạm tính" not in page


def test_three_registers_and_a_changed_meter_say_what_happened() -> None:
    page = _flat(_read(business()))
    for shown in (
        "25000881 BT Bình thường (qua vòng, công tơ đã tháo) 99.812,4 120,2 20 2.000",
        "25000881 CD Cao điểm (công tơ đã tháo) 3.120,1 3.150,1 20 600",
        "26200417 TD Thấp điểm (lẻ kỳ trước −0,4 kWh) 0 29 20 580",
        "Cao điểm 1.310 5.422 7.102.820",
        "Kinh doanh, dịch vụ",
        "Trạm Phố Nối 3",
    ):
        assert shown in page, shown


def test_what_it_corrects_why_it_was_held_and_unconfirmed_prices_stand_before_the_figures() -> None:
    corrected = replace(household(), corrects=Corrected(True, 7, date(2026, 10, 1), "ghi nhầm chỉ số"))
    assert "Thay thế giấy báo số 0000007 ngày 01/10/2026. Lý do: ghi nhầm chỉ số." in _flat(_read(corrected))
    adjusting = replace(corrected, corrects=Corrected(False, 7, date(2026, 10, 1)))
    assert "Điều chỉnh giấy báo số 0000007 ngày 01/10/2026." in _flat(_read(adjusting))
    for kind in HELD_BY_CHECKS:
        for language in ("vi", "en"):
            assert not wording.held_for(kind, "x", language).startswith(kind.replace("_", " "))
    signed = Acceptance("customer_signs", "khách hàng đã ký ngày 03/11.")
    held = replace(household(), accepted=(signed, Acceptance("read_again", "máy lạnh mới")))
    told = (
        "Đã xem lại trước khi phát hành: sản lượng tăng từ ba lần trở lên, cần khách hàng ký xác nhận chỉ số "
        "– khách hàng đã ký ngày 03/11; sản lượng lệch quá 30 % so với kỳ trước – máy lạnh mới."
    )
    assert told in _flat(_read(held))
    assert told in bill_print.html(held)
    june = Period.of_month(2023, 6)
    prepaid = bill("vn-prepaid", {"KT": 120}, (use("26100037", Rate.TOTAL, "10", "130", 120),), june)
    assert unconfirmed(prepaid) == ("1062/QĐ-BCT",)
    sheet = replace(household(), bill=prepaid)
    told = "Giá tạm tính: đơn giá theo 1062/QĐ-BCT chưa được đối chiếu với phụ lục ban hành"
    assert told in _flat(_read(sheet))
    assert "Một giá 120 2.535 304.200" in _flat(_read(sheet))
    shop = bill("vn-business", {"KT": 9}, (use("1", Rate.TOTAL, "1", "10", 9),))
    assert bill_print.line_name(shop.plan, shop.lines[0]) == "Giờ bình thường (một giá)"
    assert told in bill_print.html(sheet)
    assert told in bill_print.text(sheet)
    assert unconfirmed(household().bill) == ()
    assert unconfirmed(replace(prepaid, decisions=("nobody's",))) == ("nobody's",)


def test_where_the_price_changed_each_tier_says_by_which_decision() -> None:
    may = Period.of_month(2025, 5)
    made = bill("vn-household", {"KT": 500}, (use("26100037", Rate.TOTAL, "0", "500", 500),), may)
    sheet = replace(household(), bill=made)
    page = _flat(_read(sheet))
    assert "Bậc 1 (2699/QĐ-BCT) 15 1.893 28.395" in page
    assert "Bậc 6 (1279/QĐ-BCT) 72 3.460 249.120" in page
    assert "Bậc 1 (1279/QĐ-BCT)" in bill_print.html(sheet)
    assert "Bậc 1 (1279/QĐ-BCT): 35 kWh" in bill_print.text(sheet)
    assert "Bậc 1 (" not in bill_print.text(household())


def test_tiers_narrower_than_a_months_say_by_how_many_days() -> None:
    days = Period(midnight(date(2026, 10, 12)), midnight(date(2026, 11, 1)))
    request = Request(
        plan="vn-household",
        start=date(2026, 10, 12),
        end=date(2026, 11, 1),
        invoice_date=date(2026, 11, 1),
        kwh={"KT": 200},
        households=Decimal(2),
        reason=Reason.NEW_SUPPLY,
    )
    made = billed(rate(request), "P", CUSTOMER.code, request.plan, days, request.invoice_date)
    sheet = replace(
        household(),
        bill=replace(household().bill, period=days, lines=made.lines, decisions=made.decisions),
        households=Decimal(2),
    )
    told = "Định mức mỗi bậc tính theo 20/31 ngày của tháng."
    assert told in _flat(_read(sheet))
    assert told in bill_print.html(sheet)
    assert bill_print.narrowed(household()) == "", "a whole month"
    assert bill_print.narrowed(replace(sheet, households=Decimal(1))) == "", "it does not add up so"


LONG = replace(
    business(),
    customer=replace(
        CUSTOMER,
        name="Công ty TNHH Thương mại, Dịch vụ và Sản xuất Vật liệu xây dựng Phương Đông – Chi nhánh số 2",
        address="Lô CN-12, đường D3, Khu công nghiệp Phố Nối A, xã Lạc Hồng, huyện Văn Lâm, tỉnh Hưng Yên "
        "(trụ sở chính: tầng 12, tòa nhà Phương Đông, 88 đường Trần Duy Hưng, quận Cầu Giấy, Hà Nội)",
    ),
    supplier=replace(SUPPLIER, name="Công ty Cổ phần Kinh doanh và Phân phối Điện năng Đồng bằng sông Hồng"),
    corrects=Corrected(False, 1, date(2026, 10, 1), "điều chỉnh sản lượng theo biên bản kiểm tra " * 3),
)
METERS = tuple(use(f"2610{i:04}", Rate.TOTAL, "0", str(i), i) for i in range(1, 41))
SHEETS = {
    "household": household(),
    "business": business(),
    "long": LONG,
    "ten meters": replace(household(), bill=replace(household().bill, uses=METERS[:10])),
    "forty meters": replace(household(), bill=replace(household().bill, uses=METERS)),
    "price change": replace(
        household(),
        bill=bill("vn-household", {"KT": 500}, (METERS[0],) * 3, Period.of_month(2025, 5)),
        history=(),
        einvoice=EInvoice("C25TDK", 12345678, date(2025, 6, 1)),
    ),
    "reactive": reactive_buyer(),
    "little known": replace(household(30), supplier=Supplier("HTX"), customer=replace(CUSTOMER, phone="")),
}


def test_reactive_energy_stands_below_what_is_to_be_paid_and_is_no_part_of_it() -> None:
    (page,) = seen(document([reactive_buyer()]))
    said, whole = _flat(page), business().bill.total
    below = said.index("Công suất phản kháng (hóa đơn riêng)")
    assert said.index("Bằng chữ") < below < said.index("Cộng theo hóa đơn riêng: 1.115.932")
    assert "26200417 VC: 1.000 → 1.196,5 × 20 = 3.930 kvarh" in said
    assert "cosφ = 0,86, dưới 0,9; tiền phản kháng = 4,65 %" in said
    assert "Hóa đơn điện tử: 1C26TDK số 00000124" in said
    assert "Bảng hệ số k chưa được đối chiếu" in said
    assert "Công suất cực đại 45,2 kW" in said
    assert f"{whole:,}".replace(",", ".") in said


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_is_written_over_another_or_beyond_the_margins(name: str) -> None:
    pages = seen(document([SHEETS[name]]))
    assert len(pages) == (2 if name == "forty meters" else 1)
    assert [misplaced(page) for page in pages] == [[]] * len(pages)


def test_registers_beyond_the_page_are_summed_on_it_and_listed_behind_it() -> None:
    first, second = (_flat(page) for page in seen(document([SHEETS["forty meters"]])))
    assert "40 công tơ KT Không theo giờ, xem trang sau 820" in first
    assert "26100040 KT Không theo giờ 0 40 1 40" in second


def test_the_same_bill_is_the_same_bytes_and_many_are_a_page_each() -> None:
    made = document([household()])
    assert made == document([household()])
    assert made != document([household(513)])
    assert [page.text.split("\n")[0] for page in seen(document([household(), business()]))]
    assert len(seen(document([household()] * 3))) == 3


def test_bills_asked_for_at_once_are_the_same_as_one_by_one() -> None:
    two = [household(), business()]
    alone = [document([sheet]) for sheet in two]
    patience = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # the threads take turns in the middle of everything
    try:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda place: document([two[place % 2]]), range(30)))
    finally:
        sys.setswitchinterval(patience)
    assert made == alone * 15


def test_the_code_on_the_page_is_the_transfer() -> None:
    page = _read(household())
    assert page.code == payment.transfer(ACCOUNT, 1_578_982, "TD 0000012 PB01000123450")
    assert "54071578982" in page.code
    without = _read(replace(household(), supplier=replace(SUPPLIER, account=None)))
    assert without.code == "TD 0000012 PB01000123450 1578982 VND"
    assert "Mã tra cứu" in without.text


@pytest.mark.parametrize(
    ("account", "amount", "purpose", "payload"),
    [  # what the libraries vietnam-qr-pay (JavaScript, PHP, Ruby) and vnqr (Python) publish of theirs
        (
            BankAccount("970416", "257678859"),
            1_000,
            "Chuyen tien",
            "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA530370454041000"
            "5802VN62150811Chuyen tien6304BBB8",
        ),
        (
            BankAccount("970416", "257678859"),
            0,
            "",
            "00020101021138530010A0000007270123000697041601092576788590208QRIBFTTA53037045802VN6304AE9F",
        ),
        (
            BankAccount("970425", "123456789"),
            1_000_000,
            "V1TH1375842",
            "00020101021238530010A0000007270123000697042501091234567890208QRIBFTTA5303704540710000005802VN"
            "62150811V1TH137584263043158",
        ),
    ],
)
def test_transfers_are_those_of_other_programs(
    account: BankAccount, amount: int, purpose: str, payload: str
) -> None:
    assert payment.transfer(account, amount, purpose) == payload


def test_a_purpose_is_what_every_bank_carries() -> None:
    assert payment.checksum("123456789") == "29B1", "the check value of CRC-16/CCITT-FALSE"
    assert payment.purpose("Đặng Văn Á – tiền điện tháng mười") == "Dang Van A tien dien than"
    assert "62280824tien tien tien tien tien6304" in payment.transfer(ACCOUNT, 5, "tiền " * 9)


def test_months_are_thirteen_and_the_last_is_the_bills_own() -> None:
    last = date(2026, 10, 1)
    shown = chart.months(year(last, 80, 100)[:1], date(2026, 10, 31), 100)
    assert [month for month, _ in shown][::12] == [date(2025, 10, 1), last]
    assert [kwh for _, kwh in shown] == [None] * 11 + [80, 100]
    assert chart.compared(shown) == "Tăng 25 % so với tháng trước."
    assert chart.compared(chart.months((), last, 100)) == ""
    same = chart.months(year(last, *[100] * 13), last, 100)
    assert chart.compared(same) == "Bằng tháng trước; bằng cùng kỳ năm trước."
    assert chart.compared(chart.months(year(last, 0, 100), last, 100)) == "", "nothing more than nothing"


def test_letters_in_parts_are_put_together_and_unknown_ones_told() -> None:
    parted = unicodedata.normalize("NFD", "Nguyễn Thị Hường ₫")
    assert printable(parted) == "Nguyễn Thị Hường ₫"
    assert printable("Anh ☃\u202e\x07漢") == "Anh ? ?"
    page = _read(replace(household(), customer=replace(CUSTOMER, name=parted)))
    assert "Nguyễn Thị Hường ₫" in page.text


def test_text_is_broken_within_its_room() -> None:
    address = "thôn Đông, xã Bình Minh, " * 6 + "x" * 90
    lines = wrapped(address, PLAIN, 9, 200)
    assert all(width(line, PLAIN, 9) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == address.replace(" ", "")
    short = wrapped(address, PLAIN, 9, 200, 2)
    assert len(short) == 2
    assert short[1].endswith("…")
    assert width(short[1], PLAIN, 9) <= 200


def test_what_is_given_back_is_called_so() -> None:
    less = household().bill
    refund = replace(less, subtotal=-less.subtotal, vat=-less.vat, total=-less.total, vat_percent=Decimal(8))
    page = _read(replace(household(), bill=refund))
    assert "Số tiền được giảm" in page.text
    assert page.code.endswith("-1578982 VND"), "nobody is asked to pay it"
