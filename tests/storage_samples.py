"""A small grid and what its meters say, for tests of the store."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from model.bill import Bill, BillLine, RegisterUse
from model.grid import (
    Customer,
    Feeder,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
    Transformer,
)
from model.period import HALF_HOUR, Period, midnight
from model.readout import Answer, ProfileBlock, Readout, RegisterRead
from model.series import Channel, ProfileKind, Rate, Unit
from model.supplier import Supplier

AUGUST = Period.of_month(2026, 8)
HUNG = midnight(date(2026, 8, 1))
DAY = date(2026, 9, 10)
NOW = midnight(DAY) + timedelta(days=3)
SUPPLIER = Supplier("HTX điện Bình Minh", "1900 1234", "Thôn Đông, xã Bình Minh", "0100100079")

TRANSFORMERS = (
    Transformer(HUNG.date() - timedelta(300), Decimal(30)),
    Transformer(HUNG.date(), Decimal("50"), Decimal(100), Decimal("800.5"), Decimal("4.5"), True),
)


def grid(meters: int = 3) -> Register:
    """One station with a head meter M000 and customers C001 … with a meter each, on two modems."""
    codes = [f"{i:03}" for i in range(1, meters + 1)]
    names = ["Nguyễn Thị Hồng", "Trần Đức Ổn", "Lê Văn Ánh"]
    return Register(
        stations=(Station("T1", "Trạm Đông Phú 1", TRANSFORMERS),),
        feeders=(Feeder("T1-1", "Lộ 1", "T1"),),
        books=(ReadingBook("S1", "Sổ 1"),),
        customers=tuple(
            Customer(f"C{code}", names[i % 3], f"Thôn {i + 1}, Điện Bàn", "S1")
            for i, code in enumerate(codes)
        ),
        modems=(
            Modem("D1", ModemLink.DIAL_OUT, host="127.0.0.1", port=20001),
            Modem("D2", ModemLink.DIAL_IN, "reg-ascii", registration="IMEI-2"),
        ),
        meters=(
            Meter("M000", "dk-3p", "D1", 1, password="12345678"),
            *(Meter(f"M{code}", "dk-1p", "D1" if i % 2 else "D2", i + 2, 6) for i, code in enumerate(codes)),
        ),
        points=(
            Point("P000", Role.STATION_HEAD, "T1", multipliers=(Multiplier(HUNG, Decimal(40)),)),
            *(
                Point(
                    f"P{code}",
                    Role.CUSTOMER,
                    "T1",
                    "T1-1",
                    f"C{code}",
                    (Multiplier(HUNG, Decimal(1)),),
                    (Supply(HUNG.date(), "vn-household", Decimal(1)),),
                )
                for code in codes
            ),
        ),
        installations=(
            Installation("P000", "M000", HUNG, first_index={"KT": 0}),
            *(Installation(f"P{code}", f"M{code}", HUNG, first_index={"KT": 0}) for code in codes),
        ),
    )


def profile(
    start: datetime,
    raw: Sequence[int],
    *,
    kind: ProfileKind = ProfileKind.INTERVAL_ENERGY,
    without: Sequence[int] = (),
    scaler: int = 0,
) -> ProfileBlock:
    """Half-hours from `start`, without those of the numbers in `without`."""
    kept = [i for i in range(len(raw)) if i not in without]
    return ProfileBlock(
        Channel.ACTIVE_IMPORT,
        kind,
        "1.0.1.29.0.255",
        HALF_HOUR,
        tuple(start + i * HALF_HOUR for i in kept),
        tuple(raw[i] for i in kept),
        (0,) * len(kept),
        scaler,
        Unit.WATT_HOUR,
    )


def answer(block: ProfileBlock, *, complete: bool = True) -> Answer:
    """The answer of a profile asked for over the time of the block."""
    asked = Period(block.stamps[0], block.stamps[-1] + block.interval)
    return Answer("profile:active_import", repr(block).encode(), asked, complete, (block,))


def total(at: datetime, raw: int, *, scaler: int = 0) -> Answer:
    read = RegisterRead(Channel.ACTIVE_IMPORT, Rate.TOTAL, at, raw, scaler, Unit.WATT_HOUR)
    return Answer("registers", f"{at.isoformat()} {raw}".encode(), registers=(read,))


def readout(
    serial: str, *answers: Answer, outcome: str = "ok", at: datetime = NOW, poll: str = ""
) -> Readout:
    return Readout(serial, poll or str(uuid.uuid4()), at, at + timedelta(seconds=2), outcome, answers=answers)


def bill_of_august(kwh: int = 102, total: int = 220_000) -> Bill:
    """The bill of C001 at P001."""
    use = RegisterUse(
        "M001", Rate.TOTAL, Decimal("0.000"), Decimal("102.4"), Decimal(1), Decimal(102400), kwh
    )
    return Bill(
        point="P001",
        customer="C001",
        period=AUGUST,
        invoice_date=date(2026, 9, 2),
        plan="vn-household",
        decisions=("QĐ 1279/QĐ-BCT",),
        uses=(use,),
        lines=(BillLine("bậc 1", 50, 1984, 99_200), BillLine("bậc 2", 52, 2050, 106_600)),
        kwh=kwh,
        wh=Decimal(102400),
        subtotal=total - 16_000,
        vat_percent=Decimal(8),
        vat=16_000,
        total=total,
    )
