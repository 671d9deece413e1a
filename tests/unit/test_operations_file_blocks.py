"""What a file's channel becomes in the store, and why it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.vee.methods import Method
from model.grid import Multiplier, Role
from model.quality import Quality
from model.series import Channel, Unit
from operations.file_blocks import Taken, blocks_of, channel_of, reads_of
from operations.formats.values import IndexPair, Intervals, Rejected
from operations.said_quality import status_of
from storage.register import Hung

AT = datetime(2026, 10, 1, tzinfo=UTC)


def hung(model: str = "dk-1p", multiplier: int = 1, *, meter_id: int = 7, **given: Any) -> Hung:
    fields: dict[str, Any] = {
        "point": "P1", "role": Role.CUSTOMER, "station": "T1", "customer": "K1", "book": "S1",
        "meter_id": meter_id, "serial": f"M{meter_id}", "model": model, "digits": None,
        "since": AT - timedelta(days=30), "until": None, "first_index": {}, "last_index": {},
        "multipliers": (Multiplier(AT - timedelta(days=30), Decimal(multiplier)),), "supplies": (),
    }  # fmt: skip
    return Hung(**(fields | given))


def channel(name: str = "E1", unit: str = "kWh", *values: str | None, step: int = 1800) -> Intervals:
    one = Intervals("NMI", name, unit, step, line=2)
    for slot, value in enumerate(values or ("1", "2")):
        one.add(int(AT.timestamp()) + slot * step, None if value is None else Decimal(value), "A")
    return one


def taken(one: Intervals, *places: Hung, secondary: bool = False) -> Taken:
    made = blocks_of(one, places or [hung()], obis="file:nem12", secondary=secondary)
    assert isinstance(made, Taken), made
    return made


def why(one: Intervals, *places: Hung) -> str:
    made = blocks_of(one, places or [hung()], obis="file:nem12", secondary=False)
    assert isinstance(made, Rejected)
    assert made.line == 2
    return made.why


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("E1", "KWH", Channel.ACTIVE_IMPORT),
        ("B2", "Wh", Channel.ACTIVE_EXPORT),
        ("Q1", "kVArh", Channel.REACTIVE_IMPORT),
        ("K1", "varh", Channel.REACTIVE_EXPORT),
        ("reactive_export", "Mvarh", Channel.REACTIVE_EXPORT),
    ],
)
def test_channels_are_known_by_suffix_and_by_name(name: str, unit: str, expected: Channel) -> None:
    assert channel_of(name) is expected
    [(meter_id, block)] = taken(channel(name, unit, "0.001", "2")).blocks
    factor = {"k": 1000, "M": 10**6}.get(unit[0].replace("K", "k"), 1)
    assert (meter_id, block.channel) == (7, expected)
    assert block.unit is (Unit.VAR_HOUR if unit.lower().endswith("varh") else Unit.WATT_HOUR)
    assert [raw * Decimal(10) ** block.scaler for raw in block.raw] == [Decimal("0.001") * factor, 2 * factor]


def test_what_cannot_be_kept_says_why() -> None:
    assert "no energy that is kept" in why(channel("V1", "V"))
    assert "does not fit channel E1" in why(channel("E1", "kvarh"))
    assert "unit (none) does not fit" in why(channel("E1", ""))
    assert "do not divide a day" in why(channel(step=82_800))
    assert "every value is missing" in why(channel("E1", "kWh", None, None))
    assert "hung nowhere in the time of its 2 values" in why(channel(), hung(since=AT + timedelta(days=1)))
    assert "cannot be divided by the multiplier 3" in why(channel("E1", "Wh", "1"), hung("dk-3p-ct", 3))
    assert "too large to keep" in why(channel("E1", "MWh", "99999999999999"))
    assert "more than 9 places behind a Wh" in why(channel("E1", "Wh", "0.0000000001"))


def test_energy_used_is_divided_by_what_hung_then() -> None:
    changed = (
        Multiplier(AT - timedelta(days=30), Decimal(40)),
        Multiplier(AT + timedelta(minutes=30), Decimal(20)),
    )
    place = hung("dk-3p-ct", multipliers=changed)
    made = taken(channel("E1", "kWh", "1", "1"), place)
    assert sorted(block.raw[0] for _, block in made.blocks) == [25, 50]
    [(_, block)] = taken(channel("E1", "kWh", "1", "1"), place, secondary=True).blocks
    assert block.raw == (1000, 1000)


def test_a_point_whose_meter_was_changed_fills_both() -> None:
    old, new = (
        hung(meter_id=1, until=AT + timedelta(minutes=30)),
        hung(meter_id=2, since=AT + timedelta(minutes=30)),
    )
    made = taken(channel(), old, new)
    assert [(meter_id, block.raw) for meter_id, block in made.blocks] == [(1, (1000,)), (2, (2000,))]
    assert made.meters == {(1, "M1"), (2, "M2")}
    assert made.of(2).blocks == made.blocks[1:]


def test_each_slot_bears_what_the_file_said_of_it() -> None:
    one = channel("E1", "kWh", "1", "2", "3", None)
    one.flag = ["A", "F17", "A suspect", "N"]
    [(_, block)] = taken(one).blocks
    assert block.status == (Quality.ACTUAL, status_of(Quality.LINEAR, Method.LINEAR), Quality.SUSPECT)


def pair(**given: Any) -> IndexPair:
    fields: dict[str, Any] = {
        "meter": "NMI", "channel": "11", "unit": "kWh", "start": AT, "end": AT + timedelta(days=30),
        "previous": Decimal("10.5"), "current": Decimal(20), "quantity": Decimal("9.5"), "flag": "A",
        "previous_flag": "A", "line": 2, "told": {"direction": "E"},
    }  # fmt: skip
    return IndexPair(**(fields | given))


def test_both_readings_of_a_pair_and_only_those_really_made() -> None:
    made = reads_of(pair(), [hung()])
    assert isinstance(made, Taken)
    assert [(read.at, read.raw) for _, read in made.reads] == [
        (AT, 10_500),
        (AT + timedelta(days=30), 20_000),
    ]
    half = reads_of(pair(previous_flag="S64"), [hung()])
    assert isinstance(half, Taken)
    assert [read.raw for _, read in half.reads] == [20_000]
    for given, said in (
        ({"flag": "E65", "previous_flag": "S64"}, "estimates do not close"),
        ({"unit": "m3"}, "unit m3 is no energy"),
        ({"previous": Decimal("0.00001")}, "is finer than the register"),
        ({"told": {"direction": "I"}, "unit": "kvarh"}, "has no such register"),
    ):
        refused = reads_of(pair(**given), [hung()])
        assert isinstance(refused, Rejected)
        assert said in refused.why
