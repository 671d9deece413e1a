"""Bills as electronic invoices: the XML that a provider signs and sends to the tax authority.

The tree is that of Decree 123/2020 (Art. 10, 12) as amended by Decree 70/2025, in the format of the General
Department of Taxation, version 2.1.0 (QĐ 1450/QĐ-TCT and what followed), which is still in use under Decree
254/2026; docs/billing.md says what of it is confirmed. It bears no signature (DSCKS), no code of the
authority (MCCQT), and a number in its series (SHDon) only where the provider has told one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from model.bill import BillLine, RegisterUse
from model.einvoice import SERIES
from model.period import local_day
from model.series import REACTIVE_CODE
from model.supplier import Supplier
from operations import bill_words
from operations.bill_print import (
    Corrected,
    PrintedBill,
    named_lines,
    number_of,
    reviews,
    use_name,
)
from operations.bill_words import shown
from operations.errors import InputError
from operations.vietnamese import in_words, number

VERSION: Final = "2.1.0"
FORM: Final = "1"  # KHMSHDon: a value added tax invoice
_UNDER_123: Final = "1"  # LHDCLQuan: the original is an e-invoice under Decree 123/2020
_GOODS, _NOTE = "1", "4"  # TChat
_RATES: Final = frozenset(map(Decimal, (0, 5, 8, 10)))
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\s+")
_LETTERS: Final = {  # the most that an element holds
    "Ten": 400,
    "DChi": 400,
    "SDThoai": 20,
    "DCTDTu": 50,
    "STKNHang": 30,
    "TNHang": 400,
    "MKHang": 50,
    "THHDVu": 500,
    "GChu": 255,
    "TgTTTBChu": 255,
}


@dataclass(frozen=True, slots=True)
class Issuing:
    """What an office issues under: the series registered for the year, and the tax code of the provider whose
    program signs and sends."""

    series: str
    provider: str


def xml(sheet: PrintedBill, issuing: Issuing, *, reactive: bool = False) -> bytes:
    """One unsigned invoice: of the bill, or with `reactive` of its surcharge for reactive energy.

    Raises InputError where the office, the customer or the original does not say what an invoice has to.
    """
    if reactive:
        sheet = as_invoice(sheet)
    _refuse(sheet, issuing)
    root = Element("HDon")
    data = SubElement(root, "DLHDon", Id=f"GB{number_of(sheet.number)}{REACTIVE_CODE if reactive else ''}")
    _general(SubElement(data, "TTChung"), sheet, issuing)
    content = SubElement(data, "NDHDon")
    _seller(SubElement(content, "NBan"), sheet.supplier)
    _buyer(SubElement(content, "NMua"), sheet)
    _goods(SubElement(content, "DSHHDVu"), sheet, reactive=reactive)
    _sums(SubElement(content, "TToan"), sheet)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def as_invoice(sheet: PrintedBill) -> PrintedBill:
    """The sheet of a bill's surcharge alone: a line, the registers of reactive import, its own e-invoice."""
    bill, asked = sheet.bill, sheet.bill.reactive
    assert asked is not None  # the caller looks
    cos, k = shown(asked.cos_phi, "vi"), shown(asked.k_percent, "vi")
    line = BillLine(f"công suất phản kháng (cosφ {cos}, k = {k} %)", 0, 0, asked.subtotal)
    alone = replace(
        bill, lines=(line,), uses=asked.uses, kwh=0, decisions=(asked.decision,), subtotal=asked.subtotal,
        vat=asked.vat, total=asked.total,
    )  # fmt: skip
    corrects = sheet.corrects
    if corrects is not None:
        corrects = replace(corrects, einvoice=corrects.reactive_einvoice) if corrects.surcharge else None
    return replace(sheet, bill=alone, einvoice=sheet.reactive_einvoice, corrects=corrects)


def refuse_office(supplier: Supplier, issuing: Issuing) -> None:
    """Raises InputError where the office does not say what every invoice has to."""
    missing = [
        name
        for name, value in (
            ("[office] address", supplier.address),
            ("[office] tax_code", supplier.tax_code),
            ("[einvoice] series", issuing.series),
            ("[einvoice] provider_tax_code", issuing.provider),
        )
        if not value
    ]
    if missing:
        raise InputError(f"an e-invoice needs {', '.join(missing)}: enter them in ami.toml")


def _refuse(sheet: PrintedBill, issuing: Issuing) -> None:
    refuse_office(sheet.supplier, issuing)
    dated = sheet.bill.invoice_date
    if SERIES.fullmatch(issuing.series) and int(issuing.series[1:3]) != dated.year % 100:
        raise InputError(
            f"bill {number_of(sheet.number)} is of {dated:%d/%m/%Y} and the series {issuing.series} of 20"
            f"{issuing.series[1:3]}: enter the series of {dated.year} in [einvoice] series"
        )
    if sheet.corrects is not None and sheet.corrects.einvoice is None:
        raise InputError(
            f"bill {number_of(sheet.number)} corrects bill {number_of(sheet.corrects.number)}, whose "
            f"e-invoice is not known: record it with `ami bill einvoiced`"
        )


def _put(parent: Element, tag: str, value: object) -> None:
    """An element with its text; none where there is nothing to say."""
    said = unicodedata.normalize("NFC", _UNPRINTABLE.sub(" ", str(value))).strip()
    if not said:
        return
    if len(said) > _LETTERS.get(tag, len(said)):
        raise InputError(f"“{said[:40]}…” is longer than the {_LETTERS[tag]} letters of {tag}: shorten it")
    SubElement(parent, tag).text = said


