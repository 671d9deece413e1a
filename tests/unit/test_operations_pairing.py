"""Which indices make a period: the cases that are held, and those that are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.billing import Reason
from model.bill import ClosingIndex
from model.grid import Multiplier, Role, Supply
from model.period import LOCAL, Period, midnight
from model.series import Channel, Rate, Unit
from operations import wording
from operations.close import choose
from operations.models import MeterKind
from operations.pairing import Held, Paired, pair
from operations.runs import counting
from storage.closing import Candidate
from storage.register import Hung

OCTOBER = Period.of_month(2026, 10)
LONG_AGO = datetime(2025, 1, 1, tzinfo=LOCAL)
MID = datetime(2026, 10, 14, 9, 30, tzinfo=LOCAL)
KIND = MeterKind(6, True, True, True, 1, {(Channel.ACTIVE_IMPORT, Rate.TOTAL): (0, Unit.WATT_HOUR)})
KINDS = {"m": KIND}
HOUSE = Hung(
    point="P",
    role=Role.CUSTOMER,
    station="T",
    customer="K",
    book="S",
    meter_id=1,
    serial="A",
    model="m",
    digits=None,
    since=LONG_AGO,
    until=None,
    first_index={},
    last_index={},
    multipliers=(Multiplier(LONG_AGO, Decimal(2)),),
    supplies=(Supply(LONG_AGO.date(), "vn-household"),),
)


def _index(serial: str, at: datetime, raw: int, rate: Rate = Rate.TOTAL, status: str = "") -> ClosingIndex:
    return ClosingIndex("P", serial, Channel.ACTIVE_IMPORT, rate, at, raw, 0, status)


def _pair(hung: list[Hung], *indices: ClosingIndex, carried: int = 0) -> Paired:
    known = {(index.serial, index.rate, index.at): index for index in indices}
    return pair(hung, OCTOBER, known, {Rate.TOTAL: Decimal(carried)} if carried else {}, KINDS)


def test_two_indices_make_a_part_with_the_multiplier_and_what_was_carried() -> None:
    paired = _pair([HOUSE], _index("A", OCTOBER.start, 1_500), _index("A", OCTOBER.end, 9_250), carried=-300)
    [part] = paired.parts
    assert (part.previous, part.current) == (Decimal("1.5"), Decimal("9.25"))
    assert (part.multiplier, part.carried_wh, part.digits) == (Decimal(2), Decimal(-300), 6)
    assert (paired.reason, paired.period) == (Reason.REGULAR, OCTOBER)


def test_a_change_of_multiplier_wants_an_index_and_cuts_there() -> None:
    changed = replace(HOUSE, multipliers=(*HOUSE.multipliers, Multiplier(MID, Decimal(3))))
    ends = (_index("A", OCTOBER.start, 1_000), _index("A", OCTOBER.end, 9_000))
    with pytest.raises(Held) as held:
        _pair([changed], *ends)
    assert held.value.kind == "multiplier_change"
    assert "14/10/2026" in held.value.sentence
    parts = _pair([changed], *ends, _index("A", MID, 4_000)).parts
    assert [(part.previous, part.current, part.multiplier) for part in parts] == [
        tuple(map(Decimal, row)) for row in ((1, 4, 2), (4, 9, 3))
    ]


def test_a_change_of_price_wants_an_index_of_who_is_not_interpolated() -> None:
    may, at = Period.of_month(2025, 5), datetime(2025, 5, 10, tzinfo=LOCAL)
    shop = replace(HOUSE, supplies=(Supply(LONG_AGO.date(), "vn-business", one_rate=True),))
    ends = [_index("A", may.start, 1_000), _index("A", may.end, 9_000)]

    def paired(hung: Hung, *indices: ClosingIndex) -> Paired:
        return pair([hung], may, {(one.serial, one.rate, one.at): one for one in indices}, {}, KINDS)

    with pytest.raises(Held) as held:
        paired(shop, *ends)
    assert held.value.kind == "no_reading_at_change"
    assert "at 00:00 on 10/05/2025, when the price changed" in held.value.sentence
    assert (
        "(`ami meter index A KT=… --at 2025-05-10T00:00`), then close and bill again" in held.value.sentence
    )
    told = wording.hold(held.value.kind, "A", held.value.sentence, "vi")
    assert "bằng `ami meter index A KT=… --at 2025-05-10T00:00`, rồi chốt" in told
    task, command = wording.hold_task(held.value.kind, "A", held.value.sentence, "vi")
    assert "10/05/2025" in task
    assert command == "ami meter index A KT=… --at 2025-05-10T00:00"

    found = paired(shop, *ends, _index("A", at, 3_000))
    assert [(part.previous, part.current) for part in found.parts] == [(1, 3), (3, 9)]
    assert found.before == 1
    made = counting.make([shop], found, may.end.date())
    assert [(line.kwh, line.price) for line in made.lines] == [(4, 3007), (12, 3152)]
    assert len(paired(HOUSE, *ends).parts) == 1


def test_a_new_supply_and_a_termination_have_shorter_periods() -> None:
    new = replace(HOUSE, since=MID)
    paired = _pair([new], _index("A", MID, 0), _index("A", OCTOBER.end, 5_000))
    assert (paired.reason, paired.period) == (Reason.NEW_SUPPLY, Period(MID, OCTOBER.end))
    gone = replace(HOUSE, until=MID)
    paired = _pair([gone], _index("A", OCTOBER.start, 0), _index("A", MID, 5_000))
    assert (paired.reason, paired.period) == (Reason.TERMINATION, Period(OCTOBER.start, MID))


@pytest.mark.parametrize("days", [0.5, 3])
def test_a_point_may_be_without_a_meter_for_a_day_at_most(days: float) -> None:
    again = MID + timedelta(days=days)
    hung = [replace(HOUSE, until=MID), replace(HOUSE, serial="B", since=again)]
    indices = (
        _index("A", OCTOBER.start, 0),
        _index("A", MID, 1_000, status="X"),
        _index("B", again, 0, status="X"),
        _index("B", OCTOBER.end, 2_000),
    )
    if days < 1:
        assert [(p.serial, p.removed) for p in _pair(hung, *indices).parts] == [("A", True), ("B", False)]
    else:
        with pytest.raises(Held, match="had no meter between A and B") as held:
            _pair(hung, *indices)
        assert held.value.kind == "unmetered_gap"


def test_a_plan_that_changes_or_is_missing_holds_the_bill() -> None:
    ends = (_index("A", OCTOBER.start, 0), _index("A", OCTOBER.end, 1_000))
    shop = Supply(date(2026, 10, 10), "vn-business")
    with pytest.raises(Held, match="changes from vn-household to vn-business on 10/10/2026"):
        _pair([replace(HOUSE, supplies=(*HOUSE.supplies, shop))], *ends)
    with pytest.raises(Held, match="has no tariff plan on 01/10/2026"):
        _pair([replace(HOUSE, supplies=(shop,))], *ends)
    more = replace(HOUSE.supplies[0], valid_from=date(2026, 10, 10), households=Decimal(2))
    assert _pair([replace(HOUSE, supplies=(*HOUSE.supplies, more))], *ends).supply.households == 1


def test_a_three_rate_supply_wants_its_three_registers() -> None:
    three = replace(HOUSE, supplies=(Supply(LONG_AGO.date(), "vn-business", one_rate=False),))
    ends = (_index("A", OCTOBER.start, 0), _index("A", OCTOBER.end, 1_000))
    with pytest.raises(Held, match="register BT"):
        _pair([three], *ends)


def test_the_mark_of_a_rollover_counts_only_where_the_index_fell() -> None:
    rose = _pair([HOUSE], _index("A", OCTOBER.start, 100), _index("A", OCTOBER.end, 900, status="Q"))
    assert rose.parts[0].status == ""
    fell = _pair([HOUSE], _index("A", OCTOBER.start, 900), _index("A", OCTOBER.end, 100, status="Q"))
    assert fell.parts[0].status == "Q"


def _candidate(source: str, minutes: int = 0, raw: int = 1) -> Candidate:
    at = midnight(date(2026, 10, 1)) + timedelta(minutes=minutes)
    return Candidate("P", 1, "A", Channel.ACTIVE_IMPORT, Rate.TOTAL, at, raw, 0, Unit.WATT_HOUR, 0, source)


def test_the_meters_own_snapshot_goes_before_all_else() -> None:
    offered = [
        _candidate("billing_profile", 0, 1),
        _candidate("load_profile", 0, 2),
        _candidate("manual", 0, 3),
        _candidate("poll", 0, 4),
    ]
    at = midnight(date(2026, 10, 1))
    for best in (1, 2, 3):
        found = choose(reversed(offered[best - 1 :]), at, has_snapshots=True)
        assert found is not None
        assert found.raw == best
    late = [_candidate("poll", 9, 7), _candidate("poll", -8, 8), _candidate("manual", 3, 9)]
    assert choose(late, at, has_snapshots=True) is None
    assert choose([_candidate("poll")], at, has_snapshots=True) is None, "its clock may not be ours"
    assert choose([_candidate("poll")], at, has_snapshots=False) == _candidate("poll")
    assert choose([_candidate("poll", 16)], at, has_snapshots=False) is None
    nearest = choose(late, at, has_snapshots=False)
    assert nearest is not None
    assert nearest.raw == 8


def test_a_multiplier_at_a_meter_of_primary_values_holds_the_bill() -> None:
    """Billed with 1 it would be half of what was used, if the meter is behind transformers after all."""
    ends = (_index("A", OCTOBER.start, 0), _index("A", OCTOBER.end, 1_000))
    known = {(index.serial, index.rate, index.at): index for index in ends}
    direct = {"m": replace(KIND, is_secondary=False)}
    with pytest.raises(Held, match="point has the multiplier 2, while its model m says") as held:
        pair([HOUSE], OCTOBER, known, {}, direct)
    assert held.value.kind == "multiplier"
    once = replace(HOUSE, multipliers=(*HOUSE.multipliers, Multiplier(OCTOBER.start, Decimal(1))))
    assert pair([once], OCTOBER, known, {}, direct).parts[0].multiplier == 1
    again = replace(once, multipliers=(*once.multipliers, Multiplier(MID, Decimal("20.0"))))
    with pytest.raises(Held, match="multiplier 20,"):
        pair([again], OCTOBER, known, {}, direct)
