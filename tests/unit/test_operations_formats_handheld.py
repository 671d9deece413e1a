"""What a meter-reader's device brings back: taken, or refused with what to do, and what it comes to."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from operations import door_bill, wording
from operations.formats import handheld
from operations.formats.values import FileReadings, IndexPair, Unusable
from operations.reader_codes import SEVERITY
from operations.spreadsheet import csv_text, write_xlsx

ZONE = timezone(timedelta(hours=7))
LINE = {
    "MA_QUYEN": "S01", "MA_GC": "S01-0001", "MA_KHANG": "KH1", "MA_DDO": "KH1001", "SERY_CTO": "M1",
    "LOAI_BCS": "KT", "HSN": "1", "SO_HO": "1", "CHUOI_GIA": "vn-household", "NGAY_CU": "01/10/2026",
    "NGAY_MOI": "01/11/2026", "CS_CU": "1000", "CS_MOI": "1150", "SL_CU": "140", "SO_CHU_SO": "5",
}  # fmt: skip
COLUMNS = [*handheld.FIELDS, *handheld.OURS]


def read(*changes: dict[str, Any]) -> FileReadings:
    lines = [{**LINE, "MA_GC": f"S01-{i:04d}", **change} for i, change in enumerate(changes, 1)]
    text = csv_text(COLUMNS, [[line.get(name, "") for name in COLUMNS] for line in lines])
    return handheld.read(text.encode(), ZONE)


def one(**change: Any) -> IndexPair:
    found = read(change)
    assert found.rejected == []
    [pair] = found.indices
    return pair


def why(**change: Any) -> str:
    found = read(change)
    [rejected] = found.rejected
    assert (rejected.line, found.indices) == (2, [])
    return rejected.why


def test_the_fields_of_the_trade_are_all_there(shared_dir: Path) -> None:
    fields = json.loads((shared_dir / "domain" / "gcs_fields.json").read_text(encoding="utf-8"))
    known = {name for names in fields["record"] for name in names.split("/")}
    known |= {"SERY_CTO", "SL_MOI", "SLUONG_1", "SLUONG_2", "SLUONG_3", "THANG", "NAM"}
    assert set(handheld.FIELDS) <= known | {"LOAI_BCS", "LOAI_CS", "TTR_CU"}
    assert set(handheld.UNREAD) | {"Q", "T", "L", "X"} == set(fields["status_codes_TTR"])
    assert set(SEVERITY) == set(handheld.UNREAD)
    for code in handheld.UNREAD:
        for language in ("vi", "en"):
            assert f"{code} (KT): " in wording.finding(
                "unread_by_hand", {"status": code, "registers": "KT"}, language
            )
    assert set(handheld.REGISTERS) | {"PMAX"} == set(fields["registers"])


def test_a_line_is_kwh_status_photo_and_change() -> None:
    pair = one(CS_MOI="1150", ANH="IMG_0017.jpg", NGUOI_GCS="Ông Ba", HSN="2", SL_CU="310")
    assert (pair.meter, pair.channel, pair.unit, pair.quantity, pair.flag) == ("M1", "KT", "kWh", 300, "read")
    assert (pair.told["photo"], pair.told["reader"]) == ("IMG_0017.jpg", "Ông Ba")
    # 310 kWh in September's 30 days, 300 in October's 31
    assert pair.told["change_percent"] == pytest.approx((300 / 31) / (310 / 30) * 100 - 100, abs=0.05)
    assert one(LOAI_BCS="VC").unit == "kvarh"
    assert one(CS_CU="99990", CS_MOI="40", SL_CU="50", TTR_MOI="Q").quantity == 50
    assert one(CS_CU="1000.4", CS_MOI="1150.9").quantity == 151  # half-up
    assert one(NGAY_MOI="01/11/2026 08:30").end.hour == 8
    assert one(NGAY_MOI="2026-11-01", NGAY_CU="2026-10-01").end.hour == 0


REFUSED = {
    "lower": ({"CS_MOI": "900"}, "fell from 1000 to 900: read it again, or mark it Q"),
    "too many digits": ({"CS_MOI": "101150"}, "more than its 5 digits can show"),
    "rolled over and rose": ({"TTR_MOI": "Q"}, "is marked Q (rolled over) but rose"),
    "below zero": ({"CS_MOI": "-1"}, "never below zero"),
    "another meter": ({"TTR_MOI": "X"}, "enter the change first"),
    "unknown status": ({"TTR_MOI": "Z"}, "is no status code"),
    "nobody there": ({"CS_MOI": "", "TTR_MOI": "V"}, "was not read (V: customer absent)"),
    "nothing said": ({"CS_MOI": ""}, "without an index and without a status"),
    "a sum that is wrong": ({"SL_MOI": "151"}, "SL_MOI says 151 and the indices make 150"),
    "much more": ({"CS_MOI": "1300"}, "300 kWh, +107 % a day: read it again"),
    "much less": ({"CS_MOI": "1060"}, "60 kWh, -59 % a day: read it again"),
    "read again otherwise": ({"CS_MOI": "1300", "CS_DOC_LAI": "1301"}, "read it a third time"),
    "out of nothing": ({"CS_MOI": "1200", "SL_CU": "0"}, "after a month of nothing: read it again"),
    "no number": ({"CS_MOI": "1l50"}, "CS_MOI “1l50” is no number"),
    "no previous index": ({"CS_CU": ""}, "no previous index (CS_CU) is known"),
    "a day that cannot be": ({"NGAY_MOI": "31/11/2026"}, "is no day like"),
    "a day of no meter": ({"NGAY_CU": "0001-01-01"}, "is no day like"),
    "days backwards": ({"NGAY_MOI": "01/09/2026"}, "NGAY_MOI is not after NGAY_CU"),
    "no meter": ({"SERY_CTO": ""}, "does not name its meter"),
    "no such register": ({"LOAI_BCS": "ZZ"}, "is no register that is read"),
    "a multiplier of nothing": ({"HSN": "0"}, "HSN is 0"),
    "half a digit": ({"SO_CHU_SO": "5.5"}, "SO_CHU_SO is 5.5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_line_against_the_rules_is_refused_with_what_to_do(case: str) -> None:
    change, sentence = REFUSED[case]
    assert sentence in why(**change)


def test_reading_again_is_for_what_differs_by_more_than_thirty_percent() -> None:
    """Per day; not where both months are small; in April to July against last year; read twice, it holds."""
    assert one(CS_MOI="1188", SL_CU="140").told["change_percent"] == pytest.approx(30, abs=0.1)
    assert "read it again" in why(CS_MOI="1189", SL_CU="140")
    assert one(CS_MOI="1300", CS_DOC_LAI="1300").quantity == 300
    assert one(CS_MOI="1029", SL_CU="10").quantity == 29
    assert one(CS_MOI="1099", SL_CU="0").quantity == 99
    assert one(CS_MOI="1300", SL_CU="").quantity == 300  # nothing to compare with
    june = {"NGAY_CU": "01/06/2026", "NGAY_MOI": "01/07/2026", "CS_MOI": "1300"}
    assert one(**june, SL_CUNG_KY="290").quantity == 300
    assert "read it again" in why(**june)
    assert one(CS_MOI="2300", SL_CU="410", CS_DOC_LAI="2300").told["customer_signs"]
    assert not one(CS_MOI="2300", SL_CU="390", CS_DOC_LAI="2300").told["customer_signs"]


def test_a_register_twice_is_refused_and_the_first_kept() -> None:
    found = read({"MA_GC": "1"}, {"MA_GC": "1", "CS_MOI": "1160"}, {"MA_GC": "2", "CS_MOI": "1160"})
    assert [(r.line, "stands already in line 2" in r.why) for r in found.rejected] == [(3, True)]
    assert [pair.current for pair in found.indices] == [1150, 1160]


def test_json_and_workbooks_say_the_same(tmp_path: Path) -> None:
    lines = [LINE, {**LINE, "SERY_CTO": "M2", "CS_CU": "1000.5", "CS_MOI": "1160.5"}]
    write_xlsx(tmp_path / "r.xlsx", "r", COLUMNS, [[line.get(n, "") for n in COLUMNS] for line in lines])
    numbers = [{**line, "CS_CU": float(line["CS_CU"]), "CS_MOI": float(line["CS_MOI"])} for line in lines]
    for raw, workbook in (
        (json.dumps(lines).encode(), False),
        (json.dumps({"rows": numbers}).encode(), False),
        ((tmp_path / "r.xlsx").read_bytes(), True),
    ):
        found = handheld.read(raw, ZONE, workbook=workbook)
        assert [(pair.meter, pair.quantity) for pair in found.indices] == [("M1", 150), ("M2", 160)]


@pytest.mark.parametrize(
    ("raw", "line", "why"),
    [
        (b"SERY_CTO,LOAI_BCS\nM1,KT\n", 1, "the column NGAY_CU is missing"),
        (b"SERY_CTO,SERY_CTO\nM1,KT\n", 1, "the column SERY_CTO stands there twice"),
        (",".join(COLUMNS).encode(), 0, "the device brought nothing back"),
        (b"[\n{,}]", 2, "no whole JSON"),
        (b'{"rows": 3}', 1, "no list of readings"),
        (b"[" * 100_000, 1, "nested too deeply|no whole JSON"),
        (b"[1]", 1, "no list of readings"),
        (b'[{"SERY_CTO": "M1"}, {"SERY_CTO": "M\\u0000"}]', 2, "zero byte or half a letter"),
        (b'[{"ANH": "\\ud800"}]', 1, "zero byte or half a letter"),
    ],
)
def test_what_is_no_route_is_refused(raw: bytes, line: int, why: str) -> None:
    with pytest.raises(Unusable, match=why) as refused:
        handheld.read(raw, ZONE)
    assert refused.value.line == line


def test_the_bill_at_the_door_is_the_engines() -> None:
    bills = door_bill.of_points(read({}).indices)
    assert bills["KH1001"] == {
        "provisional": True, "kwh": 150, "subtotal": 320_700, "vat_percent": "8", "vat": 25_656,
        "total": 346_356,
    }  # fmt: skip
    shop = {"CHUOI_GIA": "vn-business", "MA_DDO": "KH2001", "SL_CU": "", "CAP_DIEN_AP": "0.4"}
    found = read(*({**shop, "LOAI_BCS": code} for code in ("BT", "CD", "TD")), {**shop, "LOAI_BCS": "VC"})
    assert door_bill.of_points(found.indices)["KH2001"]["kwh"] == 450
    [tenants] = door_bill.of_points(read({"CACH_TINH": "chưa khai báo"}).indices).values()
    assert tenants["subtotal"] == 150 * 2380, "all at the price of the tier 101-200"
    refused = {"CHUOI_GIA": "vn-business", "SL_CU": "", "CACH_TINH": "từ chối ba giá"}
    [dear] = door_bill.of_points(read(refused).indices).values()
    [plain] = door_bill.of_points(read({**refused, "CACH_TINH": ""}).indices).values()
    assert dear["subtotal"] > plain["subtotal"], "at the peak price"
    for change, reason in (
        ({"CHUOI_GIA": "vn-moon"}, "vn-moon"),
        ({"CHUOI_GIA": ""}, "does not name the plan"),
    ):
        [bill] = door_bill.of_points(read(change).indices).values()
        assert reason in bill["why"]
    assert Decimal(bills["KH1001"]["total"]) == Decimal(320_700) * Decimal("1.08")
