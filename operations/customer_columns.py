"""The columns of the customer file: Vietnamese headings, the trade's names, what a cell must hold."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """`key` is ours, `heading` the template's; `aliases` do too, whatever their accents and capitals."""

    key: str
    heading: str
    example: str
    required: bool
    hint: str
    aliases: tuple[str, ...] = ()


COLUMNS = (
    Column(
        "customer", "Mã khách hàng", "HTX01000001", True, "the customer's code", ("MA_KHANG", "customer code")
    ),
    Column(
        "name",
        "Tên khách hàng",
        "Nguyễn Thị Hoa",
        True,
        "the customer's name",
        ("TEN_KHANG", "customer name", "họ tên"),
    ),
    Column("address", "Địa chỉ", "Thôn Đông, xã Bình Minh", False, "the address", ("DIA_CHI", "address")),
    Column(
        "phone",
        "Điện thoại",
        "0912345678",
        False,
        "a telephone number such as 0912345678",
        ("DTHOAI_SMS", "phone", "số điện thoại"),
    ),
    Column("email", "Email", "", False, "an e-mail address", ("e-mail", "thư điện tử")),
    Column(
        "tax_code",
        "Mã số thuế",
        "",
        False,
        "a tax code of 10 digits such as 0100100079, a branch's with -001, or a person's 12 digits",
        ("MA_SO_THUE", "MST", "tax code"),
    ),
    Column(
        "book",
        "Mã sổ ghi chỉ số",
        "S01",
        True,
        "the reading book's code",
        ("MA_QUYEN", "book", "mã sổ", "mã quyển"),
    ),
    Column("reading_day", "Ngày ghi", "1", False, "a day of the month, 1 to 28", ("reading day",)),
    Column("station", "Mã trạm", "T01", True, "the transformer station's code", ("MA_TRAM", "station")),
    Column(
        "station_name",
        "Tên trạm",
        "Trạm Bình Minh 1",
        False,
        "the station's name",
        ("TEN_TRAM", "station name"),
    ),
    Column("point", "Mã điểm đo", "", False, "the measurement point's code", ("MA_DDO", "point")),
    Column(
        "plan",
        "Biểu giá",
        "vn-household",
        False,
        "a tariff plan such as vn-household",
        ("CHUOI_GIA", "plan", "giá"),
    ),
    Column(
        "households", "Số hộ", "1", False, "a number of households such as 1 or 1,25", ("SO_HO", "households")
    ),
    Column(
        "tenants",
        "Số người thuê",
        "",
        False,
        "a number of people such as 5, or “chưa khai báo”",
        ("SO_NGUOI_THUE", "tenants", "người thuê nhà"),
    ),
    Column("multiplier", "Hệ số nhân", "1", False, "CT × VT, such as 1 or 40", ("HSN", "multiplier")),
    Column(
        "voltage_kv",
        "Cấp điện áp (kV)",
        "0,4",
        False,
        "a voltage in kV such as 0,4",
        ("voltage", "cấp điện áp"),
    ),
    Column("one_rate", "Một giá", "có", False, "có or không", ("one rate", "một biểu")),
    Column(
        "three_rate_refused",
        "Từ chối ba giá",
        "",
        False,
        "có or không",
        ("three rate refused", "từ chối công tơ ba giá"),
    ),
    Column(
        "contract_kw",
        "Công suất hợp đồng (kW)",
        "",
        False,
        "a power in kW such as 45",
        ("contract kw", "contract power", "công suất hợp đồng"),
    ),
    Column(
        "transformer_kva",
        "MBA riêng (kVA)",
        "",
        False,
        "the customer's own transformer in kVA such as 100",
        ("transformer kva", "own transformer", "máy biến áp riêng"),
    ),
    Column(
        "buys_reactive",
        "Mua CSPK",
        "",
        False,
        "có, không, or nothing",
        ("buys reactive", "reactive", "mua công suất phản kháng"),
    ),
    Column(
        "since",
        "Từ ngày",
        "01/09/2026",
        True,
        "a day such as 01/09/2026",
        ("since", "ngày bắt đầu", "ngày hiệu lực"),
    ),
)


def plain(text: str) -> str:
    """Lower case, without accents, blanks and punctuation: how headings are compared."""
    flat = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in flat if letter.isalnum())
