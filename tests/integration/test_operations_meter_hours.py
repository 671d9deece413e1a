"""The hours of the three rates are dated per meter: which may be registered, and what validation goes by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from model.bill import ClosingIndex
from model.grid import Customer, Point, ReadingBook, Register, Role, Station, Supply
from model.period import LOCAL, Period, midnight
from model.series import Channel, Rate
from operations import importing, models, wording
from operations.errors import PointRefused
from operations.meter_hours import hours_of
from operations.pairing import Held, pair
from storage.pool import open_pool
from storage.register import Hung


def supply(day: date, schedule: str = "TT16-2014", **more: Any) -> Supply:
    return Supply(day, "vn-business", one_rate=False, tou_schedule=schedule, **more)


def grid(*supplies: Supply) -> Register:
    point = Point("KH1-01", Role.CUSTOMER, "T01", customer="KH1", supplies=supplies)
    return Register(
        stations=(Station("T01", "Trạm 1"),),
        books=(ReadingBook("S01", "Sổ 1"),),
        customers=(Customer("KH1", "Lê Hoa", "Thôn 1", "S01"),),
        points=(point,),
    )


@pytest.mark.parametrize(
    ("schedule", "said"),
    [("TT99", "point KH1-01: no schedule is called 'TT99'"), ("QD963-2026", "no meter bills by it")],
)
def test_hours_that_nobody_knows_or_that_bill_nobody_are_not_registered(
    database: str, schedule: str, said: str
) -> None:
    with open_pool(database) as pool:
        with pytest.raises(PointRefused, match=said):
            importing.import_register(pool, grid(supply(date(2026, 1, 1), schedule)), bytes)
        assert importing.import_register(pool, grid(supply(date(2026, 1, 1))), bytes).added["points"] == 1


def place(*supplies: Supply) -> Hung:
    since = datetime(2026, 1, 1, tzinfo=LOCAL)
    return Hung(
        point="KH1-01", role=Role.CUSTOMER, station="T01", customer="KH1", book="", meter_id=1, serial="1",
        model="dk-3p", digits=None, since=since, until=None, first_index={}, last_index={},
        multipliers=(), supplies=supplies,
    )  # fmt: skip


def test_validation_goes_by_the_hours_that_the_meter_has_on_the_day() -> None:
    reset = date(2027, 3, 10)
    hours = hours_of(place(supply(date(2026, 6, 1)), supply(reset, "QD963-2026")))
    assert hours is not None
    rates = hours.day_rates
    half_past_nine = 19
    assert rates(date(2027, 3, 9))[half_past_nine] == Rate.PEAK
    assert rates(reset)[half_past_nine] == Rate.NORMAL
    assert rates(date(2025, 12, 31)) == rates(date(2026, 6, 10))  # a Wednesday before the first, and after
    assert hours_of(place(Supply(date(2026, 6, 1), "vn-household"))) is None


def test_the_registers_are_closed_on_the_day_of_the_reset() -> None:
    """Without indices of that day the bill is held, and says which; with them each stretch is a part."""
    march, reset = Period.of_month(2027, 3), date(2027, 3, 10)
    meter = place(supply(date(2026, 6, 1)), supply(reset, "QD963-2026"))
    three = (Rate.NORMAL, Rate.PEAK, Rate.OFFPEAK)
    kinds = {"dk-3p": models.kind("dk-3p")}
    assert kinds["dk-3p"] is not None

    def index(at: datetime, raw: int) -> dict[tuple[str, Rate, datetime], ClosingIndex]:
        channel = Channel.ACTIVE_IMPORT
        return {("1", rate, at): ClosingIndex("KH1-01", "1", channel, rate, at, raw, 0) for rate in three}

    ends = index(march.start, 1_000) | index(march.end, 9_000)
    with pytest.raises(Held) as held:
        pair([meter], march, ends, {}, kinds)
    assert held.value.kind == "no_reading_at_reset"
    assert "at 00:00 on 10/03/2027, when it was set to other hours" in held.value.sentence
    task, command = wording.hold_task(held.value.kind, "1", held.value.sentence, "vi")
    assert "10/03/2027" in task
    assert command == "ami meter index 1 BT=… CD=… TD=… --at 2027-03-10T00:00"
    found = pair([meter], march, ends | index(midnight(reset), 4_000), {}, kinds)
    assert [(part.register, part.previous, part.current) for part in found.parts] == [
        *((rate.code, 1, 4) for rate in three),
        *((rate.code, 4, 9) for rate in three),
    ]
    assert found.before is None
    plain = place(supply(date(2026, 6, 1)))
    assert len(pair([plain], march, ends, {}, kinds).parts) == 3