def _others(parent: Element, values: dict[str, str]) -> None:
    """What the format leaves to the seller: names and texts of our own."""
    others = SubElement(parent, "TTKhac")
    for name, value in values.items():
        told = SubElement(others, "TTin")
        _put(told, "TTruong", name)
        _put(told, "KDLieu", "string")
        _put(told, "DLieu", value)


def _general(general: Element, sheet: PrintedBill, issuing: Issuing) -> None:
    bill, own = sheet.bill, sheet.einvoice
    _put(general, "PBan", VERSION)
    _put(general, "THDon", "Hóa đơn giá trị gia tăng")
    _put(general, "KHMSHDon", FORM)
    _put(general, "KHHDon", own.series if own else issuing.series)
    _put(general, "SHDon", own.number if own else "")
    _put(general, "NLap", (own.dated if own else bill.invoice_date).isoformat())
    _put(general, "HDCTTChinh", "0")  # no financial lease
    _put(general, "DVTTe", "VND")
    _put(general, "TGia", "1")
    _put(general, "HTTToan", "TM/CK")
    _put(general, "MSTTCGP", issuing.provider)
    if sheet.corrects is not None:
        _original(SubElement(general, "TTHDLQuan"), sheet.corrects)
    first, last = local_day(bill.period.start), local_day(bill.period.end) - timedelta(days=1)
    _others(
        general,
        {
            "Số giấy báo": number_of(sheet.number),
            "Kỳ từ ngày": first.isoformat(),
            "Kỳ đến ngày": last.isoformat(),
            "Mã điểm đo": bill.point,
            "Sổ ghi chỉ số": sheet.customer.book,
            "Quyết định giá": ", ".join(bill.decisions),
            **({"Đã xem lại": reviewed} if (reviewed := reviews(sheet)) else {}),
        },
    )


def _original(related: Element, corrected: Corrected) -> None:
    original = corrected.einvoice
    assert original is not None  # refused above
    _put(related, "TCHDon", "1" if corrected.replaces else "2")
    _put(related, "LHDCLQuan", _UNDER_123)
    _put(related, "KHMSHDCLQuan", FORM)
    _put(related, "KHHDCLQuan", original.series)
    _put(related, "SHDCLQuan", original.number)
    _put(related, "NLHDCLQuan", original.dated.isoformat())
    _put(related, "GChu", corrected.reason)


def _seller(seller: Element, supplier: Supplier) -> None:
    _put(seller, "Ten", supplier.name)
    _put(seller, "MST", supplier.tax_code)
    _put(seller, "DChi", supplier.address)
    _put(seller, "SDThoai", supplier.hotline)
    if supplier.account is not None:
        _put(seller, "STKNHang", supplier.account.number)
        _put(seller, "TNHang", supplier.account.bank)


def _buyer(buyer: Element, sheet: PrintedBill) -> None:
    customer = sheet.customer
    person = len(customer.tax_code) == 12
    _put(buyer, "Ten", customer.name)
    _put(buyer, "MST", "" if person else customer.tax_code)
    _put(buyer, "DChi", customer.address)
    _put(buyer, "MKHang", customer.code)
    _put(buyer, "SDThoai", customer.phone)
    _put(buyer, "CCCDan", customer.tax_code if person else "")
    _put(buyer, "DCTDTu", customer.email)


def rate_name(percent: Decimal) -> str:
    """A VAT rate as the format writes it: `8%`, and `KHAC:07.50%` for one that its table does not have."""
    if percent in _RATES:
        return f"{percent.normalize():f}%"
    return f"KHAC:{percent:05.2f}%"


def _goods(goods: Element, sheet: PrintedBill, *, reactive: bool) -> None:
    rate = rate_name(sheet.bill.vat_percent)
    for place, (line, name) in enumerate(_lines(sheet), 1):
        one = SubElement(goods, "HHDVu")
        _put(one, "TChat", _GOODS)
        _put(one, "STT", place)
        _put(one, "THHDVu", name)
        if line.kwh * line.price == line.amount:  # no charge for demand, nor one that stands
            _put(one, "DVTinh", "kWh")
            _put(one, "SLuong", line.kwh)
            _put(one, "DGia", line.price)
        _put(one, "ThTien", line.amount)
        _put(one, "TSuat", rate)
    for use in sheet.bill.uses:
        one = SubElement(goods, "HHDVu")
        _put(one, "TChat", _NOTE)
        _put(one, "THHDVu", _indices(use, reactive=reactive))


def _lines(sheet: PrintedBill) -> Iterator[tuple[BillLine, str]]:
    plan = bill_words.plan(sheet.bill.plan, "vi").lower()
    for name, line in named_lines(sheet.bill):
        yield line, f"Điện {plan} – {name[:1].lower()}{name[1:]}"


def _indices(use: RegisterUse, *, reactive: bool) -> str:
    name, unit = (f"{use.rate.code} ({use_name(use)})", "kWh")
    if reactive:
        name, unit = f"{REACTIVE_CODE} (phản kháng)", "kvarh"
    return (
        f"Công tơ {use.serial}, {name}: {number(use.previous)} → "
        f"{number(use.current)} × {number(use.multiplier)} = {number(use.kwh)} {unit}"
    )


def _sums(sums: Element, sheet: PrintedBill) -> None:
    bill = sheet.bill
    by_rate = SubElement(SubElement(sums, "THTTLTSuat"), "LTSuat")
    _put(by_rate, "TSuat", rate_name(bill.vat_percent))
    _put(by_rate, "ThTien", bill.subtotal)
    _put(by_rate, "TThue", bill.vat)
    _put(sums, "TgTCThue", bill.subtotal)
    _put(sums, "TgTThue", bill.vat)
    _put(sums, "TgTTTBSo", bill.total)
    _put(sums, "TgTTTBChu", in_words(bill.total))
