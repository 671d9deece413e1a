"""The published format of e-invoices, version 2.1.0, as a table of its own, and a check by it.

Written down from the tables of the format (tag, the most letters, whether it has to be there), apart from
the program: what it writes is held against this, order, presence, lengths and sums.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element, fromstring

MONEY = r"-?\d{1,15}(\.\d{1,6})?"
DAY = r"\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True, slots=True)
class Tag:
    """`needed`: has to be there. `form`: what its text looks like; without one it has tags of its own."""

    name: str
    needed: bool = False
    letters: int = 0
    form: str = ".*"
    many: bool = False


def _text(names: str, letters: int, needed: bool = False) -> list[Tag]:
    return [Tag(name, needed, letters) for name in names.split()]


OTHERS = Tag("TTKhac")
TREE: dict[str, list[Tag]] = {
    "HDon": [Tag("DLHDon", True), Tag("DLQRCode", letters=512), Tag("MCCQT", letters=34), Tag("DSCKS")],
    "DLHDon": [Tag("TTChung", True), Tag("NDHDon", True), OTHERS],
    "TTChung": [
        Tag("PBan", True, 6, r"2\.1\.0"),
        Tag("THDon", True, 100),
        Tag("KHMSHDon", True, 1, r"[1-6]"),
        Tag("KHHDon", True, 6, r"[CK]\d\d[A-Z]{3}"),
        Tag("SHDon", False, 8, r"[1-9]\d*"),
        Tag("MHSo", False, 20),
        Tag("NLap", True, 10, DAY),
        Tag("HDCTTChinh", True, 1, "[01]"),
        *_text("SBKe NBKe", 50),
        Tag("DVTTe", True, 3, "VND"),
        Tag("TGia", False, 10, r"\d+(\.\d\d?)?"),
        Tag("HTTToan", True, 50),
        Tag("MSTTCGP", True, 14, r"\d{10}(-\d{3})?"),
        *_text("MSTDVNUNLHDon", 14),
        *_text("TDVNUNLHDon DCDVNUNLHDon", 400),
        Tag("TTHDLQuan"),
        OTHERS,
    ],
    "TTHDLQuan": [
        Tag("TCHDon", True, 1, "[12]"),
        Tag("LHDCLQuan", True, 1, "[1-4]"),
        Tag("KHMSHDCLQuan", True, 11),
        Tag("KHHDCLQuan", True, 8),
        Tag("SHDCLQuan", True, 8, r"\d+"),
        Tag("NLHDCLQuan", True, 10, DAY),
        Tag("GChu", False, 255),
        *_text("SBKCLQuan NBKCLQuan", 50),
    ],
    "NDHDon": [Tag("NBan", True), Tag("NMua", True), Tag("DSHHDVu", True), Tag("TToan", True)],
    "NBan": [
        Tag("Ten", True, 400),
        Tag("MST", True, 14, r"\d{10}(-\d{3})?|\d{12}"),
        Tag("DChi", True, 400),
        *_text("MCHang", 50),
        *_text("TCHang", 400),
        *_text("SDThoai", 20),
        *_text("DCTDTu", 50),
        *_text("STKNHang", 30),
        *_text("TNHang", 400),
        *_text("Fax", 20),
        *_text("Website", 100),
        OTHERS,
    ],
    "NMua": [
        Tag("Ten", False, 400),
        Tag("MST", False, 14, r"\d{10}(-\d{3})?"),
        Tag("MDVQHNSach", False, 7),
        Tag("DChi", False, 400),
        *_text("MKHang", 50),
        *_text("SDThoai", 20),
        Tag("CCCDan", False, 12, r"\d{12}"),
        *_text("SHChieu", 20),
        *_text("DCTDTu", 50),
        *_text("HVTNMHang", 100),
        *_text("STKNHang", 30),
        *_text("TNHang", 400),
        OTHERS,
    ],
    "DSHHDVu": [Tag("HHDVu", True, many=True)],
    "HHDVu": [
        Tag("TChat", True, 1, "[1-5]"),
        Tag("STT", False, 4, r"\d+"),
        *_text("MHHDVu", 50),
        Tag("THHDVu", True, 500),
        *_text("DVTinh", 50),
        Tag("SLuong", False, 22, MONEY),
        Tag("DGia", False, 22, MONEY),
        Tag("TLCKhau", False, 7, MONEY),
        Tag("STCKhau", False, 22, MONEY),
        Tag("ThTien", False, 22, MONEY),
        Tag("TSuat", False, 11, r"(0|5|8|10)%|KCT|KKKNT|KHAC:\d\d\.\d\d%"),
        OTHERS,
        Tag("TTHHDTrung"),
    ],
    "TToan": [
        Tag("THTTLTSuat", True),
        Tag("TgTCThue", True, 22, MONEY),
        Tag("TGTKCThue", False, 22, MONEY),
        Tag("TgTThue", True, 22, MONEY),
        Tag("DSLPhi"),
        Tag("TTCKTMai", False, 22, MONEY),
        Tag("TGTKhac", False, 22, MONEY),
        Tag("TgTTTBSo", True, 22, MONEY),
        Tag("TgTTTBChu", True, 255),
        OTHERS,
    ],
    "THTTLTSuat": [Tag("LTSuat", True, many=True)],
    "LTSuat": [
        Tag("TSuat", False, 11, r"(0|5|8|10)%|KCT|KKKNT|KHAC:\d\d\.\d\d%"),
        Tag("ThTien", True, 22, MONEY),
        Tag("TThue", False, 22, MONEY),
    ],
    "TTKhac": [Tag("TTin", many=True)],
    "TTin": [Tag("TTruong", True, 50), Tag("KDLieu", True, 10, "string|numeric|dateTime|date"), Tag("DLieu")],
}


def faults(document: bytes) -> list[str]:
    """What contradicts the format, in the order of the document; none where it is an invoice."""
    root = fromstring(document)
    found = [] if root.tag == "HDon" else [f"the root is {root.tag}"]
    found += _faults(root, root.tag)
    return found or _sums(root)


def _faults(element: Element, where: str) -> list[str]:
    known = TREE[element.tag]
    names = [tag.name for tag in known]
    children = [child.tag for child in element]
    found = [f"{where} has {child}" for child in children if child not in names]
    places = [names.index(child) for child in children if child in names]
    if places != sorted(places):
        found.append(f"{where} has another order: {children}")
    for tag in known:
        count = children.count(tag.name)
        if tag.needed and not count:
            found.append(f"{where} lacks {tag.name}")
        if count > 1 and not tag.many:
            found.append(f"{where} has {tag.name} {count} times")
    for child in element:
        if child.tag in TREE:
            found += _faults(child, f"{where}/{child.tag}")
        elif child.tag in names:
            found += _text_faults(child, known[names.index(child.tag)], f"{where}/{child.tag}")
    return found


def _text_faults(element: Element, tag: Tag, where: str) -> list[str]:
    text = element.text or ""
    found = [] if text and re.fullmatch(tag.form, text) else [f"{where} says {text!r}"]
    if tag.letters and len(text) > tag.letters:
        found.append(f"{where} has {len(text)} letters")
    return found


def _sums(root: Element) -> list[str]:
    """Lines, rates and totals that do not add up; goods that lack what goods have."""
    sums = root.find("DLHDon/NDHDon/TToan")
    assert sums is not None
    found = []
    amounts: dict[str, Decimal] = {}
    for goods in root.findall("DLHDon/NDHDon/DSHHDVu/HHDVu"):
        said = {child.tag: child.text or "" for child in goods}
        if said["TChat"] == "4":
            continue
        missing = {"STT", "ThTien", "TSuat"} - set(said)
        counted = {"DVTinh", "SLuong", "DGia"} & set(said)
        if missing or len(counted) not in (0, 3):
            found.append(f"goods say {sorted(said)}")
            continue
        if counted and Decimal(said["SLuong"]) * Decimal(said["DGia"]) != Decimal(said["ThTien"]):
            found.append(f"{said['SLuong']} × {said['DGia']} is not {said['ThTien']}")
        amounts[said["TSuat"]] = amounts.get(said["TSuat"], Decimal(0)) + Decimal(said["ThTien"])
    rates = {
        rate.findtext("TSuat", ""): (
            Decimal(rate.findtext("ThTien", "")),
            Decimal(rate.findtext("TThue", "")),
        )
        for rate in sums.findall("THTTLTSuat/LTSuat")
    }
    net, tax, total = (Decimal(sums.findtext(tag, "")) for tag in ("TgTCThue", "TgTThue", "TgTTTBSo"))
    if amounts != {rate: amount for rate, (amount, _) in rates.items()}:
        found.append(f"the lines are {amounts}, the rates {rates}")
    if net != sum(amount for amount, _ in rates.values()) or tax != sum(vat for _, vat in rates.values()):
        found.append("the rates are not the totals")
    if net + tax != total:
        found.append(f"{net} + {tax} is not {total}")
    dated = root.findtext("DLHDon/TTChung/NLap", "")
    date.fromisoformat(dated)
    return found
