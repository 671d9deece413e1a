"""The catalogue: every rule has cases that trip it and cases that must not; limits are data by class."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics.tariffs.plans import PLANS
from analytics.vee.rules import RULES, Counted, LimitsError, Seen, Use, check, limits, of_class, read
from analytics.vee.rules.limits import CLASSES, FILE
from model.period import Period, midnight
from model.quality import Quality, Severity
from model.series import Channel, Rate, Unit
from operations.customer_classes import CLASS_OF_PLAN
from tests.counting_meter import FIRST as BENCH_FIRST
from tests.counting_meter import Bench

FIRST = date(2026, 9, 1)
DAYS = 30
HOUR = timedelta(hours=1)
TOTAL_WH = 300 * 48 * DAYS


def month(*, first: date = FIRST, days: int = DAYS, wh: int = 300, **more: Any) -> Seen:
    """A month in which nothing is wrong."""
    energy = np.full((days, 48), wh, np.int32)
    return replace(Seen("M1", first, energy, np.full((days, 48), Quality.ACTUAL, np.uint8)), **more)


def with_slots(value: int, slots: slice | list[int], of: Seen | None = None, **more: Any) -> Seen:
    """The month with slots set."""
    seen = of or month()
    energy = seen.energy.copy()
    energy.reshape(-1)[slots] = value
    return replace(seen, energy=energy, **more)


def graded(quality: Quality, slots: slice | list[int]) -> Seen:
    seen = month()
    grade = seen.quality.copy()
    grade.reshape(-1)[slots] = quality
    energy = seen.energy.copy()
    if quality is Quality.MISSING:
        energy.reshape(-1)[slots] = 0
    return replace(seen, energy=energy, quality=grade)


def billed(kwh: float, before: float, *, days: int = 30, days_before: int = 30, **more: Any) -> Seen:
    return month(use=Use(kwh, days), before=[Use(before, days_before)], **more)


def outage(day: int, hours: float, start_hour: float = 0) -> Period:
    start = midnight(FIRST + timedelta(day)) + start_hour * HOUR
    return Period(start, start + hours * HOUR)


def registers(total: int = TOTAL_WH, **more: int) -> dict[Rate, Counted]:
    found = {Rate.TOTAL: Counted(total)}
    for name, wh in more.items():
        found[Rate[name.upper()]] = Counted(wh)
    return found


def index(previous: int, current: int, digits: int | None = 5) -> Seen:
    return month(registers={Rate.TOTAL: Counted(0, 1000, previous, current)}, digits=digits)


OFFSET = [(midnight(FIRST + timedelta(day)), 0.0) for day in range(3)]
BOTH = frozenset({Channel.ACTIVE_IMPORT, Channel.REACTIVE_IMPORT})
THREE = {"normal": TOTAL_WH // 2, "peak": TOTAL_WH // 4, "offpeak": TOTAL_WH // 4}
DARK_DAYS = [outage(day, 24) for day in range(4)]
HEARD = {Channel.ACTIVE_IMPORT: 30, Channel.REACTIVE_IMPORT: 30}

# rule → (what trips it, with the severity), (what must not)
CASES: dict[str, tuple[list[tuple[Seen, Severity]], list[Seen]]] = {
    "clock_drift": (
        [
            (month(clock_offsets_s=[(at, -60.0) for at, _ in OFFSET]), Severity.BLUE),
            (month(clock_offsets_s=[(at, 900.0) for at, _ in OFFSET]), Severity.AMBER),
        ],
        [
            month(clock_offsets_s=[(at, 59.0) for at, _ in OFFSET]),
            month(clock_offsets_s=[*OFFSET[:2], (OFFSET[2][0], 3000.0)]),  # one slow line is no drift
        ],
    ),
    "interval_size": (
        [(month(intervals_s=frozenset({1800, 3600})), Severity.AMBER)],
        [month(intervals_s=frozenset({1800, 900, 300}))],
    ),
    "gap": (
        [
            (graded(Quality.MISSING, slice(100, 105)), Severity.BLUE),
            (graded(Quality.LIKE_DAY, list(range(0, 1440, 40))), Severity.BLUE),
        ],
        [
            graded(Quality.MISSING, slice(100, 104)),
            replace(graded(Quality.MISSING, slice(96, 120)), outages=[outage(2, 12)]),
        ],
    ),
    "duplicate": (
        [(month(disputed=[midnight(FIRST) + HOUR]), Severity.BLUE)],
        [month(disputed=[])],
    ),
    "missing_channel": (
        [
            (month(channels=BOTH, channel_days=HEARD | {Channel.REACTIVE_IMPORT: 29}), Severity.AMBER),
            (month(channels=BOTH, channel_days={Channel.ACTIVE_IMPORT: 30}), Severity.AMBER),
        ],
        [month(channels=BOTH, channel_days=HEARD), month(channels=BOTH, channel_days={})],
    ),
    "unit": (
        [(month(units={Channel.ACTIVE_IMPORT: frozenset({Unit.VAR_HOUR})}), Severity.AMBER)],
        [
            month(
                units={
                    Channel.ACTIVE_IMPORT: frozenset({Unit.WATT_HOUR, Unit.WATT}),
                    Channel.REACTIVE_IMPORT: frozenset({Unit.VAR_HOUR}),
                }
            )
        ],
    ),
    "multiplier": (
        [(month(multiplier=Decimal(80), meter_multiplier=Decimal(60)), Severity.RED)],
        [
            month(multiplier=Decimal(80), meter_multiplier=Decimal(80)),
            month(multiplier=Decimal(80), meter_multiplier=None),
        ],
    ),
    "inactive_with_use": (
        [(month(supplied=False), Severity.RED)],
        [month(), month(supplied=False, wh=0), with_slots(999, [5], month(supplied=False, wh=0))],
    ),
    "active_without_use": (
        [(month(wh=0), Severity.BLUE)],
        [
            month(wh=0, supplied=False),
            month(wh=0, outages=DARK_DAYS),
            with_slots(1, [700], month(wh=0)),
            graded(Quality.MISSING, slice(None)),
        ],
    ),
    "negative": (
        [(index(5000, 4999), Severity.RED), (index(99_990, 10, digits=None), Severity.RED)],
        [index(4999, 4999), index(99_990, 10)],
    ),
    "rollover": (
        [(index(99_990, 10), Severity.INFO), (index(94_999, 5000), Severity.RED)],
        [index(5000, 4999), index(10, 20)],
    ),
    "dial_count": (
        [(index(99_990, 100_010), Severity.RED)],
        [index(99_990, 99_999), index(99_990, 100_010, digits=None)],
    ),
    "spike": (
        [(with_slots(5000, [700]), Severity.AMBER)],
        [
            with_slots(4999, [700]),  # under the floor
            with_slots(5000, [700, 702, 705]),  # as high as the third-highest
            with_slots(5000, [700], graded(Quality.MISSING, [700])),
            with_slots(5000, [700], month(customer_class="production")),
        ],
    ),
    "interval_jump": (
        [(with_slots(5001, [700]), Severity.AMBER)],
        [
            with_slots(5001, [700, 701]),  # two in a row are somebody cooking
            with_slots(4999, [700]),
            with_slots(5001, [700], graded(Quality.MISSING, [701])),
        ],
    ),
    "zero_use": (
        [
            (with_slots(0, slice(96, 96 + 144)), Severity.AMBER),
            (with_slots(0, slice(96, 100), month(customer_class="wholesale")), Severity.AMBER),
        ],
        [
            with_slots(0, slice(96, 96 + 143)),
            with_slots(0, slice(96, 96 + 150), outages=[outage(3, 12)]),
            with_slots(0, slice(96, 96 + 150), month(supplied=False)),
            graded(Quality.MISSING, slice(96, 96 + 300)),
        ],
    ),
    "sum_mismatch": (
        [(month(registers=registers(TOTAL_WH + 2000)), Severity.AMBER)],
        [
            month(registers=registers(TOTAL_WH + 1300)),
            replace(graded(Quality.MISSING, [9]), registers=registers(2 * TOTAL_WH)),
            month(),
        ],
    ),
    "tou_sum": (
        [(month(registers=registers(**THREE | {"peak": TOTAL_WH // 3})), Severity.RED)],
        [month(registers=registers(**THREE)), month(registers=registers(normal=5))],
    ),
    "prolonged_estimation": (
        [
            (graded(Quality.LIKE_DAY, slice(23 * 48, None)), Severity.AMBER),
            (month(estimated=True, estimated_before=1), Severity.AMBER),
        ],
        [
            graded(Quality.LIKE_DAY, slice(24 * 48, None)),
            month(estimated=True),
            month(estimated=False, estimated_before=3),
        ],
    ),
    "peak_change": (
        [(month(peak_w=4600, peak_before_w=3000), Severity.BLUE)],
        [
            month(peak_w=4500, peak_before_w=3000),
            month(peak_w=1900, peak_before_w=500),  # under the floor
            month(peak_w=4600, peak_before_w=None),
        ],
    ),
    "change_previous": (
        [
            (billed(131, 100), Severity.BLUE),
            (billed(69, 100), Severity.BLUE),
            (billed(150, 100), Severity.AMBER),
            (billed(200, 100), Severity.RED),
            (billed(100, 0), Severity.BLUE),
            (billed(30, 10), Severity.RED),
            (billed(120, 100, days=28, days_before=31), Severity.BLUE),  # 33 % a day
        ],
        [
            billed(130, 100),
            billed(70, 100),
            billed(29, 5),  # both below 30 kWh
            billed(99, 0),
            billed(130, 100, days=31, days_before=28),
            replace(billed(200, 100), first=date(2026, 5, 1), last_year=Use(190, 31)),
            month(use=Use(200, 30)),
        ],
    ),
    "excess_kwh": (
        [
            (billed(190, 100), Severity.BLUE),
            (billed(200, 100), Severity.AMBER),
            (billed(250, 100), Severity.RED),
        ],
        [billed(129, 100), billed(1200, 1000), billed(60, 40), billed(100, 200)],
    ),
    "customer_signs": (
        [(billed(1200, 400), Severity.RED)],
        [billed(1199, 400), billed(1197, 399)],
    ),
    "zero_after_use": (
        [(billed(0, 30), Severity.AMBER)],
        [billed(0, 29), billed(1, 300), month(use=Use(0, 30))],
    ),
}  # fmt: skip


def run(name: str, seen: Seen) -> list[Any]:
    return list(RULES[name](seen, of_class(seen.customer_class)[name]))


def test_every_rule_has_cases_both_ways_and_limits() -> None:
    assert set(CASES) == set(RULES) == set(limits()["household"])
    for name, (tripping, passing) in CASES.items():
        assert tripping, f"nothing trips {name}"
        assert passing, f"nothing passes {name}"


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_is_tripped(name: str) -> None:
    for number, (seen, severity) in enumerate(CASES[name][0]):
        found = run(name, seen)
        assert [(one.kind, one.severity) for one in found] == [(name, severity)], f"case {number}"
        assert found[0].serial == "M1"
        assert FIRST <= found[0].day < FIRST + timedelta(DAYS)
        assert all(isinstance(value, str | int | float | None) for value in found[0].detail.values())


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_is_not_tripped(name: str) -> None:
    assert run(name, month()) == []
    for number, seen in enumerate(CASES[name][1]):
        assert run(name, seen) == [], f"case {number}"


def test_a_month_in_which_nothing_is_wrong() -> None:
    seen = billed(432, 430, channels=BOTH, channel_days=HEARD, registers=registers(**THREE), digits=5)
    for customer_class in CLASSES:
        assert check(replace(seen, customer_class=customer_class)) == []


def test_rules_are_asked_in_the_order_of_the_catalogue() -> None:
    seen = with_slots(0, slice(0, 200), billed(900, 0))
    kinds = [finding.kind for finding in check(seen)]
    assert kinds == sorted(kinds, key=list(RULES).index)
    assert {"zero_use", "change_previous"} <= set(kinds)


def test_limits_differ_by_class() -> None:
    known = limits()
    assert set(known) == set(CLASSES)
    assert known["production"]["clock_drift"] == {"blue_s": 60, "amber_s": 300}
    for rule in ("spike", "excess_kwh", "peak_change"):
        assert known["household"][rule] != known["production"][rule]
    for name, rules in known.items():
        assert rules.keys() == known["household"].keys(), name


SHORT = "[default.spike]\nshare = 1.8\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[production.spike]\nshare = 2\n", "no table [default]"),
        (SHORT + "[factory.spike]\nshare = 2\n", "no customer class [factory]"),
        (SHORT + "[production.spikes]\nshare = 2\n", "[production.spikes] is no rule"),
        (SHORT + "[production.spike]\nlimit = 2\n", "no parameter limit"),
        (SHORT + '[production.spike]\nshare = "2"\n', "share must be a number"),
        ("[default.spike]\nshare = \n", "cannot be read"),
    ],
)
def test_a_file_of_limits_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LimitsError) as refused:
        read(file)
    assert said in refused.value.sentence
    assert FILE.exists()


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(LimitsError, match="no customer class 'farm'"):
        check(month(customer_class="farm"))


def test_a_utility_may_set_its_own_limits() -> None:
    own = {name: dict(limit) for name, limit in of_class("household").items()}
    own["change_previous"]["blue"] = 0.1
    assert [one.kind for one in check(billed(115, 100), own)] == ["change_previous"]


def test_rules_about_slots_speak_when_days_are_validated() -> None:
    bench = Bench(days=5)
    bench.true[100] = 9000
    found = bench.check([bench.block(range(240))], customer_class="household").findings
    (spiky,) = [one for one in found if one.kind == "spike"]
    assert (spiky.day, spiky.detail["wh"]) == (bench_day(2), 9000)
    assert bench.check([bench.block(range(240))]).findings == ()
    bench.true[60:230] = 0
    found = bench.check([bench.block(range(240))], customer_class="household").findings
    assert [(one.kind, one.day, one.detail["hours"]) for one in found] == [("zero_use", bench_day(4), 85)]


def bench_day(offset: int) -> date:
    return BENCH_FIRST + timedelta(offset)


def test_every_plan_has_a_class() -> None:
    assert set(CLASS_OF_PLAN) >= set(PLANS)
    assert set(CLASS_OF_PLAN.values()) == set(CLASSES)


def test_sums_are_doubted_by_the_limits_of_the_class() -> None:
    bench = Bench(days=1)
    reads = [bench.read(0), replace(bench.read(48), raw=bench.read(48).raw + 450)]
    blocks = [bench.block(range(48))]
    assert [one.kind for one in bench.check(blocks, reads).findings] == ["sum_mismatch"]
    assert bench.check(blocks, reads, customer_class="household").findings == ()
    reads[1] = replace(reads[1], raw=reads[1].raw + 100)
    (found,) = bench.check(blocks, reads, customer_class="household").findings
    assert found.kind == "sum_mismatch"
