"""Names and addresses of an invented cooperative in the Red River delta. Nobody meant."""

from __future__ import annotations

import random
from typing import Final

_FAMILY: Final = (
    ("Nguyễn", 38), ("Trần", 11), ("Lê", 10), ("Phạm", 7), ("Hoàng", 5), ("Vũ", 5), ("Phan", 4), ("Đặng", 3),
    ("Bùi", 3), ("Đỗ", 3), ("Ngô", 2), ("Dương", 2), ("Đinh", 2), ("Đoàn", 1), ("Lương", 1), ("Tạ", 1),
)  # fmt: skip
_MEN: Final = (
    "Văn Hùng", "Văn Tuấn", "Đức Thắng", "Quang Vinh", "Hữu Phước", "Minh Đức", "Xuân Trường", "Văn Sơn",
    "Đình Khánh", "Trọng Nghĩa", "Bá Lộc", "Tiến Dũng", "Công Thành", "Mạnh Cường", "Văn Ước", "Ngọc Ánh",
)  # fmt: skip
_WOMEN: Final = (
    "Thị Hương", "Thị Lan", "Thị Mai", "Thị Hoa", "Thị Thuỷ", "Thị Nhàn", "Thị Yến", "Thị Huệ", "Ngọc Bích",
    "Thu Hằng", "Thị Loan", "Thị Ngân", "Kim Oanh", "Thị Tuyết", "Thị Đào", "Thuý Ái",
)  # fmt: skip
_HAMLETS: Final = (("Đông", "Trung", "Bãi Trên"), ("Đoài", "Thượng", "Chùa"))
_LANES: Final = ("ngõ Đình", "ngõ Giếng", "đường Bờ Sông", "ngõ Chợ", "đường Trục Xã", "ngõ Ao Sen")

COMMUNE: Final = "xã Bình Minh, huyện Kiến Xương, Thái Bình"
STATIONS: Final = (("TBA-01", "TBA Bình Minh 1 — 250 kVA"), ("TBA-02", "TBA Bình Minh 2 — 180 kVA"))


def name(chance: random.Random) -> str:
    """A person's full name."""
    family = chance.choices([word for word, _ in _FAMILY], [weight for _, weight in _FAMILY])[0]
    return f"{family} {chance.choice(_MEN + _WOMEN)}"


def address(chance: random.Random, station: int) -> str:
    """House, lane, hamlet of the station, commune."""
    hamlet = chance.choice(_HAMLETS[station])
    return f"Số {chance.randint(1, 120)} {chance.choice(_LANES)}, thôn {hamlet}, {COMMUNE}"


def phone(chance: random.Random) -> str:
    """A number of a range nobody has been given (000 after the prefix)."""
    return f"09000{chance.randint(0, 99999):05d}"
