"""The file of meters as the meter room gets it: a sheet to fill in, and a sheet that says what goes where."""

from __future__ import annotations

from pathlib import Path

from operations import template_book
from operations.meter_file import COLUMNS
from operations.template_book import Template
from protocols import meter_models

_MEANING = {
    "serial": "Số ghi trên mặt công tơ",
    "model": "Kiểu công tơ, lấy trong danh sách bên dưới (`ami meter models`)",
    "since": "Ngày giờ treo, dd/mm/yyyy hh:mm; không ghi giờ là 00:00",
    "customer": "Mã khách hàng đã có trong hệ thống; khách hàng có nhiều điểm đo thì ghi mã điểm đo",
    "point": "Mã điểm đo đã có; để trống là điểm đo 001 của khách hàng. Phải có một trong hai mã",
    "multiplier": "Hệ số nhân CT × VT; để trống: như hồ sơ điểm đo",
    "digits": "Số chữ số phần nguyên của bộ số; để trống: theo kiểu công tơ",
    "modem": "Mã modem đã có, khi nhiều công tơ chung một đường; để trống: modem mới",
    "host": "Địa chỉ IP hoặc tên của modem mà hệ thống gọi đến",
    "port": "Cổng của modem ấy; để trống là 4059 (DLMS) hoặc 502 (Modbus)",
    "registration": "Tên mà modem tự gọi về khai báo (thay cho địa chỉ IP)",
    "dialect": "Cách modem ấy khai báo, như text-once; để trống là transparent",
    "device": "Cổng nối tiếp của máy chủ, như /dev/ttyUSB0 hoặc /dev/ttyUSB0 300 7E1",
    "dials": "Số điện thoại của modem phía công tơ (gọi CSD)",
    "address": "Địa chỉ công tơ trên đường: thiết bị logic DLMS hoặc địa chỉ Modbus; để trống là 1",
    "password": "Mật khẩu đọc công tơ; nhập xong hãy xóa tệp",
    "KT": "Chỉ số tổng lúc treo, kWh, theo biên bản treo tháo",
    "BT": "Chỉ số giờ bình thường lúc treo, kWh (công tơ ba giá)",
    "CD": "Chỉ số giờ cao điểm lúc treo, kWh (công tơ ba giá)",
    "TD": "Chỉ số giờ thấp điểm lúc treo, kWh (công tơ ba giá)",
}


def write(path: Path) -> None:
    """Write the empty file with one example line; the ending `.csv` makes CSV, any other XLSX."""
    models = [meter_models.load(name) for name in meter_models.names()]
    named = [(model.name, f"{model.title}; {model.maker}") for model in models]
    template = Template("Công tơ", COLUMNS, _MEANING, {}, ("Kiểu công tơ", "Là công tơ nào"), named)
    template_book.write(path, template, [column.example for column in COLUMNS])
