"""A village in the store, written through the store's own functions: what the pages of the tests show."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import psycopg

from analytics.billing import RegisterPart, Request, rate
from model.alert import Alert, AlertKind
from model.bill import Bill, Hold
from model.day import Finding
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
)
from model.period import LOCAL, Period, add_months, local_day, midnight
from model.quality import Quality, Severity
from model.readout import Answer, InstantRead, MeterEvent, Readout, RegisterRead
from model.series import Channel, Rate, Unit
from model.viewer import UserRole
from model.warning import UseWarning, WarningKind
from operations import accounts
from storage import alerts, bill_holds, bills, days, evidence, fleet, grid, inspections, use_warnings
from storage.pool import open_pool

NOW = datetime(2026, 10, 14, 10, 12, tzinfo=LOCAL)
PASSWORD = "mot-mat-khau-dai"
NAMES = (
    "Nguyễn Văn Hòa",
    "Trần Thị Mai",
    "Lê Quang Dũng",
    "Phạm Thị Hồng",
    "Hoàng Văn Thắng",
    "Vũ Thị Lan",
    "Đặng Minh Tuấn",
    "Bùi Thị Thu",
    "Đỗ Xuân Trường",
    "Ngô Thị Hạnh",
    "Dương Văn Khoa",
    "Lý Thị Nga",
    "Phan Đình Phúc",
    "Trịnh Thị Sen",
    "Đinh Công Sơn",
    "Mai Thị Yến",
)
HAMLETS = ("Thôn Đông", "Thôn Đoài", "Thôn Thượng", "Xóm Bến")
TWO_SHARE = 3  # the customer whose meter two households share
WORKSHOP = 5  # the customer on three rates
ESTIMATED, GAPPED, SILENT, NEW = 1, 2, 7, 15


@dataclass(frozen=True, slots=True)
class Village:
    """Logins by role, all with `PASSWORD`, and what they should and should not see."""

    engineer: str
    billing: str
    customer: str
    own_serial: str
    foreign_serial: str
    own_bill: int
    foreign_bill: int
    inspection: int


def serial(number: int) -> str:
    return f"26{100_000 + 37 * number}"


def register() -> Register:
    """Two stations with a head meter each, and sixteen customers behind eight modems."""
    since, count = midnight(date(2026, 7, 1)), len(NAMES)
    heads = [
        Point(f"DN{n}", Role.STATION_HEAD, f"T{n}", multipliers=(Multiplier(since, Decimal(40)),))
        for n in (1, 2)
    ]
    points = [
        Point(
            f"PD{n:03d}",
            Role.CUSTOMER,
            f"T{n % 2 + 1}",
            f"L{n % 2 + 1}",
            f"KH{n:04d}",
            (Multiplier(since),),
            (_supply(n, since.date()),),
        )
        for n in range(count)
    ]
    return Register(
        stations=(Station("T1", "TBA Tân Lập 1"), Station("T2", "TBA Tân Lập 2")),
        feeders=(Feeder("L1", "Lộ 1", "T1"), Feeder("L2", "Lộ 2", "T2")),
        books=(ReadingBook("S1", "Sổ Tân Lập"),),
        customers=tuple(
            Customer(f"KH{n:04d}", name, f"{HAMLETS[n % 4]}, xã Tân Lập", "S1")
            for n, name in enumerate(NAMES)
        ),
        modems=tuple(Modem(f"MD{n:02d}", ModemLink.DIAL_OUT, host="127.0.0.1", port=4059) for n in range(10)),
        meters=(
            *(
                Meter(serial(n), "dk-3p" if n in (4, WORKSHOP) else "dk-1p", f"MD{n // 2:02d}")
                for n in range(count)
            ),
            *(Meter(f"DN26000{n}", "dk-3p", f"MD{n + 7:02d}") for n in (1, 2)),
        ),
        points=(*points, *heads),
        installations=(
            *(Installation(f"PD{n:03d}", serial(n), since, None, {"KT": 0}) for n in range(count)),
            *(Installation(f"DN{n}", f"DN26000{n}", since, None, {"KT": 0}) for n in (1, 2)),
        ),
    )


def _supply(number: int, since: date) -> Supply:
    if number == WORKSHOP:
        return Supply(since, "vn-production", one_rate=False)
    return Supply(since, "vn-household", Decimal(2 if number == TWO_SHARE else 1))


def plant(dsn: str) -> Village:
    """Everything; the store at `dsn` is migrated and empty."""
    pool = open_pool(dsn, 2)
    try:
        with pool.connection() as conn:
            grid.save_register(conn, register(), lambda secret: secret)
            ids = fleet.meter_ids(conn)
            days.save_days(conn, _days(ids), NOW)
            days.save_findings(
                conn,
                [
                    (
                        ids[serial(GAPPED)],
                        Finding("gap", serial(GAPPED), date(2026, 10, 11), Severity.BLUE, {"slots": 14}),
                    )
                ],
            )
            alerts.raise_alerts(conn, list(_alerts(ids)), NOW)
            for number in range(len(NAMES)):
                if number not in (WORKSHOP, NEW):
                    bills.save(conn, _bill(number), NOW - timedelta(days=13))
            inspection = inspections.open_one(conn, _found(ids), local_day(NOW) - timedelta(1), NOW)
            bill_holds.save(conn, [_hold()], NOW - timedelta(days=13))
            use_warnings.tell(conn, list(_told(ids)), NOW - timedelta(hours=3))
            issued = {row.customer: row.id for row in bills.bills(conn, _staff())}
        for login, role, code in (
            ("ky.thuat", UserRole.ENGINEER, ""),
            ("kinh.doanh", UserRole.BILLING, ""),
            ("khach", UserRole.CUSTOMER, "KH0001"),
        ):
            accounts.add_user(pool, login, role, PASSWORD, customer=code, now=NOW)
    finally:
        pool.close()
    return Village(
        "ky.thuat",
        "kinh.doanh",
        "khach",
        serial(1),
        serial(4),
        issued["KH0001"],
        issued["KH0004"],
        inspection or 0,
    )


def _found(ids: dict[str, int]) -> inspections.Found:
    """What a night found of a meter: half its evenings, three weeks long."""
    first, since = date(2026, 7, 16), date(2026, 9, 20)
    days, start = 90, (since - first).days
    evening = [40.0 + 3 * slot for slot in range(48)]
    told = {"before": 8.1, "after": 3.6, "percent": 55, "days_before": 60, "days": 24}
    clue = {"kind": "fall", "first": "2026-09-20", "last": "2026-10-13", "figures": told}
    evidence = {
        "curve": {"slots": 48, "usual": evening, "accused": [wh / 2 for wh in evening]},
        "days": {
            "first": first.isoformat(),
            "since": since.isoformat(),
            "kwh": [None if n == 10 else 8.1 if n < start else 3.6 for n in range(days)],
            "logit": [None] * days,
            "peers": [100.0] * days,
        },
        "balance": None,
        "events": [{"day": "2026-09-20", "code": "cover_open"}],
        "stake": {"kwh_a_day": 4.5, "days": 24, "dong_a_kwh": 2998, "by": "next_kwh", "dong": 323_000},
    }
    return inspections.Found(
        ids[serial(4)], Severity.RED, 5.0, since, [clue], 4.5, 323_000, None, evidence, None
    )


def _staff():  # type: ignore[no-untyped-def]
    from model.viewer import Viewer

    return Viewer("seed", UserRole.ENGINEER)


def _days(ids: dict[str, int]) -> days.DayRows:
    """Every half-hour from 1 August until now: evening peaks, a fridge, and what went wrong."""
    first, today = date(2026, 8, 1), local_day(NOW)
    count = (today - first).days + 1
    hour = np.arange(48) / 2
    shape = 40 + 90 * np.exp(-(((hour - 6.5) / 1.2) ** 2)) + 70 * np.exp(-(((hour - 12) / 1.5) ** 2))
    shape += 320 * np.exp(-(((hour - 19.5) / 1.8) ** 2))
    meters, at, energy, quality = [], [], [], []
    sums = {1: np.zeros((count, 48)), 2: np.zeros((count, 48))}
    over = int((NOW - midnight(today)).total_seconds() // 1800)
    for number in range(len(NAMES)):
        chance = np.random.default_rng(number)
        size = 12.0 if number == WORKSHOP else chance.uniform(0.5, 1.6)
        wh = chance.gamma(5, shape * size / 5, (count, 48)).round().astype(np.int32)
        good = np.full((count, 48), Quality.ACTUAL, np.uint8)
        if number == GAPPED:
            good[-4, 20:34] = Quality.MISSING
            good[-6] = Quality.MISSING
        if number == ESTIMATED:
            good[-3, 14:18], good[-5, 28:48] = Quality.LINEAR, Quality.LIKE_DAY
        good[-1, over:] = Quality.MISSING
        if number == SILENT:
            good[-4:] = Quality.MISSING
        wh[good == Quality.MISSING] = 0
        sums[number % 2 + 1] += wh
        _append(meters, at, energy, quality, ids[serial(number)], first, wh, good)
    for station, wh in sums.items():
        good = np.full((count, 48), Quality.ACTUAL, np.uint8)
        good[-1, over:] = Quality.MISSING
        _append(
            meters, at, energy, quality, ids[f"DN26000{station}"], first, (wh * 1.06).astype(np.int32), good
        )
    n = len(meters)
    return days.DayRows(
        np.array(meters, np.int32),
        np.full(n, Channel.ACTIVE_IMPORT, np.int16),
        np.array(at, "datetime64[D]"),
        np.array(energy, np.int32),
        np.array(quality, np.uint8),
    )


def _append(meters, at, energy, quality, meter_id, first, wh, good):  # type: ignore[no-untyped-def]
    for number in range(len(wh)):
        meters.append(meter_id)
        at.append(first + timedelta(days=number))
        energy.append(wh[number])
        quality.append(good[number])


def _alerts(ids: dict[str, int]) -> Iterator[tuple[int, Alert]]:
    planted = (
        (
            4,
            AlertKind.PHASE_BYPASS,
            Severity.RED,
            33,
            {
                "phase": "B",
                "voltage_v": 229.4,
                "current_a": 0.02,
                "other_a": 6.2,
                "fall_percent": 34.2,
                "kwh_per_day": 14.6,
                "before_kwh_per_day": 22.2,
                "from_day": (NOW - timedelta(days=33)).date().isoformat(),
                "to_day": (NOW - timedelta(days=1)).date().isoformat(),
                "before_from": (NOW - timedelta(days=70)).date().isoformat(),
                "before_to": (NOW - timedelta(days=34)).date().isoformat(),
            },
        ),
        (6, AlertKind.STUCK_METER, Severity.AMBER, 8, {"days": 8, "current_a": 3.2}),
        (SILENT, AlertKind.MODEM_SILENT, Severity.AMBER, 3, {"modem": "MD03", "hours": 74}),
        (9, AlertKind.VACANCY, Severity.BLUE, 12, {"days": 12, "wh_per_day": 210}),
        (11, AlertKind.CLOCK_DRIFT, Severity.BLUE, 2, {"offset_s": 300}),
    )
    for number, kind, severity, ago, figures in planted:
        yield (
            ids[serial(number)],
            Alert(kind, serial(number), severity, NOW - timedelta(days=ago), dict(figures)),
        )


def _told(ids: dict[str, int]) -> Iterator[use_warnings.Told]:
    """Of a night, and of a week in which everybody used more: to the village's customer, and to another."""
    night, monday = date(2026, 10, 12), date(2026, 10, 5)
    figures = {"kwh": 5.2, "usual_kwh": 0.85, "times": 6.1, "nights": 49, "homes": 7, "around_percent": 2}
    rise = {"kwh": 71.4, "usual_kwh": 46.2, "homes": 7, "around_percent": 41, "span": "week"}
    for number in (1, 4):
        for said in (
            UseWarning(WarningKind.NIGHT_USE, night, night, night, dict(figures)),
            UseWarning(WarningKind.WITH_EVERYBODY, monday, monday, monday + timedelta(days=6), dict(rise)),
        ):
            yield use_warnings.Told(f"PD{number:03d}", f"KH{number:04d}", ids[serial(number)], said)


