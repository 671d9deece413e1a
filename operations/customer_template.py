"""The customer file as the office gets it: a sheet to fill in, and a sheet that says what goes where."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from analytics.tariffs import PLANS
from operations import bill_words, template_book
from operations.customer_columns import COLUMNS, Column
from operations.template_book import Template

_MEANING = {
    "customer": "Mã của khách hàng; một khách hàng có nhiều điểm đo thì mỗi điểm đo một dòng",
    "name": "Họ tên hoặc tên đơn vị, in trên hóa đơn",
    "address": "Địa chỉ, in trên hóa đơn",
    "phone": "Số điện thoại",
    "email": "Thư điện tử",
    "tax_code": "Mã số thuế (10 số, chi nhánh thêm 3 số) hoặc số định danh cá nhân (12 số), in trên hóa đơn",
    "book": "Sổ ghi chỉ số của khách hàng",
    "reading_day": "Ngày chốt chỉ số trong tháng, từ 1 đến 28; để trống là ngày 1",
    "station": "Mã trạm biến áp cấp điện",
    "station_name": "Tên trạm, chỉ cần ghi ở một dòng",
    "point": "Mã điểm đo; để trống là mã khách hàng thêm 001",
    "plan": "Biểu giá, chọn trong danh sách; để trống là vn-household (sinh hoạt)",
    "households": "Số hộ dùng chung công tơ; để trống là 1",
    "tenants": "Số người thuê nhà (4 người tính 1 hộ, thay cho số hộ); “chưa khai báo”: thuê dưới 12 tháng, "
    "chưa kê khai; để trống nếu không cho thuê",
    "multiplier": "Hệ số nhân CT × VT; công tơ trực tiếp là 1",
    "voltage_kv": "Cấp điện áp; để trống là 0,4",
    "one_rate": "có: một giá; không: ba giá theo giờ; để trống là có",
    "three_rate_refused": "có: đã hai lần thông báo mà không lắp công tơ ba giá (tính giá cao điểm); "
    "để trống là không",
    "contract_kw": "Công suất trong hợp đồng; từ 40 kW phải mua công suất phản kháng",
    "transformer_kva": "Dung lượng máy biến áp riêng của khách hàng; để trống nếu không có",
    "buys_reactive": "có hoặc không mua công suất phản kháng; để trống: theo công suất hợp đồng và máy "
    "biến áp riêng",
    "since": "Ngày bắt đầu tính tiền theo dòng này, dd/mm/yyyy",
}
_YES_OR_NO = ("one_rate", "three_rate_refused", "buys_reactive")


def write(path: Path, since: date | None = None) -> None:
    """Write the empty customer file with one example line, whose supply begins on the day `since`.

    The ending `.csv` makes CSV, any other XLSX.
    """
    choices = {"plan": list(PLANS), **{key: ["có", "không"] for key in _YES_OR_NO}}
    plans = [(plan, bill_words.plan(plan, "vi")) for plan in PLANS]
    template = Template("Khách hàng", COLUMNS, _MEANING, choices, ("Biểu giá", "Mục đích sử dụng"), plans)
    template_book.write(path, template, [_example(column, since) for column in COLUMNS])


def _example(column: Column, since: date | None) -> str:
    return f"{since:%d/%m/%Y}" if column.key == "since" and since is not None else column.example