def _bill(number: int) -> Bill:
    month = add_months(local_day(NOW), -1)
    index = Decimal(1200 + 311 * number)
    part = RegisterPart("KT", index, index + 90 + 23 * number, serial=serial(number))
    supply = _supply(number, month)
    request = Request(
        supply.plan,
        month,
        add_months(month, 1),
        add_months(month, 1),
        registers=(part,),
        households=supply.households,
    )
    rated = rate(request)
    return Bill(
        f"PD{number:03d}",
        f"KH{number:04d}",
        Period.of_month(month.year, month.month),
        request.invoice_date,
        supply.plan,
        rated.decisions,
        rated.uses,
        tuple(rated.lines),
        rated.kwh,
        rated.wh,
        rated.subtotal,
        rated.vat_percent,
        rated.vat,
        rated.total,
    )


def _hold() -> Hold:
    reason = (
        f"Meter {serial(NEW)} has no index at the beginning of the period: read it, or enter one by hand."
    )
    return Hold(
        f"PD{NEW:03d}", f"KH{NEW:04d}", serial(NEW), Period.of_month(2026, 9), "no_opening_index", reason
    )


async def read_meters(dsn: str) -> None:
    """The last conversations with every meter: registers, volts and amperes, an event, and one
    modem that is silent.
    """
    async with await psycopg.AsyncConnection.connect(dsn) as conn:
        cursor = await conn.execute("SELECT serial, id, modem FROM meter ORDER BY id")
        rows = [
            (meter, modem, NOW - timedelta(minutes=2), _readout(number, name))
            for number, (name, meter, modem) in enumerate(await cursor.fetchall())
            if number != SILENT and modem != "MD03"
        ]
        await evidence.store(conn, rows)


def _readout(number: int, name: str) -> Readout:
    at, three = NOW - timedelta(minutes=3), number in (4, WORKSHOP) or name.startswith("DN")
    volts = (229.6, 230.4, 228.8) if three else (231.2, None, None)
    amperes = (4.21, 0.02 if number == 4 else 3.9, 5.02) if three else (3.14, None, None)
    instant = InstantRead(at, volts, amperes, 2950.0 if three else 702.0, 310.0, 0.96, 50.02)
    rates = (Rate.TOTAL, Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK) if number == WORKSHOP else (Rate.TOTAL,)
    registers = tuple(
        RegisterRead(
            Channel.ACTIVE_IMPORT, rate_, at, 1_300_000 // (1 + rate_) + 311_000 * number, 0, Unit.WATT_HOUR
        )
        for rate_ in rates
    )
    events = (MeterEvent(at - timedelta(days=3), "power_off", "12 phút"),) if number % 5 == 1 else ()
    answer = Answer("registers", b"\x01\x02", registers=registers, instants=(instant,), events=events)
    return Readout(
        name,
        str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        at,
        at + timedelta(seconds=4),
        "ok",
        "",
        1.4,
        (answer,),
    )
